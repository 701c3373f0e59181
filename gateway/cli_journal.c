/* cli_journal.c - samlarm journal verify|show|export: the journal for people and other programs.
 *
 * A running gateway is asked for a copy; its live file is never opened.
 */
#include "cli.h"

#include <dirent.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alarm/json.h"
#include "alarm/pb.h"
#include "io/control.h"
#include "io/journal.h"
#include "samlarm/v1/journal.pb-c.h"

enum form_out { OUT_NOTHING, OUT_TEXT, OUT_CSV, OUT_LINES };

struct reading {
    enum form_out form;
    uint64_t unreadable;
    uint8_t memory[RECORD_ARENA];
};

static void print_time(int64_t wall_ms)
{
    char text[40];
    struct buf out = buf_of(text, sizeof text);
    clock_put_utc(&out, wall_ms);
    printf("%s", buf_cstr(&out));
}

static void print_id(const struct alarm_id *id)
{
    for (size_t i = 0; i < 4; i++) {
        printf("%02x", id->at[i]);
    }
}

static void print_case(const struct case_change *change)
{
    const struct case_value *c = &change->case_;
    print_id(&c->id);
    printf("  %s", change_word(change->change));
    printf("  %s %s %s/%s x%u", kind_word(c->kind), class_word(c->class_), c->unit, c->place,
           c->count);
    if (change->by[0] != '\0') {
        printf("  by %s", change->by);
    }
    if (change->reason[0] != '\0') {
        printf("  (%s)", change->reason);
    }
    if (c->owner[0] != '\0') {
        printf("  owner %s", c->owner);
    }
    if (c->deadline_ms != 0 && case_is_open(c)) {
        printf("  next ");
        print_time(c->deadline_ms);
    }
}

static void print_record(const struct record *record)
{
    switch (record->type) {
    case RECORD_EVENT:
        print_id(&record->event.id);
        printf("  %s %s  %s %s  device %s%s  ref %s  \"%s\"", kind_word(record->event.kind),
               phase_word(record->event.phase), record->event.dialect, record->event.unit,
               record->event.device, record->event.is_device_unknown ? " (unknown)" : "",
               record->event.reference, record->event.text);
        break;
    case RECORD_CASE:
        print_case(&record->case_);
        break;
    case RECORD_RECEIPT:
        print_id(&record->receipt.case_id);
        printf("  %s %s", record->receipt.staff, offer_stage_word(record->receipt.stage));
        break;
    case RECORD_DUTY:
        printf("%s %s %s", record->duty.staff, record->duty.is_on ? "on" : "off",
               record->duty.unit);
        break;
    case RECORD_HANDSET:
        printf("%s %s", record->handset.staff, handset_state_word(record->handset.state));
        break;
    case RECORD_SEEN:
        printf("%s ref %s", record->seen.device, record->seen.reference);
        break;
    case RECORD_FAULT:
        printf("%s %s %s", record->fault.what, record->fault.is_over ? "over" : "began",
               record->fault.about);
        break;
    case RECORD_STARTED:
        printf("version %s, configuration %s, boot %s", record->started.version,
               record->started.config, record->started.boot);
        break;
    case RECORD_ANSWERED:
        print_id(&record->answered.event_id);
        printf("  %s", record->answered.is_positive ? "positive" : "negative");
        break;
    case RECORD_TRIAL:
        printf("%s %s by %s", record->trial.device, trial_state_word(record->trial.state),
               record->trial.by);
        break;
    case RECORD_NONE:
    case RECORD_TYPE_COUNT:
        break;
    }
}

static void print_csv(const struct journal_row *row, const struct record *record)
{
    const struct case_value *c = record->type == RECORD_CASE ? &record->case_.case_ : NULL;
    const struct alarm *a = record->type == RECORD_EVENT ? &record->event : NULL;
    printf("%llu;", (unsigned long long)row->seq);
    print_time(row->at_ms);
    printf(";%s;", record_type_word(record->type));
    if (a != NULL) {
        print_id(&a->id);
        printf(";%s;%s;%s;%s;%s;%s;%s\n", phase_word(a->phase), kind_word(a->kind),
               class_word(a->class_), a->unit, a->place, a->device, "");
    } else if (c != NULL) {
        print_id(&c->id);
        printf(";%s;%s;%s;%s;%s;%s;%s\n", change_word(record->case_.change), kind_word(c->kind),
               class_word(c->class_), c->unit, c->place, c->device, record->case_.by);
    } else {
        printf(";;;;;;;\n");
    }
}

/* Canonical JSON of the Record, one a line, with the row's number in front. */
static void print_line(const struct journal_row *row)
{
    static char text[65536];
    struct buf out = buf_of(text, sizeof text);
    ProtobufCMessage *message = protobuf_c_message_unpack(&samlarm__v1__record__descriptor, NULL,
                                                          row->bytes.len, row->bytes.at);
    if (message == NULL) {
        return;
    }
    if (json_put(message, &out) == ERR_OK) {
        printf("{\"seq\":\"%llu\",\"record\":%s}\n", (unsigned long long)row->seq, buf_cstr(&out));
    }
    protobuf_c_message_free_unpacked(message, NULL);
}

