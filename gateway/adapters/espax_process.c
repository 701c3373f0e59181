/* espax_process.c - the table of alarm processes, and what a nurse-call system hears of its own.
 *
 * Called by both roles. A case of the ledger is one need at one device: every process that this client
 * has running there hears what becomes of it, whichever of them began it.
 */
#include "adapters/espax_session.h"

#include <string.h>

/* --- the table ------------------------------------------------------------------------------------ */

struct espax_process *espax_process_of(struct espax_session *s, struct slice ref, struct slice tan)
{
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        struct espax_process *p = &s->processes[i];
        bool is_it =
            ref.len > 0 ? slice_eq_str(ref, p->ref) : tan.len > 0 && slice_eq_str(tan, p->tan);
        if (p->is_used && is_it) {
            return p;
        }
    }
    return NULL;
}

struct espax_process *espax_process_at(struct espax_session *s, uint32_t order)
{
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX; i++) {
        if (s->processes[i].is_used && s->processes[i].order == order) {
            return &s->processes[i];
        }
    }
    return NULL;
}

static bool gives_way_before(const struct espax_process *a, const struct espax_process *b)
{
    if (a->is_used != b->is_used) {
        return !a->is_used;
    }
    return a->is_ended != b->is_ended ? a->is_ended : a->order < b->order;
}

struct espax_process *espax_new_process(struct espax_session *s, struct outbox *out)
{
    struct espax_process *chosen = &s->processes[0];
    for (size_t i = 1; i < ESPAX_PROCESSES_MAX; i++) {
        if (gives_way_before(&s->processes[i], chosen)) {
            chosen = &s->processes[i];
        }
    }
    if (chosen->is_used && !chosen->is_ended) {
        out_note(out, "many_processes",
                 "too many processes run; nothing more is told of the oldest");
    }
    memset(chosen, 0, sizeof *chosen);
    chosen->is_used = true;
    chosen->order = ++s->order;
    return chosen;
}

/* --- indications ---------------------------------------------------------------------------------- */

static void indicate(struct espax_session *s, const struct espax_process *p,
                     struct espax_message *m, struct now now, struct outbox *out)
{
    m->values[ESPAX_CP_PR_REF] = slice_str(p->ref);
    m->values[ESPAX_SP_PR_TAN] = slice_str(p->tan);
    espax_send(s, m, slice_of(NULL, 0), now, out);
}

static bool wants_process(const struct espax_process *p)
{
    return p->details == ESPAX_DETAILS_ALL || p->details == ESPAX_DETAILS_PROCESS;
}

static bool wants_results(const struct espax_process *p)
{
    return p->details == ESPAX_DETAILS_ALL || p->details == ESPAX_DETAILS_RESULTS;
}

static struct espax_message status_message(const struct espax_process *p)
{
    struct espax_message m = {.type = ESPAX_IND_P_STATUS};
    m.values[ESPAX_SP_STATUS] = slice_str(p->is_on_site ? "Postprocessing" : "Active");
    return m;
}

static struct espax_message event_message(const char *result)
{
    struct espax_message m = {.type = ESPAX_IND_P_EVENT};
    m.values[ESPAX_SS_DIRECTION] = slice_str("Outbound");
    m.values[ESPAX_SS_STATUS] = slice_str("Completed");
    m.values[ESPAX_SS_RESULT] = slice_str(result);
    return m;
}

void espax_tell_started(struct espax_session *s, const struct espax_process *p, struct now now,
                        struct outbox *out)
{
    struct espax_message m = {.type = ESPAX_IND_P_STARTED};
    m.values[ESPAX_SP_STATUS] = slice_str("Active");
    if (wants_process(p)) {
        indicate(s, p, &m, now, out);
    }
}

