/* sip_server.c - requests that come: MESSAGE to the handler, OPTIONS and REGISTER answered, the
 * rest refused.
 *
 * Called by sip_transport.c; sip_answer by whoever handles the port. Only MESSAGE gets a
 * transaction: all other answers are the same each time they are asked for, so none needs to be
 * remembered (RFC 3261, 8.2.7).
 */
#include "io/sip_inner.h"

#include "io/log.h"
#include "io/sip_reply.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char abilities[] = "Allow: MESSAGE, OPTIONS, REGISTER\r\n"
                                "Accept: application/scaip+xml\r\n";

/* An answer without memory. `is_bounded`: to somebody who may not be who he says, never more bytes
 * than he sent. */
static void reply(struct sip *sip, const struct sip_frame *frame, struct sip_link *link,
                  const char *peer, int status, struct slice headers, bool is_bounded)
{
    uint8_t room[SIP_HEAD_MAX];
    struct buf head = buf_of(room, sizeof room);
    struct sip_source source = {.address = peer, .is_udp = link->is_udp, .key = sip->key};
    sip_reply_put_head(&head, frame, &source);
    struct buf out = buf_of(sip->text, sizeof sip->text);
    sip_reply_put(&out, status, buf_slice(&head), headers, NULL, slice_of(NULL, 0));
    if (head.is_full || out.is_full) {
        count("sip_answer_withheld", sip->name);
        return;
    }
    if (is_bounded && link->is_udp && out.len > frame->len) {
        count("sip_answer_withheld", sip->name);
        return;
    }
    sip_transport_put(sip, link, peer, buf_slice(&out));
}

void sip_server_refuse(struct sip *sip, const struct sip_frame *frame, struct sip_link *link,
                       const char *peer, int status, const char *why)
{
    char counter[32];
    snprintf(counter, sizeof counter, "sip_refused_%d", status);
    sip_note(sip, counter, peer, why);
    if (frame->via_count == 0 || slice_eq(frame->method, slice_str("ACK"))) {
        return;
    }
    uint8_t room[1024];
    struct buf headers = buf_of(room, sizeof room);
    if (status == 420) {
        sip_reply_put_line(&headers, "Unsupported", frame->require);
    } else if (status == 405) {
        buf_put_str(&headers, "Allow: MESSAGE, OPTIONS, REGISTER\r\n");
    } else if (status == 503) {
        buf_put_str(&headers, "Retry-After: 5\r\n");
    }
    if (headers.is_full) {
        headers.len = 0;
    }
    reply(sip, frame, link, peer, status, buf_slice(&headers), status == 400 || status == 413);
}

static void add_field(crypto_generichash_state *state, struct slice field)
{
    uint64_t len = field.len;
    crypto_generichash_update(state, (const uint8_t *)&len, sizeof len);
    crypto_generichash_update(state, field.at, field.len);
}

/* One and the same request, however often it comes. Stricter than RFC 3261, 17.2.3, which asks for
 * the branch alone: a device that never changes its branch would lose every second alarm. */
static void make_print(const struct sip *sip, const struct sip_frame *frame, uint8_t *ret_print)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, sip->key, sizeof sip->key, DIGEST_PRINT);
    add_field(&state, frame->vias[0]);
    add_field(&state, frame->from);
    add_field(&state, frame->call_id);
    add_field(&state, frame->cseq);
    crypto_generichash_final(&state, ret_print, DIGEST_PRINT);
}

/* Has he proved who he is? If not, he is asked to. */
static bool is_admitted(struct sip *sip, const struct sip_frame *frame, struct sip_link *link,
                        const char *peer, const uint8_t *print)
{
    if (sip->digest == NULL) {
        return true;
    }
    bool is_stale = false;
    int64_t mono_ms = loop_now().mono_ms;
    if (sip_digest_check(sip->digest, frame->authorization, frame->method, print, mono_ms,
                         &is_stale) == ERR_OK) {
        return true;
    }
    if (frame->authorization.len > 0 && !is_stale) {
        sip_note(sip, "sip_refused_401", peer, "wrong user or password, or not a digest");
    } else {
        count("sip_challenged", sip->name); /* the ordinary first step */
    }
    uint8_t room[512];
    struct buf headers = buf_of(room, sizeof room);
    sip_digest_challenge(sip->digest, mono_ms, is_stale, &headers);
    reply(sip, frame, link, peer, 401, buf_slice(&headers), false);
    return false;
}

