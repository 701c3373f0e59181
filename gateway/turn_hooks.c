/* turn_hooks.c - ports whose frames are HTTP requests: POST /hook/{port}, answered when the dialect says so.
 *
 * A request waits in a list until the journal has spoken; whoever waits too long is told to come again.
 * Sub-file of the door; called by turn_http.c, turn_outbox.c, turn_web.c and the second's tick.
 */
#include "turn_parts.h"

#include <string.h>

enum { ANSWER_WITHIN_MS = 10000 };

static struct port_room *port_of(struct turn *turn, struct slice path)
{
    static const char prefix[] = "/hook/";
    struct slice name =
        slice_starts(path, prefix) ? slice_from(path, sizeof prefix - 1) : slice_of(NULL, 0);
    for (size_t i = 0; name.len > 0 && i < turn->conf->port_count; i++) {
        const struct conf_port *conf = turn->ports[i].conf;
        if (conf->is_on && conf->is_http && slice_eq_str(name, conf->name)) {
            return &turn->ports[i];
        }
    }
    return NULL;
}

static void reply(struct web_request *request, int status, const char *text)
{
    web_reply(request, status, "application/json", NULL, slice_str(text));
}

static struct hook *free_hook(struct turn *turn)
{
    for (size_t i = 0; i < HOOKS_MAX; i++) {
        if (turn->hooks[i].request == NULL) {
            return &turn->hooks[i];
        }
    }
    return NULL;
}

static void feed(struct port_room *port, struct web_request *request, uint64_t exchange)
{
    struct session *session = session_find(port->turn, port->session);
    const struct adapter_option *table = port->conf->dialect->options;
    slice_text(slice_str(web_peer(request)), session->peer, sizeof session->peer);
    struct adapter_input in = {.bytes = web_body(request),
                               .type = web_header_of(request, "content-type"),
                               .peer = slice_str(session->peer),
                               .exchange = exchange};
    for (size_t i = 0; table != NULL && table[i].name != NULL; i++) {
        if (table[i].type == OPTION_HEADER) {
            in.headers[i] = web_header_of(request, port->conf->options.values[i]);
        }
    }
    ports_feed(session, &in);
}

bool hooks_request(struct turn *turn, struct web_request *request)
{
    struct port_room *port = port_of(turn, web_path(request));
    if (port == NULL) {
        return false;
    }
    struct hook *hook = free_hook(turn);
    if (!slice_eq_str(web_method(request), "POST")) {
        reply(request, 405, "{\"error\":\"send it with POST\"}\n");
    } else if (hook == NULL || session_find(turn, port->session) == NULL) {
        count("hooks_full", port->conf->name);
        reply(request, 503, "{\"error\":\"too much waits for the journal; send it again\"}\n");
    } else {
        *hook = (struct hook){.exchange = ++turn->last_exchange,
                              .request = request,
                              .until_mono_ms = loop_now().mono_ms + ANSWER_WITHIN_MS};
        feed(port, request, hook->exchange);
    }
    return true;
}

void hooks_answer(struct turn *turn, const struct out *out)
{
    for (size_t i = 0; i < HOOKS_MAX; i++) {
        struct hook *hook = &turn->hooks[i];
        if (hook->request != NULL && hook->exchange == out->exchange) {
            struct web_request *request = hook->request;
            hook->request = NULL;
            web_reply(request, out->status, out->body_type, NULL, out->bytes);
            return;
        }
    }
}

static void come_again(struct hook *hook)
{
    struct web_request *request = hook->request;
    hook->request = NULL;
    reply(request, 503, "{\"error\":\"it is not stored; send it again\"}\n");
}

void hooks_second(struct turn *turn, struct now now)
{
    for (size_t i = 0; i < HOOKS_MAX; i++) {
        if (turn->hooks[i].request != NULL && turn->hooks[i].until_mono_ms <= now.mono_ms) {
            come_again(&turn->hooks[i]);
        }
    }
}

void hooks_close(struct turn *turn)
{
    for (size_t i = 0; i < HOOKS_MAX; i++) {
        if (turn->hooks[i].request != NULL) {
            come_again(&turn->hooks[i]);
        }
    }
}

/* Named by the options of the ports, once each. */
size_t hooks_headers(const struct turn *turn, const char **ret_names, size_t room)
{
    size_t found = 0;
    for (size_t i = 0; i < turn->conf->port_count; i++) {
        const struct conf_port *conf = &turn->conf->ports[i];
        const struct adapter_option *table = conf->dialect->options;
        for (size_t k = 0; conf->is_http && table != NULL && table[k].name != NULL; k++) {
            bool is_known = table[k].type != OPTION_HEADER;
            for (size_t n = 0; n < found && !is_known; n++) {
                is_known = slice_eq_nocase(slice_str(ret_names[n]), conf->options.values[k]);
            }
            if (!is_known && found == room) {
                log_event(LOG_ERROR, "hooks.too_many_headers", "port", conf->name, "header",
                          conf->options.values[k], "advice",
                          "let several ports use the same names of headers", NULL);
            } else if (!is_known) {
                ret_names[found++] = conf->options.values[k];
            }
        }
    }
    return found;
}
