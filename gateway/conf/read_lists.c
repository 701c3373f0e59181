/* read_lists.c - places.csv, devices.csv and staff.csv: one row, one thing.
 *
 * Called by conf_load after the units. A row with a fault is said and left out.
 */
#include "conf/load.h"

#include <stdio.h>
#include <string.h>

enum { SUPERVISION_MIN_S = 10, SUPERVISION_MAX_S = 7 * 24 * 3600 };

enum { PLACE_ID, PLACE_UNIT, PLACE_LABEL };
enum {
    DEVICE_ID,
    DEVICE_DIALECT,
    DEVICE_KEY,
    DEVICE_PLACE,
    DEVICE_VENDOR,
    DEVICE_SUPERVISION,
    DEVICE_ON_RESET,
    DEVICE_RECORD,
    DEVICE_KIND,
    DEVICE_MODEL
};
enum { STAFF_ID, STAFF_NAME, STAFF_UNIT, STAFF_ROLE };

void read_places(struct load *load)
{
    struct directory *d = &load->conf->directory;
    for (size_t i = 0; i < load->table[FILE_PLACES].count; i++) {
        const struct row *row = &load->table[FILE_PLACES].rows[i];
        struct place *place = &d->places[d->place_count];
        uint32_t before = 0;
        *place = (struct place){0};
        if (!word_label(load, FILE_PLACES, row->line, "the `place`", row->cells[PLACE_ID],
                        place->id, sizeof place->id) ||
            !word_label(load, FILE_PLACES, row->line, "the `label`", row->cells[PLACE_LABEL],
                        place->label, sizeof place->label) ||
            !find_unit(load, FILE_PLACES, row->line, "the place", row->cells[PLACE_UNIT],
                       &place->unit)) {
            continue;
        }
        if (!names_put(&load->place_names, row->cells[PLACE_ID], (uint32_t)d->place_count,
                       &before)) {
            fault(load, FILE_PLACES, row->line,
                  "the place `%s` stands here a second time; keep one.", place->id);
            continue;
        }
        if (load->is_good[FILE_UNITS] && d->units[place->unit].form == FORM_UNKNOWN) {
            fault(load, FILE_PLACES, row->line,
                  "the unit `%s` has no form, so that no plan can take alarms from here; put the "
                  "place "
                  "into a unit with a form.",
                  d->units[place->unit].id);
        }
        load->pseudonym->make(load->pseudonym->context, "place", slice_str(place->id),
                              place->pseudonym, sizeof place->pseudonym);
        d->place_count++;
    }
}

static bool device_place(struct load *load, const struct row *row, struct device *device)
{
    const char *id = row->cells[DEVICE_PLACE];
    if (names_find(&load->place_names, id, &device->place)) {
        return true;
    }
    if (load->is_good[FILE_PLACES]) {
        const struct directory *d = &load->conf->directory;
        struct guess guess = guess_of(id);
        for (size_t i = 0; i < d->place_count; i++) {
            guess_offer(&guess, d->places[i].id);
        }
        char hint[80];
        fault(load, FILE_DEVICES, row->line,
              "the device is at the place `%.40s`, which is not in places.csv%s", id,
              guess.best == NULL ? "; add it there." : guess_text(&guess, hint, sizeof hint));
    }
    return false;
}

static bool device_dialect(struct load *load, const struct row *row, struct device *device)
{
    const char *name = row->cells[DEVICE_DIALECT];
    if (adapter_find(slice_str(name)) != NULL) {
        (void)slice_text(slice_str(name), device->dialect, sizeof device->dialect);
        return true;
    }
    struct guess guess = guess_of(name);
    for (size_t i = 0; adapter_at(i) != NULL; i++) {
        guess_offer(&guess, adapter_at(i)->name);
    }
    char hint[80];
    fault(load, FILE_DEVICES, row->line, "the dialect `%.40s` is not known%s", name,
          guess.best == NULL ? "; it is the word of a port's `dialect`."
                             : guess_text(&guess, hint, sizeof hint));
    return false;
}

