/* web_ws.c - websocket clients: who may come in, a message from its pieces, a bounded queue out, the end.
 *
 * Called by libwebsockets and by the turn, on the loop's thread only. Knows no meaning. Never lets one
 * client cost more than the ceilings of web_inside.h, never drops a text silently: a client whose queue
 * runs over is closed, and the house counts it as not reachable.
 */
#include "io/web_inside.h"

#include "io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char web_subprotocol[] = "samlarm.v1";

enum { MESSAGE_COST_MS = 1000 / WEB_MESSAGES_A_SECOND };

/* ---- the handshake ---------------------------------------------------------------------------- */

bool web_is_own_origin(const struct web *web, struct lws *wsi, bool is_missing_fine)
{
    char origin_room[256];
    char host_room[256];
    struct slice origin = web_header(wsi, WSI_TOKEN_ORIGIN, origin_room, sizeof(origin_room));
    struct slice host = web_header(wsi, WSI_TOKEN_HOST, host_room, sizeof(host_room));
    if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) == 0) {
        return is_missing_fine;
    }
    if (host.len == 0) {
        return false;
    }
    if (slice_starts(origin, "https://") && slice_eq_nocase(slice_from(origin, 8), host_room)) {
        return true;
    }
    return !web->is_tls && slice_starts(origin, "http://") &&
           slice_eq_nocase(slice_from(origin, 7), host_room);
}

static bool offers_our_protocol(struct lws *wsi)
{
    char room[128];
    struct slice rest = web_header(wsi, WSI_TOKEN_PROTOCOL, room, sizeof(room));
    while (rest.len > 0) {
        if (slice_eq_str(slice_trim(slice_cut(&rest, ',')), web_subprotocol)) {
            return true;
        }
    }
    return false;
}

