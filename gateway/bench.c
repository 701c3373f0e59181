/* bench.c - samlarm evaluate: the second door, for the evaluation. Picks the verb and its arguments. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "samlarm evaluate plan --plan FILE --catalogue FILE\n"
    "    is this test plan good? Prints its hash, which stands in every report.\n"
    "samlarm evaluate run --plan FILE --catalogue FILE --config DIR --device ID --listen ADDRESS\n"
    "                     --out DIR --state DIR [--stimulus COMMAND] [SUBJECT]\n"
    "    runs the plan: starts a gateway of its own on the configuration, stands between it and "
    "the\n"
    "    device (which sends to ADDRESS), and judges. COMMAND is a simulated device that presses "
    "when\n"
    "    it reads 'press'; without it a tester is asked to press.\n"
    "samlarm evaluate report --plan FILE --catalogue FILE --out DIR --state DIR [SUBJECT]\n"
    "    judges once more what lies in DIR.\n"
    "samlarm evaluate verify --out DIR --key HEX\n"
    "    is the report in DIR the one that the owner of this key (samlarm key show) has signed?\n"
    "SUBJECT: --vendor --product --device-software --site --testers --order, all of them words.\n"
    "Exit status: 0 every requirement met, 1 not, 2 wrong call.\n";

struct frozen { /* catalogue and plan borrow from their texts */
    char *catalogue_text;
    char *plan_text;
    void *memory;
    struct catalogue catalogue;
    struct testplan plan;
    char described[96];
};

static void frozen_free(struct frozen *frozen)
{
    if (frozen != NULL) {
        free(frozen->catalogue_text);
        free(frozen->plan_text);
        free(frozen->memory);
        free(frozen);
    }
}

static struct frozen *freeze(const char *plan_path, const char *catalogue_path)
{
    struct frozen *frozen = calloc(1, sizeof *frozen);
    struct complaint complaint = {0};
    struct slice catalogue_text = {0};
    struct slice plan_text = {0};
    size_t room = REQUIREMENTS_MAX * (sizeof(struct requirement) + 64) + CATALOGUE_MAX;
    if (frozen == NULL) {
        return NULL;
    }
    frozen->memory = malloc(room);
    frozen->catalogue_text = bench_read(catalogue_path, CATALOGUE_MAX, &catalogue_text);
    frozen->plan_text = bench_read(plan_path, TESTPLAN_TEXT_MAX, &plan_text);
    bool is_good =
        frozen->memory != NULL && frozen->catalogue_text != NULL && frozen->plan_text != NULL;
    if (is_good) {
        struct arena arena = arena_of(frozen->memory, room);
        if (requirement_parse(catalogue_text, &arena, &frozen->catalogue, &complaint) != ERR_OK) {
            failed("%s:%d: %s", catalogue_path, complaint.line, complaint.text);
            is_good = false;
        } else if (testplan_parse(plan_text, &frozen->catalogue, &frozen->plan, &complaint) !=
                   ERR_OK) {
            failed("%s:%d: %s", plan_path, complaint.line, complaint.text);
            is_good = false;
        }
    }
    if (!is_good) {
        frozen_free(frozen);
        return NULL;
    }
    const char *name = strrchr(catalogue_path, '/');
    snprintf(frozen->described, sizeof frozen->described, "%s, %zu krav",
             name == NULL ? catalogue_path : name + 1, frozen->catalogue.count);
    return frozen;
}

static const char *or_else(const char *text, const char *other)
{
    return text == NULL ? other : text;
}

static struct subject take_subject(struct arguments *arguments, const char *device)
{
    return (struct subject){.vendor = or_else(argument_value(arguments, "--vendor"), "-"),
                            .product = or_else(argument_value(arguments, "--product"), "-"),
                            .device = device,
                            .dialect = "-",
                            .device_software =
                                or_else(argument_value(arguments, "--device-software"), "-"),
                            .gateway_version = SAMLARM_VERSION,
                            .bench_version = SAMLARM_VERSION,
                            .site = or_else(argument_value(arguments, "--site"), "-"),
                            .testers = or_else(argument_value(arguments, "--testers"), "-"),
                            .order = or_else(argument_value(arguments, "--order"), "1 av 1")};
}

static int show_plan(const struct frozen *frozen)
{
    printf("%s, version %s (%s): %s\n", frozen->plan.name, frozen->plan.version, frozen->plan.date,
           frozen->plan.is_demonstration ? "a demonstration, no evaluation of anybody"
                                         : "evaluation");
    for (size_t i = 0; i < frozen->plan.item_count; i++) {
        const struct testplan_item *item = &frozen->plan.items[i];
        struct slice criterion = item->requirement->texts[TEXT_CRITERION_EN];
        printf("  %.*s  %llu samples  %.*s\n", (int)item->requirement->texts[TEXT_ID].len,
               (const char *)item->requirement->texts[TEXT_ID].at,
               (unsigned long long)item->terms.samples, (int)criterion.len,
               (const char *)criterion.at);
    }
    printf("hash ");
    for (size_t i = 0; i < HASH_LEN; i++) {
        printf("%02x", frozen->plan.hash[i]);
    }
    printf("\n");
    return 0;
}

