/* test_pb.c - no field is forgotten between the flat values and the protobuf messages. */
#include "alarm/pb.h"
#include "samlarm/v1/journal.pb-c.h"
#include "unit/sentences.h"

static uint8_t packed[RECORD_PACKED_MAX];
static uint8_t memory[RECORD_ARENA];

static struct record round_trip(const struct record *record)
{
    struct record back = {0};
    struct buf out = buf_of(packed, sizeof packed);
    struct arena arena = arena_of(memory, sizeof memory);
    assert_int_equal(record_pack(record, &out), ERR_OK);
    assert_int_equal(record_unpack(buf_slice(&out), &arena, &back), ERR_OK);
    return back;
}

#define FILL(array, text) assert_int_equal(slice_text(slice_str(text), array, sizeof array), ERR_OK)

static struct alarm an_alarm(void)
{
    struct alarm a = {.kind = KIND_FALL,
                      .class_ = CLASS_LIFE,
                      .phase = PHASE_RAISED,
                      .form = FORM_SUPPORT,
                      .device_ms = 1,
                      .gateway_ms = 2,
                      .is_test = true,
                      .is_device_unknown = true,
                      .is_clock_suspect = true,
                      .is_unverified = true,
                      .is_not_recorded = true,
                      .sequence = 4711,
                      .interval_ms = 240000,
                      .raw = slice_str("<mrq/>")};
    FILL(a.unit, "bjorken");
    FILL(a.place, "p7f3a");
    FILL(a.device, "26317/1");
    FILL(a.vendor, "Exempel AB");
    FILL(a.dialect, "scaip");
    FILL(a.port, "trygghet");
    FILL(a.reference, "00001A85");
    FILL(a.text, "dörr på glänt");
    FILL(a.code, "0010");
    FILL(a.config, "0123456789abcdef");
    FILL(a.raw_type, "application/scaip+xml");
    a.id = alarm_make_id(&a);
    return a;
}

static struct case_value a_case(void)
{
    struct case_value c = {.id = alarm_make_id(&(struct alarm){.device = "x"}),
                           .kind = KIND_DOOR,
                           .class_ = CLASS_URGENT,
                           .form = FORM_ORDINARY,
                           .state = CASE_ACCEPTED,
                           .raised_ms = 10,
                           .changed_ms = 11,
                           .count = 3,
                           .step = 2,
                           .deadline_ms = 12,
                           .attempt = 4,
                           .is_centre_accepted = true,
                           .is_restored = true,
                           .is_test = true,
                           .is_device_unknown = true,
                           .is_not_recorded = true,
                           .offer_count = 2};
    FILL(c.unit, "eken");
    FILL(c.place, "pl");
    FILL(c.device, "d1");
    FILL(c.dialect, "espa444");
    FILL(c.port, "anrop");
    FILL(c.reference, "r");
    FILL(c.text, "RUM 12 LARM");
    FILL(c.plan, "dag");
    FILL(c.owner, "1001");
    FILL(c.centre, "trygg");
    FILL(c.reason, "done");
    FILL(c.config, "cfg");
    FILL(c.offers[0].staff, "1001");
    c.offers[0].stage = OFFER_ACCEPTED;
    FILL(c.offers[1].staff, "1002");
    c.offers[1].stage = OFFER_SUPERSEDED;
    return c;
}

static void event_comes_back_with_every_field(void **state)
{
    (void)state;
    struct record record = {.type = RECORD_EVENT, .event = an_alarm()};
    struct record back = round_trip(&record);
    assert_int_equal(back.type, RECORD_EVENT);
    assert_slice(back.event.raw, "<mrq/>");
    back.event.raw = record.event.raw;
    assert_memory_equal(&back.event.id, &record.event.id, ALARM_ID_LEN);
    /* unpack begins from zeroes, so that even the padding is the same */
    assert_memory_equal(&back.event, &record.event, offsetof(struct alarm, raw));
    assert_text(back.event.raw_type, "application/scaip+xml");
}

static void case_change_comes_back_with_every_field(void **state)
{
    (void)state;
    struct record record = {.type = RECORD_CASE,
                            .case_ = {.change = CHANGE_ACCEPTED, .at_ms = 99, .case_ = a_case()}};
    FILL(record.case_.by, "1001");
    FILL(record.case_.reason, "why");
    struct record back = round_trip(&record);
    assert_memory_equal(&back.case_, &record.case_, sizeof record.case_);
}

