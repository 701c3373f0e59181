/* test_espax.c - ESPA-X: header and document, there and back, cut at every byte, and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wire/espax.h"

static uint8_t memory[ESPAX_ARENA];
static uint8_t room[ESPAX_MESSAGE_MAX + 4096];

/* Parses a copy that is exactly as long as it says. */
static struct verdict parse(const void *document, size_t len, struct espax_message *ret_message)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    const char *why = NULL;
    assert_non_null(copy);
    memcpy(copy, document, len);
    struct arena arena = arena_of(memory, sizeof memory);
    struct verdict v = espax_parse(slice_of(copy, len), &arena, ret_message, &why);
    assert_non_null(why);
    assert_true(v.err == ERR_OK || why[0] != '\0');
    assert_true(v.at <= len);
    free(copy); /* values must not point into the document */
    return v;
}

static enum err parse_text(const char *document, struct espax_message *ret_message)
{
    return parse(document, strlen(document), ret_message).err;
}

#define IN_START(inner)                                                                            \
    "<ESPA-X version=\"1.00\"><REQ.P-START invokeID=\"7\" sessionID=\"s\">" inner                  \
    "</REQ.P-START></ESPA-X>"

static struct espax_message example(enum espax_type type)
{
    struct espax_message m = {.type = type,
                              .timestamp = slice_str("2026-01-02T12:00:00"),
                              .invoke = slice_str("18446744073709551615"),
                              .session = slice_str("20260102120000-1 <&å>")};
    static char texts[ESPAX_FIELD_COUNT][32];
    for (unsigned i = 0; i < ESPAX_FIELD_COUNT; i++) {
        snprintf(texts[i], sizeof texts[i], "%u <&åäö>\"' %u", i, i);
        m.values[i] = slice_str(texts[i]);
    }
    return m;
}

static void every_message_comes_back_with_every_value(void **state)
{
    (void)state;
    for (unsigned type = 1; type < ESPAX_TYPE_COUNT; type++) {
        struct espax_message out = example((enum espax_type)type);
        struct buf b = buf_of(room, sizeof room);
        assert_int_equal(espax_encode(&out, 0xfffffff5, &b), ERR_OK);
        struct slice document;
        uint32_t number = 0;
        struct verdict v = espax_frame(buf_slice(&b), &document, &number);
        assert_int_equal(v.err, ERR_OK);
        assert_int_equal(v.at, b.len);
        assert_int_equal(number, 0xfffffff5);
        struct espax_message in;
        assert_int_equal(parse(document.at, document.len, &in).err, ERR_OK);
        assert_int_equal(in.type, type);
        assert_true(strlen(espax_type_name(in.type)) > 8);
        assert_true(slice_eq_str(in.version, "1.00"));
        assert_true(slice_eq(in.timestamp, out.timestamp));
        assert_true(slice_eq(in.invoke, out.invoke));
        assert_true(slice_eq(in.session, out.session));
        assert_false(in.was_cut);
        for (unsigned i = 0; i < ESPAX_FIELD_COUNT; i++) {
            assert_true(slice_eq(in.values[i], out.values[i]));
        }
    }
}

static void encoding_appends_and_refuses_what_does_not_go(void **state)
{
    (void)state;
    struct buf b = buf_of(room, sizeof room);
    struct espax_message m = {.type = ESPAX_REQ_HEARTBEAT};
    buf_put_str(&b, "before");
    assert_int_equal(espax_encode(&m, 1, &b), ERR_OK);
    assert_memory_equal(room, "beforeEX\0\0", 10);
    assert_int_equal(room[11], b.len - 6);
    m.values[ESPAX_CP_TEXTMSG] = slice_str("\x01");
    assert_int_equal(espax_encode(&m, 1, &b), ERR_SYNTAX);
    m.values[ESPAX_CP_TEXTMSG] = slice_str("\xff");
    assert_int_equal(espax_encode(&m, 1, &b), ERR_SYNTAX);
    m.values[ESPAX_CP_TEXTMSG] = slice_of(NULL, 0);
    m.session = slice_str("a\"b");
    assert_int_equal(espax_encode(&m, 1, &b), ERR_SYNTAX);
    m.session = slice_of(NULL, 0);
    struct buf small = buf_of(room, 100);
    assert_int_equal(espax_encode(&m, 1, &small), ERR_FULL);
    m.type = ESPAX_NO_TYPE;
    assert_int_equal(espax_encode(&m, 1, &b), ERR_RANGE);
    assert_string_equal(espax_type_name(ESPAX_TYPE_COUNT), "");
}

