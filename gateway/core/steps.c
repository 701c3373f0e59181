/* steps.c - how a case walks through its plan: begin, skip, run out, centre, again.
 *
 * Called by the rules on a draft of the case. RAISED with a deadline that has come means "the step has
 * not begun yet": so a fold that ends between two records of one decision goes on by itself.
 */
#include "core/draft.h"

#include <string.h>

struct draft draft_of(struct work *w, const struct slot *slot)
{
    return (struct draft){.work = w, .c = slot->c, .marks = slot->marks};
}

void draft_put(struct draft *t, enum change change, const char *by, const char *reason)
{
    struct record *record = work_put(t->work, RECORD_CASE);
    if (record == NULL) {
        return;
    }
    t->c.changed_ms = t->work->now.wall_ms;
    struct case_change *put = &record->case_;
    put->change = change;
    put->at_ms = t->work->now.wall_ms;
    (void)slice_text(slice_str(by), put->by, sizeof put->by);
    (void)slice_text(slice_str(reason), put->reason, sizeof put->reason);
    put->case_ = t->c;
    marks_update(&t->marks, put);
}

void draft_close(struct draft *t, const char *by, const char *reason)
{
    offers_end(&t->c, "", OFFER_SUPERSEDED);
    t->c.state = CASE_CLOSED;
    t->c.deadline_ms = 0;
    (void)slice_text(slice_str(reason), t->c.reason, sizeof t->c.reason);
    draft_put(t, CHANGE_CLOSED, by, reason);
}

static const struct plan *plan_of(const struct draft *t)
{
    return fold_plan(t->work->ledger, &t->c);
}

/* Clamped: a reload may have made the plan shorter than the case has come. */
static const struct step *step_of(struct draft *t)
{
    const struct plan *plan = plan_of(t);
    if (t->c.step >= plan->step_count) {
        t->c.step = (uint32_t)plan->step_count - 1;
    }
    return &plan->steps[t->c.step];
}

static bool is_last(const struct draft *t)
{
    return t->c.step + 1 >= plan_of(t)->step_count;
}

static void wait_ms(struct draft *t, int64_t ms)
{
    t->c.deadline_ms = t->work->now.wall_ms + (ms < STEP_MIN_MS ? STEP_MIN_MS : ms);
}

static void move_to(struct draft *t, uint32_t step, const char *reason)
{
    t->c.step = step;
    t->c.state = CASE_RAISED;
    t->c.deadline_ms = t->work->now.wall_ms;
    t->c.attempt = 0;
    draft_put(t, CHANGE_ESCALATED, "", reason);
}

void steps_ask_centre(struct draft *t, uint32_t attempt)
{
    static const struct step everybody = {.whom = WHOM_ALL};
    const struct step *step = step_of(t);
    const struct centre *centre = step_centre(t->work->ledger, step);
    memcpy(t->c.centre, centre->name, sizeof t->c.centre);
    t->c.attempt = attempt;
    t->c.is_centre_accepted = false;
    t->c.state = CASE_OFFERED;
    wait_ms(t, centre_wait_ms(centre, attempt));
    int64_t end_ms = t->marks.step_began_ms + step->within_ms;
    if (!is_last(t) && t->c.deadline_ms > end_ms && end_ms > t->work->now.wall_ms) {
        t->c.deadline_ms = end_ms;
    }
    if (case_is_for_all(t->work->ledger, &t->c)) {
        offers_fill(t, &everybody);
    }
    draft_put(t, CHANGE_CENTRE_OFFERED, "", "");
}

void steps_begin(struct draft *t)
{
    for (;;) {
        const struct step *step = step_of(t);
        if (step_centre(t->work->ledger, step) != NULL) {
            steps_ask_centre(t, 1);
            return;
        }
        offers_fill(t, step);
        t->c.state = CASE_OFFERED;
        wait_ms(t, step->within_ms);
        if (offers_live(t, step) > 0) {
            draft_put(t, CHANGE_OFFERED, "", "");
            return;
        }
        if (is_last(t)) {
            wait_ms(t, NOBODY_RETRY_MS);
            draft_put(t, CHANGE_ESCALATED, "", "nobody");
            return;
        }
        move_to(t, t->c.step + 1, "nobody");
    }
}

void steps_next(struct draft *t, const char *reason)
{
    /* Past the last step only in a plan that conf refuses: it begins again rather than ending. */
    move_to(t, is_last(t) ? 0 : t->c.step + 1, reason);
    steps_begin(t);
}

/* By the wall clock, by the number of attempts (the clock may have been set back), or because every
 * address has refused: a step before the last is then over. */
static bool is_centre_over(const struct draft *t, const struct step *step,
                           const struct centre *centre, bool is_answer)
{
    size_t addresses = centre->address_count == 0 ? 1 : centre->address_count;
    return t->work->now.wall_ms >= t->marks.step_began_ms + step->within_ms ||
           t->c.attempt * centre_wait_ms(centre, 1) >= step->within_ms ||
           (is_answer && t->c.attempt >= addresses);
}

