/* turn_web.c - handhelds: messages in become inputs, handsets are measured, those concerned are told.
 *
 * A handset is what it proves to be: connected, answering heartbeats, visible, with sound. Losing the
 * socket is not yet silence; silence is no proof for the configured time. Sub-file of the door.
 */
#include "turn_parts.h"

#include <stdlib.h>
#include <string.h>

#include "alarm/json.h"
#include "samlarm/v1/client.pb-c.h"

enum { INPUT_ARENA = 24576, BATTERY_LOW_PERCENT = 5, PEOPLE_MS = 900, QUEUED_MAX = 24 };

static struct handheld *handheld_find(struct turn *turn, uint32_t id)
{
    for (struct handheld *h = turn->handhelds; h != NULL; h = h->next) {
        if (h->id == id) {
            return h;
        }
    }
    return NULL;
}

static const struct staff *staff_of(const struct handheld *handheld)
{
    return handheld->staff == SIZE_MAX ? NULL : &handheld->turn->directory->staff[handheld->staff];
}

static void send(struct handheld *handheld, struct slice text)
{
    if (text.len > 0 && handheld->client != NULL) {
        handheld->queued = web_is_drained(handheld->client) ? 1 : handheld->queued + 1;
        (void)web_send(handheld->client, text); /* a client that does not read is closed by web.c */
    }
}

/* When many cases change at once (a power cut, a fire), a handset that reads as fast as its line goes must
 * not be cut off as one that does not read: what would run over its queue becomes one snapshot later. */
static bool is_behind(struct handheld *handheld)
{
    if (!handheld->is_behind && handheld->queued >= QUEUED_MAX &&
        !web_is_drained(handheld->client)) {
        handheld->is_behind = true;
        handheld->turn->is_any_behind = true;
        count("handsets_behind", NULL);
    }
    return handheld->is_behind;
}

void web_all_behind(struct turn *turn)
{
    for (struct handheld *h = turn->handhelds; h != NULL; h = h->next) {
        h->is_behind = true;
    }
    turn->is_any_behind = true;
}

void web_catch_up(struct turn *turn)
{
    bool is_any = false;
    if (!turn->is_any_behind) {
        return;
    }
    for (struct handheld *h = turn->handhelds; h != NULL; h = h->next) {
        if (h->is_behind && h->staff != SIZE_MAX && web_is_drained(h->client)) {
            h->is_behind = false;
            send(h, show_snapshot(turn, h));
        }
        is_any = is_any || h->is_behind;
    }
    turn->is_any_behind = is_any;
}

/* --- measuring ------------------------------------------------------------------------------------ */

static enum handset_state measured(const struct turn *turn, const struct measure *measure,
                                   const struct staff_value *value, struct now now)
{
    const struct conf_timings *timings = &turn->conf->timings;
    const struct handheld *handheld = measure->handheld;
    int64_t since_ms = measure->heard_mono_ms;
    if (!value->is_on_duty) {
        return HANDSET_OFF;
    }
    if (now.mono_ms - since_ms > timings->silent_idle_ms) {
        return HANDSET_SILENT;
    }
    since_ms = measure->offered_mono_ms > since_ms ? measure->offered_mono_ms : since_ms;
    if (measure->has_offer && now.mono_ms - since_ms > timings->silent_open_ms) {
        return HANDSET_SILENT;
    }
    if (handheld == NULL) {
        return value->handset; /* gone, and not yet for long enough to count as silent */
    }
    bool is_weak = handheld->battery >= 0 && handheld->battery <= BATTERY_LOW_PERCENT;
    return handheld->is_visible && handheld->has_sound && !is_weak ? HANDSET_READY
                                                                   : HANDSET_DEGRADED;
}

