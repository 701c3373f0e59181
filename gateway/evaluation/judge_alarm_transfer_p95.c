/* judge_alarm_transfer_p95.c - from press to alarm in the journal: p95, longest, lost.
 *
 * For each PRESS the first alarm (raised or repeated, not technical) of that device in the journal,
 * before the next press of the same device. An alarm that does not come within give_up_s is lost:
 * it is counted on its own and stands in the percentile with give_up_s, never left out. The bench
 * presses a device again only when its alarm has come or give_up_s has passed; a window shorter
 * than max_s without an alarm proves nothing and is no sample.
 */
#include "evaluation/judge.h"

#include <string.h>

enum { MAX_S, GIVE_UP_S, PRESS_UNCERTAINTY_S };

static const struct parameter parameters[] = {
    [MAX_S] = {"max_s", 1, 86400000},
    [GIVE_UP_S] = {"give_up_s", 1, 86400000},
    [PRESS_UNCERTAINTY_S] = {"press_uncertainty_s", 0, 10000},
    {NULL, 0, 0},
};

struct transfer {
    size_t press;
    size_t alarm; /* run->end: lost */
    int64_t ms;
};

struct tally {
    struct transfer all[TRIALS_MAX];
    size_t count;
    size_t lost;
    int64_t longest_ms; /* of those that arrived */
    size_t presses;
};

static size_t first_alarm(const struct run *run, size_t press, size_t to)
{
    for (size_t i = press + 1; i < to; i++) {
        const struct observation *o = &run->all[i];
        if (o->what == OBSERVED_EVENT && (o->phase == PHASE_RAISED || o->phase == PHASE_REPEATED) &&
            !kind_is_technical(o->kind) && strcmp(o->device, run->all[press].device) == 0) {
            return i;
        }
    }
    return run->end;
}

static void take_press(const struct run *run, const struct terms *terms, size_t press,
                       struct tally *tally)
{
    int64_t window_ms = 0;
    const char *device = run->all[press].device;
    size_t to = run_next(run, press + 1, OBSERVED_PRESS, device);
    size_t alarm = first_alarm(run, press, to);
    struct transfer t = {press, alarm, terms->values[GIVE_UP_S]};
    if (alarm < run->end) {
        t.ms = observation_span_ms(&run->all[press], &run->all[alarm]);
    } else if (!run_window_ms(run, press, to, &window_ms) || window_ms < terms->values[MAX_S]) {
        return;
    }
    if (t.ms >= terms->values[GIVE_UP_S]) {
        t.alarm = run->end;
        tally->lost++;
    } else {
        tally->longest_ms = t.ms > tally->longest_ms ? t.ms : tally->longest_ms;
    }
    tally->all[tally->count++] = t;
}

static void collect(const struct run *run, const struct terms *terms, struct tally *tally)
{
    for (size_t i = run->first; i < run->end && tally->count < TRIALS_MAX; i++) {
        if (run->all[i].what == OBSERVED_PRESS) {
            tally->presses++;
            take_press(run, terms, i, tally);
        }
    }
}

static void name_deciding(const struct run *run, const struct tally *tally, int64_t p95_ms,
                          struct judgement *j)
{
    bool is_p95_named = false;
    for (size_t i = 0; i < tally->count; i++) {
        const struct transfer *t = &tally->all[i];
        bool is_lost = t->alarm == run->end;
        bool is_p95 = t->ms == p95_ms && !is_p95_named;
        if (is_lost || is_p95 || t->ms == tally->longest_ms) {
            is_p95_named = is_p95_named || is_p95;
            judgement_decides(j, t->press);
            if (!is_lost) {
                judgement_decides(j, t->alarm);
            }
        }
    }
}

