/* main.c - samlarmd: arguments, configuration, open, loop, close; nothing else. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "io/keys.h"
#include "io/log.h"
#include "turn.h"

static const char usage[] =
    "samlarmd --config DIR --state DIR [--pages DIR] [--check]\n"
    "\n"
    "The gateway: brings the safety alarms of all housing forms to those who answer them.\n"
    "  --config DIR   the municipality: samlarm.yaml, units.yaml, plans.yaml and three CSV files\n"
    "  --state DIR    where the journal and the keys live (made when missing, mode 700)\n"
    "  --pages DIR    the web pages, when the configuration names none\n"
    "  --check        only check the configuration: exit status 0 when it is good, 1 when not\n"
    "  --help         this text\n"
    "  --version      the version\n";

struct arguments {
    const char *config;
    const char *state;
    const char *pages;
    bool is_check;
};

/* Exit status 2 for a wrong call. */
static int wrong(const char *sentence, const char *what)
{
    fprintf(stderr, "samlarmd: %s%s Try 'samlarmd --help'.\n", sentence, what);
    return 2;
}

static int read_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"state", required_argument, NULL, 's'},
                                            {"pages", required_argument, NULL, 'p'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    int option = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            ret->config = optarg;
            break;
        case 's':
            ret->state = optarg;
            break;
        case 'p':
            ret->pages = optarg;
            break;
        case 'k':
            ret->is_check = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        case 'v':
            puts("samlarmd " SAMLARM_VERSION);
            exit(0);
        default:
            return wrong("I do not know this argument: ", argv[optind - 1]);
        }
    }
    if (optind < argc) {
        return wrong("I do not know this argument: ", argv[optind]);
    }
    if (ret->config == NULL || (ret->state == NULL && !ret->is_check)) {
        return wrong("--config and --state are needed.", "");
    }
    return 0;
}

static void say(const char *sentence)
{
    fprintf(stderr, "samlarmd: %s\n", sentence);
}

/* One gateway a state folder: two would tear the journal apart. The lock goes with the process. */
static bool lock_state(const char *state)
{
    char path[600];
    if (mkdir(state, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "samlarmd: The folder %s cannot be made: %s.\n", state, strerror(errno));
        return false;
    }
    snprintf(path, sizeof path, "%s/lock", state);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        fprintf(stderr, "samlarmd: %s cannot be written: %s.\n", path, strerror(errno));
        return false;
    }
    if (flock(fileno(file), LOCK_EX | LOCK_NB) != 0) {
        fprintf(stderr,
                "samlarmd: Another samlarmd uses %s. Stop it first, or give another --state.\n",
                state);
        fclose(file);
        return false;
    }
    return true; /* kept open until the process ends */
}

static void make_pseudonym(void *context, const char *domain, struct slice name, char *ret_text,
                           size_t room)
{
    keys_pseudonym(context, domain, name, ret_text, room);
}

/* For --check no key is at hand, and none is needed: the words go nowhere. */
static void keep_name(void *context, const char *domain, struct slice name, char *ret_text,
                      size_t room)
{
    (void)context;
    (void)domain;
    slice_text(name, ret_text, room);
}

static struct conf *load(const char *dir, struct keys *keys)
{
    static struct conf_faults faults;
    static char text[65536];
    struct conf *conf = NULL;
    struct buf out = buf_of(text, sizeof text);
    struct conf_pseudonym pseudonym = {keys == NULL ? keep_name : make_pseudonym, keys};
    enum err err = conf_load(dir, &pseudonym, &conf, &faults);
    if (faults.count > 0) {
        (void)conf_faults_put(&faults, dir, &out);
        fputs(buf_cstr(&out), stderr);
    }
    if (err == ERR_FULL) {
        say("There is not enough memory for this configuration.");
    } else if (err != ERR_OK) {
        say("The configuration is refused; nothing was started.");
    }
    return err == ERR_OK ? conf : NULL;
}

static int check(const struct arguments *arguments)
{
    struct conf *conf = load(arguments->config, NULL);
    if (conf == NULL) {
        return 1;
    }
    printf(
        "%s: good. %zu units, %zu places, %zu devices, %zu staff, %zu plans; configuration %s.\n",
        arguments->config, conf->directory.unit_count, conf->directory.place_count,
        conf->directory.device_count, conf->directory.staff_count, conf->directory.plan_count,
        conf->directory.config_id);
    conf_free(conf);
    return 0;
}

static void on_signal(struct ev_loop *loop, struct ev_signal *signal_, int events)
{
    (void)signal_;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static int serve(const struct arguments *arguments, struct keys *keys, struct conf *conf)
{
    char why[512] = "";
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    struct ev_signal stops[2];
    struct turn *turn = NULL;
    const char *pages = arguments->pages;
    if (pages == NULL && access(SAMLARM_PAGES, R_OK) == 0) {
        pages = SAMLARM_PAGES;
    }
    struct turn_config config = {conf, keys, arguments->state, pages};
    if (loop == NULL) {
        say("The kernel gives no event loop.");
        conf_free(conf);
        return 1;
    }
    ev_signal_init(&stops[0], on_signal, SIGTERM);
    ev_signal_init(&stops[1], on_signal, SIGINT);
    ev_signal_start(loop, &stops[0]);
    ev_signal_start(loop, &stops[1]);
    if (turn_open(loop, &config, &turn, why, sizeof why) != ERR_OK) {
        say(why);
        ev_loop_destroy(loop);
        return 1;
    }
    log_event(LOG_INFO, "gateway.ready", "config", conf->directory.config_id, "version",
              SAMLARM_VERSION, NULL);
    ev_run(loop, 0);
    log_event(LOG_INFO, "gateway.stopping", NULL);
    turn_close(turn);
    ev_signal_stop(loop, &stops[0]);
    ev_signal_stop(loop, &stops[1]);
    ev_loop_destroy(loop);
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct keys *keys = NULL;
    char why[256] = "";
    int status = read_arguments(argc, argv, &arguments);
    if (status != 0) {
        return status;
    }
    if (arguments.is_check) {
        return check(&arguments);
    }
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* keys are in memory */
    if (!lock_state(arguments.state)) {
        return 1;
    }
    if (keys_open(arguments.state, &keys, why, sizeof why) != ERR_OK) {
        say(why);
        return 1;
    }
    struct conf *conf = load(arguments.config, keys);
    status = conf == NULL ? 1 : serve(&arguments, keys, conf);
    keys_close(keys);
    return status;
}