static void measure_one(struct turn *turn, size_t index, struct now now)
{
    const struct staff_value *value = ledger_staff(turn->ledger, index);
    enum handset_state state = measured(turn, &turn->measures[index], value, now);
    if (state == value->handset || (state == HANDSET_OFF && value->handset == HANDSET_UNKNOWN)) {
        return;
    }
    struct input input = {.type = INPUT_HANDSET, .handset = state};
    slice_text(slice_str(turn->directory->staff[index].id), input.staff, sizeof input.staff);
    turn_input(turn, &input, now);
}

static bool is_offer_open(const struct offer *offer)
{
    return offer->stage >= OFFER_QUEUED && offer->stage <= OFFER_SOUNDED;
}

static bool mark_offers(void *context, const struct case_value *c)
{
    struct turn *turn = context;
    for (size_t i = 0; i < c->offer_count; i++) {
        const struct staff *staff = directory_staff(turn->directory, c->offers[i].staff);
        if (staff != NULL && is_offer_open(&c->offers[i])) {
            turn->measures[staff - turn->directory->staff].has_offer = true;
        }
    }
    return true;
}

static void heartbeat(struct turn *turn, struct handheld *handheld, struct now now)
{
    const struct conf_timings *timings = &turn->conf->timings;
    bool has_offer = turn->measures[handheld->staff].has_offer;
    int64_t every_ms = has_offer ? timings->open_ms : timings->idle_ms;
    if (now.mono_ms - handheld->told_mono_ms >= every_ms) {
        handheld->told_mono_ms = now.mono_ms;
        send(handheld, show_heartbeat(turn, handheld));
    }
}

void web_second(struct turn *turn, struct now now)
{
    size_t count_ = turn->directory->staff_count;
    web_people_tell(turn);
    for (size_t i = 0; i < count_; i++) {
        turn->measures[i].has_offer = false;
    }
    ledger_each_open(turn->ledger, mark_offers, turn);
    for (size_t i = 0; i < count_; i++) {
        struct measure *measure = &turn->measures[i];
        if (!measure->has_offer) {
            measure->offered_mono_ms = 0;
        } else if (measure->offered_mono_ms == 0) {
            measure->offered_mono_ms = now.mono_ms;
        }
        measure_one(turn, i, now);
    }
    for (struct handheld *h = turn->handhelds; h != NULL; h = h->next) {
        if (h->staff != SIZE_MAX) {
            heartbeat(turn, h, now);
        }
    }
}

/* --- messages in ---------------------------------------------------------------------------------- */

static void result_later(struct handheld *handheld, const char *id, struct reply reply)
{
    struct act *act = turn_act(handheld->turn, ACT_RESULT);
    if (act != NULL) {
        act->result.handheld = handheld->id;
        act->result.reply = reply;
        slice_text(slice_str(id), act->result.id, sizeof act->result.id);
    }
}

static void replace_older(struct turn *turn, struct measure *measure, struct handheld *handheld)
{
    struct handheld *older = measure->handheld;
    measure->handheld = handheld;
    if (older != NULL && older != handheld) {
        older->staff = SIZE_MAX;
        web_client_close(older->client, WEB_CLOSE_REPLACED, "logged in elsewhere");
    }
    measure->heard_mono_ms = loop_now().mono_ms;
    (void)turn;
}

static void on_hello(struct handheld *handheld, const char *id, const Samlarm__V1__Hello *hello)
{
    struct turn *turn = handheld->turn;
    char staff[STAFF_ROOM] = "";
    enum err err = http_ticket_take(turn, hello->ticket, staff, sizeof staff);
    const struct staff *found = directory_staff(turn->directory, staff);
    if (err != ERR_OK || found == NULL || strcmp(staff, handheld->cookie_staff) != 0) {
        count("hello_refused", NULL);
        log_event(LOG_WARN, "web.hello_refused", "why",
                  err != ERR_OK ? "the ticket is wrong, used or older than 30 s"
                                : "ticket and cookie are not of the same person",
                  NULL);
        web_client_close(handheld->client, WEB_CLOSE_NOT_ALLOWED, "log in first");
        return;
    }
    handheld->staff = (size_t)(found - turn->directory->staff);
    handheld->is_swedish = strcmp(hello->language, "en") != 0;
    handheld->told_mono_ms = loop_now().mono_ms;
    replace_older(turn, &turn->measures[handheld->staff], handheld);
    send(handheld, show_welcome(turn, handheld));
    struct act *act = turn_act(turn, ACT_SNAPSHOT);
    if (act != NULL) {
        act->result.handheld = handheld->id;
    }
    if (id[0] != '\0') {
        result_later(handheld, id, (struct reply){.word = ""});
    }
}

