/* test_scaip.c - mrq and mrs: every field, every table, every way to be hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/scaip.h"

static uint8_t memory[SCAIP_ARENA];

/* Parses a copy that is exactly as long as it says. */
static struct verdict parse(const void *body, size_t len, struct scaip_message *ret_message)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    const char *why = NULL;
    assert_non_null(copy);
    memcpy(copy, body, len);
    struct arena arena = arena_of(memory, sizeof memory);
    struct verdict v = scaip_parse(slice_of(copy, len), &arena, ret_message, &why);
    assert_non_null(why);
    assert_true(v.at <= len);
    free(copy); /* values must not point into the body */
    return v;
}

static struct verdict parse_text(const char *body, struct scaip_message *ret_message)
{
    return parse(body, strlen(body), ret_message);
}

static void assert_value(const struct scaip_message *m, enum scaip_tag tag, const char *expected)
{
    assert_true(slice_eq_str(scaip_value(m, tag), expected));
}

static void every_field_comes_back_as_it_was_encoded(void **state)
{
    (void)state;
    struct scaip_message out = {.root = SCAIP_MRQ};
    char texts[SCAIP_TAG_COUNT][32];
    for (unsigned tag = 0; tag < SCAIP_TAG_COUNT; tag++) {
        snprintf(texts[tag], sizeof texts[tag], "<%s&åäö>\"'", scaip_tag_name((enum scaip_tag)tag));
        scaip_set(&out, (enum scaip_tag)tag, slice_str(texts[tag]));
    }
    uint8_t bytes[8192];
    struct buf b = buf_of(bytes, sizeof bytes);
    assert_int_equal(scaip_encode(&out, &b), ERR_OK);
    struct scaip_message in;
    struct verdict v = parse(bytes, b.len, &in);
    assert_int_equal(v.err, ERR_OK);
    assert_int_equal(in.root, SCAIP_MRQ);
    for (unsigned tag = 0; tag < SCAIP_TAG_COUNT; tag++) {
        assert_true(in.has[tag]);
        assert_value(&in, (enum scaip_tag)tag, texts[tag]);
        assert_true(strlen(scaip_tag_text((enum scaip_tag)tag)) > 2);
    }
    assert_string_equal(in.unknown, "");
    assert_false(in.had_blanks || in.had_cut || in.had_repeats);
}

static void answer_comes_back_as_it_was_encoded(void **state)
{
    (void)state;
    struct scaip_message out = {.root = SCAIP_MRS};
    uint8_t bytes[256];
    struct buf b = buf_of(bytes, sizeof bytes);
    scaip_set(&out, SCAIP_ref, slice_str("1234"));
    scaip_set(&out, SCAIP_snu, slice_str("0"));
    assert_int_equal(scaip_encode(&out, &b), ERR_OK);
    assert_string_equal(buf_cstr(&b), "<mrs><ref>1234</ref><snu>0</snu></mrs>");
    struct scaip_message in;
    assert_int_equal(parse(bytes, b.len, &in).err, ERR_OK);
    assert_int_equal(in.root, SCAIP_MRS);
    assert_int_equal(scaip_code(&in, SCAIP_snu), SCAIP_ACCEPTED);
}

static void what_xml_cannot_carry_is_not_encoded(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x01", "\xff", "a\x1f"};
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct scaip_message out = {.root = SCAIP_MRS};
        struct buf b = buf_of(bytes, sizeof bytes);
        scaip_set(&out, SCAIP_ref, slice_str(bad[i]));
        assert_int_equal(scaip_encode(&out, &b), ERR_SYNTAX);
    }
    struct scaip_message none = {.root = SCAIP_NO_ROOT};
    struct buf b = buf_of(bytes, sizeof bytes);
    assert_int_equal(scaip_encode(&none, &b), ERR_RANGE);
    struct scaip_message full = {.root = SCAIP_MRS};
    struct buf small = buf_of(bytes, 8);
    assert_int_equal(scaip_encode(&full, &small), ERR_FULL);
}