/* Asked for, so CP-PR-DETAILS does not count. */
void espax_tell_state(struct espax_session *s, const struct espax_process *p, struct now now,
                      struct outbox *out)
{
    struct espax_message status = status_message(p);
    status.values[ESPAX_SP_GETSTAT] = slice_str("true");
    indicate(s, p, &status, now, out);
    if (p->is_accepted) {
        struct espax_message event = event_message("Accepted");
        event.values[ESPAX_SP_GETSTAT] = slice_str("true");
        indicate(s, p, &event, now, out);
    }
}

static void tell_event(struct espax_session *s, const struct espax_process *p, const char *result,
                       struct now now, struct outbox *out)
{
    struct espax_message m = event_message(result);
    if (wants_results(p)) {
        indicate(s, p, &m, now, out);
    }
}

static void tell_status(struct espax_session *s, const struct espax_process *p, struct now now,
                        struct outbox *out)
{
    struct espax_message m = status_message(p);
    if (wants_process(p)) {
        indicate(s, p, &m, now, out);
    }
}

void espax_tell_end(struct espax_session *s, struct espax_process *p, const char *reason,
                    const char *result, struct now now, struct outbox *out)
{
    struct espax_message m = {.type = ESPAX_IND_P_ENDED};
    m.values[ESPAX_SP_ENDREASON] = slice_str(reason);
    m.values[ESPAX_SP_RESULT] = slice_str(result);
    if (p->details != ESPAX_DETAILS_NO) {
        indicate(s, p, &m, now, out);
    }
    p->is_ended = true;
}

/* --- a case has changed --------------------------------------------------------------------------- */

/* As the ledger puts presses together: one case a device for people, one a kind for technical faults. */
static bool concerns(const struct case_value *c, const struct espax_process *p)
{
    bool is_technical = kind_is_technical(p->line_kind);
    return p->is_used && !p->is_ended && p->device[0] != '\0' &&
           strcmp(c->device, p->device) == 0 && kind_is_technical(c->kind) == is_technical &&
           (!is_technical || c->kind == p->line_kind);
}

static void tell_closed(struct espax_session *s, struct espax_process *p,
                        const struct case_value *c, struct now now, struct outbox *out)
{
    if (p->is_stopping) {
        p->has_closed = true; /* its own P-STOP has closed it: that is answered first */
        return;
    }
    espax_tell_end(s, p, c->is_restored ? "Client" : "Finished",
                   c->is_restored && !p->is_accepted ? "None" : "Positive confirmed", now, out);
}

static void tell_change(struct espax_session *s, struct espax_process *p,
                        const struct adapter_status *status, struct now now, struct outbox *out)
{
    switch ((int)status->change) {
    case CHANGE_OFFERED:
        tell_status(s, p, now, out);
        break;
    case CHANGE_ACCEPTED:
    case CHANGE_CENTRE_ACCEPTED: /* a human has it, here or there */
        p->is_accepted = true;
        tell_event(s, p, "Accepted", now, out);
        break;
    case CHANGE_DECLINED:
        tell_event(s, p, "Rejected", now, out);
        break;
    case CHANGE_ON_SITE:
        p->is_on_site = true;
        tell_status(s, p, now, out);
        break;
    case CHANGE_REOPENED:
        p->is_accepted = false;
        p->is_on_site = false;
        tell_status(s, p, now, out);
        break;
    case CHANGE_CLOSED:
        tell_closed(s, p, status->case_, now, out);
        break;
    default:
        break;
    }
}

/* The outbox takes OUTBOX_ITEMS_MAX; nobody starts so many processes at one bed. */
enum { TOLD_MAX = 8 };

void espax_server_status(struct espax_session *s, const struct adapter_status *status,
                         struct now now, struct outbox *out)
{
    size_t told = 0;
    for (size_t i = 0; i < ESPAX_PROCESSES_MAX && told < TOLD_MAX; i++) {
        if (concerns(status->case_, &s->processes[i])) {
            tell_change(s, &s->processes[i], status, now, out);
            told++;
        }
    }
}