static bool take_case(struct input *input, ProtobufCBinaryData id)
{
    if (id.len != ALARM_ID_LEN) {
        return false;
    }
    memcpy(input->case_id.at, id.data, ALARM_ID_LEN);
    return true;
}

static bool take_request(struct input *input, enum input_type type,
                         const Samlarm__V1__CaseRequest *request)
{
    input->type = type;
    return take_case(input, request->case_) &&
           slice_text(slice_str(request->reason), input->reason, sizeof input->reason) == ERR_OK &&
           slice_text(slice_str(request->to), input->to, sizeof input->to) == ERR_OK;
}

static bool take_receipt(struct input *input, const Samlarm__V1__ReceiptRequest *receipt)
{
    input->type = INPUT_RECEIPT;
    input->stage = (enum offer_stage)receipt->stage;
    return take_case(input, receipt->case_) && input->stage >= OFFER_RECEIVED &&
           input->stage <= OFFER_SUPERSEDED;
}

static bool take_duty(struct input *input, const Samlarm__V1__DutyRequest *duty)
{
    input->type = INPUT_DUTY;
    input->is_on = duty->on;
    return slice_text(slice_str(duty->unit), input->unit, sizeof input->unit) == ERR_OK;
}

/* What a carer may say, as an input of the ledger; false: it is not well formed. */
static bool take(const Samlarm__V1__FromClient *m, struct input *input)
{
    switch ((unsigned)m->what_case) { /* the generated enumeration holds a number for itself */
    case SAMLARM__V1__FROM_CLIENT__WHAT_DUTY:
        return take_duty(input, m->duty);
    case SAMLARM__V1__FROM_CLIENT__WHAT_RECEIPT:
        return take_receipt(input, m->receipt);
    case SAMLARM__V1__FROM_CLIENT__WHAT_ACCEPT:
        return take_request(input, INPUT_ACCEPT, m->accept);
    case SAMLARM__V1__FROM_CLIENT__WHAT_DECLINE:
        return take_request(input, INPUT_DECLINE, m->decline);
    case SAMLARM__V1__FROM_CLIENT__WHAT_ON_SITE:
        return take_request(input, INPUT_ON_SITE, m->on_site);
    case SAMLARM__V1__FROM_CLIENT__WHAT_HAND_OVER:
        return take_request(input, INPUT_HAND_OVER, m->hand_over);
    case SAMLARM__V1__FROM_CLIENT__WHAT_CLOSE:
        return take_request(input, INPUT_CLOSE, m->close);
    case SAMLARM__V1__FROM_CLIENT__WHAT_ASSIST:
        input->type = INPUT_ASSIST;
        return slice_text(slice_str(m->id), input->to, sizeof input->to) == ERR_OK;
    default:
        return false;
    }
}

static void on_ready(struct handheld *handheld, const char *id, const Samlarm__V1__Ready *ready)
{
    handheld->is_visible = ready->visible;
    handheld->has_sound = ready->sound;
    handheld->battery = ready->battery;
    measure_one(handheld->turn, handheld->staff, loop_now());
    if (id[0] != '\0') {
        result_later(handheld, id, (struct reply){.word = ""}); /* the page probes its line so */
    }
}

