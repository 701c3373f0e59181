/* turn_orders.c - what listeners ask and centres order on the bus (proto/TOPICS.md). Sub-file of the door.
 *
 *   command/open_cases              a late listener asks what is open
 *   command/accept/{case}           a centre has the case (acknowledge is the same word for it)
 *   command/refuse/{case}           it cannot take it
 *   command/close/{case}            it is done; a reason is needed
 */
#include "turn_parts.h"

#include <string.h>

#include "alarm/topic.h"
#include "samlarm/v1/client.pb-c.h"

struct asking {
    struct turn *turn;
    const struct bus_message *message;
    bool is_cut;
};

static bool tell_open(void *context, const struct case_value *c)
{
    struct asking *asking = context;
    uint8_t memory[RECORD_PACKED_MAX];
    struct buf payload = buf_of(memory, sizeof memory);
    struct case_change change = {.change = CHANGE_UNKNOWN, .at_ms = c->changed_ms, .case_ = *c};
    asking->is_cut =
        case_change_pack(&change, ledger_seq(asking->turn->ledger), &payload) != ERR_OK ||
        bus_respond(asking->turn->bus, asking->message, buf_slice(&payload)) != ERR_OK;
    return !asking->is_cut;
}

static void open_cases(struct turn *turn, const struct bus_message *message)
{
    struct asking asking = {turn, message, false};
    if (message->response_topic.len == 0) {
        return;
    }
    ledger_each_open(turn->ledger, tell_open, &asking);
    if (asking.is_cut) { /* no end: a part must not look like the whole */
        count("open_cases_cut", NULL);
        log_event(LOG_WARN, "bus.open_cases_cut", "advice",
                  "more cases are open than can be told at once; the asker asks again", NULL);
    } else {
        (void)bus_respond(turn->bus, message, (struct slice){0}); /* the end of the list */
    }
}

/* The answer to an order waits for the disk like every other. */
static void answer_later(struct turn *turn, const struct bus_message *message, struct reply reply)
{
    if (message->response_topic.len == 0 || message->response_topic.len >= ANSWER_TOPIC_ROOM ||
        message->correlation.len > CORRELATION_MAX) {
        return;
    }
    struct act *act = turn_act(turn, ACT_ORDER);
    if (act != NULL) {
        act->order.reply = reply;
        slice_text(message->response_topic, act->order.topic, sizeof act->order.topic);
        act->order.correlation_len = message->correlation.len;
        if (message->correlation.len > 0) {
            memcpy(act->order.correlation, message->correlation.at, message->correlation.len);
        }
    }
}

void orders_act(struct turn *turn, const struct act *act)
{
    const struct reply *reply = &act->order.reply;
    struct bus_message to = {.response_topic = slice_str(act->order.topic),
                             .correlation =
                                 slice_of(act->order.correlation, act->order.correlation_len)};
    Samlarm__V1__Result result = SAMLARM__V1__RESULT__INIT;
    uint8_t memory[256];
    bool is_ok = reply->err == ERR_OK || reply->err == ERR_DUPLICATE;
    const char *word =
        reply->word != NULL && reply->word[0] != '\0' ? reply->word : err_name(reply->err);
    result.ok = is_ok;
    result.error = (char *)(uintptr_t)(is_ok ? "" : word);
    if (turn->bus != NULL && samlarm__v1__result__get_packed_size(&result) <= sizeof memory) {
        size_t len = samlarm__v1__result__pack(&result, memory);
        (void)bus_respond(turn->bus, &to, slice_of(memory, len));
    }
}

/* The reason in the CaseRequest of the payload, if there is one that we can use. */
static bool take_reason(struct slice payload, struct input *input)
{
    if (payload.len == 0) {
        return true;
    }
    if (payload.len > 512) {
        return false;
    }
    Samlarm__V1__CaseRequest *request =
        samlarm__v1__case_request__unpack(NULL, payload.len, payload.at);
    if (request == NULL) {
        return false;
    }
    bool is_good =
        slice_is_utf8(slice_str(request->reason)) &&
        slice_text(slice_str(request->reason), input->reason, sizeof input->reason) == ERR_OK &&
        (request->case_.len == 0 || slice_eq(slice_of(request->case_.data, request->case_.len),
                                             slice_of(input->case_id.at, ALARM_ID_LEN)));
    samlarm__v1__case_request__free_unpacked(request, NULL);
    return is_good;
}

static struct reply obey(struct turn *turn, struct slice verb, struct input *input)
{
    const struct case_value *c = ledger_case(turn->ledger, &input->case_id);
    if (c == NULL) {
        return (struct reply){.err = ERR_NOT_FOUND, .word = "unknown_case"};
    }
    slice_text(slice_str(c->centre), input->centre, sizeof input->centre);
    input->type = INPUT_CENTRE;
    input->result = slice_eq_str(verb, "refuse") ? ERR_STATE : ERR_OK;
    struct reply reply = {.err = ERR_OK, .word = ""};
    if (!slice_eq_str(verb, "close") || !c->is_centre_accepted) {
        reply = turn_input(turn, input, loop_now());
    }
    if (slice_eq_str(verb, "close") && (reply.err == ERR_OK || reply.err == ERR_DUPLICATE)) {
        input->type = INPUT_CLOSE;
        reply = turn_input(turn, input, loop_now());
    }
    return reply;
}

static void order(struct turn *turn, const struct bus_message *message, struct slice rest)
{
    struct input input = {0};
    struct slice verb = slice_cut(&rest, '/');
    size_t len = 0;
    bool is_known = slice_eq_str(verb, "accept") || slice_eq_str(verb, "acknowledge") ||
                    slice_eq_str(verb, "refuse") || slice_eq_str(verb, "close");
    struct reply reply = {.err = ERR_SYNTAX, .word = "not_understood"};
    if (is_known && hex_decode(rest, input.case_id.at, ALARM_ID_LEN, &len) == ERR_OK &&
        len == ALARM_ID_LEN && take_reason(message->payload, &input)) {
        memcpy(input.case_ref, input.case_id.at, sizeof input.case_ref);
        reply = obey(turn, verb, &input);
    }
    count("orders", err_name(reply.err));
    if (reply.err != ERR_OK && reply.err != ERR_DUPLICATE) {
        log_event(LOG_WARN, "bus.order_refused", "why", reply.word, NULL);
    }
    answer_later(turn, message, reply);
}

void orders_message(void *context, const struct bus_message *message)
{
    struct turn *turn = context;
    struct slice rest;
    if (topic_rest(turn->directory->municipality, message->topic, &rest) != ERR_OK ||
        !slice_starts(rest, "command/")) {
        return;
    }
    rest = slice_from(rest, strlen("command/"));
    if (slice_eq_str(rest, "open_cases")) {
        open_cases(turn, message);
    } else {
        order(turn, message, rest);
    }
}
