/* web_http.c - requests and replies: pages from memory, everything else from the house, now or later.
 *
 * Called by libwebsockets and by the turn (web_reply), on the loop's thread only. A request outlives its
 * peer: when the peer leaves first, web_reply only frees it. Never reads a file, never knows a path.
 *
 *   headers --> [body] --> page, or on_request ... web_reply --> headers out --> body out, piece by piece
 */
#include "io/web_inside.h"

#include "io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 1024, PIECE = 16384, HEADERS_OUT = 2048, PATH_MAX_LEN = 256 };

struct web_request {
    struct web *web;
    struct lws *wsi; /* NULL: the peer has left */
    bool is_post;
    bool is_head;
    bool is_asked; /* on_request has it, a web_reply will come */
    bool is_replied;
    bool is_begun; /* headers are out */
    char peer[48];
    char path[PATH_MAX_LEN];
    char *query;
    char *cookie;
    char *kept[WEB_KEPT_MAX]; /* in the order of web->kept; NULL: not asked for */
    char *type_in;            /* content type */
    uint8_t *body;
    size_t body_len;
    size_t body_room;

    int status;
    char type[64];
    char *set_cookie;
    const struct web_page *page;
    uint8_t *out; /* LWS_PRE in front; the page's or our own */
    size_t out_len;
    size_t out_sent;
};

struct slice web_header(struct lws *wsi, enum lws_token_indexes token, char *room, size_t len)
{
    int found = lws_hdr_total_length(wsi, token);
    room[0] = '\0';
    if (found <= 0 || (size_t)found >= len || lws_hdr_copy(wsi, room, (int)len, token) <= 0) {
        room[0] = '\0';
    }
    return slice_str(room);
}

/* ---- a request's life ------------------------------------------------------------------------- */

static void free_request(struct web_request *request)
{
    if (request->page == NULL) {
        free(request->out);
    }
    free(request->query);
    free(request->cookie);
    free(request->type_in);
    for (size_t i = 0; i < WEB_KEPT_MAX; i++) {
        free(request->kept[i]);
    }
    free(request->body);
    free(request->set_cookie);
    free(request);
}

/* The connection has no more use for it; the house may still have. */
static void let_go(struct web_session *session)
{
    struct web_request *request = session->request;
    session->request = NULL;
    if (request == NULL) {
        return;
    }
    request->web->requests--;
    request->wsi = NULL;
    if (!request->is_asked || request->is_replied) {
        free_request(request);
    }
}

static char *copy_header(struct lws *wsi, enum lws_token_indexes token)
{
    char room[WEB_HEADER_MAX];
    return strdup((const char *)web_header(wsi, token, room, sizeof(room)).at);
}

/* A header by its name: libwebsockets has numbers for some, and keeps the others as they came. */
static char *copy_named(struct lws *wsi, const char *name)
{
    char room[WEB_HEADER_MAX] = "";
    for (int token = 0; token < WSI_TOKEN_COUNT; token++) {
        const unsigned char *known = lws_token_to_string((enum lws_token_indexes)token);
        if (known != NULL && strcmp(name, (const char *)known) == 0) {
            return copy_header(wsi, (enum lws_token_indexes)token);
        }
    }
    int len = lws_hdr_custom_length(wsi, name, (int)strlen(name));
    if (len <= 0 || len >= (int)sizeof(room) ||
        lws_hdr_custom_copy(wsi, room, (int)sizeof(room), name, (int)strlen(name)) < 0) {
        room[0] = '\0';
    }
    return strdup(room);
}

/* What a server-to-server request may carry beside its body. False: no memory. */
static bool keep_headers(struct web_request *request)
{
    request->type_in = copy_header(request->wsi, WSI_TOKEN_HTTP_CONTENT_TYPE);
    bool is_good = request->type_in != NULL;
    for (size_t i = 0; is_good && i < request->web->kept_count; i++) {
        request->kept[i] = copy_named(request->wsi, request->web->kept[i]);
        is_good = request->kept[i] != NULL;
    }
    if (is_good) {
        request->type_in[strcspn(request->type_in, "; ")] = '\0';
    }
    return is_good;
}

