/* table.c - see table.h. Called by conf_load once for each list.
 *
 * libcsv knows no lines, so it is fed byte by byte and the lines are counted here.
 */
#include "conf/load.h"

#include <csv.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct load *load;
    enum file file;
    const struct column *columns;
    struct table *table;
    size_t most;
    int line;     /* of the byte that is fed */
    int row_line; /* where the current row began */
    bool is_row_open;
    bool has_header;
    size_t cell; /* number of the next cell in its row */
    size_t header_count;
    int target[TABLE_COLUMNS_MAX * 2]; /* file's column -> ours, -1: not wanted */
    const char *guessed;               /* the column that a wrong name was probably meant as */
    size_t found;                      /* faults */
};

/* What the bytes 0x80..0x9f are in Windows-1252; the rest of it is Latin-1. */
static const uint16_t windows[32] = {
    0x20ac, 0x003f, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x003f, 0x017d, 0x003f, 0x003f, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x003f, 0x017e, 0x0178,
};

/* Replaces the file's text by its UTF-8 form; at most three bytes come from one. */
static bool from_windows(struct load *load, enum file file)
{
    uint8_t *wide = malloc(load->len[file] * 3 + 1);
    if (wide == NULL) {
        load->is_out_of_memory = true;
        return false;
    }
    size_t len = 0;
    for (size_t i = 0; i < load->len[file]; i++) {
        unsigned c = load->text[file][i];
        c = c >= 0x80 && c < 0xa0 ? windows[c - 0x80] : c;
        if (c < 0x80) {
            wide[len++] = (uint8_t)c;
        } else if (c < 0x800) {
            wide[len++] = (uint8_t)(0xc0 | c >> 6);
            wide[len++] = (uint8_t)(0x80 | (c & 0x3f));
        } else {
            wide[len++] = (uint8_t)(0xe0 | c >> 12);
            wide[len++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
            wide[len++] = (uint8_t)(0x80 | (c & 0x3f));
        }
    }
    wide[len] = '\0';
    sodium_memzero(load->text[file], load->len[file]);
    free(load->text[file]);
    load->text[file] = wide;
    load->len[file] = len;
    return true;
}

static void header_cell(struct reading *r, const char *text)
{
    char hint[80];
    struct guess guess = guess_of(text);
    if (r->cell >= CYAML_ARRAY_LEN(r->target)) {
        return;
    }
    r->target[r->cell] = -1;
    for (int i = 0; r->columns[i].name != NULL; i++) {
        if (slice_eq_nocase(slice_str(text), r->columns[i].name)) {
            for (size_t before = 0; before < r->cell; before++) {
                if (r->target[before] == i) {
                    r->found++;
                    fault(r->load, r->file, r->line, "the column `%s` stands here twice; keep one.",
                          r->columns[i].name);
                }
            }
            r->target[r->cell] = i;
            return;
        }
        guess_offer(&guess, r->columns[i].name);
    }
    if (*text != '\0') {
        r->found++;
        r->guessed = guess.best;
        fault(r->load, r->file, r->line,
              "the column `%.40s` is not known%s (remarks go into a column `note`)", text,
              guess_text(&guess, hint, sizeof hint));
    }
}

static void header_done(struct reading *r)
{
    r->has_header = true;
    r->header_count = r->cell;
    if (r->cell > CYAML_ARRAY_LEN(r->target)) {
        r->found++;
        fault(r->load, r->file, r->row_line, "there are more than %zu columns; remove some.",
              CYAML_ARRAY_LEN(r->target));
        r->header_count = CYAML_ARRAY_LEN(r->target);
    }
    for (int i = 0; r->columns[i].name != NULL; i++) {
        bool is_there = false;
        for (size_t c = 0; c < r->header_count; c++) {
            is_there = is_there || r->target[c] == i;
        }
        if (!is_there && r->columns[i].is_required && r->columns[i].name != r->guessed) {
            r->found++;
            fault(r->load, r->file, r->row_line,
                  "the column `%s` is missing; the first row of the file names the columns.",
                  r->columns[i].name);
        }
    }
}

static struct row *begin_row(struct reading *r)
{
    struct table *t = r->table;
    if (t->count == t->row_room) {
        return NULL; /* cannot be: there are no more rows than line ends */
    }
    struct row *row = &t->rows[t->count];
    row->line = r->row_line;
    for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++) {
        row->cells[i] = "";
    }
    return row;
}

