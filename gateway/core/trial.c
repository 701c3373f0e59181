/* trial.c - a test that somebody has asked for: is this device heard when it is pressed?
 *
 * Called by the rules. Test traffic has its own lane: it is journalled and answered, and makes, raises and
 * closes no case (intake.c). What is asked for here changes nothing of that: a press that the device does
 * not call a test is an alarm, whoever asked for a test, because nobody can know that it is none. Both
 * answer the test. Nothing in time is a technical alarm.
 */
#include "core/draft.h"

#include <string.h>

static size_t device_at(const struct work *w, const char *id)
{
    const struct device *device = directory_device(w->ledger->directory, id);
    return device == NULL ? SIZE_MAX : (size_t)(device - w->ledger->directory->devices);
}

void decide_trial(struct work *w)
{
    size_t at = device_at(w, w->input->reason);
    struct record *record = at == SIZE_MAX ? NULL : work_put(w, RECORD_TRIAL);
    if (record == NULL) {
        work_reply(w, ERR_NOT_FOUND, "unknown_device");
        return;
    }
    struct trial *trial = &record->trial;
    memcpy(trial->device, w->ledger->directory->devices[at].id, sizeof trial->device);
    (void)slice_text(slice_str(w->input->staff), trial->by, sizeof trial->by);
    trial->state = TRIAL_ASKED;
    trial->at_ms = w->now.wall_ms;
    trial->within_ms = w->input->within_ms;
}

static void put_result(struct work *w, size_t at, enum trial_state state)
{
    struct record *record = work_put(w, RECORD_TRIAL);
    if (record != NULL) {
        record->trial = w->ledger->lives[at].trial;
        record->trial.after_ms = state == TRIAL_HEARD ? w->now.wall_ms - record->trial.at_ms : 0;
        record->trial.state = state;
        record->trial.at_ms = w->now.wall_ms;
    }
}

/* The fault that a failed test has raised is over: it is heard after all. */
static void end_fault(struct work *w, size_t at)
{
    struct alarm event = gateway_event(w, at, KIND_DEVICE_FAULT, PHASE_RESTORED);
    const struct slot *slot = fold_line(w->ledger, &event);
    if (slot != NULL) {
        memcpy(event.reference, slot->c.reference, sizeof event.reference);
        event.id = alarm_make_id(&event);
        decide_event(w, &event);
    }
}

void decide_tried(struct work *w, const struct alarm *alarm)
{
    size_t at = fold_device(w->ledger, alarm);
    bool is_end = alarm->phase == PHASE_RESTORED || alarm->phase == PHASE_CANCELLED;
    bool is_press = alarm->is_test || (!is_end && !kind_is_technical(alarm->kind));
    if (at == SIZE_MAX || !is_press) {
        return;
    }
    if (w->ledger->lives[at].trial.state == TRIAL_ASKED) {
        put_result(w, at, TRIAL_HEARD);
    }
    end_fault(w, at);
}

void decide_trials_over(struct work *w)
{
    uint32_t due[DECISION_MAX];
    size_t count = heap_due(&w->ledger->trials, w->now.mono_ms, due, DECISION_MAX);
    for (size_t i = 0; i < count && work_has_case_room(w, true); i++) {
        if (work_room(w) < CASE_RECORDS_MAX + 2) {
            w->out->reply.is_more = true;
            return;
        }
        struct alarm event = gateway_event(w, due[i], KIND_DEVICE_FAULT, PHASE_RAISED);
        struct buf reference = buf_of(event.reference, sizeof event.reference);
        buf_put_str(&reference, "test@");
        buf_put_i64(&reference, w->ledger->lives[due[i]].trial.at_ms);
        (void)buf_cstr(&reference);
        (void)slice_text(slice_str("not heard when it was tested"), event.text, sizeof event.text);
        event.id = alarm_make_id(&event);
        put_result(w, due[i], TRIAL_FAILED);
        decide_event(w, &event);
    }
}