struct slice web_header_of(const struct web_request *request, const char *name)
{
    if (strcmp(name, "content-type") == 0) {
        return slice_str(request->type_in);
    }
    for (size_t i = 0; i < request->web->kept_count; i++) {
        struct slice kept = slice_str(request->web->kept[i]);
        kept.len--;
        if (slice_eq_nocase(kept, name)) {
            return slice_str(request->kept[i]);
        }
    }
    return slice_of(NULL, 0);
}

static struct web_request *new_request(struct web *web, struct lws *wsi, struct slice path)
{
    struct web_request *request = calloc(1, sizeof(*request));
    if (request == NULL) {
        return NULL;
    }
    request->web = web;
    request->wsi = wsi;
    request->query = copy_header(wsi, WSI_TOKEN_HTTP_URI_ARGS);
    request->cookie = copy_header(wsi, WSI_TOKEN_HTTP_COOKIE);
    struct web_link *link = lws_get_opaque_user_data(wsi);
    (void)snprintf(request->peer, sizeof(request->peer), "%s", link->peer);
    if (request->query == NULL || request->cookie == NULL ||
        slice_text(path, request->path, sizeof(request->path)) != ERR_OK ||
        (slice_starts(path, "/hook/") && !keep_headers(request))) {
        free_request(request);
        return NULL;
    }
    return request;
}

struct slice web_method(const struct web_request *request)
{
    return slice_str(request->is_post ? "POST" : "GET");
}

struct slice web_path(const struct web_request *request)
{
    return slice_str(request->path);
}

struct slice web_query(const struct web_request *request)
{
    return slice_str(request->query);
}

struct slice web_body(const struct web_request *request)
{
    return slice_of(request->body, request->body_len);
}

struct slice web_cookie(const struct web_request *request)
{
    return slice_str(request->cookie);
}

const char *web_peer(const struct web_request *request)
{
    return request->peer;
}

/* ---- replies ---------------------------------------------------------------------------------- */

static void reply_soon(struct web_request *request)
{
    request->is_replied = true;
    lws_set_timeout(request->wsi, PENDING_TIMEOUT_HTTP_CONTENT, WEB_SEND_S);
    (void)lws_callback_on_writable(request->wsi);
}

void web_reply(struct web_request *request, int status, const char *type, const char *cookie,
               struct slice body)
{
    if (request->wsi == NULL) {
        free_request(request);
        return;
    }
    request->status = status;
    (void)snprintf(request->type, sizeof(request->type), "%s",
                   type == NULL ? "text/plain; charset=utf-8" : type);
    request->set_cookie = cookie == NULL ? NULL : strdup(cookie);
    request->out = malloc(LWS_PRE + body.len + 1);
    if (request->out == NULL) {
        request->status = HTTP_STATUS_SERVICE_UNAVAILABLE;
    } else if (body.len > 0) {
        memcpy(request->out + LWS_PRE, body.at, body.len);
        request->out_len = body.len;
    }
    reply_soon(request);
}

static bool put(struct lws *wsi, const char *name, const char *value, uint8_t **at, uint8_t *end)
{
    return lws_add_http_header_by_name(wsi, (const unsigned char *)name,
                                       (const unsigned char *)value, (int)strlen(value), at,
                                       end) == 0;
}

static bool put_headers(struct web_request *request, uint8_t **at, uint8_t *end)
{
    struct lws *wsi = request->wsi;
    const struct web_page *page = request->page;
    if (lws_add_http_common_headers(wsi, (unsigned)request->status,
                                    page == NULL ? request->type : page->type, request->out_len, at,
                                    end) != 0) {
        return false;
    }
    if (page != NULL && (!put(wsi, "etag:", page->etag, at, end) ||
                         !put(wsi, "cache-control:", "no-cache", at, end))) {
        return false;
    }
    if (page == NULL && !put(wsi, "cache-control:", "no-store", at, end)) {
        return false;
    }
    if (request->set_cookie != NULL && !put(wsi, "set-cookie:", request->set_cookie, at, end)) {
        return false;
    }
    return lws_finalize_http_header(wsi, at, end) == 0;
}

