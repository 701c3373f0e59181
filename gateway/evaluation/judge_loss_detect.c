/* judge_loss_detect.c - a device whose link is cut must be missed in time.
 *
 * For each LINK_CUT the first technical alarm (device silent or link lost, raised) of that device
 * in the journal, before its LINK_RESTORED. No alarm in a cut that lasted at least the limit is a
 * miss; a shorter cut without an alarm proves nothing and is no sample. The bench restores the
 * link only when the alarm came or the limit has passed, and cuts again only when the device was
 * heard. Technical alarms outside a cut are counted and told, and judged by another requirement.
 */
#include "evaluation/judge.h"

#include <string.h>

enum { CUT_UNCERTAINTY_S };

static const struct parameter parameters[] = {
    [CUT_UNCERTAINTY_S] = {"cut_uncertainty_s", 0, 10000},
    {NULL, 0, 0},
};

struct tally {
    size_t cuts;
    size_t judged;
    size_t missed;
    size_t outside;
    size_t slowest_cut;
    size_t slowest_alarm;
    int64_t slowest_ms;
    size_t detected;
};

static bool is_silence(const struct observation *o)
{
    return o->what == OBSERVED_EVENT && o->phase == PHASE_RAISED &&
           (o->kind == KIND_DEVICE_SILENT || o->kind == KIND_LINK_LOST);
}

static size_t end_of_cut(const struct run *run, size_t cut)
{
    const char *device = run->all[cut].device;
    size_t restored = run_next(run, cut + 1, OBSERVED_LINK_RESTORED, device);
    size_t next = run_next(run, cut + 1, OBSERVED_LINK_CUT, device);
    return restored < next ? restored : next;
}

static void take_cut(const struct run *run, const struct terms *terms, size_t cut,
                     struct tally *tally, struct judgement *j)
{
    size_t to = end_of_cut(run, cut);
    int64_t window_ms = 0;
    for (size_t i = cut + 1; i < to; i++) {
        if (!is_silence(&run->all[i]) || strcmp(run->all[i].device, run->all[cut].device) != 0) {
            continue;
        }
        int64_t ms = observation_span_ms(&run->all[cut], &run->all[i]);
        if (tally->detected == 0 || ms > tally->slowest_ms) {
            tally->slowest_ms = ms;
            tally->slowest_cut = cut;
            tally->slowest_alarm = i;
        }
        tally->detected++;
        tally->judged++;
        return;
    }
    if (run_window_ms(run, cut, to, &window_ms) && window_ms >= terms->threshold_milli) {
        tally->missed++;
        tally->judged++;
        judgement_decides(j, cut);
        judgement_decides(j, to); /* LINK_RESTORED, the next cut or RUN_END: so long nothing came */
    }
}

/* Is the link of this device cut at this moment of the run? */
static bool is_cut(const struct run *run, size_t at)
{
    for (size_t i = at; i-- > run->first;) {
        const struct observation *o = &run->all[i];
        if ((o->what == OBSERVED_LINK_CUT || o->what == OBSERVED_LINK_RESTORED) &&
            strcmp(o->device, run->all[at].device) == 0) {
            return o->what == OBSERVED_LINK_CUT;
        }
    }
    return false;
}

static void collect(const struct run *run, const struct terms *terms, struct tally *tally,
                    struct judgement *j)
{
    for (size_t i = run->first; i < run->end; i++) {
        const struct observation *o = &run->all[i];
        if (o->what == OBSERVED_LINK_CUT) {
            tally->cuts++;
            take_cut(run, terms, i, tally, j);
        } else if (is_silence(o) && !is_cut(run, i) &&
                   run_next(run, run->first, OBSERVED_LINK_CUT, o->device) < run->end) {
            tally->outside++;
        }
    }
}

static void expect(const struct terms *terms, struct judgement *j)
{
    for (enum language l = SWEDISH; l < LANGUAGES; l++) {
        bool is_sv = l == SWEDISH;
        judge_say(&j->expected[l], is_sv ? "Tekniskt larm inom " : "A technical alarm within ");
        judge_say_milli(&j->expected[l], terms->threshold_milli, l, is_sv ? " s i " : " s in ");
        judge_say_number(&j->expected[l], terms->samples, is_sv ? " av " : " of ");
        judge_say_number(&j->expected[l], terms->samples, is_sv ? " brott." : " cuts.");
    }
}

static void tell(const struct tally *tally, struct judgement *j)
{
    for (enum language l = SWEDISH; l < LANGUAGES; l++) {
        bool is_sv = l == SWEDISH;
        judge_say_number(&j->seen[l], tally->judged, is_sv ? " brott bedömda: " : " cuts judged: ");
        judge_say_number(&j->seen[l], tally->detected, is_sv ? " upptäckta" : " detected");
        if (tally->detected > 0) {
            judge_say(&j->seen[l], is_sv ? ", det långsammaste efter " : ", the slowest after ");
            judge_say_milli(&j->seen[l], tally->slowest_ms, l, " s");
        }
        judge_say(&j->seen[l], ", ");
        judge_say_number(&j->seen[l], tally->missed, is_sv ? " oupptäckta." : " missed.");
        if (tally->outside > 0) {
            judge_say(&j->seen[l],
                      is_sv ? " Tekniska larm utan brott: " : " Technical alarms without a cut: ");
            judge_say_number(&j->seen[l], tally->outside, ".");
        }
    }
}

static void judge(const struct run *run, const struct terms *terms, struct judgement *j)
{
    struct tally tally = {0};
    *j = (struct judgement){.samples = terms->samples};
    expect(terms, j);
    collect(run, terms, &tally, j);
    if (tally.cuts == 0) {
        judgement_not_run(j);
        return;
    }
    struct check slowest = {
        .name = {"Längsta tid till tekniskt larm", "Longest time to the technical alarm"},
        .unit = "s",
        .operator_ = terms->operator_,
        .is_measured = tally.detected > 0,
        .value_milli = tally.slowest_ms,
        .uncertainty_milli = terms->values[CUT_UNCERTAINTY_S],
        .limit_milli = terms->threshold_milli};
    judgement_check(j, &slowest);
    struct check missed = check_count("Oupptäckta brott", "Cuts that were missed", tally.missed);
    judgement_check(j, &missed);
    if (tally.detected > 0) {
        judgement_decides(j, tally.slowest_cut);
        judgement_decides(j, tally.slowest_alarm);
    }
    j->n = tally.judged;
    tell(&tally, j);
    judgement_settle(j, run, true);
}

const struct judge judge_loss_detect = {"loss_detect", parameters, judge};
