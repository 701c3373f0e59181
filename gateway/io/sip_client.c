/* sip_client.c - MESSAGEs that we send, and the answers to them.
 *
 * Called by whoever handles the port (sip_request), by sip_transport.c with responses, and by
 * libosip2 through the callbacks set in sip_client_watch, which only take notes.
 */
#include "io/sip_inner.h"

#include "io/log.h"
#include "io/sip_reply.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void put_random(struct buf *out, size_t bytes)
{
    uint8_t random[16];
    randombytes_buf(random, bytes);
    buf_put_hex(out, slice_of(random, bytes));
}

/* Nothing that could end a header or an address early. */
static bool is_address_text(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"') {
            return false;
        }
    }
    return text.len < 256;
}

/* A whole URI as it is; else sip:user@host, or sip:host without user. */
static void put_uri(struct buf *out, struct slice who, const char *host)
{
    struct slice rest = who;
    struct slice scheme = slice_cut(&rest, ':');
    if (slice_eq_nocase(scheme, "sip") || slice_eq_nocase(scheme, "sips") ||
        slice_eq_nocase(scheme, "tel")) {
        buf_put_slice(out, who);
        return;
    }
    buf_put_str(out, "sip:");
    if (who.len > 0) {
        buf_put_slice(out, who);
        buf_put_u8(out, '@');
    }
    buf_put_str(out, host);
}

struct draft {
    const char *peer; /* "192.0.2.10:5060" */
    bool is_udp;
    bool is_tls;
    struct slice to;
    struct slice from;
    const char *type;
    struct slice body;
};

static void put_request(struct sip *sip, const struct draft *draft, struct buf *out)
{
    char own[PORT_PEER_ROOM];
    char sent_by[PORT_PEER_ROOM + 8];
    sip_transport_own_host(draft->peer, own);
    const struct port *port = draft->is_udp                  ? sip->udp
                              : draft->is_tls == sip->is_tls ? sip->tcp
                                                             : NULL;
    int number = port != NULL ? port_number(port) : 0;
    snprintf(sent_by, sizeof sent_by, number != 0 ? "%s:%d" : "%s", own, number);
    buf_put_str(out, "MESSAGE ");
    put_uri(out, draft->to, draft->peer);
    buf_put_str(out, " SIP/2.0\r\nVia: SIP/2.0/");
    buf_put_str(out, draft->is_udp ? "UDP " : draft->is_tls ? "TLS " : "TCP ");
    buf_put_str(out, sent_by);
    buf_put_str(out, ";rport;branch=z9hG4bK");
    put_random(out, 8);
    buf_put_str(out, "\r\nMax-Forwards: 70\r\nFrom: <");
    put_uri(out, draft->from.len > 0 ? draft->from : slice_str(sip->own_user), sent_by);
    buf_put_str(out, ">;tag=");
    put_random(out, 6);
    buf_put_str(out, "\r\nTo: <");
    put_uri(out, draft->to, draft->peer);
    buf_put_str(out, ">\r\nCall-ID: ");
    put_random(out, 12);
    buf_put_str(out, "\r\nCSeq: 1 MESSAGE\r\n");
    if (draft->type != NULL && draft->body.len > 0) {
        sip_reply_put_line(out, "Content-Type", slice_str(draft->type));
    }
    buf_put_str(out, "Content-Length: ");
    buf_put_u64(out, draft->body.len);
    buf_put_str(out, "\r\n\r\n");
    buf_put_slice(out, draft->body);
}

