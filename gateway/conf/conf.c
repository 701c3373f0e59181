/* conf.c - see conf.h: reads, checks the form, fills, checks the whole, and lets go of the rest.
 *
 * Called by the doors. All that outlives the call is one block of memory.
 */
#include "conf/conf.h"
#include "conf/load.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

// clang-format off
static const struct column place_columns[] = {
    {"place", true}, {"unit", true}, {"label", true}, {"note", false}, {NULL, false}};
static const struct column device_columns[] = {
    {"device", true}, {"dialect", true}, {"key", true}, {"place", true}, {"vendor", false},
    {"supervision_s", false}, {"on_reset", false}, {"record", false}, {"kind", false},
    {"model", false}, {"note", false}, {NULL, false}};
static const struct column key_columns[] = {
    {"device", true}, {"key", true}, {"form", false}, {"note", false}, {NULL, false}};
static const struct column code_columns[] = {
    {"model", true}, {"code", true}, {"kind", true}, {"class", false}, {"note", false}, {NULL, false}};
static const struct column staff_columns[] = {
    {"staff", true}, {"name", true}, {"unit", true}, {"role", true}, {"note", false}, {NULL, false}};
// clang-format on

static void load_forms(struct load *load)
{
    void *raw = NULL;
    load->is_good[FILE_MAIN] = yaml_load(load, FILE_MAIN, &schema_main, &raw);
    load->main = load->is_good[FILE_MAIN] ? raw : NULL;
    load->is_good[FILE_UNITS] = yaml_load(load, FILE_UNITS, &schema_units, &raw);
    load->units = load->is_good[FILE_UNITS] ? raw : NULL;
    load->is_good[FILE_PLANS] = yaml_load(load, FILE_PLANS, &schema_plans, &raw);
    load->plans = load->is_good[FILE_PLANS] ? raw : NULL;
    load->is_good[FILE_PLACES] = table_load(load, FILE_PLACES, place_columns, CONF_PLACES_MAX);
    load->is_good[FILE_DEVICES] = table_load(load, FILE_DEVICES, device_columns, CONF_DEVICES_MAX);
    load->is_good[FILE_KEYS] = table_load(load, FILE_KEYS, key_columns, CONF_DEVICES_MAX);
    load->is_good[FILE_CODES] = table_load(load, FILE_CODES, code_columns, CONF_CODES_MAX);
    load->is_good[FILE_STAFF] = table_load(load, FILE_STAFF, staff_columns, CONF_STAFF_MAX);
}

static void *room(struct load *load, size_t count, size_t size)
{
    void *at = arena_alloc(&load->arena, count == 0 ? 1 : count, size);
    load->is_out_of_memory = load->is_out_of_memory || at == NULL;
    return at;
}

/* Everything is counted by now, so one block is enough: the lists, their hash tables (at most four
 * slots of four bytes a row and table), and texts that came out of the files. */
static size_t room_needed(const struct load *load, size_t units)
{
    size_t places = load->table[FILE_PLACES].count;
    size_t devices = load->table[FILE_DEVICES].count;
    size_t staff = load->table[FILE_STAFF].count;
    size_t plans = load->plans == NULL ? 0 : load->plans->plans_count;
    size_t ports = load->main == NULL ? 0 : load->main->ports_count;
    size_t centres = load->main == NULL ? 0 : load->main->centres_count;
    return 65536 + units * (sizeof(struct unit) + 32) + places * (sizeof(struct place) + 32) +
           devices * (sizeof(struct device) + 64 + WORD_ROOM + DEVICE_ROOM + 32) +
           load->table[FILE_KEYS].count * SECRET_MAX +
           load->table[FILE_CODES].count * sizeof(struct code) +
           staff * (sizeof(struct staff) + 32) + plans * sizeof(struct plan) +
           ports * sizeof(struct conf_port) + centres * sizeof(struct centre) +
           load->len[FILE_MAIN] * 16;
}

static bool make_room(struct load *load)
{
    size_t units =
        load->units == NULL ? 0 : count_units(load->units->units, load->units->units_count);
    if (units > CONF_UNITS_MAX) {
        fault(load, FILE_UNITS, 1, "there are more than %d units; that is the most.",
              CONF_UNITS_MAX);
        load->is_good[FILE_UNITS] = false;
        units = 0;
    }
    size_t needed = room_needed(load, units);
    load->conf = calloc(1, sizeof *load->conf);
    void *memory = malloc(needed);
    if (load->conf == NULL || memory == NULL) {
        free(memory);
        return false;
    }
    load->conf->memory = memory;
    load->conf->memory_len = needed;
    load->arena = arena_of(memory, needed);
    struct directory *d = &load->conf->directory;
    d->units = room(load, units, sizeof *d->units);
    d->places = room(load, load->table[FILE_PLACES].count, sizeof *d->places);
    d->devices = room(load, load->table[FILE_DEVICES].count, sizeof *d->devices);
    d->codes = room(load, load->table[FILE_CODES].count, sizeof *d->codes);
    d->staff = room(load, load->table[FILE_STAFF].count, sizeof *d->staff);
    d->plans = room(load, load->plans == NULL ? 0 : load->plans->plans_count, sizeof *d->plans);
    d->centres = room(load, load->main == NULL ? 0 : load->main->centres_count, sizeof *d->centres);
    load->conf->ports =
        room(load, load->main == NULL ? 0 : load->main->ports_count, sizeof *load->conf->ports);
    d->unknown_unit = NONE;
    return !load->is_out_of_memory && names_init(&load->unit_names, units) == ERR_OK &&
           names_init(&load->place_names, load->table[FILE_PLACES].count) == ERR_OK &&
           names_init(&load->device_names, load->table[FILE_DEVICES].count) == ERR_OK &&
           names_init(&load->device_keys, load->table[FILE_DEVICES].count) == ERR_OK &&
           names_init(&load->staff_names, load->table[FILE_STAFF].count) == ERR_OK;
}

