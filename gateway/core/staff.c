/* staff.c - what a carer or a centre says about a case: accept, decline, on site, hand over, close.
 *
 * Called by ledger_decide. The order of the journal decides a race: the first accept wins, and the
 * loser is told who has it. Repeating what is true already is harmless (DUPLICATE).
 */
#include "core/draft.h"

#include <string.h>

static bool is_recently_closed(const struct ledger *ledger, const struct alarm_id *id)
{
    const struct case_value *c = NULL;
    for (size_t i = 0; (c = ledger_recent(ledger, i)) != NULL; i++) {
        if (alarm_id_eq(&c->id, id)) {
            return true;
        }
    }
    return false;
}

/* NULL with the reply set when there is no such open case. */
static const struct slot *open_case(struct work *w)
{
    w->out->reply.case_id = w->input->case_id;
    const struct slot *slot = fold_case(w->ledger, &w->input->case_id);
    if (slot == NULL && is_recently_closed(w->ledger, &w->input->case_id)) {
        work_reply(w, w->input->type == INPUT_CLOSE ? ERR_DUPLICATE : ERR_STATE, "closed");
    } else if (slot == NULL) {
        work_reply(w, ERR_NOT_FOUND, "unknown_case");
    }
    return slot;
}

/* The same for a carer on duty. */
static const struct slot *case_of_carer(struct work *w)
{
    const struct carer *carer = fold_carer(w->ledger, w->input->staff);
    if (carer == NULL) {
        work_reply(w, ERR_NOT_FOUND, "unknown_staff");
        return NULL;
    }
    const struct slot *slot = open_case(w);
    if (slot != NULL && !carer->value.is_on_duty) {
        work_reply(w, ERR_STATE, "off_duty");
        return NULL;
    }
    return slot;
}

static void reply_taken(struct work *w, const struct case_value *c)
{
    work_reply(w, ERR_STATE, c->owner[0] == '\0' ? "not_accepted" : "taken");
    memcpy(w->out->reply.winner, c->owner, sizeof w->out->reply.winner);
}

static bool is_owner(const struct work *w, const struct case_value *c)
{
    return c->owner[0] != '\0' && strcmp(c->owner, w->input->staff) == 0;
}

void decide_accept(struct work *w)
{
    const struct slot *slot = case_of_carer(w);
    if (slot == NULL) {
        return;
    }
    struct draft t = draft_of(w, slot);
    if (is_owner(w, &t.c)) {
        work_reply(w, ERR_DUPLICATE, "");
        return;
    }
    struct offer *mine = offers_find(&t.c, w->input->staff);
    bool is_asked = mine != NULL && stage_is_open(mine->stage);
    if (t.c.owner[0] != '\0' && !is_asked) {
        reply_taken(w, &t.c);
        return;
    }
    if (!ledger_concerns(w->ledger, &t.c, w->input->staff)) {
        work_reply(w, ERR_AUTH, "not_yours");
        return;
    }
    struct offer *before = t.c.owner[0] == '\0' ? NULL : offers_find(&t.c, t.c.owner);
    if (before != NULL) {
        before->stage = OFFER_SUPERSEDED; /* the hand-over is done */
    }
    offers_end(&t.c, w->input->staff, OFFER_SUPERSEDED);
    (void)offers_ask(&t.c, w->input->staff); /* there is room: everybody else's offer has ended */
    mine = offers_find(&t.c, w->input->staff);
    if (mine != NULL) {
        mine->stage = OFFER_ACCEPTED;
    }
    memcpy(t.c.owner, w->input->staff, sizeof t.c.owner);
    t.c.state = CASE_ACCEPTED;
    int64_t within_ms = fold_plan(w->ledger, &t.c)->on_site_within_ms;
    t.c.deadline_ms = within_ms > 0 ? w->now.wall_ms + within_ms : 0;
    draft_put(&t, CHANGE_ACCEPTED, w->input->staff, "");
}

void decide_decline(struct work *w)
{
    const struct slot *slot = case_of_carer(w);
    if (slot == NULL) {
        return;
    }
    struct draft t = draft_of(w, slot);
    struct offer *mine = offers_find(&t.c, w->input->staff);
    if (is_owner(w, &t.c)) {
        steps_reopen(&t, "given_back", OFFER_DECLINED);
        return;
    }
    if (mine == NULL || !stage_is_open(mine->stage)) {
        bool is_again = mine != NULL && mine->stage == OFFER_DECLINED;
        work_reply(w, is_again ? ERR_DUPLICATE : ERR_STATE, is_again ? "" : "not_offered");
        return;
    }
    mine->stage = OFFER_DECLINED;
    draft_put(&t, CHANGE_DECLINED, w->input->staff, w->input->reason);
    steps_unless_live(&t, "all_declined");
}

