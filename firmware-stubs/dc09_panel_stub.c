/* dc09_panel_stub.c - stub-dc09_panel: a home unit or panel that speaks SIA DC-09 over TCP or UDP.
 *
 * Commands on stdin: help, fall, panic, fire, battery, restore, test, inactive, quit. Faults: README.md.
 */
#include "stub_case.h"
#include "stub_line.h"
#include "base/sum.h"
#include "wire/dc09.h"

#include <stdio.h>
#include <string.h>

static const struct word {
    const char *command;
    const char *contact; /* q EEE */
    const char *sia;
} words[] = {{"help", "1101", "QA"},    {"fall", "1101", "QA"}, {"threat", "1120", "PA"},
             {"panic", "1120", "PA"},   {"fire", "1110", "FA"}, {"battery", "1302", "YT"},
             {"restore", "3101", "QR"}, {"test", "1602", "RP"}, {"inactive", "1641", "NA"}};

static const char *const faults[] = {"none",      "late_heartbeat", "reused_seq", "no_retry",
                                     "bad_crc",   "clear_text",     "clock_off",  "stale",
                                     "wrong_key", "decimal_length", "raw_sum",    "no_bracket"};

struct panel {
    struct ev_loop *loop;
    struct stub_line *line;
    struct stub_stdin in;
    struct ev_timer beat;
    const char *account;
    const char *fault;
    const char *token;
    const char *zone;
    uint8_t key[32];
    size_t key_len;
    uint32_t seq;
    const struct word *last;
    int64_t clock_off_ms; /* corrected by a NAK, but for the fault */
    uint8_t stale[STUB_LINE_MESSAGE_MAX];
    size_t stale_len;
};

static bool has_fault(const struct panel *p, const char *fault)
{
    return strcmp(p->fault, fault) == 0;
}

/* The text without its last bracket, under a sum of its own: what an encoder with a mistake sends. */
static void cut_bracket(struct buf *out)
{
    struct dc09_frame f;
    struct slice whole = buf_slice(out);
    if (dc09_parse(whole, &f).err == ERR_OK && !f.is_encrypted && !f.has_time) {
        char head[16];
        size_t len = out->len - 11; /* LF, 8 digits, the bracket, CR */
        snprintf(head, sizeof head, "%04X0%03X", crc16_arc(slice_of(out->at + 9, len)),
                 (unsigned)len);
        memcpy(out->at + 1, head, 8);
        out->at[9 + len] = '\r';
        out->len--;
    }
}

static void encode(struct panel *p, const char *token, struct slice data, uint32_t seq,
                   struct buf *out)
{
    struct dc09_frame frame = {.is_encrypted = p->key_len > 0 && !has_fault(p, "clear_text"),
                               .is_crc_raw = has_fault(p, "raw_sum"),
                               .token = slice_str(token),
                               .seq = seq,
                               .line = slice_str("0"),
                               .account = slice_str(p->account),
                               .data = data,
                               .time_ms = loop_now().wall_ms + p->clock_off_ms};
    if (dc09_encode(&frame, slice_of(p->key, p->key_len), out) != ERR_OK) {
        stub_complain("The message is too long.");
        return;
    }
    if (has_fault(p, "bad_crc")) {
        out->at[1] = out->at[1] == '0' ? '1' : '0';
    } else if (has_fault(p, "decimal_length")) {
        char length[8];
        snprintf(length, sizeof length, "%04u", (unsigned)(out->len - 10) % 10000);
        memcpy(out->at + 5, length, 4);
    } else if (has_fault(p, "no_bracket")) {
        cut_bracket(out);
    }
}

