/* ledger.c - memory, reading and fingerprint of the ledger. Its state is fold.c, its rules decide.c
 * and what that calls. Called by the turn, the pages and the tests. Never changes a case.
 */
#include "core/ledger.h"

#include "core/fold.h"
#include "core/hash.h"

#include <string.h>

size_t ledger_size(const struct directory *d, const struct ledger_limits *limits)
{
    size_t size = sizeof(struct ledger);
    size += limits->cases * (sizeof(struct slot) + sizeof(uint32_t));
    size += 2 * hash_slots(limits->cases) * sizeof(uint32_t);
    size += heap_size(limits->cases) + 2 * heap_size(d->device_count) + idring_size(limits->ids);
    size += limits->recent * sizeof(struct case_value);
    size += d->staff_count * sizeof(struct carer) + d->device_count * sizeof(struct life);
    size += (d->unit_count + 1) * sizeof(uint32_t);
    return size + 16 * _Alignof(max_align_t);
}

/* Everybody first, then the first manned centre: used when a case has no plan of this configuration. */
static void make_reserve(struct ledger *ledger)
{
    struct plan *plan = &ledger->reserve;
    const struct directory *d = ledger->directory;
    plan->steps[plan->step_count++] = (struct step){.whom = WHOM_ALL, .within_ms = NOBODY_RETRY_MS};
    for (size_t i = 0; i < d->centre_count; i++) {
        if (d->centres[i].is_manned) {
            plan->steps[plan->step_count++] =
                (struct step){.whom = WHOM_CENTRE, .centre = (uint16_t)i};
            return;
        }
    }
}

enum err ledger_init(struct arena *arena, const struct directory *directory,
                     const struct ledger_limits *limits, struct ledger **ret_ledger)
{
    struct ledger *l = arena_alloc(arena, 1, sizeof *l);
    if (l == NULL) {
        return ERR_FULL;
    }
    l->directory = directory;
    l->limits = *limits;
    l->other_at = SIZE_MAX;
    l->head_count = hash_slots(limits->cases);
    l->slots = arena_alloc(arena, limits->cases, sizeof *l->slots);
    l->open = arena_alloc(arena, limits->cases, sizeof *l->open);
    l->id_heads = arena_alloc(arena, l->head_count, sizeof *l->id_heads);
    l->line_heads = arena_alloc(arena, l->head_count, sizeof *l->line_heads);
    l->recent = arena_alloc(arena, limits->recent, sizeof *l->recent);
    l->carers = arena_alloc(arena, directory->staff_count, sizeof *l->carers);
    l->unit_heads = arena_alloc(arena, directory->unit_count + 1, sizeof *l->unit_heads);
    l->lives = arena_alloc(arena, directory->device_count, sizeof *l->lives);
    if (l->slots == NULL || l->open == NULL || l->id_heads == NULL || l->line_heads == NULL ||
        l->recent == NULL || l->carers == NULL || l->unit_heads == NULL || l->lives == NULL ||
        heap_init(&l->due, limits->cases, arena) != ERR_OK ||
        heap_init(&l->watch, directory->device_count, arena) != ERR_OK ||
        heap_init(&l->trials, directory->device_count, arena) != ERR_OK ||
        idring_init(&l->ids, limits->ids, arena) != ERR_OK) {
        return ERR_FULL;
    }
    for (size_t i = limits->cases; i > 0; i--) {
        l->slots[i - 1].id_next = l->free_head;
        l->free_head = (uint32_t)i;
    }
    for (size_t i = 0; i < directory->staff_count; i++) {
        uint16_t unit = directory->staff[i].unit;
        l->carers[i].unit = unit;
        if (unit < directory->unit_count) {
            memcpy(l->carers[i].value.unit, directory->units[unit].id, UNIT_ROOM);
        }
    }
    make_reserve(l);
    *ret_ledger = l;
    return ERR_OK;
}

int64_t ledger_next_wake(const struct ledger *ledger, struct now now)
{
    int64_t due = heap_min(&ledger->due);
    int64_t watch = heap_min(&ledger->watch);
    int64_t trial = heap_min(&ledger->trials);
    bool is_full = ledger->open_count >= ledger->limits.cases - ledger->limits.cases / 4;
    watch = trial < watch ? trial : watch;
    if (watch != INT64_MAX && is_full && watch < now.mono_ms + 1000) {
        watch = now.mono_ms + 1000; /* no room for a case: look again, do not spin */
    }
    due = watch < due ? watch : due;
    if (due == INT64_MAX) {
        return INT64_MAX;
    }
    return now.wall_ms + (due > now.mono_ms ? due - now.mono_ms : 0);
}

const struct case_value *ledger_case(const struct ledger *ledger, const struct alarm_id *id)
{
    const struct slot *slot = fold_case(ledger, id);
    return slot == NULL ? NULL : &slot->c;
}

void ledger_each_open(const struct ledger *ledger,
                      bool (*each)(void *context, const struct case_value *c), void *context)
{
    for (size_t i = 0; i < ledger->open_count; i++) {
        if (!each(context, &ledger->slots[ledger->open[i]].c)) {
            return;
        }
    }
}

const struct case_value *ledger_recent(const struct ledger *ledger, size_t i)
{
    if (i >= ledger->limits.recent || i >= ledger->closed_count) {
        return NULL;
    }
    return &ledger->recent[(ledger->closed_count - 1 - i) % ledger->limits.recent];
}

size_t ledger_open_count(const struct ledger *ledger)
{
    return ledger->open_count;
}

uint64_t ledger_seq(const struct ledger *ledger)
{
    return ledger->seq;
}

const struct staff_value *ledger_staff(const struct ledger *ledger, size_t index)
{
    return &ledger->carers[index].value;
}

