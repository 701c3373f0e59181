/* fuzz_adapter.c - an adapter driven by a script made of the fuzzer's bytes; aborts on a broken
 * promise. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/adapter.h"

enum { WAITING_MAX = 64, KEPT_MAX = 65536, CALLS_MAX = 70000 };

struct run {
    const struct adapter *adapter;
    void *session;
    struct now now;
    struct outbox out;
    uint32_t waiting[WAITING_MAX];
    size_t waiting_count;
    uint64_t exchange;
    struct alarm last;
};

static void must(bool is_kept)
{
    if (!is_kept) {
        abort();
    }
}

static void collect(struct run *r)
{
    must(!r->out.is_full);
    for (size_t i = 0; i < r->out.count; i++) {
        const struct out *out = &r->out.items[i];
        if (out->alarm == NULL) {
            continue;
        }
        must(alarm_check(out->alarm) == ERR_OK);
        r->last = *out->alarm;
        if (out->tag != 0 && r->waiting_count < WAITING_MAX) {
            r->waiting[r->waiting_count++] = out->tag;
        }
    }
    outbox_clear(&r->out);
}

/* Every device is listed with a key of 16 or 32 bytes, so that what is behind a key is reached too. */
static bool find_device(const void *context, const char *dialect, const char *key,
                        struct adapter_device *ret_device)
{
    static const uint8_t secret[] = "0123456789abcdef0123456789abcdef";
    size_t len = strlen(key);
    (void)context;
    (void)dialect;
    *ret_device = (struct adapter_device){.id = "listed",
                                          .model = len % 2 == 0 ? "" : "other",
                                          .secret = slice_of(secret, len % 3 == 0 ? 32 : 16),
                                          .sequence = len % 4};
    return len % 5 != 0;
}

/* One call with a copy that is exactly as long as it says; how many bytes are dealt with. */
static size_t call_input(struct run *r, struct slice bytes, struct verdict *ret_verdict)
{
    uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
    must(copy != NULL);
    memcpy(copy, bytes.len == 0 ? (const uint8_t *)"" : bytes.at, bytes.len);
    struct adapter_input in = {.bytes = slice_of(copy, bytes.len),
                               .type = slice_str("application/scaip+xml"),
                               .identity = slice_str("26317"),
                               .peer = slice_str("192.0.2.10:5060;udp"),
                               .exchange = ++r->exchange,
                               .port = "fuzz"};
    const struct adapter_devices devices = {find_device, NULL};
    in.devices = &devices;
    if ((r->adapter->transports & TRANSPORT_MQTT) != 0) {
        in.topic = slice_cut(&in.bytes, '\n');
    }
    for (size_t i = 0; i < ADAPTER_OPTIONS_MAX; i++) {
        in.headers[i] = slice_of(copy, bytes.len < 64 ? bytes.len : 64);
    }
    *ret_verdict = r->adapter->input(r->session, &in, r->now, &r->out);
    size_t consumed = r->out.consumed;
    must(consumed <= bytes.len);
    must(ret_verdict->at <= bytes.len);
    collect(r);
    free(copy);
    return consumed;
}

static void do_something_else(struct run *r, uint8_t what)
{
    struct case_value c = {.kind = KIND_HELP};
    memcpy(c.reference, r->last.reference, sizeof c.reference);
    memcpy(c.text, r->last.text, sizeof c.text);
    struct adapter_status status = {.change = (enum change)(1 + what % (CHANGE_COUNT - 1)),
                                    .case_ = &c};
    if (what % 3 == 0 && r->waiting_count > 0) {
        struct adapter_receipt receipt = {.tag = r->waiting[--r->waiting_count],
                                          .result = what % 2 == 0 ? ERR_OK : ERR_IO};
        r->adapter->stored(r->session, &receipt, r->now, &r->out);
    } else if (what % 3 == 1 && r->adapter->tick != NULL) {
        r->now.mono_ms += what * 50;
        r->now.wall_ms += what * 50;
        r->adapter->tick(r->session, r->now, &r->out);
    } else if (what % 3 == 2 && r->adapter->status != NULL) {
        r->adapter->status(r->session, &status, r->now, &r->out);
    }
    collect(r);
}

static void play_stream(struct run *r, const uint8_t *data, size_t size, uint8_t cut)
{
    size_t begin = 0;
    size_t end = 0;
    unsigned calls = 0;
    while (end < size) {
        size_t step = 1 + (size_t)(cut % 7) * (size_t)(cut % 7);
        end = end + step < size ? end + step : size;
        struct verdict v = {ERR_OK, 0};
        while (begin < end && v.err != ERR_MORE) {
            size_t consumed = call_input(r, slice_of(data + begin, end - begin), &v);
            must(v.err == ERR_MORE || consumed > 0);
            begin += consumed;
            must(++calls < CALLS_MAX * 2);
        }
        must(end - begin <= r->adapter->input_max);
        if (end < size) {
            do_something_else(r, (uint8_t)(data[end] ^ cut));
        }
    }
}

void fuzz_adapter(const char *name, const uint8_t *data, size_t size)
{
    if (size < 2 || size > KEPT_MAX) {
        return;
    }
    struct run *r = calloc(1, sizeof *r);
    must(r != NULL);
    r->adapter = adapter_find(slice_str(name));
    must(r->adapter != NULL);
    r->session = calloc(1, r->adapter->session_size);
    must(r->session != NULL);
    r->now = (struct now){.wall_ms = 1795363200000, .mono_ms = 1000000};
    outbox_clear(&r->out);
    struct adapter_options options = {{NULL}};
    for (size_t i = 0; r->adapter->options != NULL && r->adapter->options[i].name != NULL; i++) {
        const struct adapter_option *o = &r->adapter->options[i];
        options.values[i] = o->preset;
        bool is_other = (data[0] >> (i % 8) & 1) != 0;
        if (o->type == OPTION_WORD && is_other) {
            options.values[i] = strrchr(o->words, '|') + 1; /* the last of the words */
        } else if (o->type == OPTION_BOOL && is_other) {
            options.values[i] = "true";
        } else if ((o->type == OPTION_TEXT || o->type == OPTION_HIDDEN) && is_other &&
                   o->preset[0] == '\0') {
            options.values[i] = "1234";
        }
    }
    bool is_dialling = (data[0] & 0x80) != 0 && r->adapter->deliver != NULL;
    if (r->adapter->open(r->session, &options, is_dialling, r->now, &r->out) != ERR_OK) {
        must(r->out.count > 0 && r->out.items[0].type == OUT_NOTE); /* it says why */
        free(r->session);
        free(r);
        return;
    }
    collect(r);
    if ((r->adapter->transports & TRANSPORT_TCP) != 0) {
        play_stream(r, data + 2, size - 2, data[1]);
    } else {
        struct verdict v;
        (void)call_input(r, slice_of(data + 2, size - 2), &v);
        do_something_else(r, (uint8_t)(data[1] - data[1] % 3));
    }
    free(r->session);
    free(r);
}
