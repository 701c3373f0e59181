/* read_main.c - samlarm.yaml but for its ports: the municipality, web, bus, centres, times, ceilings.
 *
 * Called by conf_load when the form of the file is right. What needs other files is in check.c.
 */
#include "conf/load.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A number of the file, or `preset` where the file is silent. */
struct bounds {
    const char *path;
    int64_t preset;
    int64_t min;
    int64_t max;
};

static int64_t number(struct load *load, const struct bounds *b, int64_t value)
{
    if (yaml_node(&load->yaml[FILE_MAIN], "%s", b->path) == NULL) {
        return b->preset;
    }
    if (value < b->min || value > b->max) {
        fault(load, FILE_MAIN, yaml_line(&load->yaml[FILE_MAIN], "%s", b->path),
              "`%s` is %lld; it must be from %lld to %lld.", strrchr(b->path, '/') + 1,
              (long long)value, (long long)b->min, (long long)b->max);
    }
    return value;
}

static void read_names(struct load *load, const struct raw_main *raw)
{
    struct conf *conf = load->conf;
    struct directory *d = &conf->directory;
    const struct yaml *yaml = &load->yaml[FILE_MAIN];
    if (word_id(load, FILE_MAIN, yaml_line(yaml, "municipality"), "the id `municipality`",
                raw->municipality, sizeof d->municipality)) {
        (void)slice_text(slice_str(raw->municipality), d->municipality, sizeof d->municipality);
    }
    (void)word_label(load, FILE_MAIN, yaml_line(yaml, "name"), "the `name` of the municipality",
                     raw->name, conf->name, sizeof conf->name);
    if (raw->reserve_phone == NULL || *raw->reserve_phone == '\0') {
        fault(
            load, FILE_MAIN, yaml_line(yaml, "reserve_phone"),
            "`reserve_phone` is missing: write the number that staff call when no handheld works, "
            "it is shown on every page.");
    } else {
        (void)word_label(load, FILE_MAIN, yaml_line(yaml, "reserve_phone"), "`reserve_phone`",
                         raw->reserve_phone, d->reserve_phone, sizeof d->reserve_phone);
    }
    const char *language = raw->language == NULL ? "sv" : raw->language;
    conf->is_swedish = strcmp(language, "sv") == 0;
    if (!conf->is_swedish && strcmp(language, "en") != 0) {
        fault(load, FILE_MAIN, yaml_line(yaml, "language"), "`language` is sv or en, not `%.20s`.",
              language);
    }
    d->is_demo = raw->demo;
}

/* A path of the file, below the configuration folder unless it begins with a slash. */
static const char *path_of(struct load *load, const char *text)
{
    char path[4096];
    bool is_whole = text[0] == '/';
    int n =
        snprintf(path, sizeof path, "%s%s%s", is_whole ? "" : load->dir, is_whole ? "" : "/", text);
    if (n < 0 || (size_t)n >= sizeof path) {
        return NULL;
    }
    char *kept = arena_text(&load->arena, slice_str(path));
    load->is_out_of_memory = load->is_out_of_memory || kept == NULL;
    return kept;
}

const char *read_path(struct load *load, int line, const char *word, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    const char *path = path_of(load, text);
    if (path == NULL || access(path, R_OK) != 0) {
        fault(
            load, FILE_MAIN, line,
            "the file `%.120s` of `%s` is not there or cannot be read; correct the path or remove "
            "the line.",
            text, word);
    }
    return path;
}

static const char *readable(struct load *load, const char *word, const char *text)
{
    return read_path(load, yaml_line(&load->yaml[FILE_MAIN], "web/%s", word), word, text);
}

/* Who comes in clear is sent to the encrypted pages: from port 8080 of the same host, unless told. */
static void read_redirect(struct load *load, const struct raw_web *from, int port, size_t host_len,
                          struct conf_web *web)
{
    size_t other_len = 0;
    int other_port = 0;
    int line = yaml_line(&load->yaml[FILE_MAIN], "web/redirect");
    const char *text = from->redirect;
    if (text != NULL && from->certificate == NULL) {
        fault(load, FILE_MAIN, line,
              "`redirect` leads to the encrypted pages, and there is no `certificate`; remove it.");
    } else if (text != NULL && strcmp(text, "no") != 0) {
        if (!word_address(text, &other_len, &other_port)) {
            fault(load, FILE_MAIN, line,
                  "`%.60s` is no address; write host:port, for example 127.0.0.1:8080, or no.",
                  text);
            return;
        }
        (void)slice_text(slice_str(text), web->redirect, sizeof web->redirect);
    } else if (text == NULL && from->certificate != NULL && port != 8080 && port != 0) {
        (void)snprintf(web->redirect, sizeof web->redirect, "%.*s:8080", (int)host_len,
                       web->address);
    }
}