int web_ws_check(const struct web *web, struct lws *wsi)
{
    char room[32];
    struct slice version = web_header(wsi, WSI_TOKEN_VERSION, room, sizeof(room));
    if (!slice_eq_str(version, "13")) {
        return HTTP_STATUS_BAD_REQUEST;
    }
    struct slice path = web_header(wsi, WSI_TOKEN_GET_URI, room, sizeof(room));
    if (!slice_eq_str(path, "/ws")) {
        return HTTP_STATUS_NOT_FOUND;
    }
    if (!web_is_own_origin(web, wsi, false)) {
        count("web_refused_total", "origin");
        return HTTP_STATUS_FORBIDDEN;
    }
    if (!offers_our_protocol(wsi)) {
        count("web_refused_total", "subprotocol");
        return HTTP_STATUS_BAD_REQUEST;
    }
    if (web->clients >= web->clients_max || web->is_ending) {
        count("web_refused_total", "full");
        return HTTP_STATUS_SERVICE_UNAVAILABLE;
    }
    return 0;
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void drop_queue(struct web_client *client)
{
    while (client->first != NULL) {
        struct web_out *next = client->first->next;
        free(client->first);
        client->first = next;
    }
    client->last = NULL;
    client->out_count = 0;
    client->out_bytes = 0;
}

static void drop_input(struct web_client *client)
{
    free(client->in);
    client->in = NULL;
    client->in_len = 0;
    client->fragments = 0;
}

static void tell_closed(struct web_client *client)
{
    if (client->is_open) {
        client->is_open = false;
        if (client->web->handler.on_close != NULL) {
            client->web->handler.on_close(client->user, client);
        }
    }
}

static void begin_close(struct web_client *client, int code, const char *reason)
{
    if (client->is_closing) {
        return;
    }
    client->is_closing = true;
    client->close_code = code;
    client->close_ms = loop_now().mono_ms + WEB_CLOSE_MS;
    (void)snprintf(client->close_reason, sizeof(client->close_reason), "%s",
                   reason == NULL ? "" : reason);
    client->next_closing = client->web->closing;
    client->web->closing = client;
    drop_input(client);
    char number[12];
    (void)snprintf(number, sizeof(number), "%d", code);
    count("web_closed_total", number);
    (void)lws_callback_on_writable(client->wsi);
}

static void leave_closing(struct web_client *client)
{
    for (struct web_client **at = &client->web->closing; *at != NULL; at = &(*at)->next_closing) {
        if (*at == client) {
            *at = client->next_closing;
            return;
        }
    }
}

void web_client_close(struct web_client *client, int code, const char *reason)
{
    begin_close(client, code, reason);
}

/* Whoever does not take the close in time is cut: no bytes go out, so no callback would ever come. */
void web_ws_tick(struct web *web, int64_t mono_ms)
{
    struct web_client *client = web->closing;
    while (client != NULL) {
        if (mono_ms >= client->close_ms) {
            leave_closing(client);
            lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
            client = web->closing; /* the list has changed under us */
        } else {
            client = client->next_closing;
        }
    }
}

/* ---- out -------------------------------------------------------------------------------------- */

enum err web_send(struct web_client *client, struct slice text)
{
    if (client->is_closing || !client->is_open) {
        return ERR_STATE;
    }
    struct web_out *out = NULL;
    if (client->out_count < WEB_QUEUE_MAX && client->out_bytes + text.len <= WEB_QUEUE_BYTES) {
        out = malloc(sizeof(*out) + LWS_PRE + text.len);
    }
    if (out == NULL) {
        drop_queue(client);
        begin_close(client, WEB_CLOSE_SLOW, "does not read");
        return ERR_FULL;
    }
    out->next = NULL;
    out->len = text.len;
    memcpy(out->bytes + LWS_PRE, text.at, text.len);
    if (client->last == NULL) {
        client->first = out;
    } else {
        client->last->next = out;
    }
    client->last = out;
    client->out_count++;
    client->out_bytes += text.len;
    (void)lws_callback_on_writable(client->wsi);
    return ERR_OK;
}

bool web_is_drained(const struct web_client *client)
{
    return client->first == NULL && lws_partial_buffered(client->wsi) == 0;
}

/* One text a callback; what libwebsockets cannot write at once it keeps, and asks again when it is gone. */
static int on_writable(struct web_client *client)
{
    struct web_out *out = client->first;
    if (out != NULL) {
        client->first = out->next;
        client->last = client->first == NULL ? NULL : client->last;
        client->out_count--;
        client->out_bytes -= out->len;
        int written = lws_write(client->wsi, out->bytes + LWS_PRE, out->len, LWS_WRITE_TEXT);
        free(out);
        if (written < 0) {
            return -1;
        }
        if (client->first != NULL || client->is_closing) {
            (void)lws_callback_on_writable(client->wsi);
        }
        return 0;
    }
    if (!client->is_closing) {
        return 0;
    }
    lws_close_reason(client->wsi, (enum lws_close_status)client->close_code,
                     (unsigned char *)client->close_reason, strlen(client->close_reason));
    leave_closing(client);
    tell_closed(client);
    return -1;
}

/* ---- in --------------------------------------------------------------------------------------- */

/* A bucket of time: each message costs 50 ms of credit, two seconds' worth can be saved up. */
static bool is_too_many(struct web_client *client)
{
    int64_t now_ms = loop_now().mono_ms;
    int64_t most_ms = (int64_t)WEB_MESSAGES_BURST * MESSAGE_COST_MS;
    client->allowance_ms += now_ms - client->allowed_ms;
    client->allowance_ms = client->allowance_ms > most_ms ? most_ms : client->allowance_ms;
    client->allowed_ms = now_ms;
    if (client->allowance_ms < MESSAGE_COST_MS) {
        return true;
    }
    client->allowance_ms -= MESSAGE_COST_MS;
    return false;
}

static void take_message(struct web_client *client, struct slice text)
{
    if (is_too_many(client)) {
        begin_close(client, WEB_CLOSE_TOO_MANY, "too many messages");
    } else if (!slice_is_utf8(text)) {
        begin_close(client, WEB_WS_NOT_UTF8, "not UTF-8");
    } else {
        client->web->handler.on_text(client->user, client, text);
    }
}

static bool keep_piece(struct web_client *client, const void *at, size_t len)
{
    if (len > (size_t)(WEB_MESSAGE_MAX - client->in_len)) {
        return false;
    }
    if (len == 0) {
        return true;
    }
    uint8_t *grown = realloc(client->in, client->in_len + len);
    if (grown == NULL) {
        return false;
    }
    memcpy(grown + client->in_len, at, len);
    client->in = grown;
    client->in_len = (uint16_t)(client->in_len + len);
    return true;
}

static void on_received(struct web_client *client, const void *at, size_t len)
{
    struct lws *wsi = client->wsi;
    bool is_frame_end = lws_remaining_packet_payload(wsi) == 0;
    bool is_end = is_frame_end && lws_is_final_fragment(wsi) != 0;
    if (lws_frame_is_binary(wsi)) {
        begin_close(client, WEB_WS_BINARY, "text only");
        return;
    }
    if (is_end && client->in == NULL && client->fragments == 0) {
        if (len > WEB_MESSAGE_MAX) {
            begin_close(client, WEB_WS_TOO_LONG, "message too long");
        } else {
            take_message(client, slice_of(at, len));
        }
        return;
    }
    client->fragments = (uint16_t)(client->fragments + (is_frame_end ? 1 : 0));
    if (client->fragments > WEB_FRAGMENTS_MAX || !keep_piece(client, at, len)) {
        begin_close(client, WEB_WS_TOO_LONG, "message too long");
        return;
    }
    if (is_end) {
        /* Ours until the handler returns: it may close the client, which drops the input. */
        struct slice text = slice_of(client->in, client->in_len);
        uint8_t *whole = client->in;
        client->in = NULL;
        drop_input(client);
        take_message(client, text);
        free(whole);
    }
}

/* ---- events ----------------------------------------------------------------------------------- */

static int on_established(struct web *web, struct lws *wsi, struct web_client *client)
{
    struct web_link *link = lws_get_opaque_user_data(wsi);
    char room[1024];
    *client = (struct web_client){.web = web, .wsi = wsi};
    client->allowance_ms = (int64_t)WEB_MESSAGES_BURST * MESSAGE_COST_MS;
    client->allowed_ms = loop_now().mono_ms;
    web_link_arrived(web, link);
    web->clients++;
    client->is_counted = true;
    client->is_open = true;
    client->user = web->handler.on_open(web->user, client, link->peer,
                                        web_header(wsi, WSI_TOKEN_HTTP_COOKIE, room, sizeof(room)));
    return 0;
}

static void on_closed(struct web_client *client)
{
    if (!client->is_counted) {
        return; /* refused before it was one */
    }
    client->is_counted = false;
    client->web->clients--;
    leave_closing(client);
    client->is_closing = true;
    tell_closed(client);
    drop_queue(client);
    drop_input(client);
}

int web_ws_event(struct lws *wsi, enum lws_callback_reasons reason, void *session, void *in,
                 size_t len)
{
    struct web_client *client = session;
    switch ((int)reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return web_ws_check(lws_context_user(lws_get_context(wsi)), wsi) == 0 ? 0 : -1;
    case LWS_CALLBACK_ESTABLISHED:
        return on_established(lws_context_user(lws_get_context(wsi)), wsi, client);
    case LWS_CALLBACK_RECEIVE:
        if (!client->is_closing) {
            on_received(client, in, len);
        }
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(client);
    case LWS_CALLBACK_CLOSED:
        on_closed(client);
        return 0;
    default:
        return web_http_event(wsi, reason, NULL, in, len);
    }
}
