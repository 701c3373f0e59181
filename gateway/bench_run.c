/* bench_run.c - one run of a test plan: a gateway of its own, a wire in the bench's hand, a device.
 *
 * Every stimulus is written to the evidence before the next one; a run that is killed leaves what it
 * had, and the judges see that its end is missing. Nothing is judged here.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SETTLE_MS = 300, RESTORE_MAX_MS = 60000, RAISE_MAX_MS = 60000, READY_MS = 10000 };

static int64_t mono_ms(void)
{
    return loop_now().mono_ms;
}

/* xorshift: the plan's seed alone decides when a link is cut, so that each vendor gets the same. */
static uint64_t next_random(struct bench_run *run, uint64_t below)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return run->random % below;
}

static void note(struct bench_run *run, enum observed what, uint64_t number, const char *text,
                 const char *reference)
{
    char line[OBSERVATION_LINE_MAX];
    struct buf out = buf_of(line, sizeof line);
    bool is_of_run = what == OBSERVED_RUN_BEGIN || what == OBSERVED_RUN_END;
    bool is_by_hand = what == OBSERVED_PRESS && run->stimulus == NULL;
    struct observation o =
        observation_stimulus(what, is_by_hand ? WITNESS_TESTER : WITNESS_BENCH, loop_now(),
                             run->clock, is_of_run ? NULL : run->device, number, text);
    if (reference != NULL) {
        slice_text(slice_str(reference), o.reference, sizeof o.reference);
    }
    if (observation_put(&o, &out) == ERR_OK) {
        fwrite(out.at, 1, out.len, run->stimuli);
        fflush(run->stimuli);
        fsync(fileno(run->stimuli));
    }
}

static void on_again(void *context, const char *reference)
{
    note(context, OBSERVED_DUPLICATE, 0, NULL, reference);
}

/* --- the gateway and the device -------------------------------------------------------------------- */

static const char *daemon_path(char *room, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", room, size - 16);
    if (len <= 0) {
        return "samlarmd";
    }
    room[len] = '\0';
    char *slash = strrchr(room, '/');
    memcpy(slash == NULL ? room : slash + 1, "samlarmd", sizeof "samlarmd");
    return room;
}

static void send_output_to(const char *dir, const char *name)
{
    char path[BENCH_PATH];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
}

static bool start_gateway(struct bench_run *run)
{
    char path[BENCH_PATH];
    char state[BENCH_PATH];
    snprintf(state, sizeof state, "%s/state", run->out_dir);
    run->gateway_pid = fork();
    if (run->gateway_pid == 0) {
        send_output_to(run->out_dir, "gateway.log");
        execlp(daemon_path(path, sizeof path), "samlarmd", "--config", run->config_dir, "--state",
               state, (char *)NULL);
        _exit(127);
    }
    /* its log says when it is ready */
    snprintf(path, sizeof path, "%s/gateway.log", run->out_dir);
    for (int64_t end = mono_ms() + READY_MS; mono_ms() < end && run->gateway_pid > 0;) {
        struct slice log = {0};
        char *text = access(path, R_OK) == 0 ? bench_read(path, 1 << 20, &log) : NULL;
        bool is_ready = text != NULL && strstr(text, "gateway.ready") != NULL;
        free(text);
        if (is_ready) {
            return true;
        }
        if (waitpid(run->gateway_pid, NULL, WNOHANG) == run->gateway_pid) {
            run->gateway_pid = 0;
            break;
        }
        usleep(50000);
    }
    failed("The gateway under the bench did not start; %s says why.", path);
    return false;
}

