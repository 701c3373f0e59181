/* observation.c - records and stimuli to observations, observations to lines and back. Pure. */
#include "evaluation/observation.h"

#include <string.h>

#include "evaluation/jsonl.h"

static const char *const observed_words[OBSERVED_COUNT] = {
    [OBSERVED_NOTHING] = "nothing",   [OBSERVED_RUN_BEGIN] = "run_begin",
    [OBSERVED_RUN_END] = "run_end",   [OBSERVED_PRESS] = "press",
    [OBSERVED_HOLD] = "hold",         [OBSERVED_RELEASE] = "release",
    [OBSERVED_LINK_CUT] = "link_cut", [OBSERVED_LINK_RESTORED] = "link_restored",
    [OBSERVED_NOTE] = "note",         [OBSERVED_EVENT] = "event",
    [OBSERVED_CASE] = "case",         [OBSERVED_SEEN] = "seen",
    [OBSERVED_ANSWERED] = "answered", [OBSERVED_DUPLICATE] = "duplicate",
    [OBSERVED_FAULT] = "fault",       [OBSERVED_STARTED] = "started",
};

static const char *const witness_words[WITNESS_COUNT] = {"gateway", "bench", "tester"};

const char *observed_word(enum observed what)
{
    return what < OBSERVED_COUNT ? observed_words[what] : observed_words[OBSERVED_NOTHING];
}

const char *witness_word(enum witness by)
{
    return by < WITNESS_COUNT ? witness_words[by] : "unknown";
}

static void copy(char *to, size_t room, const char *from)
{
    enum err err = slice_text(slice_str(from), to, room);
    (void)err; /* cut at a character's boundary, as the header says */
}

static void from_event(const struct alarm *event, struct observation *o)
{
    o->what = OBSERVED_EVENT;
    o->id = event->id;
    o->kind = event->kind;
    o->phase = event->phase;
    o->is_test = event->is_test;
    copy(o->device, sizeof o->device, event->device);
    copy(o->reference, sizeof o->reference, event->reference);
}

static void from_case(const struct case_change *change, struct observation *o)
{
    o->what = OBSERVED_CASE;
    o->id = change->case_.id;
    o->kind = change->case_.kind;
    o->change = change->change;
    o->is_test = change->case_.is_test;
    copy(o->device, sizeof o->device, change->case_.device);
    copy(o->reference, sizeof o->reference, change->case_.reference);
}

static void from_fault(const struct fault *fault, struct observation *o)
{
    struct buf text = buf_of(o->text, sizeof o->text);
    o->what = OBSERVED_FAULT;
    o->is_positive = fault->is_over;
    buf_put_str(&text, fault->what);
    buf_put_str(&text, fault->about[0] == '\0' ? "" : " ");
    buf_put_str(&text, fault->about);
    (void)buf_cstr(&text);
}

enum err observation_from_record(const struct record *record, struct observation *ret)
{
    struct observation o = {.by = WITNESS_GATEWAY, .seq = record->seq};
    o.wall_ms = record_at_ms(record);
    switch (record->type) {
    case RECORD_EVENT:
        from_event(&record->event, &o);
        break;
    case RECORD_CASE:
        from_case(&record->case_, &o);
        break;
    case RECORD_SEEN:
        o.what = OBSERVED_SEEN;
        o.number = record->seen.expected_ms < 0 ? 0 : (uint64_t)record->seen.expected_ms;
        copy(o.device, sizeof o.device, record->seen.device);
        copy(o.reference, sizeof o.reference, record->seen.reference);
        break;
    case RECORD_ANSWERED:
        o.what = OBSERVED_ANSWERED;
        o.id = record->answered.event_id;
        o.is_positive = record->answered.is_positive;
        break;
    case RECORD_FAULT:
        from_fault(&record->fault, &o);
        break;
    case RECORD_STARTED:
        o.what = OBSERVED_STARTED;
        copy(o.text, sizeof o.text, record->started.version);
        break;
    case RECORD_TRIAL:
    case RECORD_NONE:
    case RECORD_RECEIPT:
    case RECORD_DUTY:
    case RECORD_HANDSET:
    case RECORD_TYPE_COUNT:
        return ERR_NOT_MINE;
    }
    *ret = o;
    return ERR_OK;
}

struct observation observation_stimulus(enum observed what, enum witness by, struct now now,
                                        const char *clock, const char *device, uint64_t number,
                                        const char *text)
{
    struct observation o = {.what = what, .by = by, .wall_ms = now.wall_ms, .number = number};
    copy(o.clock, sizeof o.clock, clock);
    o.mono_ms = o.clock[0] == '\0' ? 0 : now.mono_ms;
    copy(o.device, sizeof o.device, device);
    copy(o.text, sizeof o.text, text);
    return o;
}