static void order_blanks_and_zeros_do_not_matter(void **state)
{
    (void)state;
    struct scaip_message m;
    assert_int_equal(parse_text("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<mrq>\n <mty>PI</mty>"
                                "<dty>0002</dty><stc> 010\n</stc><cid> 8031372</cid>"
                                "<crd>gsm:+</crd><crd>no-voice:</crd><ref>1</ref></mrq>\n",
                                &m)
                         .err,
                     ERR_OK);
    assert_value(&m, SCAIP_cid, "8031372");
    assert_int_equal(scaip_code(&m, SCAIP_dty), 2);
    assert_int_equal(scaip_code(&m, SCAIP_stc), 10);
    assert_int_equal(scaip_code(&m, SCAIP_lco), -1);
    assert_int_equal(scaip_mty_of(&m), SCAIP_PI);
    assert_true(m.had_blanks);
    assert_int_equal(m.caller_count, 2);
    assert_true(slice_eq_str(m.callers[1], "no-voice:"));
    assert_false(m.had_repeats);
}

static void unknown_elements_are_tolerated_and_named(void **state)
{
    (void)state;
    struct scaip_message m;
    assert_int_equal(
        parse_text("<mrq><x><ref>no</ref></x><ref>1<b>2</b>3</ref><y/><ref>2</ref></mrq>", &m).err,
        ERR_OK);
    assert_value(&m, SCAIP_ref, "13");
    assert_string_equal(m.unknown, "x b y");
    assert_true(m.had_repeats);
}

static void other_roots_are_known_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum scaip_root root;
    } cases[] = {
        {"<ATM><version>1.5</version></ATM>", SCAIP_NOWIP},
        {"<scaip><ref>n1</ref></scaip>", SCAIP_SCAIP},
        {"<m xmlns='http://www.hi.se/2012/XScapXML'/>", SCAIP_SCAIPPA},
        {"<a:message-request xmlns:a='http://www.hi.se/2012/XScapXML'/>", SCAIP_SCAIPPA},
        {"<html/>", SCAIP_OTHER},
        {"<MRQ/>", SCAIP_OTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scaip_message m;
        assert_int_equal(parse_text(cases[i].body, &m).err, ERR_NOT_MINE);
        assert_int_equal(m.root, cases[i].root);
        assert_true(strlen(scaip_root_text(m.root)) > 10);
    }
    struct scaip_message m;
    assert_int_equal(parse_text(cases[1].body, &m).err, ERR_NOT_MINE);
    assert_value(&m, SCAIP_ref, "n1");
}

static void broken_document_keeps_the_ref_it_had(void **state)
{
    (void)state;
    struct scaip_message m;
    assert_int_equal(parse_text("<mrq><ref>n0003</ref><cid>1</cid>", &m).err, ERR_SYNTAX);
    assert_value(&m, SCAIP_ref, "n0003");
    assert_int_equal(parse_text("<mrq><ref>n0003</re", &m).err, ERR_SYNTAX);
    assert_false(m.has[SCAIP_ref]);
}

static void every_truncation_of_a_document_is_broken(void **state)
{
    (void)state;
    static const char body[] = "<mrq><ref>1</ref><lge><tim>2026-11-22T12:00:00+01</tim></lge>"
                               "<cid>1</cid><dty>å</dty></mrq>";
    for (size_t len = 0; len < sizeof body - 1; len++) {
        struct scaip_message m;
        assert_int_equal(parse(body, len, &m).err, ERR_SYNTAX);
    }
}

static void entity_bomb_and_every_doctype_are_refused(void **state)
{
    (void)state;
    static const char bomb[] =
        "<!DOCTYPE m [<!ENTITY a \"xxxxxxxxxx\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;&b;&b;&b;\">]><mrq><ref>&c;</ref></mrq>";
    static const char *const bodies[] = {
        bomb,
        "<!DOCTYPE mrq SYSTEM \"file:///etc/passwd\"><mrq/>",
        "<!DOCTYPE mrq><mrq><ref>1</ref></mrq>",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct scaip_message m;
        assert_int_equal(parse_text(bodies[i], &m).err, ERR_UNSUPPORTED);
        assert_false(m.has[SCAIP_ref]);
    }
}