static bool device_words(struct load *load, const struct row *row, struct device *device)
{
    const char *reset = row->cells[DEVICE_ON_RESET];
    const char *record = row->cells[DEVICE_RECORD];
    const char *kind = row->cells[DEVICE_KIND];
    const char *seconds = row->cells[DEVICE_SUPERVISION];
    int64_t supervision_s = 0;
    size_t errors_before = load->faults->error_count;
    device->on_reset = strcmp(reset, "mark") == 0 ? ON_RESET_MARK : ON_RESET_CLOSE;
    if (*reset != '\0' && strcmp(reset, "close") != 0 && strcmp(reset, "mark") != 0) {
        fault(load, FILE_DEVICES, row->line, "`on_reset` is close or mark, not `%.20s`.", reset);
    }
    device->record_all = strcmp(record, "all") == 0;
    if (*record != '\0' && !device->record_all) {
        fault(load, FILE_DEVICES, row->line, "`record` is all or empty, not `%.20s`.", record);
    }
    if (*kind != '\0' && kind_from_word(slice_str(kind), &device->kind_for_help) != ERR_OK) {
        struct guess guess = guess_of(kind);
        for (int k = 0; k < KIND_LAST; k++) {
            if (kind_is_known(k)) {
                guess_offer(&guess, kind_word((enum kind)k));
            }
        }
        char hint[80];
        fault(load, FILE_DEVICES, row->line, "`kind` is a kind of alarm, not `%.40s`%s", kind,
              guess.best == NULL ? "; proto/KINDS.md lists them."
                                 : guess_text(&guess, hint, sizeof hint));
    }
    if (*seconds != '\0' && (!word_number(seconds, &supervision_s) ||
                             (supervision_s != 0 && (supervision_s < SUPERVISION_MIN_S ||
                                                     supervision_s > SUPERVISION_MAX_S)))) {
        fault(load, FILE_DEVICES, row->line,
              "`supervision_s` is `%.20s`; write the seconds after which silence is an alarm, from "
              "%d "
              "to %d, or 0 for a device that gives no sign of life.",
              seconds, SUPERVISION_MIN_S, SUPERVISION_MAX_S);
    }
    device->supervision_ms = supervision_s * 1000;
    return load->faults->error_count == errors_before;
}

static bool device_unique(struct load *load, const struct row *row, const struct device *device)
{
    const struct directory *d = &load->conf->directory;
    uint32_t before = 0;
    if (!names_put(&load->device_names, row->cells[DEVICE_ID], (uint32_t)d->device_count,
                   &before)) {
        fault(load, FILE_DEVICES, row->line, "the device `%s` stands here a second time; keep one.",
              device->id);
        return false;
    }
    char key[WORD_ROOM + DEVICE_ROOM + 1];
    (void)snprintf(key, sizeof key, "%s %s", device->dialect, device->key);
    const char *kept = arena_text(&load->arena, slice_str(key));
    if (kept == NULL) {
        load->is_out_of_memory = true;
        return false;
    }
    if (!names_put(&load->device_keys, kept, (uint32_t)d->device_count, &before)) {
        fault(
            load, FILE_DEVICES, row->line,
            "the device `%s` has the same dialect and key as `%s`: nobody could tell their alarms "
            "apart; correct one key.",
            device->id, d->devices[before].id);
        return false;
    }
    return true;
}

