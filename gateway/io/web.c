/* web.c - HTTP and websocket through libwebsockets on our loop: opening, closing, who comes in.
 *
 * Called by main and the turn, on the loop's thread only. Never takes a signal, never starts a thread.
 *
 * Rules for libwebsockets 4.1.6 (Debian 12): libev as foreign loop, because its own poll loop costs every
 * wake-up the number of all connections; ALPN says http/1.1 only; an upgrade to anything but websocket is
 * cut in web_http.c.
 *
 *   accept --> arriving (at most 256 an address, 8 s) --> websocket, or a request and arriving again
 *
 * One address over its number loses its oldest arriving connection, not its newest: slow headers from
 * behind the same router must not keep a handheld out.
 */
#include "io/web_inside.h"

#include "io/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- connections ------------------------------------------------------------------------------ */

static void leave_list(struct web *web, struct web_link *link)
{
    if (!link->is_arriving) {
        return;
    }
    link->is_arriving = false;
    web->arriving--;
    if (link->prev != NULL) {
        link->prev->next = link->next;
    } else {
        web->oldest = link->next;
    }
    if (link->next != NULL) {
        link->next->prev = link->prev;
    } else {
        web->newest = link->prev;
    }
}

void web_link_arrived(struct web *web, struct web_link *link)
{
    leave_list(web, link);
}

static void cut(struct web *web, struct web_link *link, const char *why)
{
    leave_list(web, link);
    count("web_cut_total", why);
    lws_set_timeout(link->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void make_room(struct web *web, const struct web_link *newcomer)
{
    struct web_link *oldest = NULL;
    size_t same = 0;
    for (struct web_link *link = web->oldest; link != NULL; link = link->next) {
        if (strcmp(link->peer, newcomer->peer) == 0) {
            oldest = oldest == NULL ? link : oldest;
            same++;
        }
    }
    if (same >= WEB_ARRIVING_PER_PEER) {
        cut(web, oldest, "per_address");
    } else if (web->arriving >= WEB_ARRIVING_MAX) {
        cut(web, web->oldest, "all");
    }
}

static int on_instantiated(struct web *web, struct lws *wsi)
{
    struct web_link *link = calloc(1, sizeof(*link));
    if (link == NULL) {
        return -1;
    }
    link->wsi = wsi;
    link->since_ms = loop_now().mono_ms;
    (void)lws_get_peer_simple(wsi, link->peer, sizeof(link->peer));
    make_room(web, link);
    link->is_arriving = true;
    link->prev = web->newest;
    if (web->newest != NULL) {
        web->newest->next = link;
    } else {
        web->oldest = link;
    }
    web->newest = link;
    web->arriving++;
    lws_set_opaque_user_data(wsi, link);
    return 0;
}

static void on_destroyed(struct web *web, struct lws *wsi)
{
    struct web_link *link = lws_get_opaque_user_data(wsi);
    if (link != NULL) {
        lws_set_opaque_user_data(wsi, NULL);
        leave_list(web, link);
        free(link);
    }
}

static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *session, void *in,
                   size_t len)
{
    struct web *web = lws_context_user(lws_get_context(wsi));
    switch ((int)reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        return on_instantiated(web, wsi);
    case LWS_CALLBACK_WSI_DESTROY:
        on_destroyed(web, wsi);
        return 0;
    default:
        return web_http_event(wsi, reason, session, in, len);
    }
}

static int on_redirect(struct lws *wsi, enum lws_callback_reasons reason, void *session, void *in,
                       size_t len)
{
    (void)session;
    (void)in;
    (void)len;
    struct web *web = lws_context_user(lws_get_context(wsi));
    switch ((int)reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        return on_instantiated(web, wsi);
    case LWS_CALLBACK_WSI_DESTROY:
        on_destroyed(web, wsi);
        return 0;
    default:
        return web_redirect_event(web, wsi, reason);
    }
}

/* ---- the tick --------------------------------------------------------------------------------- */

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct web *web = timer->data;
    int64_t now_ms = loop_now().mono_ms;
    web_ws_tick(web, now_ms);
    struct web_link *next = NULL;
    for (struct web_link *link = web->oldest; link != NULL; link = next) {
        next = link->next;
        if (!link->is_busy && now_ms - link->since_ms > WEB_ARRIVING_MS) {
            cut(web, link, "slow");
        }
    }
    /* Its libev plugin does not bring a running timer forward when an earlier deadline is set. */
    lws_cancel_service(web->context);
}

/* ---- opening ---------------------------------------------------------------------------------- */

