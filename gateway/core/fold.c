/* fold.c - ledger_apply: journalled facts into state, without a word and without a rule. What is known of
 * devices is fold_life.c.
 *
 * Called with every record, live and in recovery, so that recovery is tested by every ordinary run.
 * A case record carries the whole case: the last one counts. Never decides, never allocates.
 */
#include "core/fold.h"

#include "core/hash.h"

#include <string.h>

static size_t id_bucket(const struct ledger *ledger, const uint8_t *first8)
{
    return hash_end(hash_add(HASH_START, slice_of(first8, 8))) & (ledger->head_count - 1);
}

static size_t line_bucket(const struct ledger *ledger, const char *device)
{
    return hash_end(hash_add_text(HASH_START, device)) & (ledger->head_count - 1);
}

const struct slot *fold_case_ref(const struct ledger *ledger, const uint8_t ref[8])
{
    uint32_t at = ledger->id_heads[id_bucket(ledger, ref)];
    for (; at != 0; at = ledger->slots[at - 1].id_next) {
        if (memcmp(ledger->slots[at - 1].c.id.at, ref, 8) == 0) {
            return &ledger->slots[at - 1];
        }
    }
    return NULL;
}

const struct slot *fold_case(const struct ledger *ledger, const struct alarm_id *id)
{
    uint32_t at = ledger->id_heads[id_bucket(ledger, id->at)];
    for (; at != 0; at = ledger->slots[at - 1].id_next) {
        if (alarm_id_eq(&ledger->slots[at - 1].c.id, id)) {
            return &ledger->slots[at - 1];
        }
    }
    return NULL;
}

bool fold_is_ours(const char *dialect)
{
    return strcmp(dialect, "gateway") == 0;
}

size_t fold_device(const struct ledger *ledger, const struct alarm *alarm)
{
    const struct device *device =
        alarm->is_device_unknown ? NULL : directory_device(ledger->directory, alarm->device);
    return device == NULL ? SIZE_MAX : (size_t)(device - ledger->directory->devices);
}

const struct slot *fold_fault(const struct ledger *ledger, const char *device, enum kind kind)
{
    uint32_t at = ledger->line_heads[line_bucket(ledger, device)];
    for (; at != 0; at = ledger->slots[at - 1].line_next) {
        const struct case_value *c = &ledger->slots[at - 1].c;
        if (c->kind == kind && !c->is_device_unknown && strcmp(c->device, device) == 0) {
            return &ledger->slots[at - 1];
        }
    }
    return NULL;
}

const struct slot *fold_line(const struct ledger *ledger, const struct alarm *alarm)
{
    bool is_technical = kind_is_technical(alarm->kind);
    uint32_t at = ledger->line_heads[line_bucket(ledger, alarm->device)];
    for (; at != 0; at = ledger->slots[at - 1].line_next) {
        const struct case_value *c = &ledger->slots[at - 1].c;
        bool is_same_device = strcmp(c->device, alarm->device) == 0 &&
                              c->is_device_unknown == alarm->is_device_unknown &&
                              (!c->is_device_unknown || strcmp(c->dialect, alarm->dialect) == 0);
        bool is_same_kind =
            c->kind == alarm->kind && fold_is_ours(c->dialect) == fold_is_ours(alarm->dialect);
        if (is_same_device && kind_is_technical(c->kind) == is_technical &&
            (!is_technical || is_same_kind)) {
            return &ledger->slots[at - 1];
        }
    }
    return NULL;
}

size_t fold_staff(const struct ledger *ledger, const char *id)
{
    const struct staff *staff = directory_staff(ledger->directory, id);
    return staff == NULL ? SIZE_MAX : (size_t)(staff - ledger->directory->staff);
}

const struct carer *fold_carer(const struct ledger *ledger, const char *id)
{
    size_t at = fold_staff(ledger, id);
    return at == SIZE_MAX ? NULL : carer_at(ledger, at);
}

