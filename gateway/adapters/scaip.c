/* scaip.c - SCAIP spoken: a receiver of social alarms, and a sender towards an alarm centre.
 *
 * The turn calls it through `adapter_scaip` at the end. What a message means is in scaip_alarm.c,
 * what the bytes are in wire/scaip.c, SIP is io/sip.c's. Never says yes before the journal has the
 * alarm: neither 200 nor mrs.
 *
 *   receiving                                    sending (a port that dials)
 *     <- MESSAGE mrq                               -> MESSAGE mrq  ref = 16 hex digits of the
 * case's id OUT_RAISE, or OUT_ALIVE for mty PI        <- 200          heard, not accepted stored <-
 * mrs in the 200, or as their own MESSAGE (-> 200)
 *     -> 200                                          snu 0: OUT_DELIVERED, else OUT_REFUSED
 *     -> MESSAGE mrs (reply: message), or mrs in the 200 (body), or both
 *
 *   broken, with a readable ref: 200 and mrs with snu 1, 2, 7 or 99; without: 400, 413 or 415.
 *   not stored: 200 and mrs with snu 5. No room: 503, so that the device tries its next receiver.
 */
#include "adapters/adapter.h"
#include "adapters/scaip_alarm.h"

#include <string.h>

enum { PENDING_MAX = 256, DELIVERIES_MAX = 128, REF_ROOM = 64, USER_ROOM = 64, HEX_LEN = 16 };
enum { CLOCK_OFF_MS = 10 * 60 * 1000 }; /* a device's clock further off than this is suspect */

enum option { OPTION_REPLY, OPTION_IDENTITY, OPTION_HBI, OPTION_VOICE, OPTION_CID, OPTION_TO };

static const struct adapter_option options[] = {
    {"reply", OPTION_WORD, 0, 0, "message|body|both", "message",
     "How the answer (mrs) travels: as our own MESSAGE, in the body of the 200, or both."},
    {"identity", OPTION_WORD, 0, 0, "strict|lenient", "lenient",
     "strict: refuse a message whose SIP sender is not its controller id (cid)."},
    {"hbi", OPTION_TEXT, 0, 4, NULL, "",
     "Heartbeat interval (hbi) for devices that let the receiver choose; empty: theirs stays."},
    {"voice", OPTION_TEXT, 0, 128, NULL, "",
     "Address that devices call after an alarm (tnu), e.g. sip:voice@192.0.2.7; empty: no voice."},
    {"cid", OPTION_TEXT, 0, 16, NULL, "",
     "Towards a centre: our controller id; empty: the digits of the device's id."},
    {"to", OPTION_TEXT, 0, USER_ROOM - 1, NULL, "alarm",
     "Towards a centre: the user part that it listens to."},
    {NULL, OPTION_NUMBER, 0, 0, NULL, NULL, NULL},
};

/* A request that waits for the journal. */
struct pending {
    uint32_t tag; /* 0: free */
    uint64_t exchange;
    char ref[REF_ROOM];
    char peer[PEER_ROOM];
    char user[USER_ROOM];
    bool gets_voice;
    bool gets_hbi;
};

/* A case that was sent to a centre. */
struct sent {
    uint32_t tag; /* 0: free */
    uint8_t case_ref[CASE_REF_LEN];
};

struct session {
    struct slice hbi;
    struct slice voice;
    struct slice cid;
    struct slice to;
    bool replies_by_message;
    bool replies_by_body;
    bool is_strict;
    bool is_dialling;
    uint32_t tag;
    size_t sent_next;
    struct pending pending[PENDING_MAX];
    struct sent sent[DELIVERIES_MAX];
    uint8_t memory[SCAIP_ARENA]; /* one document at a time */
};

static uint32_t next_tag(struct session *s)
{
    s->tag = s->tag == UINT32_MAX ? 1 : s->tag + 1;
    return s->tag;
}

/* --- answering --- */

/* Whom an answer goes to, and what it says. */
struct reply {
    uint64_t exchange;
    struct slice peer;
    struct slice user;
    struct slice ref;
    int snu;
    const char *text; /* ste, or NULL: some devices have room for 256 bytes in all */
    struct slice voice;
    struct slice hbi;
};

