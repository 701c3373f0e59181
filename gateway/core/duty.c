/* duty.c - who is there: on duty, off duty, handset awake or silent, and how far an offer came.
 *
 * Called by ledger_decide. Who comes is asked about what is open; who goes or falls silent no longer
 * counts, and where nobody is left the plan goes on at once. A carer who has a case cannot go off duty.
 * One decision holds some sixty cases; of the rest, those that need somebody else go on when their step
 * runs out, because who is reachable is looked at then.
 */
#include "core/draft.h"

#include <string.h>

/* `staff` can be reached from now on: asked about every open case that means them. */
static void join(struct work *w, const struct ledger *ledger, size_t staff)
{
    const char *id = ledger->directory->staff[staff].id;
    for (size_t i = 0; i < ledger->open_count && work_room(w) > 0; i++) {
        struct draft t = draft_of(w, &ledger->slots[ledger->open[i]]);
        const struct offer *offer = offers_find(&t.c, id);
        bool is_done =
            offer != NULL && (stage_is_open(offer->stage) || offer->stage == OFFER_DECLINED);
        if (t.c.state == CASE_OFFERED && !is_done && offers_is_meant(ledger, &t.c, staff) &&
            offers_ask(&t.c, id)) {
            draft_put(&t, CHANGE_OFFERED, "", "joined");
        }
    }
}

/* `staff` cannot be reached any more: their offers end, hand-overs to them too. */
static void leave(struct work *w, const struct ledger *ledger, size_t staff, const char *reason)
{
    const char *id = ledger->directory->staff[staff].id;
    for (size_t i = 0; i < ledger->open_count && work_room(w) >= CASE_RECORDS_MAX; i++) {
        const struct slot *slot = &ledger->slots[ledger->open[i]];
        if (slot->c.offer_count == 0) {
            continue;
        }
        struct draft t = draft_of(w, slot);
        struct offer *offer = offers_find(&t.c, id);
        if (offer != NULL && stage_is_open(offer->stage)) {
            offer->stage = OFFER_EXPIRED;
            draft_put(&t, t.c.owner[0] == '\0' ? CHANGE_OFFERED : CHANGE_DECLINED, id, reason);
            steps_unless_live(&t, "nobody");
        }
    }
}

/* The consequences of what carer `staff` will be, seen through a ledger in which it is so. */
static void follow(struct work *w, size_t staff, const struct carer *will, bool is_moved,
                   const char *reason)
{
    const struct ledger *ledger = w->ledger;
    bool was = carer_is_reachable(&ledger->carers[staff]);
    bool is = carer_is_reachable(will);
    struct ledger view = *ledger;
    view.other = will;
    view.other_at = staff;
    w->ledger = &view;
    if (is && (!was || is_moved)) {
        join(w, &view, staff);
    } else if (was && !is) {
        leave(w, &view, staff, reason);
    }
    w->ledger = ledger;
}

void decide_duty(struct work *w)
{
    const struct input *in = w->input;
    const struct directory *d = w->ledger->directory;
    size_t staff = fold_staff(w->ledger, in->staff);
    if (staff == SIZE_MAX) {
        work_reply(w, ERR_NOT_FOUND, "unknown_staff");
        return;
    }
    const struct carer *carer = &w->ledger->carers[staff];
    const struct unit *unit = in->unit[0] == '\0' ? NULL : directory_unit(d, in->unit);
    if (in->unit[0] != '\0' && unit == NULL && in->is_on) {
        work_reply(w, ERR_NOT_FOUND, "unknown_unit");
        return;
    }
    struct carer will = *carer;
    will.value.is_on_duty = in->is_on;
    if (in->is_on) {
        will.unit = unit != NULL ? (uint16_t)(unit - d->units) : d->staff[staff].unit;
    }
    bool is_moved = will.unit != carer->unit;
    if (in->is_on == carer->value.is_on_duty && !is_moved) {
        work_reply(w, ERR_DUPLICATE, "");
        return;
    }
    if (!in->is_on && carer->owned > 0) {
        work_reply(w, ERR_STATE, "has_open_cases");
        return;
    }
    struct record *record = work_put(w, RECORD_DUTY);
    if (record != NULL) {
        struct duty *duty = &record->duty;
        (void)slice_text(slice_str(in->staff), duty->staff, sizeof duty->staff);
        if (will.unit < d->unit_count) {
            memcpy(duty->unit, d->units[will.unit].id, sizeof duty->unit);
        }
        duty->is_on = in->is_on;
        duty->at_ms = w->now.wall_ms;
    }
    follow(w, staff, &will, is_moved, "off_duty");
}

