/* lora.h - what a LoRaWAN device says: payload, port and product -> a short list of readings.
 *
 * Called by the lorawan adapter, the fuzzers and the tests. One file per maker (lora_elsys.c ...), one
 * line per maker in lora_makers.def. A codec reads the device's own bytes; it never keeps state,
 * allocates or judges: that a leak is an alarm is the adapter's opinion.
 */
#pragma once

#include "base/bytes.h"

enum { LORA_READINGS_MAX = 32, LORA_CODE_ROOM = 16, LORA_PRODUCT_ROOM = 16 };

/* What somebody may have to hear of. Temperature, light, counters and the like are read over. */
enum lora_what {
    LORA_NOTHING,     /* in the codecs' tables only */
    LORA_BATTERY,     /* percent */
    LORA_BATTERY_MV,  /* millivolt */
    LORA_NET_BATTERY, /* percent, as the network server heard it from the radio */
    LORA_BUTTON,      /* pressed */
    LORA_INPUT,       /* a digital input, which may be anything */
    LORA_DOOR,        /* 1 open */
    LORA_LEAK,        /* 1 wet */
    LORA_SMOKE,       /* 1 smoke */
    LORA_TEMPERATURE, /* 1 beyond the limits set in the device */
    LORA_FALL,        /* 1 fallen, or lying where nobody lies */
    LORA_BED,         /* 1 out of bed */
    LORA_STILL,       /* 1 without a motion, or too long in one place */
    LORA_UNWELL,      /* 1 breathing or behaviour out of the ordinary */
    LORA_TAMPER,      /* 1 opened or taken off */
    LORA_FAULT,       /* 1 the device says that it is broken */
    LORA_WHAT_COUNT
};

struct lora_reading {
    enum lora_what what;
    int32_t value;
    bool is_event;             /* happened now, each counts; else a state, told again and again */
    bool is_test;              /* somebody pressed the test button */
    const char *text;          /* a literal for people: "short press" */
    char code[LORA_CODE_ROOM]; /* product and the device's own number: "WS101/2" */
};

struct lora_readings {
    struct lora_reading items[LORA_READINGS_MAX];
    size_t count;
    size_t understood;         /* bytes; fewer than the payload has: the rest may be anything */
    bool has_history;          /* old readings were in it, and left out */
    bool has_more;             /* more than the ceiling: repetitions were left out */
    bool is_damaged;           /* shorter than it must be, or its own check sum is wrong */
    bool is_other_product;     /* the maker is known, the product is not */
    struct lora_reading spare; /* what finds no room, so that a codec need not look */
};

/* Where makers contradict themselves, somebody must choose. All zero errs towards an alarm. */
enum lora_polarity { LORA_ANY, LORA_ONE, LORA_ZERO }; /* which value means it; ANY: each does */
enum lora_vs373 {
    LORA_VS373_EITHER,  /* an alarm where one of the two numberings says so */
    LORA_VS373_DECODER, /* type 0 fall; status 1 triggered, 2 over */
    LORA_VS373_README   /* type 0 nothing; status 0 triggered, 1 over */
};
enum lora_input {
    LORA_INPUT_ALARM,
    LORA_INPUT_ALARM_ON_ZERO,
    LORA_INPUT_DOOR,
    LORA_INPUT_DOOR_ON_ZERO,
    LORA_INPUT_IGNORE
};
enum lora_occupancy { LORA_OCCUPANCY_BED, LORA_OCCUPANCY_IGNORE };

struct lora_choices {
    enum lora_vs373 vs373;
    enum lora_polarity ws301_removed;
    enum lora_polarity sensative_door;
    enum lora_input elsys_input;
    enum lora_occupancy elsys_occupancy;
    unsigned elsys_leak_from; /* 0 counts as 1 */
};

struct lora_frame {
    struct slice payload;
    unsigned port;        /* 0: the network server did not say */
    struct slice product; /* of the model, "ws101"; empty: any of the maker's */
};

struct lora_maker {
    const char *word;  /* "milesight" */
    const char *title; /* "Milesight" */
    void (*parse)(const struct lora_frame *frame, const struct lora_choices *choices,
                  struct lora_readings *ret_readings);
};

/* The maker of a model like "milesight-ws101" or "elsys", case aside, and what follows the hyphen.
 * NULL: none of them. */
const struct lora_maker *lora_maker_of(const char *model, struct slice *ret_product);
/* For lists: the i-th in the order of lora_makers.def, NULL past the end. */
const struct lora_maker *lora_maker_at(size_t index);

/* One per line of lora_makers.def; each fills *ret_readings anew and reads not a byte beyond. */
#define MAKER(word, title)                                                                         \
    void lora_##word##_parse(const struct lora_frame *frame, const struct lora_choices *choices,   \
                             struct lora_readings *ret_readings);
#include "wire/lora_makers.def"
#undef MAKER

/* For the codecs. The reading to fill, zeroed but for these. Past the ceiling a repetition gives way, so
 * that whatever was said once is in the list. Never NULL. */
struct lora_reading *lora_add(struct lora_readings *readings, enum lora_what what, int32_t value,
                              const char *text);
/* code = PRODUCT "/" letters number, in upper case, cut where the room ends. */
void lora_code(struct lora_reading *reading, struct slice product, const char *letters,
               unsigned number);
/* Does this value mean it? */
bool lora_means(enum lora_polarity polarity, uint8_t value);