/* Runs one reader and remembers whether others may be measured against what it read. */
static void fill_one(struct load *load, enum file file, void (*read)(struct load *load))
{
    size_t errors_before = load->faults->error_count;
    if (load->is_good[file]) {
        read(load);
        load->is_good[file] = load->faults->error_count == errors_before;
    }
}

static void fill(struct load *load)
{
    bool is_main_readable = load->is_good[FILE_MAIN];
    fill_one(load, FILE_UNITS, read_units);
    if (is_main_readable) {
        read_main(load);
        read_ports(load);
        fill_one(load, FILE_MAIN, read_centres);
        check_ports(load);
        check_centres(load);
    }
    fill_one(load, FILE_PLACES, read_places);
    fill_one(load, FILE_STAFF, read_staff);
    /* Places and staff of units that could not be read were left out without a word. */
    load->is_good[FILE_PLACES] = load->is_good[FILE_PLACES] && load->is_good[FILE_UNITS];
    load->is_good[FILE_STAFF] = load->is_good[FILE_STAFF] && load->is_good[FILE_UNITS];
    fill_one(load, FILE_DEVICES, read_devices);
    /* ... and devices of places that could not be read. */
    load->is_good[FILE_DEVICES] = load->is_good[FILE_DEVICES] && load->is_good[FILE_PLACES];
    fill_one(load, FILE_KEYS, read_keys);
    fill_one(load, FILE_CODES, read_codes);
    fill_one(load, FILE_PLANS, read_plans);
}

/* The proofs need a directory that is right in itself: what they would say about half of one would
 * only hide the cause. */
static enum err prove(struct load *load)
{
    if (load->is_out_of_memory) {
        return ERR_FULL;
    }
    if (load->is_good[FILE_MAIN] && load->is_good[FILE_UNITS] && load->is_good[FILE_STAFF] &&
        load->is_good[FILE_PLANS]) {
        enum err err = directory_index(&load->conf->directory, &load->arena);
        if (err == ERR_FULL) {
            return ERR_FULL;
        }
        if (err != ERR_OK && load->faults->error_count == 0) {
            fault(load, FILE_PLACES, 0,
                  "two places got the same pseudonym; rename the one that was added last.");
        }
        if (err == ERR_OK) {
            check_plans(load);
            check_coverage(load);
        }
    }
    return load->is_out_of_memory ? ERR_FULL : load->faults->error_count > 0 ? ERR_RANGE : ERR_OK;
}

static void let_go(struct load *load)
{
    yaml_free_raw(&schema_main, load->main);
    yaml_free_raw(&schema_units, load->units);
    yaml_free_raw(&schema_plans, load->plans);
    for (enum file file = 0; file < FILE_COUNT; file++) {
        yaml_close(&load->yaml[file]);
        table_free(&load->table[file]);
        if (load->text[file] != NULL) {
            sodium_memzero(load->text[file], load->len[file]); /* keys and passwords */
        }
        free(load->text[file]);
    }
    names_finish(&load->unit_names);
    names_finish(&load->place_names);
    names_finish(&load->device_names);
    names_finish(&load->device_keys);
    names_finish(&load->staff_names);
}

enum err conf_load(const char *dir, const struct conf_pseudonym *pseudonym, struct conf **ret_conf,
                   struct conf_faults *faults)
{
    struct load load = {.dir = dir, .pseudonym = pseudonym, .faults = faults};
    char id[WORD_ROOM + 1];
    memset(faults, 0, sizeof *faults);
    files_read(&load);
    files_hash(&load, id, sizeof id);
    load_forms(&load);
    enum err err = ERR_FULL;
    if (!load.is_out_of_memory && make_room(&load)) {
        (void)slice_text(slice_str(id), load.conf->directory.config_id,
                         sizeof load.conf->directory.config_id);
        fill(&load);
        err = prove(&load);
    }
    let_go(&load);
    faults_sort(faults);
    if (err == ERR_OK) {
        *ret_conf = load.conf;
    } else {
        conf_free(load.conf);
    }
    return err;
}

void conf_free(struct conf *conf)
{
    if (conf != NULL) {
        if (conf->memory != NULL) {
            sodium_memzero(conf->memory, conf->memory_len); /* it holds keys and passwords */
        }
        free(conf->memory);
        free(conf);
    }
}

const struct conf_port *conf_port(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->port_count; i++) {
        if (strcmp(conf->ports[i].name, name) == 0) {
            return &conf->ports[i];
        }
    }
    return NULL;
}