void decide_handset(struct work *w)
{
    const struct input *in = w->input;
    size_t staff = fold_staff(w->ledger, in->staff);
    if (staff == SIZE_MAX) {
        work_reply(w, ERR_NOT_FOUND, "unknown_staff");
        return;
    }
    if (in->handset <= HANDSET_UNKNOWN || in->handset >= HANDSET_STATE_COUNT) {
        work_reply(w, ERR_RANGE, "bad_state");
        return;
    }
    struct carer will = w->ledger->carers[staff];
    if (will.value.handset == in->handset) {
        work_reply(w, ERR_DUPLICATE, "");
        return;
    }
    will.value.handset = in->handset;
    struct record *record = work_put(w, RECORD_HANDSET);
    if (record != NULL) {
        (void)slice_text(slice_str(in->staff), record->handset.staff, STAFF_ROOM);
        record->handset.state = in->handset;
        record->handset.at_ms = w->now.wall_ms;
    }
    follow(w, staff, &will, false, "handset_silent");
}

static const struct case_value *open_or_closed(const struct ledger *ledger,
                                               const struct alarm_id *id)
{
    const struct case_value *c = ledger_case(ledger, id);
    for (size_t i = 0; c == NULL; i++) {
        const struct case_value *closed = ledger_recent(ledger, i);
        if (closed == NULL) {
            return NULL;
        }
        if (alarm_id_eq(&closed->id, id)) {
            c = closed;
        }
    }
    return c;
}

/* Only a step forward is journalled; that a handset has fallen silent again (superseded) always is. */
void decide_receipt(struct work *w)
{
    const struct input *in = w->input;
    w->out->reply.case_id = in->case_id;
    bool is_stage = in->stage >= OFFER_SENT && in->stage <= OFFER_SOUNDED;
    if (!is_stage && in->stage != OFFER_SUPERSEDED) {
        work_reply(w, ERR_RANGE, "bad_stage");
        return;
    }
    const struct case_value *c = open_or_closed(w->ledger, &in->case_id);
    if (c == NULL) {
        work_reply(w, ERR_NOT_FOUND, "unknown_case");
        return;
    }
    const struct offer *offer = NULL;
    for (size_t i = 0; i < c->offer_count; i++) {
        if (strcmp(c->offers[i].staff, in->staff) == 0) {
            offer = &c->offers[i];
        }
    }
    if (offer == NULL) {
        work_reply(w, ERR_NOT_FOUND, "not_offered");
        return;
    }
    bool is_forward = is_stage && stage_is_open(offer->stage) && in->stage > offer->stage;
    bool is_silenced = in->stage == OFFER_SUPERSEDED && !stage_is_open(offer->stage);
    if (!is_forward && !is_silenced) {
        work_reply(w, ERR_DUPLICATE, "");
        return;
    }
    struct record *record = work_put(w, RECORD_RECEIPT);
    if (record != NULL) {
        struct receipt *receipt = &record->receipt;
        receipt->case_id = in->case_id;
        memcpy(receipt->staff, offer->staff, sizeof receipt->staff);
        receipt->stage = in->stage;
        receipt->at_ms = w->now.wall_ms;
    }
}