static bool start_device(struct bench_run *run)
{
    int ends[2];
    if (run->stimulus == NULL) {
        return true;
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    run->device_pid = fork();
    if (run->device_pid == 0) {
        dup2(ends[0], STDIN_FILENO);
        send_output_to(run->out_dir, "device.log");
        setpgid(0, 0);
        execl("/bin/sh", "sh", "-c", run->stimulus, (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    run->to_device = fdopen(ends[1], "w");
    return run->to_device != NULL && run->device_pid > 0;
}

static void stop(pid_t pid, bool is_group)
{
    if (pid <= 0) {
        return;
    }
    kill(is_group ? -pid : pid, SIGTERM);
    for (int i = 0; i < 100; i++) {
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            return;
        }
        usleep(50000);
    }
    kill(is_group ? -pid : pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* --- stimuli --------------------------------------------------------------------------------------- */

static void press(struct bench_run *run, uint64_t number)
{
    if (run->stimulus != NULL) {
        note(run, OBSERVED_PRESS, number, NULL, NULL);
        fputs("press\n", run->to_device);
        fflush(run->to_device);
        return;
    }
    char line[16];
    printf("\a  Press the device now, and Enter at the same moment: ");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) != NULL) {
        note(run, OBSERVED_PRESS, number, NULL, NULL);
    }
}

/* What had passed when the waiting began. Heartbeats pass all the time: an alarm is waited for as such. */
struct waiting {
    const struct relay *relay;
    uint64_t from_device;
    uint64_t to_device;
    uint64_t alarms;
};

static bool has_raised(void *context)
{
    const struct waiting *waiting = context;
    return waiting->relay->alarms > waiting->alarms;
}

static bool has_been_answered(void *context)
{
    const struct waiting *waiting = context;
    return has_raised(context) && waiting->relay->to_device > waiting->relay->answered_at;
}

static bool has_answer(void *context)
{
    const struct waiting *waiting = context;
    return waiting->relay->to_device > waiting->to_device;
}

static bool has_spoken(void *context)
{
    const struct waiting *waiting = context;
    return waiting->relay->from_device > waiting->from_device;
}

static struct waiting from_now(const struct bench_run *run)
{
    return (struct waiting){&run->relay, run->relay.from_device, run->relay.to_device,
                            run->relay.alarms};
}

static void pump_ms(struct bench_run *run, int64_t ms)
{
    relay_pump(&run->relay, mono_ms() + ms, NULL, NULL);
}

static void say_progress(const struct testplan_item *item, uint64_t number)
{
    printf("\r  %.*s  %llu of %llu ", (int)item->requirement->texts[TEXT_ID].len,
           (const char *)item->requirement->texts[TEXT_ID].at, (unsigned long long)number,
           (unsigned long long)item->terms.samples);
    fflush(stdout);
}

static void run_transfer(struct bench_run *run, const struct testplan_item *item)
{
    int64_t give_up_ms = testplan_value(item, "give_up_s");
    for (uint64_t i = 1; i <= item->terms.samples; i++) {
        say_progress(item, i);
        struct waiting waiting = from_now(run);
        press(run, i);
        relay_pump(&run->relay, mono_ms() + give_up_ms, has_been_answered, &waiting);
        pump_ms(run, SETTLE_MS + (int64_t)next_random(run, 500));
    }
}

static void run_repetition(struct bench_run *run, const struct testplan_item *item)
{
    int64_t hold_ms = testplan_value(item, "hold_s");
    for (uint64_t i = 1; i <= item->terms.samples; i++) {
        say_progress(item, i);
        note(run, OBSERVED_HOLD, 0, NULL, NULL);
        run->relay.is_held = true;
        struct waiting waiting = from_now(run);
        press(run, i);
        relay_pump(&run->relay, mono_ms() + RAISE_MAX_MS, has_raised, &waiting);
        pump_ms(run, hold_ms);
        run->relay.is_held = false;
        waiting = from_now(run);
        note(run, OBSERVED_RELEASE, 0, NULL, NULL);
        relay_pump(&run->relay, mono_ms() + hold_ms, has_been_answered, &waiting);
        pump_ms(run, SETTLE_MS);
    }
}

static void run_loss(struct bench_run *run, const struct testplan_item *item)
{
    for (uint64_t i = 1; i <= item->terms.samples; i++) {
        say_progress(item, i);
        pump_ms(run, 1000 + (int64_t)next_random(run, 3000));
        note(run, OBSERVED_LINK_CUT, i, NULL, NULL);
        run->relay.is_cut = true;
        pump_ms(run, item->terms.threshold_milli + item->terms.threshold_milli / 10);
        run->relay.is_cut = false;
        struct waiting waiting = from_now(run);
        note(run, OBSERVED_LINK_RESTORED, i, NULL, NULL);
        relay_pump(&run->relay, mono_ms() + RESTORE_MAX_MS, has_spoken, &waiting);
        pump_ms(run, SETTLE_MS);
    }
}

struct procedure { /* how a metric is stimulated; the judges know nothing of it */
    const char *metric;
    void (*run)(struct bench_run *run, const struct testplan_item *item);
};

static const struct procedure procedures[] = {{"alarm_transfer_p95", run_transfer},
                                              {"duplicate_cases", run_repetition},
                                              {"loss_detect", run_loss}};

static void run_item(struct bench_run *run, const struct testplan_item *item)
{
    char id[UNIT_ROOM];
    slice_text(item->requirement->texts[TEXT_ID], id, sizeof id);
    for (size_t i = 0; i < sizeof procedures / sizeof procedures[0]; i++) {
        if (slice_eq_str(item->requirement->texts[TEXT_METRIC], procedures[i].metric)) {
            note(run, OBSERVED_RUN_BEGIN, 0, id, NULL);
            procedures[i].run(run, item);
            note(run, OBSERVED_RUN_END, 0, id, NULL);
            printf("\n");
        }
    }
}

/* The monotonic clock belongs to this start of the machine. */
static void name_clock(struct bench_run *run)
{
    struct slice boot = {0};
    char *text = bench_read("/proc/sys/kernel/random/boot_id", 64, &boot);
    slice_text(slice_of(boot.at, boot.len < 8 ? boot.len : 8), run->clock, sizeof run->clock);
    free(text);
}

int bench_run_all(struct bench_run *run)
{
    char why[256] = "";
    char path[BENCH_PATH];
    int status = 1;
    run->random = run->plan->seed | 1;
    run->relay.on_again = on_again;
    run->relay.context = run;
    name_clock(run);
    snprintf(path, sizeof path, "%s/stimuli.jsonl", run->out_dir);
    run->stimuli = fopen(path, "wxe");
    if (run->stimuli == NULL) {
        return failed("%s: %s. Each run needs an empty folder of its own.", path, strerror(errno));
    }
    signal(SIGPIPE, SIG_IGN);
    if (start_gateway(run) && start_device(run)) {
        if (relay_open(&run->relay, run->front, run->gateway, why, sizeof why) != ERR_OK) {
            failed("%s", why);
        } else {
            struct waiting waiting = from_now(run);
            relay_pump(&run->relay, mono_ms() + 3000, has_answer, &waiting);
            for (size_t i = 0; i < run->plan->item_count; i++) {
                run_item(run, &run->plan->items[i]);
            }
            status = 0;
        }
    }
    if (run->to_device != NULL) {
        fclose(run->to_device);
    }
    stop(run->device_pid, true);
    stop(run->gateway_pid, false);
    relay_close(&run->relay);
    fclose(run->stimuli);
    return status;
}
