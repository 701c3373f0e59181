/* sip_frame.c - SIP messages cut out of datagrams and streams, and checked; see sip_frame.h.
 *
 *   METHOD SP URI SP SIP/2.0 CRLF          SIP/2.0 SP ddd SP reason CRLF
 *   Name HCOLON value CRLF                 compact names: v f t i m c l
 *     SP or HT: the value goes on          (RFC 3261, 7.3.1)
 *   CRLF
 *   body                                   Content-Length bytes; a datagram without it: to its end
 */
#include "io/sip_frame.h"

#include <string.h>

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t sip_frame_blank(struct slice bytes)
{
    size_t n = 0;
    while (n < bytes.len && (bytes.at[n] == '\r' || bytes.at[n] == '\n')) {
        n++;
    }
    return n;
}

static struct slice trim(struct slice a)
{
    while (a.len > 0 && is_blank(a.at[0])) {
        a = slice_from(a, 1);
    }
    while (a.len > 0 && is_blank(a.at[a.len - 1])) {
        a.len--;
    }
    return a;
}

/* The next header line with its continuations, without its line end. */
static struct slice next_line(struct slice *rest)
{
    size_t end = 0;
    for (;;) {
        const uint8_t *feed = memchr(rest->at + end, '\n', rest->len - end);
        end = feed != NULL ? (size_t)(feed - rest->at) + 1 : rest->len;
        bool goes_on = end < rest->len && (rest->at[end] == ' ' || rest->at[end] == '\t');
        if (!goes_on) {
            break;
        }
    }
    struct slice line = slice_of(rest->at, end);
    *rest = slice_from(*rest, end);
    while (line.len > 0 && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r')) {
        line.len--;
    }
    return line;
}

/* Length of the head with its empty line; 0: the empty line is not there yet. Bare LF is accepted.
 */
static size_t head_length(struct slice bytes)
{
    size_t limit = bytes.len < SIP_HEAD_MAX ? bytes.len : SIP_HEAD_MAX;
    for (size_t i = 0; i + 1 < limit; i++) {
        if (bytes.at[i] != '\n') {
            continue;
        }
        if (bytes.at[i + 1] == '\n') {
            return i + 2;
        }
        if (i + 2 < limit && bytes.at[i + 1] == '\r' && bytes.at[i + 2] == '\n') {
            return i + 3;
        }
    }
    return 0;
}

static void set_once(struct sip_frame *frame, struct slice *field, struct slice value)
{
    if (field->at != NULL) {
        frame->is_repeated = true;
        return;
    }
    *field = value;
}

static bool is_name(struct slice name, const char *full, const char *compact)
{
    return slice_eq_nocase(name, full) || (compact != NULL && slice_eq_nocase(name, compact));
}

static void set_length(struct sip_frame *frame, struct slice value, uint64_t *length, bool *has)
{
    uint64_t n = 0;
    if (slice_u64(value, UINT32_MAX, &n) != ERR_OK || (*has && n != *length)) {
        frame->is_length_wrong = true;
        return;
    }
    *length = n;
    *has = true;
}

static void set_header(struct sip_frame *frame, struct slice name, struct slice value)
{
    if (is_name(name, "via", "v")) {
        if (frame->via_count < SIP_VIAS_MAX) {
            frame->vias[frame->via_count++] = value;
        } else {
            frame->is_crowded = true;
        }
    } else if (is_name(name, "contact", "m")) {
        if (frame->contact_count < SIP_CONTACTS_MAX) {
            frame->contacts[frame->contact_count++] = value;
        }
    } else if (is_name(name, "from", "f")) {
        set_once(frame, &frame->from, value);
    } else if (is_name(name, "to", "t")) {
        set_once(frame, &frame->to, value);
    } else if (is_name(name, "call-id", "i")) {
        set_once(frame, &frame->call_id, value);
    } else if (is_name(name, "cseq", NULL)) {
        set_once(frame, &frame->cseq, value);
    } else if (is_name(name, "max-forwards", NULL)) {
        set_once(frame, &frame->max_forwards, value);
    } else if (is_name(name, "expires", NULL)) {
        set_once(frame, &frame->expires, value);
    } else if (is_name(name, "content-type", "c")) {
        set_once(frame, &frame->content_type, value);
    } else if (is_name(name, "require", NULL) && frame->require.len == 0) {
        frame->require = value;
    } else if (is_name(name, "authorization", NULL) && frame->authorization.len == 0) {
        frame->authorization = value;
    }
}

static void read_start(struct sip_frame *frame, struct slice line)
{
    if (slice_starts(line, "SIP/")) {
        frame->is_response = true;
        frame->version = slice_cut(&line, ' ');
        struct slice code = slice_cut(&line, ' ');
        uint64_t status = 0;
        if (code.len == 3 && slice_u64(code, 699, &status) == ERR_OK) {
            frame->status = (int)status;
        }
        return;
    }
    /* From both ends, so that blanks in between end in the URI, where they are seen. */
    frame->method = slice_cut(&line, ' ');
    line = trim(line);
    size_t at = line.len;
    while (at > 0 && line.at[at - 1] != ' ') {
        at--;
    }
    frame->version = slice_from(line, at);
    frame->uri = trim(slice_of(line.at, at));
}

