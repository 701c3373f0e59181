/* turn_bus.c - the bus is fed from the journal, in order, at least once; a centre may answer on it.
 *
 * `bus_sent` runs ahead of `bus_done` by at most what is in flight; when the broker goes, sent falls back
 * to done and everything after it is read from the journal again. Sub-file of the door.
 */
#include "turn_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alarm/pb.h"
#include "alarm/topic.h"

enum { REFUSED_AGAIN_MS = 5000, NOTE_EVERY = 64, DROPPING_OVER_MS = 60000 };

static enum err publish(struct turn *turn, uint64_t token, const struct record *record)
{
    uint8_t topic_memory[TOPIC_MAX];
    uint8_t payload_memory[RECORD_PACKED_MAX];
    struct buf topic = buf_of(topic_memory, sizeof topic_memory);
    struct buf payload = buf_of(payload_memory, sizeof payload_memory);
    const char *municipality = turn->directory->municipality;
    enum err err = ERR_NOT_MINE;
    if (record->type == RECORD_EVENT) {
        err = topic_event(municipality, &record->event, &topic);
        err = err == ERR_OK ? event_pack(&record->event, record->seq, &payload) : err;
    } else if (record->type == RECORD_CASE) {
        err = topic_case(municipality, &record->case_.case_, &topic);
        err = err == ERR_OK ? case_change_pack(&record->case_, record->seq, &payload) : err;
    }
    if (err == ERR_OK) {
        err = bus_publish(turn->bus, token, buf_slice(&topic), buf_slice(&payload));
    }
    if (err != ERR_OK) {
        log_event(LOG_WARN, "bus.not_published", "why", err_name(err), NULL);
    }
    return err;
}

static bool is_for_all(int type)
{
    return type == RECORD_EVENT || type == RECORD_CASE;
}

void bus_unrecorded(struct turn *turn, const struct record *record)
{
    if (turn->bus != NULL && is_for_all((int)record->type) && bus_is_up(turn->bus)) {
        (void)publish(turn, 0, record);
    }
}

static size_t flying(const struct turn *turn)
{
    size_t number = 0;
    for (size_t i = 0; i < BUS_IN_HAND; i++) {
        number += turn->bus_flying[i] != 0;
    }
    return number;
}

/* Written with a later commit: after a death some rows go out twice, which they may. */
static void note_cursor(struct turn *turn)
{
    if (turn->bus_noted != turn->bus_done) {
        turn->bus_noted = turn->bus_done;
        journal_note(turn->journal, "bus", turn->bus_done);
    }
}

/* Done is everything before the oldest row that is still in flight. */
static void settle(struct turn *turn)
{
    uint64_t done = turn->bus_sent;
    for (size_t i = 0; i < BUS_IN_HAND; i++) {
        if (turn->bus_flying[i] != 0 && turn->bus_flying[i] <= done) {
            done = turn->bus_flying[i] - 1;
        }
    }
    turn->bus_done = done;
    if (done / NOTE_EVERY != turn->bus_noted / NOTE_EVERY) {
        note_cursor(turn);
    }
}

/* A record that cannot be said is no reason to stop: it is counted, and the bus goes on. False: the bus
 * takes nothing now; the row comes again. */
static bool send_record(struct turn *turn, const struct record *record)
{
    enum err err = publish(turn, record->seq, record);
    if (err == ERR_FULL || err == ERR_STATE) {
        return false;
    }
    for (size_t i = 0; err == ERR_OK && i < BUS_IN_HAND; i++) {
        if (turn->bus_flying[i] == 0) {
            turn->bus_flying[i] = record->seq;
            break;
        }
    }
    if (err != ERR_OK) {
        count("bus_unreadable_rows", NULL);
    }
    return true;
}

