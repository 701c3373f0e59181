/* test_testplan.c - the shipped catalogue and plans, and how wrong ones are refused. */
#include "scene.h"

static uint8_t memory[1 << 20];
static struct catalogue catalogue;
static struct complaint complaint;
static struct testplan plan;

static const char HEAD[] =
    "id;area;area_sv;area_en;housing;obligation;need_sv;need_en;criterion_sv;criterion_en;metric;"
    "operator;threshold;unit;samples;method;test_sv;test_en;evidence;source_refs;figure_basis;"
    "contract_followup;version;date\n";
static const char ROW_A[] =
    "A-1;A;a;a;SABO,LSS;skall;n;n;c;c;loss_detect;<=;0.5;s;10;AUTO;t;t;e;S1;"
    "inferred;Y;1;2026-11-22\n";
static const char PLAN_HEAD[] = "plan: p\nversion: 1\ndate: 2026-11-22\npurpose: evaluation\n"
                                "title_sv: P\ntitle_en: P\nseed: 1\n";

static enum err parse_catalogue(const char *rows)
{
    char text[4096];
    struct arena arena = arena_of(memory, sizeof memory);
    snprintf(text, sizeof text, "%s%s", HEAD, rows);
    complaint = (struct complaint){0};
    return requirement_parse(slice_str(text), &arena, &catalogue, &complaint);
}

static void load_core(void)
{
    static char *text;
    static size_t len;
    if (text == NULL) {
        text = scene_read_file(CONFIG_DIR "/requirements/core.csv", &len);
    }
    struct arena arena = arena_of(memory, sizeof memory);
    enum err err = requirement_parse(slice_of(text, len), &arena, &catalogue, &complaint);
    if (err != ERR_OK) {
        fail_msg("core.csv:%d: %s", complaint.line, complaint.text);
    }
}

static void load_plan(const char *path)
{
    size_t len = 0;
    char *text = scene_read_file(path, &len);
    enum err err = testplan_parse(slice_of(text, len), &catalogue, &plan, &complaint);
    if (err != ERR_OK) {
        fail_msg("%s:%d: %s", path, complaint.line, complaint.text);
    }
    free(text);
}

static void shipped_catalogue_is_read_whole(void **state)
{
    (void)state;
    load_core();
    assert_int_equal(catalogue.count, 88);
    const struct requirement *r = requirement_find(&catalogue, slice_str("OVV-01"));
    assert_non_null(r);
    assert_int_equal(r->threshold_milli, 300000);
    assert_int_equal(r->samples, 10);
    assert_int_equal(r->forms, 1u << FORM_ORDINARY | 1u << FORM_SUPPORT | 1u << FORM_FAMILY);
    assert_true(r->is_mandatory && r->operator_ == OPERATOR_MOST);
}

static void shipped_plans_are_read(void **state)
{
    (void)state;
    load_core();
    load_plan(CONFIG_DIR "/evaluations/core.plan");
    assert_false(plan.is_demonstration);
    assert_int_equal(plan.item_count, 3);
    assert_int_equal(plan.items[0].terms.samples, 100);
    assert_int_equal(testplan_value(&plan.items[0], "give_up_s"), 60000);
    assert_int_equal(testplan_value(&plan.items[0], "hold_s"), -1);
    load_plan(CONFIG_DIR "/evaluations/demo.plan");
    assert_true(plan.is_demonstration);
    assert_int_equal(plan.items[2].terms.threshold_milli, 20000);
}

static void quoted_fields_keep_semicolons_and_quotes(void **state)
{
    (void)state;
    assert_int_equal(
        parse_catalogue("A-1;A;a;a;SABO;bor;\"n;\"\"x\"\"\";n;c;c;m;=;1;s;1;AUTO;t;t;e;"
                        "S1;inferred;Y;1;\"d\"\n"),
        ERR_OK);
    assert_true(slice_eq_str(catalogue.rows[0].texts[TEXT_NEED_SV], "n;\"x\""));
    assert_true(slice_eq_str(catalogue.rows[0].texts[TEXT_DATE], "d"));
    assert_false(catalogue.rows[0].is_mandatory);
}

static void wrong_rows_are_refused_with_their_line(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "A-1;A\n",
        "A-1;A;a;a;VILLA;skall;n;n;c;c;m;<=;1;s;10;AUTO;t;t;e;S1;inferred;Y;1;d\n",
        "A-1;A;a;a;SABO;must;n;n;c;c;m;<=;1;s;10;AUTO;t;t;e;S1;inferred;Y;1;d\n",
        "A-1;A;a;a;SABO;skall;n;n;c;c;m;<;1;s;10;AUTO;t;t;e;S1;inferred;Y;1;d\n",
        "A-1;A;a;a;SABO;skall;n;n;c;c;m;<=;1,5;s;10;AUTO;t;t;e;S1;inferred;Y;1;d\n",
        "A-1;A;a;a;SABO;skall;n;n;c;c;m;<=;1;s;0;AUTO;t;t;e;S1;inferred;Y;1;d\n",
        "A-1;A;a;a;SABO;skall;;n;c;c;m;<=;1;s;10;AUTO;t;t;e;S1;inferred;Y;1;d\n",
        "A-1;A;a;a;SABO;skall;\"n\"x;n;c;c;m;<=;1;s;10;AUTO;t;t;e;S1;inferred;Y;1;d\n",
        "A-1;A;a;a;SABO;skall;n\xff;n;c;c;m;<=;1;s;10;AUTO;t;t;e;S1;inferred;Y;1;d\n",
        "A-1;A;a;a;SABO;skall;\"n;n;c;c;m;<=;1;s;10;AUTO;t;t;e;S1;inferred;Y;1;d\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (parse_catalogue(rows[i]) == ERR_OK || complaint.line != 2 ||
            complaint.text[0] == '\0') {
            fail_msg("row %zu was taken, or the complaint is at line %d", i, complaint.line);
        }
    }
    char twice[1024];
    snprintf(twice, sizeof twice, "%s%s", ROW_A, ROW_A);
    assert_int_not_equal(parse_catalogue(twice), ERR_OK);
    assert_int_equal(complaint.line, 3);
}

