/* report_html.c - the report as a page that one reads, prints and signs. Pure.
 *
 * Black on white, A4, no script, nothing fetched. Everything that a person or a device said is
 * escaped. Order: what was tested, equal treatment, summary by housing form, one block a
 * requirement, seal.
 */
#include "evaluation/report.h"

#include "evaluation/report_words.h"

struct page {
    struct buf *out;
    const struct report *report;
    enum language language;
};

static void put(struct page *p, const char *html)
{
    buf_put_str(p->out, html);
}

static void put_escaped(struct page *p, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.at[i]) {
        case '<':
            put(p, "&lt;");
            break;
        case '>':
            put(p, "&gt;");
            break;
        case '&':
            put(p, "&amp;");
            break;
        case '"':
            put(p, "&quot;");
            break;
        case '\'':
            put(p, "&#39;");
            break;
        default:
            buf_put_u8(p->out, text.at[i] < 0x20 ? ' ' : text.at[i]);
        }
    }
}

static void put_word(struct page *p, enum report_word word)
{
    put(p, report_word(word, p->language));
}

static void put_name(struct page *p, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        put_word(p, WORD_NOT_STATED);
        return;
    }
    put_escaped(p, slice_str(text));
}

/* "2026-11-22 15:03:07.123", Swedish time. */
static void put_time(struct page *p, int64_t wall_ms)
{
    struct local_time t = clock_local(wall_ms);
    uint8_t memory[32];
    struct buf text = buf_of(memory, sizeof memory);
    clock_put_utc(&text, wall_ms + t.offset_min * 60000LL);
    buf_put(p->out, memory, 10);
    put(p, " ");
    buf_put(p->out, memory + 11, text.len - 12);
}

static void put_figure(struct page *p, int64_t milli, const char *unit)
{
    requirement_put_milli(p->out, milli, p->language);
    if (!slice_eq_str(slice_str(unit), "count")) {
        put(p, "&nbsp;");
        put_escaped(p, slice_str(unit));
    }
}

static void put_ruling(struct page *p, enum ruling ruling)
{
    put(p, "<span class=\"u u-");
    put(p, ruling_word(ruling));
    put(p, "\"><b aria-hidden=\"true\">");
    put(p, report_mark(ruling));
    put(p, "</b> ");
    put(p, report_ruling(ruling, p->language));
    put(p, "</span>");
}

static void put_row(struct page *p, enum report_word word, const char *value)
{
    put(p, "<tr><th scope=\"row\">");
    put_word(p, word);
    put(p, "</th><td>");
    put_name(p, value);
    put(p, "</td></tr>\n");
}

static void open_row(struct page *p, enum report_word word)
{
    put(p, "<tr><th scope=\"row\">");
    put_word(p, word);
    put(p, "</th><td>");
}

static void open_wide_row(struct page *p, enum report_word word)
{
    put(p, "<tr class=\"wide\"><th scope=\"row\">");
    put_word(p, word);
    put(p, "</th><td>");
}

static void close_row(struct page *p)
{
    put(p, "</td></tr>\n");
}

