/* read_links.c - what a port hangs on beside an address: a broker's topics, TLS, a Modbus module.
 *
 * Called by read_ports once the dialect is known. Opens nothing; looks only whether files are readable.
 */
#include "conf/load.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int line_of(const struct load *load, size_t i, const char *word)
{
    return yaml_line(&load->yaml[FILE_MAIN], "ports/%zu/%s", i, word);
}

/* --- topics --------------------------------------------------------------------------------------- */

/* A filter of MQTT 3.1.1 section 4.7: `+` and `#` stand alone in their level, `#` is the last. */
static bool is_filter(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 200 || !slice_is_utf8(slice_str(text))) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool is_wild = text[i] == '+' || text[i] == '#';
        bool begins = i == 0 || text[i - 1] == '/';
        bool ends = i + 1 == len || (text[i] == '+' && text[i + 1] == '/');
        if (text[i] < 0x20 && text[i] >= 0) {
            return false;
        }
        if (is_wild && (!begins || !ends)) {
            return false;
        }
    }
    return true;
}

/* Could a message of ours come back through this filter, as if a device had sent it? */
static bool takes_our_own(const char *filter, const char *municipality)
{
    static const char *const ours[] = {"event", "case", "command", "answer", "echo", "down"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        struct slice rest = slice_str(filter);
        const char *levels[] = {"samlarm", "1", municipality, ours[i]};
        bool matches = true;
        for (size_t k = 0; k < 4 && matches; k++) {
            struct slice level = slice_cut(&rest, '/');
            if (slice_eq_str(level, "#")) {
                return true;
            }
            matches = slice_eq_str(level, "+") || slice_eq_str(level, levels[k]);
        }
        if (matches) {
            return true;
        }
    }
    return false;
}

