/* ledger.h - all open cases, who is on duty, which devices live: a fold over journal records.
 *
 * ledger_apply changes state and says nothing; ledger_decide changes nothing and answers with records.
 * Live: decide -> journal -> apply, at once, so that the next input of the same turn sees it.
 * Recovery: apply, apply, apply. Everything that is done to the world follows from the records, after
 * they are on disk. Pure: no heap (all memory is the arena's), no clock, no I/O.
 */
#pragma once

#include "core/directory.h"

struct ledger;

struct ledger_limits {
    size_t cases;  /* open at once */
    size_t ids;    /* event ids remembered for recognising repetitions */
    size_t recent; /* closed cases kept for the pages */
};

/* Bytes of arena that these limits and this directory take. */
size_t ledger_size(const struct directory *directory, const struct ledger_limits *limits);
/* The ledger lives in the arena and borrows the directory. */
enum err ledger_init(struct arena *arena, const struct directory *directory,
                     const struct ledger_limits *limits, struct ledger **ret_ledger) MUST_USE;

enum input_type {
    INPUT_ALARM,     /* .alarm, resolved by directory_resolve */
    INPUT_ALIVE,     /* .alarm: device, port, reference of a heartbeat */
    INPUT_DUTY,      /* .staff .unit .is_on */
    INPUT_HANDSET,   /* .staff .handset: measured by the hands; only changes are journalled */
    INPUT_RECEIPT,   /* .staff .case_id .stage */
    INPUT_ACCEPT,    /* .staff .case_id */
    INPUT_DECLINE,   /* .staff .case_id .reason */
    INPUT_ON_SITE,   /* .staff .case_id */
    INPUT_HAND_OVER, /* .staff .case_id .to */
    INPUT_CLOSE,     /* .staff (or, when it is empty, .centre that has it) .case_id .reason */
    INPUT_ASSIST,    /* .staff: the carer's own alarm; becomes an event */
    INPUT_CENTRE,    /* .centre .case_ref .result (OK accepted, else .reason why) */
    INPUT_ANSWERED, /* .alarm .is_on: the answer left for a device under evaluation; evidence only */
    INPUT_FAULT,    /* .reason what, .to about, .is_on: began, else over */
    INPUT_TRIAL, /* .reason device .staff who asks .within_ms: a test of the device is asked for */
    INPUT_STARTED, /* .reason boot id, .to version: first input of a life; re-arms what was running */
    INPUT_TICK     /* the time of ledger_next_wake has come; call again while reply.is_more */
};

struct input {
    enum input_type type;
    struct alarm *alarm;
    struct alarm_id case_id;
    char staff[STAFF_ROOM];
    char unit[UNIT_ROOM];
    char to[REASON_ROOM];
    char centre[CENTRE_ROOM];
    char reason[REASON_ROOM];
    uint8_t case_ref[8];
    enum offer_stage stage;
    enum handset_state handset;
    enum err result;
    int64_t within_ms;
    bool is_on;
};

enum { DECISION_MAX = 64 };

struct reply {
    enum err err;     /* OK, DUPLICATE (harmless), STATE (lost race, wrong order), NOT_FOUND ... */
    const char *word; /* stable: "taken", "closed", "not_yours", "unknown_case", "" */
    char winner[STAFF_ROOM];
    struct alarm_id case_id; /* the case concerned */
    bool is_more;            /* TICK: call again at once */
};

struct decision {
    struct record records[DECISION_MAX];
    size_t count;
    struct reply reply;
};

/* `ret` is the caller's (it is large: keep one). Event raw slices in the records borrow from input. */
void ledger_decide(const struct ledger *ledger, const struct input *input, struct now now,
                   struct decision *ret);

/* Journalled facts, in order. `seq` of the record must be set. `now` is the real time in both lives
 * (in recovery: the time of the recovery): from it the deadlines get their place on the monotonic
 * clock. After the last record of a recovery give INPUT_STARTED, then TICK. */
void ledger_apply(struct ledger *ledger, const struct record *record, struct now now);

/* A heartbeat was heard of this device: volatile, on the monotonic clock. To be called for every
 * INPUT_ALIVE, also when its decision holds no record; applied events count as heard by themselves. */
void ledger_heard(struct ledger *ledger, const char *device_id, struct now now);

/* Wall time of the next deadline (case steps) or supervision limit; INT64_MAX when there is none. */
int64_t ledger_next_wake(const struct ledger *ledger, struct now now);

/* Reading. Pointers live until the next ledger_apply. */
const struct case_value *ledger_case(const struct ledger *ledger, const struct alarm_id *id);
/* Open cases in no special order; stops when `each` says false. */
void ledger_each_open(const struct ledger *ledger,
                      bool (*each)(void *context, const struct case_value *c), void *context);
/* The i-th last closed, 0 is the newest; NULL past the end. */
const struct case_value *ledger_recent(const struct ledger *ledger, size_t i);
size_t ledger_open_count(const struct ledger *ledger);
uint64_t ledger_seq(const struct ledger *ledger);

struct staff_value {
    bool is_on_duty;
    char unit[UNIT_ROOM]; /* where they serve now */
    enum handset_state handset;
};
/* By index into directory->staff. */
const struct staff_value *ledger_staff(const struct ledger *ledger, size_t index);

/* Does this case concern this person: offered to, owned by, or in the unit they serve (or below)? */
bool ledger_concerns(const struct ledger *ledger, const struct case_value *c, const char *staff);

/* The step that runs, or NULL. */
const struct step *ledger_step(const struct ledger *ledger, const struct case_value *c);

/* What is known of a device, by its index in the directory; the pointers live until the next
 * ledger_apply. */
struct device_life {
    bool is_silent;
    int64_t
        heard_ms; /* wall time of its last sign of life; of an earlier life the journal's; 0: none */
    int64_t
        within_ms; /* it is to be heard within this, as configured or promised; 0: unsupervised */
    const struct trial *trial; /* the last test; its state is TRIAL_UNKNOWN when there was none */
};
struct device_life ledger_device(const struct ledger *ledger, size_t index, struct now now);

/* The highest sequence that a journalled event or heartbeat of this device carried; 0: none, or no such device. */
uint64_t ledger_sequence(const struct ledger *ledger, const char *device_id);

/* Faults that have begun and are not over, at most 16; they live until the next ledger_apply. */
size_t ledger_faults(const struct ledger *ledger, const struct fault **ret);

/* A fingerprint of the whole state, to prove that the fold of the journal equals the live state. */
uint64_t ledger_fingerprint(const struct ledger *ledger);