static int finish(struct lws *wsi, struct web_session *session)
{
    struct web_link *link = lws_get_opaque_user_data(wsi);
    link->is_busy = false;
    link->since_ms = loop_now().mono_ms;
    let_go(session);
    return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
}

static int begin_reply(struct web_request *request)
{
    uint8_t room[LWS_PRE + HEADERS_OUT];
    uint8_t *start = room + LWS_PRE;
    uint8_t *at = start;
    if (!put_headers(request, &at, room + sizeof(room) - 1)) {
        log_event(LOG_ERROR, "web.reply_too_long", "path", request->path, NULL);
        return -1;
    }
    request->is_begun = true;
    bool is_all = request->is_head || request->out_len == 0;
    size_t len = (size_t)(at - start);
    int written = lws_write(request->wsi, start, len,
                            is_all ? LWS_WRITE_HTTP_HEADERS | LWS_WRITE_H2_STREAM_END
                                   : LWS_WRITE_HTTP_HEADERS);
    return written < (int)len ? -1 : 0;
}

static int on_writable(struct lws *wsi, struct web_session *session)
{
    struct web_request *request = session->request;
    if (request == NULL || !request->is_replied) {
        return 0;
    }
    if (!request->is_begun) {
        if (begin_reply(request) != 0) {
            return -1;
        }
    } else {
        size_t rest = request->out_len - request->out_sent;
        size_t len = rest < PIECE ? rest : PIECE;
        int written = lws_write(wsi, request->out + LWS_PRE + request->out_sent, len,
                                len == rest ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);
        if (written < (int)len) {
            return -1;
        }
        request->out_sent += len;
    }
    if (request->is_head || request->out_sent == request->out_len) {
        return finish(wsi, session);
    }
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WEB_SEND_S);
    (void)lws_callback_on_writable(wsi);
    return 0;
}

/* ---- requests --------------------------------------------------------------------------------- */

static int refuse(struct lws *wsi, unsigned status)
{
    char number[12];
    (void)snprintf(number, sizeof(number), "%u", status);
    count("web_refused_total", number);
    (void)lws_return_http_status(wsi, status, NULL);
    return -1;
}

static void ask_house(struct web_request *request)
{
    lws_set_timeout(request->wsi, PENDING_TIMEOUT_HTTP_CONTENT, WEB_ANSWER_S);
    request->is_asked = true;
    if (request->web->handler.on_request == NULL) {
        web_reply(request, HTTP_STATUS_NOT_FOUND, NULL, NULL,
                  slice_str("There is nothing here.\n"));
        return;
    }
    request->web->handler.on_request(request->web->user, request);
}

static void serve(struct web_request *request, const struct web_page *page)
{
    char seen[64];
    struct slice known = web_header(request->wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, seen, sizeof(seen));
    request->page = page;
    request->status = HTTP_STATUS_OK;
    if (slice_eq_str(known, page->etag)) {
        request->status = HTTP_STATUS_NOT_MODIFIED;
    } else {
        request->out = page->bytes;
        request->out_len = page->len;
    }
    reply_soon(request);
}

/* 0, or the status to refuse with. *ret_len: what follows as body. */
static unsigned check_body(struct lws *wsi, bool is_post, size_t *ret_len)
{
    char room[24];
    uint64_t len = 0;
    bool is_told = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
    struct slice text = web_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, room, sizeof(room));
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 || (is_post && !is_told)) {
        return HTTP_STATUS_LENGTH_REQUIRED;
    }
    if (is_told && slice_u64(text, UINT32_MAX, &len) != ERR_OK) {
        return HTTP_STATUS_BAD_REQUEST;
    }
    if (len > WEB_BODY_MAX) {
        return HTTP_STATUS_REQ_ENTITY_TOO_LARGE;
    }
    if (!is_post && len > 0) {
        return HTTP_STATUS_BAD_REQUEST;
    }
    *ret_len = (size_t)len;
    return 0;
}