static void take_register(struct sip *sip, const struct sip_frame *frame, struct sip_link *link,
                          const char *peer)
{
    uint8_t room[4096];
    struct buf headers = buf_of(room, sizeof room);
    uint64_t seconds = 0;
    for (size_t i = 0; i < frame->contact_count; i++) {
        struct slice contact = frame->contacts[i];
        bool has_angle = contact.len > 0 && memchr(contact.at, '<', contact.len) != NULL;
        bool has_query = contact.len > 0 && memchr(contact.at, '?', contact.len) != NULL;
        if (has_query && !has_angle) {
            sip_server_refuse(sip, frame, link, peer, 400,
                              "a Contact with '?' must stand in angle brackets");
            return;
        }
        sip_reply_put_line(&headers, "Contact", contact);
    }
    if (slice_u64(frame->expires, UINT32_MAX, &seconds) != ERR_OK) {
        seconds = 3600; /* none, or nonsense: the usual hour */
    }
    buf_put_str(&headers, "Expires: ");
    buf_put_u64(&headers, seconds);
    buf_put_str(&headers, "\r\n");
    if (headers.is_full) {
        sip_server_refuse(sip, frame, link, peer, 400, "the Contact headers are too long");
        return;
    }
    count("sip_registered", sip->name);
    reply(sip, frame, link, peer, 200, buf_slice(&headers), false);
}

static void give_event(struct sip *sip, struct sip_deal *deal, osip_event_t *event)
{
    if (osip_transaction_add_event(deal->transaction, event) != OSIP_SUCCESS) {
        osip_event_free(event);
    }
    sip_run_one(sip, deal);
}

/* What libosip2 gets to see of a request: the lines that make the transaction, cleaned by us. */
static osip_event_t *parse_head(struct slice head)
{
    char text[SIP_HEAD_MAX + 128];
    struct buf out = buf_of(text, sizeof text);
    buf_put_str(&out, "MESSAGE sip:here SIP/2.0\r\n");
    buf_put_slice(&out, head);
    buf_put_str(&out, "Content-Length: 0\r\n\r\n");
    if (out.is_full) {
        return NULL;
    }
    osip_event_t *event = osip_parse(text, out.len);
    if (event != NULL && (event->sip == NULL || event->type != RCV_REQUEST)) {
        osip_event_free(event);
        return NULL;
    }
    return event;
}

static bool begin_deal(struct sip *sip, struct sip_deal *deal, struct slice head,
                       osip_event_t *event)
{
    deal->head = malloc(head.len);
    if (deal->head == NULL ||
        osip_transaction_init(&deal->transaction, NIST, sip->osip, event->sip) != OSIP_SUCCESS) {
        deal->transaction = NULL;
        osip_event_free(event);
        sip_deal_release(deal);
        return false;
    }
    memcpy(deal->head, head.at, head.len);
    deal->head_len = head.len;
    osip_transaction_set_reserved1(deal->transaction, deal);
    /* By the transport it came on, not by the one its Via claims. */
    deal->transaction->nist_context->timer_j_length = deal->is_udp ? SIP_COMPLETED_MS : 0;
    give_event(sip, deal, event);
    return true;
}

static void hand_up(struct sip *sip, struct sip_deal *deal, const struct sip_frame *frame)
{
    char peer[PORT_PEER_ROOM + 8];
    char type[128];
    struct slice rest = frame->content_type;
    struct slice name = slice_trim(slice_cut(&rest, ';'));
    if (slice_text(name, type, sizeof type) != ERR_OK) {
        type[0] = '\0';
    }
    for (char *c = type; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    }
    const osip_from_t *from = deal->transaction->from;
    const char *user = from != NULL && from->url != NULL ? from->url->username : NULL;
    const char *way = deal->is_udp ? "udp" : deal->link->is_tls ? "tls" : "tcp";
    snprintf(peer, sizeof peer, "%s;%s", deal->peer, way);
    struct sip_message message = {
        .exchange = deal->exchange,
        .from_user = slice_str(user),
        .type = slice_str(type),
        .body = frame->body,
        .peer = peer,
        .transport = way,
    };
    count("sip_messages", sip->name);
    sip->handler.on_message(sip->context, &message);
}

