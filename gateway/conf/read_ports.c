/* read_ports.c - the ports of samlarm.yaml: dialect, address, transport, options by the dialect's table.
 *
 * Called by conf_load. Opens nothing but a trial session of the dialect, in memory, so that options
 * which contradict one another are found here.
 */
#include "conf/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int line_of(const struct load *load, size_t i, const char *word)
{
    return yaml_line(&load->yaml[FILE_MAIN], "ports/%zu/%s", i, word);
}

static void read_dialect(struct load *load, size_t i, const char *name, struct conf_port *port)
{
    port->dialect = adapter_find(slice_str(name));
    if (port->dialect != NULL) {
        return;
    }
    struct guess guess = guess_of(name);
    char list[200];
    struct buf known = buf_of(list, sizeof list);
    for (size_t a = 0; adapter_at(a) != NULL; a++) {
        guess_offer(&guess, adapter_at(a)->name);
        buf_put_str(&known, a == 0 ? "" : ", ");
        buf_put_str(&known, adapter_at(a)->name);
    }
    char hint[80];
    fault(load, FILE_MAIN, line_of(load, i, "dialect"),
          "the dialect `%.40s` is not known%s known are: %s.", name,
          guess.best == NULL ? ";" : guess_text(&guess, hint, sizeof hint), buf_cstr(&known));
}

static void read_transport(struct load *load, size_t i, const struct raw_port *from,
                           struct conf_port *port)
{
    unsigned can = port->dialect->transports;
    port->is_sip = (can & TRANSPORT_SIP) != 0;
    port->is_mqtt = (can & TRANSPORT_MQTT) != 0;
    port->is_http = (can & TRANSPORT_HTTP) != 0;
    port->is_modbus = (can & TRANSPORT_MODBUS) != 0;
    if (port->is_mqtt || port->is_http || port->is_modbus) {
        if (from->transport != 0) {
            fault(load, FILE_MAIN, line_of(load, i, "transport"),
                  "the dialect `%s` has one way only; remove the line.", port->dialect->name);
        }
        return;
    }
    /* SIP that dials: the addresses of the centres say which way, and `tls` whom to trust. */
    bool is_by_address = port->is_sip && from->dial != NULL;
    bool is_tls = (from->transport & RAW_TLS) != 0 || (from->tls != NULL && !is_by_address);
    unsigned in_clear = from->tls != NULL && !port->is_sip ? RAW_UDP : RAW_UDP | RAW_TCP;
    port->is_tcp = (from->transport & RAW_TCP) != 0 || is_tls;
    port->is_udp = (from->transport & RAW_UDP) != 0;
    if (is_tls && !is_by_address && (from->transport & in_clear) != 0) {
        fault(load, FILE_MAIN, line_of(load, i, "transport"),
              "a port with `tls` takes nothing in clear; describe a second port for the others.");
    }
    if (from->transport == 0 &&
        !is_tls) { /* the file is silent: SIP takes both, others the first they speak */
        port->is_tcp = port->is_sip || (can & TRANSPORT_TCP) != 0;
        port->is_udp = port->is_sip || !port->is_tcp;
    }
    bool is_tcp_wrong = port->is_tcp && !port->is_sip && (can & TRANSPORT_TCP) == 0;
    bool is_udp_wrong = port->is_udp && !port->is_sip && (can & TRANSPORT_UDP) == 0;
    if (is_tcp_wrong || is_udp_wrong) {
        fault(load, FILE_MAIN, line_of(load, i, "transport"),
              "the dialect `%s` is not spoken over %s; remove that word.", port->dialect->name,
              is_tcp_wrong ? "tcp" : "udp");
    }
}

