/* lorawan_alarm.h - what a reading means: the alarm that it is, or that it ends. Tables only.
 *
 * Called by adapters/lorawan.c.
 */
#pragma once

#include "adapters/lorawan_memory.h"
#include "alarm/alarm.h"

/* Limits and times of the port's options. */
struct lorawan_limits {
    int64_t battery_low_percent;
    int64_t battery_low_mv;
    int64_t again_ms;
};

/* One thing to tell. */
struct lorawan_news {
    enum kind kind;
    enum phase phase; /* RAISED or RESTORED */
    bool is_test;
    char code[CODE_ROOM];
    char text[TEXT_ROOM];
};

/* Everything that one uplink has to tell; things of the same kind and phase become one. */
enum { LORAWAN_NEWS_MAX = 14 };
struct lorawan_telling {
    struct lorawan_news news[LORAWAN_NEWS_MAX];
    size_t count;
};

/* Puts into *telling what is new in the readings, and into the device what was told. */
void lorawan_judge(struct lorawan_device *device, const struct lora_readings *readings,
                   const struct lorawan_limits *limits, struct now now,
                   struct lorawan_telling *telling);

/* Something that nobody understands is an alarm: "why: port 85, 0175..." */
void lorawan_tell_unknown(struct lorawan_telling *telling, const char *why,
                          const struct lora_uplink *uplink);
