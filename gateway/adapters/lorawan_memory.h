/* lorawan_memory.h - what a port remembers of its devices: the last frames, and the states it has told.
 *
 * Called by adapters/lorawan*.c. All of it may be lost at any time (a restart does): then something is
 * told once more than needed, never once less.
 */
#pragma once

#include "base/clock.h"
#include "wire/lora.h"
#include "wire/lora_uplink.h"

/* Ceilings: rows of places, a device stands in the row that its key gives. Where a row is full, the one that
 * was silent longest is forgotten; 5,000 devices hardly ever meet so. Memory is touched as it is used. */
enum { LORAWAN_ROWS = 1024, LORAWAN_PLACES = 16, LORAWAN_FRAMES_MAX = 4 };

/* The same session, counter and bytes are the same frame again when the network's times lie so close (a
 * second gateway, the broker once more), however late it is delivered; or when the counter has not gone
 * on since and so little time has passed (a confirmed uplink that the device repeats). Otherwise it is a
 * counter that began again, and what it says is new. */
enum { LORAWAN_CLOSE_MS = 10 * 1000, LORAWAN_SAME_MS = 30 * 1000 };

struct lorawan_frame {
    bool is_used;
    uint32_t f_cnt;
    uint64_t content;    /* a number made of session, port and payload */
    int64_t received_ms; /* wall, the network's; 0: none */
    int64_t mono_ms;
};

struct lorawan_device {
    uint64_t key;     /* a number made of the device's key; 0: free */
    int64_t heard_ms; /* mono */
    uint64_t session; /* a number made of the device's address */
    bool has_f_cnt;
    bool tells_battery; /* in its own bytes: the network's word does not count */
    uint32_t f_cnt;
    uint32_t is_known; /* a bit per enum lora_what: the two below are true */
    uint32_t is_raised;
    uint32_t is_by_event;               /* raised by an event: a state does not end it */
    int64_t raised_ms[LORA_WHAT_COUNT]; /* mono */
    struct lorawan_frame frames[LORAWAN_FRAMES_MAX];
    size_t next_frame;
};

struct lorawan_memory {
    struct lorawan_device rows[LORAWAN_ROWS][LORAWAN_PLACES];
};

enum lorawan_frame_is {
    LORAWAN_NEXT,     /* the counter goes on without a gap */
    LORAWAN_GAP,      /* frames between were lost, or this is the first that we hear */
    LORAWAN_SAME,     /* this very frame was here */
    LORAWAN_REPEATED, /* the counter stands still, though it is another frame */
    LORAWAN_BACK      /* the counter went back, and there was no join */
};

struct lorawan_device *lorawan_device(struct lorawan_memory *memory, struct slice key,
                                      struct now now);
/* Puts the frame into the memory and says how it follows the last. All but NEXT and SAME make what is
 * known of a person's state unknown: its end may have been in a frame that was lost. */
enum lorawan_frame_is lorawan_follow(struct lorawan_device *device,
                                     const struct lora_uplink *uplink, struct now now);
/* A join: the counter begins again. */
void lorawan_new_session(struct lorawan_device *device);
/* Everything, so that the next frame is told whatever was told before. */
void lorawan_forget(struct lorawan_memory *memory, struct slice key);

/* Shall this be told? True once per change, and again when `again_ms` have passed in the same state;
 * always for an event. `tells_back`: an end of which the beginning is not known is told too. */
bool lorawan_is_news(struct lorawan_device *device, const struct lora_reading *reading,
                     bool is_raised, bool tells_back, int64_t again_ms, struct now now);