/* Few samples over the limit are no breach yet, as long as the missing ones could outweigh them. */
static bool is_outweighed(const struct tally *tally, const struct terms *terms)
{
    size_t over = 0;
    size_t samples = (size_t)terms->samples;
    for (size_t i = 0; i < tally->count; i++) {
        over += check_rule(OPERATOR_MOST, tally->all[i].ms, terms->values[PRESS_UNCERTAINTY_S],
                           terms->threshold_milli) == RULING_FAIL
                    ? 1
                    : 0;
    }
    return tally->count < samples && over <= samples - judge_percentile_rank(samples, 95);
}

static void expect(const struct terms *terms, struct judgement *j)
{
    for (enum language l = SWEDISH; l < LANGUAGES; l++) {
        bool is_sv = l == SWEDISH;
        judge_say(&j->expected[l], is_sv ? "Av " : "Of ");
        judge_say_number(&j->expected[l], terms->samples,
                         is_sv ? " larm: 95:e percentilen högst "
                               : " alarms: 95th percentile at most ");
        judge_say_milli(&j->expected[l], terms->threshold_milli, l,
                        is_sv ? " s, inget över " : " s, none above ");
        judge_say_milli(&j->expected[l], terms->values[MAX_S], l,
                        is_sv ? " s, inget borta." : " s, none lost.");
    }
}

static void tell(const struct tally *tally, int64_t p50_ms, int64_t p95_ms, struct judgement *j)
{
    for (enum language l = SWEDISH; l < LANGUAGES; l++) {
        bool is_sv = l == SWEDISH;
        judge_say_number(&j->seen[l], tally->count, is_sv ? " larm: median " : " alarms: median ");
        judge_say_milli(&j->seen[l], p50_ms, l,
                        is_sv ? " s, 95:e percentilen " : " s, 95th percentile ");
        judge_say_milli(&j->seen[l], p95_ms, l, is_sv ? " s, längsta " : " s, longest ");
        judge_say_milli(&j->seen[l], tally->longest_ms, l, " s, ");
        judge_say_number(&j->seen[l], tally->lost, is_sv ? " borta." : " lost.");
    }
}

static void judge(const struct run *run, const struct terms *terms, struct judgement *j)
{
    struct tally tally = {0};
    int64_t sorted[TRIALS_MAX];
    *j = (struct judgement){.samples = terms->samples};
    expect(terms, j);
    collect(run, terms, &tally);
    if (tally.presses == 0) {
        judgement_not_run(j);
        return;
    }
    for (size_t i = 0; i < tally.count; i++) {
        sorted[i] = tally.all[i].ms;
    }
    judge_sort_ms(sorted, tally.count);
    int64_t p95_ms = judge_percentile(sorted, tally.count, 95);
    struct check p95 = {
        .name = {"95:e percentilen från tryck till larm", "95th percentile from press to alarm"},
        .unit = "s",
        .operator_ = terms->operator_,
        .is_measured = tally.count > 0,
        .value_milli = p95_ms,
        .uncertainty_milli = terms->values[PRESS_UNCERTAINTY_S],
        .limit_milli = terms->threshold_milli};
    struct check *mine = judgement_check(j, &p95);
    if (mine->ruling == RULING_FAIL && is_outweighed(&tally, terms)) {
        mine->ruling = RULING_INCONCLUSIVE;
    }
    p95.name[SWEDISH] = "Längsta tid";
    p95.name[ENGLISH] = "Longest time";
    p95.is_measured = tally.count > tally.lost;
    p95.value_milli = tally.longest_ms;
    p95.limit_milli = terms->values[MAX_S];
    judgement_check(j, &p95);
    struct check lost = check_count("Larm som aldrig kom", "Alarms that never came", tally.lost);
    judgement_check(j, &lost);
    j->n = tally.count;
    name_deciding(run, &tally, p95_ms, j);
    tell(&tally, judge_percentile(sorted, tally.count, 50), p95_ms, j);
    judgement_settle(j, run, true);
}

const struct judge judge_alarm_transfer_p95 = {"alarm_transfer_p95", parameters, judge};
