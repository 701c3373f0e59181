/* judge.c - the registry, and what all judges share: runs, rulings, percentiles. Pure. */
#include "evaluation/judge.h"

#include <string.h>

#define JUDGE(metric) extern const struct judge judge_##metric;
#include "evaluation/judges.def"
#undef JUDGE

static const struct judge *const registry[] = {
#define JUDGE(metric) &judge_##metric,
#include "evaluation/judges.def"
#undef JUDGE
};

const struct judge *judge_at(size_t index)
{
    return index < sizeof registry / sizeof registry[0] ? registry[index] : NULL;
}

const struct judge *judge_find(struct slice metric)
{
    for (size_t i = 0; judge_at(i) != NULL; i++) {
        if (slice_eq_str(metric, registry[i]->metric)) {
            return registry[i];
        }
    }
    return NULL;
}

const char *ruling_word(enum ruling ruling)
{
    static const char *const words[RULING_COUNT] = {"NOT_RUN",      "PASS",  "FAIL",
                                                    "INCONCLUSIVE", "ERROR", "NOT_APPLICABLE"};
    return words[ruling < RULING_COUNT ? ruling : RULING_ERROR];
}

const char *doubt_word(enum doubt doubt)
{
    static const char *const words[DOUBT_COUNT] = {"",
                                                   "PRECONDITION_UNMET",
                                                   "INSUFFICIENT_SAMPLES",
                                                   "OPERATOR_UNCONFIRMED",
                                                   "INSTRUMENT_FAULT",
                                                   "TIMEBASE_UNCERTAIN",
                                                   "ENVIRONMENT_DISTURBED",
                                                   "STOPPED_BY_TESTER"};
    return words[doubt < DOUBT_COUNT ? doubt : DOUBT_INSTRUMENT_FAULT];
}

enum ruling ruling_worse(enum ruling a, enum ruling b)
{
    static const int rank[RULING_COUNT] = {
        [RULING_NOT_APPLICABLE] = 0, [RULING_PASS] = 1,  [RULING_NOT_RUN] = 2,
        [RULING_INCONCLUSIVE] = 3,   [RULING_ERROR] = 4, [RULING_FAIL] = 5,
    };
    return rank[b] > rank[a] ? b : a;
}

/* Faults that can keep an alarm or its answer from its way; the broker's are not among them. */
static bool is_disturbance(const struct observation *o)
{
    struct slice text = slice_str(o->text);
    return o->what == OBSERVED_STARTED ||
           (o->what == OBSERVED_FAULT && !o->is_positive &&
            (slice_starts(text, "port") || slice_starts(text, "journal")));
}

/* The wall clock against the monotonic one, over those observations that carry both. */
static int64_t clock_step(const struct run *run)
{
    const struct observation *reference = NULL;
    int64_t low = 0;
    int64_t high = 0;
    for (size_t i = run->first; i < run->end; i++) {
        const struct observation *o = &run->all[i];
        if (o->clock[0] == '\0') {
            continue;
        }
        if (reference == NULL || strcmp(reference->clock, o->clock) != 0) {
            reference = o;
        }
        int64_t moved = (o->wall_ms - reference->wall_ms) - (o->mono_ms - reference->mono_ms);
        low = moved < low ? moved : low;
        high = moved > high ? moved : high;
    }
    return high - low;
}

struct run run_of(const struct observation *all, size_t count, struct slice requirement_id)
{
    struct run run = {.all = all, .end = count};
    for (size_t i = 0; i < count; i++) {
        if (all[i].what == OBSERVED_RUN_BEGIN && slice_eq_str(requirement_id, all[i].text)) {
            run.first = i;
            run.is_begun = true;
            run.attempts++;
        }
    }
    if (!run.is_begun) {
        run.end = 0;
        return run;
    }
    for (size_t i = run.first + 1; i < count; i++) {
        if (all[i].what == OBSERVED_RUN_BEGIN || all[i].what == OBSERVED_RUN_END) {
            run.is_ended =
                all[i].what == OBSERVED_RUN_END && slice_eq_str(requirement_id, all[i].text);
            run.end = i;
            break;
        }
    }
    for (size_t i = run.first; i < run.end && !run.is_disturbed; i++) {
        run.is_disturbed = is_disturbance(&all[i]);
        run.disturbance = i;
    }
    run.clock_step_ms = clock_step(&run);
    return run;
}

/* RUN_END itself stands at run->end; before the end of a run that was stopped nothing is known. */
bool run_window_ms(const struct run *run, size_t from, size_t to, int64_t *ret_ms)
{
    if (to == run->end && !run->is_ended) {
        return false;
    }
    *ret_ms = observation_span_ms(&run->all[from], &run->all[to]);
    return true;
}

size_t run_next(const struct run *run, size_t from, enum observed what, const char *device)
{
    for (size_t i = from; i < run->end; i++) {
        if (run->all[i].what == what && strcmp(run->all[i].device, device) == 0) {
            return i;
        }
    }
    return run->end;
}

enum ruling check_rule(enum operator_ o, int64_t value, int64_t uncertainty, int64_t limit)
{
    int64_t low = value - uncertainty;
    int64_t high = value + uncertainty;
    bool is_met = false;
    bool is_missed = false;
    switch (o) {
    case OPERATOR_MOST:
        is_met = high <= limit;
        is_missed = low > limit;
        break;
    case OPERATOR_LEAST:
        is_met = low >= limit;
        is_missed = high < limit;
        break;
    case OPERATOR_EQUAL:
        is_met = low == limit && high == limit;
        is_missed = low > limit || high < limit;
        break;
    }
    return is_met ? RULING_PASS : is_missed ? RULING_FAIL : RULING_INCONCLUSIVE;
}

