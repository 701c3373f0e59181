/* turn.c - read, decide, write, sync, answer: the order that carries every promise.
 *
 * Inputs become records at once (the next input of the same turn already sees them), the batch goes to
 * the journal's thread when the loop is about to sleep, and acts - answers, notices, deliveries - wait
 * in one queue until the rows before them are on disk. When the disk refuses, people are still shown
 * everything, marked, and devices get no positive answer.
 */
#include "turn_parts.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACTS_MAX = 20000, ACTS_FIRST = 256, STALL_MS = 3000 };
#define NEVER UINT64_MAX /* an act behind a row that no disk will ever hold */

static bool acts_grow(struct acts *acts)
{
    size_t room = acts->room == 0 ? ACTS_FIRST : acts->room * 2;
    if (acts->room >= ACTS_MAX) {
        return false;
    }
    struct act *at = calloc(room, sizeof *at);
    if (at == NULL) {
        return false;
    }
    for (size_t i = 0; i < acts->count; i++) {
        at[i] = acts->at[(acts->head + i) % acts->room];
    }
    free(acts->at);
    *acts = (struct acts){at, 0, acts->count, room};
    return true;
}

struct act *turn_act(struct turn *turn, enum act_type type)
{
    struct acts *acts = &turn->acts;
    if (acts->count == acts->room && !acts_grow(acts)) {
        log_event(LOG_ERROR, "turn.acts_full", "waiting", "20000", NULL);
        return NULL;
    }
    struct act *act = &acts->at[(acts->head + acts->count++) % acts->room];
    act->type = type;
    act->after = turn->is_row_lost ? NEVER : turn->row_max;
    return act;
}

static bool is_disk_good(const struct turn *turn)
{
    return turn->journal_why[0] == '\0';
}

static void key_of(const struct record *record, uint8_t key[16])
{
    const struct alarm_id *id = NULL;
    if (record->type == RECORD_EVENT) {
        id = &record->event.id;
    } else if (record->type == RECORD_CASE) {
        id = &record->case_.case_.id;
    } else if (record->type == RECORD_RECEIPT) {
        id = &record->receipt.case_id;
    } else if (record->type == RECORD_ANSWERED) {
        id = &record->answered.event_id;
    }
    memset(key, 0, 16);
    if (id != NULL) {
        memcpy(key, id->at, ALARM_ID_LEN);
    }
}

/* Behind the disk: what is done to the world follows from the record. */
static void remember(struct turn *turn, const struct record *record)
{
    struct act *act = turn_act(turn, ACT_RECORD);
    if (act == NULL) {
        web_all_behind(turn); /* they get the whole state instead of this change */
        return;
    }
    act->kept.record = *record;
    act->kept.is_whole = true;
    if (record->type == RECORD_EVENT) {
        struct slice raw = record->event.raw;
        act->kept.is_whole = raw.len <= RAW_KEPT;
        act->kept.raw_len = (uint16_t)(act->kept.is_whole ? raw.len : 0);
        memcpy(act->kept.raw, raw.len > 0 ? raw.at : act->kept.raw, act->kept.raw_len);
        act->kept.record.event.raw = (struct slice){0};
    }
}

/* One record: into the batch, into the state, and behind the disk into the queue of acts. */
static void keep(struct turn *turn, struct record *record, struct now now)
{
    uint8_t packed[RECORD_PACKED_MAX];
    struct buf out = buf_of(packed, sizeof packed);
    struct journal_row row = {.type = (int)record->type, .at_ms = record_at_ms(record)};
    enum err err = record_pack(record, &out);
    if (err == ERR_OK) {
        key_of(record, row.key);
        row.bytes = buf_slice(&out);
        err = journal_append(turn->journal, &row, &record->seq);
    }
    if (err != ERR_OK) {
        log_event(LOG_ERROR, "turn.not_journalled", "type", record_type_word(record->type), "why",
                  err_name(err), NULL);
        count("records_not_journalled", NULL);
        record->seq = turn->row_max; /* people are shown it all the same */
        turn->is_row_lost = true;
    }
    turn->row_max = record->seq;
    if (err == ERR_OK || record->type != RECORD_EVENT) {
        ledger_apply(turn->ledger, record, now);
    } /* else: the device repeats it, and it must not count as known then */
    remember(turn, record);
}