static void small_records_come_back(void **state)
{
    (void)state;
    struct record receipt = {.type = RECORD_RECEIPT,
                             .receipt = {.stage = OFFER_SOUNDED, .at_ms = 5}};
    receipt.receipt.case_id.at[3] = 9;
    FILL(receipt.receipt.staff, "7");
    struct record duty = {.type = RECORD_DUTY, .duty = {"7", "eken", true, 6}};
    struct record handset = {.type = RECORD_HANDSET, .handset = {"7", HANDSET_READY, 7}};
    struct record seen = {.type = RECORD_SEEN, .seen = {"d", "p", "r", 8, 60000, 77}};
    struct record fault = {.type = RECORD_FAULT, .fault = {"bus_refused", "topic", true, 9}};
    struct record started = {.type = RECORD_STARTED, .started = {"c", "0.1.0", "b", 10}};
    struct record answered = {.type = RECORD_ANSWERED,
                              .answered = {.port = "p", .is_positive = true}};
    answered.answered.event_id.at[0] = 1;
    struct record trial = {.type = RECORD_TRIAL,
                           .trial = {"d", TRIAL_HEARD, "1001", 11, 600000, 4711}};
    const struct record *all[] = {&receipt, &duty,    &handset,  &seen,
                                  &fault,   &started, &answered, &trial};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct record back = round_trip(all[i]);
        assert_int_equal(back.type, all[i]->type);
        assert_memory_equal(&back.answered, &all[i]->answered, sizeof back.answered);
        assert_memory_equal(&back.seen, &all[i]->seen, sizeof back.seen);
        assert_memory_equal(&back.trial, &all[i]->trial, sizeof back.trial);
    }
}

static void every_record_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (int a = RECORD_NONE; a < RECORD_TYPE_COUNT; a++) {
        assert_non_null(record_type_word((enum record_type)a));
        for (int b = RECORD_NONE; b < a; b++) {
            assert_string_not_equal(record_type_word((enum record_type)a),
                                    record_type_word((enum record_type)b));
        }
    }
    for (int a = TRIAL_UNKNOWN; a < TRIAL_STATE_COUNT; a++) {
        assert_non_null(trial_state_word((enum trial_state)a));
    }
}

/* Every field of the message that we fill must leave a trace in the packed bytes. */
static void no_field_of_the_messages_is_left_out(void **state)
{
    (void)state;
    struct buf out = buf_of(packed, sizeof packed);
    struct alarm alarm = an_alarm();
    assert_int_equal(event_pack(&alarm, 1234, &out), ERR_OK);
    Samlarm__V1__Event *m = samlarm__v1__event__unpack(NULL, out.len, out.at);
    assert_non_null(m);
    struct buf again = buf_of(memory, sizeof memory);
    for (unsigned i = 0; i < m->base.descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &m->base.descriptor->fields[i];
        const void *at = (const uint8_t *)m + field->offset;
        bool is_set = field->type == PROTOBUF_C_TYPE_STRING ? (*(char *const *)at)[0] != '\0'
                                                            : *(const uint8_t *)at != 0;
        if (!is_set) {
            fail_msg("field %s was not packed", field->name);
        }
        buf_put_str(&again, field->name);
    }
    samlarm__v1__event__free_unpacked(m, NULL);
    out = buf_of(packed, sizeof packed);
    struct case_change change = {.change = CHANGE_OFFERED, .at_ms = 1, .case_ = a_case()};
    assert_int_equal(case_change_pack(&change, 5, &out), ERR_OK);
    Samlarm__V1__CaseChange *c = samlarm__v1__case_change__unpack(NULL, out.len, out.at);
    assert_non_null(c);
    for (unsigned i = 0; i < c->case_->base.descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &c->case_->base.descriptor->fields[i];
        const void *at = (const uint8_t *)c->case_ + field->offset;
        bool is_set = field->type == PROTOBUF_C_TYPE_STRING ? (*(char *const *)at)[0] != '\0'
                                                            : *(const uint8_t *)at != 0;
        if (!is_set) {
            fail_msg("field %s was not packed", field->name);
        }
    }
    samlarm__v1__case_change__free_unpacked(c, NULL);
}

static void numbers_of_our_enumerations_are_those_of_the_proto(void **state)
{
    (void)state;
    const struct {
        const ProtobufCEnumDescriptor *descriptor;
        const char *prefix;
        const char *(*word)(int);
    } rows[] = {{&samlarm__v1__kind__descriptor, "KIND_", (const char *(*)(int))kind_word},
                {&samlarm__v1__class__descriptor, "CLASS_", (const char *(*)(int))class_word},
                {&samlarm__v1__phase__descriptor, "PHASE_", (const char *(*)(int))phase_word},
                {&samlarm__v1__form__descriptor, "FORM_", (const char *(*)(int))form_word},
                {&samlarm__v1__change__descriptor, "CHANGE_", (const char *(*)(int))change_word},
                {&samlarm__v1__case_state__descriptor, "CASE_STATE_",
                 (const char *(*)(int))case_state_word},
                {&samlarm__v1__offer_stage__descriptor, "OFFER_STAGE_",
                 (const char *(*)(int))offer_stage_word},
                {&samlarm__v1__handset_state__descriptor, "HANDSET_STATE_",
                 (const char *(*)(int))handset_state_word}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned j = 0; j < rows[i].descriptor->n_values; j++) {
            const ProtobufCEnumValue *value = &rows[i].descriptor->values[j];
            const char *expected = value->name + strlen(rows[i].prefix);
            const char *word = rows[i].word(value->value);
            for (size_t k = 0; expected[k] != '\0'; k++) {
                int lower = expected[k] == '_' ? '_' : expected[k] + 32;
                assert_int_equal(word[k], lower);
            }
            assert_int_equal(strlen(word), strlen(expected));
        }
    }
    assert_int_equal(RECORD_TYPE_COUNT - 1, samlarm__v1__record__descriptor.n_fields);
}