static void send_reply(const struct session *s, const struct reply *r, struct outbox *out)
{
    uint8_t number_bytes[8];
    struct buf number = buf_of(number_bytes, sizeof number_bytes);
    buf_put_u64(&number, (uint64_t)r->snu);
    struct scaip_message mrs = {.root = SCAIP_MRS};
    scaip_set(&mrs, SCAIP_ref, r->ref);
    scaip_set(&mrs, SCAIP_snu, buf_slice(&number));
    if (r->text != NULL) {
        scaip_set(&mrs, SCAIP_ste, slice_str(r->text));
    }
    if (r->voice.len > 0) {
        scaip_set(&mrs, SCAIP_mre, slice_str("1"));
        scaip_set(&mrs, SCAIP_cre, slice_str("62"));
        scaip_set(&mrs, SCAIP_tnu, r->voice); /* one only: several are not understood by all */
    }
    if (r->hbi.len > 0) {
        scaip_set(&mrs, SCAIP_hbi, r->hbi);
    }
    uint8_t bytes[1024];
    struct buf body = buf_of(bytes, sizeof bytes);
    if (scaip_encode(&mrs, &body) != ERR_OK) {
        out_answer(out, r->exchange, 400, NULL,
                   slice_of(NULL, 0)); /* a ref that cannot be repeated */
        return;
    }
    if (s->replies_by_body) {
        out_answer(out, r->exchange, 200, SCAIP_TYPE, buf_slice(&body));
    } else {
        out_answer(out, r->exchange, 200, NULL, slice_of(NULL, 0));
    }
    if (s->replies_by_message) {
        out_request(out, r->peer, r->user, slice_of(NULL, 0), SCAIP_TYPE, buf_slice(&body), 0);
    }
}

static void refuse(const struct session *s, const struct adapter_input *in, struct slice ref,
                   int snu, const char *text, struct outbox *out)
{
    struct reply reply = {.exchange = in->exchange,
                          .peer = in->peer,
                          .user = in->identity,
                          .ref = ref,
                          .snu = snu,
                          .text = text};
    send_reply(s, &reply, out);
}

static void answer_plain(const struct adapter_input *in, int status, struct outbox *out)
{
    out_answer(out, in->exchange, status, NULL, slice_of(NULL, 0));
}

/* --- receiving --- */

static bool is_scaip_type(struct slice type)
{
    return slice_eq_nocase(type, SCAIP_TYPE);
}

/* Deviations that are tolerated, each worth a line in the log and a finding in an evaluation. */
static void note_deviations(const struct adapter_input *in, const struct scaip_message *m,
                            struct outbox *out)
{
    if (!is_scaip_type(in->type)) {
        out_note(out, "content_type", "the content type is not application/scaip+xml");
    }
    if (m->had_blanks) {
        out_note(out, "blanks", "a value has blanks round it");
    }
    if (m->had_repeats) {
        out_note(out, "repeated_element", "an element that may stand once stands twice");
    }
    if (m->had_cut) {
        out_note(out, "value_too_long", "a value is longer than 512 bytes and was cut");
    }
    if (m->unknown[0] != '\0') {
        out_note(out, "unknown_element", m->unknown);
    }
    if (scaip_mty_of(m) == SCAIP_MTY_OTHER) {
        out_note(out, "unknown_mty", "the message type is unknown; treated as an alarm (ME)");
    }
}

static struct pending *free_pending(struct session *s)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        if (s->pending[i].tag == 0) {
            return &s->pending[i];
        }
    }
    return NULL;
}

/* Has the device any voice channel, and does it not forbid a call? */
static bool wants_voice(const struct scaip_message *m, const struct alarm *alarm)
{
    if (alarm->phase != PHASE_RAISED || kind_is_technical(alarm->kind) ||
        scaip_code(m, SCAIP_mreq) == 4) {
        return false;
    }
    for (size_t i = 0; i < m->caller_count; i++) {
        struct slice address;
        if (scaip_media_of(m->callers[i], &address) != SCAIP_NO_VOICE) {
            return true;
        }
    }
    return m->caller_count == 0; /* an omitted crd is `sip:` */
}