static void encode_word(struct panel *p, const struct word *word, struct buf *out)
{
    char text[64];
    bool is_sia = strcmp(p->token, "SIA-DCS") == 0;
    int len = is_sia
                  ? snprintf(text, sizeof text, "#%s|Nri1/%s%s", p->account, word->sia, p->zone)
                  : snprintf(text, sizeof text, "#%s|%s 01 %s", p->account, word->contact, p->zone);
    size_t used = len > 0 && (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    encode(p, p->token, slice_of(text, used), p->seq, out);
}

static void raise_word(struct panel *p, const struct word *word)
{
    uint8_t bytes[STUB_LINE_MESSAGE_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    if (!has_fault(p, "reused_seq") || p->seq == 0) {
        p->seq = p->seq % 9999 + 1;
    }
    p->last = word;
    encode_word(p, word, &out);
    stub_line_keep(p->line, p->seq, buf_slice(&out), word->command);
    memcpy(p->stale, bytes, out.len);
    p->stale_len = out.len;
}

/* The receiver's time; what waits for its answer is said again under it. */
static void set_clock(struct panel *p, int64_t time_ms)
{
    uint8_t bytes[STUB_LINE_MESSAGE_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    p->clock_off_ms = time_ms - loop_now().wall_ms;
    stub_say("clock_set");
    if (p->last != NULL) {
        encode_word(p, p->last, &out);
        (void)stub_line_replace(p->line, p->seq, buf_slice(&out));
    }
}

static void on_line(void *context, char *line)
{
    struct panel *p = context;
    const char *command = stub_word(&line);
    if (command != NULL && strcmp(command, "quit") == 0) {
        ev_break(p->loop, EVBREAK_ALL);
        return;
    }
    for (size_t i = 0; command != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].command, command) == 0) {
            raise_word(p, &words[i]);
            return;
        }
    }
    if (command != NULL) {
        stub_complain("I do not know \"%s\". Commands: help, fall, panic, fire, battery, restore, "
                      "test, inactive, quit.",
                      command);
    }
}

static void on_beat(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct panel *p = timer->data;
    uint8_t bytes[STUB_LINE_MESSAGE_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    (void)loop;
    (void)events;
    encode(p, "NULL", slice_of(NULL, 0), 0, &out);
    stub_line_say(p->line, buf_slice(&out), "NULL");
    if (has_fault(p, "stale") && p->stale_len > 0) {
        stub_line_say(p->line, slice_of(p->stale, p->stale_len), "stale");
    }
}

static void on_answer(struct panel *p, const struct dc09_frame *f)
{
    if (slice_eq_str(f->token, "NAK") && f->has_time && !has_fault(p, "clock_off")) {
        set_clock(p, f->time_ms);
    } else if (slice_eq_str(f->token, "NAK")) {
        stub_say("refused by=NAK");
    } else if (slice_eq_str(f->token, "DUH")) {
        stub_say("refused number=%u by=DUH", f->seq);
    } else if (slice_eq_str(f->token, "ACK") && f->seq > 0) {
        (void)stub_line_answered(p->line, f->seq, "ACK");
    } else if (slice_eq_str(f->token, "ACK")) {
        stub_say("heard");
    }
}

static size_t on_bytes(void *context, struct slice bytes)
{
    struct panel *p = context;
    size_t taken = 0;
    while (taken < bytes.len) {
        uint8_t plain[DC09_PLAIN_MAX];
        struct dc09_frame f;
        struct slice rest = slice_from(bytes, taken);
        struct verdict v = dc09_parse(rest, &f);
        if (v.err == ERR_MORE) {
            break;
        }
        taken += v.err == ERR_OK ? v.at : dc09_skip(rest, v);
        if (v.err != ERR_OK) {
            stub_say("not_understood");
            continue;
        }
        if (f.is_encrypted && dc09_decrypt(slice_of(p->key, p->key_len), plain, &f) != ERR_OK) {
            stub_say("not_opened"); /* anybody could have sent it */
            continue;
        }
        on_answer(p, &f);
    }
    return taken;
}

/* 32, 48 or 64 hex digits, or 16, 24 or 32 characters: makers take keys in both ways. */
static bool take_key(struct panel *p, const char *key)
{
    size_t len = key == NULL ? 0 : strlen(key);
    bool is_good =
        key == NULL || hex_decode(slice_str(key), p->key, sizeof p->key, &p->key_len) == ERR_OK;
    if (key != NULL && (!is_good || p->key_len < 16) && len <= sizeof p->key) {
        memcpy(p->key, key, len);
        p->key_len = len;
    }
    is_good = key == NULL || p->key_len == 16 || p->key_len == 24 || p->key_len == 32;
    if (!is_good) {
        stub_complain("--key is 32, 48 or 64 hex digits, or 16, 24 or 32 characters.");
    }
    if (is_good && has_fault(p, "wrong_key")) {
        p->key[0] ^= 1;
    }
    return is_good;
}

static bool is_fault_known(const char *fault)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (strcmp(faults[i], fault) == 0) {
            return true;
        }
    }
    stub_complain("--fault does not know \"%s\". Try --help.", fault);
    return false;
}

