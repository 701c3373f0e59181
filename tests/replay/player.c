/* player.c - plays a .case file against its adapter and compares. */
#include "replay/player_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void player_complain(struct player *p, int line, const char *format, ...)
{
    va_list args;
    p->is_bad = true;
    fprintf(stderr, "%s:%d: ", p->path, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

char *player_read(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    char *text = malloc(TRANSCRIPT_MAX + 1);
    size_t len = text == NULL ? 0 : fread(text, 1, TRANSCRIPT_MAX, file);
    fclose(file);
    if (text != NULL) {
        text[len] = '\0';
    }
    if (ret_len != NULL) {
        *ret_len = len;
    }
    return text;
}

/* A copy that is exactly as long as it says, so that the address sanitizer sees one byte too far.
 */
static uint8_t *exact_copy(struct slice bytes)
{
    uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
    if (copy == NULL) {
        abort();
    }
    if (bytes.len > 0) {
        memcpy(copy, bytes.at, bytes.len);
    }
    return copy;
}

static void keep_item(struct player *p, const struct out *out, int line)
{
    if (p->item_count == ITEMS_MAX) {
        player_complain(p, line, "the adapter wants more than %d things", ITEMS_MAX);
        return;
    }
    struct item *item = &p->items[p->item_count];
    memset(item, 0, sizeof *item);
    item->type = out->type;
    item->status = out->status;
    item->tag = out->tag;
    item->len = out->bytes.len < ITEM_BYTES ? out->bytes.len : ITEM_BYTES;
    (void)slice_text(out->peer, item->topic, sizeof item->topic);
    memcpy(item->bytes, out->bytes.at == NULL ? (const uint8_t *)"" : out->bytes.at, item->len);
    if (out->alarm != NULL) {
        item->alarm = *out->alarm;
        enum err err = alarm_check(&item->alarm);
        if (err != ERR_OK) {
            player_complain(p, line, "the alarm is out of its bounds: %s", err_name(err));
        }
        p->last_alarm = item->alarm;
        p->last_alarm.raw = slice_of(NULL, 0);
        item->alarm.raw = slice_of(NULL, 0);
        if (out->tag != 0 && p->waiting_count < WAITING_MAX) {
            p->waiting[p->waiting_count++] = p->item_count;
        }
    }
    if (out->type == OUT_REQUEST) {
        p->last_request_tag = out->tag;
    }
    p->item_count++;
}

/* Empties the outbox, as the turn does after every call. */
static void collect(struct player *p, int line)
{
    if (p->out.is_full) {
        player_complain(p, line, "the outbox ran over");
    }
    for (size_t i = 0; i < p->out.count; i++) {
        const struct out *out = &p->out.items[i];
        if (out->type == OUT_SEND) {
            if (p->sent_len + out->bytes.len <= SENT_MAX) {
                memcpy(p->sent + p->sent_len, out->bytes.at, out->bytes.len);
                p->sent_len += out->bytes.len;
            }
        } else if (out->type == OUT_WAKE) {
            p->wake_ms = out->wake_mono_ms;
        } else {
            keep_item(p, out, line);
        }
    }
    outbox_clear(&p->out);
}

/* --- driving --- */

/* What the file says of its devices, as the lists of a municipality would. */
static bool find_device(const void *context, const char *dialect, const char *key,
                        struct adapter_device *ret_device)
{
    const struct player *p = context;
    for (size_t i = 0; i < p->transcript->device_count; i++) {
        const struct transcript_device *device = &p->transcript->devices[i];
        if (strcmp(dialect, p->adapter->name) == 0 && slice_eq_str(device->key, key)) {
            *ret_device = (struct adapter_device){.id = "listed",
                                                  .model = p->models[i],
                                                  .secret = device->secret,
                                                  .sequence = device->sequence};
            return true;
        }
    }
    return false;
}

static void take_headers(struct player *p, const struct transcript_step *step,
                         struct adapter_input *in)
{
    const struct adapter_option *table = p->adapter->options;
    for (size_t i = 0; table != NULL && table[i].name != NULL; i++) {
        char key[64];
        snprintf(key, sizeof key, "header-%s", table[i].name);
        if (table[i].type == OPTION_HEADER) {
            (void)transcript_pair(step, key, &in->headers[i]);
        }
    }
}

static void feed(struct player *p, const struct transcript_step *step)
{
    struct slice type = slice_str("application/scaip+xml");
    struct slice identity = slice_of(NULL, 0);
    (void)transcript_pair(step, "type", &type);
    (void)transcript_pair(step, "identity", &identity);
    struct adapter_input in = {.type = type,
                               .identity = identity,
                               .peer = slice_str("192.0.2.10:5060;tcp"),
                               .port = "test"};
    const struct adapter_devices devices = {find_device, p};
    in.devices = &devices;
    (void)transcript_pair(step, "topic", &in.topic);
    take_headers(p, step, &in);
    bool is_stream = (p->adapter->transports & TRANSPORT_TCP) != 0;
    in.exchange = is_stream ? 0 : ++p->exchange;
    for (unsigned round = 0; round < SENT_MAX; round++) {
        uint8_t *copy = exact_copy(slice_of(p->input, p->input_len));
        in.bytes = slice_of(copy, p->input_len);
        struct verdict v = p->adapter->input(p->session, &in, p->now, &p->out);
        size_t consumed = p->out.consumed;
        collect(p, step->line);
        free(copy);
        if (v.err != ERR_OK && v.err != ERR_MORE) {
            p->last_err = v.err;
        }
        if (!is_stream || v.err == ERR_MORE) {
            p->input_len = is_stream ? p->input_len : 0;
            return;
        }
        if (consumed == 0 || consumed > p->input_len) {
            player_complain(p, step->line, "the adapter consumed %zu of %zu bytes", consumed,
                            p->input_len);
            return;
        }
        p->input_len -= consumed;
        memmove(p->input, p->input + consumed, p->input_len);
        if (p->input_len == 0) {
            return;
        }
    }
}

static void play_bytes(struct player *p, const struct transcript_step *step, enum player_cut cut)
{
    p->last_err = ERR_OK;
    bool is_stream = (p->adapter->transports & TRANSPORT_TCP) != 0;
    for (size_t at = 0; at < step->bytes.len || at == 0;) {
        size_t len = step->bytes.len - at;
        if (is_stream && cut == CUT_BYTEWISE) {
            len = 1;
        } else if (is_stream && cut == CUT_RANDOM) {
            len = 1 + (size_t)rand() % len;
        }
        if (p->input_len + len > SENT_MAX) {
            player_complain(p, step->line, "the adapter leaves too much unconsumed");
            return;
        }
        if (len > 0) {
            memcpy(p->input + p->input_len, step->bytes.at + at, len);
        }
        p->input_len += len;
        feed(p, step);
        at += len == 0 ? 1 : len;
    }
}

static void play_answer(struct player *p, const struct transcript_step *step)
{
    if (p->adapter->answered == NULL) {
        player_complain(p, step->line, "this adapter makes no requests");
        return;
    }
    struct slice type = slice_str("application/scaip+xml");
    uint8_t *copy = exact_copy(step->bytes);
    struct adapter_answer answer = {.tag = p->last_request_tag,
                                    .status = step->status,
                                    .type = type,
                                    .body = slice_of(copy, step->bytes.len)};
    p->adapter->answered(p->session, &answer, p->now, &p->out);
    collect(p, step->line);
    free(copy);
}

static void pass_time(struct player *p, const struct transcript_step *step)
{
    int64_t until_ms = p->now.mono_ms + step->ms;
    for (unsigned round = 0; p->wake_ms != 0 && p->wake_ms <= until_ms; round++) {
        if (round == 100000) {
            player_complain(p, step->line, "the adapter wakes for ever without time passing");
            return;
        }
        int64_t passed_ms = p->wake_ms > p->now.mono_ms ? p->wake_ms - p->now.mono_ms : 0;
        p->now.mono_ms += passed_ms;
        p->now.wall_ms += passed_ms;
        p->wake_ms = 0;
        p->adapter->tick(p->session, p->now, &p->out);
        collect(p, step->line);
    }
    p->now.wall_ms += until_ms - p->now.mono_ms;
    p->now.mono_ms = until_ms;
}

static void play_journal(struct player *p, const struct transcript_step *step)
{
    if (p->waiting_count == 0) {
        player_complain(p, step->line, "nothing waits for the journal");
        return;
    }
    const struct item *item = &p->items[p->waiting[0]];
    p->waiting_count--;
    memmove(p->waiting, p->waiting + 1, p->waiting_count * sizeof p->waiting[0]);
    bool is_refused = slice_eq_str(step->word, "refused");
    bool is_duplicate = slice_eq_str(step->word, "duplicate");
    if (!is_refused && !is_duplicate && !slice_eq_str(step->word, "stored")) {
        player_complain(p, step->line, "the journal says stored, refused or duplicate");
    }
    struct adapter_receipt receipt = {.tag = item->tag,
                                      .result = is_refused ? ERR_IO : ERR_OK,
                                      .is_duplicate = is_duplicate,
                                      .alarm = item->type == OUT_RAISE ? &item->alarm : NULL};
    p->adapter->stored(p->session, &receipt, p->now, &p->out);
    collect(p, step->line);
}

static void fill_case(struct player *p, const struct transcript_step *step, struct case_value *c)
{
    struct slice value;
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < ALARM_ID_LEN; i++) {
        c->id.at[i] = (uint8_t)(0xa0 + i);
    }
    c->kind = p->last_alarm.kind;
    (void)slice_text(slice_str(p->last_alarm.reference), c->reference, sizeof c->reference);
    (void)slice_text(slice_str(p->last_alarm.text), c->text, sizeof c->text);
    (void)slice_text(slice_str(p->last_alarm.device), c->device, sizeof c->device);
    if (transcript_pair(step, "kind", &value) && kind_from_word(value, &c->kind) != ERR_OK) {
        player_complain(p, step->line, "there is no such kind");
    }
    if (transcript_pair(step, "device", &value)) {
        (void)slice_text(value, c->device, sizeof c->device);
    }
    if (transcript_pair(step, "text", &value)) {
        (void)slice_text(value, c->text, sizeof c->text);
    }
    if (transcript_pair(step, "reference", &value)) {
        (void)slice_text(value, c->reference, sizeof c->reference);
    }
}

static void play_status(struct player *p, const struct transcript_step *step)
{
    struct case_value c;
    fill_case(p, step, &c);
    if (slice_eq_str(step->word, "deliver")) {
        struct slice address = slice_str("192.0.2.1:5060;tcp");
        struct slice place = slice_of(NULL, 0);
        char text[128];
        (void)transcript_pair(step, "address", &address);
        (void)transcript_pair(step, "place", &place);
        (void)slice_text(place, text, sizeof text);
        struct adapter_delivery delivery = {
            .case_ = &c, .address = address, .attempt = 1, .place = text};
        if (p->adapter->deliver == NULL ||
            p->adapter->deliver(p->session, &delivery, p->now, &p->out) != ERR_OK) {
            player_complain(p, step->line, "the adapter cannot deliver this case");
        }
        collect(p, step->line);
        return;
    }
    for (int change = CHANGE_RAISED; change < CHANGE_COUNT; change++) {
        if (slice_eq_str(step->word, change_word((enum change)change))) {
            struct adapter_status status = {.change = (enum change)change, .case_ = &c};
            if (p->adapter->status != NULL) {
                p->adapter->status(p->session, &status, p->now, &p->out);
            }
            collect(p, step->line);
            return;
        }
    }
    player_complain(p, step->line, "there is no such change of a case");
}

static void play_step(struct player *p, const struct transcript_step *step, enum player_cut cut)
{
    bool is_act = step->type == TRANSCRIPT_IN || step->type == TRANSCRIPT_TIME ||
                  step->type == TRANSCRIPT_JOURNAL || step->type == TRANSCRIPT_STATUS;
    if (is_act) {
        player_expect_nothing_more(p, step->line);
    }
    switch (step->type) {
    case TRANSCRIPT_IN:
        if (step->verb == TRANSCRIPT_ANSWER) {
            play_answer(p, step);
        } else {
            play_bytes(p, step, cut);
        }
        break;
    case TRANSCRIPT_TIME:
        pass_time(p, step);
        break;
    case TRANSCRIPT_JOURNAL:
        play_journal(p, step);
        break;
    case TRANSCRIPT_STATUS:
        play_status(p, step);
        break;
    case TRANSCRIPT_OUT:
    case TRANSCRIPT_ALARM:
    case TRANSCRIPT_VERDICT:
        player_expect(p, step);
        break;
    }
}

/* --- beginning --- */

static void set_options(struct player *p)
{
    const struct adapter_option *table = p->adapter->options;
    for (size_t i = 0; table != NULL && table[i].name != NULL; i++) {
        p->options.values[i] = table[i].preset;
        for (size_t k = 0; k < p->transcript->option_count; k++) {
            const struct transcript_pair *given = &p->transcript->options[k];
            if (slice_eq_str(given->key, table[i].name)) {
                p->texts[i] = malloc(given->value.len + 1);
                if (p->texts[i] == NULL) {
                    abort();
                }
                (void)slice_text(given->value, p->texts[i], given->value.len + 1);
                p->options.values[i] = p->texts[i];
            }
        }
    }
    for (size_t k = 0; k < p->transcript->option_count; k++) {
        bool is_known = false;
        for (size_t i = 0; table != NULL && table[i].name != NULL; i++) {
            is_known = is_known || slice_eq_str(p->transcript->options[k].key, table[i].name);
        }
        if (!is_known) {
            player_complain(p, 0, "the adapter has no option %.*s",
                            (int)p->transcript->options[k].key.len,
                            (const char *)p->transcript->options[k].key.at);
        }
    }
}

static void begin(struct player *p)
{
    int64_t wall_ms = p->transcript->wall_ms;
    p->now = (struct now){.wall_ms = wall_ms == 0 ? 1795363200000 : wall_ms, .mono_ms = 1000000};
    for (size_t i = 0; i < p->transcript->device_count; i++) {
        (void)slice_text(p->transcript->devices[i].model, p->models[i], sizeof p->models[i]);
    }
    p->session = calloc(1, p->adapter->session_size);
    if (p->session == NULL) {
        abort();
    }
    outbox_clear(&p->out);
    set_options(p);
    enum err err =
        p->adapter->open(p->session, &p->options, p->transcript->is_dialling, p->now, &p->out);
    if (err != ERR_OK) {
        player_complain(p, 0, "the adapter refuses these options: %s", err_name(err));
    }
    collect(p, 0);
}

static void finish(struct player *p)
{
    free(p->session);
    for (size_t i = 0; i < ADAPTER_OPTIONS_MAX; i++) {
        free(p->texts[i]);
    }
    free(p);
}

bool player_play(const char *path, const struct transcript *transcript, enum player_cut cut,
                 unsigned seed)
{
    struct player *p = calloc(1, sizeof *p);
    if (p == NULL) {
        abort();
    }
    srand(seed);
    p->path = path;
    p->transcript = transcript;
    p->adapter = adapter_find(transcript->adapter);
    if (p->adapter == NULL) {
        player_complain(p, 0, "there is no such adapter");
        finish(p);
        return false;
    }
    begin(p);
    int line = 0;
    for (size_t i = 0; i < transcript->step_count && !p->is_bad; i++) {
        line = transcript->steps[i].line;
        play_step(p, &transcript->steps[i], cut);
    }
    if (!p->is_bad) {
        player_expect_nothing_more(p, line + 1);
    }
    bool is_good = !p->is_bad;
    finish(p);
    return is_good;
}

bool player_is_not_its(const struct adapter *adapter, const struct transcript_step *step)
{
    struct player *p = calloc(1, sizeof *p);
    struct transcript nothing = {.step_count = 0};
    if (p == NULL) {
        abort();
    }
    p->path = adapter->name;
    p->transcript = &nothing;
    p->adapter = adapter;
    begin(p);
    play_bytes(p, step, CUT_NOT);
    bool is_raised = false;
    for (size_t i = 0; i < p->item_count; i++) {
        is_raised = is_raised || p->items[i].type == OUT_RAISE || p->items[i].type == OUT_ALIVE;
    }
    finish(p);
    return !is_raised;
}
