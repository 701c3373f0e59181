/* test_report.c - the report: canonical JSON, signature, page; on one whole evaluation. */
#include "scene.h"

#include <jansson.h>
#include <sodium.h>

static uint8_t memory[1 << 20];
static char json_room[REPORT_JSON_MAX];
static char html_room[REPORT_HTML_MAX];
static struct catalogue catalogue;
static struct testplan plan;
static struct scene scene;
static struct report report;
static char *catalogue_text;

static int load(void **state)
{
    (void)state;
    size_t len = 0;
    struct complaint complaint;
    struct arena arena = arena_of(memory, sizeof memory);
    catalogue_text = scene_read_file(CONFIG_DIR "/requirements/core.csv", &len);
    if (requirement_parse(slice_of(catalogue_text, len), &arena, &catalogue, &complaint) !=
        ERR_OK) {
        return -1;
    }
    char *text = scene_read_file(CONFIG_DIR "/evaluations/demo.plan", &len);
    enum err err = testplan_parse(slice_of(text, len), &catalogue, &plan, &complaint);
    free(text);
    return err == ERR_OK && sodium_init() >= 0 ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    free(catalogue_text);
    return 0;
}

/* LARM-01 passes, LARM-05 fails by a changed reference, OVV-01 was not run. */
static void evaluate(const char *vendor)
{
    int64_t delays[5] = {100, 120, 90, 4200, 110};
    scene = (struct scene){0};
    scene_begin(&scene, "LARM-01");
    scene_presses(&scene, 5, delays);
    scene_end(&scene, 301000, "LARM-01");
    struct observation *begin = scene_add(&scene, OBSERVED_RUN_BEGIN, 302000);
    (void)slice_text(slice_str("LARM-05"), begin->text, sizeof begin->text);
    scene_do(&scene, OBSERVED_HOLD, 303000, "hub-1");
    scene_do(&scene, OBSERVED_PRESS, 304000, "hub-1")->number = 1;
    scene_alarm(&scene, 304100, "hub-1", "<17>", KIND_HELP);
    scene_case(&scene, 304101, "hub-1", "<17>", CHANGE_RAISED);
    scene_alarm(&scene, 309100, "hub-1", "18", KIND_HELP);
    scene_case(&scene, 309101, "hub-1", "18", CHANGE_RAISED);
    scene_do(&scene, OBSERVED_RELEASE, 312000, "hub-1");
    scene_end(&scene, 313000, "LARM-05");
    report.subject = (struct subject){.vendor = vendor,
                                      .product = "Trygg 4",
                                      .device = "hub-1",
                                      .dialect = "scaip",
                                      .device_software = "4.2.1",
                                      .gateway_version = "0.1.0",
                                      .bench_version = "0.1.0",
                                      .catalogue = "core.csv, 88 krav",
                                      .testers = "A. Provare"};
    report.written_ms = SCENE_START + 400000;
    report_judge(&plan, scene.all, scene.count, slice_str("evidence"), &report);
}

static struct slice json_of_report(void)
{
    struct buf out = buf_of(json_room, sizeof json_room);
    assert_int_equal(report_json(&report, &out), ERR_OK);
    return buf_slice(&out);
}

static const char *page(const struct seal *seal, enum language language)
{
    struct buf out = buf_of(html_room, sizeof html_room);
    assert_int_equal(report_html(&report, seal, language, &out), ERR_OK);
    return buf_cstr(&out);
}

static void report_judges_every_item(void **state)
{
    (void)state;
    evaluate("ACME");
    assert_int_equal(report.entries[0].judgement.ruling, RULING_PASS);
    assert_int_equal(report.entries[1].judgement.ruling, RULING_FAIL);
    assert_int_equal(report.entries[2].judgement.ruling, RULING_NOT_RUN);
    assert_int_equal(report.total, RULING_FAIL);
}

static void total_needs_a_pass_and_nothing_missing(void **state)
{
    (void)state;
    evaluate("ACME");
    for (size_t i = 0; i < 3; i++) {
        report.entries[i].judgement.ruling = RULING_NOT_APPLICABLE;
    }
    assert_int_equal(report_total(&report), RULING_NOT_RUN);
    report.entries[0].judgement.ruling = RULING_PASS;
    assert_int_equal(report_total(&report), RULING_PASS);
    report.entries[1].judgement.ruling = RULING_NOT_RUN;
    assert_int_equal(report_total(&report), RULING_NOT_RUN);
    report_judge(&plan, scene.all, 0, slice_str(""), &report); /* an empty evidence file */
    assert_int_equal(report.total, RULING_NOT_RUN);
}