static const struct lws_protocols protocols[] = {
    {"http", on_http, sizeof(struct web_session), 0, 0, NULL, 0},
    {"samlarm.v1", web_ws_event, sizeof(struct web_client), 1024, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static const struct lws_protocols redirect_protocols[] = {
    {"redirect", on_redirect, 0, 0, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static const lws_retry_bo_t idle_policy = {
    .secs_since_valid_ping = WEB_PING_S,
    .secs_since_valid_hangup = WEB_HANGUP_S,
};

// clang-format off
static const struct lws_protocol_vhost_options security_headers[] = {
    {&security_headers[1], NULL, "content-security-policy:",
     "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
    {&security_headers[2], NULL, "x-content-type-options:", "nosniff"},
    {&security_headers[3], NULL, "referrer-policy:", "no-referrer"},
    {&security_headers[4], NULL, "cross-origin-opener-policy:", "same-origin"},
    {NULL, NULL, "permissions-policy:",
     "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"},
};
// clang-format on

static void on_lws_log(int level, const char *line)
{
    size_t len = strcspn(line, "\r\n");
    char text[200];
    (void)slice_text(slice_of(line, len), text, sizeof(text));
    log_event(level == LLL_ERR ? LOG_WARN : LOG_DEBUG, "web.library", "says", text, NULL);
}

/* "127.0.0.1:8080", "[::1]:8080". */
static enum err split(const char *address, char *ret_host, size_t room, int *ret_port)
{
    struct slice whole = slice_str(address);
    const char *colon = strrchr(address, ':');
    uint64_t port = 0;
    if (colon == NULL || slice_u64(slice_str(colon + 1), 65535, &port) != ERR_OK) {
        return ERR_SYNTAX;
    }
    struct slice host = slice_of(whole.at, (size_t)(colon - address));
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
        host = slice_of(host.at + 1, host.len - 2);
    }
    if (slice_text(host, ret_host, room) != ERR_OK) {
        return ERR_SYNTAX;
    }
    *ret_port = (int)port;
    return ERR_OK;
}

/* libwebsockets would try again for ever, or say nothing: so we try the address ourselves first. */
static enum err probe(const char *host, int port, bool *ret_is_v6, char *ret_why, size_t why_room)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    bool is_v6 = inet_pton(AF_INET6, host, &six.sin6_addr) == 1;
    if (!is_v6 && inet_pton(AF_INET, host, &four.sin_addr) != 1) {
        (void)snprintf(ret_why, why_room,
                       "The web address \"%s\" is not a number. Write it as 127.0.0.1:8080 or "
                       "[::1]:8080.",
                       host);
        return ERR_SYNTAX;
    }
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    enum err err = ERR_OK;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, is_v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four,
             is_v6 ? sizeof(six) : sizeof(four)) != 0) {
        (void)snprintf(
            ret_why, why_room,
            "The web address %s, port %d, cannot be used (%s). Is another program there?", host,
            port, strerror(errno));
        err = ERR_IO;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    *ret_is_v6 = is_v6;
    return err;
}

/* libwebsockets makes tables for as many files as the process may open: a limit of a million costs
 * 16 MiB at once. It is given what it needs; the rest of the process keeps its own limit. */
static struct rlimit narrow_files(const struct web *web)
{
    struct rlimit before = {0};
    rlim_t need = (rlim_t)(web->clients_max * 2 + WEB_ARRIVING_MAX * 2);
    if (getrlimit(RLIMIT_NOFILE, &before) == 0) {
        struct rlimit narrow = before;
        narrow.rlim_cur = need < before.rlim_max ? need : before.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &narrow) == 0 && narrow.rlim_cur > before.rlim_cur) {
            before.rlim_cur = narrow.rlim_cur;
        }
    }
    return before;
}

static bool create(struct web *web, const struct web_config *config, const char *host, int port,
                   bool is_v6)
{
    void *loops[1] = {web->loop};
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof(info));
    info.port = port;
    info.iface = host;
    info.protocols = protocols;
    info.user = web;
    info.foreign_loops = loops;
    info.options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   (is_v6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6);
    info.alpn = "http/1.1";
    info.server_string = "samlarm";
    info.headers = security_headers;
    info.retry_and_idle_policy = &idle_policy;
    info.max_http_header_data = WEB_HEADER_MAX;
    info.max_http_header_pool = WEB_ARRIVING_MAX + 64;
    info.timeout_secs = WEB_TIMEOUT_S;
    info.timeout_secs_ah_idle = WEB_TIMEOUT_S;
    info.keepalive_timeout = WEB_TIMEOUT_S;
    info.gid = -1;
    info.uid = -1;
    if (config->certificate != NULL) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = config->certificate;
        info.ssl_private_key_filepath = config->key;
        info.ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
        web->is_tls = true;
    }
    struct rlimit before = narrow_files(web);
    web->context = lws_create_context(&info);
    if (before.rlim_max != 0) {
        (void)setrlimit(RLIMIT_NOFILE, &before);
    }
    if (web->context != NULL) {
        web->vhost = lws_create_vhost(web->context, &info);
    }
    return web->vhost != NULL;
}

