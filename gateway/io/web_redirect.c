/* web_redirect.c - the port in clear beside the encrypted one: whoever comes is sent there, and gets
 * nothing else.
 *
 * Called by libwebsockets on the loop's thread only, with the limits of all arriving connections (web.c).
 * What is sent back is made of plain characters; everything else of the path is written as %XX.
 */
#include "io/web_inside.h"

#include "io/log.h"

#include <string.h>

enum { LOCATION_ROOM = 3072, HOST_ROOM = 256 };

static void put_quoted(struct buf *out, struct slice text, const char *allowed)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (is_word || (c != 0 && strchr(allowed, c) != NULL)) {
            buf_put_u8(out, c);
        } else {
            buf_put_u8(out, '%');
            buf_put_hex(out, slice_of(&c, 1));
        }
    }
}

/* "host:port" of the Host header without its port; empty: none that could be sent back. */
static struct slice host_of(struct lws *wsi, char *room, size_t len)
{
    struct slice host = web_header(wsi, WSI_TOKEN_HOST, room, len);
    if (host.len > 0 && host.at[0] == '[') {
        struct slice rest = host;
        host.len = slice_cut(&rest, ']').len + 1; /* IPv6 in brackets */
    } else {
        host = slice_cut(&host, ':');
    }
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.at[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && strchr(".-_:[]", c) == NULL) {
            return slice_of(NULL, 0);
        }
    }
    return host;
}

static int send_away(struct web *web, struct lws *wsi)
{
    char host_room[HOST_ROOM];
    uint8_t location[LOCATION_ROOM];
    uint8_t head[LWS_PRE + LOCATION_ROOM + 1024];
    uint8_t *at = head + LWS_PRE;
    char *uri = NULL;
    int uri_len = 0;
    struct slice host = host_of(wsi, host_room, sizeof host_room);
    if (host.len == 0 || lws_http_get_uri_and_method(wsi, &uri, &uri_len) < 0) {
        (void)lws_return_http_status(wsi, HTTP_STATUS_BAD_REQUEST, NULL);
        return -1;
    }
    struct buf out = buf_of(location, sizeof location);
    buf_put_str(&out, "https://");
    buf_put_slice(&out, host);
    if (web_number(web) != 443) {
        buf_put_u8(&out, ':');
        buf_put_u64(&out, (uint64_t)web_number(web));
    }
    put_quoted(&out, slice_of(uri, (size_t)uri_len), "/-._~");
    for (int i = 0;; i++) { /* the library keeps what stood between & in pieces */
        char piece[1024];
        int len = lws_hdr_copy_fragment(wsi, piece, sizeof piece, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (len <= 0) {
            break;
        }
        buf_put_str(&out, i == 0 ? "?" : "&");
        put_quoted(&out, slice_of(piece, (size_t)len), "=-._~");
    }
    if (out.is_full) {
        (void)lws_return_http_status(wsi, HTTP_STATUS_REQ_URI_TOO_LONG, NULL);
        return -1;
    }
    if (lws_http_redirect(wsi, 308, location, (int)out.len, &at, head + sizeof head) >= 0) {
        count("web_redirected_total", NULL);
    }
    return -1; /* said, and hung up: a body that follows is nobody's */
}

int web_redirect_event(struct web *web, struct lws *wsi, enum lws_callback_reasons reason)
{
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP:
        return send_away(web, wsi);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: /* see web_http.c */
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_WRITEABLE:
        return -1;
    default:
        return 0;
    }
}