static void json_is_canonical(void **state)
{
    (void)state;
    evaluate("Ack & \"Son\" AB\n");
    struct slice ours = json_of_report();
    json_error_t error;
    json_t *tree = json_loadb((const char *)ours.at, ours.len - 1, JSON_REJECT_DUPLICATES, &error);
    if (tree == NULL) {
        fail_msg("not JSON: %s at %d", error.text, error.position);
    }
    char *theirs = json_dumps(tree, JSON_SORT_KEYS | JSON_COMPACT);
    assert_int_equal(strlen(theirs), ours.len - 1);
    assert_memory_equal(theirs, ours.at, ours.len - 1);
    assert_string_equal(json_string_value(json_object_get(tree, "total")), "FAIL");
    free(theirs);
    json_decref(tree);
}

static void signature_holds_and_one_changed_byte_breaks_it(void **state)
{
    (void)state;
    uint8_t public_key[KEY_PUBLIC_LEN];
    uint8_t other_key[KEY_PUBLIC_LEN];
    uint8_t secret[KEY_SECRET_LEN];
    char signature[REPORT_SIGNATURE_MAX];
    struct seal seal;
    struct buf out = buf_of(signature, sizeof signature);
    crypto_sign_keypair(other_key, secret);
    crypto_sign_keypair(public_key, secret);
    evaluate("ACME");
    struct slice json = json_of_report();
    assert_int_equal(report_sign(json, secret, other_key, &out, &seal), ERR_BUG);
    assert_int_equal(report_sign(json, secret, public_key, &out, &seal), ERR_OK);
    assert_int_equal(report_verify(json, buf_slice(&out), public_key), ERR_OK);
    assert_int_equal(report_verify(json, buf_slice(&out), other_key), ERR_AUTH);
    for (size_t i = 0; i < json.len; i += 97) {
        json_room[i] ^= 1;
        assert_int_equal(report_verify(json, buf_slice(&out), public_key), ERR_CHECKSUM);
        json_room[i] ^= 1;
    }
    for (size_t i = 0; i < out.len; i++) {
        signature[i] ^= 1;
        assert_int_not_equal(report_verify(json, buf_slice(&out), public_key), ERR_OK);
        signature[i] ^= 1;
    }
    for (size_t len = 0; len + 1 < out.len; len++) {
        assert_int_not_equal(report_verify(json, slice_of(signature, len), public_key), ERR_OK);
    }
}

static void page_escapes_what_others_said(void **state)
{
    (void)state;
    evaluate("<script>alert('x')</script> & \"co\"");
    const char *html = page(NULL, SWEDISH);
    assert_null(strstr(html, "<script"));
    assert_non_null(strstr(html, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;co"));
    assert_non_null(strstr(html, "&lt;17&gt;"));
    assert_null(strstr(html, "http://"));
    assert_null(strstr(html, "https://"));
    assert_non_null(strstr(html, "Rapporten är inte undertecknad."));
}

static void page_carries_hashes_and_both_languages(void **state)
{
    (void)state;
    char hex[2 * HASH_LEN + 1];
    struct seal seal = {.key_id = "0011223344556677"};
    evaluate("ACME");
    report_hash(json_of_report(), seal.hash);
    const char *html = page(&seal, ENGLISH);
    sodium_bin2hex(hex, sizeof hex, seal.hash, HASH_LEN);
    assert_non_null(strstr(html, hex));
    sodium_bin2hex(hex, sizeof hex, plan.hash, HASH_LEN);
    assert_non_null(strstr(html, hex));
    assert_non_null(strstr(html, "0011223344556677"));
    assert_non_null(strstr(html, "Fewer than the requirement's 100."));
    assert_non_null(strstr(html, "lang=\"en\""));
    assert_non_null(strstr(page(&seal, SWEDISH), "Färre än kravets 100."));
}

static void nothing_is_written_half(void **state)
{
    (void)state;
    evaluate("ACME");
    struct buf out = buf_of(json_room, 2000);
    assert_int_equal(report_json(&report, &out), ERR_FULL);
    out = buf_of(html_room, 2000);
    assert_int_equal(report_html(&report, NULL, SWEDISH, &out), ERR_FULL);
}

/* For looking at: SAMLARM_REPORT=FILE.html writes the page of this test's evaluation there. */
static void page_can_be_looked_at(void **state)
{
    (void)state;
    const char *path = getenv("SAMLARM_REPORT");
    if (path == NULL) {
        skip();
    }
    struct seal seal = {.key_id = "0011223344556677"};
    evaluate("Omsorgsteknik Norr AB");
    report_hash(json_of_report(), seal.hash);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(page(&seal, SWEDISH), file);
    assert_int_equal(fclose(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_judges_every_item),
        cmocka_unit_test(total_needs_a_pass_and_nothing_missing),
        cmocka_unit_test(json_is_canonical),
        cmocka_unit_test(signature_holds_and_one_changed_byte_breaks_it),
        cmocka_unit_test(page_escapes_what_others_said),
        cmocka_unit_test(page_carries_hashes_and_both_languages),
        cmocka_unit_test(nothing_is_written_half),
        cmocka_unit_test(page_can_be_looked_at),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
