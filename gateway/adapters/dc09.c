/* dc09.c - SIA DC-09 spoken: a receiver of home units, assault alarms and panels (ADM-CID, SIA-DCS, NULL).
 *
 * The turn calls it through `adapter_dc09` at the end. The frame is in wire/dc09.h, what the codes mean in
 * dc09_codes.c. Never says ACK before the journal has all events of the frame.
 *
 *     panel                                       receiver
 *     -> "ADM-CID"0014L0#1234[#1234|1101 00 001]
 *                                                 OUT_RAISE, stored <- "ACK"0014L0#1234[]
 *     -> encrypted, time outside the window       OUT_RAISE with a suspect clock,
 *                                                 stored <- "NAK"0000R0L0A0[]_time: it corrects its clock
 *     -> a token or text that cannot be used      <- "DUH"0014L0#1234[]
 *     -> sum wrong, or not stored                 silence: the panel repeats
 *
 * lenient (preset): whatever could hold a person's alarm is shown, marked as unverified when it came in
 * clear although there is a key, or cannot be opened by it. strict: that gets DUH, and nobody hears of it.
 *
 * A repetition is known by account, sequence and text within five minutes of our clock: the sequence
 * begins anew with each start of many panels, and the panel's own time changes when it corrects its clock.
 */
#include "adapters/adapter.h"
#include "adapters/dc09_codes.h"
#include "wire/dc09.h"

#include <string.h>

enum { PENDING_MAX = 128, EVENTS_MAX = 8, REPEAT_WINDOW_MS = 300000, KEY_MAX = 32 };

enum option { OPTION_MODE, OPTION_OLD_S, OPTION_AHEAD_S };