static bool send_row(struct turn *turn, const struct journal_row *row)
{
    uint8_t memory[RECORD_ARENA];
    struct arena arena = arena_of(memory, sizeof memory);
    struct record record;
    if (is_for_all(row->type)) {
        if (record_unpack(row->bytes, &arena, &record) != ERR_OK) {
            count("bus_unreadable_rows", NULL);
        } else {
            record.seq = row->seq;
            if (!send_record(turn, &record)) {
                return false;
            }
        }
    }
    turn->bus_sent = row->seq;
    return true;
}

static bool has_room(const struct turn *turn)
{
    return bus_is_up(turn->bus) && bus_room(turn->bus) > 0 && flying(turn) < BUS_IN_HAND;
}

/* The bus is at the end of the journal: what has just become durable goes out from memory. Everything
 * else - after a loss, a refusal, a flood - is read back by bus_pump. */
void bus_feed(struct turn *turn, const struct record *record, bool is_whole)
{
    if (turn->bus == NULL || turn->is_bus_fetching || turn->bus_refused_row != 0 ||
        record->seq != turn->bus_sent + 1) {
        return;
    }
    if (is_for_all((int)record->type) &&
        (!is_whole || !has_room(turn) || !send_record(turn, record))) {
        return;
    }
    turn->bus_sent = record->seq;
}

static void on_rows(void *context, const struct journal_row *rows, size_t count_, bool is_end)
{
    struct turn *turn = context;
    turn->is_bus_fetching = false;
    for (size_t i = 0; i < count_; i++) {
        bool is_next = rows[i].seq == turn->bus_sent + 1;
        if (!has_room(turn) || !is_next || !send_row(turn, &rows[i])) {
            settle(turn);
            return; /* the next second, or an answer of the broker, goes on */
        }
    }
    settle(turn);
    if (!is_end) {
        bus_pump(turn);
    }
}

void bus_pump(struct turn *turn)
{
    if (turn->bus == NULL || turn->is_bus_fetching || !bus_is_up(turn->bus) ||
        turn->bus_sent >= journal_durable(turn->journal) ||
        loop_now().mono_ms < turn->bus_again_mono_ms) {
        return;
    }
    size_t room = BUS_IN_HAND - flying(turn);
    room = bus_room(turn->bus) < room ? bus_room(turn->bus) : room;
    if (turn->bus_refused_row != 0) {
        room =
            flying(turn) == 0 ? 1 : 0; /* step by step, so that nothing is said again and again */
    }
    if (room == 0) {
        return;
    }
    turn->is_bus_fetching =
        journal_fetch(turn->journal, turn->bus_sent + 1, room, on_rows, turn) == ERR_OK;
}

static void on_up(void *context)
{
    struct turn *turn = context;
    turn_fault(turn, "bus_down", "", false);
    bus_pump(turn);
}

static void fall_back(struct turn *turn)
{
    memset(turn->bus_flying, 0, sizeof turn->bus_flying);
    turn->bus_sent = turn->bus_done;
}

static void on_down(void *context, const char *why)
{
    struct turn *turn = context;
    fall_back(turn);
    turn->bus_refused_row = 0; /* what the next connection may do, it will tell */
    turn_fault(turn, "bus_refused", "", false);
    turn_fault(turn, "bus_down", why, true);
}

static bool is_flying(const struct turn *turn, uint64_t token)
{
    for (size_t i = 0; i < BUS_IN_HAND; i++) {
        if (turn->bus_flying[i] == token) {
            return true;
        }
    }
    return false; /* of before a fall-back: that row is read again */
}

/* A refused entry stays open in the journal: the rights on the broker are wrong, and somebody must put
 * them right. It is tried again every few seconds, from the oldest. */
