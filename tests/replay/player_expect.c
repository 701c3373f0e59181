/* player_expect.c - what the file says must have come, against what the adapter wanted done. */
#include "replay/player_inside.h"

#include <stdio.h>
#include <string.h>

static void print_bytes(struct slice bytes)
{
    for (size_t i = 0; i < bytes.len && i < 400; i++) {
        uint8_t c = bytes.at[i];
        fprintf(stderr, c >= ' ' && c < 0x7f ? "%c" : "\\x%02x", c);
    }
    fputc('\n', stderr);
}

static struct item *find_item(struct player *p, enum out_type type)
{
    for (size_t i = 0; i < p->item_count; i++) {
        if (p->items[i].type == type && !p->items[i].is_named) {
            p->items[i].is_named = true;
            return &p->items[i];
        }
    }
    return NULL;
}

static void expect_sent(struct player *p, const struct transcript_step *step)
{
    struct verdict v = transcript_take(step, slice_of(p->sent, p->sent_len));
    if (v.err != ERR_OK) {
        player_complain(p, step->line, "other bytes were sent, different from byte %zu on:", v.at);
        print_bytes(slice_of(p->sent, p->sent_len));
        return;
    }
    p->sent_len -= v.at;
    memmove(p->sent, p->sent + v.at, p->sent_len);
}

static void expect_item(struct player *p, const struct transcript_step *step, enum out_type type,
                        const char *what)
{
    struct item *item = find_item(p, type);
    if (item == NULL) {
        player_complain(p, step->line, "the %s did not come", what);
        return;
    }
    if (type == OUT_ANSWER && item->status != step->status) {
        player_complain(p, step->line, "the answer was %d", item->status);
    }
    bool is_compared = step->has_bytes || type == OUT_ANSWER;
    if (is_compared && !transcript_matches(step, slice_of(item->bytes, item->len))) {
        player_complain(p, step->line, "the %s says something else:", what);
        print_bytes(slice_of(item->bytes, item->len));
    }
}

static void expect_publication(struct player *p, const struct transcript_step *step)
{
    struct item *item = find_item(p, OUT_PUBLISH);
    if (item == NULL) {
        player_complain(p, step->line, "nothing was published");
        return;
    }
    if (!slice_eq_str(step->word, item->topic)) {
        player_complain(p, step->line, "it was published on %s", item->topic);
    }
    if (step->has_bytes && !transcript_matches(step, slice_of(item->bytes, item->len))) {
        player_complain(p, step->line, "the publication says something else:");
        print_bytes(slice_of(item->bytes, item->len));
    }
}

static void expect_field(struct player *p, const struct transcript_step *step, const char *key,
                         const char *is)
{
    struct slice value;
    if (transcript_pair(step, key, &value) && !slice_eq_str(value, is)) {
        player_complain(p, step->line, "%s is %.*s in the file, and was understood as \"%s\"", key,
                        (int)value.len, (const char *)value.at, is);
    }
}

static void expect_alarm(struct player *p, const struct transcript_step *step, enum out_type type)
{
    static const char *const known[] = {"kind",        "class",     "phase", "device",
                                        "text",        "reference", "test",  "clock_suspect",
                                        "device_ms",   "raw_type",  "code",  "sequence",
                                        "interval_ms", "unverified"};
    struct item *item = find_item(p, type);
    if (item == NULL) {
        player_complain(p, step->line, "nothing of the kind was understood");
        return;
    }
    for (size_t i = 0; i < step->pair_count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            is_known = is_known || slice_eq_str(step->pairs[i].key, known[k]);
        }
        if (!is_known) {
            player_complain(p, step->line, "the player does not know this field of an alarm");
        }
    }
    const struct alarm *a = &item->alarm;
    char number[32];
    char sequence[32];
    char interval[32];
    snprintf(number, sizeof number, "%lld", (long long)a->device_ms);
    snprintf(sequence, sizeof sequence, "%llu", (unsigned long long)a->sequence);
    snprintf(interval, sizeof interval, "%lld", (long long)a->interval_ms);
    expect_field(p, step, "kind", kind_word(a->kind));
    expect_field(p, step, "class", class_word(a->class_));
    expect_field(p, step, "phase", phase_word(a->phase));
    expect_field(p, step, "device", a->device);
    expect_field(p, step, "text", a->text);
    expect_field(p, step, "reference", a->reference);
    expect_field(p, step, "test", a->is_test ? "yes" : "no");
    expect_field(p, step, "clock_suspect", a->is_clock_suspect ? "yes" : "no");
    expect_field(p, step, "unverified", a->is_unverified ? "yes" : "no");
    expect_field(p, step, "code", a->code);
    expect_field(p, step, "sequence", sequence);
    expect_field(p, step, "interval_ms", interval);
    expect_field(p, step, "device_ms", number);
    expect_field(p, step, "raw_type", a->raw_type);
}

static void expect_note(struct player *p, const struct transcript_step *step)
{
    for (size_t i = 0; i < p->item_count; i++) {
        struct item *item = &p->items[i];
        struct slice rest = slice_of(item->bytes, item->len);
        if (item->type == OUT_NOTE && !item->is_named &&
            slice_eq(slice_cut(&rest, ' '), step->word)) {
            item->is_named = true;
            return;
        }
    }
    player_complain(p, step->line, "this note was not made");
}

void player_expect(struct player *p, const struct transcript_step *step)
{
    switch (step->verb) {
    case TRANSCRIPT_BYTES:
        expect_sent(p, step);
        break;
    case TRANSCRIPT_ANSWER:
        expect_item(p, step, OUT_ANSWER, "answer");
        break;
    case TRANSCRIPT_REQUEST:
        expect_item(p, step, OUT_REQUEST, "request");
        break;
    case TRANSCRIPT_PUBLISH:
        expect_publication(p, step);
        break;
    case TRANSCRIPT_HANG_UP:
        expect_item(p, step, OUT_HANG_UP, "end of the connection");
        break;
    case TRANSCRIPT_EVENT:
        expect_alarm(p, step, OUT_RAISE);
        break;
    case TRANSCRIPT_ALIVE:
        expect_alarm(p, step, OUT_ALIVE);
        break;
    case TRANSCRIPT_NOTE:
        expect_note(p, step);
        break;
    case TRANSCRIPT_DELIVERED:
        expect_item(p, step, OUT_DELIVERED, "delivery");
        break;
    case TRANSCRIPT_REFUSED:
        expect_item(p, step, OUT_REFUSED, "refusal");
        break;
    case TRANSCRIPT_WORD:
        if (!slice_eq_str(step->word, err_name(p->last_err))) {
            player_complain(p, step->line, "the verdict was %s", err_name(p->last_err));
        }
        break;
    }
}

/* Before something new happens, and at the end: nothing that the file did not name (notes may). */
void player_expect_nothing_more(struct player *p, int line)
{
    if (p->sent_len > 0) {
        player_complain(p, line, "before this line more was sent than the file says:");
        print_bytes(slice_of(p->sent, p->sent_len));
        p->sent_len = 0;
    }
    for (size_t i = 0; i < p->item_count; i++) {
        struct item *item = &p->items[i];
        if (!item->is_named && item->type != OUT_NOTE) {
            item->is_named = true;
            player_complain(p, line,
                            "before this line the adapter did what the file does not say (%d):",
                            (int)item->type);
            print_bytes(slice_of(item->bytes, item->len));
        }
    }
}
