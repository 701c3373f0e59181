/* demo.h - copies of the demo municipality to change and to load. For the unit tests of conf.
 *
 * Every copy is a folder of its own under /tmp, which only we may read.
 */
#pragma once

#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* One thing changed, and what must be said of it. */
struct broken {
    const char *file;
    const char *find; /* NULL: the whole file */
    const char *with;
    const char *said_file; /* NULL: the same file */
    const char *said_at;   /* text that stands on the line; NULL: the file as a whole */
    const char *words[3];  /* all must stand in the sentence */
};

static const char *const files[] = {"samlarm.yaml", "units.yaml", "plans.yaml", "places.csv",
                                    "devices.csv",  "staff.csv",  "keys.csv",   "codes.csv"};
enum { FILES = sizeof files / sizeof files[0], TEXT_MAX = 2 * 1024 * 1024 };

static struct conf_faults faults;

static inline char *read_text(const char *dir, const char *name)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        print_error("%s is not there\n", path);
    }
    assert_non_null(f);
    char *text = calloc(1, TEXT_MAX);
    assert_non_null(text);
    assert_true(fread(text, 1, TEXT_MAX - 1, f) > 0);
    (void)fclose(f);
    return text;
}

static inline void write_text(const char *dir, const char *name, const char *text)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

/* A copy of the demo in a new folder. */
static inline char *demo_copy(void)
{
    char *dir = strdup("/tmp/samlarm-conf-XXXXXX");
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < FILES; i++) {
        char *text = read_text(CONFIG_DIR "/demo", files[i]);
        write_text(dir, files[i], text);
        free(text);
    }
    return dir;
}

static inline void demo_remove(char *dir)
{
    for (size_t i = 0; i < FILES; i++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(dir), 0);
    free(dir);
}

/* Replaces the first `find`; the whole file when `find` is NULL. */
static inline void change(const char *dir, const char *file, const char *find, const char *with)
{
    if (find == NULL) {
        write_text(dir, file, with);
        return;
    }
    char *text = read_text(dir, file);
    char *at = strstr(text, find);
    if (at == NULL) {
        print_error("'%s' does not stand in %s\n", find, file);
        fail();
        return;
    }
    char *changed = calloc(1, TEXT_MAX);
    assert_non_null(changed);
    (void)snprintf(changed, TEXT_MAX, "%.*s%s%s", (int)(at - text), text, with, at + strlen(find));
    write_text(dir, file, changed);
    free(changed);
    free(text);
}

static inline int line_of(const char *dir, const char *file, const char *what)
{
    char *text = read_text(dir, file);
    const char *at = strstr(text, what);
    assert_non_null(at);
    int line = 1;
    for (const char *c = text; c < at; c++) {
        line += *c == '\n';
    }
    free(text);
    return line;
}

/* Stands in for the keyed pseudonym: different for different names is all that is needed. */
static inline void pseudonym(void *context, const char *domain, struct slice name, char *ret,
                             size_t room)
{
    (void)context;
    assert_string_equal(domain, "place");
    uint64_t h = 1469598103934665603U;
    for (size_t i = 0; i < name.len; i++) {
        h = (h ^ name.at[i]) * 1099511628211U;
    }
    (void)snprintf(ret, room, "p%016llx", (unsigned long long)h);
}

static const struct conf_pseudonym pseudonyms = {pseudonym, NULL};

static inline void print_faults(const char *dir)
{
    static char text[65536];
    struct buf out = buf_of(text, sizeof text);
    (void)conf_faults_put(&faults, dir, &out);
    print_error("%s", text);
}

static inline struct conf *load_good(const char *dir)
{
    struct conf *conf = NULL;
    enum err err = conf_load(dir, &pseudonyms, &conf, &faults);
    if (err != ERR_OK) {
        print_faults(dir);
    }
    assert_int_equal(err, ERR_OK);
    assert_int_equal(faults.error_count, 0);
    return conf;
}

/* Is this said, of this line, in these words? */
static inline bool is_said(const struct broken *b, const char *dir, bool is_warning)
{
    const char *file = b->said_file == NULL ? b->file : b->said_file;
    int line = b->said_at == NULL ? 0 : line_of(dir, file, b->said_at);
    for (size_t i = 0; i < faults.count; i++) {
        const struct conf_fault *f = &faults.items[i];
        bool has_words = true;
        for (size_t w = 0; w < 3 && b->words[w] != NULL; w++) {
            has_words = has_words && strstr(f->text, b->words[w]) != NULL;
        }
        if (strcmp(f->file, file) == 0 && f->line == line && f->is_warning == is_warning &&
            has_words) {
            return true;
        }
    }
    return false;
}

/* Each change alone gives one sentence: a fault that refuses the folder, or a warning. Returns how many
 * did not, and says which. */
static inline size_t try_each(const struct broken *table, size_t count, char *(*copy)(void),
                              bool is_warning)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const struct broken *b = &table[i];
        char *dir = copy();
        change(dir, b->file, b->find, b->with);
        struct conf *conf = NULL;
        enum err err = conf_load(dir, &pseudonyms, &conf, &faults);
        if (err != (is_warning ? ERR_OK : ERR_RANGE) || (conf != NULL) != is_warning ||
            faults.count != 1 || !is_said(b, dir, is_warning)) {
            print_error("change %zu: '%s' -> '%s' gave %s and said:\n", i,
                        b->find == NULL ? "" : b->find, b->with, err_name(err));
            print_faults(dir);
            wrong++;
        }
        conf_free(conf);
        demo_remove(dir);
    }
    print_message("%zu changes\n", count);
    return wrong;
}