void marks_update(struct marks *marks, const struct case_change *change)
{
    switch (change->change) {
    case CHANGE_RAISED:
        marks->pressed_ms = change->at_ms;
        marks->joined_ms = change->at_ms;
        marks->step_began_ms = change->at_ms;
        break;
    case CHANGE_REPEATED:
        marks->pressed_ms = change->at_ms;
        break;
    case CHANGE_ESCALATED:
    case CHANGE_REOPENED:
        marks->step_began_ms = change->at_ms;
        marks->is_centre_asked = false;
        break;
    case CHANGE_CENTRE_OFFERED:
        marks->is_centre_asked = true;
        break;
    case CHANGE_CENTRE_FAILED:
    case CHANGE_CENTRE_ACCEPTED:
        marks->is_centre_asked = false;
        break;
    case CHANGE_HANDED_OVER:
        marks->handed_ms = change->at_ms;
        break;
    case CHANGE_UPDATED:
        if (strcmp(change->reason, "joined") == 0) {
            marks->joined_ms = change->at_ms;
        }
        break;
    case CHANGE_UNKNOWN:
    case CHANGE_OFFERED:
    case CHANGE_DECLINED:
    case CHANGE_ACCEPTED:
    case CHANGE_ON_SITE:
    case CHANGE_RESTORED:
    case CHANGE_CLOSED:
    case CHANGE_COUNT:
        break;
    }
}

/* The longest that a deadline of this case may lie ahead: more means that the clock was set back. */
static int64_t patience_ms(const struct ledger *ledger, const struct case_value *c)
{
    const struct plan *plan = fold_plan(ledger, c);
    if (c->owner[0] != '\0') {
        return plan->on_site_within_ms;
    }
    const struct step *step = ledger_step(ledger, c);
    const struct centre *centre = step == NULL ? NULL : step_centre(ledger, step);
    if (centre != NULL || step == NULL) {
        return centre != NULL && centre->answer_within_ms > CENTRE_GAP_MAX_MS
                   ? centre->answer_within_ms
                   : CENTRE_GAP_MAX_MS;
    }
    return step->within_ms > NOBODY_RETRY_MS ? step->within_ms : NOBODY_RETRY_MS;
}

static bool has_open_offer(const struct case_value *c)
{
    for (size_t i = 0; i < c->offer_count; i++) {
        if (stage_is_open(c->offers[i].stage)) {
            return true;
        }
    }
    return false;
}

static void rekey(struct ledger *ledger, struct slot *slot, struct now now)
{
    const struct case_value *c = &slot->c;
    int64_t due = c->deadline_ms == 0 ? INT64_MAX : slot->deadline_mono_ms;
    if (c->owner[0] != '\0') {
        const struct carer *owner = fold_carer(ledger, c->owner);
        if (c->state == CASE_ACCEPTED && owner == NULL) {
            due = now.mono_ms; /* the configuration lost the owner */
        } else if (c->state == CASE_ACCEPTED && (owner->value.handset == HANDSET_SILENT ||
                                                 owner->value.handset == HANDSET_OFF)) {
            due = sooner(due, owner->silent_mono_ms);
        }
        if (has_open_offer(c)) {
            due = sooner(due, slot->handed_mono_ms);
        }
    }
    uint32_t at = (uint32_t)(slot - ledger->slots);
    if (due == INT64_MAX) {
        heap_remove(&ledger->due, at);
    } else {
        heap_set(&ledger->due, at, due);
    }
}

static void unlink_from(uint32_t *head, struct slot *slots, uint32_t slot, bool is_line)
{
    uint32_t *link = head;
    while (*link != 0 && *link != slot + 1) {
        link = is_line ? &slots[*link - 1].line_next : &slots[*link - 1].id_next;
    }
    if (*link != 0) {
        *link = is_line ? slots[slot].line_next : slots[slot].id_next;
    }
}

static struct slot *open_slot(struct ledger *ledger, const struct case_value *c)
{
    if (ledger->free_head == 0) {
        return NULL;
    }
    uint32_t at = ledger->free_head - 1;
    struct slot *slot = &ledger->slots[at];
    ledger->free_head = slot->id_next;
    *slot = (struct slot){.c = *c, .open_at = (uint32_t)ledger->open_count};
    uint32_t *id_head = &ledger->id_heads[id_bucket(ledger, c->id.at)];
    uint32_t *line_head = &ledger->line_heads[line_bucket(ledger, c->device)];
    slot->id_next = *id_head;
    slot->line_next = *line_head;
    *id_head = at + 1;
    *line_head = at + 1;
    ledger->open[ledger->open_count++] = at;
    ledger->nested_count += strchr(c->device, '/') != NULL;
    return slot;
}