static void strange_encodings_are_refused_and_known_ones_read(void **state)
{
    (void)state;
    struct scaip_message m;
    assert_int_equal(parse_text("<?xml version='1.0' encoding='EBCDIC'?><mrq/>", &m).err,
                     ERR_UNSUPPORTED);
    assert_int_equal(parse_text("<mrq><lte>\xe5</lte></mrq>", &m).err, ERR_SYNTAX);
    assert_int_equal(
        parse_text("<?xml version='1.0' encoding='ISO-8859-1'?><mrq><lte>\xe5</lte></mrq>", &m).err,
        ERR_OK);
    assert_value(&m, SCAIP_lte, "å");
    static const char utf16[] = "\xff\xfe<\0m\0r\0q\0>\0<\0l\0t\0e\0>\0\xe5\0<\0/\0l\0t\0e\0>\0<\0/"
                                "\0m\0r\0q\0>";
    assert_int_equal(parse(utf16, sizeof utf16, &m).err, ERR_OK);
    assert_value(&m, SCAIP_lte, "å");
}

static void nesting_has_a_ceiling(void **state)
{
    (void)state;
    char body[512] = "<mrq>";
    for (int depth = 1; depth < 17; depth++) {
        snprintf(body + strlen(body), sizeof body - strlen(body), "<x>");
    }
    struct scaip_message m;
    assert_int_equal(parse_text(body, &m).err, ERR_FULL);
}

static void sizes_have_ceilings(void **state)
{
    (void)state;
    struct scaip_message m;
    static char body[SCAIP_BODY_MAX + 1];
    memset(body, ' ', sizeof body);
    memcpy(body, "<mrq>", 5);
    memcpy(body + SCAIP_BODY_MAX - 6, "</mrq>", 6);
    assert_int_equal(parse(body, SCAIP_BODY_MAX, &m).err, ERR_OK);
    assert_int_equal(parse(body, SCAIP_BODY_MAX + 1, &m).err, ERR_FULL);
    memset(body + 5, 'x', SCAIP_BODY_MAX - 11);
    memcpy(body + 5, "<lte>", 5);
    memcpy(body + SCAIP_BODY_MAX - 12, "</lte>", 6);
    assert_int_equal(parse(body, SCAIP_BODY_MAX, &m).err, ERR_OK);
    assert_true(m.had_cut);
    assert_int_equal(scaip_value(&m, SCAIP_lte).len, SCAIP_TEXT_MAX);
}

/* Many names, attributes and elements: never more than the arena, never an uncaught failure. */
static void crowded_documents_end_in_a_defined_way(void **state)
{
    (void)state;
    static char body[SCAIP_BODY_MAX];
    struct scaip_message m;
    size_t len = (size_t)snprintf(body, sizeof body, "<mrq>");
    for (int i = 0; len < 60000; i++) {
        len += (size_t)snprintf(body + len, sizeof body - len, "<e%d/>", i);
    }
    assert_int_equal(parse(body, len, &m).err, ERR_FULL);
    len = (size_t)snprintf(body, sizeof body, "<mrq");
    for (int i = 0; len < 60000; i++) {
        len += (size_t)snprintf(body + len, sizeof body - len, " a%d=''", i);
    }
    len += (size_t)snprintf(body + len, sizeof body - len, "/>");
    assert_int_equal(parse(body, len, &m).err, ERR_FULL);
}

static void small_arenas_fail_in_a_defined_way(void **state)
{
    (void)state;
    static const char body[] = "<mrq><ref>1</ref><cid>2</cid><dty>3</dty></mrq>";
    size_t fitting = 0;
    for (size_t room = 0; room < 32768; room += 64) {
        struct arena arena = arena_of(memory, room);
        struct scaip_message m;
        const char *why = "";
        struct verdict v = scaip_parse(slice_str(body), &arena, &m, &why);
        assert_true(v.err == ERR_OK || v.err == ERR_FULL);
        fitting = v.err == ERR_OK && fitting == 0 ? room : fitting;
    }
    assert_in_range(fitting, 1, 20 * 1024); /* what scaip.h says */
}

