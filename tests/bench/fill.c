/* fill.c - writes a journal of many alarms without a network: what a restart after a long time finds.
 *
 *   bench-fill CONFIG STATE ALARMS
 *
 * Called by tests/bench/run before the gateway starts on the same folder. Each alarm runs through the
 * ledger as in the door (raised, offered, reset by the device, closed), so that the rows are those that
 * the gateway itself would have written.
 */
#include "alarm/pb.h"
#include "conf/conf.h"
#include "core/ledger.h"
#include "io/journal.h"
#include "io/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FLUSH_EVERY = 512 };

struct fill {
    struct ev_loop *loop;
    struct keys *keys;
    struct conf *conf;
    void *memory;
    struct ledger *ledger;
    struct journal *journal;
    struct decision decision;
    struct now now;
    bool has_failed;
};

static _Noreturn void fail(const char *sentence, const char *about)
{
    fprintf(stderr, "bench-fill: %s %s\n", sentence, about);
    exit(1);
}

static void on_durable(void *context, uint64_t up_to, enum err err, const char *why)
{
    (void)context;
    (void)up_to;
    if (err != ERR_OK) {
        fail("the journal:", why);
    }
}

static void make_pseudonym(void *context, const char *domain, struct slice name, char *ret_text,
                           size_t room)
{
    keys_pseudonym(context, domain, name, ret_text, room);
}

static void open_all(struct fill *fill, const char *config, const char *state)
{
    static struct conf_faults faults;
    char why[512] = "";
    char dir[512];
    struct journal_config journal = {.dir = dir, .on_durable = on_durable};
    if (keys_open(state, &fill->keys, why, sizeof why) != ERR_OK) {
        fail("the keys:", why);
    }
    struct conf_pseudonym pseudonym = {make_pseudonym, fill->keys};
    if (conf_load(config, &pseudonym, &fill->conf, &faults) != ERR_OK) {
        fail("the configuration is refused:", config);
    }
    size_t room = ledger_size(&fill->conf->directory, &fill->conf->limits);
    fill->memory = malloc(room);
    struct arena arena = arena_of(fill->memory, room);
    if (fill->memory == NULL ||
        ledger_init(&arena, &fill->conf->directory, &fill->conf->limits, &fill->ledger) != ERR_OK) {
        fail("out of memory", "");
    }
    snprintf(dir, sizeof dir, "%s/journal", state);
    journal.sign_secret = keys_sign_secret(fill->keys);
    if (journal_open(fill->loop, &journal, &fill->journal, why, sizeof why) != ERR_OK) {
        fail("the journal:", why);
    }
}

static void keep(struct fill *fill, struct record *record)
{
    uint8_t packed[RECORD_PACKED_MAX];
    struct buf out = buf_of(packed, sizeof packed);
    struct journal_row row = {.type = (int)record->type, .at_ms = record_at_ms(record)};
    if (record_pack(record, &out) != ERR_OK) {
        fail("a record cannot be packed", "");
    }
    row.bytes = buf_slice(&out);
    if (journal_append(fill->journal, &row, &record->seq) != ERR_OK) {
        fail("the journal takes no more", "");
    }
    ledger_apply(fill->ledger, record, fill->now);
}

static void decide(struct fill *fill, const struct input *input)
{
    ledger_decide(fill->ledger, input, fill->now, &fill->decision);
    if (fill->decision.reply.err != ERR_OK) {
        fail("the ledger says", fill->decision.reply.word);
    }
    for (size_t i = 0; i < fill->decision.count; i++) {
        keep(fill, &fill->decision.records[i]);
    }
}

static void put_message(struct fill *fill, size_t number, enum phase phase)
{
    static const char raw[] = "<mrq><ref>0123456789ABCD</ref><cid>1000000</cid>"; /* and so on */
    static uint8_t body[200];
    const struct directory *directory = &fill->conf->directory;
    struct alarm alarm = {.kind = KIND_HELP,
                          .class_ = kind_class(KIND_HELP),
                          .phase = phase,
                          .dialect = "scaip",
                          .port = "larm",
                          .gateway_ms = fill->now.wall_ms,
                          .raw_type = "application/scaip+xml"};
    memset(body, ' ', sizeof body);
    memcpy(body, raw, sizeof raw - 1);
    alarm.raw = slice_of(body, sizeof body);
    snprintf(alarm.device, sizeof alarm.device, "%zu", 1000000 + number % directory->device_count);
    snprintf(alarm.reference, sizeof alarm.reference, "%08zX%d", number, (int)phase);
    snprintf(alarm.text, sizeof alarm.text, "Pressed in the bathroom; the key is in the safe");
    directory_resolve(directory, &alarm);
    struct input in = {.type = INPUT_ALARM, .alarm = &alarm};
    decide(fill, &in);
}

static void wait_for_disk(struct fill *fill)
{
    journal_flush(fill->journal);
    while (journal_durable(fill->journal) < journal_last(fill->journal)) {
        ev_run(fill->loop, EVRUN_ONCE);
    }
}

int main(int argc, char **argv)
{
    struct fill *fill = calloc(1, sizeof *fill);
    if (argc != 4 || fill == NULL) {
        fail("usage: bench-fill CONFIG STATE ALARMS", "");
    }
    fill->loop = ev_loop_new(EVFLAG_AUTO);
    size_t alarms = (size_t)strtoull(argv[3], NULL, 10);
    (void)mkdir(argv[2], 0700);
    open_all(fill, argv[1], argv[2]);
    for (size_t i = 0; i < alarms; i++) {
        fill->now = loop_now();
        put_message(fill, i, PHASE_RAISED);
        put_message(fill, i, PHASE_RESTORED);
        if (i % FLUSH_EVERY == FLUSH_EVERY - 1) {
            wait_for_disk(fill);
        }
    }
    wait_for_disk(fill);
    journal_note(fill->journal, "bus", journal_last(fill->journal)); /* the bus had it all */
    journal_close(fill->journal);
    conf_free(fill->conf);
    keys_close(fill->keys);
    free(fill->memory);
    free(fill);
    return 0;
}
