/* check.c - what only shows when all files are there: ports that clash, centres that cannot be
 * reached, plans that end nowhere.
 *
 * Called by conf_load after the readers.
 */
#include "conf/load.h"

#include <string.h>

static bool is_any_host(struct slice host)
{
    return slice_eq_str(host, "0.0.0.0") || slice_eq_str(host, "[::]");
}

static bool is_same_address(const char *a, const char *b)
{
    size_t a_len = 0;
    size_t b_len = 0;
    int a_port = 0;
    int b_port = 0;
    if (!word_address(a, &a_len, &a_port) || !word_address(b, &b_len, &b_port) ||
        a_port != b_port) {
        return false;
    }
    struct slice a_host = slice_of(a, a_len);
    struct slice b_host = slice_of(b, b_len);
    return slice_eq(a_host, b_host) || is_any_host(a_host) || is_any_host(b_host);
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0 ||
           strncmp(address, "localhost:", 10) == 0;
}

/* Does a message exist that both filters take? */
static bool is_overlap(const char *a, const char *b)
{
    struct slice left = slice_str(a);
    struct slice right = slice_str(b);
    while (left.len > 0 && right.len > 0) {
        struct slice one = slice_cut(&left, '/');
        struct slice other = slice_cut(&right, '/');
        if (slice_eq_str(one, "#") || slice_eq_str(other, "#")) {
            return true;
        }
        if (!slice_eq(one, other) && !slice_eq_str(one, "+") && !slice_eq_str(other, "+")) {
            return false;
        }
    }
    return left.len == right.len;
}

static bool is_same_broker(const struct conf *conf, const struct conf_port *p,
                           const struct conf_port *q)
{
    if (is_our_bus(conf, p) || is_our_bus(conf, q)) {
        return is_our_bus(conf, p) && is_our_bus(conf, q);
    }
    return p->broker.port == q->broker.port && strcmp(p->broker.host, q->broker.host) == 0;
}

/* Two ports that hear one message would make two alarms of it. */
static void check_heard_twice(struct load *load, size_t i)
{
    const struct conf_port *p = &load->conf->ports[i];
    for (size_t before = 0; before < i; before++) {
        const struct conf_port *q = &load->conf->ports[before];
        bool is_alike =
            q->is_on && q->is_mqtt && q->dialect == p->dialect && is_same_broker(load->conf, p, q);
        const char *both = NULL;
        for (size_t k = 0; is_alike && both == NULL && k < p->filter_count; k++) {
            for (size_t n = 0; n < q->filter_count && both == NULL; n++) {
                both = is_overlap(p->filters[k], q->filters[n]) ? p->filters[k] : NULL;
            }
        }
        if (both != NULL) {
            fault(load, FILE_MAIN, yaml_line(&load->yaml[FILE_MAIN], "ports/%zu/subscribe", i),
                  "the ports `%s` and `%s` both hear `%.80s`: each alarm would come twice. Give "
                  "each topics of its own with `subscribe`.",
                  q->name, p->name, both);
        }
    }
}

static void check_topics(struct load *load)
{
    const struct conf *conf = load->conf;
    size_t own = 0;
    for (size_t i = 0; i < conf->port_count; i++) {
        const struct conf_port *p = &conf->ports[i];
        if (p->is_on && p->is_mqtt) {
            check_heard_twice(load, i);
            own += p->broker.host == NULL ? p->filter_count : 0;
        }
    }
    if (own > CONF_BUS_FILTERS_MAX) {
        fault(load, FILE_MAIN, yaml_line(&load->yaml[FILE_MAIN], "ports"),
              "the ports hear %zu topics of the bus's own broker together, and %d is the most; use "
              "+ and # to say several in one.",
              own, CONF_BUS_FILTERS_MAX);
    }
}

/* Past the last that the web keeps, a header would count as not sent. */
static void check_headers(struct load *load)
{
    const struct conf *conf = load->conf;
    const char *names[CONF_HEADERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < conf->port_count; i++) {
        const struct conf_port *p = &conf->ports[i];
        const struct adapter_option *o = p->is_http ? p->dialect->options : NULL;
        for (size_t k = 0; o != NULL && o[k].name != NULL && k < ADAPTER_OPTIONS_MAX; k++) {
            bool is_known = o[k].type != OPTION_HEADER || p->options.values[k] == NULL;
            for (size_t n = 0; n < count && !is_known; n++) {
                is_known = slice_eq_nocase(slice_str(names[n]), p->options.values[k]);
            }
            if (!is_known && count == CONF_HEADERS_MAX) {
                fault(load, FILE_MAIN, yaml_line(&load->yaml[FILE_MAIN], "ports/%zu/options", i),
                      "the ports ask for more than %d different HTTP headers; let some of them use "
                      "the same names.",
                      CONF_HEADERS_MAX);
                return;
            }
            if (!is_known) {
                names[count++] = p->options.values[k];
            }
        }
    }
}