static int on_headers(struct web *web, struct lws *wsi, struct web_session *session)
{
    char *uri = NULL;
    int uri_len = 0;
    let_go(session);
    int method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
    if (method != LWSHUMETH_GET && method != LWSHUMETH_POST && method != LWSHUMETH_HEAD) {
        return refuse(wsi, HTTP_STATUS_METHOD_NOT_ALLOWED);
    }
    bool is_post = method == LWSHUMETH_POST;
    size_t body_len = 0;
    unsigned status = check_body(wsi, is_post, &body_len);
    if (status == 0 && uri_len >= PATH_MAX_LEN) {
        status = HTTP_STATUS_REQ_URI_TOO_LONG;
    }
    /* A foreign page can post here without a script of ours; its browser says where it comes from. */
    if (status == 0 && is_post && !web_is_own_origin(web, wsi, true)) {
        status = HTTP_STATUS_FORBIDDEN;
    }
    if (status == 0 && web->requests >= REQUESTS_MAX) {
        status = HTTP_STATUS_SERVICE_UNAVAILABLE;
    }
    if (status != 0) {
        return refuse(wsi, status);
    }
    struct web_request *request = new_request(web, wsi, slice_of(uri, (size_t)uri_len));
    if (request == NULL) {
        return refuse(wsi, HTTP_STATUS_BAD_REQUEST);
    }
    session->request = request;
    web->requests++;
    request->is_post = is_post;
    request->is_head = method == LWSHUMETH_HEAD;
    if (is_post) {
        request->body_room = body_len;
        request->body = malloc(body_len + 1);
        return request->body == NULL ? -1 : 0; /* on_body_end goes on */
    }
    struct web_link *link = lws_get_opaque_user_data(wsi);
    link->is_busy = true;
    const struct web_page *page = web_pages_find(&web->pages, slice_str(request->path));
    if (page != NULL) {
        serve(request, page);
    } else {
        ask_house(request);
    }
    return 0;
}

static int on_body(struct web_session *session, const void *at, size_t len)
{
    struct web_request *request = session->request;
    if (request == NULL || len > request->body_room - request->body_len) {
        return -1;
    }
    if (len > 0) {
        memcpy(request->body + request->body_len, at, len);
        request->body_len += len;
    }
    return 0;
}

static int on_body_end(struct lws *wsi, struct web_session *session)
{
    struct web_link *link = lws_get_opaque_user_data(wsi);
    if (session->request == NULL || session->request->is_asked) {
        return -1;
    }
    link->is_busy = true;
    ask_house(session->request);
    return 0;
}

/* `in` points to freed memory for an upgrade that libwebsockets does not know (CVE-2025-11677), and h2c
 * leads into its HTTP/2 (CVE-2026-19773): only `websocket` passes, read from the header itself. */
static int on_upgrade(const struct web *web, struct lws *wsi)
{
    char room[16];
    if (!slice_eq_nocase(web_header(wsi, WSI_TOKEN_UPGRADE, room, sizeof(room)), "websocket")) {
        count("web_refused_total", "upgrade");
        return -1;
    }
    int status = web_ws_check(web, wsi);
    if (status != 0) {
        (void)lws_return_http_status(wsi, (unsigned)status, NULL);
        return -1;
    }
    return 0;
}

int web_http_event(struct lws *wsi, enum lws_callback_reasons reason, void *session, void *in,
                   size_t len)
{
    struct web *web = lws_context_user(lws_get_context(wsi));
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(web, wsi);
    case LWS_CALLBACK_HTTP:
        return on_headers(web, wsi, session);
    case LWS_CALLBACK_HTTP_BODY:
        return on_body(session, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return on_body_end(wsi, session);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writable(wsi, session);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (session != NULL) {
            let_go(session);
        }
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: /* a websocket without our subprotocol */
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RAW_ADOPT: /* CONNECT turns a connection into raw bytes */
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_WRITEABLE:
        return -1;
    default:
        return 0;
    }
}