/* Nothing behind the last byte may be touched: there the guard page begins. */
static void every_prefix_asks_for_more_before_a_guard_page(void **state)
{
    (void)state;
    struct espax_message m = example(ESPAX_REQ_P_START);
    struct buf b = buf_of(room, sizeof room);
    assert_int_equal(espax_encode(&m, 5, &b), ERR_OK);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t span = (b.len / page + 2) * page;
    uint8_t *pages = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + span - page, page, PROT_NONE), 0);
    for (size_t len = 0; len <= b.len; len++) {
        uint8_t *at = pages + span - page - len;
        struct slice document = slice_of(NULL, 0);
        uint32_t number = 0;
        memcpy(at, room, len);
        struct verdict v = espax_frame(slice_of(at, len), &document, &number);
        assert_int_equal(v.err, len < b.len ? ERR_MORE : ERR_OK);
        assert_int_equal(v.at, len);
        if (len < ESPAX_HEADER_LEN) {
            continue;
        }
        struct espax_message in;
        const char *why = "";
        struct arena arena = arena_of(memory, sizeof memory);
        v = espax_parse(slice_of(at + ESPAX_HEADER_LEN, len - ESPAX_HEADER_LEN), &arena, &in, &why);
        /* the line feed at the end is not missed */
        assert_int_equal(v.err, len + 1 < b.len ? ERR_SYNTAX : ERR_OK);
    }
    munmap(pages, span);
}

static void header_that_no_message_has_is_refused_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        enum err err;
        size_t at;
    } cases[] = {{"F", 1, ERR_NOT_MINE, 0},
                 {"EY", 2, ERR_NOT_MINE, 1},
                 {"\x02<ESPA-X", 8, ERR_NOT_MINE, 0},
                 {"EX\0\0\0\x0a\0\0\0\0", 10, ERR_RANGE, 2},
                 {"EX\0\0\0\0\0\0\0\0", 10, ERR_RANGE, 2},
                 {"EX\0\1\0\0\0\0\0\0", 10, ERR_FULL, 2},
                 {"EX\xff\xff\xff\xff\0\0\0\0", 10, ERR_FULL, 2},
                 {"EX\0\0\xff\xff\0\0\0\0", 10, ERR_MORE, 10},
                 {"", 0, ERR_MORE, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice document;
        uint32_t number = 0;
        struct verdict v = espax_frame(slice_of(cases[i].bytes, cases[i].len), &document, &number);
        assert_int_equal(v.err, cases[i].err);
        assert_int_equal(v.at, cases[i].at);
    }
}

