/* json.c - protobuf messages <-> canonical JSON, by their descriptors. Called by the doors.
 *
 * Writing allocates nothing. Reading lets jansson parse (its memory lives inside the call) and
 * copies what is known into the caller's arena.
 */
#include "alarm/json.h"

#include <jansson.h>
#include <string.h>

enum { JSON_MAX = 16384, JSON_DEPTH_MAX = 8, NAME_ROOM = 64 };

/* Our proto files use none of these; the compiler still wants each switch to name them. */
#define TYPES_NOT_USED                                                                             \
    case PROTOBUF_C_TYPE_SINT32:                                                                   \
    case PROTOBUF_C_TYPE_SFIXED32:                                                                 \
    case PROTOBUF_C_TYPE_SINT64:                                                                   \
    case PROTOBUF_C_TYPE_SFIXED64:                                                                 \
    case PROTOBUF_C_TYPE_FIXED32:                                                                  \
    case PROTOBUF_C_TYPE_FIXED64:                                                                  \
    case PROTOBUF_C_TYPE_FLOAT:                                                                    \
    case PROTOBUF_C_TYPE_DOUBLE

static enum err put_message(const ProtobufCMessage *message, struct buf *out, int depth);

static const void *member(const void *message, unsigned offset)
{
    return (const uint8_t *)message + offset;
}

static void put_text(struct buf *out, struct slice text)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (c == '"' || c == '\\') {
            buf_put_u8(out, '\\');
            buf_put_u8(out, c);
        } else if (c < 0x20) {
            buf_put_str(out, "\\u00");
            buf_put_hex(out, slice_of(&c, 1));
        } else {
            buf_put_u8(out, c);
        }
    }
    buf_put_u8(out, '"');
}

/* "hand_over_to" -> "handOverTo" */
static const char *camel(const char *name, char room[NAME_ROOM])
{
    size_t len = 0;
    bool is_upper = false;
    for (; *name != '\0' && len < NAME_ROOM - 1; name++) {
        if (*name == '_') {
            is_upper = true;
            continue;
        }
        room[len++] = (char)(is_upper && *name >= 'a' && *name <= 'z' ? *name - 32 : *name);
        is_upper = false;
    }
    room[len] = '\0';
    return room;
}

static enum err put_enum(const ProtobufCFieldDescriptor *field, int number, struct buf *out)
{
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(field->descriptor, number);
    if (value == NULL) {
        buf_put_i64(out, number);
    } else {
        put_text(out, slice_str(value->name));
    }
    return ERR_OK;
}

static enum err put_value(const ProtobufCFieldDescriptor *field, const void *at, struct buf *out,
                          int depth)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        put_text(out, slice_str(*(char *const *)at));
        return ERR_OK;
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *data = at;
        buf_put_u8(out, '"');
        buf_put_base64(out, slice_of(data->data, data->len));
        buf_put_u8(out, '"');
        return ERR_OK;
    }
    case PROTOBUF_C_TYPE_BOOL:
        buf_put_str(out, *(const protobuf_c_boolean *)at ? "true" : "false");
        return ERR_OK;
    case PROTOBUF_C_TYPE_ENUM:
        return put_enum(field, *(const int *)at, out);
    case PROTOBUF_C_TYPE_INT32:
        buf_put_i64(out, *(const int32_t *)at);
        return ERR_OK;
    case PROTOBUF_C_TYPE_UINT32:
        buf_put_u64(out, *(const uint32_t *)at);
        return ERR_OK;
    case PROTOBUF_C_TYPE_INT64:
        buf_put_u8(out, '"');
        buf_put_i64(out, *(const int64_t *)at);
        buf_put_u8(out, '"');
        return ERR_OK;
    case PROTOBUF_C_TYPE_UINT64:
        buf_put_u8(out, '"');
        buf_put_u64(out, *(const uint64_t *)at);
        buf_put_u8(out, '"');
        return ERR_OK;
    case PROTOBUF_C_TYPE_MESSAGE:
        return put_message(*(ProtobufCMessage *const *)at, out, depth + 1);
    TYPES_NOT_USED:
        break;
    }
    return ERR_BUG; /* our proto files use none of these */
}

/* Bytes of one value in memory, 0 for a type that our proto files do not use. */
static size_t value_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_UINT32:
        return sizeof(int32_t);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        return sizeof(int64_t);
    TYPES_NOT_USED:
        break;
    }
    return 0;
}