static void on_done(void *context, uint64_t token, enum err err)
{
    struct turn *turn = context;
    bool is_ours = is_flying(turn, token);
    if (err == ERR_AUTH && is_ours) {
        turn->bus_refused_row = token;
        turn_fault(turn, "bus_refused", "the broker's access list forbids our topics", true);
        settle(turn);
        fall_back(turn);
        turn->bus_again_mono_ms = loop_now().mono_ms + REFUSED_AGAIN_MS;
        return;
    }
    if (err != ERR_OK) {
        return; /* on_down follows or has come: fall_back reads it again */
    }
    if (is_ours && token >= turn->bus_refused_row && turn->bus_refused_row != 0) {
        turn->bus_refused_row = 0;
        turn_fault(turn, "bus_refused", "", false);
    }
    for (size_t i = 0; i < BUS_IN_HAND; i++) {
        if (turn->bus_flying[i] == token) {
            turn->bus_flying[i] = 0;
        }
    }
    settle(turn);
    bus_pump(turn);
}

static void on_fault(void *context, const char *word, const char *text)
{
    struct turn *turn = context;
    if (strcmp(word, "bus_dropping") == 0) {
        turn->bus_dropped_mono_ms = loop_now().mono_ms;
    }
    turn_fault(turn, word, text, true);
}

/* The broker tells when it drops, never when it has stopped. */
void bus_second(struct turn *turn, struct now now)
{
    if (turn->bus_dropped_mono_ms != 0 &&
        now.mono_ms - turn->bus_dropped_mono_ms > DROPPING_OVER_MS) {
        turn->bus_dropped_mono_ms = 0;
        turn_fault(turn, "bus_dropping", "", false);
    }
    if (turn->bus != NULL) {
        settle(turn);
        note_cursor(turn);
    }
    bus_pump(turn);
}

/* --- opening -------------------------------------------------------------------------------------- */

bool bus_password(const struct turn *turn, const char *name, char *ret_password, size_t room)
{
    char path[600];
    if (name == NULL) {
        return true;
    }
    snprintf(path, sizeof path, "%s%s%s", name[0] == '/' ? "" : turn->state_dir,
             name[0] == '/' ? "" : "/", name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    size_t len = fread(ret_password, 1, room - 1, file);
    fclose(file);
    ret_password[len] = '\0';
    ret_password[strcspn(ret_password, "\r\n")] = '\0';
    return true;
}

static void on_message(void *context, const struct bus_message *message)
{
    if (!topics_message(context, message)) {
        orders_message(context, message);
    }
}

enum err bus_room_open(struct turn *turn, char *ret_why, size_t why_room)
{
    static const struct bus_handler handler = {on_up, on_down, on_done, on_message, on_fault};
    const struct conf_bus *conf = &turn->conf->bus;
    char password[128] = "";
    char commands[TOPIC_MAX];
    struct buf topic = buf_of(commands, sizeof commands - 1);
    if (conf->host[0] == '\0') {
        return ERR_OK;
    }
    if (!bus_password(turn, conf->password_file, password, sizeof password)) {
        snprintf(ret_why, why_room,
                 "The password of the broker cannot be read from %s. Put it there, or take "
                 "'password_file' out of samlarm.yaml.",
                 conf->password_file);
        return ERR_IO;
    }
    if (topic_of(turn->directory->municipality, "command/#", &topic) != ERR_OK) {
        return ERR_RANGE;
    }
    const char *subscriptions[BUS_FILTERS_MAX + 1] = {buf_cstr(&topic)};
    _Static_assert((int)CONF_BUS_FILTERS_MAX < (int)BUS_FILTERS_MAX, "and one for commands");
    (void)topics_own(turn, subscriptions + 1, CONF_BUS_FILTERS_MAX);
    struct bus_config config = {.host = conf->host,
                                .port = conf->port,
                                .user = conf->user,
                                .password = password,
                                .municipality = turn->directory->municipality,
                                .subscriptions = subscriptions};
    enum err err = bus_open(turn->loop, &config, &handler, turn, &turn->bus, ret_why, why_room);
    memset(password, 0, sizeof password);
    return err;
}

void bus_room_close(struct turn *turn)
{
    bus_close(turn->bus);
    turn->bus = NULL;
}
