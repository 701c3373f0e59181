/* reach.c - who is meant by a step, who of them can be reached, and what a centre is owed.
 *
 * Called by the rules (steps.c, staff.c, duty.c), the fold and the pages. Reads only.
 */
#include "core/fold.h"

#include <string.h>

bool handset_is_awake(enum handset_state state)
{
    return state == HANDSET_READY || state == HANDSET_DEGRADED;
}

bool carer_is_reachable(const struct carer *carer)
{
    return carer->value.is_on_duty && handset_is_awake(carer->value.handset);
}

bool stage_is_open(enum offer_stage stage)
{
    return stage >= OFFER_QUEUED && stage <= OFFER_SOUNDED;
}

const struct plan *fold_plan(const struct ledger *ledger, const struct case_value *c)
{
    const struct plan *plan = c->plan[0] == '\0' ? NULL : plan_find(ledger->directory, c->plan);
    return plan == NULL || plan->step_count == 0 ? &ledger->reserve : plan;
}

const struct centre *step_centre(const struct ledger *ledger, const struct step *step)
{
    return step->whom == WHOM_CENTRE && step->centre < ledger->directory->centre_count
               ? &ledger->directory->centres[step->centre]
               : NULL;
}

static uint32_t address_count(const struct centre *centre)
{
    return centre->address_count == 0 ? 1 : (uint32_t)centre->address_count;
}

int64_t centre_wait_ms(const struct centre *centre, uint32_t attempt)
{
    int64_t answer_ms =
        centre->answer_within_ms < STEP_MIN_MS ? STEP_MIN_MS : centre->answer_within_ms;
    int64_t gap_ms = 0;
    if (attempt > address_count(centre)) {
        uint32_t over = attempt - address_count(centre);
        gap_ms = over == 1 ? 30000 : over == 2 ? 60000 : CENTRE_GAP_MAX_MS;
    }
    return gap_ms > answer_ms ? gap_ms : answer_ms;
}

bool case_is_for_all(const struct ledger *ledger, const struct case_value *c)
{
    const struct step *step = ledger_step(ledger, c);
    const struct centre *centre = step == NULL ? NULL : step_centre(ledger, step);
    return c->owner[0] == '\0' && !c->is_centre_accepted && centre != NULL &&
           c->attempt > address_count(centre);
}

bool fold_related(const struct ledger *ledger, uint16_t a, uint16_t b)
{
    return directory_is_within(ledger->directory, a, b) ||
           directory_is_within(ledger->directory, b, a);
}

static uint16_t case_unit(const struct ledger *ledger, const struct case_value *c)
{
    const struct unit *unit = directory_unit(ledger->directory, c->unit);
    return unit == NULL ? NONE : (uint16_t)(unit - ledger->directory->units);
}

static bool is_unit_named(const struct ledger *ledger, const struct step *step, uint16_t of_case,
                          uint16_t serving)
{
    switch (step->whom) {
    case WHOM_TEAM:
        return fold_related(ledger, serving, of_case);
    case WHOM_UNIT:
        return fold_related(ledger, serving, step->unit);
    case WHOM_ROLE:
    case WHOM_PERSON:
    case WHOM_ALL:
        return true;
    case WHOM_CENTRE:
        break;
    }
    return false;
}

/* A carer who calls for help is never the one who is sent. */
static bool is_own_call(const struct case_value *c, const char *staff)
{
    return c->kind == KIND_STAFF_ASSIST && strncmp(c->device, "staff/", 6) == 0 &&
           strcmp(c->device + 6, staff) == 0;
}

static bool is_person_named(const struct ledger *ledger, const struct step *step,
                            const struct case_value *c, size_t at)
{
    const struct staff *staff = &ledger->directory->staff[at];
    return !is_own_call(c, staff->id) &&
           (step->whom != WHOM_ROLE || strcmp(staff->role, step->role) == 0) &&
           (step->whom != WHOM_PERSON || strcmp(staff->id, step->staff) == 0);
}

bool step_names(const struct ledger *ledger, const struct step *step, const struct case_value *c,
                size_t staff)
{
    const struct carer *carer = carer_at(ledger, staff);
    return carer->value.is_on_duty &&
           is_unit_named(ledger, step, case_unit(ledger, c), carer->unit) &&
           is_person_named(ledger, step, c, staff);
}

void step_each(const struct ledger *ledger, const struct step *step, const struct case_value *c,
               bool (*each)(void *context, size_t staff), void *context)
{
    uint16_t of_case = case_unit(ledger, c);
    for (size_t unit = 0; unit <= ledger->directory->unit_count; unit++) {
        uint32_t at = ledger->unit_heads[unit];
        if (at == 0 || !is_unit_named(ledger, step, of_case, ledger->carers[at - 1].unit)) {
            continue;
        }
        for (; at != 0; at = ledger->carers[at - 1].next) {
            if (is_person_named(ledger, step, c, at - 1) && !each(context, at - 1)) {
                return;
            }
        }
    }
}

int64_t supervision_limit_ms(const struct device *device, const struct life *life)
{
    int64_t interval_ms = device->supervision_ms > 0 ? device->supervision_ms : life->promised_ms;
    /* The promise is "within the interval and a tenth"; half of the tenth is left for the way. */
    return interval_ms + interval_ms / 20;
}
