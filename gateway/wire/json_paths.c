/* json_paths.c - see json_paths.h. */
#include "wire/json_paths.h"

#include <jansson.h>
#include <string.h>

enum { NAME_ROOM = 64 };

/* One step of a path: a name, or a number in brackets. False: there is none, or it is not well formed. */
static bool take_step(struct slice *rest, struct slice *ret_name, uint64_t *ret_index)
{
    if (rest->len > 0 && rest->at[0] == '[') {
        struct slice tail = slice_from(*rest, 1);
        struct slice digits = slice_cut(&tail, ']');
        bool has_end = digits.len + 2 <= rest->len && rest->at[digits.len + 1] == ']';
        *ret_name = slice_of(NULL, 0);
        *rest = tail;
        return has_end && slice_u64(digits, 9999, ret_index) == ERR_OK;
    }
    if (rest->len > 0 && rest->at[0] == '.') {
        *rest = slice_from(*rest, 1);
    }
    size_t len = 0;
    while (len < rest->len && rest->at[len] != '.' && rest->at[len] != '[') {
        len++;
    }
    *ret_name = slice_of(rest->at, len);
    *rest = slice_from(*rest, len);
    return len > 0 && len < NAME_ROOM;
}

static struct slice without_root(struct slice path)
{
    return path.len > 0 && path.at[0] == '$' ? slice_from(path, 1) : path;
}

bool json_path_is_good(struct slice path)
{
    struct slice rest = without_root(path);
    struct slice name;
    uint64_t index = 0;
    if (path.len > JSON_PATH_MAX || !slice_is_utf8(path)) {
        return false;
    }
    while (rest.len > 0) {
        if (!take_step(&rest, &name, &index)) {
            return false;
        }
    }
    return true;
}

static const json_t *value_at(const json_t *root, struct slice path)
{
    struct slice rest = without_root(path);
    const json_t *at = path.len == 0 ? NULL : root;
    while (rest.len > 0 && at != NULL) {
        struct slice name;
        uint64_t index = 0;
        char text[NAME_ROOM];
        if (!take_step(&rest, &name, &index)) {
            return NULL;
        }
        if (name.len == 0) {
            at = json_array_get(at, (size_t)index);
        } else {
            (void)slice_text(name, text, sizeof text);
            at = json_object_get(at, text);
        }
    }
    return at;
}

static void put_value(const json_t *value, struct buf *b)
{
    if (json_is_string(value)) {
        buf_put(b, json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        buf_put_i64(b, json_integer_value(value));
    } else if (json_is_boolean(value)) {
        buf_put_str(b, json_is_true(value) ? "true" : "false");
    } else if (json_is_real(value)) {
        double number = json_real_value(value);
        if (number > -9e15 && number < 9e15) {
            int64_t whole = (int64_t)number;
            double rest = number < 0 ? (double)whole - number : number - (double)whole;
            if (number < 0 && whole == 0) {
                buf_put_u8(b, '-');
            }
            buf_put_i64(b, whole);
            buf_put_u8(b, '.');
            buf_put_padded(b, (uint64_t)(rest * 1000), 3);
        }
    }
}

enum err json_values(struct slice text, const struct slice *paths, size_t count,
                     struct arena *arena, struct slice *ret_values, size_t *ret_at)
{
    json_error_t error;
    enum err err = ERR_OK;
    *ret_at = 0;
    json_t *root = json_loadb((const char *)text.at, text.len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        *ret_at = error.position > 0 && (size_t)error.position <= text.len ? (size_t)error.position
                                                                           : text.len;
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        uint8_t *room = arena_alloc(arena, JSON_VALUE_MAX, 1);
        struct buf b = buf_of(room, JSON_VALUE_MAX);
        err = room == NULL ? ERR_FULL : ERR_OK;
        if (err == ERR_OK) {
            put_value(value_at(root, paths[i]), &b);
            ret_values[i] = b.is_full ? slice_of(room, 0) : buf_slice(&b);
        }
    }
    json_decref(root);
    return err;
}
