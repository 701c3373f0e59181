/* judge_duplicate_cases.c - an alarm that is sent again must not become two cases.
 *
 * The bench keeps the answer from the device (HOLD) and presses; the device sends again. A trial
 * is a PRESS under HOLD whose alarm came at least twice. That it came again is seen from the
 * journal, which has one ANSWERED for each reception of the same event, or from the bench's proxy
 * (DUPLICATE); the larger number counts. Three things are faults:
 *   - more than one case raised between this press and the next,
 *   - a second alarm with another reference before the next press,
 *   - a new press that brings the reference of an earlier one.
 * An alarm that the device marked as a test makes no case in the gateway, so it is no trial either.
 * A device that never sends again gives no trial: that is another requirement's business.
 * hold_s is the bench's: how long it waits for the device to send again.
 */
#include "evaluation/judge.h"

#include <string.h>

static const struct parameter parameters[] = {{"hold_s", 1000, 86400000}, {NULL, 0, 0}};

struct tally {
    size_t alarms[TRIALS_MAX]; /* index of the first alarm of each press that had one */
    size_t count;
    size_t presses;
    size_t trials;
    size_t retransmissions;
    size_t extra_cases;
    size_t changed;  /* another reference while sending again */
    size_t reused;   /* an old reference for a new press */
    size_t tests;    /* alarms marked as a test */
    size_t caseless; /* an event of which our own gateway made no case */
};

static bool is_alarm(const struct observation *o, const char *device)
{
    return o->what == OBSERVED_EVENT && (o->phase == PHASE_RAISED || o->phase == PHASE_REPEATED) &&
           !kind_is_technical(o->kind) && strcmp(o->device, device) == 0;
}

static bool is_held(const struct run *run, size_t press)
{
    const char *device = run->all[press].device;
    for (size_t i = press; i-- > run->first;) {
        const struct observation *o = &run->all[i];
        if ((o->what == OBSERVED_HOLD || o->what == OBSERVED_RELEASE) &&
            strcmp(o->device, device) == 0) {
            return o->what == OBSERVED_HOLD;
        }
    }
    return false;
}

/* Alarms of this window: the first is returned, others with another reference are faults. */
static size_t take_alarms(const struct run *run, size_t press, size_t to, struct tally *tally,
                          struct judgement *j)
{
    size_t first = run->end;
    for (size_t i = press + 1; i < to; i++) {
        if (!is_alarm(&run->all[i], run->all[press].device)) {
            continue;
        }
        if (first == run->end) {
            first = i;
        } else if (strcmp(run->all[first].reference, run->all[i].reference) != 0) {
            tally->changed++;
            judgement_decides(j, press);
            judgement_decides(j, first);
            judgement_decides(j, i);
        }
    }
    return first;
}

static size_t count_again(const struct run *run, size_t press, size_t to, size_t alarm)
{
    size_t answered = 0;
    size_t proxied = 0;
    for (size_t i = press + 1; i < to; i++) {
        const struct observation *o = &run->all[i];
        answered +=
            o->what == OBSERVED_ANSWERED && alarm_id_eq(&o->id, &run->all[alarm].id) ? 1 : 0;
        proxied +=
            o->what == OBSERVED_DUPLICATE && strcmp(o->device, run->all[press].device) == 0 ? 1 : 0;
    }
    size_t again = answered > 0 ? answered - 1 : 0;
    return again > proxied ? again : proxied;
}

static void take_cases(const struct run *run, size_t press, size_t to, size_t alarm,
                       struct tally *tally, struct judgement *j)
{
    size_t raised = 0;
    size_t joined = 0;
    for (size_t i = press + 1; i < to; i++) {
        const struct observation *o = &run->all[i];
        bool is_ours = o->what == OBSERVED_CASE && !kind_is_technical(o->kind) &&
                       (strcmp(o->device, run->all[press].device) == 0 ||
                        strcmp(o->reference, run->all[alarm].reference) == 0);
        joined += is_ours && o->change == CHANGE_REPEATED ? 1 : 0;
        if (is_ours && o->change == CHANGE_RAISED) {
            raised++;
            if (raised > 1) {
                tally->extra_cases++;
                judgement_decides(j, press);
                judgement_decides(j, i);
            }
        }
    }
    tally->caseless += raised + joined == 0 ? 1 : 0;
}

/* Does this press bring what an earlier press of the same device has brought already? */
static void take_reuse(const struct run *run, size_t press, size_t to, size_t alarm,
                       struct tally *tally, struct judgement *j)
{
    for (size_t e = 0; e < tally->count; e++) {
        const struct observation *earlier = &run->all[tally->alarms[e]];
        size_t again = run->end;
        if (strcmp(earlier->device, run->all[press].device) != 0) {
            continue;
        }
        if (alarm < run->end) {
            bool is_same = strcmp(earlier->reference, run->all[alarm].reference) == 0;
            again = is_same ? alarm : run->end;
        } else {
            for (size_t i = press + 1; i < to && again == run->end; i++) {
                bool is_same = run->all[i].what == OBSERVED_ANSWERED &&
                               alarm_id_eq(&run->all[i].id, &earlier->id);
                again = is_same ? i : run->end;
            }
        }
        if (again < run->end) {
            tally->reused++;
            judgement_decides(j, tally->alarms[e]);
            judgement_decides(j, press);
            judgement_decides(j, again);
            return;
        }
    }
}