static void on_verb(struct handheld *handheld, const Samlarm__V1__FromClient *m)
{
    struct turn *turn = handheld->turn;
    struct input input = {0};
    struct reply reply = {.err = ERR_SYNTAX, .word = "not_understood"};
    if (take(m, &input)) {
        slice_text(slice_str(staff_of(handheld)->id), input.staff, sizeof input.staff);
        reply = turn_input(turn, &input, loop_now());
    } else {
        log_event(LOG_WARN, "web.not_understood", "staff", staff_of(handheld)->id, NULL);
    }
    count("verbs", err_name(reply.err));
    result_later(handheld, m->id, reply);
    if (input.type == INPUT_DUTY) {
        measure_one(turn, handheld->staff, loop_now());
    }
}

static void on_from_client(struct handheld *handheld, const Samlarm__V1__FromClient *m)
{
    struct turn *turn = handheld->turn;
    if (m->what_case == SAMLARM__V1__FROM_CLIENT__WHAT_HELLO) {
        on_hello(handheld, m->id, m->hello);
        return;
    }
    if (handheld->staff == SIZE_MAX) {
        count("hello_missing", NULL);
        log_event(LOG_WARN, "web.no_hello", "why", "a request came before the hello", NULL);
        web_client_close(handheld->client, WEB_CLOSE_NOT_ALLOWED, "say hello first");
        return;
    }
    turn->measures[handheld->staff].heard_mono_ms = loop_now().mono_ms;
    if (m->what_case == SAMLARM__V1__FROM_CLIENT__WHAT_READY) {
        on_ready(handheld, m->id, m->ready);
    } else if (m->what_case != SAMLARM__V1__FROM_CLIENT__WHAT_HEARTBEAT) {
        on_verb(handheld, m);
    }
}

static void on_text(void *user, struct web_client *client, struct slice text)
{
    struct handheld *handheld = user;
    _Alignas(max_align_t) uint8_t memory[INPUT_ARENA];
    struct arena arena = arena_of(memory, sizeof memory);
    ProtobufCMessage *message = NULL;
    if (handheld == NULL) {
        return;
    }
    enum err err = json_parse(text, &samlarm__v1__from_client__descriptor, &arena, &message, NULL);
    if (err != ERR_OK) {
        count("bad_messages", err_name(err));
        log_event(LOG_WARN, "web.bad_message", "why", err_name(err), NULL);
        web_client_close(client, WEB_CLOSE_BAD_MESSAGE, "message not understood");
        return;
    }
    on_from_client(handheld, (const Samlarm__V1__FromClient *)message);
}

/* --- telling -------------------------------------------------------------------------------------- */

static bool was_asked(const struct case_value *c, const char *staff)
{
    for (size_t i = 0; i < c->offer_count; i++) {
        if (strcmp(c->offers[i].staff, staff) == 0) {
            return true;
        }
    }
    return strcmp(c->owner, staff) == 0;
}

void web_case(struct turn *turn, const struct case_change *change, uint64_t seq, bool is_recorded)
{
    struct case_change shown = *change;
    shown.case_.is_not_recorded = !is_recorded;
    change = &shown;
    for (struct handheld *h = turn->handhelds; h != NULL; h = h->next) {
        const struct staff *staff = staff_of(h);
        if (staff != NULL &&
            (was_asked(&change->case_, staff->id) ||
             ledger_concerns(turn->ledger, &change->case_, staff->id)) &&
            !is_behind(h)) {
            send(h, show_case(turn, h, change, seq));
        }
    }
}

/* Who is on duty, and the warnings, are part of the snapshot. A whole shift that comes at once must not
 * be told to a whole shift person by person: the hundreds of changes of a second make one snapshot. */
void web_people_changed(struct turn *turn)
{
    turn->is_people_changed = true;
    if (loop_now().mono_ms - turn->people_mono_ms >= PEOPLE_MS) {
        web_people_tell(turn);
    }
}

