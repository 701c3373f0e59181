/* pb.c - flat value <-> protobuf. Called by the turn, the command line and exports.
 *
 * Each message has one list of its fields, expanded once to pack and once to unpack, so that the
 * two directions cannot drift apart; tests/unit/alarm/test_pb.c compares the lists with the
 * descriptors.
 */
#include "alarm/pb.h"

#include <string.h>

#include "alarm/message.h"
#include "samlarm/v1/journal.pb-c.h"

/* TEXT(field)  NUMBER(proto, ours)  WORD(field, count): an enumeration with the same numbers */
#define EVENT_FIELDS                                                                               \
    WORD(phase, PHASE_COUNT)                                                                       \
    WORD(class_, CLASS_COUNT)                                                                      \
    WORD(form, FORM_COUNT)                                                                         \
    TEXT(unit)                                                                                     \
    TEXT(place)                                                                                    \
    TEXT(device)                                                                                   \
    TEXT(vendor)                                                                                   \
    TEXT(dialect)                                                                                  \
    TEXT(port)                                                                                     \
    TEXT(reference)                                                                                \
    TEXT(text)                                                                                     \
    TEXT(raw_type)                                                                                 \
    TEXT(config)                                                                                   \
    NUMBER(device_time_ms, device_ms)                                                              \
    NUMBER(gateway_time_ms, gateway_ms)                                                            \
    NUMBER(test, is_test)                                                                          \
    NUMBER(device_unknown, is_device_unknown)                                                      \
    NUMBER(clock_suspect, is_clock_suspect)                                                        \
    NUMBER(unverified, is_unverified)                                                              \
    NUMBER(not_recorded, is_not_recorded)                                                          \
    TEXT(code)                                                                                     \
    NUMBER(sequence, sequence)                                                                     \
    NUMBER(interval_ms, interval_ms)

#define CASE_FIELDS                                                                                \
    WORD(class_, CLASS_COUNT)                                                                      \
    WORD(form, FORM_COUNT)                                                                         \
    WORD(state, CASE_STATE_COUNT)                                                                  \
    TEXT(unit)                                                                                     \
    TEXT(place)                                                                                    \
    TEXT(device)                                                                                   \
    TEXT(dialect)                                                                                  \
    TEXT(port)                                                                                     \
    TEXT(reference)                                                                                \
    TEXT(text)                                                                                     \
    TEXT(plan)                                                                                     \
    TEXT(owner)                                                                                    \
    TEXT(centre)                                                                                   \
    TEXT(reason)                                                                                   \
    TEXT(config)                                                                                   \
    NUMBER(raised_ms, raised_ms)                                                                   \
    NUMBER(changed_ms, changed_ms)                                                                 \
    NUMBER(count, count)                                                                           \
    NUMBER(step, step)                                                                             \
    NUMBER(deadline_ms, deadline_ms)                                                               \
    NUMBER(attempt, attempt)                                                                       \
    NUMBER(centre_accepted, is_centre_accepted)                                                    \
    NUMBER(restored, is_restored)                                                                  \
    NUMBER(test, is_test)                                                                          \
    NUMBER(device_unknown, is_device_unknown)                                                      \
    NUMBER(not_recorded, is_not_recorded)

#define CHANGE_FIELDS WORD(change, CHANGE_COUNT) TEXT(by) TEXT(reason) NUMBER(at_ms, at_ms)
#define RECEIPT_FIELDS WORD(stage, OFFER_STAGE_COUNT) TEXT(staff) NUMBER(at_ms, at_ms)
#define DUTY_FIELDS TEXT(staff) TEXT(unit) NUMBER(on, is_on) NUMBER(at_ms, at_ms)
#define HANDSET_FIELDS WORD(state, HANDSET_STATE_COUNT) TEXT(staff) NUMBER(at_ms, at_ms)
#define SEEN_FIELDS                                                                                \
    TEXT(device)                                                                                   \
    TEXT(port)                                                                                     \
    TEXT(reference)                                                                                \
    NUMBER(at_ms, at_ms) NUMBER(expected_ms, expected_ms) NUMBER(sequence, sequence)
