/* schema.h - what may stand in the three YAML files, as tables for libcyaml, and the raw form they
 * are loaded into. The same tables tell shape.c what to complain about. Private to conf/.
 *
 * A key that is absent leaves 0 or NULL; whether it was there says yaml_has.
 */
#pragma once

#include <cyaml/cyaml.h>

#include "base/bytes.h"

struct raw_web {
    char *address;
    char *certificate;
    char *key;
    char *redirect;
    char *pages;
};

struct raw_bus {
    char *host;
    int64_t port;
    char *user;
    char *password_file;
};

struct raw_user {
    char *user;
    char *password;
};

enum { RAW_TCP = 1, RAW_UDP = 2, RAW_TLS = 4 };

struct raw_broker {
    char *host;
    int64_t port;
    char *user;
    char *password_file;
    char *ca;
    char *certificate;
    char *key;
};

struct raw_tls {
    char *certificate;
    char *key;
    char *ca;
    char *client;
};

struct raw_modbus {
    int64_t unit;
    int64_t first;
    int64_t count;
    int64_t poll_ms;
    int64_t answer_within_ms;
};

struct raw_port { /* and `options`, a free mapping: read_options */
    char *port;
    char *dialect;
    char *listen;
    char *dial;
    unsigned transport; /* RAW_TCP | RAW_UDP | RAW_TLS */
    bool active;
    char *own_user;
    char *realm;
    struct raw_user *users;
    unsigned users_count;
    char **subscribe;
    unsigned subscribe_count;
    struct raw_broker *broker;
    struct raw_tls *tls;
    struct raw_modbus *modbus;
};

struct raw_centre {
    char *centre;
    char *port;
    bool manned;
    char **addresses;
    unsigned addresses_count;
    int64_t answer_within_s;
};

struct raw_timings {
    int64_t idle_s;
    int64_t open_s;
    int64_t silent_idle_s;
    int64_t silent_open_s;
    int64_t repeat_window_s;
};

struct raw_limits {
    int64_t cases;
    int64_t ids;
    int64_t recent;
};

struct raw_main { /* samlarm.yaml */
    char *municipality;
    char *name;
    char *reserve_phone;
    char *language;
    char *unknown_unit;
    bool demo;
    struct raw_web *web;
    struct raw_bus *bus;
    struct raw_port *ports;
    unsigned ports_count;
    struct raw_centre *centres;
    unsigned centres_count;
    struct raw_timings *timings;
    struct raw_limits *limits;
};

struct raw_unit {
    char *unit;
    char *name;
    int form; /* enum form; FORM_UNKNOWN: as the unit above */
    struct raw_unit *children;
    unsigned children_count;
};

struct raw_units { /* units.yaml */
    struct raw_unit *units;
    unsigned units_count;
};

struct raw_match {
    uint64_t form; /* masks as in struct match */
    uint64_t kind;
    uint64_t class_;
    char *unit;
    char *time;
    char *days;
};

struct raw_step {
    char *ask;
    int64_t within_s;
};

struct raw_plan {
    char *plan;
    struct raw_match *match;
    int64_t on_site_within_s;
    struct raw_step *steps;
    unsigned steps_count;
};

struct raw_plans { /* plans.yaml */
    struct raw_plan *plans;
    unsigned plans_count;
};

extern const cyaml_schema_value_t schema_main;
extern const cyaml_schema_value_t schema_units;
extern const cyaml_schema_value_t schema_plans;