static void document_is_refused_for_what_is_wrong_with_it(void **state)
{
    (void)state;
    static const struct {
        const char *document;
        enum err err;
    } cases[] = {
        {"", ERR_SYNTAX},
        {"<", ERR_SYNTAX},
        {"<ESPA-X version=\"1.00\"/>", ERR_SYNTAX},
        {"<ESPA-X version=\"1.00\">REQ.LOGIN</ESPA-X>", ERR_SYNTAX},
        {"<ESPA-X version=\"1.00\"><REQ.LOGIN/><REQ.LOGIN/></ESPA-X>", ERR_SYNTAX},
        {"<ESPA-X version=\"1.00\"><REQ.LOGIN/></ESPA-X><x/>", ERR_SYNTAX},
        {"<ESPA-X version=\"2.0\"><REQ.LOGIN/></ESPA-X>", ERR_NOT_MINE},
        {"<ESPA-X><REQ.LOGIN/></ESPA-X>", ERR_NOT_MINE},
        {"<mrq><ref>1</ref></mrq>", ERR_NOT_MINE},
        {"<ESPA-X version=\"1.00\"><REQ.P-CALL/></ESPA-X>", ERR_NOT_MINE},
        {"<!DOCTYPE a [<!ENTITY b \"c\">]><ESPA-X version=\"1.00\"><REQ.LOGIN/></ESPA-X>",
         ERR_UNSUPPORTED},
        {"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><ESPA-X/>", ERR_UNSUPPORTED},
        {"<?xml version=\"1.0\" encoding=\"UTF-7\"?><ESPA-X version=\"1.00\"/>", ERR_UNSUPPORTED},
        {IN_START("<CP-TEXTMSG>&lol;</CP-TEXTMSG>"), ERR_SYNTAX},
        {IN_START("<CP-TEXTMSG>\xe5</CP-TEXTMSG>"), ERR_SYNTAX},
        {IN_START("<CP-TEXTMSG>&#0;</CP-TEXTMSG>"), ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espax_message m;
        assert_int_equal(parse_text(cases[i].document, &m), cases[i].err);
    }
}

static void depth_and_number_of_elements_have_a_ceiling(void **state)
{
    (void)state;
    struct espax_message m;
    for (unsigned depth = 1; depth < 40; depth++) {
        struct buf b = buf_of(room, sizeof room);
        buf_put_str(&b, "<ESPA-X version=\"1.00\"><REQ.P-START>");
        for (unsigned i = 0; i < depth; i++) {
            buf_put_str(&b, "<P>");
        }
        for (unsigned i = 0; i < depth; i++) {
            buf_put_str(&b, "</P>");
        }
        buf_put_str(&b, "</REQ.P-START></ESPA-X>");
        enum err expected = depth + 2 > ESPAX_DEPTH_MAX ? ERR_FULL : ERR_OK;
        assert_int_equal(parse(room, b.len, &m).err, expected);
    }
    struct buf b = buf_of(room, sizeof room);
    buf_put_str(&b, "<ESPA-X version=\"1.00\"><REQ.P-START>");
    for (unsigned i = 0; i < ESPAX_ELEMENTS_MAX; i++) {
        buf_put_str(&b, "<P/>");
    }
    buf_put_str(&b, "</REQ.P-START></ESPA-X>");
    assert_int_equal(parse(room, b.len, &m).err, ERR_FULL);
}

static void long_value_keeps_whole_characters(void **state)
{
    (void)state;
    struct espax_message m;
    struct buf b = buf_of(room, sizeof room);
    buf_put_str(&b, "<ESPA-X version=\"1.00\"><REQ.P-START><CP-EVENT>x");
    for (unsigned i = 0; i < 16347; i++) { /* as long as the schema allows */
        buf_put_str(&b, "å");
    }
    buf_put_str(&b, "</CP-EVENT><CP-BED>3</CP-BED></REQ.P-START></ESPA-X>");
    assert_true(b.len + ESPAX_HEADER_LEN < ESPAX_MESSAGE_MAX);
    assert_int_equal(parse(room, b.len, &m).err, ERR_OK);
    assert_true(m.was_cut);
    assert_int_equal(m.values[ESPAX_CP_EVENT].len, ESPAX_TEXT_MAX - 1);
    assert_true(slice_is_utf8(m.values[ESPAX_CP_EVENT]));
    assert_true(slice_eq_str(m.values[ESPAX_CP_BED], "3"));
}

static void longest_message_is_read_or_refused_within_the_arena(void **state)
{
    (void)state;
    static const char *const fillers[] = {"<CP-EVENT>&amp;", "<P a='1' b='2'/>", "<!-- x -->",
                                          "<P a='xxxxxxxxxxxxxxxxxxxxxxxxx", "\n"};
    for (size_t f = 0; f < sizeof fillers / sizeof fillers[0]; f++) {
        struct espax_message m;
        struct buf b = buf_of(room, ESPAX_MESSAGE_MAX - ESPAX_HEADER_LEN);
        buf_put_str(&b, "<ESPA-X version=\"1.00\"><REQ.P-START>");
        while (!b.is_full) {
            buf_put_str(&b, fillers[f]);
        }
        assert_int_not_equal(parse(room, b.len, &m).err, ERR_OK); /* its end is missing */
    }
}

static void blanks_prefixes_doubles_and_strangers_do_not_matter(void **state)
{
    (void)state;
    struct espax_message m;
    assert_int_equal(
        parse_text("<?xml version='1.0' standalone='yes'?>\r\n<e:ESPA-X xmlns:e='urn:x' "
                   "version='1.00' other='1'>\n<e:REQ.P-START invokeID='7'>\n"
                   "<e:CP-PR-REF>  r1\n</e:CP-PR-REF><CP-PR-REF>r2</CP-PR-REF><CP-WARD/>"
                   "<CP-BED> </CP-BED><X><CP-TEXTMSG>not this</CP-TEXTMSG></X>"
                   "<CP-TEXTMSG><![CDATA[a<b]]></CP-TEXTMSG><PROPRIETARY><CP-EVENT>no"
                   "</CP-EVENT></PROPRIETARY></e:REQ.P-START></e:ESPA-X>",
                   &m),
        ERR_OK);
    assert_int_equal(m.type, ESPAX_REQ_P_START);
    assert_true(slice_eq_str(m.invoke, "7"));
    assert_int_equal(m.session.len, 0);
    assert_true(slice_eq_str(m.values[ESPAX_CP_PR_REF], "r1"));
    assert_true(slice_eq_str(m.values[ESPAX_CP_TEXTMSG], "a<b"));
    assert_int_equal(m.values[ESPAX_CP_WARD].len, 0);
    assert_int_equal(m.values[ESPAX_CP_BED].len, 0);
    assert_int_equal(m.values[ESPAX_CP_EVENT].len, 0);
}

/* Memory failing at the first, second, ... piece: a verdict, never a crash. */
static void small_arena_is_said_and_nothing_else(void **state)
{
    (void)state;
    static const char document[] =
        IN_START("<CP-PR-REF>r1</CP-PR-REF><CP-TEXTMSG>LARM</CP-TEXTMSG>");
    for (size_t size = 0; size < sizeof memory; size += size < 40000 ? 97 : 20000) {
        struct espax_message m;
        const char *why = "";
        struct arena arena = arena_of(memory, size);
        struct verdict v = espax_parse(slice_str(document), &arena, &m, &why);
        assert_true(v.err == ERR_FULL || v.err == ERR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back_with_every_value),
        cmocka_unit_test(encoding_appends_and_refuses_what_does_not_go),
        cmocka_unit_test(every_prefix_asks_for_more_before_a_guard_page),
        cmocka_unit_test(header_that_no_message_has_is_refused_at_once),
        cmocka_unit_test(document_is_refused_for_what_is_wrong_with_it),
        cmocka_unit_test(depth_and_number_of_elements_have_a_ceiling),
        cmocka_unit_test(long_value_keeps_whole_characters),
        cmocka_unit_test(longest_message_is_read_or_refused_within_the_arena),
        cmocka_unit_test(blanks_prefixes_doubles_and_strangers_do_not_matter),
        cmocka_unit_test(small_arena_is_said_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