static void read_web(struct load *load, const struct raw_main *raw)
{
    struct conf_web *web = &load->conf->web;
    const struct yaml *yaml = &load->yaml[FILE_MAIN];
    static const struct raw_web silent;
    const struct raw_web *from = raw->web == NULL ? &silent : raw->web;
    const char *preset = from->certificate == NULL ? "127.0.0.1:8080" : "127.0.0.1:8443";
    const char *address = from->address == NULL ? preset : from->address;
    size_t host_len = 0;
    int port = 0;
    if (!word_address(address, &host_len, &port)) {
        fault(load, FILE_MAIN, yaml_line(yaml, "web/address"),
              "`%.60s` is no address; write host:port, for example 127.0.0.1:8080.", address);
    } else {
        (void)slice_text(slice_str(address), web->address, sizeof web->address);
    }
    if ((from->certificate == NULL) != (from->key == NULL)) {
        fault(load, FILE_MAIN, yaml_line(yaml, "web/%s", from->key == NULL ? "certificate" : "key"),
              "`%s` stands here without `%s`; give both files, or neither.",
              from->key == NULL ? "certificate" : "key", from->key == NULL ? "key" : "certificate");
    }
    read_redirect(load, from, port, host_len, web);
    web->certificate = readable(load, "certificate", from->certificate);
    web->key = readable(load, "key", from->key);
    warn_open_key(load, yaml_line(yaml, "web/key"), web->key);
    web->pages = readable(load, "pages", from->pages);
}

static void read_bus(struct load *load, const struct raw_main *raw)
{
    static const struct raw_bus silent;
    const struct raw_bus *from = raw->bus == NULL ? &silent : raw->bus;
    struct conf_bus *bus = &load->conf->bus;
    (void)word_label(load, FILE_MAIN, yaml_line(&load->yaml[FILE_MAIN], "bus/host"),
                     "the `host` of the bus", from->host == NULL ? "127.0.0.1" : from->host,
                     bus->host, sizeof bus->host);
    (void)word_label(load, FILE_MAIN, yaml_line(&load->yaml[FILE_MAIN], "bus/user"),
                     "the `user` of the bus", from->user == NULL ? "gateway" : from->user,
                     bus->user, sizeof bus->user);
    bus->port = (int)number(load, &(struct bounds){"bus/port", 1883, 1, 65535}, from->port);
    if (from->password_file != NULL) {
        bus->password_file = arena_text(&load->arena, slice_str(from->password_file));
        load->is_out_of_memory = load->is_out_of_memory || bus->password_file == NULL;
    }
}

static void read_timings(struct load *load, const struct raw_main *raw)
{
    static const struct raw_timings silent;
    const struct raw_timings *from = raw->timings == NULL ? &silent : raw->timings;
    struct conf_timings *t = &load->conf->timings;
    size_t errors_before = load->faults->error_count;
    // clang-format off
    t->idle_ms = 1000 * number(load, &(struct bounds){"timings/idle_s", 15, 2, 60}, from->idle_s);
    t->open_ms = 1000 * number(load, &(struct bounds){"timings/open_s", 5, 1, 30}, from->open_s);
    t->silent_idle_ms = 1000 * number(load, &(struct bounds){"timings/silent_idle_s", 35, 5, 300},
                                      from->silent_idle_s);
    t->silent_open_ms = 1000 * number(load, &(struct bounds){"timings/silent_open_s", 12, 2, 120},
                                      from->silent_open_s);
    load->conf->directory.repeat_window_ms = 1000 * number(
        load, &(struct bounds){"timings/repeat_window_s", 300, 1, 3600}, from->repeat_window_s);
    // clang-format on
    if (load->faults->error_count > errors_before) {
        return;
    }
    if (t->silent_idle_ms <= t->idle_ms || t->silent_open_ms <= t->open_ms) {
        bool is_idle = t->silent_idle_ms <= t->idle_ms;
        fault(load, FILE_MAIN,
              yaml_line(&load->yaml[FILE_MAIN], "timings/%s",
                        is_idle ? "silent_idle_s" : "silent_open_s"),
              "`%s` must be longer than `%s`, best more than twice as long: else every handheld "
              "counts as silent between two of its signs of life.",
              is_idle ? "silent_idle_s" : "silent_open_s", is_idle ? "idle_s" : "open_s");
    }
}

static void read_limits(struct load *load, const struct raw_main *raw)
{
    static const struct raw_limits silent;
    const struct raw_limits *from = raw->limits == NULL ? &silent : raw->limits;
    struct ledger_limits *l = &load->conf->limits;
    // clang-format off
    l->cases = (size_t)number(load, &(struct bounds){"limits/cases", 4096, 100, 100000}, from->cases);
    l->ids = (size_t)number(load, &(struct bounds){"limits/ids", 65536, 1000, 10000000}, from->ids);
    l->recent = (size_t)number(load, &(struct bounds){"limits/recent", 256, 10, 10000}, from->recent);
    // clang-format on
}

