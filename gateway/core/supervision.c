/* supervision.c - silence counts as failure: devices that promised to be heard.
 *
 * Called by the rules. A silence is an event of the gateway itself, and so is its end: the fold knows
 * from them who is silent and which case tells of it (site.c), and a restart raises nothing twice.
 *
 * What is promised: a device that is not heard within its interval is told of within that interval and a
 * tenth, since the ledger is woken at that moment. The clock is monotonic, so that a step of the wall
 * clock makes nobody silent. After a start every device has one interval again, at most; who has not
 * been heard for two intervals in which we have listened is told of a minute after the start (fold.c).
 */
#include "core/draft.h"

#include <string.h>

void silence_reference(int64_t silent_ms, const uint8_t *joined, struct buf *out)
{
    buf_put_str(out, "silent@");
    buf_put_i64(out, silent_ms < 0 ? 0 : silent_ms);
    if (joined != NULL) {
        buf_put_u8(out, ' ');
        buf_put_hex(out, slice_of(joined, CASE_ID_REF));
    }
    (void)buf_cstr(out);
}

static size_t unit_of(const struct directory *d, const struct device *device)
{
    return device->place < d->place_count ? d->places[device->place].unit : d->unknown_unit;
}

struct alarm gateway_event(const struct work *w, size_t at, enum kind kind, enum phase phase)
{
    const struct directory *d = w->ledger->directory;
    const struct device *device = &d->devices[at];
    struct alarm event = {.kind = kind,
                          .class_ = guard_class(w, at, kind),
                          .phase = phase,
                          .dialect = "gateway",
                          .port = "supervision",
                          .gateway_ms = w->now.wall_ms};
    size_t unit = unit_of(d, device);
    memcpy(event.device, device->id, sizeof event.device);
    memcpy(event.vendor, device->vendor, sizeof event.vendor);
    memcpy(event.config, d->config_id, sizeof event.config);
    if (device->place < d->place_count) {
        memcpy(event.place, d->places[device->place].pseudonym, sizeof event.place);
    }
    if (unit < d->unit_count) {
        memcpy(event.unit, d->units[unit].id, sizeof event.unit);
        event.form = d->units[unit].form;
    }
    return event;
}

/* `joined` NULL: it is told by a case of its own. */
static struct alarm event_of(const struct work *w, size_t at, int64_t silent_ms,
                             const uint8_t *joined, enum phase phase)
{
    struct alarm event = gateway_event(w, at, KIND_DEVICE_SILENT, phase);
    struct buf reference = buf_of(event.reference, sizeof event.reference);
    silence_reference(silent_ms, joined, &reference);
    event.id = alarm_make_id(&event);
    return event;
}

/* --- silences that begin -------------------------------------------------------------------------- */

static void put_event(struct work *w, const struct alarm *event)
{
    struct record *record = work_put(w, RECORD_EVENT);
    if (record != NULL) {
        record->event = *event;
    }
}

/* As exactly as it is known: in this life of ours, else as the journal says, else when we began. */
static int64_t last_sign_ms(const struct work *w, size_t at)
{
    const struct life *life = &w->ledger->lives[at];
    return life->is_heard || life->sign_ms == 0
               ? w->now.wall_ms - (w->now.mono_ms - life->heard_mono_ms)
               : life->sign_ms;
}

/* All that are due of one unit: they join the case there is, or the first opens one for all. Those dealt
 * with are taken off the list. */
static void begin_site(struct work *w, uint32_t *due, size_t *count)
{
    const struct directory *d = w->ledger->directory;
    size_t unit = unit_of(d, &d->devices[due[0]]);
    const struct slot *slot = site_find(w, unit);
    struct site site = {.without = SIZE_MAX};
    enum class_ gravest = CLASS_TECHNICAL;
    size_t kept = 0;
    struct draft t = {.work = w};
    if (slot != NULL) {
        t = draft_of(w, slot);
        memcpy(site.ref, slot->c.id.at, CASE_ID_REF);
    }
    for (size_t i = 0; i < *count; i++) {
        bool is_here = unit_of(d, &d->devices[due[i]]) == unit;
        if (!is_here || work_room(w) < CASE_RECORDS_MAX) {
            due[kept++] = due[i];
            continue;
        }
        bool is_first = slot == NULL && site.joining_count == 0;
        struct alarm event =
            event_of(w, due[i], last_sign_ms(w, due[i]), is_first ? NULL : site.ref, PHASE_RAISED);
        if (is_first) {
            memcpy(site.ref, event.id.at, CASE_ID_REF);
            t.c = case_begin(w, &event);
        }
        put_event(w, &event);
        gravest = event.class_ < gravest ? event.class_ : gravest;
        site.joining[site.joining_count++] = due[i];
    }
    *count = kept;
    if (slot != NULL) {
        site_grown(&t, &site, gravest);
    } else {
        site_open(&t, &site, gravest);
    }
}