/* A port that cannot be had is said, and missed by nobody who knows the encrypted address. */
static void open_redirect(struct web *web, const struct web_config *config)
{
    char host[64] = "";
    char why[256] = "";
    int port = 0;
    bool is_v6 = false;
    if (config->redirect == NULL || config->certificate == NULL) {
        return;
    }
    bool is_good = split(config->redirect, host, sizeof host, &port) == ERR_OK &&
                   probe(host, port, &is_v6, why, sizeof why) == ERR_OK;
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof(info));
    info.vhost_name = "redirect";
    info.port = port;
    info.iface = host;
    info.protocols = redirect_protocols;
    info.options =
        LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | (is_v6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6);
    info.alpn = "http/1.1";
    info.server_string = "samlarm";
    info.headers = security_headers;
    info.timeout_secs_ah_idle = WEB_TIMEOUT_S;
    info.keepalive_timeout = WEB_TIMEOUT_S;
    web->redirect = is_good ? lws_create_vhost(web->context, &info) : NULL;
    if (web->redirect == NULL) {
        log_event(LOG_ERROR, "web.no_redirect", "address", config->redirect, "why",
                  *why != '\0' ? why : "it is no address, or cannot be used", "do",
                  "correct `redirect` below `web`, or write no", NULL);
    }
}

enum err web_open(struct ev_loop *loop, const struct web_config *config,
                  const struct web_handler *handler, void *context, struct web **ret_web,
                  char *ret_why, size_t why_room)
{
    char host[64];
    int port = 0;
    bool is_v6 = false;
    if (split(config->address, host, sizeof(host), &port) != ERR_OK) {
        (void)snprintf(ret_why, why_room,
                       "The web address \"%s\" is not understood. Write it as 127.0.0.1:8080.",
                       config->address);
        return ERR_SYNTAX;
    }
    enum err err = probe(host, port, &is_v6, ret_why, why_room);
    if (err != ERR_OK) {
        return err;
    }
    struct web *web = calloc(1, sizeof(*web));
    if (web == NULL) {
        (void)snprintf(ret_why, why_room, "There is not enough memory for the web server.");
        return ERR_FULL;
    }
    web->loop = loop;
    web->handler = *handler;
    web->user = context;
    web->clients_max = config->clients_max == 0 ? 4096 : config->clients_max;
    for (size_t i = 0; i < config->kept_count && i < WEB_KEPT_MAX; i++) {
        struct buf name = buf_of(web->kept[i], WEB_KEPT_ROOM);
        for (const char *at = config->kept_headers[i]; *at != '\0'; at++) {
            buf_put_u8(&name, *at >= 'A' && *at <= 'Z' ? (uint8_t)(*at + 'a' - 'A') : (uint8_t)*at);
        }
        buf_put_str(&name, ":");
        (void)buf_cstr(&name);
        web->kept_count++;
    }
    ev_timer_init(&web->tick, on_tick, 1.0, 1.0);
    web->tick.data = web;
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    err = web_pages_read(config->pages, &web->pages, ret_why, why_room);
    if (err == ERR_OK && !create(web, config, host, port, is_v6)) {
        (void)snprintf(ret_why, why_room,
                       "The web server does not start. Is the package libwebsockets-evlib-ev "
                       "installed%s?",
                       config->certificate == NULL ? ""
                                                   : ", and do certificate and key fit together");
        err = ERR_IO;
    }
    if (err != ERR_OK) {
        web_close(web);
        return err;
    }
    open_redirect(web, config);
    ev_timer_start(loop, &web->tick);
    *ret_web = web;
    return ERR_OK;
}

void web_close(struct web *web)
{
    if (web == NULL) {
        return;
    }
    web->is_ending = true;
    ev_timer_stop(web->loop, &web->tick);
    if (web->context != NULL) {
        lws_context_destroy(web->context);
    }
    web_pages_drop(&web->pages);
    free(web);
}

int web_number(const struct web *web)
{
    return lws_get_vhost_listen_port(web->vhost);
}

int web_redirect_number(const struct web *web)
{
    return web->redirect == NULL ? 0 : lws_get_vhost_listen_port(web->redirect);
}
