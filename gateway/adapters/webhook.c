/* webhook.c - makers' clouds spoken: JSON over HTTPS POST, for GPS alarms, locks, cameras and the like.
 *
 * The turn calls it through `adapter_webhook` at the end. What stands where in a maker's JSON says the
 * configuration of the port; nothing of a maker is in here.
 *
 *     cloud                                              gateway
 *     -> POST /hook/gps   X-Signature: 5f0c...
 *        {"device":"867","event":"sos","id":"a1"}
 *                                                        OUT_RAISE, stored
 *                                                        <- 200 {"status":"stored"}
 *     again, with the same id                            <- 200, no second case
 *     the journal refuses                                <- 503: the cloud sends it again
 *     secret or signature wrong                          <- 401    no JSON <- 400    no device <- 422
 *
 * The secret is the port's (option secret), or the device's own in keys.csv. A word that `kinds` does not
 * know is an unknown alarm, shown as the gravest. A message is named by its id and, where the body has one,
 * its time: a cloud that gives one id to two presses loses neither, a repetition makes no second case. A
 * clock that is off, or a message that was long under way, is shown and marked.
 */
#include "adapters/adapter.h"
#include "base/crypt.h"
#include "wire/json_paths.h"

#include <string.h>

enum {
    PENDING_MAX = 256,
    PENDING_MS = 60000,        /* an answer that is later has nobody who waits for it */
    REPEAT_WINDOW_MS = 300000, /* of a sender that gives no id */
    ID_MAX = 32, /* of what stands in the reference as it is; a longer one is hashed */
    VALUES = 6,
    MEMORY = VALUES * JSON_VALUE_MAX + 256
};

enum option {
    OPTION_AUTH,
    OPTION_SECRET,
    OPTION_SIGNATURE_HEADER,
    OPTION_BEARER_HEADER,
    OPTION_ID_HEADER,
    OPTION_DEVICE,
    OPTION_CODE,
    OPTION_PHASE,
    OPTION_REFERENCE,
    OPTION_TIME,
    OPTION_WORDS,
    OPTION_KINDS,
    OPTION_PHASES,
    OPTION_INTERVAL_S,
    OPTION_TIME_HEADER,
    OPTION_WINDOW_S
};

