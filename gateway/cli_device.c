/* cli_device.c - samlarm device: which are listed, how they live, and a test of one. */
#include "cli.h"

#include "io/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Asks the running gateway one line and prints what it answers. */
static int ask_gateway(const char *state, const char *line)
{
    char path[600];
    char answer[320];
    snprintf(path, sizeof path, "%s/control", state);
    enum err err = control_ask(path, line, 5000, answer, sizeof answer);
    if (err != ERR_OK) {
        return failed("No gateway runs on %s (%s). Start it, then ask again.", state,
                      err_name(err));
    }
    if (strncmp(answer, "ok", 2) != 0) {
        return failed("%s", answer);
    }
    printf("%s\n", answer);
    return 0;
}

/* 90, 90s, 10m or 2h in seconds; 0: not understood. */
static long seconds_of(const char *text)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    long unit = *end == 'm' ? 60 : *end == 'h' ? 3600 : 1;
    bool is_good = end != text && value > 0 && value <= 86400 &&
                   (*end == '\0' || (strchr("smh", *end) != NULL && end[1] == '\0'));
    return is_good ? value * unit : 0;
}

static int test_device(struct arguments *arguments)
{
    const char *state = argument_value(arguments, "--state");
    const char *within = argument_value(arguments, "--within");
    const char *id = argument_next(arguments);
    char line[200];
    long seconds = seconds_of(within == NULL ? "10m" : within);
    if (state == NULL || id == NULL || arguments->count > 0 || seconds == 0) {
        return wrong_call(
            "'device test' needs --state DIR and one device; --within 10m is a time.");
    }
    snprintf(line, sizeof line, "test %.60s %ld", id, seconds);
    return ask_gateway(state, line);
}

static int show_device(struct arguments *arguments)
{
    const char *state = argument_value(arguments, "--state");
    const char *id = argument_next(arguments);
    char line[100];
    if (state == NULL || id == NULL || arguments->count > 0) {
        return wrong_call("'device show' needs --state DIR and one device.");
    }
    snprintf(line, sizeof line, "device %.60s", id);
    return ask_gateway(state, line);
}

/* The list as it is configured: no gateway is asked. */
static int list_configured(const char *dir)
{
    struct conf *conf = cli_load(dir, NULL);
    if (conf == NULL) {
        return 1;
    }
    const struct directory *d = &conf->directory;
    for (size_t i = 0; i < d->device_count; i++) {
        const struct device *device = &d->devices[i];
        printf("%-16s %-10s %-16s %-14s %-20s %-16s %lld s\n", device->id, device->dialect,
               device->key, d->units[d->places[device->place].unit].id, device->vendor,
               device->model[0] == '\0' ? "-" : device->model,
               (long long)(device->supervision_ms / 1000));
    }
    conf_free(conf);
    return 0;
}

enum { COLUMNS = 9 };

static void print_row(char *row)
{
    static const int widths[COLUMNS] = {0, 16, 16, 14, 10, 24, 24, 12, 0};
    char *rest = row;
    for (int i = 0; i < COLUMNS && rest != NULL; i++) {
        const char *text = strsep(&rest, "\t");
        if (i > 0) { /* the first says "ok" */
            printf("%-*s%s", widths[i], *text == '\0' ? "-" : text, rest == NULL ? "\n" : " ");
        }
    }
}

/* The list as the running gateway sees it: heard when, silent, last test. */
static int list_living(const char *state)
{
    char path[600];
    char line[40];
    char answer[400] = "ok";
    snprintf(path, sizeof path, "%s/control", state);
    for (unsigned i = 0;; i++) {
        snprintf(line, sizeof line, "row %u", i);
        enum err err = control_ask(path, line, 5000, answer, sizeof answer);
        if (err != ERR_OK) {
            return failed("No gateway runs on %s (%s). Start it, then ask again.", state,
                          err_name(err));
        }
        if (i == 0) {
            printf("%-16s %-16s %-14s %-10s %-24s %-24s %-12s %s\n", "DEVICE", "VENDOR", "MODEL",
                   "DIALECT", "PLACE", "HEARD", "SILENT", "TEST");
        }
        if (strncmp(answer, "ok", 2) != 0) {
            return strcmp(answer, "end") == 0 ? 0 : failed("%s", answer);
        }
        print_row(answer);
    }
}

int cli_device(struct arguments *arguments)
{
    const char *verb = argument_next(arguments);
    if (verb != NULL && strcmp(verb, "test") == 0) {
        return test_device(arguments);
    }
    if (verb != NULL && strcmp(verb, "show") == 0) {
        return show_device(arguments);
    }
    const char *dir = argument_value(arguments, "--config");
    const char *state = argument_value(arguments, "--state");
    if (verb == NULL || strcmp(verb, "list") != 0 || (dir == NULL) == (state == NULL) ||
        arguments->count > 0) {
        return wrong_call("'device' is followed by list (--config DIR or --state DIR), test or "
                          "show (--state DIR).");
    }
    return state == NULL ? list_configured(dir) : list_living(state);
}
