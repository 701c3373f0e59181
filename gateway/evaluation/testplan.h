/* testplan.h - a test plan (provplan): which requirements, samples and figures, frozen by a hash.
 *
 * The same plan for every vendor, published before the first run; its hash stands in every report
 * and two reports are comparable only when it is the same. Read from config/evaluations/NAME.plan:
 *
 *   # words after a # are for people
 *   plan: core
 *   version: 1
 *   date: 2026-11-22
 *   purpose: evaluation            or demonstration
 *   title_sv: Kärnplan
 *   title_en: Core plan
 *   seed: 20261122
 *   requirement: LARM-01
 *     samples: 100
 *     max_s: 30
 *     ...                          every parameter of the judge, none is implied
 *
 * An evaluation takes threshold and samples as they stand in the requirement (more samples are
 * allowed): bidders read the text literally. A demonstration may take fewer samples and a stricter
 * threshold, and every report of it says so; a looser threshold is refused everywhere.
 */
#pragma once

#include "evaluation/judge.h"

enum { TESTPLAN_ITEMS_MAX = 128, TESTPLAN_TEXT_MAX = 65536, HASH_LEN = 32 };

struct testplan_item {
    const struct requirement *requirement;
    const struct judge *judge;
    struct terms terms;
};

struct testplan {
    char name[UNIT_ROOM];
    char version[WORD_ROOM];
    char date[WORD_ROOM];
    char title[LANGUAGES][TEXT_ROOM];
    bool is_demonstration;
    uint64_t seed;
    uint8_t hash[HASH_LEN]; /* BLAKE2b-256, see testplan_parse */
    struct testplan_item items[TESTPLAN_ITEMS_MAX];
    size_t item_count;
};

/* hash = BLAKE2b-256 over the domain "samlarm.plan.1", the plan's bytes as they are and the catalogue's
 * row of each requirement in the order of the plan, each part with its length (8 bytes, little
 * endian) in front: one changed byte of either gives another plan. `ret_plan` (large: keep one)
 * borrows from the catalogue and is only to be used after ERR_OK. */
enum err testplan_parse(struct slice text, const struct catalogue *catalogue,
                        struct testplan *ret_plan, struct complaint *ret_complaint) MUST_USE;

/* The value of a parameter by name, for the bench that paces itself; -1: there is none. */
int64_t testplan_value(const struct testplan_item *item, const char *name);
