/* dc09.c - SIA DC-09 spoken: a receiver of home units, assault alarms and panels (ADM-CID, SIA-DCS, NULL).
 *
 * The turn calls it through `adapter_dc09` at the end. The frame is in wire/dc09.h, what the codes mean in
 * dc09_codes.c, how a frame becomes alarms in dc09_alarm.c. Never says ACK before the journal has all
 * events of the frame.
 *
 *     panel                                       receiver
 *     -> "ADM-CID"0014L0#1234[#1234|1101 00 001]
 *                                                 OUT_RAISE, stored <- "ACK"0014L0#1234[]
 *     -> encrypted, time outside the window       OUT_RAISE with a suspect clock,
 *                                                 stored <- "NAK"0000R0L0A0[]_time: it corrects its clock
 *     -> a token or text that cannot be used      <- "DUH"0014L0#1234[]
 *     -> sum wrong, or not stored                 silence: the panel repeats
 *     -> an answer (ACK, NAK, DUH, RSP)           silence: two receivers would go on for ever
 *
 * lenient (preset): whatever could hold a person's alarm is shown. Marked as unverified: clear text though
 * there is a key, what no key opens, a text that nobody can read. Taken with a remark: a length that is not
 * the frame's, a sum of two raw bytes, missing brackets, an account that is none.
 * strict: all of that is refused - DUH, or silence where length and sum are not the standard's - and nobody
 * hears of it.
 *
 * A wrong clock is never a reason to refuse. In clear text, where the standard has no NAK, it is only marked.
 *
 * A repetition is known by account, zone, sequence and code within five minutes of our clock: the sequence
 * begins anew with each start of many panels, and the panel's own time changes when it corrects its clock.
 * The journal is asked when a listed device said it first, so that neither a new connection nor a new start
 * of ours makes a second event; for unlisted ones the session knows. Another press of the same button under
 * the same number within that time cannot be told from a repetition.
 */
#include "adapters/dc09_alarm.h"

#include <string.h>

enum { PENDING_MAX = 128, KEY_MAX = 32 };

enum option { OPTION_MODE, OPTION_OLD_S, OPTION_AHEAD_S };

