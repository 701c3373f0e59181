/* dc09_alarm.c - see dc09_alarm.h. Pure, but for the memory that the session lends. */
#include "adapters/dc09_alarm.h"

#include <string.h>

enum { SEQUENCE_STEP = 10000 }; /* seq has four digits */

/* --- who --- */

static uint8_t upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

bool dc09_account(const struct dc09_frame *frame, char ret_account[DC09_ACCOUNT_ROOM])
{
    struct slice account = frame->account;
    struct buf b = buf_of(ret_account, DC09_ACCOUNT_ROOM);
    bool is_good = true;
    if (account.len == 0 && !frame->is_encrypted && frame->data.len > 0 &&
        frame->data.at[0] == '#') {
        struct slice rest = slice_from(frame->data, 1);
        account = slice_cut(&rest, '|');
    }
    for (size_t i = 0; i < account.len && b.len + 1 < DC09_ACCOUNT_ROOM; i++) {
        uint8_t c = account.at[i];
        bool is_plain = c > 0x20 && c < 0x7f && c != '/';
        buf_put_u8(&b, is_plain ? upper(c) : '_');
        is_good = is_good && is_plain;
    }
    if (b.len == 0) {
        buf_put_u8(&b, '0');
    }
    (void)buf_cstr(&b);
    return is_good;
}

/* The account, and behind a slash the zone, when it is a part of its own. */
static void put_device(struct alarm *alarm, const char *account, const char *zone)
{
    struct buf b = buf_of(alarm->device, sizeof alarm->device);
    buf_put_str(&b, account);
    if (zone[strspn(zone, "0")] != '\0') {
        buf_put_str(&b, "/");
        buf_put_str(&b, zone);
    }
    (void)buf_cstr(&b);
}

/* --- what --- */

