/* names.c - a set of names, so that ten thousand rows are checked for doubles without being compared
 * pair by pair. Called while a configuration is read, by one caller, and thrown away after it.
 */
#include "conf/load.h"

#include <stdlib.h>
#include <string.h>

enum err names_init(struct names *names, size_t most)
{
    size_t count = 16;
    while (count < most * 2) {
        count *= 2;
    }
    names->slots = calloc(count, sizeof *names->slots);
    names->slot_count = names->slots == NULL ? 0 : count;
    return names->slots == NULL ? ERR_FULL : ERR_OK;
}

void names_finish(struct names *names)
{
    free(names->slots);
    *names = (struct names){0};
}

/* FNV-1a: who writes the configuration has no reason to attack it. */
static size_t hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325U;
    for (const char *at = text; *at != '\0'; at++) {
        h = (h ^ (unsigned char)*at) * 0x100000001b3U;
    }
    return (size_t)(h ^ (h >> 32));
}

static struct name *slot(const struct names *names, const char *text)
{
    size_t mask = names->slot_count - 1;
    size_t at = hash(text) & mask;
    while (names->slots[at].text != NULL && strcmp(names->slots[at].text, text) != 0) {
        at = (at + 1) & mask;
    }
    return &names->slots[at];
}

bool names_put(struct names *names, const char *text, uint32_t number, uint32_t *ret_number)
{
    struct name *name = slot(names, text);
    if (name->text != NULL) {
        *ret_number = name->number;
        return false;
    }
    *name = (struct name){text, number};
    return true;
}

bool names_find(const struct names *names, const char *text, uint32_t *ret_number)
{
    if (names->slot_count == 0) {
        return false;
    }
    const struct name *name = slot(names, text);
    if (name->text == NULL) {
        return false;
    }
    *ret_number = name->number;
    return true;
}
