/* sip.c - SIP opened and closed, libosip2's machines turned, finished transactions forgotten.
 *
 * See sip.h for what it does and sip_inner.h for how the files divide the work.
 */
#include "io/sip_inner.h"

#include "io/log.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 5000 }; /* how often the table is looked through while there is anything in it */

static void rearm(struct sip *sip);

void sip_note(const struct sip *sip, const char *counter, const char *peer, const char *why)
{
    count(counter, sip->name);
    log_event(LOG_WARN, "sip.refused", "port", sip->name, "peer", peer, "what", counter, "why", why,
              NULL);
}

static void on_kill(int type, osip_transaction_t *transaction)
{
    (void)type;
    struct sip_deal *deal = osip_transaction_get_reserved1(transaction);
    if (deal != NULL) {
        deal->is_over = true; /* freed by sip_run: libosip2 still looks at it when we return */
    }
}

static void free_all(struct sip *sip)
{
    for (size_t i = 0; i < SIP_DEALS_MAX; i++) {
        if (sip->deals[i].kind != DEAL_FREE) {
            sip_deal_release(&sip->deals[i]);
        }
    }
    if (sip->osip != NULL) {
        osip_release(sip->osip);
    }
    if (sip->digest != NULL) {
        sip_digest_finish(sip->digest);
        free(sip->digest);
    }
    sodium_memzero(sip->key, sizeof sip->key);
    free(sip);
}

void sip_enter(struct sip *sip)
{
    sip->depth++;
}

void sip_leave(struct sip *sip)
{
    sip->depth--;
    if (sip->depth == 0 && sip->is_closed) {
        free_all(sip);
    }
}

void sip_deal_release(struct sip_deal *deal)
{
    if (deal->transaction != NULL) {
        osip_transaction_free(deal->transaction);
    }
    free(deal->head);
    *deal = (struct sip_deal){.kind = DEAL_FREE};
}

/* Done with, and kept only to repeat or to swallow repetitions. */
static bool may_give_way(const struct sip_deal *deal)
{
    return deal->kind == DEAL_SERVER ? deal->is_answered : deal->is_told && !deal->is_telling;
}

struct sip_deal *sip_deal_take(struct sip *sip, enum deal_kind kind)
{
    struct sip_deal *found = NULL;
    for (size_t i = 0; i < SIP_DEALS_MAX; i++) {
        struct sip_deal *deal = &sip->deals[i];
        if (deal->kind == DEAL_FREE) {
            found = deal;
            break;
        }
        if (may_give_way(deal) && (found == NULL || deal->exchange < found->exchange)) {
            found = deal;
        }
    }
    if (found == NULL) {
        return NULL;
    }
    if (found->kind != DEAL_FREE) {
        sip_deal_release(found);
    }
    size_t place = (size_t)(found - sip->deals);
    found->kind = kind;
    found->exchange = ++sip->next_exchange * SIP_DEALS_MAX + place;
    found->born_mono_ms = loop_now().mono_ms;
    return found;
}

static void forget_finished(struct sip *sip)
{
    int64_t mono_ms = loop_now().mono_ms;
    for (size_t i = 0; i < SIP_DEALS_MAX; i++) {
        struct sip_deal *deal = &sip->deals[i];
        if (deal->kind == DEAL_CLIENT && deal->is_over && deal->is_told && !deal->is_telling) {
            sip_deal_release(deal);
        } else if (deal->kind == DEAL_SERVER && deal->is_over) {
            sip_deal_release(deal);
        } else if (deal->kind == DEAL_SERVER && !deal->is_answered &&
                   mono_ms - deal->born_mono_ms > SIP_UNANSWERED_MS) {
            sip_note(sip, "sip_never_answered", deal->peer,
                     "a message was taken and nobody here has answered it within 64 s");
            sip_deal_release(deal);
        }
    }
}

void sip_run(struct sip *sip)
{
    sip_enter(sip);
    osip_timers_nist_execute(sip->osip);
    osip_timers_nict_execute(sip->osip);
    osip_nist_execute(sip->osip);
    osip_nict_execute(sip->osip);
    sip_client_tell(sip);
    if (!sip->is_closed) {
        forget_finished(sip);
        rearm(sip);
    }
    sip_leave(sip);
}

void sip_run_within(struct sip *sip, int64_t delay_ms)
{
    double seconds = (double)delay_ms / 1000.0;
    if (ev_is_active(&sip->timer) && ev_timer_remaining(sip->loop, &sip->timer) <= seconds) {
        return;
    }
    ev_timer_stop(sip->loop, &sip->timer);
    ev_timer_set(&sip->timer, seconds, 0.0);
    ev_timer_start(sip->loop, &sip->timer);
}

