/* judge.h - (observations, terms) -> judgement: what a requirement's metric means, in code.
 *
 * A judge is a pure function: the same observations give the same judgement live, on a recording
 * and on last month's journal. One metric, one file judge_<metric>.c, one line in judges.def. A
 * judge knows neither vendor nor obligation nor score; those live in the plan and the report.
 *
 * `struct verdict` of base/err.h is what a parser says about bytes; the verdict about a vendor is
 * `enum ruling` here (utslag), inside a `struct judgement` (bedömning).
 *
 * Rules that hold for all (facts/procurement.md 4.4 in the project's notes):
 *   - Worst wins: FAIL > ERROR > INCONCLUSIVE > NOT_RUN > PASS. A missing test is never a PASS.
 *   - A definite breach is a FAIL however few samples there are; a PASS needs all of them.
 *   - When the limit lies inside value ± uncertainty the ruling is INCONCLUSIVE, never a coin toss.
 *   - What our own gateway broke (fault or restart in the run) is ERROR, never the vendor's FAIL.
 */
#pragma once

#include "evaluation/observation.h"
#include "evaluation/requirement.h"

enum ruling {
    RULING_NOT_RUN,
    RULING_PASS,
    RULING_FAIL,
    RULING_INCONCLUSIVE,
    RULING_ERROR,
    RULING_NOT_APPLICABLE,
    RULING_COUNT
};

enum doubt { /* why INCONCLUSIVE; a closed list */
             DOUBT_NONE,
             DOUBT_PRECONDITION_UNMET,
             DOUBT_INSUFFICIENT_SAMPLES,
             DOUBT_OPERATOR_UNCONFIRMED,
             DOUBT_INSTRUMENT_FAULT,
             DOUBT_TIMEBASE_UNCERTAIN,
             DOUBT_ENVIRONMENT_DISTURBED,
             DOUBT_STOPPED_BY_TESTER,
             DOUBT_COUNT
};

const char *ruling_word(enum ruling ruling); /* "PASS" */
const char *doubt_word(enum doubt doubt);    /* "INSUFFICIENT_SAMPLES"; "" for none */
/* The worse of two; NOT_APPLICABLE gives way to anything else. */
enum ruling ruling_worse(enum ruling a, enum ruling b);

enum {
    PARAMETERS_MAX = 6,
    CHECKS_MAX = 4,
    DECIDING_MAX = 24,
    SENTENCE_ROOM = 400,
    TRIALS_MAX = 4096 /* presses or cuts that one run may hold */
};

/* What a plan fixes for one requirement beside samples and threshold. All must be written out in the
 * plan: a figure that is procured never hides in code. */
struct parameter {
    const char *name; /* NULL ends the table */
    int64_t min_milli;
    int64_t max_milli;
};

struct terms {
    enum operator_ operator_;
    int64_t threshold_milli;
    uint64_t samples;
    int64_t values[PARAMETERS_MAX]; /* thousandths, in the order of the judge's table */
};

/* One attempt at one requirement: the last RUN_BEGIN with its id and what follows until RUN_END. */
struct run {
    const struct observation *all;
    size_t first; /* index of RUN_BEGIN */
    size_t end;   /* one past the last */
    bool is_begun;
    bool is_ended;
    unsigned attempts;     /* RUN_BEGINs of this requirement */
    bool is_disturbed;     /* our own gateway had a fault or was started anew */
    size_t disturbance;    /* index */
    int64_t clock_step_ms; /* how much the wall clock moved against the monotonic one */
};

/* One condition of a criterion. checks[0] of a judgement is the requirement's own metric. */
struct check {
    const char *name[LANGUAGES];
    const char *unit; /* "s", "count" */
    enum operator_ operator_;
    bool is_measured;
    int64_t value_milli;
    int64_t uncertainty_milli;
    int64_t limit_milli;
    enum ruling ruling;
};

struct judgement {
    enum ruling ruling;
    enum doubt doubt;
    uint64_t n;       /* samples that count */
    uint64_t samples; /* asked for by the plan */
    struct check checks[CHECKS_MAX];
    size_t check_count;
    size_t deciding[DECIDING_MAX]; /* indices into the run's observations, in order */
    size_t deciding_count;
    char expected[LANGUAGES][SENTENCE_ROOM];
    char seen[LANGUAGES][SENTENCE_ROOM];
};

struct judge {
    const char *metric;
    const struct parameter *parameters;
    void (*judge)(const struct run *run, const struct terms *terms, struct judgement *ret);
};

/* NULL when no judge measures this metric. */
const struct judge *judge_find(struct slice metric);
const struct judge *judge_at(size_t index); /* in the order of judges.def; NULL past the end */

/* Picks the run of this requirement out of the evidence. */
struct run run_of(const struct observation *all, size_t count, struct slice requirement_id);

/* ---- What the judges share ---- */

/* value ± uncertainty against the limit. */
enum ruling check_rule(enum operator_ o, int64_t value, int64_t uncertainty, int64_t limit);
/* How far inside the limit (negative: outside); for "=" minus the difference. */
int64_t check_distance(const struct check *check);
/* Adds a check and rules on it. */
struct check *judgement_check(struct judgement *j, const struct check *check);
/* Names an observation as deciding; the first DECIDING_MAX are kept, none twice. */
void judgement_decides(struct judgement *j, size_t index);
/* Rules on the whole from checks, n, and the run. `is_timed`: the checks rest on durations. */
void judgement_settle(struct judgement *j, const struct run *run, bool is_timed);

/* Nothing was done: no stimulus of this requirement stands in the evidence. */
void judgement_not_run(struct judgement *j);
/* A count that must be none. */
struct check check_count(const char *sv, const char *en, size_t value);
/* Append to a sentence; what does not fit is dropped. */
void judge_say(char (*sentence)[SENTENCE_ROOM], const char *text);
void judge_say_number(char (*sentence)[SENTENCE_ROOM], uint64_t number, const char *after);
void judge_say_milli(char (*sentence)[SENTENCE_ROOM], int64_t milli, enum language language,
                     const char *after);

/* Nearest rank: the smallest value of which at least `percent` % are not larger. Rank is
 * ceil(percent/100 * n); for n = 100 the 95th percentile is the 95th value. `sorted` ascending. */
int64_t judge_percentile(const int64_t *sorted, size_t count, unsigned percent);
size_t judge_percentile_rank(size_t count, unsigned percent); /* from 1; 0 for no values */
void judge_sort_ms(int64_t *values, size_t count);

/* How long observation `from` had until `to` (an index up to run->end). False: the run was stopped
 * before its end, so nobody knows what would have come. */
bool run_window_ms(const struct run *run, size_t from, size_t to, int64_t *ret_ms) MUST_USE;

/* Index of the next stimulus `what` of this device after `from`, or run->end. */
size_t run_next(const struct run *run, size_t from, enum observed what, const char *device);