static const struct adapter_option options[] = {
    {"mode", OPTION_WORD, 0, 0, "strict|lenient", "lenient",
     "strict: refuse clear text where a key is configured, and what no key opens."},
    {"old_s", OPTION_NUMBER, 1, 86400, NULL, "40",
     "An encrypted message may be so many seconds old before its clock counts as wrong."},
    {"ahead_s", OPTION_NUMBER, 1, 86400, NULL, "20", "And so many seconds ahead of ours."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

/* How a frame is answered, once everything in it is on disk. */
enum answer { ANSWER_ACK, ANSWER_NAK, ANSWER_DUH };

/* A frame that waits for the journal. */
struct pending {
    uint32_t tag; /* 0: free; all its events carry it */
    size_t left;  /* receipts to come */
    bool is_refused;
    enum answer answer;
    bool is_crc_raw;
    bool is_encrypted;
    unsigned seq;
    char receiver[DC09_PREFIX_ROOM];
    char line[DC09_PREFIX_ROOM];
    char account[DC09_ACCOUNT_ROOM];
    char peer[PEER_ROOM];
    uint8_t key[KEY_MAX];
    size_t key_len;
};

struct session {
    bool is_strict;
    int64_t old_ms;
    int64_t ahead_ms;
    uint32_t tag;
    struct pending pending[PENDING_MAX];
    uint8_t plain[DC09_PLAIN_MAX]; /* one frame at a time */
};

static enum err dc09_open(void *session, const struct adapter_options *o, bool is_dialling,
                          struct now now, struct outbox *out)
{
    struct session *s = session;
    (void)now;
    if (is_dialling) {
        out_note(out, "bad_option", "panels call us: this dialect only listens");
        return ERR_RANGE;
    }
    s->is_strict = slice_eq_str(option_text(o, OPTION_MODE), "strict");
    s->old_ms = option_number(o, OPTION_OLD_S) * 1000;
    s->ahead_ms = option_number(o, OPTION_AHEAD_S) * 1000;
    return ERR_OK;
}

/* --- answering ------------------------------------------------------------------------------------ */

static void send_answer(const struct pending *p, struct now now, struct outbox *out)
{
    static const char *const tokens[] = {"ACK", "NAK", "DUH"};
    uint8_t bytes[512];
    struct buf b = buf_of(bytes, sizeof bytes);
    bool is_nak = p->answer == ANSWER_NAK;
    struct dc09_frame frame = {.is_crc_raw = p->is_crc_raw,
                               .is_encrypted = p->is_encrypted && p->answer == ANSWER_ACK,
                               .token = slice_str(tokens[p->answer]),
                               .seq = is_nak ? 0 : p->seq,
                               .receiver = slice_str(is_nak ? "0" : p->receiver),
                               .line = slice_str(is_nak ? "0A0" : p->line),
                               .account = slice_str(is_nak ? "" : p->account),
                               .has_time = is_nak,
                               .time_ms = now.wall_ms};
    if (dc09_encode(&frame, slice_of(p->key, p->key_len), &b) == ERR_OK) {
        out_send_to(out, slice_str(p->peer), buf_slice(&b));
    }
}

static void remember(struct pending *p, const struct adapter_input *in, const struct dc09_frame *f,
                     struct slice key)
{
    *p = (struct pending){.answer = ANSWER_ACK,
                          .is_crc_raw = f->is_crc_raw,
                          .is_encrypted = f->is_encrypted,
                          .seq = f->seq};
    (void)slice_text(f->receiver, p->receiver, sizeof p->receiver);
    (void)slice_text(f->line, p->line, sizeof p->line);
    (void)slice_text(f->account, p->account, sizeof p->account);
    (void)slice_text(in->peer, p->peer, sizeof p->peer);
    p->key_len = key.len <= KEY_MAX ? key.len : 0;
    if (p->key_len > 0) {
        memcpy(p->key, key.at, p->key_len);
    }
}

/* An answer that need not wait, because nothing was raised. */
static struct verdict refuse(const struct adapter_input *in, const struct dc09_frame *f,
                             enum err err, struct now now, struct outbox *out)
{
    struct pending p;
    remember(&p, in, f, slice_of(NULL, 0));
    p.answer = ANSWER_DUH;
    send_answer(&p, now, out);
    return verdict_at(err, 0);
}

static void dc09_stored(void *session, const struct adapter_receipt *receipt, struct now now,
                        struct outbox *out)
{
    struct session *s = session;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &s->pending[i];
        if (p->tag == 0 || p->tag != receipt->tag) {
            continue;
        }
        p->is_refused = p->is_refused || receipt->result != ERR_OK;
        if (receipt->is_duplicate && p->answer == ANSWER_NAK) {
            p->answer = ANSWER_ACK; /* told once already: this panel cannot set its clock */
        }
        if (--p->left == 0) {
            if (!p->is_refused) { /* else silence: the panel repeats */
                send_answer(p, now, out);
            }
            *p = (struct pending){.tag = 0};
        }
        return;
    }
}

static struct pending *new_pending(struct session *s)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (s->pending[i].tag == 0) {
            return &s->pending[i];
        }
    }
    return NULL;
}

/* --- from event to alarm -------------------------------------------------------------------------- */

/* What one event of a frame says, whichever of the two texts it came in. */
struct event {
    const char *code;
    const struct code_meaning *meaning;
    enum phase phase; /* PHASE_UNKNOWN: as the meaning says */
    const char *zone;
    struct slice text;
};

static enum phase phase_of(const struct event *e)
{
    if (e->phase != PHASE_UNKNOWN) {
        return e->phase;
    }
    switch (e->meaning->use) {
    case CODE_RESTORE:
        return PHASE_RESTORED;
    case CODE_CANCEL:
        return PHASE_CANCELLED;
    case CODE_UPDATE:
        return PHASE_UPDATED;
    case CODE_ALARM:
    case CODE_TEST:
    case CODE_SIGN_LIFE:
        break;
    }
    return PHASE_RAISED;
}

static void put_upper(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        buf_put_u8(b, *text >= 'a' && *text <= 'z' ? (uint8_t)(*text - 'a' + 'A') : (uint8_t)*text);
    }
}

/* The account, and behind a slash the zone, when it is a part of its own. */
static void put_device(struct alarm *alarm, const char *account, const char *zone)
{
    struct buf b = buf_of(alarm->device, sizeof alarm->device);
    put_upper(&b, *account == '\0' ? "0" : account);
    if (zone[strspn(zone, "0")] != '\0') {
        buf_put_str(&b, "/");
        buf_put_str(&b, zone);
    }
    (void)buf_cstr(&b);
}

