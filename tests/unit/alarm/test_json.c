/* test_json.c - websocket frames: canonical JSON both ways, and what is refused. */
#include "alarm/json.h"
#include "alarm/topic.h"
#include "samlarm/v1/client.pb-c.h"
#include "unit/sentences.h"

static uint8_t memory[32768];

static enum err parse(const char *text, Samlarm__V1__FromClient **ret)
{
    struct arena arena = arena_of(memory, sizeof memory);
    ProtobufCMessage *message = NULL;
    enum err err =
        json_parse(slice_str(text), &samlarm__v1__from_client__descriptor, &arena, &message, NULL);
    *ret = (Samlarm__V1__FromClient *)message;
    return err;
}

static void client_verbs_are_understood(void **state)
{
    (void)state;
    Samlarm__V1__FromClient *m = NULL;
    assert_int_equal(
        parse("{\"id\":\"c1\",\"accept\":{\"case\":\"AAECAwQFBgcICQoLDA0ODw==\"}}", &m), ERR_OK);
    assert_text(m->id, "c1");
    assert_int_equal(m->what_case, SAMLARM__V1__FROM_CLIENT__WHAT_ACCEPT);
    assert_int_equal(m->accept->case_.len, 16);
    assert_int_equal(m->accept->case_.data[15], 15);
    assert_int_equal(parse("{\"hello\":{\"ticket\":\"t\",\"seq\":\"18\",\"language\":\"sv\"}}", &m),
                     ERR_OK);
    assert_int_equal(m->hello->seq, 18);
    assert_int_equal(parse("{\"receipt\":{\"stage\":\"OFFER_STAGE_DISPLAYED\"}}", &m), ERR_OK);
    assert_int_equal(m->receipt->stage, SAMLARM__V1__OFFER_STAGE__OFFER_STAGE_DISPLAYED);
    assert_int_equal(parse("{\"handOver\":{\"to\":\"1002\"}}", &m), ERR_OK);
    assert_text(m->hand_over->to, "1002");
}

static void what_is_not_understood_is_refused(void **state)
{
    (void)state;
    Samlarm__V1__FromClient *m = NULL;
    assert_int_equal(parse("{\"id\":\"1\",\"drop\":{}}", &m), ERR_UNSUPPORTED);
    assert_int_equal(parse("{\"accept\":{},\"close\":{}}", &m), ERR_SYNTAX);
    assert_int_equal(parse("{\"id\":5}", &m), ERR_SYNTAX);
    assert_int_equal(parse("{\"id\":\"a\",\"id\":\"b\"}", &m), ERR_SYNTAX);
    assert_int_equal(parse("[]", &m), ERR_SYNTAX);
    assert_int_equal(parse("{\"receipt\":{\"stage\":\"NOPE\"}}", &m), ERR_UNSUPPORTED);
    assert_int_equal(parse("{\"ready\":{\"battery\":3000000000}}", &m), ERR_RANGE);
    assert_int_equal(parse("{\"accept\":{\"case\":\"**\"}}", &m), ERR_SYNTAX);
    assert_int_equal(parse("{\"accept\":{\"reason\":\"a\\u0000b\"}}", &m), ERR_SYNTAX);
    assert_int_equal(parse("{\"id\":\"\xff\"}", &m), ERR_SYNTAX);
    assert_int_equal(parse("", &m), ERR_SYNTAX);
}

static void snapshot_is_written_as_canonical_json(void **state)
{
    (void)state;
    char room[2048];
    struct buf out = buf_of(room, sizeof room);
    uint8_t id[2] = {0xff, 0};
    Samlarm__V1__Case c = SAMLARM__V1__CASE__INIT;
    c.id = (ProtobufCBinaryData){2, id};
    c.class_ = SAMLARM__V1__CLASS__CLASS_LIFE;
    c.raised_ms = 1795356187123;
    c.count = 2;
    Samlarm__V1__CaseShown shown = SAMLARM__V1__CASE_SHOWN__INIT;
    shown.case_ = &c;
    shown.place_label = (char[]){"Rum \"12\"\n"};
    shown.mine = true;
    char *others[] = {(char[]){"Sara"}, (char[]){"Åke"}};
    shown.others = others;
    shown.n_others = 2;
    Samlarm__V1__CaseShown *cases[] = {&shown};
    Samlarm__V1__Snapshot snapshot = SAMLARM__V1__SNAPSHOT__INIT;
    snapshot.cases = cases;
    snapshot.n_cases = 1;
    Samlarm__V1__ToClient to = SAMLARM__V1__TO_CLIENT__INIT;
    to.what_case = SAMLARM__V1__TO_CLIENT__WHAT_SNAPSHOT;
    to.snapshot = &snapshot;
    assert_int_equal(json_put(&to.base, &out), ERR_OK);
    assert_slice(buf_slice(&out),
                 "{\"snapshot\":{\"cases\":[{\"case\":{\"id\":\"/wA=\",\"class\":\"CLASS_LIFE\","
                 "\"raisedMs\":\"1795356187123\",\"count\":2},\"placeLabel\":\"Rum "
                 "\\\"12\\\"\\u000a\",\"mine\":true,\"others\":[\"Sara\",\"Åke\"]}]}}");
    struct buf small = buf_of(room, 20);
    assert_int_equal(json_put(&to.base, &small), ERR_FULL);
}

static void topics_keep_their_levels(void **state)
{
    (void)state;
    char room[TOPIC_MAX];
    struct buf out = buf_of(room, sizeof room);
    struct alarm a = {.form = FORM_SPECIAL, .unit = "bjorken", .device = "201/1+2#"};
    assert_int_equal(topic_event("bjorkala", &a, &out), ERR_OK);
    assert_slice(buf_slice(&out), "samlarm/1/bjorkala/event/special/bjorken/201_1_2_");
    struct slice rest;
    assert_int_equal(topic_rest("bjorkala", slice_str("samlarm/1/bjorkala/command/x"), &rest),
                     ERR_OK);
    assert_slice(rest, "command/x");
    assert_int_equal(topic_rest("bjorkala", slice_str("samlarm/1/annan/command/x"), &rest),
                     ERR_NOT_MINE);
    out = buf_of(room, sizeof room);
    struct case_value c = {.id = {{0xab}}};
    assert_int_equal(topic_case("m", &c, &out), ERR_OK);
    assert_slice(buf_slice(&out), "samlarm/1/m/case/-/ab000000000000000000000000000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_verbs_are_understood),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(snapshot_is_written_as_canonical_json),
        cmocka_unit_test(topics_keep_their_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
