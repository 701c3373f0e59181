/* decide.c - the door of the rules: one input, one time, and the records that follow from them.
 *
 * Called by the turn. Changes nothing: what was decided becomes true by ledger_apply.
 */
#include "core/draft.h"

#include <string.h>

size_t work_room(const struct work *w)
{
    return DECISION_MAX - w->out->count;
}

struct record *work_put(struct work *w, enum record_type type)
{
    if (work_room(w) == 0) {
        return NULL;
    }
    struct record *record = &w->out->records[w->out->count++];
    memset(record, 0, sizeof *record);
    record->type = type;
    return record;
}

void work_reply(struct work *w, enum err err, const char *word)
{
    w->out->reply.err = err;
    w->out->reply.word = word;
}

/* A quarter of the room is kept for persons: ten thousand silent devices must not lock out one call. */
bool work_has_case_room(const struct work *w, bool is_technical)
{
    size_t used = w->ledger->open_count + w->created;
    size_t room = w->ledger->limits.cases;
    return used < (is_technical ? room - room / 4 : room);
}

void decide_deadlines(struct work *w)
{
    enum { PER_DECISION = DECISION_MAX };
    uint32_t due[PER_DECISION];
    size_t count = heap_due(&w->ledger->due, w->now.mono_ms, due, PER_DECISION);
    for (size_t i = 0; i < count; i++) {
        if (work_room(w) < CASE_RECORDS_MAX) {
            w->out->reply.is_more = true;
            return;
        }
        struct draft t = draft_of(w, &w->ledger->slots[due[i]]);
        steps_deadline(&t);
    }
    w->out->reply.is_more = count == PER_DECISION;
}

static void decide_tick(struct work *w)
{
    decide_deadlines(w);
    if (!w->out->reply.is_more) {
        decide_trials_over(w);
    }
    if (!w->out->reply.is_more) {
        decide_silences(w);
    }
}

static void decide_fault(struct work *w)
{
    const struct input *in = w->input;
    bool is_known = false;
    for (size_t i = 0; i < w->ledger->fault_count; i++) {
        is_known =
            is_known || (strncmp(w->ledger->faults[i].what, in->reason, UNIT_ROOM - 1) == 0 &&
                         strcmp(w->ledger->faults[i].about, in->to) == 0);
    }
    if (is_known == in->is_on) {
        work_reply(w, ERR_DUPLICATE, "");
        return;
    }
    struct record *record = work_put(w, RECORD_FAULT);
    if (record != NULL) {
        (void)slice_text(slice_str(in->reason), record->fault.what, sizeof record->fault.what);
        (void)slice_text(slice_str(in->to), record->fault.about, sizeof record->fault.about);
        record->fault.is_over = !in->is_on;
        record->fault.at_ms = w->now.wall_ms;
    }
}

/* Evidence for the evaluation: the answer to this alarm has left. Changes nothing. */
static void decide_answered(struct work *w)
{
    const struct alarm *alarm = w->input->alarm;
    struct record *record = alarm == NULL ? NULL : work_put(w, RECORD_ANSWERED);
    if (record == NULL) {
        work_reply(w, ERR_UNSUPPORTED, "unknown_input");
        return;
    }
    record->answered.event_id = alarm->id;
    (void)slice_text(slice_str(alarm->port), record->answered.port, sizeof record->answered.port);
    record->answered.is_positive = w->input->is_on;
    record->answered.at_ms = w->now.wall_ms;
}

static void decide_started(struct work *w)
{
    struct record *record = work_put(w, RECORD_STARTED);
    if (record != NULL) {
        struct started *started = &record->started;
        memcpy(started->config, w->ledger->directory->config_id, sizeof started->config);
        (void)slice_text(slice_str(w->input->to), started->version, sizeof started->version);
        (void)slice_text(slice_str(w->input->reason), started->boot, sizeof started->boot);
        started->at_ms = w->now.wall_ms;
    }
}

void ledger_decide(const struct ledger *ledger, const struct input *input, struct now now,
                   struct decision *ret)
{
    typedef void rule(struct work * w);
    static rule *const rules[] = {
        [INPUT_ALIVE] = decide_alive,     [INPUT_DUTY] = decide_duty,
        [INPUT_HANDSET] = decide_handset, [INPUT_RECEIPT] = decide_receipt,
        [INPUT_ACCEPT] = decide_accept,   [INPUT_DECLINE] = decide_decline,
        [INPUT_ON_SITE] = decide_on_site, [INPUT_HAND_OVER] = decide_hand_over,
        [INPUT_CLOSE] = decide_close,     [INPUT_ASSIST] = decide_assist,
        [INPUT_CENTRE] = decide_centre,   [INPUT_ANSWERED] = decide_answered,
        [INPUT_FAULT] = decide_fault,     [INPUT_TRIAL] = decide_trial,
        [INPUT_STARTED] = decide_started, [INPUT_TICK] = decide_tick};
    ret->count = 0;
    ret->reply = (struct reply){.word = ""};
    struct work w = {.ledger = ledger, .input = input, .now = now, .out = ret};
    if (input->type == INPUT_ALARM && input->alarm != NULL) {
        decide_alarm(&w, input->alarm);
    } else if (input->type < sizeof rules / sizeof rules[0] && rules[input->type] != NULL) {
        rules[input->type](&w);
    } else {
        work_reply(&w, ERR_UNSUPPORTED, "unknown_input");
    }
}
