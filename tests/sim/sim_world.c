/* sim_world.c - decide, journal, apply, and the laws that must hold after every single input. */
#include "sim_world.h"

#include <stdlib.h>
#include <string.h>

uint64_t world_random(struct world *w, uint64_t below)
{
    w->random ^= w->random << 13; /* xorshift64 */
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random % below;
}

static bool fold(struct world *w)
{
    struct arena arena = arena_of(w->memory, w->memory_size);
    if (ledger_init(&arena, &w->town->directory, &w->limits, &w->ledger) != ERR_OK) {
        return false;
    }
    for (size_t i = 0; i < w->journal_count; i++) {
        ledger_apply(w->ledger, &w->journal[i], w->now);
    }
    return true;
}

bool world_open(struct world *w, struct town *town, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->town = town;
    w->random = seed * 0x9e3779b97f4a7c15u + 1;
    w->limits = (struct ledger_limits){.cases = 300, .ids = 4096, .recent = 20};
    w->now = (struct now){1762000000000 + (int64_t)seed * 7919000, 1000};
    w->memory_size = ledger_size(&town->directory, &w->limits);
    w->memory = malloc(w->memory_size);
    w->journal = malloc(JOURNAL_MAX * sizeof *w->journal);
    return w->memory != NULL && w->journal != NULL && fold(w);
}

void world_finish(struct world *w)
{
    free(w->memory);
    free(w->journal);
}

struct looking {
    struct world *world;
    const struct case_value *before;
};

/* A list of silences is found by its id, not by a line: who was in one that somebody has taken, and is
 * silent again much later, opens another. */
static bool is_same_line(const struct case_value *a, const struct case_value *b)
{
    if (a->kind == KIND_DEVICE_SILENT && strcmp(a->dialect, "gateway") == 0) {
        return false;
    }
    bool is_technical = kind_is_technical(a->kind);
    return strcmp(a->device, b->device) == 0 && strcmp(a->dialect, b->dialect) == 0 &&
           is_technical == kind_is_technical(b->kind) && (!is_technical || a->kind == b->kind);
}

static bool look_at_pair(void *context, const struct case_value *c)
{
    struct looking *look = context;
    if (c != look->before && is_same_line(c, look->before)) {
        look->world->broken = "two open cases for one line";
    }
    return look->world->broken == NULL;
}

static bool look_at_case(void *context, const struct case_value *c)
{
    struct world *w = context;
    if (c->owner[0] == '\0' && c->deadline_ms == 0 && !c->is_centre_accepted) {
        w->broken = "an open case without owner, deadline or centre";
    } else if (c->deadline_ms != 0 && c->deadline_ms < w->now.wall_ms - 1000) {
        w->broken = "a deadline was missed by more than a second";
    } else if (c->owner[0] != '\0' && c->state != CASE_ACCEPTED && c->state != CASE_ON_SITE) {
        w->broken = "an owner of a case that nobody has accepted";
    } else if (c->state == CASE_RAISED) {
        w->broken = "a case was left before its first step";
    }
    return w->broken == NULL;
}

static void look_at_records(struct world *w)
{
    for (size_t i = 0; i < w->decision.count; i++) {
        const struct record *r = &w->decision.records[i];
        if (r->type != RECORD_CASE) {
            continue;
        }
        if (r->case_.change == CHANGE_CLOSED && r->case_.case_.reason[0] == '\0') {
            w->broken = "closed without a reason";
        }
        w->cases_closed += r->case_.change == CHANGE_CLOSED;
        w->at_centre += r->case_.change == CHANGE_CENTRE_ACCEPTED;
        struct looking look = {w, ledger_case(w->ledger, &r->case_.case_.id)};
        if (look.before != NULL) {
            ledger_each_open(w->ledger, look_at_pair, &look);
        }
    }
}