#define FAULT_FIELDS TEXT(what) TEXT(about) NUMBER(over, is_over) NUMBER(at_ms, at_ms)
#define STARTED_FIELDS TEXT(config) TEXT(version) TEXT(boot) NUMBER(at_ms, at_ms)
#define TRIAL_FIELDS                                                                               \
    WORD(state, TRIAL_STATE_COUNT)                                                                 \
    TEXT(device)                                                                                   \
    TEXT(by) NUMBER(at_ms, at_ms) NUMBER(within_ms, within_ms) NUMBER(after_ms, after_ms)
#define ANSWERED_FIELDS TEXT(port) NUMBER(positive, is_positive) NUMBER(at_ms, at_ms)

static ProtobufCBinaryData id_out(const struct alarm_id *id)
{
    return (ProtobufCBinaryData){ALARM_ID_LEN, (uint8_t *)(uintptr_t)id->at};
}

static bool id_in(ProtobufCBinaryData data, struct alarm_id *ret_id)
{
    if (data.len != ALARM_ID_LEN) {
        return false;
    }
    for (size_t i = 0; i < ALARM_ID_LEN; i++) {
        ret_id->at[i] = data.data[i];
    }
    return true;
}

static bool text_in(const char *text, char *ret_text, size_t room)
{
    struct slice a = slice_str(text);
    return slice_is_utf8(a) && slice_text(a, ret_text, room) == ERR_OK;
}

/* protobuf-c wants mutable pointers and writes through none of them while it packs. */
#define TEXT(field) m->field = (char *)(uintptr_t)v->field;
#define NUMBER(proto, ours) m->proto = v->ours;
#define WORD(field, count) m->field = (__typeof__(m->field))v->field;

static void event_out(const struct alarm *v, Samlarm__V1__Event *m)
{
    samlarm__v1__event__init(m);
    EVENT_FIELDS
    m->kind = (Samlarm__V1__Kind)v->kind;
    m->id = id_out(&v->id);
    m->raw = (ProtobufCBinaryData){v->raw.len, (uint8_t *)(uintptr_t)v->raw.at};
}

struct change_out {
    Samlarm__V1__CaseChange change;
    struct case_message inner;
};

void case_message_fill(const struct case_value *v, struct case_message *out)
{
    Samlarm__V1__Case *m = &out->message;
    samlarm__v1__case__init(m);
    CASE_FIELDS
    m->kind = (Samlarm__V1__Kind)v->kind;
    m->id = id_out(&v->id);
    for (size_t i = 0; i < v->offer_count; i++) {
        samlarm__v1__offer__init(&out->offers[i]);
        out->offers[i].staff = (char *)(uintptr_t)v->offers[i].staff;
        out->offers[i].stage = (Samlarm__V1__OfferStage)v->offers[i].stage;
        out->offer_at[i] = &out->offers[i];
    }
    m->offers = out->offer_at;
    m->n_offers = v->offer_count;
}

static void change_out(const struct case_change *v, struct change_out *out)
{
    Samlarm__V1__CaseChange *m = &out->change;
    samlarm__v1__case_change__init(m);
    CHANGE_FIELDS
    case_message_fill(&v->case_, &out->inner);
    m->case_ = &out->inner.message;
}

union small_out {
    Samlarm__V1__Receipt receipt;
    Samlarm__V1__Duty duty;
    Samlarm__V1__Handset handset;
    Samlarm__V1__Seen seen;
    Samlarm__V1__Fault fault;
    Samlarm__V1__Started started;
    Samlarm__V1__Answered answered;
    Samlarm__V1__Trial trial;
};

/* The records without inner messages; `m` and `v` are what the field lists expect. */
#define SMALL_OUT(name, FIELDS)                                                                    \
    static ProtobufCMessage *name##_out(const struct name *v, union small_out *out)                \
    {                                                                                              \
        __typeof__(&out->name) m = &out->name;                                                     \
        samlarm__v1__##name##__init(m);                                                            \
        FIELDS                                                                                     \
        return &m->base;                                                                           \
    }
SMALL_OUT(receipt, RECEIPT_FIELDS m->case_ = id_out(&v->case_id);)
SMALL_OUT(duty, DUTY_FIELDS)
SMALL_OUT(handset, HANDSET_FIELDS)
SMALL_OUT(seen, SEEN_FIELDS)
SMALL_OUT(fault, FAULT_FIELDS)
SMALL_OUT(started, STARTED_FIELDS)
SMALL_OUT(answered, ANSWERED_FIELDS m->event = id_out(&v->event_id);)
SMALL_OUT(trial, TRIAL_FIELDS)