enum err sip_frame_cut(struct slice bytes, bool is_stream, struct sip_frame *ret_frame)
{
    struct sip_frame frame = {0};
    size_t head = head_length(bytes);
    bool is_ended = head != 0;
    if (!is_ended && is_stream && bytes.len < SIP_HEAD_MAX) {
        return ERR_MORE;
    }
    if (!is_ended) {
        head = bytes.len < SIP_HEAD_MAX ? bytes.len : SIP_HEAD_MAX;
    }
    struct slice rest = slice_of(bytes.at, head);
    read_start(&frame, next_line(&rest));
    uint64_t length = 0;
    bool has_length = false;
    for (size_t n = 0; rest.len > 0; n++) {
        struct slice line = next_line(&rest);
        if (line.len == 0) {
            break;
        }
        if (n == SIP_HEADERS_MAX) {
            frame.is_crowded = true;
            break;
        }
        struct slice value = line;
        struct slice name = trim(slice_cut(&value, ':'));
        value = trim(value);
        if (is_name(name, "content-length", "l")) {
            set_length(&frame, value, &length, &has_length);
        } else {
            set_header(&frame, name, value);
        }
    }
    size_t after = bytes.len - head;
    frame.len = bytes.len;
    enum err err = ERR_OK;
    if (!is_ended) {
        err = bytes.len >= SIP_HEAD_MAX ? ERR_RANGE : ERR_SYNTAX;
    } else if (frame.is_length_wrong || frame.is_crowded || (is_stream && !has_length)) {
        frame.is_length_wrong = frame.is_length_wrong || !has_length;
        err = ERR_SYNTAX;
    } else if (length > SIP_BODY_MAX) {
        err = ERR_RANGE;
    } else if (has_length && length > after) {
        frame.is_length_wrong = true;
        err = is_stream ? ERR_MORE : ERR_SYNTAX;
    } else {
        frame.body = slice_of(bytes.at + head, has_length ? (size_t)length : after);
        frame.len = head + frame.body.len;
    }
    *ret_frame = frame;
    return err;
}

static bool has_balanced_quotes(struct slice value)
{
    bool is_quoted = false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == '\\' && is_quoted) {
            i++;
        } else if (value.at[i] == '"') {
            is_quoted = !is_quoted;
        }
    }
    return !is_quoted;
}

/* RFC 3261, 8.1.1.5: below 2^31, and the method of the start line. */
static const char *check_cseq(const struct sip_frame *frame)
{
    struct slice method = frame->cseq;
    size_t digits = 0;
    while (digits < method.len && !is_blank(method.at[digits])) {
        digits++;
    }
    uint64_t number = 0;
    if (slice_u64(slice_of(method.at, digits), INT32_MAX, &number) != ERR_OK) {
        return "the CSeq number is missing or above 2147483647";
    }
    method = trim(slice_from(method, digits));
    return slice_eq(method, frame->method) ? NULL
                                           : "the CSeq method is not the method of the start line";
}

static const char *check_syntax(const struct sip_frame *frame)
{
    uint64_t number = 0;
    if (frame->method.len == 0 || frame->uri.len == 0) {
        return "the start line is not METHOD URI SIP/2.0";
    }
    if (frame->via_count == 0 || frame->vias[0].len == 0) {
        return "Via is missing";
    }
    if (frame->from.len == 0 || frame->to.len == 0) {
        return "From or To is missing";
    }
    if (frame->call_id.len == 0 || frame->cseq.len == 0) {
        return "Call-ID or CSeq is missing";
    }
    if (frame->is_repeated) {
        return "a header that may stand once only stands twice";
    }
    if (!has_balanced_quotes(frame->from) || !has_balanced_quotes(frame->to)) {
        return "a quote in From or To is never closed";
    }
    if (frame->max_forwards.at != NULL && slice_u64(frame->max_forwards, 255, &number) != ERR_OK) {
        return "Max-Forwards is not a number up to 255";
    }
    for (size_t i = 0; i < frame->uri.len; i++) {
        if (is_blank(frame->uri.at[i]) || frame->uri.at[i] == '<' || frame->uri.at[i] == '>') {
            return "there are blanks or angle brackets in the request's address";
        }
    }
    return check_cseq(frame);
}

int sip_frame_check(const struct sip_frame *frame, const char **ret_why)
{
    /* Version first: another version may have another syntax. */
    if (frame->version.len > 0 && slice_starts(frame->version, "SIP/") &&
        !slice_eq(frame->version, slice_str("SIP/2.0"))) {
        *ret_why = "the SIP version is not 2.0";
        return 505;
    }
    *ret_why = check_syntax(frame);
    if (*ret_why == NULL && !slice_eq(frame->version, slice_str("SIP/2.0"))) {
        *ret_why = "the start line does not end with SIP/2.0";
    }
    if (*ret_why != NULL) {
        return 400;
    }
    struct slice rest = frame->uri;
    struct slice scheme = slice_cut(&rest, ':');
    if (!slice_eq_nocase(scheme, "sip") && !slice_eq_nocase(scheme, "sips") &&
        !slice_eq_nocase(scheme, "tel")) {
        *ret_why = "the address is neither sip:, sips: nor tel:";
        return 416;
    }
    if (frame->require.len > 0) {
        *ret_why = "it requires an extension that is not known here";
        return 420;
    }
    return 0;
}