void steps_centre_failed(struct draft *t, const char *reason, bool is_answer)
{
    const struct step *step = step_of(t);
    const struct centre *centre = step_centre(t->work->ledger, step);
    t->c.state = CASE_OFFERED;
    t->c.is_centre_accepted = false;
    if (centre == NULL) {
        t->c.deadline_ms = t->work->now.wall_ms;
        draft_put(t, CHANGE_CENTRE_FAILED, t->c.centre, reason);
        steps_begin(t);
        return;
    }
    /* A centre that refuses is asked at its next address at once, but not in a ring without pause. */
    bool is_over = !is_last(t) && is_centre_over(t, step, centre, is_answer);
    bool is_paused = !is_over && is_answer && case_is_for_all(t->work->ledger, &t->c);
    wait_ms(t, centre_wait_ms(centre, t->c.attempt));
    if (!is_paused) {
        t->c.deadline_ms = t->work->now.wall_ms;
    }
    draft_put(t, CHANGE_CENTRE_FAILED, t->c.centre, reason);
    if (is_over) {
        steps_next(t, reason);
    } else if (!is_paused) {
        steps_ask_centre(t, t->c.attempt + 1);
    }
}

void steps_unless_live(struct draft *t, const char *reason)
{
    const struct step *step = step_of(t);
    if (t->c.owner[0] == '\0' && t->c.state == CASE_OFFERED &&
        step_centre(t->work->ledger, step) == NULL && !is_last(t) && offers_live(t, step) == 0) {
        steps_next(t, reason);
    }
}

void steps_reopen(struct draft *t, const char *reason, enum offer_stage owner_stage)
{
    char owner[STAFF_ROOM];
    memcpy(owner, t->c.owner, sizeof owner);
    for (size_t i = 0; i < t->c.offer_count; i++) {
        t->c.offers[i].stage = OFFER_EXPIRED; /* who said no then is asked again now */
    }
    struct offer *offer = offers_find(&t->c, owner);
    if (offer != NULL) {
        offer->stage = owner_stage;
    }
    t->c.owner[0] = '\0';
    t->c.state = CASE_RAISED;
    t->c.step = 0;
    t->c.attempt = 0;
    t->c.is_centre_accepted = false;
    t->c.deadline_ms = t->work->now.wall_ms;
    draft_put(t, CHANGE_REOPENED, owner, reason);
    steps_begin(t);
}

void steps_graver(struct draft *t, enum class_ class_)
{
    const struct plan *plan = plan_match(t->work->ledger->directory, t->c.form, t->c.unit,
                                         t->c.kind, class_, t->work->now.wall_ms);
    t->c.class_ = class_;
    if (plan != NULL) {
        memcpy(t->c.plan, plan->name, sizeof t->c.plan);
    }
    steps_reopen(t, "unprotected", OFFER_QUEUED);
}

/* A hand-over that nobody answered ends; the owner has had the case all the time. */
static bool end_hand_over(struct draft *t)
{
    for (size_t i = 0; i < t->c.offer_count; i++) {
        if (stage_is_open(t->c.offers[i].stage)) {
            t->c.offers[i].stage = OFFER_EXPIRED;
            draft_put(t, CHANGE_DECLINED, t->c.offers[i].staff, "no_answer");
            return true;
        }
    }
    return false;
}

static void owned_deadline(struct draft *t)
{
    const struct carer *owner = fold_carer(t->work->ledger, t->c.owner);
    int64_t now_ms = t->work->now.mono_ms;
    bool is_silent = owner != NULL && (owner->value.handset == HANDSET_SILENT ||
                                       owner->value.handset == HANDSET_OFF);
    if (t->c.state == CASE_ACCEPTED && owner == NULL) {
        steps_reopen(t, "owner_unknown", OFFER_EXPIRED);
    } else if (t->c.state == CASE_ACCEPTED && is_silent && owner->silent_mono_ms <= now_ms) {
        steps_reopen(t, "owner_silent", OFFER_EXPIRED);
    } else if (!end_hand_over(t) && t->c.state == CASE_ACCEPTED) {
        steps_reopen(t, "not_on_site", OFFER_EXPIRED);
    }
}

void steps_deadline(struct draft *t)
{
    const struct step *step = step_of(t);
    if (t->c.owner[0] != '\0') {
        owned_deadline(t);
    } else if (t->c.state == CASE_RAISED) {
        steps_begin(t);
    } else if (step_centre(t->work->ledger, step) == NULL) {
        steps_next(t, "no_answer");
    } else if (t->marks.is_centre_asked) {
        steps_centre_failed(t, "no_answer", false);
    } else {
        steps_ask_centre(t, t->c.attempt + 1);
    }
}
