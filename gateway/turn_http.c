/* turn_http.c - what is asked over HTTP beside the pages: login, ticket, logout, health, metrics.
 *
 * A login gives two things that must meet again at the websocket's hello: a cookie (staff, expiry, MAC;
 * survives a restart of the gateway) and a one-time ticket of 30 s (facts/reliability.md 5.3). PINs are
 * checked on a worker, with a wait after repeated failures. Sub-file of the door.
 */
#include "turn_parts.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    TICKET_MS = 30000,
    SESSION_MS = 12 * 3600 * 1000,
    WRONG_PINS_MAX = 5,
    LOCKED_MS = 30000,
    METRICS_MAX = 32768
};

#define COOKIE_PLAIN "samlarm"
#define COOKIE_SECURE "__Host-samlarm"
#define PURPOSE "handheld"

static const char *cookie_name(const struct turn *turn)
{
    return turn->conf->web.certificate != NULL ? COOKIE_SECURE : COOKIE_PLAIN;
}

static void reply_text(struct web_request *request, int status, const char *type, const char *text)
{
    web_reply(request, status, type, NULL, slice_str(text));
}

/* {"sentence": "..."} for people; the page shows it as it is. */
static void reply_sentence(struct web_request *request, int status, const char *sentence)
{
    char room[256];
    snprintf(room, sizeof room, "{\"sentence\":\"%s\"}", sentence);
    reply_text(request, status, "application/json", room);
}

static const char *ticket_make(struct turn *turn, const char *staff)
{
    struct ticket *oldest = &turn->tickets[0];
    uint8_t random[16];
    for (size_t i = 1; i < TICKETS_MAX; i++) {
        if (turn->tickets[i].expires_mono_ms < oldest->expires_mono_ms) {
            oldest = &turn->tickets[i];
        }
    }
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(oldest->text, sizeof oldest->text, random, sizeof random);
    slice_text(slice_str(staff), oldest->staff, sizeof oldest->staff);
    oldest->expires_mono_ms = loop_now().mono_ms + TICKET_MS;
    return oldest->text;
}

enum err http_ticket_take(struct turn *turn, const char *text, char *ret_staff, size_t room)
{
    int64_t mono_ms = loop_now().mono_ms;
    if (strlen(text) != sizeof turn->tickets[0].text - 1) {
        return ERR_AUTH;
    }
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        struct ticket *ticket = &turn->tickets[i];
        if (ticket->expires_mono_ms > mono_ms &&
            sodium_memcmp(ticket->text, text, sizeof ticket->text) == 0) {
            ticket->expires_mono_ms = 0;
            return slice_text(slice_str(ticket->staff), ret_staff, room);
        }
    }
    return ERR_AUTH;
}

bool http_cookie_staff(struct turn *turn, struct slice cookie, char *ret_staff, size_t room)
{
    struct slice name = slice_str(cookie_name(turn));
    while (cookie.len > 0) {
        struct slice pair = slice_trim(slice_cut(&cookie, ';'));
        struct slice key = slice_cut(&pair, '=');
        if (slice_eq(key, name) && keys_token_check(turn->keys, PURPOSE, pair, loop_now().wall_ms,
                                                    ret_staff, room) == ERR_OK) {
            return directory_staff(turn->directory, ret_staff) != NULL;
        }
    }
    return false;
}

static void reply_ticket(struct turn *turn, struct web_request *request, const char *staff,
                         const char *cookie)
{
    char body[80];
    snprintf(body, sizeof body, "{\"ticket\":\"%s\"}", ticket_make(turn, staff));
    web_reply(request, 200, "application/json", cookie, slice_str(body));
}

static struct measure *measure_of(struct turn *turn, const char *staff)
{
    const struct staff *found = directory_staff(turn->directory, staff);
    return found == NULL ? NULL : &turn->measures[found - turn->directory->staff];
}

/* --- login ---------------------------------------------------------------------------------------- */

struct login {
    struct turn *turn;
    struct web_request *request;
    struct pins *pins;
    char staff[STAFF_ROOM];
    bool is_swedish;
};