/* Windows-1252 as the standard has it (D5), without control characters. */
static void put_text(struct alarm *alarm, struct slice text)
{
    struct buf b = buf_of(alarm->text, sizeof alarm->text);
    struct slice clean = slice_trim(text);
    bool is_utf8 = slice_is_utf8(clean);
    for (size_t i = 0; i < clean.len && b.len + 3 < b.room; i++) {
        uint8_t c = clean.at[i];
        if (c < 0x20 || c == 0x7f) {
            buf_put_u8(&b, ' ');
        } else if (c < 0x80 || is_utf8) {
            buf_put_u8(&b, c);
        } else if (c >= 0xa0) {
            buf_put_u8(&b, (uint8_t)(0xc0 | c >> 6));
            buf_put_u8(&b, (uint8_t)(0x80 | (c & 0x3f)));
        } else {
            buf_put_u8(&b, '?');
        }
    }
    (void)buf_cstr(&b);
    if (!slice_is_utf8(slice_str(alarm->text))) { /* cut within a character */
        alarm->text[0] = '\0';
    }
}

static void put_reference(struct alarm *alarm, const struct dc09_frame *f, const struct event *e,
                          struct now now)
{
    struct buf b = buf_of(alarm->reference, sizeof alarm->reference);
    buf_put_padded(&b, f->seq, 4);
    buf_put_str(&b, " ");
    buf_put_str(&b, e->code);
    buf_put_str(&b, " ");
    buf_put_u64(&b, (uint64_t)(now.wall_ms / REPEAT_WINDOW_MS));
    (void)buf_cstr(&b);
}

/* How sure we are of the frame: these marks go onto every alarm of it. */
struct trust {
    bool is_unverified;
    bool is_clock_suspect;
};