struct wishes {
    const char *to;
    const char *key;
    const char *case_path;
    int64_t heartbeat_s;
    int64_t retry_s;
    int64_t clock_off_s;
    struct stub_chance chance;
};

static int run(struct panel *p, struct wishes *w)
{
    if (w->case_path != NULL) {
        return stub_case_bytes(p->loop, w->case_path, w->to);
    }
    p->clock_off_ms = (has_fault(p, "clock_off") ? 3600 : w->clock_off_s) * -1000;
    const struct stub_line_device device = {NULL, on_bytes, p};
    p->line = stub_line_open(p->loop, w->to, has_fault(p, "no_retry") ? 0 : w->retry_s, &device);
    if (p->line == NULL) {
        return 2;
    }
    double every_s = (double)w->heartbeat_s * (has_fault(p, "late_heartbeat") ? 3 : 1);
    ev_timer_init(&p->beat, on_beat, every_s < 1 ? every_s : 1, every_s);
    p->beat.data = p;
    if (w->heartbeat_s > 0) {
        ev_timer_start(p->loop, &p->beat);
    }
    stub_stdin_open(&p->in, p->loop, p, on_line, NULL);
    stub_chance_open(&w->chance, p->loop, p, on_line);
    stub_run(p->loop);
    stub_stdin_close(&p->in);
    stub_line_close(p->line);
    return 0;
}

int main(int argc, char **argv)
{
    struct wishes w = {
        .to = "127.0.0.1:12300", .heartbeat_s = 60, .retry_s = 5, .chance = {.every_s = 300}};
    struct panel p = {.account = "1234", .fault = "none", .token = "ADM-CID", .zone = "001"};
    const struct stub_option options[] = {
        {"to", "the receiver: host:port, with ;udp for UDP", .text = &w.to},
        {"account", "the panel's account", .text = &p.account},
        {"zone", "the zone that is pressed", .text = &p.zone},
        {"token", "ADM-CID or SIA-DCS", .text = &p.token},
        {"key", "AES key, in hex or as characters: then everything is encrypted", .text = &w.key},
        {"heartbeat-s", "seconds from NULL to NULL; 0: none", NULL, &w.heartbeat_s, 0, 86400, NULL},
        {"retry-s", "seconds until an alarm is sent again", NULL, &w.retry_s, 1, 600, NULL},
        {"clock-off-s", "so many seconds behind, until a NAK sets the clock", NULL, &w.clock_off_s,
         0, 86400 * 365, NULL},
        {"fault",
         "none, late_heartbeat, reused_seq, no_retry, bad_crc, clear_text, clock_off, stale, "
         "wrong_key, decimal_length, raw_sum or no_bracket",
         .text = &p.fault},
        {"case", "plays this .case file instead, exit status 0 or 1", .text = &w.case_path},
        STUB_CHANCE_OPTIONS(w.chance),
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "a panel that speaks SIA DC-09; commands on stdin", options,
                      &status)) {
        return status;
    }
    if (!is_fault_known(p.fault) || !take_key(&p, w.key)) {
        return 2;
    }
    p.loop = ev_default_loop(0);
    status = run(&p, &w);
    ev_loop_destroy(p.loop);
    return status;
}