#undef TEXT
#undef NUMBER
#undef WORD

static enum err pack(const ProtobufCMessage *m, struct buf *out)
{
    size_t len = protobuf_c_message_get_packed_size(m);
    if (out->is_full || len > out->room - out->len) {
        out->is_full = true;
        return ERR_FULL;
    }
    out->len += protobuf_c_message_pack(m, out->at + out->len);
    return ERR_OK;
}

enum err event_pack(const struct alarm *event, uint64_t seq, struct buf *out)
{
    Samlarm__V1__Event m;
    event_out(event, &m);
    m.seq = seq;
    return pack(&m.base, out);
}

enum err case_change_pack(const struct case_change *change, uint64_t seq, struct buf *out)
{
    struct change_out m;
    change_out(change, &m);
    m.change.seq = seq;
    return pack(&m.change.base, out);
}

enum err record_pack(const struct record *record, struct buf *out)
{
    Samlarm__V1__Record m = SAMLARM__V1__RECORD__INIT;
    Samlarm__V1__Event event;
    struct change_out change;
    union small_out small;
    m.what_case = (Samlarm__V1__Record__WhatCase)record->type;
    switch (record->type) {
    case RECORD_EVENT:
        event_out(&record->event, &event);
        m.event = &event;
        break;
    case RECORD_CASE:
        change_out(&record->case_, &change);
        m.case_ = &change.change;
        break;
    case RECORD_RECEIPT:
        m.receipt = (Samlarm__V1__Receipt *)receipt_out(&record->receipt, &small);
        break;
    case RECORD_DUTY:
        m.duty = (Samlarm__V1__Duty *)duty_out(&record->duty, &small);
        break;
    case RECORD_HANDSET:
        m.handset = (Samlarm__V1__Handset *)handset_out(&record->handset, &small);
        break;
    case RECORD_SEEN:
        m.seen = (Samlarm__V1__Seen *)seen_out(&record->seen, &small);
        break;
    case RECORD_FAULT:
        m.fault = (Samlarm__V1__Fault *)fault_out(&record->fault, &small);
        break;
    case RECORD_STARTED:
        m.started = (Samlarm__V1__Started *)started_out(&record->started, &small);
        break;
    case RECORD_ANSWERED:
        m.answered = (Samlarm__V1__Answered *)answered_out(&record->answered, &small);
        break;
    case RECORD_TRIAL:
        m.trial = (Samlarm__V1__Trial *)trial_out(&record->trial, &small);
        break;
    case RECORD_NONE:
    case RECORD_TYPE_COUNT:
        return ERR_BUG;
    }
    return pack(&m.base, out);
}

#define TEXT(field) is_good = text_in(m->field, v->field, sizeof v->field) && is_good;
#define NUMBER(proto, ours) v->ours = (__typeof__(v->ours))m->proto;
#define WORD(field, count)                                                                         \
    v->field = (unsigned)m->field < (unsigned)(count) ? (__typeof__(v->field))m->field : 0;

static enum kind kind_in(Samlarm__V1__Kind kind)
{
    return kind_is_known((int)kind) ? (enum kind)kind : KIND_UNKNOWN;
}

static bool event_in(const Samlarm__V1__Event *m, struct alarm *v)
{
    bool is_good = id_in(m->id, &v->id) && m->raw.len <= RAW_MAX;
    EVENT_FIELDS
    v->kind = kind_in(m->kind);
    v->raw = slice_of(m->raw.data, m->raw.len);
    return is_good;
}

static bool case_in(const Samlarm__V1__Case *m, struct case_value *v)
{
    bool is_good = id_in(m->id, &v->id) && m->n_offers <= OFFERS_MAX;
    CASE_FIELDS
    v->kind = kind_in(m->kind);
    for (size_t i = 0; is_good && i < m->n_offers; i++) {
        struct offer *offer = &v->offers[i];
        is_good = text_in(m->offers[i]->staff, offer->staff, sizeof offer->staff);
        offer->stage = (unsigned)m->offers[i]->stage < OFFER_STAGE_COUNT
                           ? (enum offer_stage)m->offers[i]->stage
                           : OFFER_UNKNOWN;
        v->offer_count = i + 1;
    }
    return is_good;
}

