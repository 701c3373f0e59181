/* gps_stub.c - stub-gps: a GPS alarm of MiniFinder (Eview) over TCP, on a person who walks about.
 *
 * Commands on stdin: sos, fall, fence, battery, off, quit. Faults: README.md.
 */
#include "stub_line.h"
#include "wire/eview.h"

#include <string.h>

static const struct word {
    const char *command;
    unsigned bit;
} words[] = {{"sos", EVIEW_SOS},
             {"fall", EVIEW_FALL},
             {"fence", EVIEW_FENCE_1},
             {"battery", EVIEW_BATTERY_LOW},
             {"off", EVIEW_POWER_OFF}};

struct gps {
    struct ev_loop *loop;
    struct stub_line *line;
    struct stub_stdin in;
    struct ev_timer beat;
    struct stub_dice dice;
    const char *imei;
    const char *fault;
    uint16_t index;
    int32_t latitude_e7;
    int32_t longitude_e7;
    uint8_t stale[STUB_LINE_MESSAGE_MAX];
    size_t stale_len;
};

static bool has_fault(const struct gps *g, const char *fault)
{
    return strcmp(g->fault, fault) == 0;
}

static void encode(struct gps *g, uint32_t alarms, struct buf *out)
{
    struct eview_packet p = {.wants_answer = true,
                             .index = g->index,
                             .alarms = alarms,
                             .time_ms = loop_now().wall_ms,
                             .has_position = true,
                             .battery_percent = 80};
    g->latitude_e7 += (int32_t)stub_dice_below(&g->dice, 2000) - 1000;
    g->longitude_e7 += (int32_t)stub_dice_below(&g->dice, 2000) - 1000;
    p.latitude_e7 = g->latitude_e7;
    p.longitude_e7 = g->longitude_e7;
    p.time_ms -= has_fault(g, "clock_off") ? 3600000 : 0;
    (void)slice_text(slice_str(g->imei), p.imei, sizeof p.imei);
    eview_put_packet(out, &p);
    if (has_fault(g, "bad_crc")) {
        out->at[4] ^= 1;
    }
}

static void on_line(void *context, char *line)
{
    struct gps *g = context;
    const char *command = stub_word(&line);
    if (command != NULL && strcmp(command, "quit") == 0) {
        ev_break(g->loop, EVBREAK_ALL);
        return;
    }
    for (size_t i = 0; command != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].command, command) == 0) {
            uint8_t bytes[STUB_LINE_MESSAGE_MAX];
            struct buf out = buf_of(bytes, sizeof bytes);
            if (!has_fault(g, "reused_index") || g->index == 0) {
                g->index = g->index == UINT16_MAX ? 1 : (uint16_t)(g->index + 1);
            }
            encode(g, 1u << words[i].bit, &out);
            stub_line_keep(g->line, g->index, buf_slice(&out), command);
            memcpy(g->stale, bytes, out.len);
            g->stale_len = out.len;
            return;
        }
    }
    if (command != NULL) {
        stub_complain("I do not know \"%s\". Commands: sos, fall, fence, battery, off, quit.",
                      command);
    }
}

static void on_beat(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct gps *g = timer->data;
    uint8_t bytes[STUB_LINE_MESSAGE_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    (void)loop;
    (void)events;
    g->index = g->index == UINT16_MAX ? 1 : (uint16_t)(g->index + 1);
    encode(g, 0, &out);
    stub_line_say(g->line, buf_slice(&out), "position");
    if (has_fault(g, "stale") && g->stale_len > 0) {
        stub_line_say(g->line, slice_of(g->stale, g->stale_len), "stale");
    }
}

static size_t on_bytes(void *context, struct slice bytes)
{
    struct gps *g = context;
    size_t taken = 0;
    while (taken < bytes.len) {
        struct eview_packet p;
        struct verdict v = eview_parse(slice_from(bytes, taken), &p);
        if (v.err == ERR_MORE) {
            break;
        }
        taken += v.at;
        if (v.err == ERR_OK && p.type == 0x7f) {
            (void)stub_line_answered(g->line, p.index, "7F");
        }
    }
    return taken;
}

int main(int argc, char **argv)
{
    const char *to = "127.0.0.1:7700";
    int64_t heartbeat_s = 300;
    int64_t retry_s = 10;
    struct gps g = {.imei = "860000000000109",
                    .fault = "none",
                    .dice = {1},
                    .latitude_e7 = 655840000,
                    .longitude_e7 = 221540000};
    struct stub_chance chance = {.every_s = 300};
    const struct stub_option options[] = {
        {"to", "the receiver: host:port", .text = &to},
        {"imei", "15 digits", .text = &g.imei},
        {"heartbeat-s", "seconds from position to position; 0: none", NULL, &heartbeat_s, 0, 86400,
         NULL},
        {"retry-s", "seconds until an alarm is sent again", NULL, &retry_s, 1, 600, NULL},
        {"fault", "none, late_heartbeat, reused_index, no_retry, bad_crc, clock_off or stale",
         .text = &g.fault},
        STUB_CHANCE_OPTIONS(chance),
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "a GPS alarm of MiniFinder; commands on stdin", options,
                      &status)) {
        return status;
    }
    g.loop = ev_default_loop(0);
    const struct stub_line_device device = {NULL, on_bytes, &g};
    g.line = stub_line_open(g.loop, to, has_fault(&g, "no_retry") ? 0 : retry_s, &device);
    if (g.line == NULL) {
        return 2;
    }
    double every_s = (double)heartbeat_s * (has_fault(&g, "late_heartbeat") ? 3 : 1);
    ev_timer_init(&g.beat, on_beat, 1, every_s);
    g.beat.data = &g;
    if (heartbeat_s > 0) {
        ev_timer_start(g.loop, &g.beat);
    }
    stub_stdin_open(&g.in, g.loop, &g, on_line, NULL);
    stub_chance_open(&chance, g.loop, &g, on_line);
    stub_run(g.loop);
    stub_stdin_close(&g.in);
    stub_line_close(g.line);
    ev_loop_destroy(g.loop);
    return 0;
}
