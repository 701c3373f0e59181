/* json_paths.h - single values out of a JSON document, by path.
 *
 * Called by the webhook adapter and its fuzzer. Parses once with jansson (strict UTF-8, no double keys, no
 * NUL), keeps nothing: what was asked for is copied into the caller's arena.
 *
 *   $.alarm.device[0].imei        `$.` may be left out; a name, or [number] for a place in a list
 */
#pragma once

#include "base/bytes.h"

enum { JSON_PATH_MAX = 120, JSON_VALUE_MAX = 512 };

/* Is the path well formed? The empty one is: it names nothing. */
bool json_path_is_good(struct slice path);

/* The values at `count` paths as texts: strings as they are, whole numbers in decimal, true and false as
 * words; others are cut to three decimals. Empty: not there, null, or a list or an object.
 * ERR_SYNTAX: no JSON document; *ret_at is the byte. ERR_FULL: the arena is too small. */
enum err json_values(struct slice text, const struct slice *paths, size_t count,
                     struct arena *arena, struct slice *ret_values, size_t *ret_at) MUST_USE;