static void put_head(struct page *p)
{
    bool is_sv = p->language == SWEDISH;
    put(p, "<!DOCTYPE html>\n<html lang=\"");
    put(p, is_sv ? "sv" : "en");
    put(p, "\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    put_word(p, WORD_REPORT);
    put(p, " – ");
    put_name(p, p->report->subject.vendor);
    put(p, "</title>\n<style>\n");
    put(p, report_style());
    put(p, "</style>\n</head>\n<body>\n<header>\n<p class=\"over\">Samlarm · ");
    put_escaped(p, slice_str(p->report->plan->title[p->language]));
    put(p, "</p>\n<h1>");
    put_word(p, WORD_REPORT);
    put(p, "</h1>\n<p class=\"who\">");
    put_name(p, p->report->subject.vendor);
    put(p, " · ");
    put_name(p, p->report->subject.product);
    put(p, "</p>\n<p class=\"total\">");
    put_word(p, WORD_TOTAL);
    put(p, " ");
    put_ruling(p, p->report->total);
    put(p, "</p>\n");
    if (p->report->plan->is_demonstration) {
        put(p, "<p class=\"warn\">");
        put_word(p, WORD_DEMONSTRATION);
        put(p, "</p>\n");
    }
    put(p, "</header>\n");
}

static void put_plan(struct page *p)
{
    const struct testplan *plan = p->report->plan;
    open_row(p, WORD_PLAN);
    put_escaped(p, slice_str(plan->name));
    put(p, " ");
    put_escaped(p, slice_str(plan->version));
    put(p, ", ");
    put_escaped(p, slice_str(plan->date));
    close_row(p);
    open_row(p, WORD_SEED);
    buf_put_u64(p->out, plan->seed);
    close_row(p);
    open_wide_row(p, WORD_PLAN_HASH);
    put(p, "<code>");
    buf_put_hex(p->out, slice_of(plan->hash, HASH_LEN));
    put(p, "</code>");
    close_row(p);
}

static void put_subject(struct page *p)
{
    const struct subject *s = &p->report->subject;
    const struct report *r = p->report;
    put(p, "<section>\n<h2>1 ");
    put_word(p, WORD_WHAT);
    put(p, "</h2>\n<table class=\"facts two\">\n");
    put_row(p, WORD_VENDOR, s->vendor);
    put_row(p, WORD_PRODUCT, s->product);
    put_row(p, WORD_DEVICE, s->device);
    put_row(p, WORD_DIALECT, s->dialect);
    put_row(p, WORD_DEVICE_SOFTWARE, s->device_software);
    put_row(p, WORD_GATEWAY, s->gateway_version);
    put_row(p, WORD_BENCH, s->bench_version);
    put_row(p, WORD_CATALOGUE, s->catalogue);
    put_row(p, WORD_SITE, s->site);
    put_row(p, WORD_TESTERS, s->testers);
    put_plan(p);
    open_wide_row(p, WORD_PERIOD);
    if (r->observation_count > 0) {
        put_time(p, r->observations[0].wall_ms);
        put(p, " – ");
        put_time(p, r->observations[r->observation_count - 1].wall_ms);
    } else {
        put_word(p, WORD_NOT_STATED);
    }
    close_row(p);
    open_wide_row(p, WORD_WRITTEN);
    put_time(p, r->written_ms);
    close_row(p);
    put(p, "</table>\n</section>\n");
}

/* hours, minutes and seconds of a run, or a dash */
static void put_duration(struct page *p, const struct run *run)
{
    if (!run->is_begun || run->end == run->first) {
        put(p, "–");
        return;
    }
    size_t last = run->is_ended ? run->end : run->end - 1;
    int64_t ms = observation_span_ms(&run->all[run->first], &run->all[last]);
    uint64_t seconds = ms < 0 ? 0 : (uint64_t)ms / 1000;
    buf_put_padded(p->out, seconds / 3600, 2);
    put(p, ":");
    buf_put_padded(p->out, seconds / 60 % 60, 2);
    put(p, ":");
    buf_put_padded(p->out, seconds % 60, 2);
}

static void put_equal_row(struct page *p, size_t i)
{
    const struct report_entry *e = &p->report->entries[i];
    const struct requirement *q = e->item->requirement;
    put(p, "<tr><td class=\"id\">");
    put_escaped(p, q->texts[TEXT_ID]);
    put(p, "</td><td class=\"n\">");
    buf_put_u64(p->out, i + 1);
    put(p, "</td><td class=\"n\">");
    buf_put_u64(p->out, e->run.attempts);
    put(p, "</td><td class=\"n\">");
    buf_put_u64(p->out, q->samples);
    put(p, "</td><td class=\"n\">");
    buf_put_u64(p->out, e->judgement.samples);
    put(p, "</td><td class=\"n\">");
    buf_put_u64(p->out, e->judgement.n);
    put(p, "</td><td class=\"n\">");
    put_escaped(p, slice_str(operator_sign(e->item->terms.operator_)));
    put(p, "&nbsp;");
    put_figure(p, e->item->terms.threshold_milli, "count");
    put(p, "&nbsp;");
    put(p, report_unit(q->texts[TEXT_UNIT], p->language));
    put(p, "</td><td class=\"n\">");
    put_duration(p, &e->run);
    put(p, "</td></tr>\n");
}

static void put_equal(struct page *p)
{
    static const enum report_word heads[] = {
        WORD_REQUIREMENT,  WORD_ORDER,        WORD_ATTEMPTS, WORD_SAMPLES_ASKED,
        WORD_SAMPLES_PLAN, WORD_SAMPLES_DONE, WORD_LIMIT,    WORD_TIME_USED};
    put(p, "<section>\n<h2>2 ");
    put_word(p, WORD_EQUAL);
    put(p, "</h2>\n<p>");
    put_word(p, WORD_EQUAL_TEXT);
    put(p, "</p>\n<p>");
    put_word(p, WORD_TURN);
    put(p, ": ");
    put_name(p, p->report->subject.order);
    put(p, "</p>\n<table class=\"grid tight\">\n<thead><tr>");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        put(p, i == 0 ? "<th scope=\"col\">" : "<th scope=\"col\" class=\"n\">");
        put_word(p, heads[i]);
        put(p, "</th>");
    }
    put(p, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < p->report->entry_count; i++) {
        put_equal_row(p, i);
    }
    put(p, "</tbody></table>\n</section>\n");
}