static void on_cell(void *cell, size_t len, void *context)
{
    struct reading *r = context;
    struct table *t = r->table;
    const char *from = cell == NULL ? "" : cell;
    size_t at = r->cell;
    if (memchr(from, '\0', len) != NULL) {
        r->found++;
        fault(r->load, r->file, r->line, "a character stands here that is not text.");
        len = strlen(from);
    }
    char *text = t->text + t->text_len;
    memcpy(text, from, len);
    text[len] = '\0';
    t->text_len += len + 1;
    if (!r->has_header) {
        header_cell(r, text);
    } else {
        struct row *row = at == 0 ? begin_row(r) : &t->rows[t->count];
        if (row != NULL && at < r->header_count && r->target[at] >= 0) {
            row->cells[r->target[at]] = text;
        }
        if (at == r->header_count && *text != '\0') {
            r->found++;
            fault(
                r->load, r->file, r->row_line,
                "this row has more cells than the first row has names; put texts that contain the "
                "separator in \"quotes\".");
        }
    }
    r->cell++;
}

/* Spreadsheets save empty rows below the table as a row of separators. */
static bool is_blank(const struct row *row)
{
    for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++) {
        if (*row->cells[i] != '\0') {
            return false;
        }
    }
    return true;
}

static void on_row(int end, void *context)
{
    struct reading *r = context;
    (void)end;
    if (!r->has_header) {
        header_done(r);
    } else if (r->cell > 0 && !is_blank(&r->table->rows[r->table->count])) {
        r->table->count++;
        if (r->table->count == r->most + 1) {
            r->found++;
            fault(r->load, r->file, r->row_line, "there are more than %zu rows; that is the most.",
                  r->most);
        }
    }
    r->cell = 0;
    r->is_row_open = false;
}

static void feed(struct reading *r, struct csv_parser *parser, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.at[i];
        if (!r->is_row_open && byte != '\n' && byte != '\r') {
            r->is_row_open = true;
            r->row_line = r->line;
        }
        if (csv_parse(parser, &byte, 1, on_cell, on_row, r) != 1) {
            r->found++;
            fault(
                r->load, r->file, r->line,
                "a \" stands in the middle of a cell; write it twice (\"\") and put the whole cell "
                "in quotes.");
            return;
        }
        bool is_end =
            byte == '\n' || (byte == '\r' && (i + 1 == text.len || text.at[i + 1] != '\n'));
        r->line += is_end ? 1 : 0;
    }
    if (csv_fini(parser, on_cell, on_row, r) != 0) {
        r->found++;
        fault(r->load, r->file, r->row_line,
              "a quote (\") is opened in this row and never closed; close it.");
    }
}

/* Decides by the first line: Swedish Excel writes `;`. */
static unsigned char separator(struct slice text)
{
    for (size_t i = 0; i < text.len && text.at[i] != '\n' && text.at[i] != '\r'; i++) {
        if (text.at[i] == ';') {
            return ';';
        }
        if (text.at[i] == '\t') {
            return '\t';
        }
    }
    return ',';
}

static bool make_room(struct load *load, struct table *t, struct slice text)
{
    size_t ends = 0;
    for (size_t i = 0; i < text.len; i++) {
        ends += text.at[i] == '\n' || text.at[i] == '\r';
    }
    t->row_room = ends + 2;
    t->rows = calloc(t->row_room, sizeof *t->rows);
    /* A cell costs its bytes and a NUL; each has a separator or a line end, but the last. */
    t->text = malloc(text.len * 2 + 16);
    if (t->rows == NULL || t->text == NULL) {
        load->is_out_of_memory = true;
        return false;
    }
    return true;
}

bool table_load(struct load *load, int file, const struct column *columns, size_t most)
{
    struct table *t = &load->table[file];
    if (load->text[file] == NULL) {
        return false;
    }
    if (!slice_is_utf8(slice_of(load->text[file], load->len[file]))) {
        if (!from_windows(load, (enum file)file)) {
            return false;
        }
        warning(load, (enum file)file, 0,
                "the file is not UTF-8 and was read as Windows text; look whether å, ä and ö are "
                "right, and save it as \"CSV UTF-8\".");
    }
    struct slice text = slice_of(load->text[file], load->len[file]);
    text = slice_starts(text, "\xef\xbb\xbf") ? slice_from(text, 3) : text;
    struct csv_parser parser;
    if (!make_room(load, t, text) || csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        return false;
    }
    csv_set_delim(&parser, separator(text));
    struct reading r = {.load = load,
                        .file = (enum file)file,
                        .columns = columns,
                        .table = t,
                        .most = most,
                        .line = 1,
                        .row_line = 1};
    feed(&r, &parser, text);
    if (parser.entry_buf != NULL) {
        sodium_memzero(parser.entry_buf, parser.entry_size); /* a cell of keys.csv */
    }
    csv_free(&parser);
    if (t->count > most) {
        t->count = most;
    }
    return r.found == 0;
}

void table_free(struct table *table)
{
    if (table->text != NULL) {
        sodium_memzero(table->text, table->text_len); /* it may be that of keys.csv */
    }
    free(table->rows);
    free(table->text);
    *table = (struct table){0};
}