struct reply turn_input(struct turn *turn, const struct input *input, struct now now)
{
    struct decision *decision = &turn->decision;
    turn->is_row_lost = false;
    ledger_decide(turn->ledger, input, now, decision);
    for (size_t i = 0; i < decision->count; i++) {
        if (!is_disk_good(turn) && decision->records[i].type == RECORD_EVENT) {
            decision->records[i].event.is_not_recorded = true;
        }
        if (decision->records[i].type == RECORD_CASE) {
            decision->records[i].case_.case_.is_not_recorded = !is_disk_good(turn);
        }
        keep(turn, &decision->records[i], now);
    }
    return decision->reply;
}

/* The word alone names the fault: the reason may be worded differently each time, and the end has none. */
void turn_fault(struct turn *turn, const char *what, const char *why, bool is_on)
{
    struct input input = {.type = INPUT_FAULT, .is_on = is_on};
    slice_text(slice_str(what), input.reason, sizeof input.reason);
    struct reply reply = turn_input(turn, &input, loop_now());
    if (reply.err == ERR_OK) {
        log_event(is_on ? LOG_ERROR : LOG_INFO, is_on ? "fault.began" : "fault.over", "what", what,
                  "why", why, NULL);
        count(is_on ? "faults_begun" : "faults_over", what);
    }
}

/* Does a newer state of the same case wait right behind, on disk as well? Then people are shown that. */
static bool is_overtaken(const struct turn *turn, const struct record *record, bool is_recorded)
{
    const struct acts *acts = &turn->acts;
    const struct act *next = &acts->at[acts->head];
    return acts->count > 0 && is_recorded && next->type == ACT_RECORD &&
           next->kept.record.type == RECORD_CASE && next->after <= journal_durable(turn->journal) &&
           alarm_id_eq(&next->kept.record.case_.case_.id, &record->case_.case_.id);
}

static void perform_record(struct turn *turn, struct act *act, bool is_recorded)
{
    struct record *record = &act->kept.record;
    if (record->type == RECORD_EVENT) {
        record->event.raw = slice_of(act->kept.raw, act->kept.raw_len);
    }
    if (is_recorded) {
        bus_feed(turn, record, act->kept.is_whole);
    } else {
        bus_unrecorded(turn, record);
    }
    if (record->type == RECORD_EVENT) {
        count("events", record->event.dialect);
    }
    if (record->type == RECORD_CASE) {
        count("case_changes", change_word(record->case_.change));
        if (!is_overtaken(turn, record, is_recorded)) {
            web_case(turn, &record->case_, record->seq, is_recorded);
        }
        ports_case(turn, &record->case_);
    }
    if (record->type == RECORD_DUTY || record->type == RECORD_HANDSET ||
        record->type == RECORD_FAULT) {
        web_people_changed(turn);
    }
}

static void perform(struct turn *turn, struct act *act, bool is_recorded)
{
    switch (act->type) {
    case ACT_RECORD:
        perform_record(turn, act, is_recorded);
        break;
    case ACT_RECEIPT:
        ports_receipt(turn, act, is_recorded);
        break;
    case ACT_RESULT:
    case ACT_SNAPSHOT:
        web_act(turn, act, is_recorded);
        break;
    case ACT_ORDER:
        orders_act(turn, act);
        break;
    }
}

/* Acts may bring new acts (a centre that refuses at once); they go to the end and wait their turn. */
static void drain(struct turn *turn)
{
    struct acts *acts = &turn->acts;
    uint64_t durable = journal_durable(turn->journal);
    while (acts->count > 0) {
        struct act act = acts->at[acts->head];
        bool is_recorded = act.after <= durable;
        if (!is_recorded && act.after != NEVER && is_disk_good(turn)) {
            break;
        }
        if (is_recorded && act.type == ACT_RECORD) {
            turn->recorded_ms = record_at_ms(&act.kept.record);
        }
        acts->head = (acts->head + 1) % acts->room;
        acts->count--;
        perform(turn, &act, is_recorded);
    }
}

static void disk_refuses(struct turn *turn, const char *why)
{
    slice_text(slice_str(why), turn->journal_why, sizeof turn->journal_why);
    turn_fault(turn, "journal_refuses", why, true);
}

/* A disk that neither takes nor refuses must not silence the handhelds: what has waited for seconds is
 * shown, as with a disk that refuses. The commit that comes after all ends it. */