static void put_form_row(struct page *p, enum form form)
{
    static const enum ruling order[] = {RULING_PASS,    RULING_FAIL,  RULING_INCONCLUSIVE,
                                        RULING_NOT_RUN, RULING_ERROR, RULING_NOT_APPLICABLE};
    put(p, "<tr><th scope=\"row\">");
    put_escaped(p, slice_str(form_label(form, p->language == SWEDISH)));
    put(p, "</th>");
    enum ruling total = RULING_NOT_APPLICABLE;
    for (size_t o = 0; o < sizeof order / sizeof order[0]; o++) {
        uint64_t count = 0;
        for (size_t i = 0; i < p->report->entry_count; i++) {
            const struct report_entry *e = &p->report->entries[i];
            bool is_here =
                (e->item->requirement->forms & 1u << form) != 0 && e->judgement.ruling == order[o];
            count += is_here ? 1 : 0;
            total = is_here ? ruling_worse(total, order[o]) : total;
        }
        put(p, "<td class=\"n\">");
        buf_put_u64(p->out, count);
        put(p, "</td>");
    }
    put(p, "<td>");
    put_ruling(p, total);
    put(p, "</td></tr>\n");
}

static void put_summary(struct page *p)
{
    static const enum ruling order[] = {RULING_PASS,    RULING_FAIL,  RULING_INCONCLUSIVE,
                                        RULING_NOT_RUN, RULING_ERROR, RULING_NOT_APPLICABLE};
    put(p, "<section class=\"summary\">\n<h2>3 ");
    put_word(p, WORD_SUMMARY);
    put(p, "</h2>\n<table class=\"grid tight\">\n<thead><tr><th scope=\"col\">");
    put_word(p, WORD_FORM);
    put(p, "</th>");
    for (size_t o = 0; o < sizeof order / sizeof order[0]; o++) {
        put(p, "<th scope=\"col\" class=\"n\">");
        put(p, report_ruling(order[o], p->language));
        put(p, "</th>");
    }
    put(p, "<th scope=\"col\">");
    put_word(p, WORD_WORST);
    put(p, "</th></tr></thead>\n<tbody>\n");
    for (enum form form = FORM_SPECIAL; form < FORM_COUNT; form++) {
        put_form_row(p, form);
    }
    put(p, "</tbody></table>\n<p class=\"small\">");
    put_word(p, WORD_WORST_TEXT);
    put(p, "</p>\n</section>\n");
}

