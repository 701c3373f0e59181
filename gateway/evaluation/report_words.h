/* report_words.h - the fixed words of the report's page, Swedish and English, and its style.
 *
 * Only report_html.c calls these. All texts are ours and safe in HTML as they stand.
 */
#pragma once

#include "evaluation/report.h"

enum report_word {
#define WORD(name, sv, en) WORD_##name,
#include "evaluation/report_words.def"
#undef WORD
    WORD_COUNT
};

const char *report_word(enum report_word word, enum language language);
const char *report_ruling(enum ruling ruling, enum language language);
const char *report_mark(enum ruling ruling);
const char *report_doubt(enum doubt doubt, enum language language);
const char *report_witness(enum witness by, enum language language);
const char *report_observed(enum observed what, enum language language);
/* "s", "st", "%": "" for a unit that this table lacks. */
const char *report_unit(struct slice unit, enum language language);
const char *report_style(void);