static void take_message(struct sip *sip, const struct sip_frame *frame, struct sip_link *link,
                         const char *peer, const uint8_t *print)
{
    char room[SIP_HEAD_MAX];
    struct buf head = buf_of(room, sizeof room);
    struct sip_source source = {.address = peer, .is_udp = link->is_udp, .key = sip->key};
    sip_reply_put_head(&head, frame, &source);
    osip_event_t *event = head.is_full ? NULL : parse_head(buf_slice(&head));
    if (event == NULL) {
        sip_server_refuse(sip, frame, link, peer, 400, "Via, From, To, Call-ID or CSeq is broken");
        return;
    }
    struct sip_deal *deal = sip_deal_take(sip, DEAL_SERVER);
    if (deal == NULL) {
        osip_event_free(event);
        sip_server_refuse(sip, frame, link, peer, 503, "as many messages as allowed wait already");
        return;
    }
    memcpy(deal->print, print, sizeof deal->print);
    deal->is_udp = link->is_udp;
    deal->link = link->is_udp ? NULL : link;
    (void)slice_text(slice_str(peer), deal->peer, sizeof deal->peer);
    if (!begin_deal(sip, deal, buf_slice(&head), event)) {
        sip_server_refuse(sip, frame, link, peer, 503, "there is no memory for one more message");
        return;
    }
    hand_up(sip, deal, frame);
}

/* The same request again: the machine repeats its answer, or is silent while there is none. */
static bool repeat(struct sip *sip, struct sip_link *link, const char *peer, const uint8_t *print)
{
    for (size_t i = 0; i < SIP_DEALS_MAX; i++) {
        struct sip_deal *deal = &sip->deals[i];
        if (deal->kind != DEAL_SERVER || deal->is_over ||
            memcmp(deal->print, print, DIGEST_PRINT) != 0) {
            continue;
        }
        count("sip_repeated", sip->name);
        deal->is_udp = link->is_udp;
        deal->link = link->is_udp ? NULL : link;
        (void)slice_text(slice_str(peer), deal->peer, sizeof deal->peer);
        osip_event_t *event = parse_head(slice_of(deal->head, deal->head_len));
        if (event != NULL) {
            give_event(sip, deal, event);
        }
        return true;
    }
    return false;
}

void sip_server_take(struct sip *sip, const struct sip_frame *frame, struct sip_link *link,
                     const char *peer)
{
    uint8_t print[DIGEST_PRINT];
    bool is_message = slice_eq(frame->method, slice_str("MESSAGE"));
    bool is_register = slice_eq(frame->method, slice_str("REGISTER"));
    bool is_options = slice_eq(frame->method, slice_str("OPTIONS"));
    uint64_t hops = 0;
    if (slice_eq(frame->method, slice_str("ACK"))) {
        count("sip_ack_ignored", sip->name);
        return;
    }
    if (!is_message && !is_register && !is_options) {
        sip_server_refuse(sip, frame, link, peer, 405,
                          "only MESSAGE, OPTIONS and REGISTER are answered here");
        return;
    }
    bool is_last_hop = slice_u64(frame->max_forwards, 255, &hops) == ERR_OK && hops == 0;
    if (is_last_hop && !is_message) { /* an alarm that reached us has reached its goal */
        sip_server_refuse(sip, frame, link, peer, 483, "Max-Forwards is used up");
        return;
    }
    if (is_options) {
        count("sip_options", sip->name);
        reply(sip, frame, link, peer, 200, slice_str(abilities), false);
        return;
    }
    make_print(sip, frame, print);
    if ((is_message && repeat(sip, link, peer, print)) ||
        !is_admitted(sip, frame, link, peer, print)) {
        return;
    }
    if (is_register) {
        take_register(sip, frame, link, peer);
    } else {
        take_message(sip, frame, link, peer, print);
    }
}

enum err sip_answer(struct sip *sip, uint64_t exchange, int status, const char *type,
                    struct slice body)
{
    struct sip_deal *deal = &sip->deals[exchange % SIP_DEALS_MAX];
    if (deal->kind != DEAL_SERVER || deal->exchange != exchange || deal->is_answered ||
        deal->is_over) {
        return ERR_NOT_FOUND;
    }
    if (status < 200 || status > 699 || body.len > SIP_BODY_MAX) {
        return ERR_RANGE;
    }
    struct buf out = buf_of(sip->text, sizeof sip->text);
    sip_reply_put(&out, status, slice_of(deal->head, deal->head_len), slice_of(NULL, 0), type,
                  body);
    osip_message_t *answer = NULL;
    if (out.is_full || osip_message_init(&answer) != OSIP_SUCCESS) {
        return ERR_FULL;
    }
    osip_event_t *event = NULL;
    if (osip_message_parse(answer, (const char *)out.at, out.len) == OSIP_SUCCESS) {
        event = osip_new_outgoing_sipmessage(answer);
    }
    if (event == NULL) {
        osip_message_free(answer);
        return ERR_BUG;
    }
    deal->is_answered = true;
    sip_enter(sip);
    give_event(sip, deal, event);
    sip_leave(sip);
    return ERR_OK;
}