static void check_addresses(struct load *load)
{
    const struct conf *conf = load->conf;
    for (size_t i = 0; i < conf->port_count; i++) {
        const struct conf_port *p = &conf->ports[i];
        if (p->is_on && p->is_http && conf->web.certificate == NULL &&
            !is_loopback(conf->web.address)) {
            warning(load, FILE_MAIN, yaml_line(&load->yaml[FILE_MAIN], "ports/%zu/port", i),
                    "what `%s` receives, secrets included, travels in clear; give `web:` a "
                    "certificate.",
                    p->name);
        }
        if (!p->is_on || p->is_dialling || *p->address == '\0') {
            continue;
        }
        int line = yaml_line(&load->yaml[FILE_MAIN], "ports/%zu/listen", i);
        if (p->is_tcp && is_same_address(p->address, conf->web.address)) {
            fault(load, FILE_MAIN, line,
                  "the port `%s` listens on %s, and so do the web pages; give one another number.",
                  p->name, p->address);
        } else if (p->is_tcp && is_same_address(p->address, conf->web.redirect)) {
            fault(
                load, FILE_MAIN, line,
                "the port `%s` listens on %s, from where the web pages redirect; give one another "
                "number, or write `redirect: no` below `web:`.",
                p->name, p->address);
        }
        for (size_t before = 0; before < i; before++) {
            const struct conf_port *q = &conf->ports[before];
            bool is_both = (p->is_tcp && q->is_tcp) || (p->is_udp && q->is_udp);
            if (q->is_on && !q->is_dialling && is_both && is_same_address(p->address, q->address)) {
                fault(load, FILE_MAIN, line,
                      "the ports `%s` and `%s` both listen on %s; give one another number.",
                      q->name, p->name, p->address);
            }
        }
    }
}

void check_ports(struct load *load)
{
    check_addresses(load);
    check_topics(load);
    check_headers(load);
}

static void check_centre(struct load *load, size_t i, const struct raw_centre *raw)
{
    const struct conf *conf = load->conf;
    const struct yaml *yaml = &load->yaml[FILE_MAIN];
    int line = yaml_line(yaml, "centres/%zu/port", i);
    if (strcmp(raw->port, "bus") == 0) {
        return;
    }
    const struct conf_port *port = conf_port(conf, raw->port);
    if (port == NULL) {
        struct guess guess = guess_of(raw->port);
        for (size_t p = 0; p < conf->port_count; p++) {
            guess_offer(&guess, conf->ports[p].name);
        }
        char hint[80];
        fault(load, FILE_MAIN, line,
              "the centre `%s` is reached through the port `%.40s`, which is not described%s",
              raw->centre, raw->port,
              guess.best == NULL ? "; describe it, or write `bus`."
                                 : guess_text(&guess, hint, sizeof hint));
        return;
    }
    if (port->dialect != NULL && port->dialect->deliver == NULL) {
        fault(
            load, FILE_MAIN, line,
            "the dialect `%s` of the port `%s` cannot hand over to a centre; name another port, or "
            "write `bus`.",
            port->dialect->name, port->name);
        return;
    }
    if (!port->is_dialling) {
        fault(
            load, FILE_MAIN, line,
            "the port `%s` only listens, so that it cannot reach the centre `%s`; name a port with "
            "`dial:`.",
            port->name, raw->centre);
    }
    if (!port->is_on) {
        fault(load, FILE_MAIN, line,
              "the port `%s` is not active, so that it cannot reach the centre `%s`.", port->name,
              raw->centre);
    }
    if (*port->address == '\0' && raw->addresses_count == 0) {
        fault(load, FILE_MAIN, yaml_line(yaml, "centres/%zu/centre", i),
              "the centre `%s` has no address; add `addresses:` with at least one, best two.",
              raw->centre);
    }
}

void check_centres(struct load *load)
{
    for (size_t i = 0; i < load->main->centres_count && i < CONF_CENTRES_MAX; i++) {
        check_centre(load, i, &load->main->centres[i]);
    }
}

void check_plans(struct load *load)
{
    const struct directory *d = &load->conf->directory;
    for (size_t i = 0; i < d->plan_count; i++) {
        int line = 0;
        const char *why = NULL;
        const struct plan *plan = &d->plans[i];
        if (plan_check(d, plan, &line, &why) != ERR_OK) {
            fault(load, FILE_PLANS, line,
                  "the plan `%s` could leave an alarm with nobody: %s. End it with "
                  "`- {ask: centre NAME, within_s: 60}`, where NAME is a manned centre.",
                  plan->name, why);
        }
    }
}
