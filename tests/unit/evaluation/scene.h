/* scene.h - small runs for the tests of the judges: presses, alarms, cuts, at times that are given.
 *
 * Included by the tests of this folder only. A scene is a list of observations in fixed memory.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evaluation/report.h"

enum { SCENE_MAX = 2048 };

struct scene {
    struct observation all[SCENE_MAX];
    size_t count;
    uint64_t seq;
};

static const int64_t SCENE_START = 1795000000000;

static inline struct observation *scene_add(struct scene *s, enum observed what, int64_t at_ms)
{
    assert_true(s->count < SCENE_MAX);
    struct observation *o = &s->all[s->count++];
    *o = (struct observation){.what = what, .by = WITNESS_BENCH, .wall_ms = SCENE_START + at_ms};
    return o;
}

static inline struct observation *scene_do(struct scene *s, enum observed what, int64_t at_ms,
                                           const char *device)
{
    struct observation *o = scene_add(s, what, at_ms);
    snprintf(o->device, sizeof o->device, "%s", device);
    return o;
}

static inline void scene_begin(struct scene *s, const char *requirement)
{
    struct observation *o = scene_add(s, OBSERVED_RUN_BEGIN, 0);
    snprintf(o->text, sizeof o->text, "%s", requirement);
}

static inline void scene_end(struct scene *s, int64_t at_ms, const char *requirement)
{
    struct observation *o = scene_add(s, OBSERVED_RUN_END, at_ms);
    snprintf(o->text, sizeof o->text, "%s", requirement);
}

static inline struct alarm_id scene_id(const char *reference)
{
    struct alarm_id id = {{0}};
    memcpy(id.at, reference, strnlen(reference, sizeof id.at));
    return id;
}

static inline struct observation *scene_row(struct scene *s, enum observed what, int64_t at_ms,
                                            const char *device, const char *reference)
{
    struct observation *o = scene_do(s, what, at_ms, device);
    o->by = WITNESS_GATEWAY;
    o->seq = ++s->seq;
    o->id = scene_id(reference);
    snprintf(o->reference, sizeof o->reference, "%s", reference);
    return o;
}

static inline struct observation *scene_alarm(struct scene *s, int64_t at_ms, const char *device,
                                              const char *reference, enum kind kind)
{
    struct observation *o = scene_row(s, OBSERVED_EVENT, at_ms, device, reference);
    o->kind = kind;
    o->phase = PHASE_RAISED;
    return o;
}

static inline void scene_case(struct scene *s, int64_t at_ms, const char *device,
                              const char *reference, enum change change)
{
    struct observation *o = scene_row(s, OBSERVED_CASE, at_ms, device, reference);
    o->kind = KIND_HELP;
    o->change = change;
}

static inline void scene_answer(struct scene *s, int64_t at_ms, const char *reference)
{
    struct observation *o = scene_row(s, OBSERVED_ANSWERED, at_ms, "", "");
    o->id = scene_id(reference);
    o->is_positive = true;
}

/* A press every minute, each with its alarm `delay_ms` later. */
static inline void scene_presses(struct scene *s, size_t count, const int64_t *delays_ms)
{
    for (size_t i = 0; i < count; i++) {
        char reference[REFERENCE_ROOM];
        int64_t at = 1000 + (int64_t)i * 60000;
        snprintf(reference, sizeof reference, "r%zu", i);
        scene_do(s, OBSERVED_PRESS, at, "hub-1")->number = i + 1;
        if (delays_ms[i] >= 0) {
            scene_alarm(s, at + delays_ms[i], "hub-1", reference, KIND_HELP);
        }
    }
}

static inline char *scene_read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *ret_len = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}
