/* dc09_alarm.h - what a DC-09 frame says, as alarms. Called by dc09.c alone; knows nothing of answers. */
#pragma once

#include "adapters/adapter.h"
#include "adapters/dc09_codes.h"
#include "wire/dc09.h"

enum {
    DC09_NEWS_MAX = 12, /* each may have a remark, and all must fit into the outbox */
    DC09_REMEMBERED_MAX = 64,
    DC09_REPEAT_S = 300
};

/* One event of a frame, whichever of the two texts it came in. */
struct dc09_news {
    const char *code;
    const struct code_meaning *meaning;
    enum phase phase; /* PHASE_UNKNOWN: as the meaning says */
    const char *zone;
    struct slice text;
};

struct dc09_telling {
    struct dc09_news news[DC09_NEWS_MAX];
    size_t count;
    struct slice unread; /* what nobody understands: behind the events, or instead of them */
    bool has_more;       /* more events than we take from one frame */
    bool is_unverified;
    bool is_clock_suspect;
    struct dc09_contact contact; /* the news point into these */
    struct dc09_event sia[DC09_NEWS_MAX];
};

/* When an alarm was heard first, so that its repetition gets the same reference. The journal remembers the
 * newest of each listed device, whatever happens to us; the session's memory helps with the others. */
struct dc09_memory {
    struct {
        uint64_t what;
        int64_t heard_s; /* our wall clock; 0: free */
    } kept[DC09_REMEMBERED_MAX];
    size_t next;
};

/* The account as devices.csv has it: upper case, "0" for none. False: characters that no account has,
 * which are then written as underlines. Without an account in front, that of the text counts. */
bool dc09_account(const struct dc09_frame *frame, char ret_account[DC09_ACCOUNT_ROOM]);

/* What receivers say (4.3); answering it could go on for ever between two of them. */
bool dc09_is_answer(const struct dc09_frame *frame);

/* Reads the text. ERR_OK: there is at least one event. ERR_UNSUPPORTED: another token; ERR_SYNTAX: another
 * text. In both `unread` is what may yet be an alarm, empty for frames that say nothing.
 * What is written points into the frame and into itself: never copy it. */
enum err dc09_read(const struct dc09_frame *frame, struct dc09_telling *ret_telling) MUST_USE;
/* One unknown alarm in place of a text that cannot be read; `code` is a literal. */
void dc09_tell_unknown(struct dc09_telling *telling, const char *code);

/* Puts news `i` into the outbox; false: no room. */
bool dc09_tell(struct dc09_memory *memory, const struct adapter_input *in,
               const struct dc09_frame *frame, const struct dc09_telling *telling, size_t i,
               uint32_t tag, struct now now, struct outbox *out);
