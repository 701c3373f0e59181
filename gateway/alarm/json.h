/* json.h - canonical protobuf JSON <-> message, generated from the descriptors by one function each.
 *
 * https://protobuf.dev/programming-guides/json: lowerCamelCase names, enumerations by name, 64-bit
 * integers as strings, bytes in base64, absent fields left out. Websocket and exports speak it.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/bytes.h"

/* Appends the message as one JSON object. ERR_FULL when it does not fit. */
enum err json_put(const ProtobufCMessage *message, struct buf *out) MUST_USE;

/* Parses one JSON object (strict UTF-8, at most 16 KiB, depth at most 8) into a message that lives in
 * the arena and owns nothing else. Unknown fields are refused (ERR_UNSUPPORTED): a client that says
 * what we do not know is told so. `ret_at` (may be NULL) is the byte where it broke. */
enum err json_parse(struct slice text, const ProtobufCMessageDescriptor *descriptor,
                    struct arena *arena, ProtobufCMessage **ret_message, size_t *ret_at) MUST_USE;
