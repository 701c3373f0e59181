/* sip_reply.c - answers as text; see sip_reply.h. */
#include "io/sip_reply.h"

#include <osipparser2/osip_parser.h>
#include <sodium.h>
#include <string.h>

static void put_clean(struct buf *out, struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.at[i];
        buf_put_u8(out, c < ' ' || c == 0x7f ? ' ' : c);
    }
}

void sip_reply_put_line(struct buf *out, const char *name, struct slice value)
{
    if (value.len > 0) {
        buf_put_str(out, name);
        buf_put_str(out, ": ");
        put_clean(out, value);
        buf_put_str(out, "\r\n");
    }
}

/* The first value of a list, cut at a comma outside quotes. */
static struct slice first_of(struct slice list)
{
    bool is_quoted = false;
    for (size_t i = 0; i < list.len; i++) {
        if (list.at[i] == '"') {
            is_quoted = !is_quoted;
        } else if (list.at[i] == ',' && !is_quoted) {
            return slice_of(list.at, i);
        }
    }
    return list;
}

static bool is_name_at(struct slice value, size_t at, const char *name)
{
    size_t len = strlen(name);
    return at + len <= value.len && slice_eq_nocase(slice_of(value.at + at, len), name);
}

/* Where the parameter's name ends, 0: it is not there. */
static size_t find_param(struct slice value, const char *name)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] != ';') {
            continue;
        }
        size_t at = i + 1;
        while (at < value.len && value.at[at] == ' ') {
            at++;
        }
        size_t end = at + strlen(name);
        if (is_name_at(value, at, name) && (end == value.len || value.at[end] == ';' ||
                                            value.at[end] == '=' || value.at[end] == ' ')) {
            return end;
        }
    }
    return 0;
}

/* RFC 3581, 4: `rport` gets the source's port; `received` its address, always, so that one look at
 * an answer tells where it was sent. */
static void put_top_via(struct buf *out, struct slice list, const struct sip_source *source)
{
    struct slice top = first_of(list);
    struct slice others = slice_from(list, top.len);
    struct slice host = slice_str(source->address);
    size_t colon = host.len;
    while (colon > 0 && host.at[colon - 1] != ':') {
        colon--;
    }
    struct slice port = slice_from(host, colon);
    host.len = colon > 0 ? colon - 1 : 0;
    if (host.len >= 2 && host.at[0] == '[') {
        host = slice_of(host.at + 1, host.len - 2);
    }
    buf_put_str(out, "Via: ");
    size_t rport = find_param(top, "rport");
    if (rport != 0 && (rport == top.len || top.at[rport] != '=')) {
        put_clean(out, slice_of(top.at, rport));
        buf_put_u8(out, '=');
        buf_put_slice(out, port);
        put_clean(out, slice_from(top, rport));
    } else {
        put_clean(out, top);
    }
    if (find_param(top, "received") == 0) {
        buf_put_str(out, ";received=");
        buf_put_slice(out, host);
    }
    put_clean(out, others);
    buf_put_str(out, "\r\n");
}

static void put_tag(struct buf *out, const struct sip_frame *frame, const struct sip_source *source)
{
    uint8_t hash[crypto_generichash_BYTES_MIN];
    crypto_generichash_state state;
    crypto_generichash_init(&state, source->key, crypto_generichash_KEYBYTES, sizeof hash);
    crypto_generichash_update(&state, frame->call_id.at, frame->call_id.len);
    crypto_generichash_update(&state, frame->from.at, frame->from.len);
    crypto_generichash_final(&state, hash, sizeof hash);
    buf_put_str(out, ";tag=");
    buf_put_hex(out, slice_of(hash, 8));
}

/* The tag stands behind the address; a `;tag=` inside <...> belongs to the URI. */
static bool has_tag(struct slice to)
{
    size_t from = 0;
    for (size_t i = 0; i < to.len; i++) {
        if (to.at[i] == '>') {
            from = i;
        }
    }
    return find_param(slice_from(to, from), "tag") != 0;
}

void sip_reply_put_head(struct buf *out, const struct sip_frame *frame,
                        const struct sip_source *source)
{
    for (size_t i = 0; i < frame->via_count; i++) {
        if (i == 0 && source->is_udp) {
            put_top_via(out, frame->vias[0], source);
        } else {
            sip_reply_put_line(out, "Via", frame->vias[i]);
        }
    }
    sip_reply_put_line(out, "From", frame->from);
    if (frame->to.len > 0) {
        buf_put_str(out, "To: ");
        put_clean(out, frame->to);
        if (!has_tag(frame->to)) {
            put_tag(out, frame, source);
        }
        buf_put_str(out, "\r\n");
    }
    sip_reply_put_line(out, "Call-ID", frame->call_id);
    sip_reply_put_line(out, "CSeq", frame->cseq);
}

void sip_reply_put(struct buf *out, int status, struct slice head, struct slice headers,
                   const char *type, struct slice body)
{
    const char *reason = osip_message_get_reason(status);
    buf_put_str(out, "SIP/2.0 ");
    buf_put_i64(out, status);
    buf_put_u8(out, ' ');
    buf_put_str(out, reason != NULL ? reason : "Unnamed");
    buf_put_str(out, "\r\n");
    buf_put_slice(out, head);
    buf_put_slice(out, headers);
    if (type != NULL && body.len > 0) {
        sip_reply_put_line(out, "Content-Type", slice_str(type));
    }
    buf_put_str(out, "Content-Length: ");
    buf_put_u64(out, type != NULL ? body.len : 0);
    buf_put_str(out, "\r\n\r\n");
    if (type != NULL) {
        buf_put_slice(out, body);
    }
}
