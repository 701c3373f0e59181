/* alarm.h - what happened, to whom, where, when, said by which device: a flat value.
 *
 * Adapters fill it, the turn gives it its id, the ledger decides on it. The numbers of all
 * enumerations are those of proto/samlarm/v1/alarm.proto (a test compares them).
 * Copied freely; owns nothing. `raw` alone is borrowed: it lives as long as the call that passes it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"

enum form { FORM_UNKNOWN, FORM_SPECIAL, FORM_ORDINARY, FORM_SUPPORT, FORM_FAMILY, FORM_COUNT };

enum kind {
#define KIND(name, number, word, sv, en, klass) KIND_##name = number,
#include "alarm/kinds.def"
#undef KIND
    KIND_LAST = 63
};

enum class_ { /* `class` alone would keep the headers from C++ fuzz drivers */
              CLASS_UNKNOWN,
              CLASS_LIFE,
              CLASS_URGENT,
              CLASS_SERVICE,
              CLASS_TECHNICAL,
              CLASS_COUNT
};

enum phase {
    PHASE_UNKNOWN,
    PHASE_RAISED,
    PHASE_REPEATED,
    PHASE_UPDATED,
    PHASE_RESTORED,
    PHASE_CANCELLED,
    PHASE_COUNT
};

/* Ceilings, NUL included. */
enum {
    ALARM_ID_LEN = 16,
    UNIT_ROOM = 32,
    PLACE_ROOM = 24,
    DEVICE_ROOM = 48,
    VENDOR_ROOM = 32,
    WORD_ROOM = 16, /* dialect, port, config, plan */
    CODE_ROOM = 16,
    STAFF_ROOM = 16,
    REFERENCE_ROOM = 48,
    TEXT_ROOM = 132, /* ESPA's display message is the longest: 128 characters */
    RAW_MAX = 4096
};

struct alarm_id {
    uint8_t at[ALARM_ID_LEN];
};

struct alarm {
    struct alarm_id id;
    enum kind kind;
    enum class_ class_;
    enum phase phase;
    enum form form;
    char unit[UNIT_ROOM];
    char place[PLACE_ROOM];   /* pseudonym */
    char device[DEVICE_ROOM]; /* from an adapter: the sender's address, '/' between its parts */
    char vendor[VENDOR_ROOM];
    char dialect[WORD_ROOM];
    char port[WORD_ROOM];
    char reference[REFERENCE_ROOM];
    char text[TEXT_ROOM];
    char code[CODE_ROOM]; /* as the sender's own standard spells it: "101", "QA"; may be empty */
    uint64_t sequence;    /* a number of the sender that only grows; 0: it has none */
    int64_t interval_ms;  /* the sender promises another sign of life within this; 0: no promise */
    int64_t device_ms;    /* the device's own wall time, 0: none */
    int64_t gateway_ms;
    bool is_test;
    bool is_device_unknown;
    bool is_clock_suspect;
    bool is_unverified;
    bool is_not_recorded;
    char config[WORD_ROOM + 1];
    struct slice raw; /* borrowed, at most RAW_MAX */
    char raw_type[WORD_ROOM * 2];
};

static inline bool alarm_id_eq(const struct alarm_id *a, const struct alarm_id *b)
{
    return slice_eq(slice_of(a->at, ALARM_ID_LEN), slice_of(b->at, ALARM_ID_LEN));
}
bool alarm_id_is_zero(const struct alarm_id *id);

/* The stable id: BLAKE2b-128 of dialect, port, device, reference, phase and kind. A dialect whose
 * sender gives no reference number puts content and a time window into `reference` itself. */
struct alarm_id alarm_make_id(const struct alarm *alarm);

/* Looks at the bounds only: known enumerators, texts well-formed UTF-8 without control characters,
 * device not empty, raw within RAW_MAX. ERR_RANGE or ERR_SYNTAX otherwise. Changes nothing. */
enum err alarm_check(const struct alarm *alarm) MUST_USE;

/* Stable lower-case words: "fall", "life", "raised", "special". Unknown numbers give "unknown". */
const char *kind_word(enum kind kind);
const char *class_word(enum class_ class_);
const char *phase_word(enum phase phase);
const char *form_word(enum form form);
/* What people read: Swedish when `is_swedish`, else English. */
const char *kind_label(enum kind kind, bool is_swedish);
const char *form_label(enum form form, bool is_swedish);
/* ERR_NOT_FOUND leaves *ret alone. */
enum err kind_from_word(struct slice word, enum kind *ret) MUST_USE;
enum err class_from_word(struct slice word, enum class_ *ret) MUST_USE;
enum err phase_from_word(struct slice word, enum phase *ret) MUST_USE;
enum err form_from_word(struct slice word, enum form *ret) MUST_USE;
/* The class a kind has when neither device nor plan says otherwise. Unknown kinds are LIFE:
 * what we do not understand is treated as the worst (facts/reliability.md 3.4). */
enum class_ kind_class(enum kind kind);
bool kind_is_technical(enum kind kind);
bool kind_is_known(int number);