static void put_checks(struct page *p, const struct judgement *j)
{
    if (j->check_count == 0) {
        return;
    }
    put(p, "<table class=\"grid\"><thead><tr><th scope=\"col\">");
    put_word(p, WORD_CONDITION);
    put(p, "</th><th class=\"n\" scope=\"col\">");
    put_word(p, WORD_LIMIT);
    put(p, "</th><th class=\"n\" scope=\"col\">");
    put_word(p, WORD_MEASURED);
    put(p, "</th><th class=\"n\" scope=\"col\">");
    put_word(p, WORD_DISTANCE);
    put(p, "</th><th scope=\"col\">");
    put_word(p, WORD_VERDICT);
    put(p, "</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < j->check_count; i++) {
        const struct check *c = &j->checks[i];
        put(p, "<tr><td>");
        put(p, c->name[p->language]);
        put(p, "</td><td class=\"n\">");
        put(p, operator_sign(c->operator_));
        put(p, "&nbsp;");
        put_figure(p, c->limit_milli, c->unit);
        put(p, "</td><td class=\"n\">");
        if (c->is_measured) {
            put_figure(p, c->value_milli, c->unit);
            if (c->uncertainty_milli > 0) {
                put(p, " ±&nbsp;");
                put_figure(p, c->uncertainty_milli, c->unit);
            }
        } else {
            put(p, "–");
        }
        put(p, "</td><td class=\"n\">");
        if (c->is_measured) {
            put_figure(p, check_distance(c), c->unit);
        }
        put(p, "</td><td>");
        put_ruling(p, c->ruling);
        put(p, "</td></tr>\n");
    }
    put(p, "</tbody></table>\n");
}

static void put_observation(struct page *p, const struct observation *o, size_t index)
{
    put(p, "<tr><td class=\"n\">");
    buf_put_u64(p->out, index + 1);
    put(p, "</td><td class=\"t\">");
    put_time(p, o->wall_ms);
    put(p, "</td><td>");
    put(p, report_witness(o->by, p->language));
    put(p, "</td><td>");
    put(p, report_observed(o->what, p->language));
    if (o->number != 0 && o->what != OBSERVED_SEEN) {
        put(p, " ");
        buf_put_u64(p->out, o->number);
    }
    if (o->kind != KIND_UNKNOWN) {
        put(p, ": ");
        put_escaped(p, slice_str(kind_label(o->kind, p->language == SWEDISH)));
    }
    if (o->text[0] != '\0') {
        put(p, " – ");
        put_escaped(p, slice_str(o->text));
    }
    put(p, "</td><td>");
    put_escaped(p, slice_str(o->device));
    put(p, "</td><td>");
    put_escaped(p, slice_str(o->reference));
    put(p, "</td><td class=\"n\">");
    if (o->seq != 0) {
        buf_put_u64(p->out, o->seq);
    }
    put(p, "</td></tr>\n");
}

static void put_evidence(struct page *p, const struct judgement *j)
{
    static const enum report_word heads[] = {
        WORD_NUMBER, WORD_TIME, WORD_WITNESS, WORD_OBSERVED, WORD_DEVICE, WORD_REFERENCE, WORD_ROW};
    open_row(p, WORD_EVIDENCE);
    if (j->deciding_count == 0) {
        put_word(p, WORD_NO_EVIDENCE);
        close_row(p);
        return;
    }
    put(p, "<table class=\"grid evidence\"><thead><tr>");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        put(p, "<th scope=\"col\">");
        put_word(p, heads[i]);
        put(p, "</th>");
    }
    put(p, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < j->deciding_count; i++) {
        put_observation(p, &p->report->observations[j->deciding[i]], j->deciding[i]);
    }
    put(p, "</tbody></table>");
    close_row(p);
}

static void put_slice_row(struct page *p, enum report_word word, struct slice text)
{
    open_row(p, word);
    put_escaped(p, text);
    close_row(p);
}

static void put_samples_row(struct page *p, const struct report_entry *e)
{
    open_row(p, WORD_DONE);
    put_escaped(p,
                e->item->requirement->texts[p->language == SWEDISH ? TEXT_TEST_SV : TEXT_TEST_EN]);
    put(p, "<br>");
    buf_put_u64(p->out, e->judgement.n);
    put_word(p, WORD_OF_PLAN);
    buf_put_u64(p->out, e->judgement.samples);
    put_word(p, WORD_SAMPLES_WORD);
    if (e->judgement.samples < e->item->requirement->samples) {
        put(p, " <strong>");
        put_word(p, WORD_BELOW);
        buf_put_u64(p->out, e->item->requirement->samples);
        put(p, ".</strong>");
    }
    close_row(p);
}

