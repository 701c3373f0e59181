/* requirement.c - the catalogue: semicolon rows to requirements. Pure.
 *
 *   id;area;...;date            header, exactly as `columns` below
 *   LARM-01;LARM;...;"a ""b"""  one requirement a line
 */
#include "evaluation/requirement.h"

#include <string.h>

static const char *const columns[TEXT_COUNT] = {
    "id",           "area",
    "area_sv",      "area_en",
    "housing",      "obligation",
    "need_sv",      "need_en",
    "criterion_sv", "criterion_en",
    "metric",       "operator",
    "threshold",    "unit",
    "samples",      "method",
    "test_sv",      "test_en",
    "evidence",     "source_refs",
    "figure_basis", "contract_followup",
    "version",      "date",
};

enum err complaint_make(struct complaint *ret, int line, const char *before, struct slice a,
                        const char *after)
{
    struct buf text = buf_of(ret->text, sizeof ret->text);
    if (a.len > 40) {
        a.len = 40;
    }
    ret->line = line;
    buf_put_str(&text, before);
    for (size_t i = 0; i < a.len; i++) { /* what is quoted may be anything at all */
        buf_put_u8(&text, a.at[i] < 0x20 || a.at[i] > 0x7e ? '?' : a.at[i]);
    }
    buf_put_str(&text, after);
    (void)buf_cstr(&text);
    return ERR_SYNTAX;
}

enum err requirement_milli(struct slice text, int64_t *ret_milli)
{
    uint64_t whole = 0;
    uint64_t part = 0;
    struct slice rest = text;
    struct slice head = slice_cut(&rest, '.');
    bool has_point = head.len < text.len;
    if (slice_u64(head, 1000000000000, &whole) != ERR_OK) {
        return ERR_SYNTAX;
    }
    if (has_point && (rest.len > 3 || slice_u64(rest, 999, &part) != ERR_OK)) {
        return ERR_SYNTAX;
    }
    for (size_t i = rest.len; has_point && i < 3; i++) {
        part *= 10;
    }
    *ret_milli = (int64_t)(whole * 1000 + part);
    return ERR_OK;
}

void requirement_put_milli(struct buf *out, int64_t milli, enum language language)
{
    uint64_t value = milli < 0 ? 0 - (uint64_t)milli : (uint64_t)milli;
    unsigned width = 3;
    uint64_t part = value % 1000;
    buf_put_str(out, milli < 0 ? "−" : "");
    buf_put_u64(out, value / 1000);
    if (part == 0) {
        return;
    }
    while (part % 10 == 0) {
        part /= 10;
        width--;
    }
    buf_put_u8(out, language == SWEDISH ? ',' : '.');
    buf_put_padded(out, part, width);
}

const char *operator_sign(enum operator_ o)
{
    return o == OPERATOR_MOST ? "≤" : o == OPERATOR_LEAST ? "≥" : "=";
}

/* A field in quotes, from behind the first one. `*rest` stands behind the separator afterwards. */
static enum err take_quoted(struct slice *rest, struct arena *arena, struct slice *ret)
{
    char *room = arena_alloc(arena, rest->len, 1);
    if (room == NULL) {
        return ERR_FULL;
    }
    struct buf out = buf_of(room, rest->len);
    size_t i = 0;
    for (; i < rest->len; i++) {
        if (rest->at[i] != '"') {
            buf_put_u8(&out, rest->at[i]);
        } else if (i + 1 < rest->len && rest->at[i + 1] == '"') {
            buf_put_u8(&out, '"');
            i++;
        } else {
            break;
        }
    }
    if (i == rest->len || (i + 1 < rest->len && rest->at[i + 1] != ';')) {
        return ERR_SYNTAX; /* not closed, or letters behind the closing quote */
    }
    *rest = slice_from(*rest, i + 2);
    *ret = buf_slice(&out);
    return ERR_OK;
}

static enum err take_field(struct slice *rest, struct arena *arena, struct slice *ret)
{
    if (rest->len > 0 && rest->at[0] == '"') {
        *rest = slice_from(*rest, 1);
        return take_quoted(rest, arena, ret);
    }
    *ret = slice_cut(rest, ';');
    return memchr(ret->at, '"', ret->len) == NULL ? ERR_OK : ERR_SYNTAX;
}

static size_t count_separators(struct slice row)
{
    size_t count = 0;
    bool is_quoted = false;
    for (size_t i = 0; i < row.len; i++) {
        is_quoted = row.at[i] == '"' ? !is_quoted : is_quoted;
        count += row.at[i] == ';' && !is_quoted ? 1 : 0;
    }
    return count;
}

static enum err cut_row(struct slice row, int line, struct arena *arena, struct slice *texts,
                        struct complaint *complaint)
{
    if (!slice_is_utf8(row)) {
        return complaint_make(complaint, line, "the row is not UTF-8 text; save the file as UTF-8",
                              slice_str(""), "");
    }
    if (count_separators(row) != TEXT_COUNT - 1) {
        return complaint_make(complaint, line,
                              "the row must have 24 fields with semicolons between them",
                              slice_str(""), "");
    }
    struct slice rest = row;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (take_field(&rest, arena, &texts[i]) != ERR_OK) {
            return complaint_make(complaint, line, "the quotes of field ", slice_str(columns[i]),
                                  " do not fit together; double a quote inside a quoted field");
        }
    }
    return ERR_OK;
}

