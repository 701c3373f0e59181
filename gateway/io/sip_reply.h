/* sip_reply.h - answers as text, made from the lines of the request (RFC 3261, 8.2.6; RFC 3581).
 *
 * Called by sip_server.c. No state: the same request always gets the same To tag.
 */
#pragma once

#include "io/sip_frame.h"

struct sip_source {
    const char *address; /* "192.0.2.10:5060" */
    bool is_udp;
    const uint8_t *key; /* 32 random bytes of this process, for the To tag */
};

/* Via, From, To, Call-ID, CSeq of an answer, each one line; the topmost Via gets `received` and
 * `rport` when the request came in a datagram. */
void sip_reply_put_head(struct buf *out, const struct sip_frame *frame,
                        const struct sip_source *source);
/* The whole answer. `headers`: more header lines, each with its CRLF. `type`: NULL without body. */
void sip_reply_put(struct buf *out, int status, struct slice head, struct slice headers,
                   const char *type, struct slice body);
/* One line out of a value that may be folded; controls become blanks. */
void sip_reply_put_line(struct buf *out, const char *name, struct slice value);