static void put_entry(struct page *p, size_t index)
{
    const struct report_entry *e = &p->report->entries[index];
    const struct requirement *q = e->item->requirement;
    const struct judgement *j = &e->judgement;
    bool is_sv = p->language == SWEDISH;
    put(p, "<article>\n<h3>4.");
    buf_put_u64(p->out, index + 1);
    put(p, " ");
    put_escaped(p, q->texts[TEXT_ID]);
    put(p, " ");
    put_escaped(p, q->texts[is_sv ? TEXT_AREA_SV : TEXT_AREA_EN]);
    put(p, " <span class=\"ob\">");
    put_word(p, q->is_mandatory ? WORD_MANDATORY : WORD_SCORED);
    put(p, "</span></h3>\n<table class=\"facts\">\n");
    put_slice_row(p, WORD_NEED, q->texts[is_sv ? TEXT_NEED_SV : TEXT_NEED_EN]);
    put_slice_row(p, WORD_CRITERION, q->texts[is_sv ? TEXT_CRITERION_SV : TEXT_CRITERION_EN]);
    put_samples_row(p, e);
    put_slice_row(p, WORD_EXPECTED, slice_str(j->expected[p->language]));
    put_slice_row(p, WORD_SEEN, slice_str(j->seen[p->language]));
    open_row(p, WORD_VERDICT);
    put_ruling(p, j->ruling);
    if (j->doubt != DOUBT_NONE) {
        put(p, " – ");
        put(p, report_doubt(j->doubt, p->language));
    }
    if (p->report->plan->is_demonstration && j->ruling != RULING_NOT_RUN) {
        put(p, " – ");
        put_word(p, WORD_FOR_DEMONSTRATION);
    }
    put_checks(p, j);
    close_row(p);
    put_evidence(p, j);
    put(p, "</table>\n</article>\n");
}

static void put_seal(struct page *p, const struct seal *seal)
{
    put(p, "<section class=\"seal\">\n<h2>5 ");
    put_word(p, WORD_SEAL);
    put(p, "</h2>\n<table class=\"facts\">\n");
    open_row(p, WORD_EVIDENCE_FILE);
    buf_put_u64(p->out, p->report->observation_count);
    put_word(p, WORD_LINES);
    put(p, "<br><code>");
    buf_put_hex(p->out, slice_of(p->report->evidence_hash, HASH_LEN));
    put(p, "</code>");
    close_row(p);
    open_row(p, WORD_JSON);
    if (seal == NULL) {
        put(p, "<strong>");
        put_word(p, WORD_UNSIGNED);
        put(p, "</strong>");
    } else {
        put(p, "<code>");
        buf_put_hex(p->out, slice_of(seal->hash, HASH_LEN));
        put(p, "</code>");
    }
    close_row(p);
    if (seal != NULL) {
        open_row(p, WORD_KEY);
        put(p, "<code>");
        put_escaped(p, slice_str(seal->key_id));
        put(p, "</code>");
        close_row(p);
    }
    put(p, "</table>\n<p class=\"small\">");
    put_word(p, WORD_SEAL_TEXT);
    put(p, "</p>\n<div class=\"sign\"><p>");
    put_word(p, WORD_SIGN_TESTER);
    put(p, "</p><p>");
    put_word(p, WORD_SIGN_REVIEWER);
    put(p, "</p><p>");
    put_word(p, WORD_SIGN_OBSERVER);
    put(p, "</p></div>\n</section>\n");
}

enum err report_html(const struct report *report, const struct seal *seal, enum language language,
                     struct buf *out)
{
    struct page p = {out, report, language};
    put_head(&p);
    put_subject(&p);
    put_equal(&p);
    put_summary(&p);
    put(&p, "<section class=\"results\">\n<h2>4 ");
    put_word(&p, WORD_RESULTS);
    put(&p, "</h2>\n");
    for (size_t i = 0; i < report->entry_count; i++) {
        put_entry(&p, i);
    }
    put(&p, "</section>\n");
    put_seal(&p, seal);
    put(&p, "</body>\n</html>\n");
    return out->is_full ? ERR_FULL : ERR_OK;
}