static enum err read_housing(struct requirement *r, struct complaint *complaint)
{
    static const struct {
        const char *word;
        enum form form;
    } forms[] = {{"SABO", FORM_SPECIAL},
                 {"ORD", FORM_ORDINARY},
                 {"LSS", FORM_SUPPORT},
                 {"IFO", FORM_FAMILY}};
    struct slice rest = r->texts[TEXT_HOUSING];
    do {
        struct slice word = slice_cut(&rest, ',');
        unsigned mask = 0;
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
            mask |= slice_eq_str(word, forms[i].word) ? 1u << forms[i].form : 0;
        }
        if (mask == 0) {
            return complaint_make(complaint, r->line, "unknown housing form '", word,
                                  "'; use SABO, ORD, LSS or IFO with commas between");
        }
        r->forms |= mask;
    } while (rest.len > 0);
    return ERR_OK;
}

static enum err read_figures(struct requirement *r, struct complaint *complaint)
{
    struct slice sign = r->texts[TEXT_OPERATOR];
    if (slice_eq_str(sign, "<=")) {
        r->operator_ = OPERATOR_MOST;
    } else if (slice_eq_str(sign, "=")) {
        r->operator_ = OPERATOR_EQUAL;
    } else if (slice_eq_str(sign, ">=")) {
        r->operator_ = OPERATOR_LEAST;
    } else {
        return complaint_make(complaint, r->line, "unknown operator '", sign, "'; use <=, = or >=");
    }
    if (requirement_milli(r->texts[TEXT_THRESHOLD], &r->threshold_milli) != ERR_OK) {
        return complaint_make(complaint, r->line, "the threshold '", r->texts[TEXT_THRESHOLD],
                              "' is not a number with at most three decimals and a point");
    }
    if (slice_u64(r->texts[TEXT_SAMPLES], 1000000, &r->samples) != ERR_OK || r->samples == 0) {
        return complaint_make(complaint, r->line, "the number of samples '", r->texts[TEXT_SAMPLES],
                              "' must be a whole number from 1");
    }
    return ERR_OK;
}

static enum err read_row(struct requirement *r, struct complaint *complaint)
{
    struct slice obligation = r->texts[TEXT_OBLIGATION];
    r->is_mandatory = slice_eq_str(obligation, "skall");
    if (!r->is_mandatory && !slice_eq_str(obligation, "bor")) {
        return complaint_make(complaint, r->line, "unknown obligation '", obligation,
                              "'; use skall or bor");
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (r->texts[i].len == 0) {
            return complaint_make(complaint, r->line, "the field ", slice_str(columns[i]),
                                  " is empty; every requirement needs all of them");
        }
    }
    enum err err = read_housing(r, complaint);
    return err == ERR_OK ? read_figures(r, complaint) : err;
}

static enum err check_header(struct slice row, struct complaint *complaint)
{
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        struct slice name = slice_cut(&row, ';');
        if (!slice_eq_str(name, columns[i])) {
            return complaint_make(complaint, 1, "the header row must name the column ",
                                  slice_str(columns[i]), " here");
        }
    }
    return row.len == 0 ? ERR_OK
                        : complaint_make(complaint, 1, "unknown column '", row, "' in the header");
}

static struct slice take_line(struct slice *rest)
{
    struct slice line = slice_cut(rest, '\n');
    line.len -= line.len > 0 && line.at[line.len - 1] == '\r' ? 1 : 0;
    return line;
}

const struct requirement *requirement_find(const struct catalogue *catalogue, struct slice id)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        if (slice_eq(catalogue->rows[i].texts[TEXT_ID], id)) {
            return &catalogue->rows[i];
        }
    }
    return NULL;
}

static enum err add_row(struct catalogue *all, struct slice row, int line, struct arena *arena,
                        struct complaint *complaint)
{
    if (all->count == REQUIREMENTS_MAX) {
        return complaint_make(complaint, line, "too many requirements: at most 512 in one file",
                              slice_str(""), "");
    }
    struct requirement *r = &all->rows[all->count];
    *r = (struct requirement){.source = row, .line = line};
    enum err err = cut_row(row, line, arena, r->texts, complaint);
    err = err == ERR_OK ? read_row(r, complaint) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (requirement_find(all, r->texts[TEXT_ID]) != NULL) {
        return complaint_make(complaint, line, "the id ", r->texts[TEXT_ID],
                              " stands twice; an id is given once and never used again");
    }
    all->count++;
    return ERR_OK;
}

enum err requirement_parse(struct slice text, struct arena *arena, struct catalogue *ret_catalogue,
                           struct complaint *ret_complaint)
{
    struct catalogue all = {arena_alloc(arena, REQUIREMENTS_MAX, sizeof(struct requirement)), 0};
    if (text.len > CATALOGUE_MAX || all.rows == NULL) {
        complaint_make(ret_complaint, 1, "the file is too large: at most 1 MiB", slice_str(""), "");
        return ERR_FULL;
    }
    struct slice rest = text;
    enum err err = check_header(take_line(&rest), ret_complaint);
    for (int line = 2; err == ERR_OK && rest.len > 0; line++) {
        struct slice row = take_line(&rest);
        if (row.len > 0) {
            err = add_row(&all, row, line, arena, ret_complaint);
        }
    }
    if (err == ERR_OK) {
        *ret_catalogue = all;
    }
    return err;
}