static const struct adapter_option options[] = {
    {"auth", OPTION_WORD, 0, 0, "hmac|bearer|none", "hmac",
     "hmac: HMAC-SHA-256 of the body in hex or base64; bearer: the secret itself; none: anybody."},
    {"secret", OPTION_HIDDEN, 0, 128, NULL, "",
     "Shared with the maker's cloud; empty: each device has its own in keys.csv."},
    {"signature_header", OPTION_HEADER, 0, 0, NULL, "X-Signature", "Where the HMAC stands."},
    {"bearer_header", OPTION_HEADER, 0, 0, NULL, "Authorization",
     "Where the bearer secret stands."},
    {"id_header", OPTION_HEADER, 0, 0, NULL, "Idempotency-Key",
     "Names a message, so that its repetition makes no second case."},
    {"device", OPTION_TEXT, 0, JSON_PATH_MAX, NULL, "$.device", "Path of the device's id."},
    {"code", OPTION_TEXT, 0, JSON_PATH_MAX, NULL, "$.event",
     "Path of the word that says what it is."},
    {"phase", OPTION_TEXT, 0, JSON_PATH_MAX, NULL, "", "Path of the word that says begin or end."},
    {"reference", OPTION_TEXT, 0, JSON_PATH_MAX, NULL, "$.id",
     "Path of the message's own number, when there is no id_header."},
    {"time", OPTION_TEXT, 0, JSON_PATH_MAX, NULL, "$.time",
     "Path of the time: RFC 3339, or seconds or milliseconds since 1970."},
    {"text", OPTION_TEXT, 0, JSON_PATH_MAX, NULL, "", "Path of words for the carer."},
    {"kinds", OPTION_TEXT, 0, 1000, NULL, "help=help fall=fall test=test heartbeat=alive",
     "Pairs WORD=KIND; test: a test alarm, alive: a sign of life."},
    {"phases", OPTION_TEXT, 0, 200, NULL, "", "Pairs WORD=raised, updated, restored or cancelled."},
    {"interval_s", OPTION_NUMBER, 0, 604800, NULL, "0",
     "Each message promises the next within so many seconds; 0: no promise."},
    {"time_header", OPTION_HEADER, 0, 0, NULL, "X-Timestamp",
     "When it was sent, as in `time`; believed when the body has no time."},
    {"window_s", OPTION_NUMBER, 1, 86400, NULL, "600",
     "A message whose time is further off is shown with the mark of a doubtful clock."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

enum auth { AUTH_HMAC, AUTH_BEARER, AUTH_NONE };

struct pending {
    uint32_t tag; /* 0: free */
    uint64_t exchange;
    int64_t since_mono_ms;
};

struct session {
    enum auth auth;
    struct slice secret;
    struct slice paths[VALUES];
    struct slice kinds;
    struct slice phases;
    int64_t interval_ms;
    int64_t window_ms;
    uint32_t tag;
    struct pending pending[PENDING_MAX];
    uint8_t memory[MEMORY]; /* one document at a time */
};

/* In the order of the paths. */
enum value { VALUE_DEVICE, VALUE_CODE, VALUE_PHASE, VALUE_REFERENCE, VALUE_TIME, VALUE_WORDS };

/* The right side of WORD=... in a list of pairs; false: the word is not in it. */
static bool pair_of(struct slice pairs, struct slice word, struct slice *ret_value)
{
    while (pairs.len > 0) {
        struct slice value = slice_cut(&pairs, ' ');
        struct slice key = slice_cut(&value, '=');
        if (key.len > 0 && slice_eq(key, word)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool are_kinds(struct slice pairs, struct outbox *out)
{
    while (pairs.len > 0) {
        struct slice value = slice_cut(&pairs, ' ');
        struct slice key = slice_cut(&value, '=');
        enum kind kind = KIND_UNKNOWN;
        bool is_word = slice_eq_str(value, "test") || slice_eq_str(value, "alive") ||
                       kind_from_word(value, &kind) == ERR_OK;
        if (key.len > 0 && !is_word) {
            out_note(out, "bad_option",
                     "`kinds` is pairs like sos=help; proto/KINDS.md lists the kinds");
            return false;
        }
    }
    return true;
}

static enum err webhook_open(void *session, const struct adapter_options *o, bool is_dialling,
                             struct now now, struct outbox *out)
{
    static const enum option path_options[VALUES] = {OPTION_DEVICE,    OPTION_CODE, OPTION_PHASE,
                                                     OPTION_REFERENCE, OPTION_TIME, OPTION_WORDS};
    struct session *s = session;
    struct slice auth = option_text(o, OPTION_AUTH);
    (void)is_dialling;
    (void)now;
    s->auth = slice_eq_str(auth, "hmac")     ? AUTH_HMAC
              : slice_eq_str(auth, "bearer") ? AUTH_BEARER
                                             : AUTH_NONE;
    s->secret = option_text(o, OPTION_SECRET);
    s->kinds = option_text(o, OPTION_KINDS);
    s->phases = option_text(o, OPTION_PHASES);
    s->interval_ms = option_number(o, OPTION_INTERVAL_S) * 1000;
    s->window_ms = option_number(o, OPTION_WINDOW_S) * 1000;
    for (size_t i = 0; i < VALUES; i++) {
        s->paths[i] = option_text(o, path_options[i]);
        if (!json_path_is_good(s->paths[i])) {
            out_note(out, "bad_option", "a path is like $.alarm.device[0].id");
            return ERR_RANGE;
        }
    }
    if (s->paths[VALUE_DEVICE].len == 0) {
        out_note(out, "bad_option", "`device` must say where the device's id stands");
        return ERR_RANGE;
    }
    return are_kinds(s->kinds, out) ? ERR_OK : ERR_RANGE;
}

/* --- answering ------------------------------------------------------------------------------------ */

static void answer(uint64_t exchange, int status, const char *json, struct outbox *out)
{
    out_answer(out, exchange, status, "application/json", slice_str(json));
}

static struct verdict refuse(const struct adapter_input *in, int status, enum err err,
                             const char *json, struct outbox *out)
{
    answer(in->exchange, status, json, out);
    return verdict_at(err, 0);
}

static void webhook_stored(void *session, const struct adapter_receipt *receipt, struct now now,
                           struct outbox *out)
{
    struct session *s = session;
    (void)now;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &s->pending[i];
        if (p->tag != 0 && p->tag == receipt->tag) {
            bool is_safe = receipt->result == ERR_OK;
            answer(p->exchange, is_safe ? 200 : 503,
                   is_safe ? "{\"status\":\"stored\"}\n"
                           : "{\"error\":\"it is not stored; send it again\"}\n",
                   out);
            p->tag = 0;
            return;
        }
    }
}

/* --- who sends ------------------------------------------------------------------------------------ */

/* Hex of either case or base64, with or without `sha256=` in front. */
static bool is_hmac(struct slice secret, struct slice body, struct slice said)
{
    uint8_t mac[HMAC_SHA256_LEN];
    uint8_t bytes[64];
    size_t len = 0;
    said = slice_starts(said, "sha256=") ? slice_from(said, 7) : said;
    bool is_read = hex_decode(said, bytes, sizeof bytes, &len) == ERR_OK ||
                   base64_decode(said, bytes, sizeof bytes, &len) == ERR_OK;
    hmac_sha256(secret, body, mac);
    return is_read && secret_eq(slice_of(bytes, len), slice_of(mac, sizeof mac));
}

static bool is_bearer(struct slice secret, struct slice said)
{
    return secret_eq(secret, slice_starts(said, "Bearer ") ? slice_from(said, 7) : said);
}

static bool is_allowed(const struct session *s, const struct adapter_input *in,
                       const struct adapter_device *device)
{
    struct slice secret = s->secret.len > 0 ? s->secret : device->secret;
    if (s->auth == AUTH_NONE) {
        return true;
    }
    if (secret.len == 0) {
        return false;
    }
    return s->auth == AUTH_HMAC ? is_hmac(secret, in->bytes, in->headers[OPTION_SIGNATURE_HEADER])
                                : is_bearer(secret, in->headers[OPTION_BEARER_HEADER]);
}

/* --- the alarm ------------------------------------------------------------------------------------ */

/* RFC 3339, or a number since 1970: in milliseconds when it is that large. 0: no time. */
static int64_t time_of(struct slice text)
{
    int64_t ms = 0;
    uint64_t number = 0;
    struct slice rest = text;
    struct slice whole = slice_cut(&rest, '.');
    if (slice_u64(whole, 99999999999999, &number) == ERR_OK) {
        return number > 99999999999 ? (int64_t)number : (int64_t)number * 1000;
    }
    return clock_parse(text, &ms) == ERR_OK && ms > 0 ? ms : 0;
}

static void put_plain(struct slice text, char *ret_text, size_t room)
{
    (void)slice_text(text, ret_text, room);
    for (char *c = ret_text; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
    }
}

/* The sender's own name of the message with the time in its body; without a name, the content within five
 * minutes. */
static void put_reference(const struct adapter_input *in, const struct slice values[VALUES],
                          struct now now, struct alarm *alarm)
{
    struct slice id = in->headers[OPTION_ID_HEADER];
    int64_t time_ms = time_of(values[VALUE_TIME]);
    uint8_t mac[HMAC_SHA256_LEN];
    struct buf b = buf_of(alarm->reference, sizeof alarm->reference);
    id = id.len > 0 ? id : values[VALUE_REFERENCE];
    if (id.len > 0 && id.len <= ID_MAX && slice_is_utf8(id)) {
        put_plain(id, alarm->reference, sizeof alarm->reference);
        b.len = id.len;
    } else {
        hmac_sha256(slice_str("samlarm.webhook"), id.len > 0 ? id : in->bytes, mac);
        buf_put_hex(&b, slice_of(mac, 12));
    }
    if (id.len == 0 || time_ms != 0) {
        buf_put_u8(&b, id.len == 0 ? ' ' : '@');
        buf_put_i64(&b, id.len == 0 ? now.wall_ms / REPEAT_WINDOW_MS : time_ms);
    }
    (void)buf_cstr(&b);
}

static void fill(const struct session *s, const struct adapter_input *in,
                 const struct slice values[VALUES], struct slice meaning, bool is_known,
                 struct now now, struct alarm *alarm)
{
    struct slice phase = slice_of(NULL, 0);
    alarm->kind = KIND_UNKNOWN;
    alarm->is_test = is_known && slice_eq_str(meaning, "test");
    if (alarm->is_test) {
        alarm->kind = KIND_HELP;
    } else if (is_known) {
        (void)!kind_from_word(meaning, &alarm->kind);
    }
    alarm->class_ = kind_class(alarm->kind);
    alarm->phase = PHASE_RAISED;
    if (pair_of(s->phases, values[VALUE_PHASE], &phase)) {
        (void)!phase_from_word(phase, &alarm->phase);
    }
    alarm->interval_ms = s->interval_ms;
    struct slice time = values[VALUE_TIME];
    alarm->device_ms = time_of(time.len > 0 ? time : in->headers[OPTION_TIME_HEADER]);
    int64_t off_ms = alarm->device_ms - alarm->gateway_ms;
    alarm->is_clock_suspect =
        alarm->device_ms != 0 && (off_ms > s->window_ms || off_ms < -s->window_ms);
    alarm->is_unverified = s->auth == AUTH_NONE;
    put_plain(values[VALUE_DEVICE], alarm->device, sizeof alarm->device);
    put_plain(values[VALUE_CODE], alarm->code, sizeof alarm->code);
    put_plain(values[VALUE_WORDS], alarm->text, sizeof alarm->text);
    put_reference(in, values, now, alarm);
    (void)slice_text(slice_str("webhook"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
}

/* A journal at its ceiling gives no receipt: what waited so long is nobody's any more. */
static struct pending *free_pending(struct session *s, struct now now)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &s->pending[i];
        if (p->tag == 0 || now.mono_ms - p->since_mono_ms > PENDING_MS) {
            return p;
        }
    }
    return NULL;
}

static struct verdict take(struct session *s, const struct adapter_input *in,
                           const struct slice values[VALUES], struct now now, struct outbox *out)
{
    struct slice meaning = slice_of(NULL, 0);
    struct pending *p = free_pending(s, now);
    bool is_known = pair_of(s->kinds, values[VALUE_CODE], &meaning);
    bool is_alive = is_known && slice_eq_str(meaning, "alive");
    uint32_t tag = s->tag == UINT32_MAX ? 1 : s->tag + 1;
    struct alarm *alarm = p == NULL  ? NULL
                          : is_alive ? out_alive(out, now, tag)
                                     : out_raise(out, now, tag);
    if (alarm == NULL) {
        return refuse(in, 503, ERR_FULL, "{\"error\":\"too much waits; send it again\"}\n", out);
    }
    if (!is_known) {
        out_note(out, "unknown_code", "a word that `kinds` does not know; shown as unknown");
    }
    s->tag = tag;
    *p = (struct pending){.tag = tag, .exchange = in->exchange, .since_mono_ms = now.mono_ms};
    fill(s, in, values, meaning, is_known, now, alarm);
    out_keep_raw(out, alarm, in->bytes, "application/json");
    return verdict_at(ERR_OK, in->bytes.len);
}

static struct verdict webhook_input(void *session, const struct adapter_input *in, struct now now,
                                    struct outbox *out)
{
    struct session *s = session;
    struct arena arena = arena_of(s->memory, sizeof s->memory);
    struct slice values[VALUES];
    struct adapter_device device;
    char key[DEVICE_ROOM];
    size_t at = 0;
    out->consumed = in->bytes.len;
    enum err err = json_values(in->bytes, s->paths, VALUES, &arena, values, &at);
    if (err != ERR_OK) {
        out_note(out, "broken_json", "the body is no JSON document");
        answer(in->exchange, 400, "{\"error\":\"the body is no JSON document\"}\n", out);
        return verdict_at(err, at);
    }
    struct slice id = slice_trim(values[VALUE_DEVICE]);
    (void)slice_text(id, key, sizeof key);
    (void)input_device(in, "webhook", key, &device);
    if (!is_allowed(s, in, &device)) {
        out_note(out, "not_allowed", "the secret or the signature is wrong, or none is configured");
        return refuse(in, 401, ERR_AUTH, "{\"error\":\"secret or signature is wrong\"}\n", out);
    }
    if (id.len == 0 || id.len >= DEVICE_ROOM) {
        out_note(out, "no_device", "the document names no device where `device` says it would");
        return refuse(in, 422, ERR_SYNTAX, "{\"error\":\"the device is missing\"}\n", out);
    }
    values[VALUE_DEVICE] = id;
    return take(s, in, values, now, out);
}

const struct adapter adapter_webhook = {
    .name = "webhook",
    .title = "Webhook: JSON over HTTPS from makers' clouds",
    .transports = TRANSPORT_HTTP,
    .session_size = sizeof(struct session),
    .input_max = 8192,
    .options = options,
    .key_sizes = KEY_ANY,
    .open = webhook_open,
    .input = webhook_input,
    .stored = webhook_stored,
};