/* Network servers show an EUI in small letters, labels in capitals; the dialect knows one of them. */
static void spell_key(struct device *device)
{
    const struct adapter *dialect = adapter_find(slice_str(device->dialect));
    enum key_letters letters = dialect == NULL ? KEY_AS_IT_IS : dialect->key_letters;
    for (char *c = device->key; *c != '\0'; c++) {
        if (letters == KEY_UPPER && *c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        } else if (letters == KEY_LOWER && *c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
}

void read_devices(struct load *load)
{
    struct directory *d = &load->conf->directory;
    for (size_t i = 0; i < load->table[FILE_DEVICES].count; i++) {
        const struct row *row = &load->table[FILE_DEVICES].rows[i];
        struct device *device = &d->devices[d->device_count];
        const char *id = row->cells[DEVICE_ID];
        *device = (struct device){0};
        if (!word_id(load, FILE_DEVICES, row->line, "the device", id, sizeof device->id)) {
            continue;
        }
        (void)slice_text(slice_str(id), device->id, sizeof device->id);
        bool is_good = device_dialect(load, row, device);
        is_good = word_label(load, FILE_DEVICES, row->line, "the `key`", row->cells[DEVICE_KEY],
                             device->key, sizeof device->key) &&
                  is_good;
        spell_key(device);
        if (*row->cells[DEVICE_VENDOR] != '\0') {
            is_good =
                word_label(load, FILE_DEVICES, row->line, "the `vendor`", row->cells[DEVICE_VENDOR],
                           device->vendor, sizeof device->vendor) &&
                is_good;
        }
        if (*row->cells[DEVICE_MODEL] != '\0') {
            is_good = word_label(load, FILE_DEVICES, row->line, "the `model`",
                                 row->cells[DEVICE_MODEL], device->model, sizeof device->model) &&
                      is_good;
        }
        is_good = device_place(load, row, device) && is_good;
        is_good = device_words(load, row, device) && is_good;
        if (is_good && device_unique(load, row, device)) {
            d->device_count++;
        }
    }
    if (load->is_good[FILE_DEVICES] && load->table[FILE_DEVICES].count == 0) {
        warning(load, FILE_DEVICES, 0,
                "the list is empty: every alarm will come from an unknown device.");
    }
}

void read_staff(struct load *load)
{
    struct directory *d = &load->conf->directory;
    for (size_t i = 0; i < load->table[FILE_STAFF].count; i++) {
        const struct row *row = &load->table[FILE_STAFF].rows[i];
        struct staff *staff = &d->staff[d->staff_count];
        uint32_t before = 0;
        *staff = (struct staff){0};
        if (!word_id(load, FILE_STAFF, row->line, "the staff number", row->cells[STAFF_ID],
                     sizeof staff->id) ||
            !word_label(load, FILE_STAFF, row->line, "the `name`", row->cells[STAFF_NAME],
                        staff->name, sizeof staff->name) ||
            !find_unit(load, FILE_STAFF, row->line, "the person", row->cells[STAFF_UNIT],
                       &staff->unit)) {
            continue;
        }
        const char *role = row->cells[STAFF_ROLE];
        size_t len = strspn(role, "abcdefghijklmnopqrstuvwxyz_");
        if (len == 0 || role[len] != '\0' || len >= sizeof staff->role) {
            fault(load, FILE_STAFF, row->line,
                  "the role `%.20s` is no word of a-z and _ with at most %zu letters; write for "
                  "example "
                  "carer, nurse or duty_manager.",
                  role, sizeof staff->role - 1);
            continue;
        }
        if (!names_put(&load->staff_names, row->cells[STAFF_ID], (uint32_t)d->staff_count,
                       &before)) {
            fault(load, FILE_STAFF, row->line, "the staff number `%s` stands here a second time.",
                  row->cells[STAFF_ID]);
            continue;
        }
        (void)slice_text(slice_str(row->cells[STAFF_ID]), staff->id, sizeof staff->id);
        (void)slice_text(slice_str(role), staff->role, sizeof staff->role);
        d->staff_count++;
    }
    if (load->is_good[FILE_STAFF] && load->table[FILE_STAFF].count == 0) {
        warning(load, FILE_STAFF, 0, "the list is empty: every alarm will go to the alarm centre.");
    }
}