static enum err begin(struct sip *sip, struct sip_deal *deal, struct slice text)
{
    osip_message_t *request = NULL;
    if (osip_message_init(&request) != OSIP_SUCCESS) {
        return ERR_FULL;
    }
    if (osip_message_parse(request, (const char *)text.at, text.len) != OSIP_SUCCESS) {
        osip_message_free(request);
        return ERR_SYNTAX;
    }
    osip_event_t *event = osip_new_outgoing_sipmessage(request);
    if (event == NULL) {
        osip_message_free(request);
        return ERR_FULL;
    }
    if (osip_transaction_init(&deal->transaction, NICT, sip->osip, request) != OSIP_SUCCESS) {
        deal->transaction = NULL;
        osip_event_free(event);
        return ERR_FULL;
    }
    osip_transaction_set_reserved1(deal->transaction, deal);
    osip_nict_t *machine = deal->transaction->nict_context;
    machine->timer_f_length = (int)sip->request_timeout_ms;
    osip_gettimeofday(&machine->timer_f_start, NULL);
    add_gettimeofday(&machine->timer_f_start, machine->timer_f_length);
    osip_transaction_add_event(deal->transaction, event);
    return ERR_OK;
}

/* "192.0.2.10:5060;udp" in two; "192.0.2.10:5061;tls;larm.example" in three: `ret_expected`
 * (PORT_HOST_ROOM) gets the name, or the address's host. */
static enum err read_peer(struct slice peer, char *ret_address, struct draft *draft,
                          char *ret_expected)
{
    struct slice name = peer;
    struct slice address = slice_cut(&name, ';');
    struct slice transport = slice_cut(&name, ';');
    struct port_address numbers;
    int number = 0;
    draft->is_udp = slice_eq_nocase(transport, "udp");
    draft->is_tls = slice_eq_nocase(transport, "tls");
    if ((!draft->is_udp && !draft->is_tls && !slice_eq_nocase(transport, "tcp")) ||
        (name.len > 0 && !draft->is_tls)) {
        return ERR_SYNTAX;
    }
    if (slice_text(address, ret_address, PORT_PEER_ROOM) != ERR_OK ||
        port_address_parse(ret_address, &numbers) != ERR_OK) {
        return ERR_SYNTAX;
    }
    /* As the ports write it, so that the connection that is there is found. */
    port_address_text((const struct sockaddr *)&numbers.storage, ret_address);
    return name.len > 0 ? slice_text(name, ret_expected, PORT_HOST_ROOM)
                        : port_address_split(ret_address, ret_expected, &number);
}

enum err sip_request(struct sip *sip, struct slice peer, struct slice to, struct slice from,
                     const char *type, struct slice body, uint32_t tag)
{
    char address[PORT_PEER_ROOM];
    char expected[PORT_HOST_ROOM];
    struct draft draft = {.peer = address, .to = to, .from = from, .type = type, .body = body};
    if (read_peer(peer, address, &draft, expected) != ERR_OK || !is_address_text(to) ||
        !is_address_text(from)) {
        return ERR_SYNTAX;
    }
    if (body.len > SIP_BODY_MAX) {
        return ERR_RANGE;
    }
    bool has_tls = sip->is_tls || sip->dial_side != NULL;
    if (draft.is_udp ? sip->udp_link == NULL : draft.is_tls && !has_tls) {
        return ERR_UNSUPPORTED;
    }
    struct buf out = buf_of(sip->text, sizeof sip->text);
    put_request(sip, &draft, &out);
    struct sip_deal *deal = out.is_full ? NULL : sip_deal_take(sip, DEAL_CLIENT);
    if (deal == NULL) {
        return ERR_FULL;
    }
    deal->tag = tag;
    deal->is_udp = draft.is_udp;
    (void)slice_text(slice_str(address), deal->peer, sizeof deal->peer);
    if (!deal->is_udp) {
        deal->link = sip_transport_reach(sip, address, draft.is_tls ? expected : NULL);
    }
    enum err err =
        !deal->is_udp && deal->link == NULL ? ERR_FULL : begin(sip, deal, buf_slice(&out));
    if (err != ERR_OK) {
        sip_deal_release(deal);
        return err;
    }
    count("sip_requests", sip->name);
    /* From the loop, so that on_answer never comes from inside sip_request. */
    sip_run_within(sip, 0);
    return ERR_OK;
}

