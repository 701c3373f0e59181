/* directory.c - finding units, places, devices and staff; what the directory knows about an alarm.
 *
 * Called by conf (index), the turn (resolve) and the ledger (lookups). Open addressing, at most half
 * full; a slot holds index + 1. Never changes the directory after directory_index.
 */
#include "core/directory.h"

#include "core/hash.h"

#include <stdlib.h>
#include <string.h>

typedef const char *key_of(const struct directory *d, size_t index);

static const char *unit_key(const struct directory *d, size_t i)
{
    return d->units[i].id;
}

static const char *staff_key(const struct directory *d, size_t i)
{
    return d->staff[i].id;
}

static const char *place_key(const struct directory *d, size_t i)
{
    return d->places[i].pseudonym;
}

static const char *device_id_key(const struct directory *d, size_t i)
{
    return d->devices[i].id;
}

static uint64_t text_hash(const char *text)
{
    return hash_end(hash_add_text(HASH_START, text));
}

static uint64_t address_hash(const char *dialect, struct slice key)
{
    return hash_end(hash_add(hash_add_text(HASH_START, dialect), key));
}

/* Builds one table by text; two equal keys are an error. */
static enum err index_texts(const struct directory *d, key_of *key, size_t count,
                            struct arena *arena, uint32_t **ret_slots, size_t *ret_slot_count)
{
    size_t slot_count = hash_slots(count);
    uint32_t *slots = arena_alloc(arena, slot_count, sizeof *slots);
    if (slots == NULL) {
        return ERR_FULL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = text_hash(key(d, i)) & (slot_count - 1);
        for (; slots[at] != 0; at = (at + 1) & (slot_count - 1)) {
            if (strcmp(key(d, slots[at] - 1), key(d, i)) == 0) {
                return ERR_DUPLICATE;
            }
        }
        slots[at] = (uint32_t)i + 1;
    }
    *ret_slots = slots;
    *ret_slot_count = slot_count;
    return ERR_OK;
}

static size_t find_text(const struct directory *d, key_of *key, const uint32_t *slots,
                        size_t slot_count, const char *text)
{
    if (slot_count == 0) {
        return SIZE_MAX;
    }
    size_t at = text_hash(text) & (slot_count - 1);
    for (; slots[at] != 0; at = (at + 1) & (slot_count - 1)) {
        if (strcmp(key(d, slots[at] - 1), text) == 0) {
            return slots[at] - 1;
        }
    }
    return SIZE_MAX;
}

static size_t find_address(const struct directory *d, const char *dialect, struct slice key)
{
    if (d->device_slot_count == 0) {
        return SIZE_MAX;
    }
    size_t mask = d->device_slot_count - 1;
    size_t at = address_hash(dialect, key) & mask;
    for (; d->device_slots[at] != 0; at = (at + 1) & mask) {
        const struct device *device = &d->devices[d->device_slots[at] - 1];
        if (strcmp(device->dialect, dialect) == 0 && slice_eq_str(key, device->key)) {
            return d->device_slots[at] - 1;
        }
    }
    return SIZE_MAX;
}

/* Without the last '/' part; false when there is only one. */
static bool shorten(struct slice *key)
{
    size_t len = key->len;
    while (len > 0 && key->at[len - 1] != '/') {
        len--;
    }
    if (len == 0) {
        return false;
    }
    key->len = len - 1;
    return key->len > 0;
}

static enum err index_addresses(struct directory *d, struct arena *arena)
{
    d->device_slot_count = hash_slots(d->device_count);
    d->device_slots = arena_alloc(arena, d->device_slot_count, sizeof *d->device_slots);
    if (d->device_slots == NULL) {
        d->device_slot_count = 0;
        return ERR_FULL;
    }
    for (size_t i = 0; i < d->device_count; i++) {
        struct device *device = &d->devices[i];
        struct slice key = slice_str(device->key);
        device->has_parts = false;
        if (find_address(d, device->dialect, key) != SIZE_MAX) {
            return ERR_DUPLICATE;
        }
        size_t at = address_hash(device->dialect, key) & (d->device_slot_count - 1);
        while (d->device_slots[at] != 0) {
            at = (at + 1) & (d->device_slot_count - 1);
        }
        d->device_slots[at] = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < d->device_count; i++) {
        struct slice key = slice_str(d->devices[i].key);
        while (shorten(&key)) {
            size_t whole = find_address(d, d->devices[i].dialect, key);
            if (whole != SIZE_MAX) {
                d->devices[whole].has_parts = true;
            }
        }
    }
    return ERR_OK;
}

/* Which devices share a place: a chain, in the order of the list. */
static void index_places(struct directory *d)
{
    for (size_t i = 0; i < d->place_count; i++) {
        d->places[i].first_device = 0;
    }
    for (size_t i = d->device_count; i > 0; i--) {
        struct device *device = &d->devices[i - 1];
        device->next_at_place = 0;
        if (device->place < d->place_count) {
            device->next_at_place = d->places[device->place].first_device;
            d->places[device->place].first_device = (uint32_t)i;
        }
    }
}

static int compare_codes(const void *a, const void *b)
{
    const struct code *one = a;
    const struct code *two = b;
    int order = strcmp(one->model, two->model);
    return order != 0 ? order : strcmp(one->code, two->code);
}

