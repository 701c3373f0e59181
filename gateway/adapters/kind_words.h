/* kind_words.h - which word in a call's text stands for which kind: `NÖD=staff_assist, LARM=help`.
 *
 * Nurse-call systems say what it is in words that each house has chosen; the list is an option of the
 * port. Shared by the dialects of nurse call. Pure; upper and lower case are the same, å, ä and ö too.
 */
#pragma once

#include "alarm/alarm.h"

/* What Swedish nurse-call systems usually write. */
#define KIND_WORDS_PRESET                                                                          \
    "NÖD=staff_assist, ASSISTANS=staff_assist, BRAND=fire, FALL=fall, DÖRR=door, LARM=help, "    \
    "WC=service"

/* Is every entry of the list WORD=kind, with a kind that exists? */
bool kind_words_are_good(struct slice kinds);
/* The first entry of the list whose word stands anywhere in the text; a call without any is a call
 * for help. */
enum kind kind_words_kind(struct slice kinds, struct slice text);
/* Does the word stand at this place of the text? */
bool kind_words_stands_at(struct slice text, size_t at, struct slice word);