void decide_on_site(struct work *w)
{
    const struct slot *slot = case_of_carer(w);
    if (slot == NULL) {
        return;
    }
    struct draft t = draft_of(w, slot);
    if (!is_owner(w, &t.c)) {
        reply_taken(w, &t.c);
        return;
    }
    if (t.c.state == CASE_ON_SITE) {
        work_reply(w, ERR_DUPLICATE, "");
        return;
    }
    offers_end(&t.c, "", OFFER_SUPERSEDED); /* a hand-over that was under way */
    t.c.state = CASE_ON_SITE;
    t.c.deadline_ms = 0;
    draft_put(&t, CHANGE_ON_SITE, w->input->staff, "");
}

/* The case stays with the owner until `to` has accepted: an offer, not a gift. */
void decide_hand_over(struct work *w)
{
    const struct slot *slot = case_of_carer(w);
    if (slot == NULL) {
        return;
    }
    struct draft t = draft_of(w, slot);
    const struct carer *to = fold_carer(w->ledger, w->input->to);
    if (!is_owner(w, &t.c)) {
        reply_taken(w, &t.c);
        return;
    }
    if (to == NULL) {
        work_reply(w, ERR_NOT_FOUND, "unknown_staff");
        return;
    }
    if (strcmp(w->input->to, w->input->staff) == 0 || !carer_is_reachable(to)) {
        bool is_self = strcmp(w->input->to, w->input->staff) == 0;
        work_reply(w, ERR_STATE, is_self ? "already_yours" : "not_reachable");
        return;
    }
    const struct offer *offer = offers_find(&t.c, w->input->to);
    if (offer != NULL && stage_is_open(offer->stage)) {
        work_reply(w, ERR_DUPLICATE, "");
        return;
    }
    offers_end(&t.c, w->input->to, OFFER_SUPERSEDED);
    (void)offers_ask(&t.c, w->input->to);
    draft_put(&t, CHANGE_HANDED_OVER, w->input->staff, w->input->to);
}

/* The owner; anybody whom it concerns once the device was reset or a centre has it; that centre. */
static bool may_close(struct work *w, const struct case_value *c)
{
    const char *centre = w->input->centre;
    if (w->input->staff[0] == '\0') {
        return centre[0] != '\0' && c->is_centre_accepted && c->owner[0] == '\0' &&
               strcmp(c->centre, centre) == 0;
    }
    return is_owner(w, c) || ((c->is_restored || c->state == CASE_AT_CENTRE) &&
                              ledger_concerns(w->ledger, c, w->input->staff));
}

void decide_close(struct work *w)
{
    bool is_carer = w->input->staff[0] != '\0';
    const struct slot *slot = is_carer ? case_of_carer(w) : open_case(w);
    if (slot == NULL) {
        return;
    }
    struct draft t = draft_of(w, slot);
    if (w->input->reason[0] == '\0') {
        work_reply(w, ERR_RANGE, "no_reason");
        return;
    }
    if (!may_close(w, &t.c)) {
        reply_taken(w, &t.c);
        return;
    }
    draft_close(&t, is_carer ? w->input->staff : w->input->centre, w->input->reason);
}

static void centre_accepts(struct work *w, struct draft *t)
{
    if (t->c.is_centre_accepted || t->c.owner[0] != '\0') {
        bool is_again = t->c.is_centre_accepted && strcmp(t->c.centre, w->input->centre) == 0 &&
                        t->c.owner[0] == '\0';
        work_reply(w, is_again ? ERR_DUPLICATE : ERR_STATE, is_again ? "" : "taken");
        memcpy(w->out->reply.winner, t->c.owner, sizeof w->out->reply.winner);
        return;
    }
    memcpy(t->c.centre, w->input->centre, sizeof t->c.centre);
    t->c.is_centre_accepted = true;
    t->c.state = CASE_AT_CENTRE;
    t->c.deadline_ms = 0;
    draft_put(t, CHANGE_CENTRE_ACCEPTED, w->input->centre, "");
}

void decide_centre(struct work *w)
{
    if (directory_centre(w->ledger->directory, w->input->centre) == NULL) {
        work_reply(w, ERR_NOT_FOUND, "unknown_centre");
        return;
    }
    const struct slot *slot = fold_case_ref(w->ledger, w->input->case_ref);
    if (slot == NULL) {
        memcpy(w->out->reply.case_id.at, w->input->case_ref, sizeof w->input->case_ref);
        work_reply(w, ERR_NOT_FOUND, "unknown_case");
        return;
    }
    struct draft t = draft_of(w, slot);
    w->out->reply.case_id = t.c.id;
    if (w->input->result == ERR_OK) {
        centre_accepts(w, &t);
        return;
    }
    /* A refusal counts from the centre that was asked, or that gives back what it had taken. */
    bool is_theirs = strcmp(t.c.centre, w->input->centre) == 0 && t.c.owner[0] == '\0' &&
                     (t.marks.is_centre_asked || t.c.is_centre_accepted);
    if (!is_theirs) {
        work_reply(w, ERR_DUPLICATE, "");
        return;
    }
    steps_centre_failed(&t, w->input->reason[0] == '\0' ? "refused" : w->input->reason, true);
}
