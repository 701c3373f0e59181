/* directory.h - the municipality as configured: units, places, devices, staff, plans, centres.
 *
 * Built once by conf/, then read only, for as long as the configuration is in force. All memory is the
 * caller's arena. Lookups are hash tables and allocate nothing.
 */
#pragma once

#include "alarm/record.h"

enum {
    LABEL_ROOM = 64,
    STEPS_MAX = 12,
    CENTRE_ADDRESSES_MAX = 4,
    MODEL_ROOM = 32,
    NONE = 0xffff /* no unit, no parent */
};

struct unit {
    char id[UNIT_ROOM];
    char name[LABEL_ROOM];
    enum form form;
    uint16_t parent; /* index, or NONE */
};

struct place {
    char id[UNIT_ROOM];         /* as in places.csv; never leaves the house */
    char pseudonym[PLACE_ROOM]; /* what bus, journal and logs carry */
    char label[LABEL_ROOM];     /* "Rum 12": for handhelds and centres only */
    uint16_t unit;
    uint32_t first_device; /* private, of directory_index: index + 1 of a device that is here */
};

enum on_reset { ON_RESET_CLOSE, ON_RESET_MARK };

struct device {
    char id[DEVICE_ROOM]; /* the municipality's own id; topic level and record field */
    char dialect[WORD_ROOM];
    char key[DEVICE_ROOM]; /* what the adapter says in alarm.device */
    char vendor[VENDOR_ROOM];
    char model[MODEL_ROOM];
    struct slice secret;    /* of keys.csv: AES key, public key or shared secret; empty: none */
    uint32_t place;         /* index */
    int64_t supervision_ms; /* 0: not supervised */
    enum on_reset on_reset;
    bool record_all;         /* journal every heartbeat: a device under evaluation */
    enum kind kind_for_help; /* KIND_UNKNOWN: as the dialect says; else what HELP means here */
    bool has_parts;          /* private: other devices are listed below this key ("panel/12") */
    uint32_t next_at_place;  /* private: index + 1 of another device of the same place */
};

/* What a maker means by a code, since makers use the same one for different things (codes.csv). */
struct code {
    char model[MODEL_ROOM];
    char code[CODE_ROOM];
    enum kind kind;
    enum class_ class_; /* CLASS_UNKNOWN: the kind's own */
};

struct staff {
    char id[STAFF_ROOM];
    char name[LABEL_ROOM];
    uint16_t unit;
    char role[WORD_ROOM]; /* "carer", "nurse", "duty_manager" */
};

enum whom { WHOM_TEAM, WHOM_UNIT, WHOM_ROLE, WHOM_PERSON, WHOM_ALL, WHOM_CENTRE };

struct step {
    enum whom whom;
    uint16_t unit;          /* WHOM_UNIT */
    char role[WORD_ROOM];   /* WHOM_ROLE */
    char staff[STAFF_ROOM]; /* WHOM_PERSON */
    uint16_t centre;        /* WHOM_CENTRE: index */
    int64_t within_ms;
    int line; /* of the configuration file, for messages */
};

enum { ANY_TIME = -1 };

/* Empty masks match everything. */
struct match {
    unsigned forms;    /* 1 << enum form */
    uint64_t kinds;    /* 1 << enum kind */
    unsigned classes;  /* 1 << enum class_ */
    uint16_t unit;     /* and all below it; NONE: every unit */
    int from_minute;   /* local time of day; ANY_TIME */
    int to_minute;     /* may be smaller than from: over midnight */
    unsigned weekdays; /* 1 << 0 is Monday; a window over midnight belongs to the day it begins */
};

struct plan {
    char name[UNIT_ROOM];
    struct match match;
    struct step steps[STEPS_MAX];
    size_t step_count;
    int64_t on_site_within_ms; /* accepted and not on site by then: offered again; 0: never */
    int line;
};

struct centre {
    char name[CENTRE_ROOM];
    char port[WORD_ROOM]; /* "bus", or the name of a port that dials */
    bool is_manned;
    char addresses[CENTRE_ADDRESSES_MAX][LABEL_ROOM]; /* tried in order */
    size_t address_count;
    int64_t answer_within_ms; /* per attempt, before the next address */
};

struct directory {
    char municipality[UNIT_ROOM];
    char reserve_phone[LABEL_ROOM];
    char config_id[WORD_ROOM + 1]; /* hex of BLAKE2b over all files */
    bool is_demo;
    struct unit *units;
    size_t unit_count;
    struct place *places;
    size_t place_count;
    struct device *devices;
    size_t device_count;
    struct code *codes; /* sorted by model and code once directory_index has run */
    size_t code_count;
    struct staff *staff;
    size_t staff_count;
    struct plan *plans;
    size_t plan_count;
    struct centre *centres;
    size_t centre_count;
    uint16_t unknown_unit; /* where alarms of unknown devices go */
    int64_t
        repeat_window_ms; /* a second press within this of the last raises the class (per case) */
    /* private: built by directory_index */
    uint32_t *place_slots;
    uint32_t *device_slots;
    uint32_t *device_id_slots;
    size_t place_slot_count;
    size_t device_slot_count;
    uint32_t *unit_slots;
    uint32_t *staff_slots;
    size_t unit_slot_count;
    size_t staff_slot_count;
};

/* Builds the hash tables once the arrays are filled. ERR_FULL when the arena is too small,
 * ERR_DUPLICATE when two devices share dialect and key or an id. */
enum err directory_index(struct directory *directory, struct arena *arena) MUST_USE;

/* All return NULL when there is none. */
const struct unit *directory_unit(const struct directory *d, const char *id);
const struct staff *directory_staff(const struct directory *d, const char *id);
const struct place *directory_place(const struct directory *d, const char *pseudonym);
const struct device *directory_device(const struct directory *d, const char *id);
const struct centre *directory_centre(const struct directory *d, const char *name);
/* By what the adapter said: the whole key, then without its last '/' part, and so on. */
const struct device *directory_find(const struct directory *d, const char *dialect,
                                    const char *key);
/* Exactly this key; NULL when there is none. */
const struct device *directory_key(const struct directory *d, const char *dialect, const char *key);
/* What this model means by this code; NULL: nothing is configured, the dialect's own meaning counts. */
const struct code *directory_code(const struct directory *d, const char *model, const char *code);
/* Is `unit` the unit `above` or below it in the tree? */
bool directory_is_within(const struct directory *d, uint16_t unit, uint16_t above);

/* Fills form, unit, place, vendor, device id and class from the directory; an unknown device keeps its
 * address, gets the unknown unit and is marked. An unlisted part of a device whose other parts are
 * listed (room 99 of a panel with rooms 1 to 12) is unknown too, in the unit of the whole, so that
 * two persons' calls never become one. Sets config and the stable id, which is made of what the
 * device said and not of what is configured, so that a reload does not break it. Call it once. */
void directory_resolve(const struct directory *d, struct alarm *alarm);

/* The first plan that matches; NULL when none does (conf refuses such a configuration). */
const struct plan *plan_match(const struct directory *d, enum form form, const char *unit,
                              enum kind kind, enum class_ class_, int64_t wall_ms);
const struct plan *plan_find(const struct directory *d, const char *name);

/* Does this plan end in a manned last resort? If not, *ret_line is the line to complain about and
 * *ret_why a plain English clause ("its last step asks the team, not a manned centre"). */
enum err plan_check(const struct directory *d, const struct plan *plan, int *ret_line,
                    const char **ret_why) MUST_USE;