static void close_slot(struct ledger *ledger, struct slot *slot)
{
    uint32_t at = (uint32_t)(slot - ledger->slots);
    unlink_from(&ledger->id_heads[id_bucket(ledger, slot->c.id.at)], ledger->slots, at, false);
    unlink_from(&ledger->line_heads[line_bucket(ledger, slot->c.device)], ledger->slots, at, true);
    ledger->nested_count -= strchr(slot->c.device, '/') != NULL;
    uint32_t last = ledger->open[--ledger->open_count];
    ledger->open[slot->open_at] = last;
    ledger->slots[last].open_at = slot->open_at;
    heap_remove(&ledger->due, at);
    slot->id_next = ledger->free_head;
    ledger->free_head = at + 1;
}

static struct slot *slot_of(struct ledger *ledger, const struct alarm_id *id)
{
    const struct slot *found = fold_case(ledger, id);
    return found == NULL ? NULL : &ledger->slots[found - ledger->slots];
}

static void count_owner(struct ledger *ledger, const struct case_value *c, int by)
{
    size_t at = c->owner[0] == '\0' ? SIZE_MAX : fold_staff(ledger, c->owner);
    if (at != SIZE_MAX) {
        ledger->carers[at].owned += (uint32_t)by;
    }
}

static void apply_case(struct ledger *ledger, const struct case_change *change, struct now now)
{
    const struct case_value *c = &change->case_;
    struct slot *slot = slot_of(ledger, &c->id);
    if (slot != NULL) {
        count_owner(ledger, &slot->c, -1);
        if (strcmp(slot->c.device, c->device) != 0) {
            close_slot(ledger, slot); /* never by us; the index must hold whatever a journal says */
            slot = NULL;
        }
    }
    if (!case_is_open(c)) {
        if (slot != NULL) {
            close_slot(ledger, slot);
        }
        if (ledger->limits.recent > 0) {
            ledger->recent[ledger->closed_count++ % ledger->limits.recent] = *c;
        }
        return;
    }
    bool is_new = slot == NULL;
    if (is_new) {
        slot = open_slot(ledger, c);
        if (slot == NULL) {
            return; /* decide says FULL before this can happen in the same limits */
        }
    }
    count_owner(ledger, c, 1);
    /* A deadline that stays keeps its place on the monotonic clock, however the wall clock moves. */
    if (is_new || c->deadline_ms != slot->c.deadline_ms) {
        slot->deadline_mono_ms = mono_of(c->deadline_ms, patience_ms(ledger, c), now);
    }
    slot->c = *c;
    marks_update(&slot->marks, change);
    if (change->change == CHANGE_HANDED_OVER) {
        slot->handed_mono_ms = mono_of(change->at_ms + HAND_OVER_MS, HAND_OVER_MS, now);
    }
    rekey(ledger, slot, now);
}

static void apply_receipt(struct ledger *ledger, const struct receipt *receipt)
{
    struct slot *slot = slot_of(ledger, &receipt->case_id);
    for (size_t i = 0; slot != NULL && i < slot->c.offer_count; i++) {
        struct offer *offer = &slot->c.offers[i];
        if (strcmp(offer->staff, receipt->staff) == 0 && stage_is_open(offer->stage) &&
            stage_is_open(receipt->stage) && receipt->stage > offer->stage) {
            offer->stage = receipt->stage;
        }
    }
}

static void unlink_carer(struct ledger *ledger, size_t at)
{
    struct carer *carer = &ledger->carers[at];
    if (carer->prev != 0) {
        ledger->carers[carer->prev - 1].next = carer->next;
    } else {
        size_t unit = carer->unit < ledger->directory->unit_count ? carer->unit
                                                                  : ledger->directory->unit_count;
        ledger->unit_heads[unit] = carer->next;
    }
    if (carer->next != 0) {
        ledger->carers[carer->next - 1].prev = carer->prev;
    }
    carer->next = 0;
    carer->prev = 0;
}