size_t ledger_faults(const struct ledger *ledger, const struct fault **ret)
{
    *ret = ledger->faults;
    return ledger->fault_count;
}

bool ledger_concerns(const struct ledger *ledger, const struct case_value *c, const char *staff)
{
    if (strcmp(c->owner, staff) == 0 && staff[0] != '\0') {
        return true;
    }
    for (size_t i = 0; i < c->offer_count; i++) {
        if (strcmp(c->offers[i].staff, staff) == 0) {
            return true;
        }
    }
    const struct carer *carer = fold_carer(ledger, staff);
    if (carer == NULL || !carer->value.is_on_duty) {
        return false;
    }
    const struct unit *unit = directory_unit(ledger->directory, c->unit);
    return case_is_for_all(ledger, c) ||
           (unit != NULL &&
            directory_is_within(ledger->directory, (uint16_t)(unit - ledger->directory->units),
                                carer->unit));
}

const struct step *ledger_step(const struct ledger *ledger, const struct case_value *c)
{
    const struct plan *plan = fold_plan(ledger, c);
    if (!case_is_open(c) || plan->step_count == 0) {
        return NULL;
    }
    return &plan->steps[c->step < plan->step_count ? c->step : plan->step_count - 1];
}

static uint64_t case_fingerprint(const struct slot *slot)
{
    const struct case_value *c = &slot->c;
    const struct marks *m = &slot->marks;
    const char *texts[] = {c->unit, c->place, c->device, c->dialect, c->port,   c->reference,
                           c->text, c->plan,  c->owner,  c->centre,  c->reason, c->config};
    uint64_t numbers[] = {(uint64_t)c->kind,
                          (uint64_t)c->class_,
                          (uint64_t)c->form,
                          (uint64_t)c->state,
                          (uint64_t)c->raised_ms,
                          (uint64_t)c->changed_ms,
                          c->count,
                          c->step,
                          (uint64_t)c->deadline_ms,
                          c->attempt,
                          c->is_centre_accepted,
                          c->is_restored,
                          c->is_test,
                          c->is_device_unknown,
                          c->is_not_recorded,
                          (uint64_t)m->pressed_ms,
                          (uint64_t)m->step_began_ms,
                          (uint64_t)m->handed_ms,
                          (uint64_t)m->joined_ms,
                          m->is_centre_asked,
                          c->offer_count};
    uint64_t hash = hash_add(HASH_START, slice_of(c->id.at, ALARM_ID_LEN));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        hash = hash_add_text(hash, texts[i]);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        hash = hash_add_u64(hash, numbers[i]);
    }
    for (size_t i = 0; i < c->offer_count; i++) {
        hash = hash_add_u64(hash_add_text(hash, c->offers[i].staff), (uint64_t)c->offers[i].stage);
    }
    return hash_end(hash);
}

static uint64_t tests_fingerprint(const struct tests *tests)
{
    return hash_add_u64(hash_add_u64(HASH_START, (uint64_t)tests->since_ms), tests->count);
}

static uint64_t life_fingerprint(const struct life *life)
{
    uint64_t numbers[] = {life->sequence,
                          (uint64_t)life->promised_ms,
                          (uint64_t)life->seen_ms,
                          (uint64_t)life->sign_ms,
                          (uint64_t)life->listened_ms,
                          life->trial.state,
                          (uint64_t)life->trial.at_ms,
                          life->is_silent,
                          life->is_silent ? (uint64_t)life->silent_ms : 0};
    uint64_t hash = tests_fingerprint(&life->tests);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        hash = hash_add_u64(hash, numbers[i]);
    }
    size_t ref = life->is_silent ? CASE_ID_REF : 0;
    return hash_end(hash_add(hash, slice_of(life->silent_case, ref)));
}

uint64_t ledger_fingerprint(const struct ledger *ledger)
{
    uint64_t sum = hash_end(hash_add_u64(HASH_START, ledger->open_count));
    for (size_t i = 0; i < ledger->open_count; i++) {
        sum += case_fingerprint(&ledger->slots[ledger->open[i]]);
    }
    for (size_t i = 0; i < ledger->directory->staff_count; i++) {
        const struct carer *carer = &ledger->carers[i];
        uint64_t hash = hash_add_text(HASH_START, ledger->directory->staff[i].id);
        hash = hash_add_text(hash, carer->value.unit);
        hash = hash_add_u64(hash, carer->value.is_on_duty);
        sum += hash_end(hash_add_u64(hash, (uint64_t)carer->value.handset));
    }
    for (size_t i = 0; i < ledger->directory->device_count; i++) {
        sum += life_fingerprint(&ledger->lives[i]) * (i + 1);
    }
    sum += hash_end(
        hash_add_u64(tests_fingerprint(&ledger->strangers), (uint64_t)ledger->listened_ms));
    for (size_t i = 0; i < ledger->fault_count; i++) {
        uint64_t hash = hash_add_text(HASH_START, ledger->faults[i].what);
        sum += hash_end(hash_add_text(hash, ledger->faults[i].about));
    }
    return sum;
}

uint64_t ledger_sequence(const struct ledger *ledger, const char *device_id)
{
    const struct device *device = directory_device(ledger->directory, device_id);
    return device == NULL ? 0 : ledger->lives[device - ledger->directory->devices].sequence;
}

struct device_life ledger_device(const struct ledger *ledger, size_t index, struct now now)
{
    const struct device *device = &ledger->directory->devices[index];
    const struct life *life = &ledger->lives[index];
    return (struct device_life){
        .is_silent = life->is_silent,
        .heard_ms =
            life->is_heard ? now.wall_ms - (now.mono_ms - life->heard_mono_ms) : life->sign_ms,
        .within_ms = device->supervision_ms > 0 ? device->supervision_ms : life->promised_ms,
        .trial = &life->trial};
}