static const struct adapter_option options[] = {
    {"mode", OPTION_WORD, 0, 0, "strict|lenient", "lenient",
     "strict: refuse clear text of an account with a key, what no key opens, and every other "
     "deviation."},
    {"old_s", OPTION_NUMBER, 1, 86400, NULL, "40",
     "A message may be so many seconds old before its clock counts as wrong."},
    {"ahead_s", OPTION_NUMBER, 1, 86400, NULL, "20", "And so many seconds ahead of ours."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

/* How a frame is answered, once everything in it is on disk. */
enum answer { ANSWER_ACK, ANSWER_NAK, ANSWER_DUH };

/* A frame that waits for the journal. */
struct pending {
    size_t left; /* receipts to come */
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
    struct dc09_memory memory;
    uint32_t tags[PENDING_MAX];          /* of `pending`; 0: free. All events of a frame carry it */
    struct pending pending[PENDING_MAX]; /* last: a quiet session never touches this memory */
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
        if (s->tags[i] == 0 || s->tags[i] != receipt->tag) {
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
            *p = (struct pending){.left = 0};
            s->tags[i] = 0;
        }
        return;
    }
}

/* --- one frame ------------------------------------------------------------------------------------ */

/* Without room for another answer the alarms are shown all the same; the repetition gets the answer. */
static struct verdict raise_all(struct session *s, const struct adapter_input *in,
                                const struct dc09_frame *f, const struct dc09_telling *t,
                                enum answer answer, struct slice key, struct now now,
                                struct outbox *out)
{
    size_t at = 0;
    size_t told = 0;
    while (at < PENDING_MAX && s->tags[at] != 0) {
        at++;
    }
    if (at == PENDING_MAX) {
        out_note(out, "too_many", "128 frames wait for the journal; this one gets no answer");
    }
    s->tag = s->tag == UINT32_MAX ? 1 : s->tag + 1;
    while (told < t->count) {
        size_t before = out->count;
        if (!dc09_tell(&s->memory, in, f, t, told, s->tag, now, out)) {
            break;
        }
        if (told++ == 0) {
            out_keep_raw(out, out->items[before].alarm, in->bytes, "dc09");
        }
    }
    if (at < PENDING_MAX && told > 0) {
        s->tags[at] = s->tag;
        remember(&s->pending[at], in, f, key);
        s->pending[at].answer = answer;
        s->pending[at].left = told;
    }
    return verdict_at(ERR_OK, 0);
}

/* What cannot be opened may be a cry for help: it is shown as unknown. */
static struct verdict take_sealed(struct session *s, const struct adapter_input *in,
                                  const struct dc09_frame *f, struct now now, struct outbox *out)
{
    struct dc09_telling t = {.is_unverified = true};
    out_note(out, "wrong_key", "an encrypted message that no configured key opens; see keys.csv");
    if (s->is_strict ||
        slice_eq_str(f->token, "NULL")) { /* anybody can say NULL: no sign of life */
        return refuse(in, f, ERR_AUTH, now, out);
    }
    dc09_tell_unknown(&t, "sealed");
    (void)raise_all(s, in, f, &t, ANSWER_DUH, slice_of(NULL, 0), now, out);
    return verdict_at(ERR_AUTH, 0);
}

/* A whole frame whose text nobody understands: its words are shown, and the panel hears DUH. */
static struct verdict take_unread(struct session *s, const struct adapter_input *in,
                                  const struct dc09_frame *f, struct dc09_telling *t, enum err err,
                                  struct now now, struct outbox *out)
{
    out_note(out, err == ERR_UNSUPPORTED ? "unknown_token" : "unknown_text",
             "the frame is whole, and what it says is not understood; answered with DUH");
    if (s->is_strict || t->unread.len == 0) {
        return refuse(in, f, err, now, out);
    }
    dc09_tell_unknown(t, "unread");
    (void)raise_all(s, in, f, t, ANSWER_DUH, slice_of(NULL, 0), now, out);
    return verdict_at(err, 0);
}

static bool is_clock_wrong(const struct session *s, const struct dc09_frame *f, struct now now)
{
    int64_t age_ms = now.wall_ms - f->time_ms;
    return f->has_time && (age_ms > s->old_ms || age_ms < -s->ahead_ms);
}

/* NAK belongs to encrypted messages; in clear text a wrong time is marked, and in a NULL of no weight. */
static struct verdict take_events(struct session *s, const struct adapter_input *in,
                                  const struct dc09_frame *f, bool is_unverified, struct slice key,
                                  struct now now, struct outbox *out)
{
    struct dc09_telling t = {.is_unverified = is_unverified};
    enum answer answer = ANSWER_ACK;
    enum err err = dc09_read(f, &t);
    bool is_null = slice_eq_str(f->token, "NULL");
    t.is_clock_suspect = is_clock_wrong(s, f, now) && (f->is_encrypted || !is_null);
    if (t.is_clock_suspect && f->is_encrypted) {
        out_note(out, "clock", "the panel's clock is wrong; it is told the time and repeats");
        answer = ANSWER_NAK;
    } else if (t.is_clock_suspect) {
        out_note(out, "clock",
                 "the time in the message is not now; it was late, or its clock is wrong");
    }
    if (err != ERR_OK) {
        return take_unread(s, in, f, &t, err, now, out);
    }
    if (t.has_more) {
        out_note(out, "many_events", "more events than we take from one frame; answered with DUH");
        answer = ANSWER_DUH;
    } else if (t.unread.len > 0) {
        out_note(out, "unknown_rest", "behind the events is a text that is not understood");
    }
    return raise_all(s, in, f, &t, answer, key, now, out);
}

/* False: refused, and the answer for it, if any, is in the outbox. */
static bool is_form_taken(const struct session *s, const struct adapter_input *in,
                          const struct dc09_frame *f, bool is_account_good, struct now now,
                          struct outbox *out)
{
    if (f->is_length_wrong) {
        out_note(out, "length", "the length in the frame is not its length; the sum holds");
    }
    if (f->is_crc_raw) {
        out_note(out, "raw_sum", "the sum comes as two raw bytes; answered in the same form");
    }
    if (f->is_odd) {
        out_note(out, "odd_frame", "a bracket, the line or the time is not where it should be");
    }
    if (!is_account_good) {
        out_note(out, "bad_account", "the account has characters that no account has");
    }
    bool is_silent = f->is_length_wrong || f->is_crc_raw;
    bool is_refused = s->is_strict && (is_silent || f->is_odd || !is_account_good);
    if (is_refused && !is_silent) {
        (void)refuse(in, f, ERR_SYNTAX, now, out);
    }
    return !is_refused;
}

static struct verdict take_frame(struct session *s, const struct adapter_input *in,
                                 struct dc09_frame *f, struct now now, struct outbox *out)
{
    uint8_t plain[DC09_PLAIN_MAX];
    char account[DC09_ACCOUNT_ROOM];
    struct adapter_device device;
    bool is_account_good = dc09_account(f, account);
    if (dc09_is_answer(f)) {
        out_note(out, "answer",
                 "an answer of a receiver, and nobody here has asked; no answer to it");
        return verdict_at(ERR_UNSUPPORTED, 0);
    }
    if (!is_form_taken(s, in, f, is_account_good, now, out)) {
        return verdict_at(f->is_length_wrong || f->is_crc_raw ? ERR_CHECKSUM : ERR_SYNTAX, 0);
    }
    (void)input_device(in, "dc09", account, &device);
    if (f->is_encrypted) {
        if (device.secret.len == 0 || dc09_decrypt(device.secret, plain, f) != ERR_OK) {
            return take_sealed(s, in, f, now, out);
        }
        return take_events(s, in, f, false, device.secret, now, out);
    }
    if (device.secret.len > 0) {
        out_note(out, "clear_text", "clear text from an account that has a key");
        if (s->is_strict) {
            return refuse(in, f, ERR_AUTH, now, out);
        }
    }
    return take_events(s, in, f, device.secret.len > 0, slice_of(NULL, 0), now, out);
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
