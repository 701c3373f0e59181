/* load.h - one measured run: what is sent when, what came back when, and who sends and listens.
 *
 *   load.c           clock, schedule, result line
 *   load_device.c    SCAIP devices over UDP
 *   load_handheld.c  handhelds over websocket
 *   load_raw.c       publisher and subscriber, straight through the broker
 *
 * All in one thread on one epoll, so that both ends of a latency are read from one clock. Setting up may
 * block; once the run has begun nothing does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_BODY = 200, LOAD_UNSEEN = -1 };

struct load_settings {
    const char *web;       /* 127.0.0.1:8080 */
    const char *device;    /* where alarms go, 127.0.0.1:5060 */
    const char *state;     /* of the gateway: its key makes the log-ins */
    const char *passwords; /* raw: file with two lines, of raw-in and raw-out */
    int bus_port;
    size_t count;       /* alarms in this run */
    double rate;        /* a second; 0: closed loop */
    size_t window;      /* closed loop: so many without an answer */
    size_t devices;     /* configured */
    size_t first;       /* device of the first alarm */
    size_t carers;      /* on duty, one a unit */
    size_t idle;        /* logged in beside them, off duty */
    size_t reset_after; /* the device resets itself so many alarms later; 0: after the run */
    int gateway_pid;
    int broker_pid;
};

struct load {
    struct load_settings settings;
    int epoll;
    uint32_t run;         /* tells references of this run from all others */
    int64_t *intended_ns; /* by alarm */
    int64_t *seen_ns;     /* latency, LOAD_UNSEEN before */
    bool *is_answered;
    size_t sent;
    size_t seen;
    size_t answered; /* positively: it is in the journal */
    size_t refused;
    size_t strange; /* what came and was not understood; should be 0 */
};

/* What epoll hands back: the first member of whatever waits on a descriptor. */
struct load_watch {
    void (*on_readable)(struct load *load, struct load_watch *watch);
    int fd;
};

int64_t load_now_ns(void);
void load_watch(struct load *load, struct load_watch *watch);
/* The alarm with this number was seen, or answered, now. */
void load_seen(struct load *load, size_t index);
void load_answered(struct load *load, size_t index, bool is_positive);
/* A sentence on stderr, and the end. */
_Noreturn void load_fail(const char *sentence, const char *about);
/* A connected TCP socket or a bound and connected UDP socket, or load_fail. */
int load_connect(const char *address, bool is_udp);

void device_open(struct load *load);
void device_alarm(struct load *load, size_t index);
void device_reset(struct load *load, size_t index);

void handhelds_open(struct load *load);
void handhelds_beat(struct load *load); /* their sign of life */

void raw_open(struct load *load);
void raw_alarm(struct load *load, size_t index);
void raw_misc(void);
