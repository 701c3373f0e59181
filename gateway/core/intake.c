/* intake.c - an alarm comes in: an event for the journal, and what it means for the open cases.
 *
 * The plan of a case is the one of its first press, so that the time promised for it stays true.
 * A known id is a repetition of the same message: the same answer, no record. A new id on an open line
 * is another press. A test alarm is journalled and answered, and makes, raises and closes no case: test
 * traffic must never hide or delay a person's call. Nothing that is not a test is ever dropped, except
 * by a full table, and then the sender is told. Tests are dropped past TESTS_MAX a minute and device.
 */
#include "core/draft.h"

#include <string.h>

static bool is_graver(enum class_ a, enum class_ b)
{
    return a >= CLASS_LIFE && a < b;
}

static void put_event(struct work *w, const struct alarm *event)
{
    struct record *record = work_put(w, RECORD_EVENT);
    if (record != NULL) {
        record->event = *event;
    }
}

struct case_value case_begin(const struct work *w, const struct alarm *alarm)
{
    struct case_value value = {.id = alarm->id};
    struct case_value *c = &value;
    c->kind = alarm->kind;
    c->class_ = alarm->class_ == CLASS_UNKNOWN ? kind_class(alarm->kind) : alarm->class_;
    c->form = alarm->form;
    memcpy(c->unit, alarm->unit, sizeof c->unit);
    memcpy(c->place, alarm->place, sizeof c->place);
    memcpy(c->device, alarm->device, sizeof c->device);
    memcpy(c->dialect, alarm->dialect, sizeof c->dialect);
    memcpy(c->port, alarm->port, sizeof c->port);
    memcpy(c->reference, alarm->reference, sizeof c->reference);
    memcpy(c->text, alarm->text, sizeof c->text);
    memcpy(c->config, alarm->config, sizeof c->config);
    c->state = CASE_RAISED;
    c->raised_ms = w->now.wall_ms;
    c->deadline_ms = w->now.wall_ms;
    c->count = 1;
    c->is_device_unknown = alarm->is_device_unknown;
    c->is_not_recorded = alarm->is_not_recorded;
    return value;
}

void case_open(struct work *w, struct draft *t)
{
    struct case_value *c = &t->c;
    const struct plan *plan =
        plan_match(w->ledger->directory, c->form, c->unit, c->kind, c->class_, w->now.wall_ms);
    if (plan != NULL) {
        memcpy(c->plan, plan->name, sizeof c->plan);
    }
    w->created++;
    w->out->reply.case_id = c->id;
    draft_put(t, CHANGE_RAISED, "", "");
    steps_begin(t);
}

/* The newest words of the device, and its graver kind. */
static void take_news(struct case_value *c, const struct alarm *alarm)
{
    memcpy(c->reference, alarm->reference, sizeof c->reference);
    if (alarm->text[0] != '\0') {
        memcpy(c->text, alarm->text, sizeof c->text);
    }
    c->is_not_recorded = c->is_not_recorded || alarm->is_not_recorded;
    if (is_graver(alarm->class_, c->class_)) {
        c->kind = alarm->kind;
        c->class_ = alarm->class_;
    }
}

/* A fault that was a technician's until now, and leaves somebody without help. */
static bool is_newly_unprotected(const struct case_value *c, const struct alarm *alarm)
{
    return kind_is_technical(c->kind) && is_graver(alarm->class_, c->class_);
}

