/* fold.h - the inside of the ledger: what it keeps, and how it is found. Only core includes it.
 *
 * Everything here follows from the records alone, except what is on the monotonic clock: that is
 * worked out again from wall time in every life, so that a step of the wall clock moves no deadline.
 */
#pragma once

#include "core/heap.h"
#include "core/idring.h"
#include "core/ledger.h"

enum {
    OWNER_SILENT_MS = 60000,    /* an owner on the way whose handset is silent: offered again */
    HAND_OVER_MS = 30000,       /* a hand-over that is not answered ends; the owner still has it */
    CENTRE_GAP_MAX_MS = 120000, /* a centre that does not answer is asked at least this often */
    NOBODY_RETRY_MS = 30000,    /* a plan without a way out (never loaded by conf) begins again */
    SITE_WINDOW_MS = 900000,    /* silences of a unit within this of each other are one case */
    CASE_ID_REF = 8,            /* bytes of a case's id that name it in a reference */
    SEEN_EVERY_MS = 3600000,    /* of a device that lives one heartbeat an hour is journalled */
    START_GRACE_MS = 60000,  /* however long a device has been unheard: it may just be dialling */
    TEST_MINUTE_MS = 60000,  /* so many test alarms are journalled in a minute ... */
    TESTS_MAX = 12,          /* ... of one device */
    STRANGER_TESTS_MAX = 60, /* ... of all unknown ones together */
    STEP_MIN_MS = 1000
};

/* What the fold remembers of the changes of a case beside its last value. */
struct marks {
    int64_t pressed_ms;    /* the last press */
    int64_t step_began_ms; /* the step that runs */
    int64_t handed_ms;     /* the last hand-over */
    int64_t joined_ms;     /* the newest silence of a list */
    bool is_centre_asked;  /* a centre was asked and has not answered */
};
void marks_update(struct marks *marks, const struct case_change *change);

struct slot {
    struct case_value c;
    struct marks marks;
    uint32_t id_next;   /* slot + 1, also of the free list */
    uint32_t line_next; /* slot + 1 */
    uint32_t open_at;
    int64_t deadline_mono_ms;
    int64_t handed_mono_ms; /* when the hand-over ends */
};

struct carer {
    struct staff_value value;
    uint16_t unit; /* where they serve, as index */
    uint32_t next; /* staff + 1: on duty in the same unit */
    uint32_t prev;
    uint32_t owned;         /* open cases */
    int64_t silent_mono_ms; /* when the patience with a silent handset ends */
};

/* How many tests a minute: journalled ones, counted from the first. */
struct tests {
    int64_t since_ms;
    uint32_t count;
};
uint32_t tests_in_minute(const struct tests *tests, int64_t wall_ms);

struct life {
    int64_t heard_mono_ms;
    bool is_heard;   /* in this life of ours */
    int64_t seen_ms; /* last journalled heartbeat, wall */
    int64_t sign_ms; /* last journalled sign of life, be it heartbeat or alarm, wall; 0: never */
    int64_t listened_ms; /* how long we had listened then */
    int64_t silent_ms;   /* wall time of the last sign before the silence, names it in records */
    int64_t promised_ms; /* the device itself has said that it is heard so often; 0: it has not */
    uint64_t sequence;   /* the highest that an event or a journalled heartbeat carried */
    uint8_t silent_case[CASE_ID_REF]; /* while it is silent: the case that tells of it */
    bool is_silent;
    struct trial trial; /* the last one */
    struct tests tests;
};

enum { FAULTS_MAX = 16 };

struct ledger {
    const struct directory *directory;
    struct ledger_limits limits;
    uint64_t seq;
    struct plan reserve; /* for a case whose plan the configuration does not know (any more) */
    struct slot *slots;
    uint32_t free_head; /* slot + 1 */
    uint32_t *open;     /* dense list of slots */
    size_t open_count;
    size_t nested_count; /* open cases with '/' in their device */
    uint32_t *id_heads;
    uint32_t *line_heads;
    size_t head_count;
    struct heap due;
    struct idring ids;
    struct case_value *recent;
    uint64_t closed_count;
    struct carer *carers;
    const struct carer *other; /* a decision about a carer looks through it: as they will be */
    size_t other_at;           /* SIZE_MAX: nobody */
    uint32_t *unit_heads;      /* carer + 1, on duty; the last one is for no unit */
    struct life *lives;
    struct heap watch;  /* supervised devices that are not silent, once a life has begun */
    struct heap trials; /* devices whose test is asked for, by the time at which it fails */
    bool is_watching;
    int64_t
        listened_ms;   /* how long all lives together have listened, as far as the journal shows */
    int64_t record_ms; /* of the last record, wall */
    struct tests strangers;
    struct fault faults[FAULTS_MAX];
    size_t fault_count;
};