static void fill_common(const struct adapter_input *in, struct alarm *alarm)
{
    (void)slice_text(slice_str("scaip"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    int64_t off_ms = alarm->device_ms - alarm->gateway_ms;
    bool is_off = alarm->device_ms != 0 && (off_ms > CLOCK_OFF_MS || off_ms < -CLOCK_OFF_MS);
    alarm->is_clock_suspect = alarm->is_clock_suspect || is_off;
}

/* A message with everything it must have: into the journal. */
static void take_event(struct session *s, const struct adapter_input *in,
                       const struct scaip_message *m, struct now now, struct outbox *out)
{
    struct pending *p = free_pending(s);
    if (p == NULL) {
        out_note(out, "too_many", "256 messages wait for the journal; this one was turned away");
        answer_plain(in, 503, out);
        return;
    }
    bool is_heartbeat = scaip_mty_of(m) == SCAIP_PI; /* whatever its status says */
    uint32_t tag = next_tag(s);
    struct alarm *alarm = is_heartbeat ? out_alive(out, now, tag) : out_raise(out, now, tag);
    if (alarm == NULL) {
        answer_plain(in, 503, out);
        return;
    }
    scaip_fill_alarm(m, alarm);
    fill_common(in, alarm);
    out_keep_raw(out, alarm, in->bytes, is_scaip_type(in->type) ? SCAIP_TYPE : "text/plain");
    *p = (struct pending){.tag = tag,
                          .exchange = in->exchange,
                          .gets_voice = !is_heartbeat && wants_voice(m, alarm),
                          .gets_hbi = scaip_code(m, SCAIP_hbo) == 1};
    (void)slice_text(scaip_value(m, SCAIP_ref), p->ref, sizeof p->ref);
    (void)slice_text(in->peer, p->peer, sizeof p->peer);
    (void)slice_text(in->identity, p->user, sizeof p->user);
}

static struct verdict take_request(struct session *s, const struct adapter_input *in,
                                   const struct scaip_message *m, struct now now,
                                   struct outbox *out)
{
    struct slice ref = scaip_value(m, SCAIP_ref);
    struct slice cid = scaip_value(m, SCAIP_cid);
    if (s->is_dialling) {
        out_note(out, "not_here", "a request came to a port that only delivers to a centre");
        answer_plain(in, 403, out);
        return verdict_at(ERR_STATE, 0);
    }
    if (ref.len == 0) {
        out_note(out, "ref_missing", "a request without ref cannot be answered");
        answer_plain(in, 400, out);
        return verdict_at(ERR_SYNTAX, 0);
    }
    if (cid.len == 0 || scaip_value(m, SCAIP_dty).len == 0) {
        out_note(out, "element_missing", "cid or dty is missing");
        refuse(s, in, ref, SCAIP_MISSING_ELEMENT, NULL, out);
        return verdict_at(ERR_SYNTAX, 0);
    }
    if (!slice_eq(cid, in->identity)) {
        if (s->is_strict) {
            out_note(out, "identity", "the SIP sender is not the controller id; refused");
            refuse(s, in, ref, SCAIP_UNDEFINED_ERROR, "sender and controller differ", out);
            return verdict_at(ERR_AUTH, 0);
        }
        out_note(out, "identity", "the SIP sender is not the controller id");
    }
    take_event(s, in, m, now, out);
    return verdict_at(ERR_OK, in->bytes.len);
}

/* --- the answer of a centre --- */

static void put_why(struct buf *b, int snu, struct slice text)
{
    const char *word = scaip_answer_text(snu);
    buf_put_str(b, "the centre answered ");
    buf_put_i64(b, snu);
    buf_put_str(b, word == NULL ? ", a number without a known meaning" : ", ");
    buf_put_str(b, word == NULL ? "" : word);
    if (text.len > 0) {
        buf_put_str(b, ": ");
        buf_put(b, text.at, text.len < 64 ? text.len : 64);
    }
}

static struct sent *find_sent(struct session *s, const uint8_t case_ref[CASE_REF_LEN])
{
    for (size_t i = 0; i < DELIVERIES_MAX; i++) {
        if (s->sent[i].tag != 0 && memcmp(s->sent[i].case_ref, case_ref, CASE_REF_LEN) == 0) {
            return &s->sent[i];
        }
    }
    return NULL;
}

static void take_answer(struct session *s, const struct scaip_message *m, struct outbox *out)
{
    uint8_t case_ref[CASE_REF_LEN];
    size_t len = 0;
    struct slice ref = scaip_value(m, SCAIP_ref);
    bool is_ours = ref.len == HEX_LEN &&
                   hex_decode(ref, case_ref, sizeof case_ref, &len) == ERR_OK &&
                   find_sent(s, case_ref) != NULL;
    if (!is_ours) {
        out_note(out, "strange_answer", "an mrs came for something that was not sent from here");
        return;
    }
    int snu = scaip_code(m, SCAIP_snu);
    if (snu == SCAIP_ACCEPTED) {
        out_delivered(out, case_ref);
        return;
    }
    uint8_t bytes[160];
    struct buf why = buf_of(bytes, sizeof bytes);
    if (snu < 0) {
        buf_put_str(&why, "the centre's answer has no readable status number (snu)");
    } else {
        put_why(&why, snu, scaip_value(m, SCAIP_ste));
    }
    out_refused(out, case_ref, buf_cstr(&why));
}

static int status_without_ref(enum err err)
{
    switch ((int)err) {
    case ERR_NOT_MINE:
        return 415;
    case ERR_FULL:
        return 413;
    default:
        return 400;
    }
}

static const char *word_of(enum err err)
{
    switch ((int)err) {
    case ERR_NOT_MINE:
        return "not_scaip";
    case ERR_FULL:
        return "too_large";
    case ERR_UNSUPPORTED:
        return "refused_xml";
    default:
        return "broken_xml";
    }
}

static struct verdict scaip_input(void *session, const struct adapter_input *in, struct now now,
                                  struct outbox *out)
{
    struct session *s = session;
    struct arena arena = arena_of(s->memory, sizeof s->memory);
    struct scaip_message message;
    const char *why = "";
    out->consumed = in->bytes.len;
    struct verdict v = scaip_parse(in->bytes, &arena, &message, &why);
    if (v.err != ERR_OK) {
        struct slice ref = scaip_value(&message, SCAIP_ref);
        out_note(out, word_of(v.err), why);
        if (ref.len > 0 && message.root != SCAIP_MRS) {
            refuse(s, in, ref, v.err == ERR_FULL ? SCAIP_TOO_LONG : SCAIP_WRONG_FORMAT, NULL, out);
        } else {
            answer_plain(in, status_without_ref(v.err), out);
        }
        return v;
    }
    note_deviations(in, &message, out);
    if (message.root == SCAIP_MRQ) {
        return take_request(s, in, &message, now, out);
    }
    answer_plain(in, 200, out);
    take_answer(s, &message, out);
    return v;
}

static void scaip_stored(void *session, const struct adapter_receipt *receipt, struct now now,
                         struct outbox *out)
{
    struct session *s = session;
    (void)now;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &s->pending[i];
        if (p->tag == 0 || p->tag != receipt->tag) {
            continue;
        }
        bool is_safe = receipt->result == ERR_OK;
        struct reply reply = {.exchange = p->exchange,
                              .peer = slice_str(p->peer),
                              .user = slice_str(p->user),
                              .ref = slice_str(p->ref),
                              .snu = is_safe ? SCAIP_ACCEPTED : SCAIP_NOT_TREATED};
        if (is_safe && p->gets_voice) {
            reply.voice = s->voice;
        }
        if (is_safe && p->gets_hbi) {
            reply.hbi = s->hbi;
        }
        send_reply(s, &reply, out);
        p->tag = 0;
        return;
    }
}

/* --- sending --- */

/* Our controller id: the configured one, else the digits of the device's id, else 0. */
static void put_cid(const struct session *s, const struct case_value *c, struct buf *b)
{
    buf_put_slice(b, s->cid);
    for (const char *p = c->device; b->len < 16 && s->cid.len == 0 && *p != '\0'; p++) {
        if (*p >= '0' && *p <= '9') {
            buf_put_u8(b, (uint8_t)*p);
        }
    }
    if (b->len == 0) {
        buf_put_str(b, "0");
    }
}

static void put_upper_hex(struct buf *b, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        buf_put_u8(b, (uint8_t)digits[bytes[i] >> 4]);
        buf_put_u8(b, (uint8_t)digits[bytes[i] & 0xf]);
    }
}