static bool on_row(void *context, const struct journal_row *row)
{
    struct reading *reading = context;
    struct arena arena = arena_of(reading->memory, sizeof reading->memory);
    struct record record;
    if (reading->form == OUT_NOTHING) {
        return true;
    }
    if (record_unpack(row->bytes, &arena, &record) != ERR_OK) {
        reading->unreadable++;
        return true;
    }
    if (reading->form == OUT_TEXT) {
        printf("%8llu  ", (unsigned long long)row->seq);
        print_time(row->at_ms);
        printf("  %-8s  ", record_type_word(record.type));
        print_record(&record);
        putchar('\n');
    } else if (reading->form == OUT_CSV) {
        print_csv(row, &record);
    } else {
        print_line(row);
    }
    return true;
}

/* The folder to read: the state's own when nobody uses it, else a copy in `ret_copy`. */
static bool folder_of(const char *state, char *ret_dir, size_t room, char *ret_copy,
                      size_t copy_room)
{
    char path[600];
    char line[700];
    char answer[320];
    ret_copy[0] = '\0';
    snprintf(ret_dir, room, "%s/journal", state);
    if (cli_is_stopped(state)) {
        return true;
    }
    snprintf(ret_copy, copy_room, "%s/copy-XXXXXX", state);
    if (mkdtemp(ret_copy) == NULL) {
        failed("A copy of the journal cannot be made in %s.", state);
        return false;
    }
    snprintf(path, sizeof path, "%s/control", state);
    snprintf(ret_dir, room, "%s/journal", ret_copy);
    snprintf(line, sizeof line, "copy %s", ret_dir);
    enum err err = control_ask(path, line, 120000, answer, sizeof answer);
    if (err != ERR_OK || strcmp(answer, "ok") != 0) {
        failed("The running gateway made no copy of its journal: %s.",
               err == ERR_OK ? answer : err_name(err));
        rmdir(ret_copy);
        return false;
    }
    return true;
}

static void forget_copy(const char *copy, const char *dir)
{
    char path[900];
    DIR *folder = copy[0] == '\0' ? NULL : opendir(dir);
    if (folder == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        unlink(path);
    }
    closedir(folder);
    rmdir(dir);
    rmdir(copy);
}

static int read_journal(const char *state, const char *dir, enum form_out form)
{
    struct reading *reading = calloc(1, sizeof *reading);
    struct journal_report report = {0};
    struct keys *keys = NULL;
    char why[256];
    if (reading == NULL || keys_open(state, &keys, why, sizeof why) != ERR_OK) {
        free(reading);
        return failed("%s", why);
    }
    reading->form = form;
    if (form == OUT_CSV) {
        puts("seq;time;type;id;what;kind;class;unit;place;device;by");
    }
    enum err err = journal_verify(dir, keys_sign_public(keys), on_row, reading, &report);
    keys_close(keys);
    FILE *out = form == OUT_NOTHING ? stdout : stderr;
    if (err == ERR_OK && reading->unreadable == 0) {
        fprintf(out, "%llu rows, %llu signed checkpoints: the chain is whole.\n",
                (unsigned long long)report.rows, (unsigned long long)report.checkpoints);
    } else {
        fprintf(stderr, "samlarm: %s (row %llu; %llu rows read, %llu unreadable)\n", report.why,
                (unsigned long long)report.bad_seq, (unsigned long long)report.rows,
                (unsigned long long)reading->unreadable);
        err = err == ERR_OK ? ERR_SYNTAX : err;
    }
    free(reading);
    return err == ERR_OK ? 0 : 1;
}

int cli_journal(struct arguments *arguments)
{
    const char *verb = argument_next(arguments);
    const char *state = argument_value(arguments, "--state");
    const char *form = argument_value(arguments, "--format");
    char dir[640];
    char copy[600];
    enum form_out out = OUT_NOTHING;
    if (verb == NULL || state == NULL || arguments->count > 0) {
        return wrong_call("'journal' is followed by verify, show or export, and --state DIR.");
    }
    if (strcmp(verb, "show") == 0) {
        out = OUT_TEXT;
    } else if (strcmp(verb, "export") == 0) {
        out = form != NULL && strcmp(form, "csv") == 0 ? OUT_CSV : OUT_LINES;
    } else if (strcmp(verb, "verify") != 0) {
        return wrong_call("'journal' is followed by verify, show or export.");
    }
    if (!folder_of(state, dir, sizeof dir, copy, sizeof copy)) {
        return 1;
    }
    int status = read_journal(state, dir, out);
    forget_copy(copy, dir);
    return status;
}
