/* sip_frame.h - where one SIP message begins and ends, and the few lines of it that we look at.
 *
 * Called by sip_transport.c on bytes as they come, before libosip2 sees anything: what is
 * hostile is refused here. Keeps nothing, allocates nothing; slices point into the message.
 */
#pragma once

#include "base/bytes.h"

enum {
    SIP_HEAD_MAX = 16384, /* start line and headers */
    SIP_BODY_MAX = 65536,
    SIP_HEADERS_MAX = 128,
    SIP_VIAS_MAX = 64,
    SIP_CONTACTS_MAX = 8
};

struct sip_frame {
    size_t len; /* of the whole message */
    bool is_response;
    int status; /* of a response */
    struct slice method;
    struct slice uri;
    struct slice version;
    struct slice vias[SIP_VIAS_MAX]; /* header values; folded lines are still folded */
    size_t via_count;
    struct slice contacts[SIP_CONTACTS_MAX];
    size_t contact_count;
    struct slice from;
    struct slice to;
    struct slice call_id;
    struct slice cseq;
    struct slice max_forwards;
    struct slice require;
    struct slice expires;
    struct slice content_type;
    struct slice authorization;
    struct slice body;
    bool is_repeated; /* a header that may stand once only stood twice */
    bool is_length_wrong;
    bool is_crowded; /* more headers than SIP_HEADERS_MAX or more Via than SIP_VIAS_MAX */
};

/* How many bytes of line ends stand in front: the keep-alive of RFC 5626. */
size_t sip_frame_blank(struct slice bytes);

/* Cuts the first message out of `bytes`. ERR_MORE: a stream has not brought all of it. ERR_SYNTAX:
 * it cannot be framed; *ret_frame holds what could be read (perhaps enough for a 400) and the
 * stream is lost. ERR_RANGE: head or body above its ceiling, as ERR_SYNTAX. */
enum err sip_frame_cut(struct slice bytes, bool is_stream, struct sip_frame *ret_frame) MUST_USE;

/* A request that was cut: 0, or the status that refuses it, and why in plain words. */
int sip_frame_check(const struct sip_frame *frame, const char **ret_why) MUST_USE;
