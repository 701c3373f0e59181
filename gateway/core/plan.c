/* plan.c - which alarm plan an alarm gets, and whether a plan can be trusted to reach a human.
 *
 * Called by the ledger (match) and conf (check; its coverage proof asks plan_match for every moment
 * of the week). Pure. The first plan that matches wins; order is the municipality's.
 */
#include "core/directory.h"

#include <string.h>

static bool is_in_window(const struct match *m, int64_t wall_ms)
{
    if (m->weekdays == 0 && (m->from_minute == ANY_TIME || m->to_minute == ANY_TIME)) {
        return true;
    }
    struct local_time t = clock_local(wall_ms);
    int weekday = t.weekday;
    if (m->from_minute != ANY_TIME && m->to_minute != ANY_TIME && m->from_minute != m->to_minute) {
        bool is_over_midnight = m->from_minute > m->to_minute;
        bool is_after_from = t.minute >= m->from_minute;
        bool is_before_to = t.minute < m->to_minute;
        if (is_over_midnight ? !is_after_from && !is_before_to : !is_after_from || !is_before_to) {
            return false;
        }
        if (is_over_midnight && is_before_to) {
            /* Friday 22-06 ends on Saturday morning: it is still Friday's night. */
            weekday = (weekday + 6) % 7;
        }
    }
    return m->weekdays == 0 || (m->weekdays >> weekday & 1u) != 0;
}

const struct plan *plan_match(const struct directory *d, enum form form, const char *unit,
                              enum kind kind, enum class_ class_, int64_t wall_ms)
{
    const struct unit *found = directory_unit(d, unit);
    uint16_t at = found == NULL ? NONE : (uint16_t)(found - d->units);
    for (size_t i = 0; i < d->plan_count; i++) {
        const struct match *m = &d->plans[i].match;
        if ((m->forms == 0 || (m->forms >> (unsigned)form & 1u) != 0) &&
            (m->kinds == 0 || (m->kinds >> ((unsigned)kind & 63u) & 1u) != 0) &&
            (m->classes == 0 || (m->classes >> (unsigned)class_ & 1u) != 0) &&
            (m->unit == NONE || directory_is_within(d, at, m->unit)) && is_in_window(m, wall_ms)) {
            return &d->plans[i];
        }
    }
    return NULL;
}

const struct plan *plan_find(const struct directory *d, const char *name)
{
    for (size_t i = 0; i < d->plan_count; i++) {
        if (strcmp(d->plans[i].name, name) == 0) {
            return &d->plans[i];
        }
    }
    return NULL;
}

static const char *complaint_of_step(const struct directory *d, const struct step *step)
{
    switch (step->whom) {
    case WHOM_UNIT:
        return step->unit < d->unit_count ? NULL
                                          : "it asks a unit that is not in the list of units";
    case WHOM_ROLE:
        return step->role[0] != '\0' ? NULL : "it asks a role without saying which";
    case WHOM_PERSON:
        return directory_staff(d, step->staff) != NULL
                   ? NULL
                   : "it asks a person who is not in the list of staff";
    case WHOM_CENTRE:
        return step->centre < d->centre_count ? NULL
                                              : "it asks an alarm centre that is not described";
    case WHOM_TEAM:
    case WHOM_ALL:
        return NULL;
    }
    return "it asks somebody that this version does not know";
}

static const char *complaint_of_last(const struct directory *d, const struct step *step)
{
    if (step->whom != WHOM_CENTRE) {
        return step->whom == WHOM_TEAM ? "its last step asks the team, not a manned centre"
                                       : "its last step asks staff, not a manned centre";
    }
    const struct centre *centre = &d->centres[step->centre];
    if (!centre->is_manned) {
        return "the centre of its last step is not manned";
    }
    if (centre->address_count == 0 && strcmp(centre->port, "bus") != 0) {
        return "the centre of its last step has no address";
    }
    return centre->answer_within_ms > 0
               ? NULL
               : "the centre of its last step has no time to answer within";
}

enum err plan_check(const struct directory *d, const struct plan *plan, int *ret_line,
                    const char **ret_why)
{
    const char *why = plan->step_count == 0 ? "it has no steps" : NULL;
    int line = plan->line;
    for (size_t i = 0; why == NULL && i < plan->step_count; i++) {
        const struct step *step = &plan->steps[i];
        bool is_last = i + 1 == plan->step_count;
        line = step->line;
        why = complaint_of_step(d, step);
        if (why == NULL && is_last) {
            why = complaint_of_last(d, step);
        }
        if (why == NULL && !is_last && step->within_ms <= 0) {
            why = "a step before the last has no time after which the next one begins";
        }
    }
    if (why == NULL) {
        return ERR_OK;
    }
    *ret_line = line;
    *ret_why = why;
    return ERR_STATE;
}
