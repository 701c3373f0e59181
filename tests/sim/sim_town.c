/* sim_town.c - the municipality of the simulation. */
#include "sim_town.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void build_units(struct town *t)
{
    static const struct unit units[TOWN_UNITS] = {{"town", "Staden", FORM_ORDINARY, NONE},
                                                  {"north", "Norra hemtjänsten", FORM_ORDINARY, 0},
                                                  {"south", "Södra hemtjänsten", FORM_ORDINARY, 0},
                                                  {"bjork", "Björken", FORM_SPECIAL, 0},
                                                  {"bjork-1", "Björken 1", FORM_SPECIAL, 3},
                                                  {"bjork-2", "Björken 2", FORM_SPECIAL, 3},
                                                  {"lss", "Gruppbostaden", FORM_SUPPORT, 0},
                                                  {"ifo", "Stödboendet", FORM_FAMILY, 0},
                                                  {"unknown", "Okända don", FORM_ORDINARY, 0}};
    memcpy(t->units, units, sizeof units);
}

static void build_lists(struct town *t)
{
    static const uint16_t homes[] = {1, 2, 4, 5, 6, 7};
    for (size_t i = 0; i < TOWN_DEVICES; i++) {
        struct place *p = &t->places[i];
        struct device *d = &t->devices[i];
        (void)snprintf(p->id, sizeof p->id, "plats-%zu", i);
        (void)snprintf(p->pseudonym, sizeof p->pseudonym, "p%04zu", i);
        p->unit = homes[i % 6];
        (void)snprintf(d->id, sizeof d->id, i % 10 == 9 ? "hub-%zu/a" : "don-%zu", i);
        (void)snprintf(d->key, sizeof d->key, "addr-%zu", i);
        (void)snprintf(d->dialect, sizeof d->dialect, "sim");
        d->place = (uint32_t)(i % 100); /* each home has two */
        d->supervision_ms = i % 4 == 0 ? 600000 : 0;
        d->on_reset = i % 3 == 0 ? ON_RESET_MARK : ON_RESET_CLOSE;
    }
    for (size_t i = 0; i < TOWN_STAFF; i++) {
        struct staff *s = &t->staff[i];
        (void)snprintf(s->id, sizeof s->id, "s%02zu", i);
        (void)snprintf(s->role, sizeof s->role, "%s", i % 7 == 0 ? "nurse" : "carer");
        s->unit = i % 10 == 0 ? 0 : homes[i % 6];
    }
}

static void build_plans(struct town *t)
{
    static const struct centre centres[TOWN_CENTRES] = {
        {"centre-a", "scaip", true, {"a1", "a2"}, 2, 10000},
        {"centre-b", "bus", true, {""}, 0, 20000}};
    memcpy(t->centres, centres, sizeof centres);
    struct match every = {.unit = NONE, .from_minute = ANY_TIME, .to_minute = ANY_TIME};
    struct match technical = every;
    struct match night = every;
    struct match special = every;
    technical.classes = 1u << CLASS_TECHNICAL;
    night.from_minute = 21 * 60;
    night.to_minute = 7 * 60;
    special.forms = 1u << FORM_SPECIAL;
    t->plans[0] = (struct plan){"technical",
                                technical,
                                {{.whom = WHOM_ROLE, .role = "nurse", .within_ms = 180000},
                                 {.whom = WHOM_CENTRE, .centre = 0}},
                                2,
                                0,
                                1};
    t->plans[1] = (struct plan){"night",
                                night,
                                {{.whom = WHOM_TEAM, .within_ms = 30000},
                                 {.whom = WHOM_CENTRE, .centre = 1, .within_ms = 50000},
                                 {.whom = WHOM_CENTRE, .centre = 0}},
                                3,
                                1800000,
                                2};
    t->plans[2] = (struct plan){"special",
                                special,
                                {{.whom = WHOM_TEAM, .within_ms = 30000},
                                 {.whom = WHOM_UNIT, .unit = 3, .within_ms = 30000},
                                 {.whom = WHOM_PERSON, .staff = "s00", .within_ms = 20000},
                                 {.whom = WHOM_CENTRE, .centre = 0}},
                                4,
                                600000,
                                3};
    t->plans[3] = (struct plan){"day",
                                every,
                                {{.whom = WHOM_TEAM, .within_ms = 60000},
                                 {.whom = WHOM_ALL, .within_ms = 30000},
                                 {.whom = WHOM_CENTRE, .centre = 0}},
                                3,
                                1800000,
                                4};
}

void town_build(struct town *t)
{
    memset(t, 0, sizeof *t);
    build_units(t);
    build_lists(t);
    build_plans(t);
    struct directory *d = &t->directory;
    (void)snprintf(d->municipality, sizeof d->municipality, "sim");
    (void)snprintf(d->config_id, sizeof d->config_id, "0123456789abcdef");
    d->units = t->units;
    d->unit_count = TOWN_UNITS;
    d->places = t->places;
    d->place_count = TOWN_DEVICES;
    d->devices = t->devices;
    d->device_count = TOWN_DEVICES;
    d->staff = t->staff;
    d->staff_count = TOWN_STAFF;
    d->plans = t->plans;
    d->plan_count = 4;
    d->centres = t->centres;
    d->centre_count = TOWN_CENTRES;
    d->unknown_unit = 8;
    d->repeat_window_ms = 120000;
    struct arena arena = arena_of(t->memory, sizeof t->memory);
    if (directory_index(d, &arena) != ERR_OK) {
        (void)fprintf(stderr, "sim: the town cannot be indexed\n");
        exit(1);
    }
    for (size_t i = 0; i < d->plan_count; i++) {
        int line = 0;
        const char *why = "";
        if (plan_check(d, &d->plans[i], &line, &why) != ERR_OK) {
            (void)fprintf(stderr, "sim: plan %s is refused: %s\n", d->plans[i].name, why);
            exit(1);
        }
    }
}