void sip_client_take(struct sip *sip, const struct sip_frame *frame, struct slice bytes,
                     const char *peer)
{
    osip_event_t *event = NULL;
    if (frame->status >= 100 && slice_eq(frame->version, slice_str("SIP/2.0")) &&
        frame->via_count == 1 && !frame->is_repeated) {
        event = osip_parse((const char *)bytes.at, frame->len);
    }
    bool is_ours = event != NULL && event->sip != NULL && MSG_IS_RESPONSE(event->sip) &&
                   osip_find_transaction_and_add_event(sip->osip, event) == OSIP_SUCCESS;
    if (!is_ours) {
        if (event != NULL) {
            osip_event_free(event);
        }
        sip_note(sip, "sip_response_ignored", peer,
                 "a response came to which there is no request, or no longer");
        return;
    }
    sip_run(sip);
}

static void on_final(int type, osip_transaction_t *transaction, osip_message_t *message)
{
    (void)type;
    struct sip_deal *deal = osip_transaction_get_reserved1(transaction);
    if (deal != NULL && !deal->is_done) {
        deal->is_done = true;
        deal->final = message;
    }
}

static void on_timeout(int type, osip_transaction_t *transaction, osip_message_t *message)
{
    (void)message;
    on_final(type, transaction, NULL);
}

static void on_transport_error(int type, osip_transaction_t *transaction, int error)
{
    (void)error;
    on_final(type, transaction, NULL);
}

void sip_client_watch(osip_t *osip)
{
    static const int finals[] = {OSIP_NICT_STATUS_2XX_RECEIVED, OSIP_NICT_STATUS_3XX_RECEIVED,
                                 OSIP_NICT_STATUS_4XX_RECEIVED, OSIP_NICT_STATUS_5XX_RECEIVED,
                                 OSIP_NICT_STATUS_6XX_RECEIVED};
    for (size_t i = 0; i < sizeof finals / sizeof finals[0]; i++) {
        osip_set_message_callback(osip, finals[i], on_final);
    }
    osip_set_message_callback(osip, OSIP_NICT_STATUS_TIMEOUT, on_timeout);
    osip_set_transport_error_callback(osip, OSIP_NICT_TRANSPORT_ERROR, on_transport_error);
}

void sip_client_link_up(struct sip_link *link)
{
    struct sip *sip = link->sip;
    for (size_t i = 0; i < SIP_DEALS_MAX; i++) {
        struct sip_deal *deal = &sip->deals[i];
        if (deal->kind != DEAL_CLIENT || deal->link != link || deal->is_sent || deal->is_done ||
            deal->transaction->orig_request == NULL) {
            continue;
        }
        if (sip_transport_send(deal->transaction, deal->transaction->orig_request, NULL, 0, 0) !=
            0) {
            deal->is_done = deal->is_over = true;
        }
    }
    sip_run(sip);
}

static void tell(struct sip *sip, struct sip_deal *deal)
{
    int status = 0;
    char type[128] = "";
    struct slice body = slice_of(NULL, 0);
    if (deal->final != NULL) {
        status = deal->final->status_code;
        const osip_content_type_t *given = deal->final->content_type;
        if (given != NULL && given->type != NULL && given->subtype != NULL) {
            snprintf(type, sizeof type, "%s/%s", given->type, given->subtype);
        }
        const osip_body_t *part = osip_list_get(&deal->final->bodies, 0);
        if (part != NULL) {
            body = slice_of(part->body, part->length);
        }
    }
    count(status == 0 ? "sip_requests_unanswered" : "sip_requests_answered", sip->name);
    deal->is_told = deal->is_telling = true;
    sip->handler.on_answer(sip->context, deal->tag, status, slice_str(type), body);
    deal->is_telling = false;
}

void sip_client_tell(struct sip *sip)
{
    for (size_t i = 0; i < SIP_DEALS_MAX && !sip->is_closed; i++) {
        struct sip_deal *deal = &sip->deals[i];
        if (deal->kind == DEAL_CLIENT && deal->is_done && !deal->is_told) {
            tell(sip, deal);
        }
    }
}
