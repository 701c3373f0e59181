/* schema.c - the tables of schema.h: every word that the YAML files know.
 *
 * Nothing here is a rule about values; those stand where the values are read.
 */
#include "conf/schema.h"

#include "alarm/alarm.h"

enum { TEXT_MAX = 200, LIST_MAX = 2000 };

// clang-format off
static const cyaml_strval_t form_masks[] = {
    {"special", 1 << FORM_SPECIAL}, {"ordinary", 1 << FORM_ORDINARY},
    {"support", 1 << FORM_SUPPORT}, {"family", 1 << FORM_FAMILY},
};
static const cyaml_strval_t forms[] = {
    {"special", FORM_SPECIAL}, {"ordinary", FORM_ORDINARY},
    {"support", FORM_SUPPORT}, {"family", FORM_FAMILY},
};
static const cyaml_strval_t class_masks[] = {
    {"life", 1 << CLASS_LIFE}, {"urgent", 1 << CLASS_URGENT},
    {"service", 1 << CLASS_SERVICE}, {"technical", 1 << CLASS_TECHNICAL},
};
static const cyaml_strval_t kind_masks[] = {
#define KIND(name, number, word, sv, en, klass) {word, (int64_t)1 << (number)},
#include "alarm/kinds.def"
#undef KIND
};
static const cyaml_strval_t transports[] = {{"tcp", RAW_TCP}, {"udp", RAW_UDP}, {"tls", RAW_TLS}};

#define TEXT(key, structure, member) \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_OPTIONAL, structure, member, 0, TEXT_MAX)
#define MUST_TEXT(key, structure, member) \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_DEFAULT, structure, member, 0, TEXT_MAX)
#define NUMBER(key, structure, member) \
    CYAML_FIELD_INT(key, CYAML_FLAG_OPTIONAL, structure, member)
#define SWITCH(key, structure, member) \
    CYAML_FIELD_BOOL(key, CYAML_FLAG_OPTIONAL, structure, member)
#define WORDS(key, structure, member, table) \
    CYAML_FIELD_FLAGS(key, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, structure, member, table, \
                      CYAML_ARRAY_LEN(table))
#define GROUP(key, structure, member, fields) \
    CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_OPTIONAL, structure, member, fields)
#define LIST(key, structure, member, entry) \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, entry, \
                         0, LIST_MAX)
#define MUST_LIST(key, structure, member, entry) \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER, structure, member, entry, 1, LIST_MAX)

static const cyaml_schema_field_t web_fields[] = {
    TEXT("address", struct raw_web, address),
    TEXT("certificate", struct raw_web, certificate),
    TEXT("key", struct raw_web, key),
    TEXT("redirect", struct raw_web, redirect),
    TEXT("pages", struct raw_web, pages),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t bus_fields[] = {
    TEXT("host", struct raw_bus, host),
    NUMBER("port", struct raw_bus, port),
    TEXT("user", struct raw_bus, user),
    TEXT("password_file", struct raw_bus, password_file),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t user_fields[] = {
    MUST_TEXT("user", struct raw_user, user),
    MUST_TEXT("password", struct raw_user, password),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t user_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_user, user_fields)
};

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, TEXT_MAX)
};

static const cyaml_schema_field_t broker_fields[] = {
    MUST_TEXT("host", struct raw_broker, host),
    NUMBER("port", struct raw_broker, port),
    TEXT("user", struct raw_broker, user),
    TEXT("password_file", struct raw_broker, password_file),
    TEXT("ca", struct raw_broker, ca),
    TEXT("certificate", struct raw_broker, certificate),
    TEXT("key", struct raw_broker, key),
    CYAML_FIELD_END
};
static const cyaml_schema_field_t tls_fields[] = {
    TEXT("certificate", struct raw_tls, certificate),
    TEXT("key", struct raw_tls, key),
    TEXT("ca", struct raw_tls, ca),
    TEXT("client", struct raw_tls, client),
    CYAML_FIELD_END
};
static const cyaml_schema_field_t modbus_fields[] = {
    NUMBER("unit", struct raw_modbus, unit),
    NUMBER("first", struct raw_modbus, first),
    NUMBER("count", struct raw_modbus, count),
    NUMBER("poll_ms", struct raw_modbus, poll_ms),
    NUMBER("answer_within_ms", struct raw_modbus, answer_within_ms),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t port_fields[] = {
    MUST_TEXT("port", struct raw_port, port),
    MUST_TEXT("dialect", struct raw_port, dialect),
    TEXT("listen", struct raw_port, listen),
    TEXT("dial", struct raw_port, dial),
    WORDS("transport", struct raw_port, transport, transports),
    SWITCH("active", struct raw_port, active),
    TEXT("own_user", struct raw_port, own_user),
    TEXT("realm", struct raw_port, realm),
    LIST("users", struct raw_port, users, &user_value),
    LIST("subscribe", struct raw_port, subscribe, &text_value),
    GROUP("broker", struct raw_port, broker, broker_fields),
    GROUP("tls", struct raw_port, tls, tls_fields),
    GROUP("modbus", struct raw_port, modbus, modbus_fields),
    CYAML_FIELD_IGNORE("options", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t port_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_port, port_fields)
};

static const cyaml_schema_field_t centre_fields[] = {
    MUST_TEXT("centre", struct raw_centre, centre),
    MUST_TEXT("port", struct raw_centre, port),
    CYAML_FIELD_BOOL("manned", CYAML_FLAG_DEFAULT, struct raw_centre, manned),
    LIST("addresses", struct raw_centre, addresses, &text_value),
    NUMBER("answer_within_s", struct raw_centre, answer_within_s),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t centre_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_centre, centre_fields)
};

