/* requirement.h - what a procurement asks for, as data: need, criterion, figure, how it is proved.
 *
 * Read from config/requirements/ by the doors, chosen by a plan, judged by a judge, quoted in the
 * report. Never holds a vendor's name or a score. Texts live as long as the arena and the file's
 * text.
 */
#pragma once

#include "alarm/alarm.h"

enum { REQUIREMENTS_MAX = 512, CATALOGUE_MAX = 1 << 20, COMPLAINT_ROOM = 200 };

/* What is wrong with a file that people write, and where; one plain sentence. */
struct complaint {
    int line; /* from 1 */
    char text[COMPLAINT_ROOM];
};

/* Always returns ERR_SYNTAX, so that a parser can end with it. `a` and `b` may be empty. */
enum err complaint_make(struct complaint *ret, int line, const char *before, struct slice a,
                        const char *after);

enum language { SWEDISH, ENGLISH, LANGUAGES };
enum operator_ { OPERATOR_MOST, OPERATOR_EQUAL, OPERATOR_LEAST }; /* <=  =  >= */

enum requirement_text { /* the columns that are only shown; in the order of the file */
                        TEXT_ID,
                        TEXT_AREA,
                        TEXT_AREA_SV,
                        TEXT_AREA_EN,
                        TEXT_HOUSING,
                        TEXT_OBLIGATION,
                        TEXT_NEED_SV,
                        TEXT_NEED_EN,
                        TEXT_CRITERION_SV,
                        TEXT_CRITERION_EN,
                        TEXT_METRIC,
                        TEXT_OPERATOR,
                        TEXT_THRESHOLD,
                        TEXT_UNIT,
                        TEXT_SAMPLES,
                        TEXT_METHOD,
                        TEXT_TEST_SV,
                        TEXT_TEST_EN,
                        TEXT_EVIDENCE,
                        TEXT_SOURCE_REFS,
                        TEXT_FIGURE_BASIS,
                        TEXT_CONTRACT_FOLLOWUP,
                        TEXT_VERSION,
                        TEXT_DATE,
                        TEXT_COUNT
};

struct requirement {
    struct slice texts[TEXT_COUNT];
    unsigned forms;    /* 1 << enum form */
    bool is_mandatory; /* skall; else bör */
    enum operator_ operator_;
    int64_t threshold_milli; /* thousandths of `unit`: 10 s is 10000 */
    uint64_t samples;
    struct slice source; /* the row as it stands in the file: what the plan's hash covers */
    int line;
};

struct catalogue {
    struct requirement *rows;
    size_t count;
};

/* Semicolons between fields, a field in double quotes may hold semicolons and doubled quotes but no
 * line end; the header row must be exact. Refused with a complaint: another number of fields, a
 * doubled id, an unknown housing form, obligation or operator, a figure that is none, text that is
 * not UTF-8. On an error *ret_catalogue is untouched. */
enum err requirement_parse(struct slice text, struct arena *arena, struct catalogue *ret_catalogue,
                           struct complaint *ret_complaint) MUST_USE;

const struct requirement *requirement_find(const struct catalogue *catalogue, struct slice id);

/* "12", "0.5": at most three decimals, no sign. */
enum err requirement_milli(struct slice text, int64_t *ret_milli) MUST_USE;
/* The same back, shortest form; Swedish has a decimal comma. */
void requirement_put_milli(struct buf *out, int64_t milli, enum language language);
const char *operator_sign(enum operator_ o); /* "≤" "=" "≥" */
