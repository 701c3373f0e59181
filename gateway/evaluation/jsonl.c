/* jsonl.c - flat JSON objects: bytes to fields, text to quoted text. Pure.
 *
 *   { "key" : "text" , "key" : -12 , "key" : true }
 *
 * Section numbers refer to RFC 8259.
 */
#include "evaluation/jsonl.h"

#include <string.h>

void jsonl_put_text(struct buf *out, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    buf_put_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        const char *found = NULL;
        for (const char *s = shorts; *s != '\0' && found == NULL; s += 2) {
            found = (uint8_t)*s == c ? s + 1 : NULL;
        }
        if (found != NULL) {
            buf_put_u8(out, '\\');
            buf_put_u8(out, (uint8_t)*found);
        } else if (c < 0x20) {
            buf_put_str(out, "\\u00");
            buf_put_u8(out, (uint8_t)digits[c >> 4]);
            buf_put_u8(out, (uint8_t)digits[c & 15]);
        } else {
            buf_put_u8(out, c);
        }
    }
    buf_put_u8(out, '"');
}

void jsonl_put_key(struct buf *out, const char *key)
{
    uint8_t last = out->len == 0 ? '{' : out->at[out->len - 1];
    if (last != '{' && last != '[') {
        buf_put_u8(out, ',');
    }
    jsonl_put_text(out, slice_str(key));
    buf_put_u8(out, ':');
}

struct reader {
    struct slice all;
    size_t at;
};

static void skip_blanks(struct reader *r)
{
    while (r->at < r->all.len && (r->all.at[r->at] == ' ' || r->all.at[r->at] == '\t')) {
        r->at++;
    }
}

static bool take(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at >= r->all.len || r->all.at[r->at] != (uint8_t)c) {
        return false;
    }
    r->at++;
    return true;
}

static bool take_word(struct reader *r, const char *word)
{
    if (!slice_starts(slice_from(r->all, r->at), word)) {
        return false;
    }
    r->at += strlen(word);
    return true;
}

/* The inside of a string, from behind its first quote; r stands behind the last one afterwards. */
static enum err take_raw(struct reader *r, struct slice *ret_raw, bool *ret_is_escaped)
{
    size_t from = r->at;
    *ret_is_escaped = false;
    for (; r->at < r->all.len; r->at++) {
        uint8_t c = r->all.at[r->at];
        if (c < 0x20) {
            return ERR_SYNTAX;
        }
        if (c == '"') {
            *ret_raw = slice_of(r->all.at + from, r->at - from);
            r->at++;
            return slice_is_utf8(*ret_raw) ? ERR_OK : ERR_SYNTAX;
        }
        if (c == '\\') {
            *ret_is_escaped = true;
            r->at++;
        }
    }
    r->at = r->all.len; /* a backslash at the very end had stepped over it */
    return ERR_MORE;
}

/* \uXXXX: our own writer makes them below U+0020 only, and NUL never stands in a text; anything above
 * is written as UTF-8. Refusing the rest leaves no second spelling of the same evidence. */
static enum err put_unicode(struct buf *out, struct slice raw, size_t at)
{
    uint8_t bytes[2] = {0};
    size_t len = 0;
    if (raw.len < at + 4 || hex_decode(slice_of(raw.at + at, 4), bytes, 2, &len) != ERR_OK) {
        return ERR_SYNTAX;
    }
    if (bytes[0] != 0 || bytes[1] == 0 || bytes[1] >= 0x20) {
        return ERR_UNSUPPORTED;
    }
    buf_put_u8(out, bytes[1]);
    return ERR_OK;
}

static enum err unescape(struct slice raw, struct arena *arena, struct slice *ret_text)
{
    static const char from[] = "bfnrt\"\\/";
    static const char to[] = "\b\f\n\r\t\"\\/";
    uint8_t *room = arena_alloc(arena, raw.len, 1);
    if (room == NULL) {
        return ERR_FULL;
    }
    struct buf out = buf_of(room, raw.len);
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.at[i] != '\\') {
            buf_put_u8(&out, raw.at[i]);
            continue;
        }
        i++;
        if (raw.at[i] == 'u') {
            enum err err = put_unicode(&out, raw, i + 1);
            if (err != ERR_OK) {
                return err;
            }
            i += 4;
            continue;
        }
        const char *found = raw.at[i] == 0 ? NULL : strchr(from, (char)raw.at[i]);
        if (found == NULL) {
            return ERR_SYNTAX;
        }
        buf_put_u8(&out, (uint8_t)to[found - from]);
    }
    *ret_text = buf_slice(&out);
    return ERR_OK;
}