static enum phase phase_of(const struct dc09_news *news)
{
    if (news->phase != PHASE_UNKNOWN) {
        return news->phase;
    }
    switch (news->meaning->use) {
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

/* --- which --- */

/* FNV-1a: to find again what was said a moment ago, not to keep anybody out. */
static uint64_t mix(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    }
    return hash * 0x100000001b3u;
}

static bool is_recent(int64_t heard_s, struct now now)
{
    int64_t age_s = now.wall_ms / 1000 - heard_s;
    return age_s >= 0 && age_s < DC09_REPEAT_S;
}

/* When this session has heard it first; from now on it remembers. */
static int64_t recall(struct dc09_memory *memory, uint64_t what, struct now now)
{
    for (size_t i = 0; i < DC09_REMEMBERED_MAX; i++) {
        if (memory->kept[i].what == what && is_recent(memory->kept[i].heard_s, now)) {
            return memory->kept[i].heard_s;
        }
    }
    size_t at = memory->next++ % DC09_REMEMBERED_MAX;
    memory->kept[at].what = what;
    memory->kept[at].heard_s = now.wall_ms / 1000;
    return memory->kept[at].heard_s;
}

/* A panel's own sequence begins anew with each start; one that only grows is that behind the time at which
 * we heard it first. What the journal has as the highest of a device is thus its newest event. */
static bool is_journals_newest(const struct adapter_input *in, const struct alarm *alarm,
                               const char *account, unsigned seq, struct now now,
                               int64_t *ret_heard_s)
{
    struct adapter_device device;
    bool is_listed = input_device(in, "dc09", alarm->device, &device) ||
                     input_device(in, "dc09", account, &device);
    int64_t heard_s = (int64_t)(device.sequence / SEQUENCE_STEP);
    if (!is_listed || device.sequence % SEQUENCE_STEP != seq || !is_recent(heard_s, now)) {
        return false;
    }
    *ret_heard_s = heard_s;
    return true;
}

/* Sequence, code, and for the second and later events of a frame their place in it; then the five minutes
 * of our clock in which it was heard first. */
static void put_reference(struct dc09_memory *memory, const struct adapter_input *in,
                          struct alarm *alarm, const char *account, unsigned seq, size_t i,
                          struct now now)
{
    struct buf b = buf_of(alarm->reference, sizeof alarm->reference);
    buf_put_padded(&b, seq, 4);
    buf_put_str(&b, " ");
    buf_put_str(&b, alarm->code);
    if (i > 0) {
        buf_put_str(&b, "+");
        buf_put_u64(&b, i);
    }
    int64_t heard_s =
        recall(memory, mix(mix(0xcbf29ce484222325u, alarm->device), buf_cstr(&b)), now);
    (void)is_journals_newest(in, alarm, account, seq, now, &heard_s);
    buf_put_str(&b, " ");
    buf_put_i64(&b, heard_s / DC09_REPEAT_S);
    (void)buf_cstr(&b);
    alarm->sequence = (uint64_t)heard_s * SEQUENCE_STEP + seq;
}

bool dc09_tell(struct dc09_memory *memory, const struct adapter_input *in,
               const struct dc09_frame *frame, const struct dc09_telling *telling, size_t i,
               uint32_t tag, struct now now, struct outbox *out)
{
    const struct dc09_news *news = &telling->news[i];
    bool is_alive = news->meaning->use == CODE_SIGN_LIFE;
    struct alarm *alarm = is_alive ? out_alive(out, now, tag) : out_raise(out, now, tag);
    char account[DC09_ACCOUNT_ROOM];
    if (alarm == NULL) {
        return false;
    }
    (void)dc09_account(frame, account);
    alarm->kind = news->meaning->kind;
    alarm->class_ = kind_class(alarm->kind);
    alarm->phase = phase_of(news);
    alarm->is_test = news->meaning->use == CODE_TEST;
    alarm->is_unverified = telling->is_unverified;
    alarm->is_clock_suspect = telling->is_clock_suspect;
    alarm->device_ms = frame->has_time ? frame->time_ms : 0;
    put_device(alarm, account, news->zone);
    put_text(alarm, news->text);
    (void)slice_text(slice_str(news->code), alarm->code, sizeof alarm->code);
    (void)slice_text(slice_str("dc09"), alarm->dialect, sizeof alarm->dialect);
    (void)slice_text(slice_str(in->port), alarm->port, sizeof alarm->port);
    if (is_alive) {
        return true; /* there is nothing to tell from its repetition */
    }
    put_reference(memory, in, alarm, account, frame->seq, i, now);
    if (news->meaning->kind == KIND_UNKNOWN) {
        out_note(out, "unknown_code", "a code without a usual meaning; codes.csv can give it one");
    }
    return true;
}

/* --- the texts --- */

void dc09_tell_unknown(struct dc09_telling *telling, const char *code)
{
    static const struct code_meaning unknown = {"", CODE_ALARM, KIND_UNKNOWN};
    telling->count = 1;
    telling->news[0] =
        (struct dc09_news){.code = code, .meaning = &unknown, .zone = "", .text = telling->unread};
}

static enum err read_contact(const struct dc09_frame *f, struct dc09_telling *t)
{
    enum err err = dc09_contact_parse(f->data, &t->contact);
    if (err != ERR_OK) {
        return err;
    }
    const struct dc09_contact *c = &t->contact;
    struct dc09_news *news = &t->news[t->count++];
    *news =
        (struct dc09_news){.code = c->event, .meaning = contact_meaning(c->event), .zone = c->zone};
    if (c->qualifier == '3' && news->meaning->use == CODE_ALARM) {
        news->phase = PHASE_RESTORED;
    } else if (c->qualifier == '6' && news->meaning->use == CODE_ALARM) {
        news->phase = PHASE_UPDATED; /* still there: news, and not another press */
    }
    return ERR_OK;
}

static enum err read_sia(const struct dc09_frame *f, struct dc09_telling *t)
{
    struct slice rest = dc09_event_data(f->data);
    struct dc09_event more;
    enum err err = ERR_OK;
    while (t->count < DC09_NEWS_MAX && err == ERR_OK) {
        struct dc09_event *sia = &t->sia[t->count];
        err = dc09_event_next(&rest, sia);
        if (err == ERR_OK) {
            t->news[t->count++] = (struct dc09_news){.code = sia->code,
                                                     .meaning = sia_meaning(sia->code),
                                                     .zone = sia->address,
                                                     .text = sia->text};
        }
    }
    t->unread = slice_trim(rest);
    t->has_more = err == ERR_OK && dc09_event_next(&rest, &more) == ERR_OK;
    return t->count > 0 ? ERR_OK : ERR_SYNTAX;
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

bool dc09_is_answer(const struct dc09_frame *frame)
{
    static const char *const tokens[] = {"ACK", "NAK", "DUH", "RSP", "VIS-ACK"};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        if (slice_eq_str(frame->token, tokens[i])) {
            return true;
        }
    }
    return false;
}

enum err dc09_read(const struct dc09_frame *frame, struct dc09_telling *ret_telling)
{
    static const struct code_meaning sign = {"", CODE_SIGN_LIFE, KIND_UNKNOWN};
    struct dc09_telling *t = ret_telling;
    enum err err = ERR_UNSUPPORTED;
    t->count = 0;
    t->has_more = false;
    t->unread = slice_of(NULL, 0);
    if (slice_eq_str(frame->token, "NULL")) {
        t->news[t->count++] = (struct dc09_news){.code = "NULL", .meaning = &sign, .zone = ""};
        return ERR_OK;
    }
    if (slice_eq_str(frame->token, "VIS-BBA")) {
        return ERR_UNSUPPORTED; /* a maker's private talk in the same frame (4.2): never an alarm */
    }
    if (slice_eq_str(frame->token, "ADM-CID")) {
        err = read_contact(frame, t);
    } else if (slice_eq_str(frame->token, "SIA-DCS")) {
        err = read_sia(frame, t);
    }
    if (err != ERR_OK) {
        t->unread = slice_trim(dc09_event_data(frame->data));
        return err;
    }
    for (size_t i = 0; i < t->count; i++) {
        if (t->news[i].text.len == 0) {
            t->news[i].text = words_of(frame);
        }
    }
    if (t->news[t->count - 1].text.len == 0) {
        t->news[t->count - 1].text = t->unread; /* somebody may make sense of it */
    }
    return ERR_OK;
}