static void login_done(void *context, bool is_right)
{
    struct login *login = context;
    struct turn *turn = login->turn;
    struct measure *measure = measure_of(turn, login->staff);
    char token[256];
    char cookie[400];
    struct buf out = buf_of(token, sizeof token - 1);
    int64_t expires_ms = loop_now().wall_ms + SESSION_MS;
    count("logins", is_right ? "right" : "wrong");
    if (!is_right || measure == NULL ||
        keys_token_make(turn->keys, PURPOSE, login->staff, expires_ms, &out) != ERR_OK) {
        if (measure != NULL && ++measure->wrong_pins >= WRONG_PINS_MAX) {
            log_event(LOG_WARN, "login.locked", "staff", login->staff, "for_s", "30", NULL);
            measure->locked_until_mono_ms = loop_now().mono_ms + LOCKED_MS;
            measure->wrong_pins = 0;
        }
        log_event(LOG_WARN, "login.refused", "staff", measure == NULL ? "?" : login->staff, NULL);
        reply_sentence(login->request, 401,
                       login->is_swedish ? "Fel personalnummer eller pinkod."
                                         : "Wrong staff number or PIN.");
    } else {
        measure->wrong_pins = 0;
        snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
                 cookie_name(turn), buf_cstr(&out), SESSION_MS / 1000,
                 turn->conf->web.certificate != NULL ? "; Secure" : "");
        log_event(LOG_INFO, "login.accepted", "staff", login->staff, NULL);
        reply_ticket(turn, login->request, login->staff, cookie);
    }
    pins_close(login->pins);
    free(login);
}

static const char *member_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static void login_begin(struct turn *turn, struct web_request *request, const json_t *asked)
{
    bool is_swedish = strcmp(member_text(asked, "language"), "en") != 0;
    const char *staff = member_text(asked, "staff");
    struct measure *measure = measure_of(turn, staff);
    char why[256];
    if (measure != NULL && measure->locked_until_mono_ms > loop_now().mono_ms) {
        count("logins", "locked");
        reply_sentence(request, 429,
                       is_swedish ? "För många försök. Vänta en halv minut."
                                  : "Too many attempts. Wait half a minute.");
        return;
    }
    struct login *login = calloc(1, sizeof *login);
    if (login == NULL || pins_open(turn->state_dir, &login->pins, why, sizeof why) != ERR_OK) {
        log_event(LOG_ERROR, "login.no_pins", "why", login == NULL ? "memory" : why, NULL);
        free(login);
        reply_sentence(request, 503,
                       is_swedish ? "Inloggningen är inte inställd." : "The login is not set up.");
        return;
    }
    login->turn = turn;
    login->request = request;
    login->is_swedish = is_swedish;
    slice_text(slice_str(staff), login->staff, sizeof login->staff);
    if (pin_check(turn->pin_worker, login->pins, login->staff, member_text(asked, "pin"),
                  login_done, login) != ERR_OK) {
        reply_sentence(request, 429,
                       is_swedish ? "Många loggar in just nu. Försök igen."
                                  : "Many are logging in. Try again.");
        pins_close(login->pins);
        free(login);
    }
}

static void login_request(struct turn *turn, struct web_request *request)
{
    struct slice body = web_body(request);
    json_t *asked = json_loadb((const char *)body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(asked)) {
        reply_sentence(request, 400, "JSON {staff, pin}.");
    } else {
        login_begin(turn, request, asked);
    }
    json_decref(asked);
}

/* --- the rest ------------------------------------------------------------------------------------- */

static void health(struct turn *turn, struct web_request *request)
{
    char body[256];
    bool is_disk_good = turn->journal_why[0] == '\0';
    bool is_bus_up = turn->bus == NULL || bus_is_up(turn->bus);
    snprintf(body, sizeof body,
             "{\"journal\":\"%s\",\"bus\":\"%s\",\"open\":%zu,\"seq\":%llu,\"durable\":%llu,"
             "\"config\":\"%s\"}\n",
             is_disk_good ? "ok" : "refuses", is_bus_up ? "up" : "down",
             ledger_open_count(turn->ledger), (unsigned long long)turn->row_max,
             (unsigned long long)journal_durable(turn->journal), turn->directory->config_id);
    reply_text(request, is_disk_good ? 200 : 503, "application/json", body);
}

