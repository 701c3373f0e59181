/* homes_stub.c - stub-homes: the living municipality of the demo: many pendant hubs, one SIP socket.
 *
 * Run by firmware-stubs/demo.sh and by people. Every home sends its heartbeat, spread evenly over
 * the interval, and now and then one of them raises an alarm, mostly help or a fall. Prints what
 * stub_scaip.h says.
 */
#include "stub_scaip.h"

#include <stdlib.h>
#include <string.h>

enum { HOMES_MAX = 10000, LIST_MAX = 1024 * 1024, FIRST_ALARM_S = 3 };

struct homes {
    struct ev_loop *loop;
    struct stub_scaip *device;
    struct stub_scaip_source *sources;
    size_t count;
    size_t next_heart; /* whose heartbeat comes next */
    struct ev_timer heart;
    struct ev_timer alarm;
    struct stub_dice dice;
    int64_t every_s;
    int back_from_mains; /* home whose mains were lost, to come back next time; -1: none */
};

/* What happens how often, of a hundred. */
static const struct {
    const char *word;
    unsigned share;
} chances[] = {{"press", 62}, {"fall", 20}, {"fixed", 8}, {"battery", 5}, {"mains_lost", 5}};

static void on_heart(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct homes *homes = timer->data;
    /* Too many unanswered ones already: the gateway is away, and this one comes round again. */
    (void)stub_scaip_send(homes->device, &homes->sources[homes->next_heart], stub_scaip_heartbeat(),
                          0);
    homes->next_heart = (homes->next_heart + 1) % homes->count;
}

static const char *any_word(struct homes *homes)
{
    uint64_t drawn = stub_dice_below(&homes->dice, 100);
    for (size_t i = 0; i + 1 < sizeof chances / sizeof chances[0]; i++) {
        if (drawn < chances[i].share) {
            return chances[i].word;
        }
        drawn -= chances[i].share;
    }
    return chances[sizeof chances / sizeof chances[0] - 1].word;
}

static void on_alarm(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)events;
    struct homes *homes = timer->data;
    size_t home = (size_t)stub_dice_below(&homes->dice, homes->count);
    const char *word = any_word(homes);
    if (homes->back_from_mains >= 0) {
        home = (size_t)homes->back_from_mains;
        word = "mains_back";
        homes->back_from_mains = -1;
    } else if (strcmp(word, "mains_lost") == 0) {
        homes->back_from_mains = (int)home;
    }
    if (stub_scaip_send(homes->device, &homes->sources[home], stub_scaip_word(word), 0) == NULL) {
        stub_say("not_sent cid=%s what=%s why=full", homes->sources[home].cid, word);
    }
    uint64_t jitter = stub_dice_below(&homes->dice, 1001); /* half to one and a half times */
    ev_timer_stop(loop, timer);
    ev_timer_set(timer, (double)homes->every_s * (0.5 + (double)jitter / 1000.0), 0.0);
    ev_timer_start(loop, timer);
}

/* Lines `cid dty`, cut in place. */
static bool read_list(struct homes *homes, char *text, const char *path)
{
    homes->sources = calloc(HOMES_MAX, sizeof homes->sources[0]);
    if (homes->sources == NULL) {
        stub_complain("There is no memory for the homes.");
        return false;
    }
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        const char *cid = stub_word(&line);
        const char *dty = stub_word(&line);
        if (cid == NULL || cid[0] == '#') {
            continue;
        }
        if (homes->count == HOMES_MAX || strlen(cid) > 32) {
            stub_complain("%s: at most %d homes, with at most 32 characters of cid.", path,
                          HOMES_MAX);
            return false;
        }
        homes->sources[homes->count++] =
            (struct stub_scaip_source){.cid = cid, .dty = dty != NULL ? dty : "0003"};
    }
    if (homes->count == 0) {
        stub_complain("%s names no home; its lines are \"cid dty\".", path);
    }
    return homes->count > 0;
}

static void live(struct homes *homes, int64_t heartbeat_s)
{
    double between_s = (double)heartbeat_s / (double)homes->count;
    ev_timer_init(&homes->heart, on_heart, 0.0, between_s);
    homes->heart.data = homes;
    ev_timer_start(homes->loop, &homes->heart);
    ev_timer_init(&homes->alarm, on_alarm, FIRST_ALARM_S, 0.0);
    homes->alarm.data = homes;
    if (homes->every_s > 0) {
        ev_timer_start(homes->loop, &homes->alarm);
    }
    stub_run(homes->loop);
    ev_timer_stop(homes->loop, &homes->heart);
    ev_timer_stop(homes->loop, &homes->alarm);
}

int main(int argc, char **argv)
{
    const char *to = "127.0.0.1:5060;udp";
    const char *list = NULL;
    int64_t heartbeat_s = 240;
    int64_t retry_s = 10;
    int64_t seed = 0;
    struct homes homes = {.every_s = 45, .back_from_mains = -1};
    const struct stub_option options[] = {
        {"to", "the gateway: \"host:port;udp\" or \";tcp\"", .text = &to},
        {"list", "the homes: a file with lines \"cid dty\"", .text = &list},
        {"heartbeat-s", "seconds in which every home sends one heartbeat", NULL, &heartbeat_s, 1,
         604800, NULL},
        {"every-s", "an alarm about so often; 0: none", NULL, &homes.every_s, 0, 86400, NULL},
        {"retry-s", "seconds until an unanswered alarm is sent again", NULL, &retry_s, 1, 3600,
         NULL},
        {"seed", "for the same alarms each time; 0: other ones", NULL, &seed, 0, INT32_MAX, NULL},
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "many pendant hubs that raise an alarm now and then", options,
                      &status)) {
        return status;
    }
    char peer[STUB_PEER_ROOM];
    size_t len = 0;
    if (list == NULL) {
        stub_complain("--list FILE is needed: lines \"cid dty\".");
        return 2;
    }
    char *text = stub_peer(to, peer) ? stub_file(list, LIST_MAX, &len) : NULL;
    homes.loop = ev_default_loop(0);
    homes.dice.state = seed != 0 ? (uint64_t)seed : (uint64_t)loop_now().wall_ms;
    status = 2;
    if (text != NULL && read_list(&homes, text, list)) {
        struct stub_scaip_config config = {
            .to = peer, .retry_ms = retry_s * 1000, .keep_ms = 4200 * 1000};
        homes.device = stub_scaip_open(homes.loop, &config);
        status = homes.device != NULL ? 0 : 1;
        if (homes.device != NULL) {
            live(&homes, heartbeat_s);
        }
    }
    stub_scaip_close(homes.device);
    free(homes.sources);
    free(text);
    ev_loop_destroy(homes.loop);
    return status;
}