void world_input(struct world *w, const struct input *input)
{
    bool is_checked = w->journal_count % 8 == 0; /* it costs more than the decision */
    uint64_t before = is_checked ? ledger_fingerprint(w->ledger) : 0;
    ledger_decide(w->ledger, input, w->now, &w->decision);
    if (is_checked && ledger_fingerprint(w->ledger) != before) {
        w->broken = "a decision changed the ledger";
    }
    for (size_t i = 0; i < w->decision.count; i++) {
        struct record *r = &w->decision.records[i];
        r->seq = w->journal_count + 1;
        silence_record(&w->silence, w->ledger, r, w->now);
        if (w->journal_count < JOURNAL_MAX) {
            w->journal[w->journal_count++] = *r;
        } else {
            w->broken = "the journal of the simulation is full";
        }
        ledger_apply(w->ledger, r, w->now);
    }
    const struct alarm *alarm = input->type == INPUT_ALARM ? input->alarm : NULL;
    if (alarm != NULL && w->decision.reply.err == ERR_OK && !alarm->is_device_unknown) {
        silence_heard(&w->silence, alarm->device, alarm->interval_ms, w->now);
    }
    look_at_records(w);
    w->broken = w->broken == NULL ? w->silence.broken : w->broken;
    if (input->type != INPUT_TICK) { /* after ticks: when all that is due is done */
        ledger_each_open(w->ledger, look_at_case, w);
    }
}

void world_alive(struct world *w, const char *device, int64_t interval_ms)
{
    struct alarm alarm = {.phase = PHASE_RAISED, .interval_ms = interval_ms};
    (void)slice_text(slice_str(device), alarm.device, sizeof alarm.device);
    struct input input = {.type = INPUT_ALIVE, .alarm = &alarm};
    world_input(w, &input);
    ledger_heard(w->ledger, device, w->now);
    silence_heard(&w->silence, device, interval_ms, w->now);
}

static void look_at_silence(struct world *w)
{
    size_t most = w->limits.cases - w->limits.cases / 4;
    silence_look(&w->silence, w->ledger, w->now, ledger_open_count(w->ledger) >= most);
    w->broken = w->broken == NULL ? w->silence.broken : w->broken;
}

static void wake(struct world *w)
{
    struct input tick = {.type = INPUT_TICK};
    for (int i = 0; i < 100 && w->broken == NULL; i++) {
        world_input(w, &tick);
        if (!w->decision.reply.is_more && ledger_next_wake(w->ledger, w->now) > w->now.wall_ms) {
            ledger_each_open(w->ledger, look_at_case, w);
            look_at_silence(w);
            return;
        }
    }
    if (w->broken == NULL) {
        w->broken = "a tick that never ends";
    }
}

void world_pass(struct world *w, int64_t ms)
{
    int64_t end_ms = w->now.wall_ms + ms;
    while (w->broken == NULL) {
        int64_t due_ms = ledger_next_wake(w->ledger, w->now);
        int64_t next_ms = due_ms < end_ms ? due_ms : end_ms;
        int64_t step_ms = next_ms > w->now.wall_ms ? next_ms - w->now.wall_ms : 0;
        w->now.wall_ms += step_ms;
        w->now.mono_ms += step_ms;
        if (due_ms > end_ms) {
            return;
        }
        wake(w);
    }
}

void world_restart(struct world *w, int64_t down_ms)
{
    uint64_t live = ledger_fingerprint(w->ledger);
    w->now.wall_ms += down_ms;
    w->now.mono_ms = 1000; /* another boot: the monotonic clock begins anew */
    if (!fold(w) || ledger_fingerprint(w->ledger) != live) {
        w->broken = "the fold of the journal is not the live state";
        return;
    }
    struct input started = {.type = INPUT_STARTED, .reason = "boot", .to = "sim"};
    ledger_decide(w->ledger, &started, w->now, &w->decision);
    w->journal[w->journal_count] = w->decision.records[0];
    w->journal[w->journal_count].seq = w->journal_count + 1;
    ledger_apply(w->ledger, &w->journal[w->journal_count++], w->now);
    silence_began(&w->silence, w->town, w->now);
    if (ledger_next_wake(w->ledger, w->now) <= w->now.wall_ms) {
        wake(w);
    }
}