int64_t check_distance(const struct check *check)
{
    int64_t difference = check->limit_milli - check->value_milli;
    switch (check->operator_) {
    case OPERATOR_MOST:
        return difference;
    case OPERATOR_LEAST:
        return -difference;
    case OPERATOR_EQUAL:
        break;
    }
    return difference > 0 ? -difference : difference;
}

struct check *judgement_check(struct judgement *j, const struct check *check)
{
    struct check *mine = &j->checks[j->check_count++];
    *mine = *check;
    mine->ruling = !check->is_measured ? RULING_NOT_RUN
                                       : check_rule(check->operator_, check->value_milli,
                                                    check->uncertainty_milli, check->limit_milli);
    return mine;
}

void judgement_decides(struct judgement *j, size_t index)
{
    size_t at = j->deciding_count;
    for (size_t i = 0; i < j->deciding_count; i++) {
        if (j->deciding[i] == index) {
            return;
        }
    }
    if (at == DECIDING_MAX) {
        return;
    }
    while (at > 0 && j->deciding[at - 1] > index) {
        j->deciding[at] = j->deciding[at - 1];
        at--;
    }
    j->deciding[at] = index;
    j->deciding_count++;
}

static void doubtful(struct judgement *j, enum doubt doubt)
{
    j->ruling = RULING_INCONCLUSIVE;
    j->doubt = doubt;
}

/* Half a run does not pass half a criterion. */
static void withhold(struct judgement *j)
{
    for (size_t i = 0; i < j->check_count; i++) {
        if (j->checks[i].ruling == RULING_PASS) {
            j->checks[i].ruling = RULING_INCONCLUSIVE;
        }
    }
}

/* A wall clock that moved makes every duration a guess, whichever way it fell out. */
enum { CLOCK_STEP_MAX_MS = 500 };

void judgement_settle(struct judgement *j, const struct run *run, bool is_timed)
{
    enum ruling worst = RULING_NOT_APPLICABLE;
    for (size_t i = 0; i < j->check_count; i++) {
        struct check *check = &j->checks[i];
        bool is_guess = is_timed && run->clock_step_ms > CLOCK_STEP_MAX_MS;
        if (is_guess && check->uncertainty_milli > 0 && check->ruling != RULING_NOT_RUN) {
            check->ruling = RULING_INCONCLUSIVE;
        }
        worst = ruling_worse(worst, check->ruling);
    }
    j->ruling = worst;
    if (worst == RULING_FAIL || worst == RULING_ERROR) {
        j->ruling = run->is_disturbed ? RULING_ERROR : worst;
        if (run->is_disturbed) {
            judgement_decides(j, run->disturbance);
        }
    } else if (!run->is_ended) {
        withhold(j);
        doubtful(j, DOUBT_STOPPED_BY_TESTER);
    } else if (is_timed && run->clock_step_ms > CLOCK_STEP_MAX_MS) {
        doubtful(j, DOUBT_TIMEBASE_UNCERTAIN);
    } else if (j->n < j->samples) {
        withhold(j);
        doubtful(j, DOUBT_INSUFFICIENT_SAMPLES);
    } else if (worst != RULING_PASS) {
        doubtful(j, DOUBT_INSUFFICIENT_SAMPLES); /* the limit lies inside the uncertainty */
    }
}

void judgement_not_run(struct judgement *j)
{
    j->ruling = RULING_NOT_RUN;
    j->doubt = DOUBT_NONE;
    j->check_count = 0;
    judge_say(&j->seen[SWEDISH], "Provet är inte utfört.");
    judge_say(&j->seen[ENGLISH], "The test was not carried out.");
}

void judge_say(char (*sentence)[SENTENCE_ROOM], const char *text)
{
    struct buf out = buf_of(*sentence, SENTENCE_ROOM);
    out.len = strlen(*sentence);
    buf_put_str(&out, text);
    (void)buf_cstr(&out);
}

void judge_say_number(char (*sentence)[SENTENCE_ROOM], uint64_t number, const char *after)
{
    struct buf out = buf_of(*sentence, SENTENCE_ROOM);
    out.len = strlen(*sentence);
    buf_put_u64(&out, number);
    buf_put_str(&out, after);
    (void)buf_cstr(&out);
}

void judge_say_milli(char (*sentence)[SENTENCE_ROOM], int64_t milli, enum language language,
                     const char *after)
{
    struct buf out = buf_of(*sentence, SENTENCE_ROOM);
    out.len = strlen(*sentence);
    requirement_put_milli(&out, milli, language);
    buf_put_str(&out, after);
    (void)buf_cstr(&out);
}

struct check check_count(const char *sv, const char *en, size_t value)
{
    return (struct check){.name = {sv, en},
                          .unit = "count",
                          .operator_ = OPERATOR_EQUAL,
                          .is_measured = true,
                          .value_milli = (int64_t)value * 1000};
}

size_t judge_percentile_rank(size_t count, unsigned percent)
{
    return (count * percent + 99) / 100;
}

int64_t judge_percentile(const int64_t *sorted, size_t count, unsigned percent)
{
    size_t rank = judge_percentile_rank(count, percent);
    return rank == 0 ? 0 : sorted[rank - 1];
}

/* Shell's sort with Knuth's gaps: in place, no recursion, a few thousand values at most. */
void judge_sort_ms(int64_t *values, size_t count)
{
    size_t gap = 1;
    while (gap < count / 3) {
        gap = gap * 3 + 1;
    }
    for (; gap > 0; gap /= 3) {
        for (size_t i = gap; i < count; i++) {
            int64_t value = values[i];
            size_t at = i;
            for (; at >= gap && values[at - gap] > value; at -= gap) {
                values[at] = values[at - gap];
            }
            values[at] = value;
        }
    }
}
