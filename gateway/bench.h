/* bench.h - what the files of the second door share: stimulate, observe, ask the tester, judge.
 *
 *   bench.c        the command: plan, run, report, verify
 *   bench_run.c    one run: the gateway under it, the device's presses, holds and cuts, by the plan
 *   bench_relay.c  the wire between device and gateway, which the bench can hold or cut
 *   bench_report.c journal + stimuli -> evidence -> judgements -> signed report
 */
#pragma once

#include <stdio.h>
#include <sys/types.h>

#include "cli.h"
#include "evaluation/report.h"
#include "io/loop.h"

enum { BENCH_PATH = 600, RELAY_REFERENCES = 64 };

/* A UDP wire with two ends. One device; the last address that spoke is it. */
struct relay {
    int front; /* the device's side */
    int back;  /* the gateway's side */
    uint8_t device[128];
    unsigned device_len;
    bool is_held;         /* gateway -> device is dropped */
    bool is_cut;          /* both ways are dropped */
    uint64_t from_device; /* datagrams that passed */
    uint64_t to_device;
    uint64_t alarms;                                   /* of from_device: alarms, repetitions too */
    uint64_t answered_at;                              /* to_device when the newest of them left */
    char references[RELAY_REFERENCES][REFERENCE_ROOM]; /* of alarms, newest last */
    size_t reference_count;
    void (*on_again)(void *context, const char *reference); /* the same alarm came once more */
    void *context;
};

/* `front` is where the device sends; `gateway` where the gateway listens. `why` on failure. */
enum err relay_open(struct relay *relay, const char *front, const char *gateway, char *ret_why,
                    size_t why_room) MUST_USE;
void relay_close(struct relay *relay);
/* Moves datagrams until `until_mono_ms`, or until `is_done` says so. */
void relay_pump(struct relay *relay, int64_t until_mono_ms, bool (*is_done)(void *context),
                void *context);

struct bench_run {
    const struct testplan *plan;
    const char *config_dir;
    const char *out_dir;
    const char *device;   /* id in the configuration */
    const char *front;    /* address for the device */
    char gateway[96];     /* address of the gateway's port */
    const char *stimulus; /* shell command of a simulated device; NULL: a tester presses */
    FILE *stimuli;        /* evidence as it happens */
    char clock[CLOCK_ROOM];
    struct relay relay;
    pid_t gateway_pid;
    pid_t device_pid;
    FILE *to_device;
    uint64_t random;
};

/* Runs the whole plan. 0, or 1 having said why. */
int bench_run_all(struct bench_run *run);

/* From what lies in `out_dir` (stimuli, journal): evidence, report.json, its signature, two pages. */
int bench_report_write(const char *out_dir, const struct testplan *plan,
                       const struct subject *subject, struct keys *keys);
/* The last component is made; an existing folder is fine. */
bool bench_folder(const char *path);
/* A whole file, ended by NUL; NULL having said why. Freed by the caller. */
char *bench_read(const char *path, size_t max, struct slice *ret_bytes);
bool bench_write(const char *dir, const char *name, struct slice bytes);
