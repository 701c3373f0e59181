/* centre_stub.c - stub-centre: a stand-in alarm centre that receives SCAIP.
 *
 * Run by the demo, by people and by tests/integration. Prints each message it gets and answers as
 * told; keeps nothing.
 *
 *   case ref=R cid=C mty=ME dty=0003 stc=0010 what="Larm" place="Rum 12"
 *   answered ref=R snu=0          not_taken message=1 status=0: our own MESSAGE met an error
 */
#include "stub.h"

#include "io/sip.h"
#include "wire/scaip.h"

#include <string.h>

enum { LATER_MAX = 64, REF_ROOM = 24 };

enum answer { BY_MESSAGE, BY_BODY, NO_ANSWER, REFUSE };

/* An answer that is to wait, --delay-ms. */
struct later {
    struct ev_timer timer;
    struct centre *centre;
    uint64_t exchange;
    bool is_used;
    char ref[REF_ROOM];
    char peer[STUB_PEER_ROOM];
    char user[64];
};

struct centre {
    struct ev_loop *loop;
    struct sip *sip;
    enum answer answer;
    int64_t delay_ms;
    uint32_t tags;
    struct later later[LATER_MAX];
    uint8_t memory[SCAIP_ARENA];
};

static void put_mrs(const struct later *later, int snu, struct buf *out)
{
    struct scaip_message message = {.root = SCAIP_MRS};
    scaip_set(&message, SCAIP_ref, slice_str(later->ref));
    scaip_set(&message, SCAIP_snu, slice_str(snu == 0 ? "0" : "5"));
    if (scaip_encode(&message, out) != ERR_OK) {
        stub_complain("An answer could not be written; the ref is odd.");
    }
}

static void answer_now(struct centre *centre, const struct later *later)
{
    int snu = centre->answer == REFUSE ? SCAIP_NOT_TREATED : SCAIP_ACCEPTED;
    uint8_t room[256];
    struct buf mrs = buf_of(room, sizeof room);
    put_mrs(later, snu, &mrs);
    if (centre->answer == BY_BODY) {
        (void)sip_answer(centre->sip, later->exchange, 200, SCAIP_TYPE, buf_slice(&mrs));
    } else {
        (void)sip_answer(centre->sip, later->exchange, 200, NULL, slice_of(NULL, 0));
    }
    if (centre->answer == NO_ANSWER) {
        return;
    }
    if (centre->answer != BY_BODY) {
        enum err err = sip_request(centre->sip, slice_str(later->peer), slice_str(later->user),
                                   slice_of(NULL, 0), SCAIP_TYPE, buf_slice(&mrs), ++centre->tags);
        if (err != ERR_OK) {
            stub_say("not_sent ref=%s why=%s", later->ref, err_name(err));
            return;
        }
    }
    stub_say("answered ref=%s snu=%d", later->ref, snu);
}

static void on_later(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct later *later = timer->data;
    later->is_used = false;
    answer_now(later->centre, later);
}

static void answer(struct centre *centre, struct later *draft)
{
    if (centre->delay_ms == 0) {
        answer_now(centre, draft);
        return;
    }
    for (size_t i = 0; i < LATER_MAX; i++) {
        struct later *later = &centre->later[i];
        if (!later->is_used) {
            *later = *draft;
            later->is_used = true;
            later->centre = centre;
            ev_timer_init(&later->timer, on_later, (double)centre->delay_ms / 1000.0, 0.0);
            later->timer.data = later;
            ev_timer_start(centre->loop, &later->timer);
            return;
        }
    }
    (void)sip_answer(centre->sip, draft->exchange, 503, NULL, slice_of(NULL, 0));
}