void read_main(struct load *load)
{
    read_names(load, load->main);
    read_web(load, load->main);
    read_bus(load, load->main);
    read_timings(load, load->main);
    read_limits(load, load->main);
    if (load->is_good[FILE_UNITS]) {
        int line = yaml_line(&load->yaml[FILE_MAIN], "unknown_unit");
        uint16_t unit = NONE;
        if (load->main->unknown_unit == NULL) {
            fault(load, FILE_MAIN, line,
                  "`unknown_unit` is missing: name the unit that gets the alarms of devices nobody "
                  "has registered.");
        } else if (find_unit(load, FILE_MAIN, line, "`unknown_unit`", load->main->unknown_unit,
                             &unit)) {
            load->conf->directory.unknown_unit = unit;
            if (load->conf->directory.units[unit].form == FORM_UNKNOWN) {
                fault(load, FILE_MAIN, line,
                      "the unit `%.40s` has no form, so that no plan can take its alarms; name a "
                      "unit "
                      "with a form.",
                      load->main->unknown_unit);
            }
        }
    }
}

/* What a certificate may carry; the last label is no number. */
static bool is_host_name(struct slice name)
{
    bool has_letter = false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        has_letter = has_letter || is_letter;
        if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '-') {
            return false;
        }
    }
    return has_letter;
}

static bool is_number(const char *address, size_t host_len)
{
    char host[CONF_ADDRESS_ROOM];
    uint8_t bytes[16];
    struct slice text = slice_of(address, host_len);
    if (host_len > 2 && address[0] == '[') {
        text = slice_of(address + 1, host_len - 2);
        text = slice_cut(&text, '%');
    }
    (void)slice_text(text, host, sizeof host);
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static void read_addresses(struct load *load, size_t i, const struct raw_centre *from,
                           struct centre *centre)
{
    const struct yaml *yaml = &load->yaml[FILE_MAIN];
    if (from->addresses_count > CENTRE_ADDRESSES_MAX) {
        fault(load, FILE_MAIN, yaml_line(yaml, "centres/%zu/addresses", i),
              "a centre has at most %d addresses; keep the best.", CENTRE_ADDRESSES_MAX);
        return;
    }
    for (unsigned a = 0; a < from->addresses_count; a++) {
        int line = yaml_line(yaml, "centres/%zu/addresses/%u", i, a);
        char host[CONF_ADDRESS_ROOM] = "";
        struct slice rest = slice_str(from->addresses[a]);
        (void)slice_text(slice_cut(&rest, ';'), host, sizeof host);
        size_t host_len = 0;
        int port = 0;
        struct slice way = slice_cut(&rest, ';');
        bool is_tls = slice_eq_str(way, "tls") && (rest.len == 0 || is_host_name(rest));
        bool is_clear = (slice_eq_str(way, "udp") || slice_eq_str(way, "tcp")) && rest.len == 0;
        if (!word_address(host, &host_len, &port) || !(is_tls || is_clear)) {
            fault(load, FILE_MAIN, line,
                  "`%.60s` is no address of a centre; write host:port;udp, host:port;tcp, "
                  "host:port;tls, or host:port;tls;name with the name in its certificate.",
                  from->addresses[a]);
        } else if (!is_number(host, host_len)) {
            fault(load, FILE_MAIN, line,
                  "`%.60s` must be a number such as 192.0.2.10: nobody looks up a name while an "
                  "alarm waits. With tls write host:port;tls;name.",
                  from->addresses[a]);
        } else if (word_label(load, FILE_MAIN, line, "the address", from->addresses[a],
                              centre->addresses[centre->address_count], LABEL_ROOM)) {
            centre->address_count++;
        }
    }
}

void read_centres(struct load *load)
{
    struct directory *d = &load->conf->directory;
    const struct yaml *yaml = &load->yaml[FILE_MAIN];
    if (load->main->centres_count > CONF_CENTRES_MAX) {
        fault(load, FILE_MAIN, yaml_line(yaml, "centres"), "there are more than %d centres.",
              CONF_CENTRES_MAX);
        return;
    }
    for (size_t i = 0; i < load->main->centres_count; i++) {
        const struct raw_centre *from = &load->main->centres[i];
        struct centre *centre = &d->centres[d->centre_count];
        int line = yaml_line(yaml, "centres/%zu/centre", i);
        if (!word_id(load, FILE_MAIN, line, "the name of the centre", from->centre,
                     sizeof centre->name)) {
            continue;
        }
        for (size_t before = 0; before < d->centre_count; before++) {
            if (strcmp(d->centres[before].name, from->centre) == 0) {
                fault(load, FILE_MAIN, line, "the centre `%s` is described twice; rename one.",
                      from->centre);
            }
        }
        (void)slice_text(slice_str(from->centre), centre->name, sizeof centre->name);
        (void)slice_text(slice_str(from->port), centre->port, sizeof centre->port);
        centre->is_manned = from->manned;
        centre->answer_within_ms = 10000;
        if (yaml_node(yaml, "centres/%zu/answer_within_s", i) != NULL) {
            centre->answer_within_ms = from->answer_within_s * 1000;
            if (from->answer_within_s < 1 || from->answer_within_s > 120) {
                fault(load, FILE_MAIN, yaml_line(yaml, "centres/%zu/answer_within_s", i),
                      "`answer_within_s` is %lld; it must be from 1 to 120.",
                      (long long)from->answer_within_s);
            }
        }
        read_addresses(load, i, from, centre);
        d->centre_count++;
    }
}
