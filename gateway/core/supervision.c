/* supervision.c - silence counts as failure: devices that promised to be heard.
 *
 * Called by the rules. A silence is an event of the gateway itself, and so is its end: the fold knows
 * from them who is silent, and a restart raises nothing twice. The clock of a silence is monotonic and
 * begins anew with each life.
 */
#include "core/draft.h"

#include <string.h>

static struct alarm event_of(const struct work *w, size_t at, int64_t silent_ms, enum phase phase)
{
    const struct directory *d = w->ledger->directory;
    const struct device *device = &d->devices[at];
    struct alarm event = {.kind = KIND_DEVICE_SILENT,
                          .class_ = CLASS_TECHNICAL,
                          .phase = phase,
                          .dialect = "gateway",
                          .port = "supervision",
                          .gateway_ms = w->now.wall_ms};
    memcpy(event.device, device->id, sizeof event.device);
    memcpy(event.vendor, device->vendor, sizeof event.vendor);
    memcpy(event.config, d->config_id, sizeof event.config);
    size_t unit = d->unknown_unit;
    if (device->place < d->place_count) {
        memcpy(event.place, d->places[device->place].pseudonym, sizeof event.place);
        unit = d->places[device->place].unit;
    }
    if (unit < d->unit_count) {
        memcpy(event.unit, d->units[unit].id, sizeof event.unit);
        event.form = d->units[unit].form;
    }
    struct buf reference = buf_of(event.reference, sizeof event.reference);
    buf_put_str(&reference, "silent@");
    buf_put_i64(&reference, silent_ms);
    (void)buf_cstr(&reference);
    event.id = alarm_make_id(&event);
    return event;
}

void decide_silences(struct work *w)
{
    const struct ledger *ledger = w->ledger;
    uint32_t due[DECISION_MAX];
    size_t count = heap_due(&ledger->watch, w->now.mono_ms, due, DECISION_MAX);
    for (size_t i = 0; i < count && work_has_case_room(w, true); i++) {
        if (work_room(w) < CASE_RECORDS_MAX) {
            w->out->reply.is_more = true;
            return;
        }
        int64_t silent_ms = w->now.wall_ms - (w->now.mono_ms - ledger->lives[due[i]].heard_mono_ms);
        struct alarm event = event_of(w, due[i], silent_ms < 0 ? 0 : silent_ms, PHASE_RAISED);
        decide_event(w, &event);
    }
}

static size_t life_of(const struct ledger *ledger, const struct alarm *alarm)
{
    const struct device *device =
        alarm->is_device_unknown ? NULL : directory_device(ledger->directory, alarm->device);
    return device == NULL ? SIZE_MAX : (size_t)(device - ledger->directory->devices);
}

/* Speaks again after a silence: the silence is over, and its case with it. */
void decide_heard(struct work *w, const struct alarm *alarm)
{
    size_t at = life_of(w->ledger, alarm);
    bool is_about_it = alarm->kind == KIND_DEVICE_SILENT || alarm->kind == KIND_LINK_LOST;
    if (at != SIZE_MAX && !is_about_it && w->ledger->lives[at].is_silent) {
        struct alarm event = event_of(w, at, w->ledger->lives[at].silent_ms, PHASE_RESTORED);
        decide_event(w, &event);
    }
}

void decide_alive(struct work *w)
{
    const struct alarm *alarm = w->input->alarm;
    size_t at = alarm == NULL ? SIZE_MAX : life_of(w->ledger, alarm);
    if (at == SIZE_MAX) {
        work_reply(w, ERR_NOT_FOUND, "unknown_device");
        return;
    }
    const struct device *device = &w->ledger->directory->devices[at];
    const struct life *life = &w->ledger->lives[at];
    int64_t age_ms = w->now.wall_ms - life->seen_ms;
    if (device->record_all || life->is_silent || life->seen_ms == 0 || age_ms < 0 ||
        age_ms >= SEEN_EVERY_MS) {
        struct record *record = work_put(w, RECORD_SEEN);
        if (record != NULL) {
            struct seen *seen = &record->seen;
            memcpy(seen->device, device->id, sizeof seen->device);
            memcpy(seen->port, alarm->port, sizeof seen->port);
            memcpy(seen->reference, alarm->reference, sizeof seen->reference);
            seen->at_ms = w->now.wall_ms;
            seen->expected_ms = device->supervision_ms;
        }
    }
    struct alarm heard = *alarm;
    heard.kind = KIND_UNKNOWN; /* a heartbeat is about nothing but life */
    decide_heard(w, &heard);
}