static void put_gauge(struct buf *out, const char *name, uint64_t value)
{
    buf_put_str(out, "# TYPE samlarm_");
    buf_put_str(out, name);
    buf_put_str(out, " gauge\nsamlarm_");
    buf_put_str(out, name);
    buf_put_u8(out, ' ');
    buf_put_u64(out, value);
    buf_put_u8(out, '\n');
}

static void metrics(struct turn *turn, struct web_request *request)
{
    char *memory = malloc(METRICS_MAX);
    if (memory == NULL) {
        reply_text(request, 503, "text/plain", "out of memory\n");
        return;
    }
    struct buf out = buf_of(memory, METRICS_MAX);
    put_gauge(&out, "open_cases", ledger_open_count(turn->ledger));
    put_gauge(&out, "journal_rows", turn->row_max);
    put_gauge(&out, "journal_refuses", turn->journal_why[0] != '\0');
    put_gauge(&out, "bus_up", turn->bus != NULL && bus_is_up(turn->bus));
    put_gauge(&out, "bus_behind_rows", journal_durable(turn->journal) - turn->bus_done);
    put_gauge(&out, "uptime_seconds",
              (uint64_t)(loop_now().mono_ms - turn->started_mono_ms) / 1000);
    counters_put(&out);
    web_reply(request, 200, "text/plain; version=0.0.4", NULL, buf_slice(&out));
    free(memory);
}

/* The list of PINs, read again only when the file was replaced: after a restart a whole shift comes back
 * within a second. NULL: it cannot be read. */
static const struct pins *pins_now(struct turn *turn)
{
    char path[600];
    char why[256];
    struct stat info;
    struct pins *pins = NULL;
    snprintf(path, sizeof path, "%s/pins", turn->state_dir);
    if (stat(path, &info) != 0) {
        return NULL;
    }
    bool is_same = turn->pins != NULL && info.st_ino == turn->pins_inode &&
                   info.st_size == turn->pins_size &&
                   info.st_mtim.tv_sec == turn->pins_changed.tv_sec &&
                   info.st_mtim.tv_nsec == turn->pins_changed.tv_nsec;
    if (!is_same && pins_open(turn->state_dir, &pins, why, sizeof why) == ERR_OK) {
        pins_close(turn->pins);
        turn->pins = pins;
        turn->pins_inode = info.st_ino;
        turn->pins_size = info.st_size;
        turn->pins_changed = info.st_mtim;
    }
    return is_same || pins != NULL ? turn->pins : NULL;
}

/* A cookie lives for hours; whoever lost the PIN meanwhile gets no ticket for it. A file that cannot be
 * read must not keep a whole shift out. */
static bool is_revoked(struct turn *turn, const char *staff)
{
    const struct pins *pins = pins_now(turn);
    return pins != NULL && !pins_has(pins, staff);
}

static void logout(struct turn *turn, struct web_request *request)
{
    char cookie[128];
    snprintf(cookie, sizeof cookie, "%s=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
             cookie_name(turn));
    web_reply(request, 204, "text/plain", cookie, (struct slice){0});
}

void http_request(struct turn *turn, struct web_request *request)
{
    struct slice path = web_path(request);
    bool is_post = slice_eq_str(web_method(request), "POST");
    char staff[STAFF_ROOM];
    if (is_post && slice_eq_str(path, "/login")) {
        login_request(turn, request);
    } else if (is_post && slice_eq_str(path, "/ticket")) {
        if (http_cookie_staff(turn, web_cookie(request), staff, sizeof staff) &&
            !is_revoked(turn, staff)) {
            reply_ticket(turn, request, staff, NULL);
        } else {
            reply_text(request, 401, "application/json", "{}");
        }
    } else if (is_post && slice_eq_str(path, "/logout")) {
        logout(turn, request);
    } else if (!is_post && slice_eq_str(path, "/healthz")) {
        health(turn, request);
    } else if (!is_post && slice_eq_str(path, "/metrics")) {
        metrics(turn, request);
    } else if (!hooks_request(turn, request)) {
        reply_text(request, 404, "text/plain", "There is nothing here.\n");
    }
}