static bool change_in(const Samlarm__V1__CaseChange *m, struct case_change *v)
{
    bool is_good = m->case_ != NULL && case_in(m->case_, &v->case_);
    CHANGE_FIELDS
    return is_good;
}

#define SMALL_IN(name, Name, FIELDS)                                                               \
    static bool name##_in(const Samlarm__V1__##Name *m, struct name *v)                            \
    {                                                                                              \
        bool is_good = true;                                                                       \
        FIELDS                                                                                     \
        return is_good;                                                                            \
    }
SMALL_IN(receipt, Receipt, RECEIPT_FIELDS is_good = id_in(m->case_, &v->case_id) && is_good;)
SMALL_IN(duty, Duty, DUTY_FIELDS)
SMALL_IN(handset, Handset, HANDSET_FIELDS)
SMALL_IN(seen, Seen, SEEN_FIELDS)
SMALL_IN(fault, Fault, FAULT_FIELDS)
SMALL_IN(started, Started, STARTED_FIELDS)
SMALL_IN(answered, Answered, ANSWERED_FIELDS is_good = id_in(m->event, &v->event_id) && is_good;)
SMALL_IN(trial, Trial, TRIAL_FIELDS)

static void *arena_get(void *arena, size_t size)
{
    return arena_alloc(arena, 1, size);
}

/* Dropped with the arena. */
static void arena_forget(void *arena, void *at)
{
    (void)arena;
    (void)at;
}

static size_t record_size(enum record_type type)
{
    static const size_t sizes[RECORD_TYPE_COUNT] = {
        [RECORD_EVENT] = sizeof(struct alarm),       [RECORD_CASE] = sizeof(struct case_change),
        [RECORD_RECEIPT] = sizeof(struct receipt),   [RECORD_DUTY] = sizeof(struct duty),
        [RECORD_HANDSET] = sizeof(struct handset),   [RECORD_SEEN] = sizeof(struct seen),
        [RECORD_FAULT] = sizeof(struct fault),       [RECORD_STARTED] = sizeof(struct started),
        [RECORD_ANSWERED] = sizeof(struct answered), [RECORD_TRIAL] = sizeof(struct trial)};
    return sizes[type];
}

static bool record_in(const Samlarm__V1__Record *m, struct record *v)
{
    switch (v->type) {
    case RECORD_EVENT:
        return event_in(m->event, &v->event);
    case RECORD_CASE:
        return change_in(m->case_, &v->case_);
    case RECORD_RECEIPT:
        return receipt_in(m->receipt, &v->receipt);
    case RECORD_DUTY:
        return duty_in(m->duty, &v->duty);
    case RECORD_HANDSET:
        return handset_in(m->handset, &v->handset);
    case RECORD_SEEN:
        return seen_in(m->seen, &v->seen);
    case RECORD_FAULT:
        return fault_in(m->fault, &v->fault);
    case RECORD_STARTED:
        return started_in(m->started, &v->started);
    case RECORD_ANSWERED:
        return answered_in(m->answered, &v->answered);
    case RECORD_TRIAL:
        return trial_in(m->trial, &v->trial);
    case RECORD_NONE:
    case RECORD_TYPE_COUNT:
        break;
    }
    return false;
}

enum err record_unpack(struct slice bytes, struct arena *arena, struct record *ret_record)
{
    if (bytes.len == 0 || bytes.len > RECORD_PACKED_MAX) {
        return ERR_RANGE;
    }
    ProtobufCAllocator allocator = {arena_get, arena_forget, arena};
    Samlarm__V1__Record *m = samlarm__v1__record__unpack(&allocator, bytes.len, bytes.at);
    if (m == NULL) {
        return ERR_SYNTAX;
    }
    /* In place, and only what the type needs: a restart does this for every row of the journal. */
    enum record_type type = (enum record_type)m->what_case;
    if (type <= RECORD_NONE || type >= RECORD_TYPE_COUNT) {
        return ERR_SYNTAX;
    }
    memset(ret_record, 0, offsetof(struct record, event) + record_size(type));
    ret_record->type = type;
    return record_in(m, ret_record) ? ERR_OK : ERR_SYNTAX;
}