static enum err scaip_deliver(void *session, const struct adapter_delivery *delivery,
                              struct now now, struct outbox *out)
{
    struct session *s = session;
    (void)now;
    const struct case_value *c = delivery->case_;
    uint8_t ref_bytes[HEX_LEN];
    struct buf ref = buf_of(ref_bytes, sizeof ref_bytes);
    put_upper_hex(&ref, c->id.at, CASE_REF_LEN); /* the same for each attempt */
    uint8_t cid_bytes[32];
    struct buf cid = buf_of(cid_bytes, sizeof cid_bytes);
    put_cid(s, c, &cid);
    uint8_t texts[SCAIP_CASE_TEXTS];
    struct scaip_message mrq;
    scaip_fill_request(c, buf_slice(&ref), buf_slice(&cid), delivery->place, texts, &mrq);
    uint8_t bytes[2048];
    struct buf body = buf_of(bytes, sizeof bytes);
    enum err err = scaip_encode(&mrq, &body);
    if (err != ERR_OK) {
        return err;
    }
    struct sent *sent = find_sent(s, c->id.at);
    if (sent == NULL) {
        sent = &s->sent[s->sent_next];
        s->sent_next = (s->sent_next + 1) % DELIVERIES_MAX;
        memcpy(sent->case_ref, c->id.at, CASE_REF_LEN);
    }
    sent->tag = next_tag(s); /* a late answer to an older attempt is no answer to this one */
    out_request(out, delivery->address, s->to, buf_slice(&cid), SCAIP_TYPE, buf_slice(&body),
                sent->tag);
    return ERR_OK;
}