void sip_run_one(struct sip *sip, struct sip_deal *deal)
{
    sip_enter(sip);
    for (;;) {
        osip_event_t *event = osip_fifo_tryget(deal->transaction->transactionff);
        if (event == NULL) {
            break;
        }
        osip_transaction_execute(deal->transaction, event);
    }
    if (deal->is_over) {
        sip_deal_release(deal);
    }
    /* A stream's transaction ends with its answer; a datagram's lingers, and is looked at in time.
     */
    sip_run_within(sip, deal->is_udp ? LOOK_MS : 1);
    sip_leave(sip);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    sip_run(timer->data);
}

static void rearm(struct sip *sip)
{
    struct timeval wait = {0};
    bool is_idle = true;
    bool is_hurried =
        false; /* begun by a handler while we ran: libosip2 counts no timer for it yet */
    for (size_t i = 0; i < SIP_DEALS_MAX && !is_hurried; i++) {
        const struct sip_deal *deal = &sip->deals[i];
        is_idle = is_idle && deal->kind == DEAL_FREE;
        is_hurried = deal->kind == DEAL_CLIENT && deal->transaction != NULL &&
                     osip_fifo_size(deal->transaction->transactionff) > 0;
    }
    ev_timer_stop(sip->loop, &sip->timer);
    if (is_idle) {
        return;
    }
    if (!is_hurried) {
        osip_timers_gettimeout(sip->osip, &wait);
    }
    double seconds = (double)wait.tv_sec + (double)wait.tv_usec / 1e6;
    /* Not below a millisecond, the grain of libosip2's clock. */
    seconds = seconds < 0.001 ? 0.001 : seconds;
    seconds = seconds > LOOK_MS / 1000.0 ? LOOK_MS / 1000.0 : seconds;
    ev_timer_set(&sip->timer, seconds, 0.0);
    ev_timer_start(sip->loop, &sip->timer);
}

/* Untold, libosip2 writes what it thinks of a broken message to stdout, as often as a peer wishes. */
static void say_nothing(const char *file, int line, osip_trace_level_t level, const char *format,
                        va_list values)
{
    (void)file;
    (void)line;
    (void)level;
    (void)format;
    (void)values;
}

static enum err prepare(struct sip *sip, const struct sip_config *config)
{
    if (sodium_init() < 0 || osip_init(&sip->osip) != OSIP_SUCCESS) {
        sip->osip = NULL;
        return ERR_FULL;
    }
    osip_trace_initialize_func(TRACE_LEVEL0, say_nothing);
    osip_set_application_context(sip->osip, sip);
    sip->osip->cb_send_message = sip_transport_send;
    osip_set_kill_transaction_callback(sip->osip, OSIP_NIST_KILL_TRANSACTION, on_kill);
    osip_set_kill_transaction_callback(sip->osip, OSIP_NICT_KILL_TRANSACTION, on_kill);
    sip_client_watch(sip->osip);
    randombytes_buf(sip->key, sizeof sip->key);
    if (config->users != NULL) {
        sip->digest = malloc(sizeof *sip->digest);
        if (sip->digest == NULL) {
            return ERR_FULL;
        }
        sip_digest_init(sip->digest, config->realm, config->users);
    }
    return ERR_OK;
}

enum err sip_open(struct ev_loop *loop, const struct sip_config *config,
                  const struct sip_handler *handler, void *context, struct sip **ret_sip,
                  char *ret_why, size_t why_room)
{
    struct sip *sip = calloc(1, sizeof *sip);
    if (sip == NULL) {
        snprintf(ret_why, why_room, "no memory for SIP port %s", config->name);
        return ERR_FULL;
    }
    sip->loop = loop;
    sip->handler = *handler;
    sip->context = context;
    sip->request_timeout_ms = config->request_timeout_ms != 0 ? config->request_timeout_ms : 32000;
    (void)slice_text(slice_str(config->name), sip->name, sizeof sip->name);
    (void)slice_text(slice_str(config->own_user != NULL ? config->own_user : "alarm"),
                     sip->own_user, sizeof sip->own_user);
    ev_init(&sip->timer, on_timer);
    sip->timer.data = sip;
    enum err err = prepare(sip, config);
    if (err != ERR_OK) {
        snprintf(ret_why, why_room, "no memory for SIP port %s", config->name);
    } else {
        err = sip_transport_open(sip, config, ret_why, why_room);
    }
    if (err != ERR_OK) {
        sip_close(sip);
        return err;
    }
    *ret_sip = sip;
    return ERR_OK;
}

void sip_close(struct sip *sip)
{
    if (sip == NULL || sip->is_closed) {
        return;
    }
    sip_enter(sip);
    sip->is_closed = true;
    ev_timer_stop(sip->loop, &sip->timer);
    sip_transport_close(sip);
    sip_leave(sip);
}

int sip_number(const struct sip *sip)
{
    const struct port *port = sip->tcp != NULL ? sip->tcp : sip->udp;
    return port != NULL ? port_number(port) : 0;
}