static void press_again(struct work *w, const struct slot *slot, const struct alarm *alarm)
{
    struct draft t = draft_of(w, slot);
    int64_t window_ms = w->ledger->directory->repeat_window_ms;
    bool is_soon = window_ms <= 0 || w->now.wall_ms - t.marks.pressed_ms <= window_ms;
    bool is_unprotected = is_newly_unprotected(&t.c, alarm);
    if (is_soon && !kind_is_technical(t.c.kind) && /* a thing that says it again is not impatient */
        (t.c.class_ == CLASS_SERVICE || t.c.class_ == CLASS_URGENT)) {
        t.c.class_ = (enum class_)(t.c.class_ - 1);
    }
    take_news(&t.c, alarm);
    t.c.count += t.c.count < UINT32_MAX;
    t.c.is_restored = false; /* pressed after the reset: the need is back */
    offers_ring(&t.c);
    w->out->reply.case_id = t.c.id;
    bool was_at_centre = t.c.state == CASE_AT_CENTRE;
    if (was_at_centre) {
        /* The centre took an earlier press. It must confirm that it knows of this one too. */
        t.c.state = CASE_RAISED;
        t.c.is_centre_accepted = false;
        t.c.deadline_ms = w->now.wall_ms;
    }
    draft_put(&t, CHANGE_REPEATED, "", "");
    if (is_unprotected) {
        steps_graver(&t, alarm->class_);
    } else if (was_at_centre) {
        steps_begin(&t);
    }
}

static void update(struct work *w, const struct slot *slot, const struct alarm *alarm)
{
    struct draft t = draft_of(w, slot);
    bool is_unprotected = is_newly_unprotected(&t.c, alarm);
    take_news(&t.c, alarm);
    w->out->reply.case_id = t.c.id;
    draft_put(&t, CHANGE_UPDATED, "", "");
    if (is_unprotected) {
        steps_graver(&t, alarm->class_);
    }
}

/* Does the end that the device reports speak about this case? A reset says "help is here" and ends
 * every need of a person at the device; a door that closes ends only the door; each technical kind ends
 * by itself. */
static bool is_ended_by(const struct case_value *c, const struct alarm *alarm)
{
    if (kind_is_technical(c->kind) != kind_is_technical(alarm->kind)) {
        return false;
    }
    if (kind_is_technical(c->kind) && fold_is_ours(c->dialect) != fold_is_ours(alarm->dialect)) {
        return false;
    }
    bool is_general = alarm->kind == KIND_HELP || alarm->kind == KIND_UNKNOWN;
    if (c->kind != alarm->kind && !is_general) {
        return false;
    }
    size_t len = strlen(alarm->device);
    bool is_same_origin = c->is_device_unknown == alarm->is_device_unknown &&
                          (!c->is_device_unknown || strcmp(c->dialect, alarm->dialect) == 0);
    return is_same_origin && strncmp(c->device, alarm->device, len) == 0 &&
           (c->device[len] == '\0' || c->device[len] == '/');
}

static void end_one(struct work *w, const struct slot *slot, const struct alarm *alarm)
{
    struct draft t = draft_of(w, slot);
    const struct device *device =
        t.c.is_device_unknown ? NULL : directory_device(w->ledger->directory, t.c.device);
    if (device == NULL && !t.c.is_device_unknown) {
        device = directory_device(w->ledger->directory, alarm->device);
    }
    w->out->reply.case_id = t.c.id;
    if (kind_is_technical(t.c.kind) || (device != NULL && device->on_reset == ON_RESET_CLOSE)) {
        t.c.is_restored = true;
        draft_close(&t, "", "restored");
    } else if (!t.c.is_restored) {
        t.c.is_restored = true;
        draft_put(&t, CHANGE_RESTORED, "", "");
    }
}

static void end_cases(struct work *w, const struct alarm *alarm)
{
    const struct ledger *ledger = w->ledger;
    if (ledger->nested_count == 0) {
        /* No case lies below another device: its own line is all there is to look at. */
        const struct slot *slot = fold_line(ledger, alarm);
        if (slot != NULL && is_ended_by(&slot->c, alarm)) {
            end_one(w, slot, alarm);
        }
        return;
    }
    /* More than one decision can hold stay open: a human looks after them. */
    for (size_t i = 0; i < ledger->open_count && work_room(w) > 2; i++) {
        const struct slot *slot = &ledger->slots[ledger->open[i]];
        if (is_ended_by(&slot->c, alarm)) {
            end_one(w, slot, alarm);
        }
    }
}