void web_people_tell(struct turn *turn)
{
    if (!turn->is_people_changed) {
        return;
    }
    turn->is_people_changed = false;
    turn->people_mono_ms = loop_now().mono_ms;
    for (struct handheld *h = turn->handhelds; h != NULL; h = h->next) {
        if (h->staff != SIZE_MAX && !is_behind(h)) {
            send(h, show_snapshot(turn, h));
        }
    }
}

void web_act(struct turn *turn, const struct act *act, bool is_recorded)
{
    struct handheld *handheld = handheld_find(turn, act->result.handheld);
    if (handheld == NULL || handheld->staff == SIZE_MAX) {
        return; /* gone: it asks again with the same id when it comes back */
    }
    if (act->type == ACT_SNAPSHOT) {
        send(handheld, show_snapshot(turn, handheld));
    } else {
        send(handheld,
             show_result(turn, handheld, act->result.id, &act->result.reply, is_recorded));
    }
}

/* --- opening -------------------------------------------------------------------------------------- */

static void *on_open(void *context, struct web_client *client, const char *peer,
                     struct slice cookie)
{
    struct turn *turn = context;
    struct handheld *handheld = calloc(1, sizeof *handheld);
    (void)peer;
    if (handheld == NULL) {
        return NULL;
    }
    handheld->id = ++turn->last_handheld;
    handheld->turn = turn;
    handheld->client = client;
    handheld->staff = SIZE_MAX;
    handheld->battery = -1;
    if (!http_cookie_staff(turn, cookie, handheld->cookie_staff, sizeof handheld->cookie_staff)) {
        handheld->cookie_staff[0] = '\0';
    }
    handheld->next = turn->handhelds;
    turn->handhelds = handheld;
    return handheld;
}

static void on_close(void *user, struct web_client *client)
{
    struct handheld *handheld = user;
    (void)client;
    if (handheld == NULL) {
        return;
    }
    struct turn *turn = handheld->turn;
    struct handheld **at = &turn->handhelds;
    while (*at != NULL && *at != handheld) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = handheld->next;
    }
    if (handheld->staff != SIZE_MAX && turn->measures[handheld->staff].handheld == handheld) {
        turn->measures[handheld->staff].handheld = NULL;
    }
    free(handheld);
}

static void on_request(void *context, struct web_request *request)
{
    http_request(context, request);
}

enum err web_room_open(struct turn *turn, const char *pages_dir, char *ret_why, size_t why_room)
{
    static const struct web_handler handler = {on_open, on_text, on_close, on_request};
    const struct conf_web *conf = &turn->conf->web;
    turn->measures = calloc(turn->directory->staff_count + 1, sizeof *turn->measures);
    if (turn->measures == NULL || pin_worker_open(turn->loop, &turn->pin_worker) != ERR_OK) {
        return ERR_FULL;
    }
    for (size_t i = 0; i < turn->directory->staff_count; i++) {
        turn->measures[i].heard_mono_ms = loop_now().mono_ms;
    }
    const char *headers[WEB_KEPT_MAX];
    _Static_assert((int)CONF_HEADERS_MAX <= (int)WEB_KEPT_MAX, "conf lets no more through");
    size_t header_count = hooks_headers(turn, headers, WEB_KEPT_MAX);
    struct web_config config = {.address = conf->address,
                                .kept_headers = headers,
                                .kept_count = header_count,
                                .pages = conf->pages != NULL ? conf->pages : pages_dir,
                                .certificate = conf->certificate,
                                .key = conf->key,
                                .redirect = *conf->redirect != '\0' ? conf->redirect : NULL,
                                .clients_max = HANDHELDS_MAX};
    return web_open(turn->loop, &config, &handler, turn, &turn->web, ret_why, why_room);
}

void web_room_close(struct turn *turn)
{
    hooks_close(turn);
    web_close(turn->web);
    turn->web = NULL;
    pin_worker_close(turn->pin_worker);
    pins_close(turn->pins);
    free(turn->measures);
    turn->measures = NULL;
}
