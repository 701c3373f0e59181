/* load.c - the clock of a run: sends by the schedule or by the window, waits for the rest, prints a line.
 *
 *   bench-load raw     --rate 1000 --count 3000 ...   publisher -> broker -> subscriber
 *   bench-load alarms  --rate 1000 --count 3000 ...   device -> gateway -> handheld
 *
 * Called by tests/bench/run. A latency runs from the intended time of sending, also when the sender was
 * late (no coordinated omission). The result is one line of `word=number`.
 */
#include "load.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL

enum { EVENTS_MAX = 64, GIVE_UP_S = 3, SETTLE_MS = 400, BEAT_S = 4 };

_Noreturn void load_fail(const char *sentence, const char *about)
{
    fprintf(stderr, "bench-load: %s %s\n", sentence, about);
    exit(1);
}

int64_t load_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND_NS + t.tv_nsec;
}

void load_watch(struct load *load, struct load_watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, watch->fd, &event) != 0) {
        load_fail("epoll does not take a socket", "");
    }
}

int load_connect(const char *address, bool is_udp)
{
    char host[64];
    struct sockaddr_in to = {.sin_family = AF_INET};
    unsigned short port = 0;
    if (sscanf(address, "%63[^:]:%hu", host, &port) != 2 ||
        inet_pton(AF_INET, host, &to.sin_addr) != 1) {
        load_fail("not an address:", address);
    }
    to.sin_port = htons(port);
    int fd = socket(AF_INET, (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        load_fail("nobody listens at", address);
    }
    return fd;
}

void load_seen(struct load *load, size_t index)
{
    if (index < load->settings.count && load->seen_ns[index] == LOAD_UNSEEN) {
        load->seen_ns[index] = load_now_ns() - load->intended_ns[index];
        load->seen++;
    }
}

void load_answered(struct load *load, size_t index, bool is_positive)
{
    if (!load->is_answered[index]) {
        load->is_answered[index] = true;
        load->answered += is_positive;
        load->refused += !is_positive;
    }
}

/* --- the run -------------------------------------------------------------------------------------- */

static void wait_until(struct load *load, int64_t until_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t rest_ns = until_ns - load_now_ns();
    rest_ns = rest_ns > 0 ? rest_ns : 0;
    struct timespec rest = {.tv_sec = rest_ns / SECOND_NS, .tv_nsec = rest_ns % SECOND_NS};
    int count = epoll_pwait2(load->epoll, events, EVENTS_MAX, &rest, NULL);
    for (int i = 0; i < count; i++) {
        struct load_watch *watch = events[i].data.ptr;
        watch->on_readable(load, watch);
    }
}

static void rest(struct load *load, int64_t ms)
{
    int64_t until_ns = load_now_ns() + ms * 1000000;
    while (load_now_ns() < until_ns) {
        wait_until(load, until_ns);
    }
}

static void send_one(struct load *load, bool is_raw, int64_t intended_ns)
{
    size_t index = load->sent++;
    size_t after = load->settings.reset_after;
    load->intended_ns[index] = intended_ns;
    if (is_raw) {
        raw_alarm(load, index);
        return;
    }
    device_alarm(load, index);
    if (after > 0 && index >= after) {
        device_reset(load, index - after);
    }
}

static void beat(struct load *load, bool is_raw, int64_t *next_ns)
{
    if (load_now_ns() < *next_ns) {
        return;
    }
    *next_ns = load_now_ns() + BEAT_S * SECOND_NS;
    if (is_raw) {
        raw_misc();
    } else {
        handhelds_beat(load);
    }
}

static void run_open(struct load *load, bool is_raw)
{
    int64_t gap_ns = (int64_t)((double)SECOND_NS / load->settings.rate);
    int64_t begin_ns = load_now_ns() + gap_ns;
    int64_t beat_ns = begin_ns + BEAT_S * SECOND_NS;
    int64_t end_ns = begin_ns + (int64_t)load->settings.count * gap_ns + GIVE_UP_S * SECOND_NS;
    while (load->seen < load->settings.count && load_now_ns() < end_ns) {
        int64_t next_ns = begin_ns + (int64_t)load->sent * gap_ns;
        bool is_more = load->sent < load->settings.count;
        wait_until(load, is_more ? next_ns : end_ns);
        while (load->sent < load->settings.count && load_now_ns() >= next_ns) {
            send_one(load, is_raw, next_ns);
            next_ns += gap_ns;
        }
        beat(load, is_raw, &beat_ns);
    }
}

/* Answered is what counts here: for a device "it is in the journal", for raw "the subscriber has it". */
static void run_closed(struct load *load, bool is_raw)
{
    int64_t beat_ns = load_now_ns() + BEAT_S * SECOND_NS;
    int64_t heard_ns = load_now_ns();
    size_t before = 0;
    size_t lost = 0;
    while (before + lost < load->settings.count) {
        size_t done = is_raw ? load->seen : load->answered + load->refused;
        heard_ns = done != before ? load_now_ns() : heard_ns;
        before = done;
        if (load_now_ns() - heard_ns > SECOND_NS) {
            lost = load->sent - done; /* a datagram that fell out of a full queue */
            heard_ns = load_now_ns();
        }
        while (load->sent < load->settings.count &&
               load->sent - done - lost < load->settings.window) {
            send_one(load, is_raw, load_now_ns());
        }
        wait_until(load, load_now_ns() + SECOND_NS / 10);
        beat(load, is_raw, &beat_ns);
    }
}

/* Those cases that are still open; not measured, and slow enough for nothing to be lost. */
static void clear_away(struct load *load)
{
    size_t after = load->settings.reset_after;
    size_t first = after > 0 && load->sent > after ? load->sent - after : 0;
    for (size_t i = first; i < load->sent; i++) {
        device_reset(load, i);
        if (i % 16 == 15) {
            rest(load, 4);
        }
    }
    rest(load, SETTLE_MS);
}

/* --- what it cost --------------------------------------------------------------------------------- */

/* CPU of all threads; 0 without a process. */
static int64_t cpu_ns(int pid)
{
    char path[64];
    int64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *dir = pid == 0 ? NULL : opendir(path);
    struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char name[sizeof path + sizeof entry->d_name + 16];
        long long ns = 0;
        snprintf(name, sizeof name, "%s/%s/schedstat", path, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(name, "r");
        if (file != NULL) {
            sum += fscanf(file, "%lld", &ns) == 1 ? ns : 0;
            fclose(file);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return sum;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(const struct load *load, double part)
{
    size_t unseen = load->settings.count - load->seen; /* they sort first */
    size_t at = unseen + (size_t)(part * (double)load->seen);
    at = at < load->settings.count ? at : load->settings.count - 1;
    return load->seen == 0 ? 0 : (double)load->seen_ns[at] / 1000.0;
}

static void print_result(struct load *load, int64_t took_ns, int64_t gateway_ns, int64_t broker_ns)
{
    double alarms = (double)load->settings.count;
    qsort(load->seen_ns, load->settings.count, sizeof load->seen_ns[0], compare);
    printf("p50_us=%.0f p99_us=%.0f max_us=%.0f seen=%zu answered=%zu refused=%zu strange=%zu "
           "took_s=%.3f gateway_us=%.1f broker_us=%.1f\n",
           percentile_us(load, 0.50), percentile_us(load, 0.99), percentile_us(load, 1.0),
           load->seen, load->answered, load->refused, load->strange, (double)took_ns / 1e9,
           (double)gateway_ns / 1e3 / alarms, (double)broker_ns / 1e3 / alarms);
}

static void measure(struct load *load, bool is_raw)
{
    const struct load_settings *s = &load->settings;
    int64_t gateway_ns = cpu_ns(s->gateway_pid);
    int64_t broker_ns = cpu_ns(s->broker_pid);
    int64_t begin_ns = load_now_ns();
    if (s->rate > 0) {
        run_open(load, is_raw);
    } else {
        run_closed(load, is_raw);
    }
    int64_t took_ns = load_now_ns() - begin_ns;
    /* what the bus still has to carry belongs to the alarms too */
    rest(load, s->rate > 0 ? SETTLE_MS / 4 : SETTLE_MS);
    gateway_ns = cpu_ns(s->gateway_pid) - gateway_ns;
    broker_ns = cpu_ns(s->broker_pid) - broker_ns;
    if (!is_raw) {
        clear_away(load);
    }
    print_result(load, took_ns, gateway_ns, broker_ns);
}

static void read_arguments(int argc, char **argv, struct load_settings *s)
{
    static const struct option words[] = {
        {"web", required_argument, NULL, 'w'},         {"device", required_argument, NULL, 'd'},
        {"state", required_argument, NULL, 's'},       {"passwords", required_argument, NULL, 'p'},
        {"bus-port", required_argument, NULL, 'b'},    {"count", required_argument, NULL, 'c'},
        {"rate", required_argument, NULL, 'r'},        {"window", required_argument, NULL, 'W'},
        {"devices", required_argument, NULL, 'D'},     {"first", required_argument, NULL, 'f'},
        {"carers", required_argument, NULL, 'k'},      {"idle", required_argument, NULL, 'i'},
        {"reset-after", required_argument, NULL, 'R'}, {"gateway", required_argument, NULL, 'g'},
        {"broker", required_argument, NULL, 'B'},      {NULL, 0, NULL, 0}};
    int word = 0;
    while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
        size_t number = optarg == NULL ? 0 : (size_t)strtoull(optarg, NULL, 10);
        switch (word) {
        case 'w':
            s->web = optarg;
            break;
        case 'd':
            s->device = optarg;
            break;
        case 's':
            s->state = optarg;
            break;
        case 'p':
            s->passwords = optarg;
            break;
        case 'b':
            s->bus_port = (int)number;
            break;
        case 'c':
            s->count = number;
            break;
        case 'r':
            s->rate = (double)number;
            break;
        case 'W':
            s->window = number;
            break;
        case 'D':
            s->devices = number;
            break;
        case 'f':
            s->first = number;
            break;
        case 'k':
            s->carers = number;
            break;
        case 'i':
            s->idle = number;
            break;
        case 'R':
            s->reset_after = number;
            break;
        case 'g':
            s->gateway_pid = (int)number;
            break;
        case 'B':
            s->broker_pid = (int)number;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    struct load load = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct timespec wall;
    read_arguments(argc, argv, &load.settings);
    bool is_raw = optind < argc && strcmp(argv[optind], "raw") == 0;
    if (load.settings.count == 0 || (load.settings.rate <= 0 && load.settings.window == 0)) {
        load_fail("--count, and --rate or --window, are needed", "");
    }
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    clock_gettime(CLOCK_REALTIME, &wall);
    load.run =
        (uint32_t)((uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000) & 0x7fffffff;
    load.intended_ns = calloc(load.settings.count, sizeof *load.intended_ns);
    load.seen_ns = calloc(load.settings.count, sizeof *load.seen_ns);
    load.is_answered = calloc(load.settings.count, sizeof *load.is_answered);
    if (load.intended_ns == NULL || load.seen_ns == NULL || load.is_answered == NULL) {
        load_fail("out of memory", "");
    }
    for (size_t i = 0; i < load.settings.count; i++) {
        load.seen_ns[i] = LOAD_UNSEEN;
    }
    if (is_raw) {
        raw_open(&load);
    } else {
        device_open(&load);
        handhelds_open(&load);
    }
    rest(&load, SETTLE_MS);
    measure(&load, is_raw);
    return 0;
}