static void watch_disk(struct turn *turn, struct now now)
{
    uint64_t durable = journal_durable(turn->journal);
    if (turn->acts.count == 0 || durable != turn->durable_seen) {
        turn->durable_seen = durable;
        turn->moved_mono_ms = now.mono_ms;
    } else if (is_disk_good(turn) && now.mono_ms - turn->moved_mono_ms >= STALL_MS) {
        disk_refuses(turn, "the disk has not answered for 3 s; look at its health");
        drain(turn);
    }
}

static void on_durable(void *context, uint64_t up_to, enum err err, const char *why)
{
    struct turn *turn = context;
    (void)up_to;
    bool was_good = is_disk_good(turn);
    if (err != ERR_OK && was_good) {
        disk_refuses(turn, why);
    } else if (err == ERR_OK && !was_good) {
        turn->journal_why[0] = '\0';
        turn_fault(turn, "journal_refuses", "", false);
    }
    drain(turn);
    bus_pump(turn);
}

static void tick(struct turn *turn, struct now now)
{
    struct input input = {.type = INPUT_TICK};
    /* bounded: a flood of deadlines goes on in the next turn */
    for (int i = 0; i < 64; i++) {
        if (ledger_next_wake(turn->ledger, now) > now.wall_ms) {
            return;
        }
        if (!turn_input(turn, &input, now).is_more) {
            return;
        }
    }
}

static void on_wake(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct turn *turn = timer->data;
    struct now now = loop_now();
    (void)loop;
    (void)events;
    tick(turn, now);
    ports_tick(turn, now);
}

static void on_second(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct turn *turn = timer->data;
    struct now now = loop_now();
    (void)loop;
    (void)events;
    tick(turn, now);
    watch_disk(turn, now);
    ports_tick(turn, now);
    hooks_second(turn, now);
    web_second(turn, now);
    bus_second(turn, now);
}

/* The loop is about to sleep: the turn ends. The wall clock may step, so nothing sleeps longer than the
 * second timer. */
static void on_prepare(struct ev_loop *loop, struct ev_prepare *prepare, int events)
{
    struct turn *turn = prepare->data;
    struct now now = loop_now();
    (void)events;
    drain(turn);
    web_catch_up(turn);
    journal_flush(turn->journal);
    int64_t wait_ms = ledger_next_wake(turn->ledger, now) - now.wall_ms;
    int64_t port_ms = ports_next_wake(turn) - now.mono_ms;
    wait_ms = port_ms < wait_ms ? port_ms : wait_ms;
    ev_timer_stop(loop, &turn->wake);
    if (wait_ms < 1000) {
        ev_timer_set(&turn->wake, wait_ms <= 1 ? 0.001 : (double)wait_ms / 1000.0, 0.);
        ev_timer_start(loop, &turn->wake);
    }
}

/* --- the beginning: fold the journal ------------------------------------------------------------- */

struct fold {
    struct turn *turn;
    struct now now;
    uint8_t memory[RECORD_ARENA];
    uint64_t bad;
};

static bool on_row(void *context, const struct journal_row *row)
{
    struct fold *fold = context;
    struct arena arena = arena_of(fold->memory, sizeof fold->memory);
    struct record record;
    if (record_unpack(row->bytes, &arena, &record) != ERR_OK) {
        fold->bad++; /* said once below; the rest must not be lost for it */
        return true;
    }
    record.seq = row->seq;
    ledger_apply(fold->turn->ledger, &record, fold->now);
    return true;
}

static enum err fold_journal(struct turn *turn)
{
    struct fold *fold = calloc(1, sizeof *fold);
    if (fold == NULL) {
        return ERR_FULL;
    }
    fold->turn = turn;
    fold->now = loop_now();
    enum err err = journal_read(turn->journal, 1, on_row, fold);
    char rows[24];
    char took[24];
    snprintf(rows, sizeof rows, "%llu", (unsigned long long)journal_last(turn->journal));
    snprintf(took, sizeof took, "%lld", (long long)(loop_now().mono_ms - fold->now.mono_ms));
    log_event(LOG_INFO, "journal.folded", "rows", rows, "ms", took, NULL);
    if (fold->bad > 0) {
        snprintf(rows, sizeof rows, "%llu", (unsigned long long)fold->bad);
        log_event(LOG_ERROR, "journal.bad_rows", "rows", rows, "advice",
                  "run 'samlarm journal verify' and keep a copy", NULL);
    }
    free(fold);
    return err;
}

