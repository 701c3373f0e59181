/* offers.c - whom a case is shown to: at most 24 people, each with how far it came. Pure. */
#include "core/draft.h"

#include <string.h>

struct offer *offers_find(struct case_value *c, const char *staff)
{
    for (size_t i = 0; i < c->offer_count; i++) {
        if (strcmp(c->offers[i].staff, staff) == 0) {
            return &c->offers[i];
        }
    }
    return NULL;
}

/* A place for one more: a new one, else that of somebody who is no longer asked. */
static struct offer *offer_place(struct case_value *c)
{
    static const enum offer_stage done[] = {OFFER_EXPIRED, OFFER_SUPERSEDED, OFFER_DECLINED};
    if (c->offer_count < OFFERS_MAX) {
        return &c->offers[c->offer_count++];
    }
    for (size_t k = 0; k < sizeof done / sizeof done[0]; k++) {
        for (size_t i = 0; i < c->offer_count; i++) {
            if (c->offers[i].stage == done[k]) {
                return &c->offers[i];
            }
        }
    }
    return NULL;
}

bool offers_ask(struct case_value *c, const char *staff)
{
    struct offer *offer = offers_find(c, staff);
    if (offer == NULL) {
        offer = offer_place(c);
    }
    if (offer == NULL) {
        return false;
    }
    *offer = (struct offer){.stage = OFFER_QUEUED};
    (void)slice_text(slice_str(staff), offer->staff, sizeof offer->staff);
    return true;
}

struct filling {
    struct draft *draft;
    enum handset_state state;
};

static bool fill_one(void *context, size_t staff)
{
    struct filling *f = context;
    const struct ledger *ledger = f->draft->work->ledger;
    const char *id = ledger->directory->staff[staff].id;
    const struct carer *carer = carer_at(ledger, staff);
    if (!carer->value.is_on_duty || carer->value.handset != f->state ||
        offers_find(&f->draft->c, id) != NULL) {
        return true;
    }
    return offers_ask(&f->draft->c, id);
}

void offers_fill(struct draft *t, const struct step *step)
{
    const struct ledger *ledger = t->work->ledger;
    for (size_t i = 0; i < t->c.offer_count; i++) {
        struct offer *offer = &t->c.offers[i];
        size_t staff = fold_staff(ledger, offer->staff);
        if (staff != SIZE_MAX && offer->stage != OFFER_DECLINED &&
            carer_is_reachable(carer_at(ledger, staff)) && step_names(ledger, step, &t->c, staff)) {
            offer->stage = OFFER_QUEUED;
        }
    }
    struct filling ready = {t, HANDSET_READY};
    struct filling degraded = {t, HANDSET_DEGRADED};
    step_each(ledger, step, &t->c, fill_one, &ready);
    step_each(ledger, step, &t->c, fill_one, &degraded);
}

size_t offers_live(const struct draft *t, const struct step *step)
{
    const struct ledger *ledger = t->work->ledger;
    size_t live = 0;
    for (size_t i = 0; i < t->c.offer_count; i++) {
        size_t staff = fold_staff(ledger, t->c.offers[i].staff);
        live += staff != SIZE_MAX && stage_is_open(t->c.offers[i].stage) &&
                carer_is_reachable(carer_at(ledger, staff)) &&
                step_names(ledger, step, &t->c, staff);
    }
    return live;
}

bool offers_is_meant(const struct ledger *ledger, const struct case_value *c, size_t staff)
{
    static const struct step everybody = {.whom = WHOM_ALL};
    const struct plan *plan = fold_plan(ledger, c);
    for (size_t i = 0; i <= c->step && i < plan->step_count; i++) {
        if (step_names(ledger, &plan->steps[i], c, staff)) {
            return true;
        }
    }
    return case_is_for_all(ledger, c) && step_names(ledger, &everybody, c, staff);
}

void offers_end(struct case_value *c, const char *except, enum offer_stage stage)
{
    for (size_t i = 0; i < c->offer_count; i++) {
        if (stage_is_open(c->offers[i].stage) && strcmp(c->offers[i].staff, except) != 0) {
            c->offers[i].stage = stage;
        }
    }
}

void offers_ring(struct case_value *c)
{
    for (size_t i = 0; c->owner[0] == '\0' && i < c->offer_count; i++) {
        if (stage_is_open(c->offers[i].stage)) {
            c->offers[i].stage = OFFER_QUEUED;
        }
    }
}