void decide_silences(struct work *w)
{
    uint32_t due[DECISION_MAX];
    size_t count = heap_due(&w->ledger->watch, w->now.mono_ms, due, DECISION_MAX);
    size_t found = count;
    while (count > 0 && work_has_case_room(w, true) && work_room(w) >= 2 * CASE_RECORDS_MAX) {
        begin_site(w, due, &count);
    }
    w->out->reply.is_more = work_has_case_room(w, true) && (count > 0 || found == DECISION_MAX);
}

/* --- silences that end ---------------------------------------------------------------------------- */

static void end_silence(struct work *w, size_t at)
{
    const struct life *life = &w->ledger->lives[at];
    struct alarm event = event_of(w, at, life->silent_ms, life->silent_case, PHASE_RESTORED);
    put_event(w, &event);
    const struct slot *slot = fold_case_ref(w->ledger, life->silent_case);
    if (slot == NULL) {
        return; /* somebody has closed it: the silence ends by itself */
    }
    struct draft t = draft_of(w, slot);
    struct site site = {.without = at};
    memcpy(site.ref, life->silent_case, CASE_ID_REF);
    site_shrunk(&t, &site);
}

/* Speaks again after a silence: the silence is over, and its case with it when it was the last. A test
 * alarm is a sign of life like any other. */
void decide_heard(struct work *w, const struct alarm *alarm)
{
    size_t at = fold_device(w->ledger, alarm);
    bool is_about_it = alarm->kind == KIND_DEVICE_SILENT || alarm->kind == KIND_LINK_LOST;
    if (at != SIZE_MAX && !is_about_it && w->ledger->lives[at].is_silent) {
        end_silence(w, at);
    }
}

/* Not each heartbeat is worth a row; the first, one an hour, and what changes what is known are. */
static bool is_worth_a_row(const struct work *w, size_t at, int64_t promised_ms)
{
    const struct device *device = &w->ledger->directory->devices[at];
    const struct life *life = &w->ledger->lives[at];
    int64_t age_ms = w->now.wall_ms - life->seen_ms;
    bool is_news =
        device->supervision_ms == 0 && promised_ms > 0 && promised_ms != life->promised_ms;
    return device->record_all || life->is_silent || life->seen_ms == 0 || age_ms < 0 ||
           age_ms >= SEEN_EVERY_MS || is_news;
}

void decide_alive(struct work *w)
{
    const struct alarm *alarm = w->input->alarm;
    size_t at = alarm == NULL ? SIZE_MAX : fold_device(w->ledger, alarm);
    if (at == SIZE_MAX) {
        work_reply(w, ERR_NOT_FOUND, "unknown_device");
        return;
    }
    const struct device *device = &w->ledger->directory->devices[at];
    struct record *record =
        is_worth_a_row(w, at, alarm->interval_ms) ? work_put(w, RECORD_SEEN) : NULL;
    if (record != NULL) {
        struct seen *seen = &record->seen;
        memcpy(seen->device, device->id, sizeof seen->device);
        memcpy(seen->port, alarm->port, sizeof seen->port);
        memcpy(seen->reference, alarm->reference, sizeof seen->reference);
        seen->at_ms = w->now.wall_ms;
        seen->expected_ms =
            device->supervision_ms > 0 ? device->supervision_ms : alarm->interval_ms;
        seen->sequence = alarm->sequence;
    }
    struct alarm heard = *alarm;
    heard.kind = KIND_UNKNOWN; /* a heartbeat is about nothing but life */
    decide_heard(w, &heard);
}