static void refuse_sent(const struct sent *sent, int status, struct outbox *out)
{
    uint8_t bytes[80];
    struct buf why = buf_of(bytes, sizeof bytes);
    if (status == 0) {
        buf_put_str(&why, "the centre did not answer");
    } else {
        buf_put_str(&why, "the centre refused with SIP status ");
        buf_put_i64(&why, status);
    }
    out_refused(out, sent->case_ref, buf_cstr(&why));
}

static void scaip_answered(void *session, const struct adapter_answer *answer, struct now now,
                           struct outbox *out)
{
    struct session *s = session;
    (void)now;
    bool is_heard = answer->status >= 200 && answer->status < 300; /* 202 is seen as well as 200 */
    if (answer->tag == 0) {
        if (!is_heard) {
            out_note(out, "mrs_not_taken",
                     "the device did not take our mrs as a MESSAGE; try reply: body or both");
        }
        return;
    }
    for (size_t i = 0; i < DELIVERIES_MAX; i++) {
        if (s->sent[i].tag == answer->tag && !is_heard) {
            refuse_sent(&s->sent[i], answer->status, out);
            return;
        }
    }
    if (!is_heard || answer->body.len == 0) {
        return; /* 200 alone is no acceptance: their mrs is awaited */
    }
    struct arena arena = arena_of(s->memory, sizeof s->memory);
    struct scaip_message message;
    const char *why = "";
    struct verdict v = scaip_parse(answer->body, &arena, &message, &why);
    if (v.err == ERR_OK && message.root == SCAIP_MRS) {
        take_answer(s, &message, out);
    } else {
        out_note(out, "strange_answer", "the centre's 200 has a body that is not an mrs");
    }
}

static enum err scaip_open(void *session, const struct adapter_options *o, bool is_dialling,
                           struct now now, struct outbox *out)
{
    struct session *s = session;
    (void)now;
    uint64_t number = 0;
    struct slice reply = option_text(o, OPTION_REPLY);
    s->replies_by_body = slice_eq_str(reply, "body") || slice_eq_str(reply, "both");
    s->replies_by_message = !slice_eq_str(reply, "body");
    s->is_strict = slice_eq_str(option_text(o, OPTION_IDENTITY), "strict");
    s->hbi = option_text(o, OPTION_HBI);
    s->voice = option_text(o, OPTION_VOICE);
    s->cid = option_text(o, OPTION_CID);
    s->to = option_text(o, OPTION_TO);
    s->is_dialling = is_dialling;
    if (s->hbi.len > 0 && slice_u64(s->hbi, 9999, &number) != ERR_OK) {
        out_note(out, "bad_option", "hbi is a number");
        return ERR_RANGE;
    }
    struct slice address;
    if (s->voice.len > 0 && scaip_media_of(s->voice, &address) == SCAIP_MEDIA_OTHER) {
        out_note(out, "bad_option", "voice begins with sip:, tel: or gsm:");
        return ERR_RANGE;
    }
    return ERR_OK;
}

const struct adapter adapter_scaip = {
    .name = "scaip",
    .title = "SCAIP: social alarms over SIP (SS 91100, TS 50134-9)",
    .transports = TRANSPORT_SIP,
    .session_size = sizeof(struct session),
    .input_max = SCAIP_BODY_MAX,
    .options = options,
    .open = scaip_open,
    .input = scaip_input,
    .stored = scaip_stored,
    .deliver = scaip_deliver,
    .answered = scaip_answered,
};