static void every_truncation_is_refused_or_smaller_and_never_read_past(void **state)
{
    (void)state;
    struct buf out = buf_of(packed, sizeof packed);
    struct record record = {.type = RECORD_CASE, .case_ = {.case_ = a_case()}};
    assert_int_equal(record_pack(&record, &out), ERR_OK);
    for (size_t len = 0; len < out.len; len++) {
        uint8_t *exact = test_malloc(len + 1);
        memcpy(exact + 1, packed, len);
        struct arena arena = arena_of(memory, sizeof memory);
        struct record back;
        assert_int_not_equal(record_unpack(slice_of(exact + 1, len), &arena, &back), ERR_OK);
        test_free(exact);
    }
}

static void hostile_messages_stay_within_the_arena(void **state)
{
    (void)state;
    /* a case with thousands of empty offers: field 2 of Record, field 6 of CaseChange, field 22 */
    static uint8_t bytes[RECORD_PACKED_MAX];
    struct buf b = buf_of(bytes, sizeof bytes);
    const size_t offers = 2000;
    size_t case_len = offers * 3;
    buf_put(&b, "\x12", 1);
    size_t change_len = 1 + 2 + case_len;
    buf_put_u8(&b, (uint8_t)(change_len | 0x80));
    buf_put_u8(&b, (uint8_t)(change_len >> 7));
    buf_put(&b, "\x32", 1);
    buf_put_u8(&b, (uint8_t)(case_len | 0x80));
    buf_put_u8(&b, (uint8_t)(case_len >> 7));
    for (size_t i = 0; i < offers; i++) {
        buf_put(&b, "\xb2\x01\x00", 3);
    }
    struct arena arena = arena_of(memory, sizeof memory);
    struct record back;
    assert_int_not_equal(record_unpack(buf_slice(&b), &arena, &back), ERR_OK);
    assert_int_equal(record_unpack(slice_of(bytes, 0), &arena, &back), ERR_RANGE);
}

static void id_is_the_same_for_a_repetition_and_differs_by_each_part(void **state)
{
    (void)state;
    struct alarm a = an_alarm();
    struct alarm b = a;
    b.gateway_ms = 77; /* when it came does not matter */
    b.is_unverified = false;
    struct alarm_id first = alarm_make_id(&a);
    struct alarm_id second = alarm_make_id(&b);
    assert_true(alarm_id_eq(&first, &second));
    FILL(b.reference, "00001A86");
    second = alarm_make_id(&b);
    assert_false(alarm_id_eq(&first, &second));
    b = a;
    b.phase = PHASE_RESTORED;
    second = alarm_make_id(&b);
    assert_false(alarm_id_eq(&first, &second));
}

static void check_refuses_control_characters_and_strange_numbers(void **state)
{
    (void)state;
    struct alarm a = an_alarm();
    assert_int_equal(alarm_check(&a), ERR_OK);
    FILL(a.text, "line\nbreak");
    assert_int_equal(alarm_check(&a), ERR_SYNTAX);
    a = an_alarm();
    a.kind = (enum kind)31;
    assert_int_equal(alarm_check(&a), ERR_RANGE);
    a = an_alarm();
    a.device[0] = '\0';
    assert_int_equal(alarm_check(&a), ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_comes_back_with_every_field),
        cmocka_unit_test(case_change_comes_back_with_every_field),
        cmocka_unit_test(every_record_has_a_word_of_its_own),
        cmocka_unit_test(small_records_come_back),
        cmocka_unit_test(no_field_of_the_messages_is_left_out),
        cmocka_unit_test(numbers_of_our_enumerations_are_those_of_the_proto),
        cmocka_unit_test(every_truncation_is_refused_or_smaller_and_never_read_past),
        cmocka_unit_test(hostile_messages_stay_within_the_arena),
        cmocka_unit_test(id_is_the_same_for_a_repetition_and_differs_by_each_part),
        cmocka_unit_test(check_refuses_control_characters_and_strange_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