static void link_carer(struct ledger *ledger, size_t at)
{
    struct carer *carer = &ledger->carers[at];
    size_t unit =
        carer->unit < ledger->directory->unit_count ? carer->unit : ledger->directory->unit_count;
    carer->next = ledger->unit_heads[unit];
    ledger->unit_heads[unit] = (uint32_t)at + 1;
    if (carer->next != 0) {
        ledger->carers[carer->next - 1].prev = (uint32_t)at + 1;
    }
}

static void apply_duty(struct ledger *ledger, const struct duty *duty)
{
    size_t at = fold_staff(ledger, duty->staff);
    if (at == SIZE_MAX) {
        return;
    }
    struct carer *carer = &ledger->carers[at];
    if (carer->value.is_on_duty) {
        unlink_carer(ledger, at);
    }
    const struct unit *unit = directory_unit(ledger->directory, duty->unit);
    carer->unit = unit != NULL ? (uint16_t)(unit - ledger->directory->units)
                               : ledger->directory->staff[at].unit;
    const char *id =
        carer->unit < ledger->directory->unit_count ? ledger->directory->units[carer->unit].id : "";
    (void)slice_text(slice_str(id), carer->value.unit, sizeof carer->value.unit);
    carer->value.is_on_duty = duty->is_on;
    if (duty->is_on) {
        link_carer(ledger, at);
    }
}

static void apply_handset(struct ledger *ledger, const struct handset *handset, struct now now)
{
    size_t at = fold_staff(ledger, handset->staff);
    if (at == SIZE_MAX) {
        return;
    }
    struct carer *carer = &ledger->carers[at];
    bool was_awake = handset_is_awake(carer->value.handset);
    carer->value.handset = handset->state;
    if (was_awake || handset_is_awake(handset->state)) {
        carer->silent_mono_ms = mono_of(handset->at_ms + OWNER_SILENT_MS, OWNER_SILENT_MS, now);
    }
    for (size_t i = 0; carer->owned > 0 && i < ledger->open_count; i++) {
        struct slot *slot = &ledger->slots[ledger->open[i]];
        if (strcmp(slot->c.owner, handset->staff) == 0) {
            rekey(ledger, slot, now);
        }
    }
}

static void apply_fault(struct ledger *ledger, const struct fault *fault)
{
    size_t at = 0;
    while (at < ledger->fault_count && (strcmp(ledger->faults[at].what, fault->what) != 0 ||
                                        strcmp(ledger->faults[at].about, fault->about) != 0)) {
        at++;
    }
    if (fault->is_over && at < ledger->fault_count) {
        ledger->faults[at] = ledger->faults[--ledger->fault_count];
    } else if (!fault->is_over && at < FAULTS_MAX) {
        ledger->faults[at] = *fault;
        ledger->fault_count += at == ledger->fault_count;
    }
}

void ledger_apply(struct ledger *ledger, const struct record *record, struct now now)
{
    ledger->seq = record->seq;
    fold_listened(ledger, record);
    switch (record->type) {
    case RECORD_EVENT:
        fold_event(ledger, &record->event, now);
        break;
    case RECORD_CASE:
        apply_case(ledger, &record->case_, now);
        break;
    case RECORD_RECEIPT:
        apply_receipt(ledger, &record->receipt);
        break;
    case RECORD_DUTY:
        apply_duty(ledger, &record->duty);
        break;
    case RECORD_HANDSET:
        apply_handset(ledger, &record->handset, now);
        break;
    case RECORD_SEEN:
        fold_seen(ledger, &record->seen, now);
        break;
    case RECORD_FAULT:
        apply_fault(ledger, &record->fault);
        break;
    case RECORD_TRIAL:
        fold_trial(ledger, &record->trial, now);
        break;
    case RECORD_STARTED:
        fold_started(ledger, now);
        break;
    case RECORD_ANSWERED:
    case RECORD_NONE:
    case RECORD_TYPE_COUNT:
        break;
    }
}