static void read_address(struct load *load, size_t i, const struct raw_port *from,
                         struct conf_port *port)
{
    port->is_dialling = from->dial != NULL;
    if (port->is_mqtt || port->is_http) {
        const char *stray = from->dial != NULL ? "dial" : from->listen != NULL ? "listen" : NULL;
        if (stray != NULL) {
            fault(load, FILE_MAIN, line_of(load, i, stray), "`%s` is not for the dialect `%s`: %s.",
                  stray, port->dialect->name,
                  port->is_mqtt
                      ? "it comes from a broker (`subscribe`, `broker`)"
                      : "it comes over the web pages' address, at /hook/ and the port's name");
        }
        return;
    }
    if (port->is_modbus && from->dial == NULL) {
        fault(load, FILE_MAIN, line_of(load, i, "port"),
              "the port `%.20s` needs `dial: host:port`, the address of the module (usually port "
              "502).",
              from->port);
        return;
    }
    const char *text = port->is_dialling ? from->dial : from->listen;
    const char *word = port->is_dialling ? "dial" : "listen";
    if ((from->dial == NULL) == (from->listen == NULL)) {
        fault(load, FILE_MAIN, line_of(load, i, from->dial == NULL ? "port" : "dial"),
              "the port `%.20s` needs one of `listen: host:port` and `dial: host:port`, and not "
              "both.",
              from->port);
        return;
    }
    if (port->is_dialling && strcmp(text, "centres") == 0) {
        if (!port->is_sip) {
            fault(load, FILE_MAIN, line_of(load, i, word),
                  "`dial: centres` is for a dialect that is spoken over SIP; write host:port.");
        }
        return;
    }
    size_t host_len = 0;
    int number = 0;
    if (!word_address(text, &host_len, &number)) {
        fault(load, FILE_MAIN, line_of(load, i, word),
              "`%.60s` is no address; write host:port, for example 127.0.0.1:5060%s.", text,
              port->is_dialling ? ", or `centres`" : "");
        return;
    }
    (void)slice_text(slice_str(text), port->address, sizeof port->address);
}

static void read_sip(struct load *load, size_t i, const struct raw_port *from,
                     struct conf_port *port)
{
    const char *stray = from->own_user != NULL ? "own_user" : from->realm != NULL ? "realm" : NULL;
    stray = from->users_count > 0 ? "users" : stray;
    if (!port->is_sip && stray != NULL) {
        fault(load, FILE_MAIN, line_of(load, i, stray),
              "`%s` is for dialects over SIP; remove it, `%s` has no log-in.", stray,
              port->dialect->name);
        return;
    }
    (void)word_label(load, FILE_MAIN, line_of(load, i, "own_user"), "`own_user`",
                     from->own_user == NULL ? "alarm" : from->own_user, port->own_user,
                     sizeof port->own_user);
    (void)word_label(load, FILE_MAIN, line_of(load, i, "realm"), "`realm`",
                     from->realm == NULL ? "samlarm" : from->realm, port->realm,
                     sizeof port->realm);
    if (from->users_count == 0) {
        return;
    }
    if (from->users_count > CONF_USERS_MAX) {
        fault(load, FILE_MAIN, line_of(load, i, "users"), "a port has at most %d users.",
              CONF_USERS_MAX);
        return;
    }
    struct conf_user *users = arena_alloc(&load->arena, from->users_count, sizeof *users);
    for (unsigned u = 0; users != NULL && u < from->users_count; u++) {
        users[u].user = arena_text(&load->arena, slice_str(from->users[u].user));
        users[u].password = arena_text(&load->arena, slice_str(from->users[u].password));
        if (*from->users[u].user == '\0' || *from->users[u].password == '\0') {
            fault(load, FILE_MAIN, yaml_line(&load->yaml[FILE_MAIN], "ports/%zu/users/%u", i, u),
                  "a user without a name or without a password could be anybody; give both.");
        }
    }
    port->users = users;
    port->user_count = users == NULL ? 0 : from->users_count;
    if (load->has_open_mode[FILE_MAIN]) {
        warning(load, FILE_MAIN, line_of(load, i, "users"),
                "passwords stand here and other users of this machine may read the file; "
                "run `chmod 600` on it.");
    }
}

