/* keys.h - the secrets of one gateway, in STATE/keys (mode 600): made at the first start, never logged.
 *
 * Kept in sodium_malloc memory, wiped at close. sodium_init is called here and its result checked.
 */
#pragma once

#include "io/loop.h"

struct keys;

enum { KEY_SIGN_PUBLIC = 32, KEY_SIGN_SECRET = 64, KEY_MAC = 32 };

/* Reads DIR/keys or makes it (written to a temporary name, synced, renamed, directory synced).
 * Refuses a file that others may read, or that is damaged: `why` says so. */
enum err keys_open(const char *dir, struct keys **ret_keys, char *ret_why,
                   size_t why_room) MUST_USE;
void keys_close(struct keys *keys);
const uint8_t *keys_sign_secret(const struct keys *keys);
const uint8_t *keys_sign_public(const struct keys *keys);

/* 10 letters and digits that stand for a name; the same name gives the same, without the key nobody
 * can go back. `room` >= 17. */
void keys_pseudonym(const struct keys *keys, const char *domain, struct slice name, char *ret_text,
                    size_t room);

/* A session token "staff.expiry.mac" (cookie), and its check: AUTH when false or expired. */
enum err keys_token_make(const struct keys *keys, const char *purpose, const char *staff,
                         int64_t expires_wall_ms, struct buf *out) MUST_USE;
enum err keys_token_check(const struct keys *keys, const char *purpose, struct slice token,
                          int64_t wall_ms, char *ret_staff, size_t staff_room) MUST_USE;

/* PINs: STATE/pins, one "staff:argon2id-string" a line, mode 600, replaced as a whole. */
enum err pins_set(const char *dir, const char *staff, const char *pin) MUST_USE;
enum err pins_remove(const char *dir, const char *staff) MUST_USE;
struct pins; /* a copy in memory; read again with pins_open */
enum err pins_open(const char *dir, struct pins **ret_pins, char *ret_why,
                   size_t why_room) MUST_USE;
void pins_close(struct pins *pins);
bool pins_has(const struct pins *pins, const char *staff);

/* Argon2id takes tens of milliseconds: runs on a worker, answers on the loop. An unknown staff takes as
 * long as a wrong PIN. At most 64 wait at once (ERR_FULL). */
struct pin_worker;
enum err pin_worker_open(struct ev_loop *loop, struct pin_worker **ret_worker) MUST_USE;
void pin_worker_close(struct pin_worker *worker);
enum err pin_check(struct pin_worker *worker, const struct pins *pins, const char *staff,
                   const char *pin, void (*on_done)(void *context, bool is_right),
                   void *context) MUST_USE;
