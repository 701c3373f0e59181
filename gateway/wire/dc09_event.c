/* dc09_event.c - the texts inside a DC-09 frame: Contact ID, and SIA's event blocks.
 *
 *   ADM-CID   #acct|q EEE GG ZZZ           SIA-DCS   #acct|N ri1 / MA 001 ^text^ ...
 *
 * Makers leave out the slash, the account, the blanks; several events may follow one another, and a
 * block `|Atext` adds words to the one before (facts: protocols.md 4.6, 4.7).
 */
#include "wire/dc09.h"

#include <string.h>

struct slice dc09_event_data(struct slice data)
{
    if (data.len > 0 && data.at[0] == '#') {
        const uint8_t *bar = memchr(data.at, '|', data.len);
        return bar == NULL ? slice_from(data, data.len)
                           : slice_from(data, (size_t)(bar - data.at) + 1);
    }
    return data;
}

static bool take_digits(struct slice *rest, size_t count, char *ret_text)
{
    while (rest->len > 0 && rest->at[0] == ' ') {
        *rest = slice_from(*rest, 1);
    }
    if (rest->len < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t c = rest->at[i];
        bool is_digit = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
        if (!is_digit) {
            return false;
        }
        ret_text[i] = (char)c;
    }
    ret_text[count] = '\0';
    *rest = slice_from(*rest, count);
    return true;
}

enum err dc09_contact_parse(struct slice data, struct dc09_contact *ret_contact)
{
    struct dc09_contact c = {.qualifier = '1'};
    struct slice rest = dc09_event_data(data);
    char qualifier[2];
    if (!take_digits(&rest, 1, qualifier) || !take_digits(&rest, 3, c.event) ||
        !take_digits(&rest, 2, c.group) || !take_digits(&rest, 3, c.zone) ||
        slice_trim(rest).len > 0) {
        return ERR_SYNTAX;
    }
    c.qualifier = qualifier[0];
    *ret_contact = c;
    return ERR_OK;
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_value(uint8_t c)
{
    return (c >= '0' && c <= '9') || c == ':' || c == '-' || c == '.';
}

/* Lower-case pairs with a value: ti12:30 ri1 id5 pi2. Only the area is kept. */
static void take_modifiers(struct slice *rest, struct dc09_event *e)
{
    while (rest->len >= 2 && is_lower(rest->at[0]) && is_lower(rest->at[1])) {
        bool is_area = rest->at[0] == 'r' && rest->at[1] == 'i';
        size_t len = 2;
        while (len < rest->len && is_value(rest->at[len])) {
            len++;
        }
        if (is_area) {
            (void)slice_text(slice_of(rest->at + 2, len - 2), e->area, sizeof e->area);
        }
        *rest = slice_from(*rest, len);
        if (rest->len > 0 && rest->at[0] == '/') {
            *rest = slice_from(*rest, 1);
        }
    }
}

/* ^text^ or *text*; the closing mark may be missing at the end. */
static void take_text(struct slice *rest, struct dc09_event *e)
{
    if (rest->len == 0 || (rest->at[0] != '^' && rest->at[0] != '*')) {
        return;
    }
    uint8_t mark = rest->at[0];
    *rest = slice_from(*rest, 1);
    const uint8_t *close = rest->len == 0 ? NULL : memchr(rest->at, mark, rest->len);
    size_t len = close == NULL ? rest->len : (size_t)(close - rest->at);
    e->text = slice_of(rest->at, len);
    *rest = slice_from(*rest, close == NULL ? len : len + 1);
}

static bool is_address(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

enum err dc09_event_next(struct slice *rest, struct dc09_event *ret_event)
{
    struct dc09_event e = {.is_old = false};
    struct slice begin = *rest;
    while (rest->len > 0 && (rest->at[0] == '|' || rest->at[0] == '/' || rest->at[0] == ' ')) {
        *rest = slice_from(*rest, 1);
    }
    if (rest->len == 0) {
        return ERR_NOT_FOUND;
    }
    bool has_mark = rest->len > 2 && (rest->at[0] == 'N' || rest->at[0] == 'O') &&
                    (is_lower(rest->at[1]) || (is_upper(rest->at[1]) && is_upper(rest->at[2])));
    if (has_mark) {
        e.is_old = rest->at[0] == 'O';
        *rest = slice_from(*rest, 1);
    }
    take_modifiers(rest, &e);
    if (rest->len < 2 || !is_upper(rest->at[0]) || !is_upper(rest->at[1])) {
        *rest = begin;
        return ERR_SYNTAX;
    }
    (void)slice_text(slice_of(rest->at, 2), e.code, sizeof e.code);
    *rest = slice_from(*rest, 2);
    size_t len = 0;
    while (len < rest->len && len < sizeof e.address - 1 && is_address(rest->at[len])) {
        len++;
    }
    (void)slice_text(slice_of(rest->at, len), e.address, sizeof e.address);
    *rest = slice_from(*rest, len);
    take_text(rest, &e);
    if (slice_starts(*rest, "|A")) { /* an ASCII block belongs to the event before it */
        struct slice block = slice_from(*rest, 2);
        struct slice words = slice_cut(&block, '|');
        e.text = e.text.len == 0 ? words : e.text;
        *rest = block;
    }
    *ret_event = e;
    return ERR_OK;
}