static void put_text(struct buf *out, const char *key, const char *text)
{
    if (text[0] != '\0') {
        jsonl_put_key(out, key);
        jsonl_put_text(out, slice_str(text));
    }
}

static void put_number(struct buf *out, const char *key, uint64_t number)
{
    if (number != 0) {
        jsonl_put_key(out, key);
        buf_put_u64(out, number);
    }
}

static void put_id(struct buf *out, const struct alarm_id *id)
{
    if (!alarm_id_is_zero(id)) {
        jsonl_put_key(out, "id");
        buf_put_u8(out, '"');
        buf_put_hex(out, slice_of(id->at, ALARM_ID_LEN));
        buf_put_u8(out, '"');
    }
}

enum err observation_put(const struct observation *o, struct buf *out)
{
    buf_put_u8(out, '{');
    put_text(out, "by", witness_word(o->by));
    put_text(out, "change", o->change == CHANGE_UNKNOWN ? "" : change_word(o->change));
    put_text(out, "clock", o->clock);
    put_text(out, "device", o->device);
    put_id(out, &o->id);
    put_text(out, "kind", o->kind == KIND_UNKNOWN ? "" : kind_word(o->kind));
    if (o->clock[0] != '\0') {
        jsonl_put_key(out, "mono_ms");
        buf_put_i64(out, o->mono_ms);
    }
    put_number(out, "number", o->number);
    put_text(out, "phase", o->phase == PHASE_UNKNOWN ? "" : phase_word(o->phase));
    if (o->is_positive) {
        jsonl_put_key(out, "positive");
        buf_put_str(out, "true");
    }
    put_text(out, "reference", o->reference);
    put_number(out, "seq", o->seq);
    if (o->is_test) {
        jsonl_put_key(out, "test");
        buf_put_str(out, "true");
    }
    put_text(out, "text", o->text);
    jsonl_put_key(out, "wall_ms");
    buf_put_i64(out, o->wall_ms);
    put_text(out, "what", observed_word(o->what));
    buf_put_str(out, "}\n");
    return out->is_full ? ERR_FULL : ERR_OK;
}

/* The number of a word among those that `word_of` speaks, from `from` on. */
#define FIND_WORD(word, word_of, type, from, count, ret)                                           \
    for (unsigned i = (from); i < (unsigned)(count); i++) {                                        \
        if (slice_eq_str((word), word_of((type)i))) {                                              \
            *(ret) = (type)i;                                                                      \
            return ERR_OK;                                                                         \
        }                                                                                          \
    }                                                                                              \
    return ERR_UNSUPPORTED

static enum err observed_from(struct slice word, enum observed *ret)
{
    FIND_WORD(word, observed_word, enum observed, OBSERVED_RUN_BEGIN, OBSERVED_COUNT, ret);
}

static enum err witness_from(struct slice word, enum witness *ret)
{
    FIND_WORD(word, witness_word, enum witness, 0, WITNESS_COUNT, ret);
}

static enum err change_from(struct slice word, enum change *ret)
{
    FIND_WORD(word, change_word, enum change, CHANGE_RAISED, CHANGE_COUNT, ret);
}

static enum err id_from(struct slice hex, struct alarm_id *ret)
{
    size_t len = 0;
    enum err err = hex_decode(hex, ret->at, ALARM_ID_LEN, &len);
    return err == ERR_OK && len != ALARM_ID_LEN ? ERR_RANGE : err;
}

static enum err read_text(const struct jsonl_field *f, struct observation *o)
{
    struct {
        const char *key;
        char *to;
        size_t room;
    } const texts[] = {
        {"clock", o->clock, sizeof o->clock},
        {"device", o->device, sizeof o->device},
        {"reference", o->reference, sizeof o->reference},
        {"text", o->text, sizeof o->text},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (slice_eq_str(f->key, texts[i].key)) {
            return slice_text(f->text, texts[i].to, texts[i].room);
        }
    }
    if (slice_eq_str(f->key, "what")) {
        return observed_from(f->text, &o->what);
    }
    if (slice_eq_str(f->key, "by")) {
        return witness_from(f->text, &o->by);
    }
    if (slice_eq_str(f->key, "kind")) {
        return kind_from_word(f->text, &o->kind);
    }
    if (slice_eq_str(f->key, "phase")) {
        return phase_from_word(f->text, &o->phase);
    }
    if (slice_eq_str(f->key, "change")) {
        return change_from(f->text, &o->change);
    }
    return slice_eq_str(f->key, "id") ? id_from(f->text, &o->id) : ERR_UNSUPPORTED;
}