static const cyaml_schema_field_t timings_fields[] = {
    NUMBER("idle_s", struct raw_timings, idle_s),
    NUMBER("open_s", struct raw_timings, open_s),
    NUMBER("silent_idle_s", struct raw_timings, silent_idle_s),
    NUMBER("silent_open_s", struct raw_timings, silent_open_s),
    NUMBER("repeat_window_s", struct raw_timings, repeat_window_s),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t limits_fields[] = {
    NUMBER("cases", struct raw_limits, cases),
    NUMBER("ids", struct raw_limits, ids),
    NUMBER("recent", struct raw_limits, recent),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t main_fields[] = {
    TEXT("municipality", struct raw_main, municipality),
    TEXT("name", struct raw_main, name),
    TEXT("reserve_phone", struct raw_main, reserve_phone),
    TEXT("language", struct raw_main, language),
    TEXT("unknown_unit", struct raw_main, unknown_unit),
    SWITCH("demo", struct raw_main, demo),
    GROUP("web", struct raw_main, web, web_fields),
    GROUP("bus", struct raw_main, bus, bus_fields),
    MUST_LIST("ports", struct raw_main, ports, &port_value),
    MUST_LIST("centres", struct raw_main, centres, &centre_value),
    GROUP("timings", struct raw_main, timings, timings_fields),
    GROUP("limits", struct raw_main, limits, limits_fields),
    CYAML_FIELD_END
};
const cyaml_schema_value_t schema_main = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_main, main_fields)
};

static const cyaml_schema_field_t unit_fields[];
static const cyaml_schema_value_t unit_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_unit, unit_fields)
};
static const cyaml_schema_field_t unit_fields[] = {
    MUST_TEXT("unit", struct raw_unit, unit),
    MUST_TEXT("name", struct raw_unit, name),
    CYAML_FIELD_ENUM("form", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct raw_unit, form, forms,
                     CYAML_ARRAY_LEN(forms)),
    LIST("children", struct raw_unit, children, &unit_value),
    CYAML_FIELD_END
};
static const cyaml_schema_field_t units_fields[] = {
    MUST_LIST("units", struct raw_units, units, &unit_value),
    CYAML_FIELD_END
};
const cyaml_schema_value_t schema_units = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_units, units_fields)
};

static const cyaml_schema_field_t match_fields[] = {
    WORDS("form", struct raw_match, form, form_masks),
    WORDS("kind", struct raw_match, kind, kind_masks),
    WORDS("class", struct raw_match, class_, class_masks),
    TEXT("unit", struct raw_match, unit),
    TEXT("time", struct raw_match, time),
    TEXT("days", struct raw_match, days),
    CYAML_FIELD_END
};
static const cyaml_schema_field_t step_fields[] = {
    MUST_TEXT("ask", struct raw_step, ask),
    CYAML_FIELD_INT("within_s", CYAML_FLAG_DEFAULT, struct raw_step, within_s),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t step_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_step, step_fields)
};
static const cyaml_schema_field_t plan_fields[] = {
    MUST_TEXT("plan", struct raw_plan, plan),
    GROUP("match", struct raw_plan, match, match_fields),
    NUMBER("on_site_within_s", struct raw_plan, on_site_within_s),
    MUST_LIST("steps", struct raw_plan, steps, &step_value),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t plan_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_plan, plan_fields)
};
static const cyaml_schema_field_t plans_fields[] = {
    MUST_LIST("plans", struct raw_plans, plans, &plan_value),
    CYAML_FIELD_END
};
const cyaml_schema_value_t schema_plans = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_plans, plans_fields)
};
// clang-format on