static bool put_alarm(const struct adapter_input *in, const struct dc09_frame *f,
                      const struct event *e, const struct trust *trust, uint32_t tag,
                      struct now now, struct outbox *out)
{
    bool is_alive = e->meaning->use == CODE_SIGN_LIFE;
    struct alarm *alarm = is_alive ? out_alive(out, now, tag) : out_raise(out, now, tag);
    if (alarm == NULL) {
        return false;
    }
    char account[DC09_ACCOUNT_ROOM];
    (void)slice_text(f->account, account, sizeof account);
    alarm->kind = e->meaning->kind;
    alarm->class_ = kind_class(alarm->kind);
    alarm->phase = phase_of(e);
    alarm->is_test = e->meaning->use == CODE_TEST;
    alarm->is_unverified = trust->is_unverified;
    alarm->is_clock_suspect = trust->is_clock_suspect;
    alarm->device_ms = f->has_time ? f->time_ms : 0;
    put_device(alarm, account, e->zone);
    put_text(alarm, e->text);
    put_reference(alarm, f, e, now);
    (void)slice_text(slice_str(e->code), alarm->code, sizeof alarm->code);
    (void)slice_text(slice_str("dc09"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    if (e->meaning->kind == KIND_UNKNOWN && !is_alive) {
        out_note(out, "unknown_code",
                 "a code that has no usual meaning; codes.csv can give it one");
    }
    return true;
}

/* --- the texts ------------------------------------------------------------------------------------ */

/* An address that would break the text bounds of an alarm is not one. */
static bool is_plain(struct slice a)
{
    for (size_t i = 0; i < a.len; i++) {
        if (a.at[i] < 0x21 || a.at[i] > 0x7e || a.at[i] == '/') {
            return false;
        }
    }
    return true;
}

struct frame_events {
    struct event events[EVENTS_MAX];
    struct dc09_contact contact;
    struct dc09_event sia[EVENTS_MAX];
    size_t count;
};

static enum err read_contact(const struct dc09_frame *f, struct frame_events *all)
{
    enum err err = dc09_contact_parse(f->data, &all->contact);
    if (err != ERR_OK) {
        return err;
    }
    const struct dc09_contact *c = &all->contact;
    struct event *e = &all->events[all->count++];
    *e = (struct event){.code = c->event, .meaning = contact_meaning(c->event), .zone = c->zone};
    if (c->qualifier == '3' && e->meaning->use == CODE_ALARM) {
        e->phase = PHASE_RESTORED;
    } else if (c->qualifier == '6' && e->meaning->use == CODE_ALARM) {
        e->phase = PHASE_UPDATED; /* still there: news, and not another press */
    }
    return ERR_OK;
}

static enum err read_sia(const struct dc09_frame *f, struct frame_events *all)
{
    struct slice rest = dc09_event_data(f->data);
    enum err err = ERR_OK;
    while (all->count < EVENTS_MAX) {
        struct dc09_event *sia = &all->sia[all->count];
        err = dc09_event_next(&rest, sia);
        if (err != ERR_OK) {
            break;
        }
        all->events[all->count++] = (struct event){.code = sia->code,
                                                   .meaning = sia_meaning(sia->code),
                                                   .zone = sia->address,
                                                   .text = sia->text};
    }
    return all->count > 0 ? ERR_OK : ERR_SYNTAX;
}

/* The text of [I...], which the standard has for words about the alarm. */
static struct slice words_of(const struct dc09_frame *f)
{
    struct slice rest = f->extended;
    while (rest.len > 1) {
        struct slice block = slice_cut(&rest, ']');
        if (slice_starts(block, "[I")) {
            return slice_from(block, 2);
        }
    }
    return slice_of(NULL, 0);
}

static struct verdict raise_all(struct session *s, const struct adapter_input *in,
                                const struct dc09_frame *f, struct frame_events *all,
                                const struct trust *trust, struct slice key, struct now now,
                                struct outbox *out)
{
    struct pending *p = new_pending(s);
    if (p == NULL) {
        out_note(out, "too_many", "128 frames wait for the journal; this one gets no answer");
        return verdict_at(ERR_FULL, 0);
    }
    uint32_t tag = s->tag == UINT32_MAX ? 1 : s->tag + 1;
    s->tag = tag;
    remember(p, in, f, key);
    p->answer = trust->is_clock_suspect ? ANSWER_NAK : ANSWER_ACK;
    for (size_t i = 0; i < all->count; i++) {
        if (all->events[i].text.len == 0) {
            all->events[i].text = words_of(f);
        }
        size_t before = out->count;
        if (!put_alarm(in, f, &all->events[i], trust, tag, now, out)) {
            break;
        }
        p->left++;
        if (i == 0) {
            out_keep_raw(out, out->items[before].alarm, in->bytes, "dc09");
        }
    }
    p->tag = p->left > 0 ? tag : 0;
    return verdict_at(ERR_OK, 0);
}

/* --- one frame ------------------------------------------------------------------------------------ */

static void note_deviations(const struct dc09_frame *f, struct outbox *out)
{
    if (f->is_length_wrong) {
        out_note(out, "length", "the length in the frame is not its length; the sum holds");
    }
    if (f->is_crc_raw) {
        out_note(out, "raw_sum", "the sum comes as two raw bytes; answered in the same form");
    }
}

/* What cannot be opened may be a cry for help: it is shown as unknown. */
static struct verdict take_sealed(struct session *s, const struct adapter_input *in,
                                  const struct dc09_frame *f, struct now now, struct outbox *out)
{
    static const struct code_meaning sealed = {"", CODE_ALARM, KIND_UNKNOWN};
    out_note(out, "wrong_key", "an encrypted message that no configured key opens; see keys.csv");
    if (s->is_strict) {
        return refuse(in, f, ERR_AUTH, now, out);
    }
    if (slice_eq_str(f->token, "NULL")) {
        return refuse(in, f, ERR_AUTH, now, out); /* anybody can say so: no sign of life */
    }
    struct frame_events all = {.count = 1};
    all.events[0] = (struct event){.code = "sealed", .meaning = &sealed, .zone = ""};
    struct trust trust = {.is_unverified = true};
    struct dc09_frame shown = *f;
    shown.extended = slice_of(NULL, 0);
    struct verdict v = raise_all(s, in, &shown, &all, &trust, slice_of(NULL, 0), now, out);
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (s->pending[i].tag == s->tag) {
            s->pending[i].answer = ANSWER_DUH; /* the panel hears that it was of no use */
        }
    }
    return verdict_at(v.err == ERR_OK ? ERR_AUTH : v.err, 0);
}

static bool is_clock_wrong(const struct session *s, const struct dc09_frame *f, struct now now)
{
    int64_t age_ms = now.wall_ms - f->time_ms;
    return f->has_time && (age_ms > s->old_ms || age_ms < -s->ahead_ms);
}

static struct verdict take_events(struct session *s, const struct adapter_input *in,
                                  const struct dc09_frame *f, const struct trust *trust,
                                  struct slice key, struct now now, struct outbox *out)
{
    static const struct code_meaning sign = {"", CODE_SIGN_LIFE, KIND_UNKNOWN};
    struct frame_events all = {.count = 0};
    enum err err = ERR_UNSUPPORTED;
    if (slice_eq_str(f->token, "NULL")) {
        all.events[all.count++] = (struct event){.code = "NULL", .meaning = &sign, .zone = ""};
        err = ERR_OK;
    } else if (slice_eq_str(f->token, "ADM-CID")) {
        err = read_contact(f, &all);
    } else if (slice_eq_str(f->token, "SIA-DCS")) {
        err = f->data.len == 0 ? ERR_SYNTAX : read_sia(f, &all);
    }
    if (err != ERR_OK) {
        out_note(out, err == ERR_UNSUPPORTED ? "unknown_token" : "unknown_text",
                 "the frame is whole, and what it says is not understood; answered with DUH");
        return refuse(in, f, err, now, out);
    }
    return raise_all(s, in, f, &all, trust, key, now, out);
}

static struct verdict take_frame(struct session *s, const struct adapter_input *in,
                                 struct dc09_frame *f, struct now now, struct outbox *out)
{
    char account[DC09_ACCOUNT_ROOM];
    char upper[DC09_ACCOUNT_ROOM];
    struct buf b = buf_of(upper, sizeof upper);
    struct adapter_device device;
    struct trust trust = {.is_unverified = false};
    if (!is_plain(f->account)) {
        out_note(out, "bad_account", "the account has characters that no account has");
        return refuse(in, f, ERR_SYNTAX, now, out);
    }
    (void)slice_text(f->account, account, sizeof account);
    put_upper(&b, *account == '\0' ? "0" : account);
    (void)input_device(in, "dc09", buf_cstr(&b), &device);
    note_deviations(f, out);
    if (f->is_encrypted) {
        if (device.secret.len == 0 || dc09_decrypt(device.secret, s->plain, f) != ERR_OK) {
            return take_sealed(s, in, f, now, out);
        }
        trust.is_clock_suspect = is_clock_wrong(s, f, now);
        if (trust.is_clock_suspect) {
            out_note(out, "clock", "the panel's clock is wrong; it is told the time and repeats");
        }
        return take_events(s, in, f, &trust, device.secret, now, out);
    }
    if (device.secret.len > 0) {
        out_note(out, "clear_text", "clear text from an account that has a key");
        if (s->is_strict) {
            return refuse(in, f, ERR_AUTH, now, out);
        }
        trust.is_unverified = true;
    }
    return take_events(s, in, f, &trust, slice_of(NULL, 0), now, out);
}

static struct verdict dc09_input(void *session, const struct adapter_input *in, struct now now,
                                 struct outbox *out)
{
    struct session *s = session;
    struct dc09_frame frame = {.seq = 0};
    struct verdict v = dc09_parse(in->bytes, &frame);
    if (v.err == ERR_MORE) {
        return v;
    }
    out->consumed = v.err == ERR_OK ? v.at : dc09_skip(in->bytes, v);
    if (v.err != ERR_OK) {
        return v; /* no answer: the panel repeats what was damaged */
    }
    struct adapter_input one = *in;
    one.bytes = slice_of(in->bytes.at, v.at);
    struct verdict taken = take_frame(s, &one, &frame, now, out);
    return taken.err == ERR_OK ? v : verdict_at(taken.err, v.at);
}

const struct adapter adapter_dc09 = {
    .name = "dc09",
    .title = "SIA DC-09: Contact ID and SIA codes of panels and home units",
    .transports = TRANSPORT_TCP | TRANSPORT_UDP,
    .session_size = sizeof(struct session),
    .input_max = DC09_FRAME_MAX + 16,
    .options = options,
    .key_sizes = 1 << 2 | 1 << 3 | 1 << 4, /* AES-128, 192, 256 */
    .key_letters = KEY_UPPER,
    .open = dc09_open,
    .input = dc09_input,
    .stored = dc09_stored,
};