static void take_press(const struct run *run, size_t press, struct tally *tally,
                       struct judgement *j)
{
    size_t to = run_next(run, press + 1, OBSERVED_PRESS, run->all[press].device);
    size_t changed_before = tally->changed;
    size_t alarm = take_alarms(run, press, to, tally, j);
    take_reuse(run, press, to, alarm, tally, j);
    if (alarm == run->end) {
        return;
    }
    tally->alarms[tally->count++] = alarm;
    if (run->all[alarm].is_test) {
        tally->tests++;
        return;
    }
    take_cases(run, press, to, alarm, tally, j);
    size_t again = count_again(run, press, to, alarm);
    if (is_held(run, press) && (again > 0 || tally->changed > changed_before)) {
        tally->trials++;
        tally->retransmissions += again;
        if (tally->trials ==
            1) { /* one whole example stands in the report, also of a good device */
            judgement_decides(j, press);
            judgement_decides(j, alarm);
        }
    }
}

static void expect(const struct terms *terms, struct judgement *j)
{
    judge_say_number(
        &j->expected[SWEDISH], terms->samples,
        " omsända larm: samma referens, exakt ett ärende; nytt tryck ger ny referens.");
    judge_say_number(
        &j->expected[ENGLISH], terms->samples,
        " alarms sent again: same reference, exactly one case; a new press has a new one.");
}

static void tell(const struct tally *tally, struct judgement *j)
{
    for (enum language l = SWEDISH; l < LANGUAGES; l++) {
        bool is_sv = l == SWEDISH;
        judge_say_number(&j->seen[l], tally->presses, is_sv ? " tryck, " : " presses, ");
        judge_say_number(&j->seen[l], tally->trials,
                         is_sv ? " omsända larm (" : " alarms sent again (");
        judge_say_number(&j->seen[l], tally->retransmissions,
                         is_sv ? " omsändningar): " : " retransmissions): ");
        judge_say_number(&j->seen[l], tally->extra_cases,
                         is_sv ? " dubbla ärenden, " : " duplicate cases, ");
        judge_say_number(&j->seen[l], tally->changed,
                         is_sv ? " ändrade referenser, " : " changed references, ");
        judge_say_number(&j->seen[l], tally->reused,
                         is_sv ? " återanvända referenser." : " reused references.");
    }
}

static void tell_why_no_trial(const struct tally *tally, struct judgement *j)
{
    if (tally->tests > 0) {
        judge_say(&j->seen[SWEDISH], " Larmen var märkta som prov och ger inga ärenden.");
        judge_say(&j->seen[ENGLISH], " The alarms were marked as tests and make no cases.");
        return;
    }
    judge_say(&j->seen[SWEDISH], " Utrustningen sände aldrig om, fast svaret hölls inne.");
    judge_say(&j->seen[ENGLISH], " The equipment never sent again though its answer was withheld.");
}

static void add_checks(const struct terms *terms, const struct tally *tally, struct judgement *j)
{
    struct check extra = check_count("Dubbla ärenden", "Duplicate cases", tally->extra_cases);
    extra.operator_ = terms->operator_;
    extra.limit_milli = terms->threshold_milli;
    judgement_check(j, &extra);
    struct check changed = check_count("Omsändningar med ändrad referens",
                                       "Retransmissions with a changed reference", tally->changed);
    judgement_check(j, &changed);
    struct check reused = check_count("Nya tryck med gammal referens",
                                      "New presses with an old reference", tally->reused);
    judgement_check(j, &reused);
}

static void judge(const struct run *run, const struct terms *terms, struct judgement *j)
{
    struct tally tally = {0};
    *j = (struct judgement){.samples = terms->samples};
    expect(terms, j);
    for (size_t i = run->first; i < run->end && tally.count < TRIALS_MAX; i++) {
        if (run->all[i].what == OBSERVED_PRESS) {
            tally.presses++;
            take_press(run, i, &tally, j);
        }
    }
    if (tally.presses == 0) {
        judgement_not_run(j);
        return;
    }
    j->n = tally.trials;
    add_checks(terms, &tally, j);
    tell(&tally, j);
    judgement_settle(j, run, false);
    if (j->ruling != RULING_FAIL && tally.caseless > 0) {
        j->ruling = RULING_ERROR;
        j->doubt = DOUBT_NONE;
        judge_say(&j->seen[SWEDISH],
                  " Gatewayen gjorde inget ärende av ett larm: felet är provbäddens.");
        judge_say(&j->seen[ENGLISH],
                  " The gateway made no case of an alarm: the fault is the test bed's.");
    } else if (j->ruling == RULING_INCONCLUSIVE && run->is_ended && tally.trials == 0) {
        j->doubt = DOUBT_PRECONDITION_UNMET;
        tell_why_no_trial(&tally, j);
    }
}

const struct judge judge_duplicate_cases = {"duplicate_cases", parameters, judge};