void decide_event(struct work *w, const struct alarm *event)
{
    const struct slot *slot = fold_line(w->ledger, event);
    bool is_end = event->phase == PHASE_RESTORED || event->phase == PHASE_CANCELLED;
    if (event->is_test || is_end) {
        put_event(w, event);
        if (is_end && !event->is_test) {
            end_cases(w, event);
        }
        return;
    }
    if (slot == NULL && !work_has_case_room(w, kind_is_technical(event->kind))) {
        work_reply(w, ERR_FULL, "full");
        return;
    }
    put_event(w, event);
    if (slot == NULL) {
        struct draft t = {.work = w, .c = case_begin(w, event)};
        case_open(w, &t);
    } else if (event->phase == PHASE_UPDATED) {
        update(w, slot, event);
    } else {
        press_again(w, slot, event);
    }
}

/* A device that sends one test after the other gets its answer and no more rows: tests may fill
 * neither the journal nor the time in which an alarm is written. Not while a test of it is asked for, nor
 * when it is under evaluation. */
static bool is_flood_of_tests(const struct work *w, const struct alarm *event)
{
    const struct ledger *ledger = w->ledger;
    size_t at = fold_device(ledger, event);
    if (at == SIZE_MAX) {
        return tests_in_minute(&ledger->strangers, event->gateway_ms) >= STRANGER_TESTS_MAX;
    }
    const struct life *life = &ledger->lives[at];
    return !ledger->directory->devices[at].record_all && life->trial.state != TRIAL_ASKED &&
           tests_in_minute(&life->tests, event->gateway_ms) >= TESTS_MAX;
}

void decide_alarm(struct work *w, const struct alarm *alarm)
{
    enum err err = alarm_check(alarm);
    if (err != ERR_OK) {
        work_reply(w, err, "bad_alarm");
        return;
    }
    struct alarm event = *alarm;
    if (alarm_id_is_zero(&event.id)) {
        event.id = alarm_make_id(&event);
    }
    if (idring_has(&w->ledger->ids, &event.id)) {
        const struct slot *slot = fold_line(w->ledger, &event);
        work_reply(w, ERR_DUPLICATE, "");
        w->out->reply.case_id = slot != NULL ? slot->c.id : event.id;
        return;
    }
    if (event.is_test && is_flood_of_tests(w, &event)) {
        work_reply(w, ERR_DUPLICATE, "test_flood");
        return;
    }
    size_t device = fold_device(w->ledger, &event);
    if (kind_is_technical(event.kind) && device != SIZE_MAX) {
        event.class_ = guard_class(w, device, event.kind);
    }
    decide_event(w, &event);
    if (w->out->reply.err == ERR_OK) {
        struct alarm_id case_id = w->out->reply.case_id;
        decide_heard(w, &event);
        decide_tried(w, &event);
        w->out->reply.case_id = case_id;
    }
}

void decide_assist(struct work *w)
{
    const struct directory *d = w->ledger->directory;
    const struct carer *carer = fold_carer(w->ledger, w->input->staff);
    if (carer == NULL) {
        work_reply(w, ERR_NOT_FOUND, "unknown_staff");
        return;
    }
    struct alarm event = {.kind = KIND_STAFF_ASSIST,
                          .class_ = kind_class(KIND_STAFF_ASSIST),
                          .phase = PHASE_RAISED,
                          .dialect = "handset",
                          .port = "handset",
                          .gateway_ms = w->now.wall_ms};
    struct buf device = buf_of(event.device, sizeof event.device);
    buf_put_str(&device, "staff/");
    buf_put_str(&device, w->input->staff);
    (void)buf_cstr(&device);
    struct buf reference = buf_of(event.reference, sizeof event.reference);
    buf_put_str(&reference, "assist@");
    buf_put_i64(&reference, w->now.wall_ms);
    (void)buf_cstr(&reference);
    (void)slice_text(slice_str(w->input->reason), event.text, sizeof event.text);
    memcpy(event.unit, carer->value.unit, sizeof event.unit);
    memcpy(event.config, d->config_id, sizeof event.config);
    if (carer->unit < d->unit_count) {
        event.form = d->units[carer->unit].form;
    }
    event.id = alarm_make_id(&event);
    decide_event(w, &event);
}
