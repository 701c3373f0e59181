/* record.h - one journalled fact, as a flat value: what the ledger decides and applies.
 *
 * Everything that is known is a fold over these. A case record carries the whole state of the case
 * as it is after the change, so that the fold is "the last one counts" and no rule is repeated in it.
 */
#pragma once

#include "alarm/alarm.h"

enum case_state {
    CASE_UNKNOWN,
    CASE_RAISED,
    CASE_OFFERED,
    CASE_ACCEPTED,
    CASE_ON_SITE,
    CASE_AT_CENTRE,
    CASE_CLOSED,
    CASE_STATE_COUNT
};

enum change {
    CHANGE_UNKNOWN,
    CHANGE_RAISED,
    CHANGE_REPEATED,
    CHANGE_UPDATED,
    CHANGE_OFFERED,
    CHANGE_DECLINED,
    CHANGE_ESCALATED,
    CHANGE_ACCEPTED,
    CHANGE_ON_SITE,
    CHANGE_HANDED_OVER,
    CHANGE_REOPENED,
    CHANGE_CENTRE_OFFERED,
    CHANGE_CENTRE_ACCEPTED,
    CHANGE_CENTRE_FAILED,
    CHANGE_RESTORED,
    CHANGE_CLOSED,
    CHANGE_COUNT
};

enum offer_stage {
    OFFER_UNKNOWN,
    OFFER_QUEUED,
    OFFER_SENT,
    OFFER_RECEIVED,
    OFFER_DISPLAYED,
    OFFER_SOUNDED,
    OFFER_ACCEPTED,
    OFFER_DECLINED,
    OFFER_SUPERSEDED,
    OFFER_EXPIRED,
    OFFER_STAGE_COUNT
};

enum handset_state {
    HANDSET_UNKNOWN,
    HANDSET_OFF,
    HANDSET_SILENT,
    HANDSET_DEGRADED,
    HANDSET_READY,
    HANDSET_STATE_COUNT
};

enum { OFFERS_MAX = 24, REASON_ROOM = 64, CENTRE_ROOM = 24 };

struct offer {
    char staff[STAFF_ROOM];
    enum offer_stage stage;
};

struct case_value {
    struct alarm_id id; /* of its first event */
    enum kind kind;
    enum class_ class_;
    enum form form;
    char unit[UNIT_ROOM];
    char place[PLACE_ROOM];
    char device[DEVICE_ROOM];
    char dialect[WORD_ROOM];
    char port[WORD_ROOM];
    char reference[REFERENCE_ROOM]; /* of the newest event */
    char text[TEXT_ROOM];
    enum case_state state;
    int64_t raised_ms;
    int64_t changed_ms;
    uint32_t count; /* presses */
    char plan[UNIT_ROOM];
    uint32_t step;
    int64_t deadline_ms; /* wall; 0: none */
    char owner[STAFF_ROOM];
    char centre[CENTRE_ROOM];
    uint32_t attempt;
    bool is_centre_accepted;
    bool is_restored;
    bool is_test;
    bool is_device_unknown;
    bool is_not_recorded;
    char reason[REASON_ROOM];
    char config[WORD_ROOM + 1];
    size_t offer_count;
    struct offer offers[OFFERS_MAX];
};

struct case_change {
    enum change change;
    int64_t at_ms;
    char by[CENTRE_ROOM]; /* staff, centre, or "" for the gateway itself */
    char reason[REASON_ROOM];
    struct case_value case_; /* as it is now */
};

struct receipt {
    struct alarm_id case_id;
    char staff[STAFF_ROOM];
    enum offer_stage stage;
    int64_t at_ms;
};

struct duty {
    char staff[STAFF_ROOM];
    char unit[UNIT_ROOM];
    bool is_on;
    int64_t at_ms;
};

struct handset {
    char staff[STAFF_ROOM];
    enum handset_state state;
    int64_t at_ms;
};

struct seen {
    char device[DEVICE_ROOM];
    char port[WORD_ROOM];
    char reference[REFERENCE_ROOM];
    int64_t at_ms;
    int64_t expected_ms;
    uint64_t sequence;
};

struct fault {
    char what[UNIT_ROOM];
    char about[REASON_ROOM];
    bool is_over;
    int64_t at_ms;
};

struct started {
    char config[WORD_ROOM + 1];
    char version[WORD_ROOM];
    char boot[WORD_ROOM + 1];
    int64_t at_ms;
};

struct answered {
    struct alarm_id event_id;
    char port[WORD_ROOM];
    bool is_positive;
    int64_t at_ms;
};

enum trial_state { TRIAL_UNKNOWN, TRIAL_ASKED, TRIAL_HEARD, TRIAL_FAILED, TRIAL_STATE_COUNT };

/* A test of one device that somebody has asked for, and what came of it. */
struct trial {
    char device[DEVICE_ROOM];
    enum trial_state state;
    char by[CENTRE_ROOM];
    int64_t at_ms;
    int64_t within_ms;
    int64_t after_ms;
};

enum record_type { /* the numbers of Record's oneof in journal.proto */
                   RECORD_NONE,
                   RECORD_EVENT,
                   RECORD_CASE,
                   RECORD_RECEIPT,
                   RECORD_DUTY,
                   RECORD_HANDSET,
                   RECORD_SEEN,
                   RECORD_FAULT,
                   RECORD_STARTED,
                   RECORD_ANSWERED,
                   RECORD_TRIAL,
                   RECORD_TYPE_COUNT
};

struct record {
    enum record_type type;
    uint64_t seq; /* number in the journal; 0 before it has one */
    union {
        struct alarm event;
        struct case_change case_;
        struct receipt receipt;
        struct duty duty;
        struct handset handset;
        struct seen seen;
        struct fault fault;
        struct started started;
        struct answered answered;
        struct trial trial;
    };
};

const char *record_type_word(enum record_type type);
const char *change_word(enum change change);
const char *case_state_word(enum case_state state);
const char *offer_stage_word(enum offer_stage stage);
const char *handset_state_word(enum handset_state state);
const char *trial_state_word(enum trial_state state);

static inline bool case_is_open(const struct case_value *c)
{
    return c->state != CASE_UNKNOWN && c->state != CASE_CLOSED;
}

/* The wall time that the record itself carries. */
int64_t record_at_ms(const struct record *record);
