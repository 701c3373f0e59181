/* supervision.c - silence counts as failure: devices that promised to be heard.
 *
 * Called by the rules. A silence is an event of the gateway itself, and so is its end: the fold knows
 * from them who is silent and which case tells of it, and a restart raises nothing twice. The clock of a
 * silence is monotonic and begins anew with each life: after a start every device has one interval.
 *
 * Silences of one unit that begin near each other are one case with a list, however many: the first opens
 * it, the others join it. Who speaks again leaves the list; the last one ends the case. A silence that
 * begins later, when somebody is already seeing to the first, is a case of its own.
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
                          .class_ = directory_fault_class(d, device, kind),
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

/* --- the list ------------------------------------------------------------------------------------- */

/* Who is silent in a case, with what this decision adds or takes away. */
struct list {
    size_t count;
    size_t named;
    struct buf names;
    char memory[TEXT_ROOM - 16];
};

static void list_add(struct list *list, const char *device)
{
    size_t len = strlen(device);
    list->count++;
    if (list->names.len + len + 2 < list->names.room && list->named + 1 == list->count) {
        buf_put_str(&list->names, list->named > 0 ? ", " : "");
        buf_put(&list->names, device, len);
        list->named++;
    }
}

static bool is_among(const uint32_t *items, size_t count, size_t item)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i] == item) {
            return true;
        }
    }
    return false;
}

/* In the order of the directory: who is silent in this case but `without`, and who joins now. */
static void list_members(struct list *list, const struct ledger *ledger, const uint8_t *case_ref,
                         size_t without, const uint32_t *joining, size_t joining_count)
{
    *list = (struct list){.count = 0};
    list->names = buf_of(list->memory, sizeof list->memory);
    for (size_t i = 0; i < ledger->directory->device_count; i++) {
        const struct life *life = &ledger->lives[i];
        bool is_member = life->is_silent && memcmp(life->silent_case, case_ref, CASE_ID_REF) == 0;
        if ((is_member && i != without) || is_among(joining, joining_count, i)) {
            list_add(list, ledger->directory->devices[i].id);
        }
    }
}

/* "12: a, b, c +9"; a list of one needs none, the case names its device. */
static void put_list(const struct list *list, char *ret_text, size_t room)
{
    struct buf text = buf_of(ret_text, room);
    buf_put_u64(&text, list->count);
    buf_put_str(&text, ": ");
    buf_put_slice(&text, buf_slice(&list->names));
    if (list->named < list->count) {
        buf_put_str(&text, " +");
        buf_put_u64(&text, list->count - list->named);
    }
    (void)buf_cstr(&text);
}

/* --- silences that begin -------------------------------------------------------------------------- */

/* The open case of this unit's silences that another one may still join. */
static const struct slot *site_case(const struct work *w, size_t unit)
{
    const struct ledger *ledger = w->ledger;
    const struct directory *d = ledger->directory;
    for (size_t i = 0; unit < d->unit_count && i < ledger->open_count; i++) {
        const struct slot *slot = &ledger->slots[ledger->open[i]];
        const struct case_value *c = &slot->c;
        bool is_it = c->kind == KIND_DEVICE_SILENT && strcmp(c->unit, d->units[unit].id) == 0;
        bool is_fresh = w->now.wall_ms - c->changed_ms < SITE_WINDOW_MS;
        if (is_it && (is_fresh || c->owner[0] == '\0')) {
            return slot;
        }
    }
    return NULL;
}

static void put_event(struct work *w, const struct alarm *event)
{
    struct record *record = work_put(w, RECORD_EVENT);
    if (record != NULL) {
        record->event = *event;
    }
}

/* Those who are being asked are rung again: the case has grown. */
static void tell_grown(struct draft *t, const struct list *list, enum class_ gravest)
{
    put_list(list, t->c.text, sizeof t->c.text);
    if (gravest < t->c.class_) {
        t->c.class_ = gravest;
    }
    for (size_t i = 0; t->c.owner[0] == '\0' && i < t->c.offer_count; i++) {
        if (stage_is_open(t->c.offers[i].stage)) {
            t->c.offers[i].stage = OFFER_QUEUED;
        }
    }
    draft_put(t, CHANGE_UPDATED, "", "");
}

static int64_t last_sign_ms(const struct work *w, size_t at)
{
    return w->now.wall_ms - (w->now.mono_ms - w->ledger->lives[at].heard_mono_ms);
}

/* All that are due of one unit: they join the case there is, or the first opens one for all. Those dealt
 * with are taken off the list. */
static void begin_site(struct work *w, uint32_t *due, size_t *count)
{
    const struct directory *d = w->ledger->directory;
    size_t unit = unit_of(d, &d->devices[due[0]]);
    const struct slot *slot = site_case(w, unit);
    struct list list;
    uint8_t ref[CASE_ID_REF];
    enum class_ gravest = CLASS_TECHNICAL;
    size_t kept = 0;
    size_t joined = 0;
    uint32_t joining[DECISION_MAX];
    struct draft t = {.work = w};
    if (slot != NULL) {
        memcpy(ref, slot->c.id.at, CASE_ID_REF);
        t = draft_of(w, slot);
    }
    for (size_t i = 0; i < *count; i++) {
        bool is_here = unit_of(d, &d->devices[due[i]]) == unit;
        if (!is_here || work_room(w) < CASE_RECORDS_MAX) {
            due[kept++] = due[i];
            continue;
        }
        bool is_first = slot == NULL && joined == 0;
        struct alarm event =
            event_of(w, due[i], last_sign_ms(w, due[i]), is_first ? NULL : ref, PHASE_RAISED);
        if (is_first) {
            memcpy(ref, event.id.at, CASE_ID_REF);
            t.c = case_begin(w, &event);
        }
        put_event(w, &event);
        gravest = event.class_ < gravest ? event.class_ : gravest;
        joining[joined++] = due[i];
    }
    *count = kept;
    list_members(&list, w->ledger, ref, SIZE_MAX, joining, joined);
    if (slot == NULL) {
        t.c.class_ = gravest;
        if (list.count > 1) {
            put_list(&list, t.c.text, sizeof t.c.text);
        }
        case_open(w, &t);
    } else if (joined > 0) {
        tell_grown(&t, &list, gravest);
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

static size_t life_of(const struct ledger *ledger, const struct alarm *alarm)
{
    const struct device *device =
        alarm->is_device_unknown ? NULL : directory_device(ledger->directory, alarm->device);
    return device == NULL ? SIZE_MAX : (size_t)(device - ledger->directory->devices);
}

static void end_silence(struct work *w, size_t at)
{
    const struct life *life = &w->ledger->lives[at];
    struct alarm event = event_of(w, at, life->silent_ms, life->silent_case, PHASE_RESTORED);
    put_event(w, &event);
    const struct slot *slot = fold_case_ref(w->ledger, life->silent_case);
    if (slot == NULL) {
        return; /* somebody has closed it: the silence ends by itself */
    }
    struct list list;
    struct draft t = draft_of(w, slot);
    list_members(&list, w->ledger, life->silent_case, at, NULL, 0);
    if (list.count > 0) {
        put_list(&list, t.c.text, sizeof t.c.text);
        draft_put(&t, CHANGE_UPDATED, "", "");
    } else {
        t.c.is_restored = true;
        draft_close(&t, "", "restored");
    }
}

/* Speaks again after a silence: the silence is over, and its case with it when it was the last. */
void decide_heard(struct work *w, const struct alarm *alarm)
{
    size_t at = life_of(w->ledger, alarm);
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
    size_t at = alarm == NULL ? SIZE_MAX : life_of(w->ledger, alarm);
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