enum err directory_index(struct directory *d, struct arena *arena)
{
    index_places(d);
    if (d->code_count > 1) {
        qsort(d->codes, d->code_count, sizeof *d->codes, compare_codes);
    }
    enum err err =
        index_texts(d, unit_key, d->unit_count, arena, &d->unit_slots, &d->unit_slot_count);
    if (err == ERR_OK) {
        err =
            index_texts(d, staff_key, d->staff_count, arena, &d->staff_slots, &d->staff_slot_count);
    }
    if (err == ERR_OK) {
        err =
            index_texts(d, place_key, d->place_count, arena, &d->place_slots, &d->place_slot_count);
    }
    if (err == ERR_OK) {
        err = index_addresses(d, arena);
    }
    if (err == ERR_OK) {
        /* As many slots as the addresses have: the two tables share their count. */
        size_t count = 0;
        err = index_texts(d, device_id_key, d->device_count, arena, &d->device_id_slots, &count);
    }
    return err;
}

const struct unit *directory_unit(const struct directory *d, const char *id)
{
    size_t at = find_text(d, unit_key, d->unit_slots, d->unit_slot_count, id);
    return at == SIZE_MAX ? NULL : &d->units[at];
}

const struct staff *directory_staff(const struct directory *d, const char *id)
{
    size_t at = find_text(d, staff_key, d->staff_slots, d->staff_slot_count, id);
    return at == SIZE_MAX ? NULL : &d->staff[at];
}

const struct place *directory_place(const struct directory *d, const char *pseudonym)
{
    size_t at = find_text(d, place_key, d->place_slots, d->place_slot_count, pseudonym);
    return at == SIZE_MAX ? NULL : &d->places[at];
}

const struct device *directory_device(const struct directory *d, const char *id)
{
    size_t at = find_text(d, device_id_key, d->device_id_slots, d->device_slot_count, id);
    return at == SIZE_MAX ? NULL : &d->devices[at];
}

const struct centre *directory_centre(const struct directory *d, const char *name)
{
    for (size_t i = 0; i < d->centre_count; i++) {
        if (strcmp(d->centres[i].name, name) == 0) {
            return &d->centres[i];
        }
    }
    return NULL;
}

const struct device *directory_find(const struct directory *d, const char *dialect, const char *key)
{
    struct slice rest = slice_str(key);
    do {
        size_t at = find_address(d, dialect, rest);
        if (at != SIZE_MAX) {
            return &d->devices[at];
        }
    } while (shorten(&rest));
    return NULL;
}

const struct device *directory_key(const struct directory *d, const char *dialect, const char *key)
{
    size_t at = find_address(d, dialect, slice_str(key));
    return at == SIZE_MAX ? NULL : &d->devices[at];
}

const struct code *directory_code(const struct directory *d, const char *model, const char *code)
{
    struct code wanted = {.kind = KIND_UNKNOWN};
    if (d->code_count == 0 || *model == '\0' || *code == '\0') {
        return NULL;
    }
    (void)slice_text(slice_str(model), wanted.model, sizeof wanted.model);
    (void)slice_text(slice_str(code), wanted.code, sizeof wanted.code);
    return bsearch(&wanted, d->codes, d->code_count, sizeof wanted, compare_codes);
}

bool directory_is_within(const struct directory *d, uint16_t unit, uint16_t above)
{
    /* Bounded by the number of units: a ring in a broken tree must not hold us. */
    for (size_t i = 0; i <= d->unit_count && unit < d->unit_count; i++) {
        if (unit == above) {
            return true;
        }
        unit = d->units[unit].parent;
    }
    return false;
}

static void place_in_unit(const struct directory *d, struct alarm *alarm, size_t unit)
{
    if (unit < d->unit_count) {
        (void)slice_text(slice_str(d->units[unit].id), alarm->unit, sizeof alarm->unit);
        alarm->form = d->units[unit].form;
    }
}

void directory_resolve(const struct directory *d, struct alarm *alarm)
{
    alarm->id = alarm_make_id(alarm);
    memcpy(alarm->config, d->config_id, sizeof alarm->config);
    const struct device *device = directory_find(d, alarm->dialect, alarm->device);
    size_t unit = d->unknown_unit;
    if (device != NULL && device->place < d->place_count) {
        unit = d->places[device->place].unit;
    }
    bool is_whole = device != NULL && strcmp(device->key, alarm->device) == 0;
    alarm->is_device_unknown = device == NULL || (device->has_parts && !is_whole);
    place_in_unit(d, alarm, unit);
    if (device != NULL) {
        memcpy(alarm->vendor, device->vendor, sizeof alarm->vendor);
        /* An unlisted part of a listed device speaks the codes of the whole. */
        const struct code *code = directory_code(d, device->model, alarm->code);
        if (code != NULL) {
            alarm->kind = code->kind;
            alarm->class_ = code->class_;
        }
    }
    if (!alarm->is_device_unknown) {
        memcpy(alarm->device, device->id, sizeof alarm->device);
        if (device->place < d->place_count) {
            memcpy(alarm->place, d->places[device->place].pseudonym, sizeof alarm->place);
        }
        if (alarm->kind == KIND_HELP && device->kind_for_help != KIND_UNKNOWN) {
            alarm->kind = device->kind_for_help;
            alarm->class_ = CLASS_UNKNOWN;
        }
    }
    /* A class that the adapter read off the frame counts, unless it contradicts the kind. */
    bool is_technical = kind_is_technical(alarm->kind);
    if (is_technical) {
        alarm->class_ = CLASS_TECHNICAL; /* whom it leaves without help, the ledger knows */
    } else if (alarm->class_ == CLASS_UNKNOWN || alarm->class_ == CLASS_TECHNICAL) {
        alarm->class_ = kind_class(alarm->kind);
    }
}