static bool is_this_machine(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

bool is_our_bus(const struct conf *conf, const struct conf_port *port)
{
    const struct conf_broker *broker = &port->broker;
    return broker->host == NULL ||
           (broker->port == conf->bus.port &&
            (slice_eq_nocase(slice_str(broker->host), conf->bus.host) ||
             (is_this_machine(broker->host) && is_this_machine(conf->bus.host))));
}

static void add_filter(struct load *load, int line, const char *text, struct conf_port *port)
{
    if (port->filter_count == CONF_FILTERS_MAX) {
        fault(load, FILE_MAIN, line, "a port subscribes to at most %d topics.", CONF_FILTERS_MAX);
        return;
    }
    if (!is_filter(text)) {
        fault(
            load, FILE_MAIN, line,
            "`%.80s` is no topic filter; write levels with `/` between them, + for one level, # at "
            "the end for all that follow.",
            text);
        return;
    }
    if (text[0] == '$' ||
        (is_our_bus(load->conf, port) && takes_our_own(text, load->conf->directory.municipality))) {
        fault(load, FILE_MAIN, line,
              "`%.80s` would hear the gateway's own messages; name the topics of the devices only.",
              text);
        return;
    }
    char *kept = arena_text(&load->arena, slice_str(text));
    load->is_out_of_memory = load->is_out_of_memory || kept == NULL;
    port->filters[port->filter_count++] = kept;
}

/* The dialect's own topics, with the municipality's word put in. */
static void preset_filters(struct load *load, int line, struct conf_port *port)
{
    struct slice rest = slice_str(port->dialect->topics);
    while (rest.len > 0) {
        struct slice one = slice_cut(&rest, ' ');
        char text[256];
        struct buf b = buf_of(text, sizeof text);
        while (one.len > 0) {
            static const char mark[] = "{municipality}";
            if (slice_starts(one, mark)) {
                buf_put_str(&b, load->conf->directory.municipality);
                one = slice_from(one, sizeof mark - 1);
            } else {
                buf_put_u8(&b, one.at[0]);
                one = slice_from(one, 1);
            }
        }
        add_filter(load, line, buf_cstr(&b), port);
    }
}

static void read_broker_tls(struct load *load, int line, const struct raw_broker *from,
                            struct conf_broker *broker)
{
    broker->ca = read_path(load, line, "ca", from->ca);
    broker->certificate = read_path(load, line, "certificate", from->certificate);
    broker->key = read_path(load, line, "key", from->key);
    warn_open_key(load, line, broker->key);
    if ((from->certificate == NULL) != (from->key == NULL)) {
        fault(load, FILE_MAIN, line, "`certificate` and `key` come together; give both files.");
    } else if (from->certificate != NULL && from->ca == NULL) {
        fault(load, FILE_MAIN, line,
              "a `certificate` for the broker needs `ca: file` as well: who has signed the "
              "broker's own?");
    }
    if (from->ca == NULL && !is_this_machine(from->host)) {
        warning(load, FILE_MAIN, line,
                "what comes from this broker, and the password to it, travels in clear; give "
                "`broker:` a `ca`.");
    }
}

static void read_broker(struct load *load, size_t i, const struct raw_broker *from,
                        struct conf_broker *broker)
{
    char host[CONF_ADDRESS_ROOM];
    char user[LABEL_ROOM] = "";
    int line = line_of(load, i, "broker");
    if (!word_label(load, FILE_MAIN, line, "the `host` of the broker", from->host, host,
                    sizeof host)) {
        return;
    }
    if (from->user != NULL) {
        (void)word_label(load, FILE_MAIN, line, "the `user` of the broker", from->user, user,
                         sizeof user);
    }
    bool has_port = yaml_node(&load->yaml[FILE_MAIN], "ports/%zu/broker/port", i) != NULL;
    if (has_port && (from->port < 1 || from->port > 65535)) {
        fault(load, FILE_MAIN, line, "the `port` of the broker is a number from 1 to 65535.");
    }
    read_broker_tls(load, line, from, broker);
    broker->port = has_port ? (int)from->port : broker->ca != NULL ? 8883 : 1883;
    broker->host = arena_text(&load->arena, slice_str(host));
    broker->user = arena_text(&load->arena, slice_str(user));
    if (from->password_file != NULL) {
        broker->password_file = arena_text(&load->arena, slice_str(from->password_file));
        load->is_out_of_memory = load->is_out_of_memory || broker->password_file == NULL;
    }
    if (from->password_file != NULL && *user == '\0') {
        fault(load, FILE_MAIN, line,
              "a `password_file` without `user` is never sent; give the broker's `user`.");
    }
    load->is_out_of_memory = load->is_out_of_memory || broker->host == NULL || broker->user == NULL;
}

static void read_topics(struct load *load, size_t i, const struct raw_port *from,
                        struct conf_port *port)
{
    int line = line_of(load, i, from->subscribe_count > 0 ? "subscribe" : "port");
    if (from->broker != NULL) {
        read_broker(load, i, from->broker, &port->broker);
    }
    for (unsigned k = 0; k < from->subscribe_count; k++) {
        add_filter(load, line, from->subscribe[k], port);
    }
    if (from->subscribe_count == 0) {
        preset_filters(load, line, port);
    }
    if (from->subscribe_count == 0 && port->filter_count == 0) {
        fault(
            load, FILE_MAIN, line,
            "the port `%s` hears nothing; add `subscribe: [topic]` with the topics of its devices.",
            port->name);
    }
}

/* --- TLS ------------------------------------------------------------------------------------------ */

static void read_peers(struct load *load, int line, const char *word, struct conf_tls *tls)
{
    static const char *const words[] = {"none", "optional", "required"};
    for (int k = 0; word != NULL && k < 3; k++) {
        if (strcmp(word, words[k]) == 0) {
            tls->peers = (enum conf_peers)k;
            return;
        }
    }
    if (word != NULL) {
        fault(
            load, FILE_MAIN, line,
            "`client` is none, optional or required, not `%.20s`: must a device show a certificate "
            "of its own?",
            word);
    }
}

void warn_open_key(struct load *load, int line, const char *path)
{
    struct stat st;
    if (path != NULL && stat(path, &st) == 0 && (st.st_mode & (S_IRGRP | S_IROTH)) != 0) {
        warning(load, FILE_MAIN, line,
                "other users of this machine may read the private key; run `chmod 600` on it.");
    }
}

static void read_tls(struct load *load, size_t i, const struct raw_port *from,
                     struct conf_port *port)
{
    static const struct raw_tls silent;
    const struct raw_tls *tls = from->tls == NULL ? &silent : from->tls;
    int line = line_of(load, i, from->tls == NULL ? "transport" : "tls");
    port->tls.is_on = true;
    port->tls.certificate = read_path(load, line, "certificate", tls->certificate);
    port->tls.key = read_path(load, line, "key", tls->key);
    port->tls.ca = read_path(load, line, "ca", tls->ca);
    read_peers(load, line, tls->client, &port->tls);
    warn_open_key(load, line, port->tls.key);
    bool is_listening = !port->is_dialling;
    if (is_listening && (tls->certificate == NULL || tls->key == NULL)) {
        fault(load, FILE_MAIN, line,
              "the port `%s` listens with TLS and needs `tls: {certificate: file, key: file}`.",
              port->name);
    } else if ((tls->certificate == NULL) != (tls->key == NULL)) {
        fault(load, FILE_MAIN, line, "`certificate` and `key` come together; give both files.");
    }
    if (is_listening && port->tls.peers != PEERS_NONE && tls->ca == NULL) {
        fault(load, FILE_MAIN, line,
              "`client: %s` needs `ca: file`: who may have signed the devices' certificates?",
              tls->client);
    }
}

/* --- Modbus --------------------------------------------------------------------------------------- */

static int bounded(struct load *load, size_t i, const char *word, int64_t value, const int of[3])
{
    char path[64];
    (void)snprintf(path, sizeof path, "ports/%zu/modbus/%s", i, word);
    if (yaml_node(&load->yaml[FILE_MAIN], "%s", path) == NULL) {
        return of[0];
    }
    if (value < of[1] || value > of[2]) {
        fault(load, FILE_MAIN, yaml_line(&load->yaml[FILE_MAIN], "%s", path),
              "`%s` is %lld; it must be from %d to %d.", word, (long long)value, of[1], of[2]);
        return of[0];
    }
    return (int)value;
}

static void read_modbus(struct load *load, size_t i, const struct raw_port *from,
                        struct conf_port *port)
{
    static const struct raw_modbus silent;
    const struct raw_modbus *raw = from->modbus == NULL ? &silent : from->modbus;
    struct conf_modbus *modbus = &port->modbus;
    modbus->unit = bounded(load, i, "unit", raw->unit, (int[]){1, 1, 247});
    modbus->first = bounded(load, i, "first", raw->first, (int[]){0, 0, 65535});
    modbus->count = bounded(load, i, "count", raw->count, (int[]){8, 1, CONF_INPUTS_MAX});
    modbus->poll_ms = bounded(load, i, "poll_ms", raw->poll_ms, (int[]){200, 20, 60000});
    modbus->answer_within_ms =
        bounded(load, i, "answer_within_ms", raw->answer_within_ms, (int[]){1000, 50, 10000});
    if (modbus->first + modbus->count > 65536) {
        fault(load, FILE_MAIN, line_of(load, i, "modbus"),
              "`first` and `count` together go beyond input 65535.");
    }
}

/* A word of another kind of port is a mistake that would else be silently without effect. */
static void stray(struct load *load, size_t i, const char *word, const struct conf_port *port)
{
    fault(load, FILE_MAIN, line_of(load, i, word),
          "`%s` does not belong to a port of the dialect `%s`; remove it.", word,
          port->dialect->name);
}

void read_links(struct load *load, size_t i, const struct raw_port *from, struct conf_port *port)
{
    if (port->is_mqtt) {
        read_topics(load, i, from, port);
    } else if (from->subscribe_count > 0 || from->broker != NULL) {
        stray(load, i, from->broker != NULL ? "broker" : "subscribe", port);
    }
    if (port->is_modbus) {
        read_modbus(load, i, from, port);
    } else if (from->modbus != NULL) {
        stray(load, i, "modbus", port);
    }
    bool takes_tls = port->is_sip || port->is_tcp;
    if ((from->transport & RAW_TLS) != 0 || (from->tls != NULL && takes_tls)) {
        read_tls(load, i, from, port);
    } else if (from->tls != NULL) {
        stray(load, i, "tls", port);
    }
}