static bool is_oneof(const ProtobufCFieldDescriptor *field)
{
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* proto3: a plain field that holds its default is not written; a chosen oneof member is. */
static bool is_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const void *at = member(message, field->offset);
    if (is_oneof(field)) {
        return *(const uint32_t *)member(message, field->quantifier_offset) == field->id;
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(char *const *)at;
        return text != NULL && text[0] != '\0';
    }
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(void *const *)at != NULL;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)at)->len > 0;
    case PROTOBUF_C_TYPE_BOOL:
        return *(const protobuf_c_boolean *)at != 0;
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_UINT32:
        return *(const int32_t *)at != 0;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        return *(const int64_t *)at != 0;
    TYPES_NOT_USED:
        break;
    }
    return true; /* put_value then says ERR_BUG */
}

static enum err put_repeated(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                             struct buf *out, int depth)
{
    size_t count = *(const size_t *)member(message, field->quantifier_offset);
    const uint8_t *items = *(uint8_t *const *)member(message, field->offset);
    buf_put_u8(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_put_u8(out, ',');
        }
        enum err err = put_value(field, items + i * value_size(field->type), out, depth);
        if (err != ERR_OK) {
            return err;
        }
    }
    buf_put_u8(out, ']');
    return ERR_OK;
}

static enum err put_message(const ProtobufCMessage *message, struct buf *out, int depth)
{
    if (depth > JSON_DEPTH_MAX) {
        return ERR_BUG;
    }
    bool is_first = true;
    buf_put_u8(out, '{');
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        bool is_repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
        bool is_there = is_repeated ? *(const size_t *)member(message, field->quantifier_offset) > 0
                                    : is_present(message, field);
        if (!is_there) {
            continue;
        }
        char name[NAME_ROOM];
        if (!is_first) {
            buf_put_u8(out, ',');
        }
        is_first = false;
        put_text(out, slice_str(camel(field->name, name)));
        buf_put_u8(out, ':');
        enum err err = is_repeated ? put_repeated(message, field, out, depth)
                                   : put_value(field, member(message, field->offset), out, depth);
        if (err != ERR_OK) {
            return err;
        }
    }
    buf_put_u8(out, '}');
    return ERR_OK;
}

enum err json_put(const ProtobufCMessage *message, struct buf *out)
{
    enum err err = put_message(message, out, 1);
    return err != ERR_OK ? err : out->is_full ? ERR_FULL : ERR_OK;
}

static enum err get_message(const json_t *object, const ProtobufCMessageDescriptor *descriptor,
                            struct arena *arena, ProtobufCMessage **ret_message, int depth);

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *descriptor,
                                                const char *key)
{
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        char name[NAME_ROOM];
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        if (strcmp(camel(field->name, name), key) == 0 || strcmp(field->name, key) == 0) {
            return field;
        }
    }
    return NULL;
}

/* 64-bit numbers come as strings, smaller ones as numbers; both are taken for both. */
static enum err get_number(const json_t *value, int64_t min, int64_t max, int64_t *ret)
{
    int64_t number = 0;
    if (json_is_integer(value)) {
        number = json_integer_value(value);
    } else if (json_is_string(value)) {
        struct slice digits = slice_str(json_string_value(value));
        bool is_negative = slice_starts(digits, "-");
        uint64_t magnitude = 0;
        enum err err = slice_u64(slice_from(digits, is_negative ? 1 : 0), INT64_MAX, &magnitude);
        if (err != ERR_OK) {
            return err;
        }
        number = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    } else {
        return ERR_SYNTAX;
    }
    if (number < min || number > max) {
        return ERR_RANGE;
    }
    *ret = number;
    return ERR_OK;
}

static enum err get_enum(const json_t *value, const ProtobufCEnumDescriptor *descriptor, int *ret)
{
    if (json_is_string(value)) {
        const ProtobufCEnumValue *row =
            protobuf_c_enum_descriptor_get_value_by_name(descriptor, json_string_value(value));
        if (row == NULL) {
            return ERR_UNSUPPORTED;
        }
        *ret = row->value;
        return ERR_OK;
    }
    int64_t number = 0;
    enum err err = get_number(value, INT32_MIN, INT32_MAX, &number);
    if (err == ERR_OK) {
        *ret = (int)number;
    }
    return err;
}

static enum err get_bytes(const json_t *value, struct arena *arena, ProtobufCBinaryData *ret)
{
    if (!json_is_string(value)) {
        return ERR_SYNTAX;
    }
    struct slice text = slice_of(json_string_value(value), json_string_length(value));
    uint8_t *bytes = arena_alloc(arena, text.len + 1, 1);
    if (bytes == NULL) {
        return ERR_FULL;
    }
    size_t len = 0;
    enum err err = base64_decode(text, bytes, text.len, &len);
    *ret = (ProtobufCBinaryData){len, bytes};
    return err;
}

static enum err get_text(const json_t *value, struct arena *arena, char **ret)
{
    if (!json_is_string(value)) {
        return ERR_SYNTAX;
    }
    struct slice text = slice_of(json_string_value(value), json_string_length(value));
    if (!slice_is_utf8(text)) {
        return ERR_SYNTAX; /* also a NUL inside */
    }
    *ret = arena_text(arena, text);
    return *ret == NULL ? ERR_FULL : ERR_OK;
}

