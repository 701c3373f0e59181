/* espa444_call.h - what a call to a pager means: block -> alarm. Used by adapters/espa444.c alone.
 */
#pragma once

#include "alarm/alarm.h"
#include "wire/espa444.h"

/* How this municipality writes its calls. */
struct espa444_call_rules {
    struct espa444_line line;
    struct slice place_word; /* the token after it names the place; empty: never */
    struct slice kinds;      /* "NÖD=staff_assist, LARM=help" */
};

/* Fills kind, class, phase, device and text. OK, or NOT_FOUND when the block names no address: the
 * alarm is good all the same, with "-" for it. */
enum err espa444_fill_alarm(const struct espa444_block *block,
                            const struct espa444_call_rules *rules, struct alarm *alarm);

/* "201-1f2e3d4c5b6a7988-17400": address, hash of the content, number of the time window. The same
 * content in the same window gives the same text. */
void espa444_put_reference(const struct espa444_block *block, const struct espa444_line *line,
                           int64_t window, struct buf *out);
/* The address that such a reference begins with. */
struct slice espa444_reference_address(struct slice reference);
/* A number that is the same for the same records. */
uint64_t espa444_content_hash(const struct espa444_block *block, const struct espa444_line *line);