static enum err ledger_open(struct turn *turn)
{
    size_t room = ledger_size(turn->directory, &turn->conf->limits);
    turn->ledger_memory = malloc(room);
    if (turn->ledger_memory == NULL) {
        return ERR_FULL;
    }
    struct arena arena = arena_of(turn->ledger_memory, room);
    return ledger_init(&arena, turn->directory, &turn->conf->limits, &turn->ledger);
}

static enum err journal_begin(struct turn *turn, char *ret_why, size_t why_room)
{
    char dir[512];
    struct journal_config config = {.dir = dir,
                                    .sign_secret = keys_sign_secret(turn->keys),
                                    .on_durable = on_durable,
                                    .context = turn};
    snprintf(dir, sizeof dir, "%s/journal", turn->state_dir);
    enum err err = journal_open(turn->loop, &config, &turn->journal, ret_why, why_room);
    if (err != ERR_OK) {
        return err;
    }
    if (ledger_open(turn) != ERR_OK) {
        snprintf(ret_why, why_room, "There is not enough memory for the list of open cases.");
        return ERR_FULL;
    }
    turn->bus_done = journal_noted(turn->journal, "bus");
    turn->row_max = journal_last(turn->journal);
    if (turn->bus_done > turn->row_max) {
        turn->bus_done = turn->row_max;
    }
    turn->bus_sent = turn->bus_done;
    err = fold_journal(turn);
    if (err != ERR_OK) {
        snprintf(ret_why, why_room, "The journal in %s cannot be read (%s).", dir, err_name(err));
    }
    return err;
}

static void begin(struct turn *turn)
{
    struct input input = {.type = INPUT_STARTED};
    slice_text(slice_str(turn->boot), input.reason, sizeof input.reason);
    slice_text(slice_str(SAMLARM_VERSION), input.to, sizeof input.to);
    turn_input(turn, &input, loop_now());
}

static void watch(struct turn *turn)
{
    ev_prepare_init(&turn->prepare, on_prepare);
    turn->prepare.data = turn;
    ev_prepare_start(turn->loop, &turn->prepare);
    ev_timer_init(&turn->second, on_second, 1., 1.);
    turn->second.data = turn;
    ev_timer_start(turn->loop, &turn->second);
    ev_timer_init(&turn->wake, on_wake, 1., 0.);
    turn->wake.data = turn;
}

enum err turn_open(struct ev_loop *loop, const struct turn_config *config, struct turn **ret_turn,
                   char *ret_why, size_t why_room)
{
    struct turn *turn = calloc(1, sizeof *turn);
    if (turn == NULL) {
        snprintf(ret_why, why_room, "There is not enough memory to start.");
        return ERR_FULL;
    }
    uint8_t boot[8];
    turn->loop = loop;
    turn->conf = config->conf;
    turn->directory = &config->conf->directory;
    turn->keys = config->keys;
    turn->state_dir = config->state_dir;
    turn->started_mono_ms = loop_now().mono_ms;
    randombytes_buf(boot, sizeof boot);
    sodium_bin2hex(turn->boot, sizeof turn->boot, boot, sizeof boot);
    watch(turn);
    enum err err = journal_begin(turn, ret_why, why_room);
    if (err == ERR_OK) {
        begin(turn);
        err = ports_open(turn, ret_why, why_room);
    }
    if (err == ERR_OK) {
        err = bus_room_open(turn, ret_why, why_room);
    }
    if (err == ERR_OK) {
        err = web_room_open(turn, config->pages_dir, ret_why, why_room);
    }
    if (err == ERR_OK) {
        err = control_room_open(turn, ret_why, why_room);
    }
    if (err != ERR_OK) {
        turn_close(turn);
        return err;
    }
    *ret_turn = turn;
    return ERR_OK;
}

void turn_close(struct turn *turn)
{
    if (turn == NULL) {
        return;
    }
    ev_prepare_stop(turn->loop, &turn->prepare);
    ev_timer_stop(turn->loop, &turn->second);
    ev_timer_stop(turn->loop, &turn->wake);
    control_room_close(turn);
    web_room_close(turn);
    ports_close(turn);
    bus_room_close(turn);
    journal_close(turn->journal);
    free(turn->acts.at);
    free(turn->ledger_memory);
    conf_free(turn->conf);
    free(turn);
}
