/* bench_report.c - what lies in a run's folder becomes evidence, judgements and a signed report.
 *
 * Reads only; the same folder gives the same report whenever it is written again.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alarm/pb.h"
#include "io/journal.h"

enum { OBSERVATIONS_MAX = 200000, EVIDENCE_MAX = 64 << 20 };

bool bench_folder(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) {
        return true;
    }
    failed("The folder %s cannot be made: %s.", path, strerror(errno));
    return false;
}

char *bench_read(const char *path, size_t max, struct slice *ret_bytes)
{
    FILE *file = fopen(path, "re");
    char *text = file == NULL ? NULL : malloc(max + 1);
    if (text == NULL) {
        failed("%s cannot be read: %s.", path, strerror(errno));
        if (file != NULL) {
            fclose(file);
        }
        return NULL;
    }
    size_t len = fread(text, 1, max, file);
    bool is_whole = len < max || fgetc(file) == EOF;
    fclose(file);
    if (!is_whole) {
        failed("%s is larger than %zu bytes.", path, max);
        free(text);
        return NULL;
    }
    text[len] = '\0';
    *ret_bytes = slice_of(text, len);
    return text;
}

bool bench_write(const char *dir, const char *name, struct slice bytes)
{
    char path[BENCH_PATH];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    bool is_good = file != NULL && fwrite(bytes.at, 1, bytes.len, file) == bytes.len;
    is_good = is_good && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file != NULL) {
        fclose(file);
    }
    if (!is_good) {
        failed("%s cannot be written: %s.", path, strerror(errno));
    }
    return is_good;
}

struct collection {
    struct observation *at;
    size_t count;
    bool is_full;
    uint8_t memory[RECORD_ARENA];
};

static bool add(struct collection *collection, const struct observation *o)
{
    if (collection->count == OBSERVATIONS_MAX) {
        collection->is_full = true;
        return false;
    }
    collection->at[collection->count++] = *o;
    return true;
}

static bool on_row(void *context, const struct journal_row *row)
{
    struct collection *rows = context;
    struct arena arena = arena_of(rows->memory, sizeof rows->memory);
    struct record record;
    struct observation o;
    if (record_unpack(row->bytes, &arena, &record) != ERR_OK) {
        return true;
    }
    record.seq = row->seq;
    return observation_from_record(&record, &o) != ERR_OK || add(rows, &o);
}

static bool read_journal(const char *out_dir, struct collection *rows)
{
    char path[BENCH_PATH + 16];
    char state[BENCH_PATH];
    char why[256];
    struct keys *keys = NULL;
    struct journal_report report = {0};
    snprintf(state, sizeof state, "%s/state", out_dir);
    snprintf(path, sizeof path, "%s/journal", state);
    if (keys_open(state, &keys, why, sizeof why) != ERR_OK) {
        failed("%s", why);
        return false;
    }
    enum err err = journal_verify(path, keys_sign_public(keys), on_row, rows, &report);
    keys_close(keys);
    if (err != ERR_OK || rows->is_full) {
        failed("The journal of this run does not hold: %s",
               rows->is_full ? "it is too long." : report.why);
    }
    return err == ERR_OK && !rows->is_full;
}

static bool read_stimuli(const char *out_dir, struct collection *stimuli)
{
    char path[BENCH_PATH];
    struct slice rest = {0};
    snprintf(path, sizeof path, "%s/stimuli.jsonl", out_dir);
    char *text = bench_read(path, EVIDENCE_MAX, &rest);
    bool is_good = text != NULL;
    for (int line = 1; is_good && rest.len > 0; line++) {
        struct arena arena = arena_of(stimuli->memory, sizeof stimuli->memory);
        struct observation o;
        struct slice row = slice_cut(&rest, '\n');
        struct verdict verdict = observation_parse(row, &arena, &o);
        is_good = verdict.err == ERR_OK && add(stimuli, &o);
        if (!is_good) {
            failed("%s:%d: this line is no observation (%s at byte %zu).", path, line,
                   err_name(verdict.err), verdict.at);
        }
    }
    free(text);
    return is_good;
}

struct papers {
    struct collection stimuli;
    struct collection rows;
    struct observation *all;
    uint8_t *evidence;
    uint8_t *text;
    struct report report;
};

static bool collect(const char *out_dir, struct papers *papers, struct buf *ret_evidence)
{
    if (!read_stimuli(out_dir, &papers->stimuli) || !read_journal(out_dir, &papers->rows)) {
        return false;
    }
    observation_merge(papers->stimuli.at, papers->stimuli.count, papers->rows.at,
                      papers->rows.count, papers->all);
    *ret_evidence = buf_of(papers->evidence, EVIDENCE_MAX);
    for (size_t i = 0; i < papers->stimuli.count + papers->rows.count; i++) {
        if (observation_put(&papers->all[i], ret_evidence) != ERR_OK) {
            failed("The evidence is larger than %d bytes.", EVIDENCE_MAX);
            return false;
        }
    }
    return bench_write(out_dir, "evidence.jsonl", buf_slice(ret_evidence));
}

static bool write_page(const char *out_dir, const char *name, struct papers *papers,
                       const struct seal *seal, enum language language)
{
    struct buf out = buf_of(papers->text, REPORT_HTML_MAX);
    if (report_html(&papers->report, seal, language, &out) != ERR_OK) {
        failed("The report is larger than %d bytes.", REPORT_HTML_MAX);
        return false;
    }
    return bench_write(out_dir, name, buf_slice(&out));
}

static bool write_report(const char *out_dir, struct papers *papers, struct keys *keys)
{
    uint8_t signature[REPORT_SIGNATURE_MAX];
    struct buf json = buf_of(papers->text, REPORT_JSON_MAX);
    struct buf sig = buf_of(signature, sizeof signature);
    struct seal seal;
    if (report_json(&papers->report, &json) != ERR_OK ||
        report_sign(buf_slice(&json), keys_sign_secret(keys), keys_sign_public(keys), &sig,
                    &seal) != ERR_OK) {
        failed("The report cannot be written or signed.");
        return false;
    }
    return bench_write(out_dir, "report.json", buf_slice(&json)) &&
           bench_write(out_dir, "report.sig", buf_slice(&sig)) &&
           write_page(out_dir, "report.sv.html", papers, &seal, SWEDISH) &&
           write_page(out_dir, "report.en.html", papers, &seal, ENGLISH);
}

static void print_rulings(const struct report *report)
{
    for (size_t i = 0; i < report->entry_count; i++) {
        const struct report_entry *entry = &report->entries[i];
        struct slice id = entry->item->requirement->texts[TEXT_ID];
        printf("%.*s  %s%s%s\n    expected: %s\n    seen:     %s\n", (int)id.len,
               (const char *)id.at, ruling_word(entry->judgement.ruling),
               entry->judgement.doubt == DOUBT_NONE ? "" : " ", doubt_word(entry->judgement.doubt),
               entry->judgement.expected[ENGLISH], entry->judgement.seen[ENGLISH]);
    }
    printf("TOTAL  %s\n", ruling_word(report->total));
}

static void papers_free(struct papers *papers)
{
    free(papers->stimuli.at);
    free(papers->rows.at);
    free(papers->all);
    free(papers->evidence);
    free(papers->text);
    free(papers);
}

int bench_report_write(const char *out_dir, const struct testplan *plan,
                       const struct subject *subject, struct keys *keys)
{
    struct buf evidence;
    struct papers *papers = calloc(1, sizeof *papers);
    if (papers == NULL) {
        return failed("There is not enough memory.");
    }
    papers->stimuli.at = calloc(OBSERVATIONS_MAX, sizeof(struct observation));
    papers->rows.at = calloc(OBSERVATIONS_MAX, sizeof(struct observation));
    papers->all = calloc(2 * OBSERVATIONS_MAX, sizeof(struct observation));
    papers->evidence = malloc(EVIDENCE_MAX);
    papers->text = malloc(REPORT_HTML_MAX > REPORT_JSON_MAX ? REPORT_HTML_MAX : REPORT_JSON_MAX);
    int status = 1;
    bool has_room = papers->stimuli.at != NULL && papers->rows.at != NULL && papers->all != NULL &&
                    papers->evidence != NULL && papers->text != NULL;
    if (has_room && collect(out_dir, papers, &evidence)) {
        report_judge(plan, papers->all, papers->stimuli.count + papers->rows.count,
                     buf_slice(&evidence), &papers->report);
        papers->report.subject = *subject;
        papers->report.written_ms = loop_now().wall_ms;
        if (write_report(out_dir, papers, keys)) {
            print_rulings(&papers->report);
            status = papers->report.total == RULING_PASS ? 0 : 1;
        }
    }
    papers_free(papers);
    return status;
}