static enum err get_value(const json_t *value, const ProtobufCFieldDescriptor *field, void *at,
                          struct arena *arena, int depth)
{
    int64_t number = 0;
    enum err err = ERR_OK;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return get_text(value, arena, at);
    case PROTOBUF_C_TYPE_BYTES:
        return get_bytes(value, arena, at);
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)at = json_is_true(value);
        return json_is_boolean(value) ? ERR_OK : ERR_SYNTAX;
    case PROTOBUF_C_TYPE_ENUM:
        return get_enum(value, field->descriptor, at);
    case PROTOBUF_C_TYPE_INT32:
        err = get_number(value, INT32_MIN, INT32_MAX, &number);
        *(int32_t *)at = (int32_t)number;
        return err;
    case PROTOBUF_C_TYPE_UINT32:
        err = get_number(value, 0, UINT32_MAX, &number);
        *(uint32_t *)at = (uint32_t)number;
        return err;
    case PROTOBUF_C_TYPE_INT64:
        err = get_number(value, INT64_MIN, INT64_MAX, &number);
        *(int64_t *)at = number;
        return err;
    case PROTOBUF_C_TYPE_UINT64:
        err = get_number(value, 0, INT64_MAX, &number);
        *(uint64_t *)at = (uint64_t)number;
        return err;
    case PROTOBUF_C_TYPE_MESSAGE:
        return get_message(value, field->descriptor, arena, at, depth + 1);
    TYPES_NOT_USED:
        break;
    }
    return ERR_BUG;
}

static enum err get_repeated(const json_t *value, const ProtobufCFieldDescriptor *field,
                             ProtobufCMessage *message, struct arena *arena, int depth)
{
    size_t count = json_array_size(value);
    size_t size = value_size(field->type);
    if (!json_is_array(value)) {
        return ERR_SYNTAX;
    }
    uint8_t *items = arena_alloc(arena, count + 1, size);
    if (items == NULL) {
        return ERR_FULL;
    }
    for (size_t i = 0; i < count; i++) {
        enum err err = get_value(json_array_get(value, i), field, items + i * size, arena, depth);
        if (err != ERR_OK) {
            return err;
        }
    }
    uint8_t *base = (uint8_t *)message;
    memcpy(base + field->quantifier_offset, &count, sizeof count);
    memcpy(base + field->offset, &items, sizeof(void *));
    return ERR_OK;
}

static enum err get_field(const char *key, const json_t *value, ProtobufCMessage *message,
                          struct arena *arena, int depth)
{
    const ProtobufCFieldDescriptor *field = field_of(message->descriptor, key);
    if (field == NULL) {
        return ERR_UNSUPPORTED;
    }
    if (json_is_null(value)) {
        return ERR_OK;
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return get_repeated(value, field, message, arena, depth);
    }
    uint8_t *base = (uint8_t *)message;
    if (is_oneof(field)) {
        uint32_t chosen = 0;
        memcpy(&chosen, base + field->quantifier_offset, sizeof chosen);
        if (chosen != 0) {
            return ERR_SYNTAX; /* two members of one choice */
        }
        memcpy(base + field->quantifier_offset, &field->id, sizeof field->id);
    }
    return get_value(value, field, base + field->offset, arena, depth);
}

static enum err get_message(const json_t *object, const ProtobufCMessageDescriptor *descriptor,
                            struct arena *arena, ProtobufCMessage **ret_message, int depth)
{
    if (!json_is_object(object)) {
        return ERR_SYNTAX;
    }
    if (depth > JSON_DEPTH_MAX) {
        return ERR_RANGE;
    }
    ProtobufCMessage *message = arena_alloc(arena, 1, descriptor->sizeof_message);
    if (message == NULL) {
        return ERR_FULL;
    }
    protobuf_c_message_init(descriptor, message);
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        enum err err = get_field(key, value, message, arena, depth);
        if (err != ERR_OK) {
            return err;
        }
    }
    *ret_message = message;
    return ERR_OK;
}

enum err json_parse(struct slice text, const ProtobufCMessageDescriptor *descriptor,
                    struct arena *arena, ProtobufCMessage **ret_message, size_t *ret_at)
{
    if (text.len > JSON_MAX) {
        return ERR_RANGE;
    }
    json_error_t error;
    json_t *root = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        if (ret_at != NULL) {
            *ret_at = error.position > 0 ? (size_t)error.position : 0;
        }
        return ERR_SYNTAX;
    }
    if (ret_at != NULL) {
        *ret_at = 0;
    }
    enum err err = get_message(root, descriptor, arena, ret_message, 1);
    json_decref(root);
    return err;
}