static enum err read_number(const struct jsonl_field *f, struct observation *o)
{
    if (slice_eq_str(f->key, "wall_ms")) {
        o->wall_ms = f->number;
        return ERR_OK;
    }
    if (slice_eq_str(f->key, "mono_ms")) {
        o->mono_ms = f->number;
        return ERR_OK;
    }
    if (f->number <= 0) {
        return ERR_RANGE; /* zero is left out when written */
    }
    if (slice_eq_str(f->key, "seq")) {
        o->seq = (uint64_t)f->number;
        return ERR_OK;
    }
    if (slice_eq_str(f->key, "number")) {
        o->number = (uint64_t)f->number;
        return ERR_OK;
    }
    return ERR_UNSUPPORTED;
}

static enum err read_field(const struct jsonl_field *f, struct observation *o)
{
    switch (f->type) {
    case JSONL_TEXT:
        return read_text(f, o);
    case JSONL_NUMBER:
        return read_number(f, o);
    case JSONL_TRUE:
        o->is_positive = o->is_positive || slice_eq_str(f->key, "positive");
        o->is_test = o->is_test || slice_eq_str(f->key, "test");
        return slice_eq_str(f->key, "positive") || slice_eq_str(f->key, "test") ? ERR_OK
                                                                                : ERR_UNSUPPORTED;
    case JSONL_FALSE:
        break;
    }
    return ERR_UNSUPPORTED;
}

/* Only the journal can say that something arrived, and only with its number. */
static bool is_from_journal(enum observed what)
{
    return what == OBSERVED_EVENT || what == OBSERVED_CASE || what == OBSERVED_SEEN ||
           what == OBSERVED_ANSWERED || what == OBSERVED_FAULT || what == OBSERVED_STARTED;
}

static enum err check_whole(const struct jsonl *object, const struct observation *o)
{
    if (jsonl_find(object, "what") == NULL || jsonl_find(object, "by") == NULL ||
        jsonl_find(object, "wall_ms") == NULL) {
        return ERR_SYNTAX;
    }
    if ((jsonl_find(object, "mono_ms") != NULL) != (o->clock[0] != '\0')) {
        return ERR_SYNTAX;
    }
    bool is_journal = is_from_journal(o->what);
    if (is_journal != (o->by == WITNESS_GATEWAY) || is_journal != (o->seq != 0)) {
        return ERR_AUTH;
    }
    return ERR_OK;
}

struct verdict observation_parse(struct slice line, struct arena *arena, struct observation *ret)
{
    struct jsonl object;
    struct observation o = {0};
    struct arena scratch = *arena;
    struct verdict v = jsonl_parse(line, &scratch, &object);
    if (v.err != ERR_OK) {
        return v;
    }
    for (size_t i = 0; i < object.count; i++) {
        enum err err = read_field(&object.fields[i], &o);
        if (err != ERR_OK) {
            return verdict_at(err, (size_t)(object.fields[i].key.at - line.at));
        }
    }
    enum err err = check_whole(&object, &o);
    if (err != ERR_OK) {
        return verdict_at(err, 0);
    }
    *ret = o;
    return v;
}

static bool is_ending(enum observed what)
{
    return what == OBSERVED_RUN_END || what == OBSERVED_LINK_RESTORED || what == OBSERVED_RELEASE;
}

void observation_merge(const struct observation *stimuli, size_t stimulus_count,
                       const struct observation *rows, size_t row_count,
                       struct observation *ret_all)
{
    size_t s = 0;
    size_t r = 0;
    while (s < stimulus_count || r < row_count) {
        bool is_stimulus = r == row_count;
        if (s < stimulus_count && r < row_count) {
            is_stimulus = stimuli[s].wall_ms < rows[r].wall_ms ||
                          (stimuli[s].wall_ms == rows[r].wall_ms && !is_ending(stimuli[s].what));
        }
        ret_all[s + r] = is_stimulus ? stimuli[s] : rows[r];
        s += is_stimulus ? 1 : 0;
        r += is_stimulus ? 0 : 1;
    }
}

int64_t observation_span_ms(const struct observation *a, const struct observation *b)
{
    bool is_same_clock = a->clock[0] != '\0' && strcmp(a->clock, b->clock) == 0;
    return is_same_clock ? b->mono_ms - a->mono_ms : b->wall_ms - a->wall_ms;
}
