/* port_tls.h - TLS for ports: bytes of the socket in, bytes for the socket out, plain bytes between.
 *
 * Called by port.c and port_conn.c; sides also by SIP, whose dialled connections share one. Touches no
 * socket and never waits. A *side* is what we show and whom we trust; a *talk* is one connection.
 *
 *   socket -> tls_talk_take -> tls_talk_shake, then tls_talk_read  -> plain bytes
 *   socket <- tls_talk_pull <- tls_talk_shake, tls_talk_write, tls_talk_bye
 *
 * TLS 1.2 and 1.3, suites with forward secrecy and authenticated ciphers only, no renegotiation, no
 * compression. Tickets, but no cache of sessions. A file that has changed is read again before the next
 * connection; if it is no good the old one stays in force, and a log line says so.
 */
#pragma once

#include "io/port.h"

struct tls_side;
struct tls_talk;

enum { TLS_WHY_ROOM = 240, TLS_CHAIN_MAX = 32768 /* bytes of a peer's certificates */ };

/* The settings are copied. On failure `ret_why` says in plain words which file is wrong, and how. */
enum err tls_side_open(const char *name, const struct port_tls *settings, bool is_dialling,
                       struct tls_side **ret_side, char *ret_why, size_t why_room) MUST_USE;
struct tls_side *tls_side_hold(struct tls_side *side);
void tls_side_drop(struct tls_side *side); /* the last holder frees it; NULL is fine */

/* `expected`: whom a dialled peer's certificate must name, a DNS name or an address in numbers. NULL: no
 * memory. */
struct tls_talk *tls_talk_begin(struct tls_side *side, const char *expected) MUST_USE;
void tls_talk_end(struct tls_talk *talk); /* NULL is fine */
/* ERR_NOT_MINE: the first byte is none of TLS. Afterwards shake or read until they want more. */
enum err tls_talk_take(struct tls_talk *talk, struct slice bytes) MUST_USE;
/* ERR_OK: the handshake is done. ERR_MORE. ERR_AUTH: a certificate is refused, theirs by us or ours by
 * them. ERR_SYNTAX: broken, or nothing in common. */
enum err tls_talk_shake(struct tls_talk *talk) MUST_USE;
/* ERR_MORE: nothing is left. ERR_NOT_FOUND: the peer has said that no more will come. Others as above. */
enum err tls_talk_read(struct tls_talk *talk, uint8_t *room, size_t len, size_t *ret_len) MUST_USE;
enum err tls_talk_write(struct tls_talk *talk, struct slice plain) MUST_USE;
void tls_talk_bye(struct tls_talk *talk);             /* close_notify */
size_t tls_talk_waiting(const struct tls_talk *talk); /* bytes for the socket */
/* Moves bytes for the socket into `room`; how many. */
size_t tls_talk_pull(struct tls_talk *talk, uint8_t *room, size_t len) MUST_USE;
/* Why the last answer was none of OK, MORE, NOT_FOUND: one sentence without end. Lives as the talk. */
const char *tls_talk_why(const struct tls_talk *talk);
/* Whose certificate was looked at last, "" when none was. */
const char *tls_talk_subject(const struct tls_talk *talk);