static void code_tables_say_the_right_words(void **state)
{
    (void)state;
    assert_string_equal(scaip_device_type_text(3), "personal trigger");
    assert_string_equal(scaip_device_type_text(17), "epilepsy sensor");
    assert_string_equal(scaip_device_type_text(35), "latch key");
    assert_string_equal(scaip_device_type_text(47), "fire alarm system");
    assert_string_equal(scaip_device_type_text(51), "tracking device");
    assert_null(scaip_device_type_text(42));
    assert_null(scaip_device_type_text(52));
    assert_null(scaip_device_type_text(-1));
    assert_string_equal(scaip_component_text(29), "module 5");
    assert_string_equal(scaip_component_text(22), "Ethernet");
    assert_null(scaip_component_text(30));
    static const struct {
        int stc;
        const char *text;
    } statuses[] = {{9, "automatic alarm"},
                    {10, "manual alarm"},
                    {14, "battery failure"},
                    {19, "cancel"},
                    {23, "IP link lost"},
                    {28, "deleted"},
                    {40, "error 9"},
                    {49, "inactive"},
                    {52, "jammed"},
                    {61, "level 9"},
                    {67, "malfunction"},
                    {76, "open"},
                    {81, "pill not taken"},
                    {85, "power failure"},
                    {88, "presence after alarm"},
                    {93, "manual reset"},
                    {99, "succeeded"},
                    {102, "test on the primary channel"},
                    {109, "verified"},
                    {110, "assistance wanted"},
                    {112, "IP link back"},
                    {117, "lying in bed"},
                    {123, "radio test missing"},
                    {125, "tamper"},
                    {127, "unlocked"}};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        assert_string_equal(scaip_status_text(statuses[i].stc), statuses[i].text);
    }
    assert_null(scaip_status_text(128));
    assert_string_equal(scaip_location_text(2), "home");
    assert_string_equal(scaip_location_text(36), "property");
    assert_string_equal(scaip_location_text(52), "wing");
    assert_null(scaip_location_text(53));
    assert_string_equal(scaip_answer_text(6), "busy");
    assert_string_equal(scaip_answer_text(99), "undefined error");
    assert_null(scaip_answer_text(8));
    assert_string_equal(scaip_media_text(3), "speaker only");
    assert_string_equal(scaip_call_text(62), "call the transferred number");
    assert_null(scaip_call_text(63));
    assert_string_equal(scaip_system_text(0), "local unit and controller");
    assert_null(scaip_system_text(4));
}

static void caller_addresses_are_told_apart(void **state)
{
    (void)state;
    struct slice address;
    assert_int_equal(scaip_media_of(slice_str("gsm:"), &address), SCAIP_GSM);
    assert_int_equal(address.len, 0);
    assert_int_equal(scaip_media_of(slice_str("no-voice:"), &address), SCAIP_NO_VOICE);
    assert_int_equal(scaip_media_of(slice_str("sip-pp:1@x"), &address), SCAIP_SIP_PP);
    assert_int_equal(scaip_media_of(slice_str("tel:+46"), &address), SCAIP_TEL);
    assert_true(slice_eq_str(address, "+46"));
    assert_int_equal(scaip_media_of(slice_str("sip"), &address), SCAIP_MEDIA_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_comes_back_as_it_was_encoded),
        cmocka_unit_test(answer_comes_back_as_it_was_encoded),
        cmocka_unit_test(what_xml_cannot_carry_is_not_encoded),
        cmocka_unit_test(order_blanks_and_zeros_do_not_matter),
        cmocka_unit_test(unknown_elements_are_tolerated_and_named),
        cmocka_unit_test(other_roots_are_known_by_name),
        cmocka_unit_test(broken_document_keeps_the_ref_it_had),
        cmocka_unit_test(every_truncation_of_a_document_is_broken),
        cmocka_unit_test(entity_bomb_and_every_doctype_are_refused),
        cmocka_unit_test(strange_encodings_are_refused_and_known_ones_read),
        cmocka_unit_test(nesting_has_a_ceiling),
        cmocka_unit_test(sizes_have_ceilings),
        cmocka_unit_test(crowded_documents_end_in_a_defined_way),
        cmocka_unit_test(small_arenas_fail_in_a_defined_way),
        cmocka_unit_test(code_tables_say_the_right_words),
        cmocka_unit_test(caller_addresses_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