/* Section 6, whole numbers only, within int64_t; no leading zeros, no "-0". */
static enum err take_number(struct reader *r, int64_t *ret_number)
{
    bool is_negative = take_word(r, "-");
    size_t from = r->at;
    while (r->at < r->all.len && r->all.at[r->at] >= '0' && r->all.at[r->at] <= '9') {
        r->at++;
    }
    uint64_t value = 0;
    struct slice digits = slice_of(r->all.at + from, r->at - from);
    enum err err = slice_u64(digits, INT64_MAX, &value);
    if (err != ERR_OK) {
        return err;
    }
    if (digits.at[0] == '0' && (digits.len > 1 || is_negative)) {
        return ERR_SYNTAX;
    }
    *ret_number = is_negative ? -(int64_t)value : (int64_t)value;
    return ERR_OK;
}

static enum err take_value(struct reader *r, struct arena *arena, struct jsonl_field *field)
{
    skip_blanks(r);
    if (take(r, '"')) {
        bool is_escaped = false;
        field->type = JSONL_TEXT;
        enum err err = take_raw(r, &field->text, &is_escaped);
        return err == ERR_OK && is_escaped ? unescape(field->text, arena, &field->text) : err;
    }
    if (take_word(r, "true")) {
        field->type = JSONL_TRUE;
        return ERR_OK;
    }
    if (take_word(r, "false")) {
        field->type = JSONL_FALSE;
        return ERR_OK;
    }
    field->type = JSONL_NUMBER;
    return take_number(r, &field->number);
}

static bool is_known(const struct jsonl *object, struct slice key)
{
    for (size_t i = 0; i < object->count; i++) {
        if (slice_eq(object->fields[i].key, key)) {
            return true;
        }
    }
    return false;
}

static enum err take_field(struct reader *r, struct arena *arena, struct jsonl *object)
{
    bool is_escaped = false;
    if (object->count == JSONL_FIELDS_MAX) {
        return ERR_FULL;
    }
    struct jsonl_field *field = &object->fields[object->count];
    *field = (struct jsonl_field){0};
    if (!take(r, '"') || take_raw(r, &field->key, &is_escaped) != ERR_OK || is_escaped) {
        return ERR_SYNTAX;
    }
    if (is_known(object, field->key)) {
        return ERR_DUPLICATE;
    }
    if (!take(r, ':')) {
        return ERR_SYNTAX;
    }
    enum err err = take_value(r, arena, field);
    object->count += err == ERR_OK ? 1 : 0;
    return err;
}

struct verdict jsonl_parse(struct slice line, struct arena *arena, struct jsonl *ret)
{
    struct reader r = {line, 0};
    ret->count = 0;
    if (line.len > JSONL_LINE_MAX) {
        return verdict_at(ERR_FULL, JSONL_LINE_MAX);
    }
    if (!take(&r, '{')) {
        return verdict_at(ERR_SYNTAX, r.at);
    }
    bool is_open = !take(&r, '}');
    while (is_open) {
        enum err err = take_field(&r, arena, ret);
        if (err != ERR_OK) {
            return verdict_at(err, r.at);
        }
        is_open = take(&r, ',');
        if (!is_open && !take(&r, '}')) {
            return verdict_at(ERR_SYNTAX, r.at);
        }
    }
    skip_blanks(&r);
    return verdict_at(r.at == line.len ? ERR_OK : ERR_SYNTAX, r.at);
}

const struct jsonl_field *jsonl_find(const struct jsonl *object, const char *key)
{
    for (size_t i = 0; i < object->count; i++) {
        if (slice_eq_str(object->fields[i].key, key)) {
            return &object->fields[i];
        }
    }
    return NULL;
}
