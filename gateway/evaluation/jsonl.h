/* jsonl.h - one flat JSON object a line: what evidence files are made of.
 *
 * Called by observation.c and report.c. Flat on purpose: strings, whole numbers and booleans, no
 * nesting, so that a line can be read in ten years with ten lines of any language, and so that the
 * reader here has nothing to be attacked through. Never allocates, never guesses: what it does not
 * know it refuses.
 */
#pragma once

#include "base/bytes.h"

enum { JSONL_FIELDS_MAX = 24, JSONL_LINE_MAX = 4096 };

/* RFC 8259 section 7, in quotes; UTF-8 as it stands, control characters escaped. */
void jsonl_put_text(struct buf *out, struct slice text);
/* `"key":` with a comma in front unless it follows '{' or '['. */
void jsonl_put_key(struct buf *out, const char *key);

enum jsonl_type { JSONL_TEXT, JSONL_NUMBER, JSONL_TRUE, JSONL_FALSE };

struct jsonl_field {
    struct slice key; /* in the line; keys with escapes are refused */
    enum jsonl_type type;
    struct slice text; /* TEXT: unescaped, in the line or in the arena */
    int64_t number;    /* NUMBER */
};

struct jsonl {
    struct jsonl_field fields[JSONL_FIELDS_MAX];
    size_t count;
};

/* The whole line must be one object, keys must not repeat. `at` of the verdict is where it broke.
 * ERR_FULL: too many fields, too long, or no room in the arena. */
struct verdict jsonl_parse(struct slice line, struct arena *arena, struct jsonl *ret) MUST_USE;

/* NULL when there is none. */
const struct jsonl_field *jsonl_find(const struct jsonl *object, const char *key);