static bool is_one_of(const char *words, const char *value, struct guess *guess, char *room,
                      size_t len)
{
    struct slice rest = slice_str(words);
    struct buf kept = buf_of(room, len);
    bool is_there = false;
    while (rest.len > 0) {
        struct slice word = slice_cut(&rest, '|');
        is_there = is_there || slice_eq_str(word, value);
        const char *at = (const char *)room + kept.len;
        buf_put_slice(&kept, word);
        buf_put_u8(&kept, '\0'); /* guess keeps the pointer */
        if (!kept.is_full) {
            guess_offer(guess, at);
        }
    }
    return is_there;
}

static void check_option(struct load *load, int line, const struct adapter_option *option,
                         const char *value)
{
    int64_t number = 0;
    char room[200];
    char hint[80];
    struct guess guess = guess_of(value);
    bool is_bool = strcmp(value, "yes") == 0 || strcmp(value, "no") == 0 ||
                   strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
    bool is_open_to_all = load->has_open_mode[FILE_MAIN] && !load->conf->directory.is_demo;
    if (option->type == OPTION_NUMBER &&
        (!word_number(value, &number) || number < option->min || number > option->max)) {
        fault(load, FILE_MAIN, line,
              "the option `%s` is a whole number from %lld to %lld, not `%.40s`. %s", option->name,
              (long long)option->min, (long long)option->max, value, option->help);
    } else if (option->type == OPTION_BOOL && !is_bool) {
        fault(load, FILE_MAIN, line, "the option `%s` is yes or no, not `%.40s`. %s", option->name,
              value, option->help);
    } else if (option->type == OPTION_WORD &&
               !is_one_of(option->words, value, &guess, room, sizeof room)) {
        fault(load, FILE_MAIN, line, "the option `%s` is one of %s, not `%.40s`%s", option->name,
              option->words, value, guess_text(&guess, hint, sizeof hint));
    } else if (option->type == OPTION_HEADER &&
               (*value == '\0' || strlen(value) > 60 ||
                value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789-_")] != '\0')) {
        fault(load, FILE_MAIN, line,
              "the option `%s` is the name of an HTTP header, of letters, digits and -. %s",
              option->name, option->help);
    } else if ((option->type == OPTION_TEXT || option->type == OPTION_HIDDEN) &&
               strlen(value) > (size_t)option->max) {
        fault(load, FILE_MAIN, line, "the option `%s` is longer than %lld characters; shorten it.",
              option->name, (long long)option->max);
    } else if (option->type == OPTION_HIDDEN && *value != '\0' && is_open_to_all) {
        warning(load, FILE_MAIN, line,
                "`%s` stands here and other users of this machine may read the file; run "
                "`chmod 600` on it.",
                option->name);
    }
}

static void unknown_option(struct load *load, int line, const char *name,
                           const struct conf_port *port)
{
    struct guess guess = guess_of(name);
    char list[240];
    struct buf known = buf_of(list, sizeof list);
    const struct adapter_option *o = port->dialect->options;
    for (; o != NULL && o->name != NULL; o++) {
        guess_offer(&guess, o->name);
        buf_put_str(&known, o == port->dialect->options ? "" : ", ");
        buf_put_str(&known, o->name);
    }
    char hint[80];
    fault(load, FILE_MAIN, line, "the dialect `%s` has no option `%.40s`%s it knows: %s.",
          port->dialect->name, name,
          guess.best == NULL ? ";" : guess_text(&guess, hint, sizeof hint),
          known.len == 0 ? "none" : buf_cstr(&known));
}

/* Lets the dialect look at its options together, in a session that is thrown away. */
static void try_open(struct load *load, int line, struct conf_port *port)
{
    struct outbox *out = calloc(1, sizeof *out);
    void *session = calloc(1, port->dialect->session_size + 1);
    if (out == NULL || session == NULL) {
        load->is_out_of_memory = true;
    } else if (port->dialect->open != NULL) {
        outbox_clear(out);
        struct now then = {0};
        enum err err = port->dialect->open(session, &port->options, port->is_dialling, then, out);
        struct slice why = slice_str("");
        for (size_t i = 0; i < out->count; i++) {
            if (out->items[i].type == OUT_NOTE) {
                why = out->items[i].bytes;
                (void)slice_cut(&why, ' ');
            }
        }
        if (err != ERR_OK) {
            fault(load, FILE_MAIN, line, "the options of the port `%s` do not go together: %.*s",
                  port->name, (int)why.len, (const char *)why.at);
        }
    }
    free(out);
    free(session);
}

void read_options(struct load *load, size_t index, struct conf_port *port)
{
    const struct adapter_option *table = port->dialect->options;
    size_t errors_before = load->faults->error_count;
    for (size_t i = 0; table != NULL && table[i].name != NULL && i < ADAPTER_OPTIONS_MAX; i++) {
        port->options.values[i] = table[i].preset;
    }
    const yaml_node_t *node = yaml_node(&load->yaml[FILE_MAIN], "ports/%zu/options", index);
    if (node != NULL && node->type != YAML_MAPPING_NODE) {
        fault(load, FILE_MAIN, yaml_node_line(node),
              "`options` needs lines `word: value` below it.");
        return;
    }
    yaml_document_t *document = &load->yaml[FILE_MAIN].document;
    const yaml_node_pair_t *p = node == NULL ? NULL : node->data.mapping.pairs.start;
    for (; node != NULL && p < node->data.mapping.pairs.top; p++) {
        const char *name = yaml_scalar(yaml_document_get_node(document, p->key));
        const char *value = yaml_scalar(yaml_document_get_node(document, p->value));
        int line = yaml_node_line(yaml_document_get_node(document, p->key));
        size_t i = 0;
        while (name != NULL && table != NULL && table[i].name != NULL &&
               strcmp(table[i].name, name) != 0) {
            i++;
        }
        if (name == NULL || table == NULL || table[i].name == NULL || i >= ADAPTER_OPTIONS_MAX) {
            unknown_option(load, line, name == NULL ? "..." : name, port);
        } else if (value == NULL) {
            fault(load, FILE_MAIN, line, "the option `%s` takes one value, not a list.", name);
        } else {
            check_option(load, line, &table[i], value);
            port->options.values[i] = arena_text(&load->arena, slice_str(value));
            load->is_out_of_memory = load->is_out_of_memory || port->options.values[i] == NULL;
        }
    }
    if (load->faults->error_count == errors_before && !load->is_out_of_memory) {
        try_open(load, yaml_line(&load->yaml[FILE_MAIN], "ports/%zu/options", index), port);
    }
}

void read_ports(struct load *load)
{
    struct conf *conf = load->conf;
    const struct yaml *yaml = &load->yaml[FILE_MAIN];
    if (load->main->ports_count > CONF_PORTS_MAX) {
        fault(load, FILE_MAIN, yaml_line(yaml, "ports"), "there are more than %d ports.",
              CONF_PORTS_MAX);
        return;
    }
    for (size_t i = 0; i < load->main->ports_count; i++) {
        const struct raw_port *from = &load->main->ports[i];
        struct conf_port *port = &conf->ports[conf->port_count];
        port->line = line_of(load, i, "port");
        if (!word_id(load, FILE_MAIN, port->line, "the name of the port", from->port,
                     sizeof port->name)) {
            continue;
        }
        if (strcmp(from->port, "bus") == 0) {
            fault(load, FILE_MAIN, port->line,
                  "`bus` is the name of the bus; name the port otherwise.");
        }
        const struct conf_port *before = conf_port(conf, from->port);
        if (before != NULL) {
            fault(load, FILE_MAIN, port->line,
                  "the port `%s` is described twice, first on line %d; rename one.", from->port,
                  before->line);
        }
        (void)slice_text(slice_str(from->port), port->name, sizeof port->name);
        port->is_on = yaml_node(yaml, "ports/%zu/active", i) == NULL || from->active;
        conf->port_count++;
        read_dialect(load, i, from->dialect, port);
        if (port->dialect != NULL) {
            read_transport(load, i, from, port);
            read_address(load, i, from, port);
            read_sip(load, i, from, port);
            read_links(load, i, from, port);
            read_options(load, i, port);
        }
    }
}
