/* sim_bus.c - the bus room of the door with a broker and a journal made of memory, and virtual time.
 *
 * The broker is away for an hour while an alarm comes each second; it dies in the middle of catching up,
 * again and again; it refuses. Afterwards every row was published in order at least once, no more was ever
 * in flight than may be, and nothing was kept in memory for it. turn_bus.c is the real one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turn_parts.h"

enum { ROWS = 3600, HELD_MAX = 128 };

/* --- a journal of memory ------------------------------------------------------------------------- */

struct journal {
    uint64_t durable;
    uint64_t noted;
    struct journal_row rows[BUS_IN_FLIGHT];
    uint8_t bytes[BUS_IN_FLIGHT][RECORD_PACKED_MAX];
};

static struct journal journal;
static struct now virtual_now;
static struct turn turn;
static struct directory directory = {.municipality = "virtual"};
static struct conf conf;

struct now loop_now(void)
{
    return virtual_now;
}

uint64_t journal_durable(const struct journal *j)
{
    return j->durable;
}

void journal_note(struct journal *j, const char *name, uint64_t value)
{
    (void)name;
    j->noted = value;
}

/* Row n is the alarm of second n; every fifth row is no alarm at all. */
static struct record record_of(uint64_t seq)
{
    struct record record = {.type = RECORD_EVENT, .seq = seq};
    if (seq % 5 == 0) {
        record = (struct record){.type = RECORD_FAULT, .seq = seq};
    } else {
        record.event.id.at[0] = 1;
        record.event.gateway_ms = (int64_t)seq;
    }
    return record;
}

static void make_row(uint64_t seq, size_t at)
{
    struct record record = record_of(seq);
    struct buf out = buf_of(journal.bytes[at], RECORD_PACKED_MAX);
    if (record_pack(&record, &out) != ERR_OK) {
        abort();
    }
    journal.rows[at] =
        (struct journal_row){.seq = seq, .type = (int)record.type, .bytes = buf_slice(&out)};
}

/* One request at a time, answered later, as by the journal's thread. */
static struct {
    bool is_asked;
    uint64_t from;
    size_t max;
    void (*on_rows)(void *context, const struct journal_row *rows, size_t count, bool is_end);
    void *context;
} fetch;

enum err journal_fetch(struct journal *j, uint64_t from, size_t max,
                       void (*on_rows)(void *context, const struct journal_row *rows, size_t count,
                                       bool is_end),
                       void *context)
{
    (void)j;
    if (fetch.is_asked) {
        return ERR_STATE;
    }
    fetch.is_asked = true;
    fetch.from = from;
    fetch.max = max;
    fetch.on_rows = on_rows;
    fetch.context = context;
    return ERR_OK;
}

static void deliver(void)
{
    while (fetch.is_asked) {
        size_t number = 0;
        while (number < fetch.max && number < BUS_IN_FLIGHT &&
               fetch.from + number <= journal.durable) {
            make_row(fetch.from + number, number);
            number++;
        }
        fetch.is_asked = false;
        fetch.on_rows(fetch.context, journal.rows, number, fetch.from + number > journal.durable);
    }
}

/* --- a broker of memory -------------------------------------------------------------------------- */

struct bus {
    bool is_up;
    bool is_refusing;
    uint64_t held[HELD_MAX]; /* tokens in flight, oldest first */
    size_t held_count;
    size_t held_most;
    bool is_taken[ROWS + 1]; /* this row was acknowledged */
    uint64_t last;           /* row published last since the connection came */
    bool is_disordered;
};

static struct bus broker;
static const struct bus_handler *handler;

enum err bus_open(struct ev_loop *loop, const struct bus_config *config,
                  const struct bus_handler *with, void *context, struct bus **ret_bus,
                  char *ret_why, size_t why_room)
{
    (void)loop;
    (void)config;
    (void)context;
    (void)ret_why;
    (void)why_room;
    handler = with;
    *ret_bus = &broker;
    return ERR_OK;
}

void bus_close(struct bus *bus)
{
    (void)bus;
}

bool bus_is_up(const struct bus *bus)
{
    return bus->is_up;
}

size_t bus_room(const struct bus *bus)
{
    return BUS_IN_FLIGHT - bus->held_count;
}

enum err bus_publish(struct bus *bus, uint64_t token, struct slice topic, struct slice payload)
{
    (void)topic;
    (void)payload;
    if (!bus->is_up) {
        return ERR_STATE;
    }
    if (bus->held_count == BUS_IN_FLIGHT) {
        return ERR_FULL;
    }
    bus->is_disordered = bus->is_disordered || token <= bus->last;
    bus->last = token;
    bus->held[bus->held_count++] = token;
    bus->held_most = bus->held_count > bus->held_most ? bus->held_count : bus->held_most;
    return ERR_OK;
}

enum err bus_respond(struct bus *bus, const struct bus_message *to, struct slice payload)
{
    (void)bus;
    (void)to;
    (void)payload;
    return ERR_OK;
}

/* --- what else the room asks of the door ----------------------------------------------------------- */

static int faults_begun;

void turn_fault(struct turn *t, const char *what, const char *about, bool is_on)
{
    (void)t;
    (void)what;
    (void)about;
    faults_begun += is_on;
}

void orders_message(void *context, const struct bus_message *message)
{
    (void)context;
    (void)message;
}

bool topics_message(struct turn *t, const struct bus_message *message)
{
    (void)t;
    (void)message;
    return false;
}

size_t topics_own(const struct turn *t, const char **ret_filters, size_t room)
{
    (void)t;
    (void)ret_filters;
    (void)room;
    return 0;
}

