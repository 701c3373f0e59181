/* cli.c - samlarm: what people do beside the running gateway. Picks the command, nothing else. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/log.h"

static const char usage[] =
    "samlarm COMMAND ...\n"
    "\n"
    "  check DIR                                  is this configuration good?\n"
    "  journal verify|show|export --state DIR     the journal: prove it, read it, take it out\n"
    "  staff list --config DIR                    who is in the list\n"
    "  staff enrol --config DIR --state DIR ID... a new PIN (also: --all)\n"
    "  staff revoke --state DIR ID                no login any more\n"
    "  device list --config DIR | --state DIR     what is listed | heard when? silent? last test?\n"
    "  device test --state DIR ID [--within 10m]  somebody presses it now: is it heard?\n"
    "  device show --state DIR ID                 silent? last test?\n"
    "  key show --state DIR                       the public key that proves journal and reports\n"
    "  evaluate plan|run|report|verify            judge a vendor's equipment (evaluate --help)\n"
    "  --help, --version\n";

struct command {
    const char *name;
    int (*run)(struct arguments *arguments);
};

static const struct command commands[] = {
    {"check", cli_check},   {"journal", cli_journal}, {"staff", cli_staff},
    {"device", cli_device}, {"key", cli_key},         {"evaluate", bench_evaluate},
};

int wrong_call(const char *sentence)
{
    fprintf(stderr, "samlarm: %s Try 'samlarm --help'.\n", sentence);
    return 2;
}

int failed(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("samlarm: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    return 1;
}

static void take_out(struct arguments *arguments, int at, int count_)
{
    for (int i = at; i + count_ < arguments->count; i++) {
        arguments->at[i] = arguments->at[i + count_];
    }
    arguments->count -= count_;
}

const char *argument_value(struct arguments *arguments, const char *name)
{
    for (int i = 0; i + 1 < arguments->count; i++) {
        if (strcmp(arguments->at[i], name) == 0) {
            const char *value = arguments->at[i + 1];
            take_out(arguments, i, 2);
            return value;
        }
    }
    return NULL;
}

bool argument_flag(struct arguments *arguments, const char *name)
{
    for (int i = 0; i < arguments->count; i++) {
        if (strcmp(arguments->at[i], name) == 0) {
            take_out(arguments, i, 1);
            return true;
        }
    }
    return false;
}

const char *argument_next(struct arguments *arguments)
{
    if (arguments->count == 0) {
        return NULL;
    }
    const char *value = arguments->at[0];
    take_out(arguments, 0, 1);
    return value;
}

static void make_pseudonym(void *context, const char *domain, struct slice name, char *ret_text,
                           size_t room)
{
    if (context == NULL) {
        slice_text(name, ret_text, room);
    } else {
        keys_pseudonym(context, domain, name, ret_text, room);
    }
}

struct conf *cli_load(const char *dir, struct keys *keys)
{
    static struct conf_faults faults;
    static char text[65536];
    struct conf *conf = NULL;
    struct buf out = buf_of(text, sizeof text);
    struct conf_pseudonym pseudonym = {make_pseudonym, keys};
    enum err err = conf_load(dir, &pseudonym, &conf, &faults);
    if (faults.count > 0) {
        (void)conf_faults_put(&faults, dir, &out);
        fputs(buf_cstr(&out), stderr);
    }
    return err == ERR_OK ? conf : NULL;
}

bool cli_is_stopped(const char *state)
{
    char path[600];
    snprintf(path, sizeof path, "%s/lock", state);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return true; /* never started */
    }
    bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return is_free;
}

static void put_span(int64_t ms, char *ret_text, size_t room)
{
    snprintf(ret_text, room, "%lld min %02lld s", (long long)(ms / 60000),
             (long long)(ms / 1000 % 60));
}

int cli_check(struct arguments *arguments)
{
    const char *dir = argument_next(arguments);
    if (dir == NULL || arguments->count > 0) {
        return wrong_call("'check' takes one folder.");
    }
    struct conf *conf = cli_load(dir, NULL);
    if (conf == NULL) {
        return 1;
    }
    const struct directory *d = &conf->directory;
    printf("%s: good. %zu units, %zu places, %zu devices, %zu staff, %zu plans; configuration %s.\n"
           "Longest time until the last resort has an alarm:\n",
           dir, d->unit_count, d->place_count, d->device_count, d->staff_count, d->plan_count,
           d->config_id);
    for (size_t i = 0; i < d->unit_count; i++) {
        const struct plan *plan = NULL;
        char span[40];
        put_span(conf_worst_ms(conf, (uint16_t)i, &plan), span, sizeof span);
        printf("  %-28s %-12s %s\n", d->units[i].name, span, plan == NULL ? "" : plan->name);
    }
    conf_free(conf);
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {argc - 1, argv + 1};
    umask(077);
    log_set_level(LOG_WARN);
    if (argument_flag(&arguments, "--version")) {
        puts("samlarm " SAMLARM_VERSION);
        return 0;
    }
    bool is_help =
        arguments.count == 0 || (arguments.count == 1 && argument_flag(&arguments, "--help"));
    if (is_help) {
        fputs(usage, argc == 1 ? stderr : stdout);
        return argc == 1 ? 2 : 0;
    }
    const char *name = argument_next(&arguments);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].run(&arguments);
        }
    }
    return wrong_call("I do not know this command.");
}
