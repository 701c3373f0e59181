/* faults.c - the list of what is wrong, and the guess at what was meant.
 *
 * Called by everything in conf/. Never stops the reading: a person wants to see all faults at once.
 */
#include "conf/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const file_names[FILE_COUNT] = {
    [FILE_CODES] = "codes.csv",   [FILE_DEVICES] = "devices.csv", [FILE_KEYS] = "keys.csv",
    [FILE_PLACES] = "places.csv", [FILE_PLANS] = "plans.yaml",    [FILE_MAIN] = "samlarm.yaml",
    [FILE_STAFF] = "staff.csv",   [FILE_UNITS] = "units.yaml",
};

const char *file_name(enum file file)
{
    return file_names[file];
}

/* Blanks instead of control characters, and never half a UTF-8 character: what is quoted from a
 * file ends up on a terminal. */
static void clean(char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            text[i] = ' ';
        }
    }
    while (len > 0 && !slice_is_utf8(slice_of(text, len))) {
        text[--len] = '\0';
    }
}

__attribute__((format(printf, 5, 0))) static void add(struct load *load, enum file file, int line,
                                                      bool is_warning, const char *format,
                                                      va_list values)
{
    struct conf_faults *faults = load->faults;
    if (!is_warning) {
        faults->error_count++;
    }
    if (faults->count == CONF_FAULTS_MAX) {
        faults->dropped++;
        return;
    }
    struct conf_fault *f = &faults->items[faults->count++];
    *f = (struct conf_fault){.line = line, .is_warning = is_warning};
    (void)snprintf(f->file, sizeof f->file, "%s", file_names[file]);
    (void)vsnprintf(f->text, sizeof f->text, format, values);
    clean(f->text);
}

void fault(struct load *load, enum file file, int line, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    add(load, file, line, false, format, values);
    va_end(values);
}

void warning(struct load *load, enum file file, int line, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    add(load, file, line, true, format, values);
    va_end(values);
}

static int compare(const void *a, const void *b)
{
    const struct conf_fault *x = a;
    const struct conf_fault *y = b;
    int files = strcmp(x->file, y->file);
    if (files != 0) {
        return files;
    }
    return x->line != y->line ? (x->line < y->line ? -1 : 1) : strcmp(x->text, y->text);
}

void faults_sort(struct conf_faults *faults)
{
    qsort(faults->items, faults->count, sizeof faults->items[0], compare);
}

enum err conf_faults_put(const struct conf_faults *faults, const char *dir, struct buf *out)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct conf_fault *f = &faults->items[i];
        buf_put_str(out, dir);
        buf_put_str(out, "/");
        buf_put_str(out, f->file);
        buf_put_str(out, ":");
        if (f->line > 0) {
            buf_put_i64(out, f->line);
            buf_put_str(out, ":");
        }
        buf_put_str(out, f->is_warning ? " warning: " : " ");
        buf_put_str(out, f->text);
        buf_put_str(out, "\n");
    }
    if (faults->dropped > 0) {
        buf_put_str(out, "... and ");
        buf_put_u64(out, faults->dropped);
        buf_put_str(out, " more; put these right first.\n");
    }
    bool is_full = out->is_full;
    (void)buf_cstr(out);
    return is_full ? ERR_FULL : ERR_OK;
}

enum { GUESS_LEN_MAX = 40 };

/* Levenshtein's distance; words longer than GUESS_LEN_MAX are never alike. */
static size_t distance(const char *a, const char *b)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > GUESS_LEN_MAX || b_len > GUESS_LEN_MAX) {
        return GUESS_LEN_MAX;
    }
    size_t row[GUESS_LEN_MAX + 1];
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            size_t remove = row[j] + 1;
            size_t insert = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = change < remove ? change : remove;
            row[j] = row[j] < insert ? row[j] : insert;
        }
    }
    return row[b_len];
}

struct guess guess_of(const char *wrong)
{
    size_t len = strlen(wrong);
    return (struct guess){.wrong = wrong, .best = NULL, .distance = len < 4 ? 2 : 3};
}

void guess_offer(struct guess *guess, const char *candidate)
{
    size_t d = distance(guess->wrong, candidate);
    if (d < guess->distance) {
        guess->distance = d;
        guess->best = candidate;
    }
}

const char *guess_text(const struct guess *guess, char *room, size_t len)
{
    room[0] = '\0';
    if (guess->best != NULL) {
        (void)snprintf(room, len, "; did you mean `%s`?", guess->best);
    }
    return room;
}