/* --- the hour -------------------------------------------------------------------------------------- */

static void fail(const char *sentence, uint64_t at)
{
    printf("sim_bus: %s (row %llu)\n", sentence, (unsigned long long)at);
    exit(1);
}

static void second_passes(void)
{
    virtual_now.wall_ms += 1000;
    virtual_now.mono_ms += 1000;
    bus_second(&turn, virtual_now);
    deliver();
}

static void come(void)
{
    broker.is_up = true;
    broker.last = 0;
    handler->on_up(&turn);
    deliver();
}

/* As bus.c does: what was in flight is given back, then the loss is told. */
static void go(void)
{
    broker.is_up = false;
    size_t held = broker.held_count;
    broker.held_count = 0;
    for (size_t i = 0; i < held; i++) {
        handler->on_done(&turn, broker.held[i], ERR_IO);
    }
    handler->on_down(&turn, "away");
}

static void acknowledge(size_t number)
{
    for (size_t i = 0; i < number && broker.held_count > 0; i++) {
        uint64_t token = broker.held[0];
        memmove(broker.held, broker.held + 1, --broker.held_count * sizeof broker.held[0]);
        broker.is_taken[token] = broker.is_taken[token] || !broker.is_refusing;
        handler->on_done(&turn, token, broker.is_refusing ? ERR_AUTH : ERR_OK);
        deliver();
    }
}

static void every_row_was_taken(const char *when)
{
    for (uint64_t seq = 1; seq <= journal.durable; seq++) {
        if (seq % 5 != 0 && !broker.is_taken[seq]) {
            fail(when, seq);
        }
    }
    if (broker.is_disordered) {
        fail("rows went out of order within one connection", broker.last);
    }
    if (broker.held_most > BUS_IN_FLIGHT) {
        fail("more was in flight than may be", broker.held_most);
    }
}

static void begin(void)
{
    char why[64];
    memset(&journal, 0, sizeof journal);
    memset(&broker, 0, sizeof broker);
    memset(&fetch, 0, sizeof fetch);
    turn = (struct turn){.journal = &journal, .directory = &directory, .conf = &conf};
    slice_text(slice_str("127.0.0.1"), conf.bus.host, sizeof conf.bus.host);
    if (bus_room_open(&turn, why, sizeof why) != ERR_OK) {
        fail("the bus does not open", 0);
    }
}

static void broker_is_away_for_an_hour(void)
{
    begin();
    come();
    go();
    for (int second = 0; second < ROWS; second++) {
        journal.durable++;
        second_passes();
    }
    if (broker.last != 0 || broker.held_count != 0) {
        fail("something was published to a broker that is away", broker.last);
    }
    come();
    while (broker.held_count > 0) {
        acknowledge(1);
    }
    second_passes();
    every_row_was_taken("a row of the hour never reached the bus");
    if (journal.noted != ROWS) {
        fail("the cursor does not stand at the end", journal.noted);
    }
}

/* The ordinary day: what becomes durable goes out from memory, except a frame too long to be kept there,
 * and except while the bus is behind; the broker is slow, and dies now and then. */
static void rows_go_out_as_they_become_durable(void)
{
    begin();
    come();
    for (uint64_t seq = 1; seq <= ROWS; seq++) {
        struct record record = record_of(seq);
        journal.durable = seq;
        bus_feed(&turn, &record, seq % 7 != 0);
        bus_pump(&turn);
        deliver();
        acknowledge(seq % 97 == 0 ? 200 : seq % 2);
        if (seq % 500 == 0) {
            go();
            second_passes();
            come();
        }
    }
    for (int second = 0; second < 100; second++) {
        acknowledge(1000);
        second_passes();
    }
    every_row_was_taken("a row of an ordinary day never reached the bus");
    if (turn.bus_done != ROWS) {
        fail("the bus is behind after an ordinary day", turn.bus_done);
    }
}

/* Dies after every k-th acknowledgement; what was not acknowledged goes out again, what was does not
 * have to. */
static void broker_dies_while_the_bus_catches_up(void)
{
    for (size_t k = 1; k < 40; k += 3) {
        begin();
        journal.durable = 600;
        for (int life = 0; life < 800 && turn.bus_done < journal.durable; life++) {
            come();
            acknowledge(k);
            go();
            second_passes();
        }
        come();
        acknowledge(1000);
        every_row_was_taken("a row was lost in the deaths of the broker");
        if (turn.bus_done != journal.durable) {
            fail("the bus never caught up", turn.bus_done);
        }
    }
}

static void broker_refuses_and_is_put_right(void)
{
    begin();
    broker.is_refusing = true;
    journal.durable = 100;
    come();
    for (int second = 0; second < 60; second++) {
        acknowledge(1000);
        second_passes();
    }
    if (faults_begun == 0 || turn.bus_done > 0) {
        fail("a refused row counts as done", turn.bus_done);
    }
    broker.is_refusing = false;
    broker.last = 0;
    for (int second = 0; second < 30; second++) {
        broker.last = 0; /* each new try begins with the oldest */
        second_passes();
        acknowledge(1000);
    }
    if (turn.bus_done != journal.durable) {
        fail("after the rights were put right the bus does not catch up", turn.bus_done);
    }
}

int main(void)
{
    broker_is_away_for_an_hour();
    rows_go_out_as_they_become_durable();
    broker_dies_while_the_bus_catches_up();
    broker_refuses_and_is_put_right();
    printf("sim_bus: 4 seeds held: an hour without a broker, an ordinary day, deaths while "
           "catching up, "
           "refusals\n");
    return 0;
}