/* fold_life.c */
void fold_event(struct ledger *ledger, const struct alarm *event, struct now now);
void fold_seen(struct ledger *ledger, const struct seen *seen, struct now now);
void fold_trial(struct ledger *ledger, const struct trial *trial, struct now now);
void fold_started(struct ledger *ledger, struct now now);
void fold_listened(struct ledger *ledger, const struct record *record);

static inline int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Wall time on the monotonic clock, not in the past and at most so far ahead. */
static inline int64_t mono_of(int64_t wall_ms, int64_t most_ms, struct now now)
{
    int64_t ahead = wall_ms - now.wall_ms;
    return now.mono_ms + (ahead < 0 ? 0 : ahead > most_ms ? most_ms : ahead);
}

const struct slot *fold_case(const struct ledger *ledger, const struct alarm_id *id);
/* By the first 8 bytes of the id. */
const struct slot *fold_case_ref(const struct ledger *ledger, const uint8_t ref[8]);
/* The open case of this alarm's line: the device, and whether it is about a person or the technology;
 * every technical kind is a line of its own, and what we say of a device ourselves another than what is
 * said by the device or its whole. Two persons never share one. */
const struct slot *fold_line(const struct ledger *ledger, const struct alarm *alarm);
/* An open case of this kind about this device, whoever said so; NULL: none. */
const struct slot *fold_fault(const struct ledger *ledger, const char *device, enum kind kind);
/* Does the gateway itself say so? */
bool fold_is_ours(const char *dialect);
/* Index into directory->devices, or SIZE_MAX. */
size_t fold_device(const struct ledger *ledger, const struct alarm *alarm);
/* Index into directory->staff, or SIZE_MAX. */
size_t fold_staff(const struct ledger *ledger, const char *id);
const struct carer *fold_carer(const struct ledger *ledger, const char *id);

/* How this carer is, or in a decision about them will be. */
static inline const struct carer *carer_at(const struct ledger *ledger, size_t staff)
{
    return staff == ledger->other_at ? ledger->other : &ledger->carers[staff];
}

/* On duty, and the handset is measured to be awake. */
bool carer_is_reachable(const struct carer *carer);
/* Within a handset state, is somebody there? */
bool handset_is_awake(enum handset_state state);
bool stage_is_open(enum offer_stage stage);

const struct plan *fold_plan(const struct ledger *ledger, const struct case_value *c);
/* How often a centre is asked: attempts from 1. */
int64_t centre_wait_ms(const struct centre *centre, uint32_t attempt);
/* NULL when the step is not a centre of this configuration. */
const struct centre *step_centre(const struct ledger *ledger, const struct step *step);
/* Every address of the centre was tried once in vain: everybody who is there is told. */
bool case_is_for_all(const struct ledger *ledger, const struct case_value *c);
/* Does the step name this person for this case, whether reachable or not? */
bool step_names(const struct ledger *ledger, const struct step *step, const struct case_value *c,
                size_t staff);
/* Everybody on duty whom the step names; stops when `each` says false. */
void step_each(const struct ledger *ledger, const struct step *step, const struct case_value *c,
               bool (*each)(void *context, size_t staff), void *context);
/* Is one of the units above or equal to the other? */
bool fold_related(const struct ledger *ledger, uint16_t a, uint16_t b);
/* The longest silence that is none; 0: the device is not supervised. What is configured counts before
 * what the device has promised. */
int64_t supervision_limit_ms(const struct device *device, const struct life *life);
/* "silent@1700000000000", and behind a blank the case that it joined. */
void silence_reference(int64_t silent_ms, const uint8_t *joined, struct buf *out);