/* The gateway's port that hears this device, and what dialect the device speaks. */
static bool find_port(struct bench_run *run, struct subject *subject)
{
    struct conf *conf = cli_load(run->config_dir, NULL);
    const struct device *device =
        conf == NULL ? NULL : directory_device(&conf->directory, run->device);
    bool is_found = false;
    if (conf != NULL && device == NULL) {
        failed("The device %s is not in %s/devices.csv.", run->device, run->config_dir);
    }
    for (size_t i = 0; device != NULL && i < conf->port_count && !is_found; i++) {
        const struct conf_port *port = &conf->ports[i];
        if (!port->is_dialling && port->is_udp &&
            strcmp(port->dialect->name, device->dialect) == 0) {
            slice_text(slice_str(port->address), run->gateway, sizeof run->gateway);
            subject->dialect = port->dialect->name;
            is_found = true;
        }
    }
    if (device != NULL && !device->record_all) {
        is_found = false;
        failed("%s/devices.csv: the device %s must have 'all' in the column record, so that every "
               "sign "
               "of it becomes evidence.",
               run->config_dir, run->device);
    } else if (device != NULL && !is_found) {
        failed("No port of %s listens on UDP for %s.", run->config_dir, device->dialect);
    }
    conf_free(conf);
    return is_found;
}

static struct keys *open_keys(const char *state)
{
    struct keys *keys = NULL;
    char why[256] = "";
    if (!bench_folder(state) || keys_open(state, &keys, why, sizeof why) != ERR_OK) {
        failed("%s", why);
    }
    return keys;
}

static int run_and_report(struct arguments *arguments, const struct frozen *frozen,
                          const char *out_dir, const char *state, bool is_run)
{
    struct bench_run run = {.plan = &frozen->plan,
                            .out_dir = out_dir,
                            .config_dir = argument_value(arguments, "--config"),
                            .device = argument_value(arguments, "--device"),
                            .front = argument_value(arguments, "--listen"),
                            .stimulus = argument_value(arguments, "--stimulus")};
    struct subject subject = take_subject(arguments, or_else(run.device, "-"));
    subject.catalogue = frozen->described;
    if (arguments->count > 0) {
        return wrong_call("'evaluate' does not know one of these arguments.");
    }
    if (is_run && (run.config_dir == NULL || run.device == NULL || run.front == NULL)) {
        return wrong_call("'evaluate run' needs --config, --device and --listen.");
    }
    struct keys *keys = open_keys(state);
    if (keys == NULL || !bench_folder(out_dir) || (is_run && !find_port(&run, &subject))) {
        keys_close(keys);
        return 1;
    }
    int status = is_run ? bench_run_all(&run) : 0;
    if (status == 0) {
        status = bench_report_write(out_dir, &frozen->plan, &subject, keys);
    }
    keys_close(keys);
    return status;
}

static int verify(const char *out_dir, const char *hex)
{
    char path[BENCH_PATH];
    uint8_t key[KEY_PUBLIC_LEN];
    size_t len = 0;
    struct slice json = {0};
    struct slice signature = {0};
    if (hex_decode(slice_str(hex), key, sizeof key, &len) != ERR_OK || len != sizeof key) {
        return wrong_call("--key takes the 64 hex digits of 'samlarm key show'.");
    }
    snprintf(path, sizeof path, "%s/report.json", out_dir);
    char *json_text = bench_read(path, REPORT_JSON_MAX, &json);
    snprintf(path, sizeof path, "%s/report.sig", out_dir);
    char *signature_text =
        json_text == NULL ? NULL : bench_read(path, REPORT_SIGNATURE_MAX, &signature);
    enum err err = signature_text == NULL ? ERR_IO : report_verify(json, signature, key);
    free(json_text);
    free(signature_text);
    if (err == ERR_OK) {
        puts("The report is what the owner of this key has signed.");
        return 0;
    }
    return err == ERR_IO ? 1
           : err == ERR_CHECKSUM
               ? failed("%s/report.json was changed after it was signed.", out_dir)
           : err == ERR_SYNTAX ? failed("%s/report.sig is no signature of a report.", out_dir)
                               : failed("%s/report.sig was made with another key.", out_dir);
}

int bench_evaluate(struct arguments *arguments)
{
    if (arguments->count == 0 || argument_flag(arguments, "--help")) {
        fputs(usage, stdout);
        return arguments->count == 0 ? 2 : 0;
    }
    const char *verb = argument_next(arguments);
    const char *out_dir = argument_value(arguments, "--out");
    if (strcmp(verb, "verify") == 0) {
        const char *key = argument_value(arguments, "--key");
        return out_dir == NULL || key == NULL
                   ? wrong_call("'evaluate verify' needs --out and --key.")
                   : verify(out_dir, key);
    }
    const char *plan = argument_value(arguments, "--plan");
    const char *catalogue = argument_value(arguments, "--catalogue");
    const char *state = argument_value(arguments, "--state");
    bool is_plan = strcmp(verb, "plan") == 0;
    bool is_run = strcmp(verb, "run") == 0;
    if (!is_plan && !is_run && strcmp(verb, "report") != 0) {
        return wrong_call("'evaluate' is followed by plan, run, report or verify.");
    }
    if (plan == NULL || catalogue == NULL || (!is_plan && (out_dir == NULL || state == NULL))) {
        return wrong_call("'evaluate' needs --plan and --catalogue, and to run --out and --state.");
    }
    struct frozen *frozen = freeze(plan, catalogue);
    if (frozen == NULL) {
        return 1;
    }
    int status =
        is_plan ? show_plan(frozen) : run_and_report(arguments, frozen, out_dir, state, is_run);
    frozen_free(frozen);
    return status;
}