static void say_case(const struct scaip_message *m)
{
    static const struct {
        const char *name;
        enum scaip_tag tag;
    } shown[] = {{"ref", SCAIP_ref}, {"cid", SCAIP_cid},  {"mty", SCAIP_mty},  {"dty", SCAIP_dty},
                 {"stc", SCAIP_stc}, {"what", SCAIP_stt}, {"place", SCAIP_lte}};
    char line[1024];
    struct buf out = buf_of(line, sizeof line);
    buf_put_str(&out, "case");
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        const char *quote = shown[i].tag == SCAIP_stt || shown[i].tag == SCAIP_lte ? "\"" : "";
        char value[128];
        buf_put_str(&out, " ");
        buf_put_str(&out, shown[i].name);
        buf_put_str(&out, "=");
        buf_put_str(&out, quote);
        buf_put_str(&out, stub_plain(scaip_value(m, shown[i].tag), value, sizeof value));
        buf_put_str(&out, quote);
    }
    stub_say("%s", buf_cstr(&out));
}

static void on_message(void *context, const struct sip_message *sip)
{
    struct centre *centre = context;
    struct arena arena = arena_of(centre->memory, sizeof centre->memory);
    struct scaip_message message;
    const char *why = NULL;
    struct verdict verdict = scaip_parse(sip->body, &arena, &message, &why);
    struct later draft = {.exchange = sip->exchange};
    if (verdict.err != ERR_OK || message.root != SCAIP_MRQ ||
        slice_text(scaip_value(&message, SCAIP_ref), draft.ref, sizeof draft.ref) != ERR_OK ||
        draft.ref[0] == '\0') {
        stub_say("strange why=\"%s\"", verdict.err != ERR_OK ? why : "no mrq with a ref");
        (void)sip_answer(centre->sip, sip->exchange, 400, NULL, slice_of(NULL, 0));
        return;
    }
    say_case(&message);
    (void)slice_text(slice_str(sip->peer), draft.peer, sizeof draft.peer);
    (void)slice_text(sip->from_user, draft.user, sizeof draft.user);
    answer(centre, &draft);
}

static void on_answer(void *context, uint32_t tag, int status, struct slice type, struct slice body)
{
    (void)context;
    (void)type;
    (void)body;
    if (status < 200 || status >= 300) {
        stub_say("not_taken message=%u status=%d", tag, status);
    }
}

static bool read_answer(const char *word, enum answer *ret_answer)
{
    static const char *const names[] = {"message", "body", "none", "refuse"};
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(names[i], word) == 0) {
            *ret_answer = (enum answer)i;
            return true;
        }
    }
    stub_complain("--answer is message, body, none or refuse, not \"%s\".", word);
    return false;
}

static int run(struct centre *centre, const char *listen)
{
    static const struct sip_handler handler = {on_message, on_answer};
    const struct sip_config config = {
        .name = "centre", .listen = listen, .is_udp = true, .is_tcp = true, .own_user = "alarm"};
    char why[160];
    if (sip_open(centre->loop, &config, &handler, centre, &centre->sip, why, sizeof why) !=
        ERR_OK) {
        stub_complain("%s: %s", listen, why);
        return 1;
    }
    stub_say("listening port=%d", sip_number(centre->sip));
    stub_run(centre->loop);
    for (size_t i = 0; i < LATER_MAX; i++) {
        if (centre->later[i].is_used) {
            ev_timer_stop(centre->loop, &centre->later[i].timer);
        }
    }
    sip_close(centre->sip);
    return 0;
}

int main(int argc, char **argv)
{
    static struct centre centre;
    const char *listen = "127.0.0.1:5070";
    const char *word = "message";
    const struct stub_option options[] = {
        {"listen", "host:port, UDP and TCP", .text = &listen},
        {"answer", "message (own MESSAGE), body (in the 200), none or refuse (snu 5)",
         .text = &word},
        {"delay-ms", "waits so long before it answers", NULL, &centre.delay_ms, 0, 600000, NULL},
        {0},
    };
    int status = 0;
    if (!stub_options(argc, argv, "a stand-in alarm centre that receives SCAIP", options,
                      &status)) {
        return status;
    }
    if (!read_answer(word, &centre.answer)) {
        return 2;
    }
    centre.loop = ev_default_loop(0);
    status = run(&centre, listen);
    ev_loop_destroy(centre.loop);
    return status;
}