static enum err parse_plan(const char *body)
{
    char text[2048];
    snprintf(text, sizeof text, "%s%s", PLAN_HEAD, body);
    complaint = (struct complaint){0};
    return testplan_parse(slice_str(text), &catalogue, &plan, &complaint);
}

static void wrong_plans_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int line;
    } plans[] = {
        {"", 7},
        {"requirement: B-1\n", 8},
        {"requirement: A-1\nsamples: 10\n", 9},                  /* parameter is missing */
        {"requirement: A-1\ncut_uncertainty_s: 0\n", 9},         /* samples are missing */
        {"requirement: A-1\nsamples: 9\n", 9},                   /* fewer than asked for */
        {"requirement: A-1\nsamples: 10\nthreshold: 0.4\n", 10}, /* not in an evaluation */
        {"requirement: A-1\nsamples: 10\nsamples: 10\n", 10},
        {"requirement: A-1\nsamples: 10\ncut_uncertainty_s: 99\n", 10}, /* outside its bounds */
        {"requirement: A-1\nsamples: 10\ncut_uncertainty_s: 0\nmax_s: 1\n", 11},
        {"requirement: A-1\nsamples 10\n", 9},
        {"seed: 2\n", 8},
        {"colour: red\n", 8},
    };
    assert_int_equal(parse_catalogue(ROW_A), ERR_OK);
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        if (parse_plan(plans[i].body) == ERR_OK || complaint.line != plans[i].line) {
            fail_msg("plan %zu: line %d, %s", i, complaint.line, complaint.text);
        }
    }
    assert_int_equal(parse_plan("requirement: A-1\n samples: 10\n cut_uncertainty_s: 0\n"), ERR_OK);
}

static void demonstration_may_only_be_stricter(void **state)
{
    (void)state;
    char text[2048];
    assert_int_equal(parse_catalogue(ROW_A), ERR_OK);
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text,
                 "plan: p\nversion: 1\ndate: 2026-11-22\npurpose: demonstration\ntitle_sv: P\n"
                 "title_en: P\nseed: 1\nrequirement: A-1\nsamples: 1\nthreshold: %s\n"
                 "cut_uncertainty_s: 0\n",
                 i == 0 ? "0.4" : "0.6");
        enum err err = testplan_parse(slice_str(text), &catalogue, &plan, &complaint);
        assert_int_equal(err == ERR_OK, i == 0);
    }
}

static void plan_without_a_judge_is_refused(void **state)
{
    (void)state;
    load_core();
    assert_int_not_equal(parse_plan("requirement: LARM-02\n"), ERR_OK);
    assert_non_null(strstr(complaint.text, "no judge measures call_to_staff_p95"));
}

static void one_changed_byte_is_another_plan(void **state)
{
    (void)state;
    uint8_t before[HASH_LEN];
    static const char body[] = "requirement: A-1\n samples: 10\n cut_uncertainty_s: 0\n";
    assert_int_equal(parse_catalogue(ROW_A), ERR_OK);
    assert_int_equal(parse_plan(body), ERR_OK);
    memcpy(before, plan.hash, HASH_LEN);
    assert_int_equal(parse_plan(body), ERR_OK);
    assert_memory_equal(before, plan.hash, HASH_LEN);
    assert_int_equal(parse_plan("requirement: A-1\n samples: 11\n cut_uncertainty_s: 0\n"), ERR_OK);
    assert_memory_not_equal(before, plan.hash, HASH_LEN);
    char row[sizeof ROW_A];
    memcpy(row, ROW_A, sizeof row);
    *strstr(row, "0.5") = '1'; /* the plan's text is the same, the requirement is not */
    assert_int_equal(parse_catalogue(row), ERR_OK);
    assert_int_equal(parse_plan(body), ERR_OK);
    assert_memory_not_equal(before, plan.hash, HASH_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_catalogue_is_read_whole),
        cmocka_unit_test(shipped_plans_are_read),
        cmocka_unit_test(quoted_fields_keep_semicolons_and_quotes),
        cmocka_unit_test(wrong_rows_are_refused_with_their_line),
        cmocka_unit_test(wrong_plans_are_refused_with_their_line),
        cmocka_unit_test(demonstration_may_only_be_stricter),
        cmocka_unit_test(plan_without_a_judge_is_refused),
        cmocka_unit_test(one_changed_byte_is_another_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
