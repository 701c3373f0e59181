/* stub_scaip.h - the sending half of a SCAIP device: messages kept until an `mrs` takes them.
 *
 * Called by the pendant hub (one device) and by the homes (many devices over one SIP endpoint).
 * Understands `mrs` in the body of the 200 and as its own MESSAGE, paired by `ref`. Never tries
 * again earlier than asked to, so a dead gateway meets no storm. Prints on stdout what happens:
 *
 *   sent ref=R try=1 cid=C what=press       answered ref=R snu=0 after_ms=12 by=message
 *   heartbeat ref=R cid=C                   refused ref=R status=503
 *   gave_up ref=R tries=360                 not_sent ref=R why=full
 */
#pragma once

#include "stub.h"

enum { STUB_SCAIP_KEPT_MAX = 512 }; /* messages that wait for their answer at one time */

/* What a device does wrong on purpose, as bits. */
enum stub_scaip_fault {
    STUB_NEW_REF_ON_RETRY = 1 << 0,
    STUB_NO_RETRY = 1 << 1,
    STUB_REUSED_REF = 1 << 2,
    STUB_WRONG_TYPE = 1 << 3,
    STUB_WRONG_IDENTITY = 1 << 4,
    STUB_BAD_XML = 1 << 5
};

/* What a device can say: "fall", ME, 0005, 0009. No dty: the type of the device itself. */
struct stub_scaip_word {
    const char *name;
    const char *mty;
    const char *dty;
    const char *stc;
};
/* By the name of the command; NULL when there is none. */
const struct stub_scaip_word *stub_scaip_word(const char *name);
const struct stub_scaip_word *stub_scaip_heartbeat(void);

/* Who says it; the texts live as long as the endpoint. */
struct stub_scaip_source {
    const char *cid;
    const char *did; /* or NULL */
    const char *dty;
};

struct stub_scaip_config {
    const char *to;     /* from stub_peer */
    const char *listen; /* NULL: as stub_listen_for says */
    int64_t retry_ms;
    int64_t keep_ms; /* how long an alarm is kept and sent again */
    unsigned faults;
    uint64_t refs_from; /* a device with two endpoints: where the second one's references begin */
    void *context;
    void (*on_settled)(void *context); /* an alarm was answered or given up; may be NULL */
};

struct stub_scaip;
/* NULL: said on stderr. */
struct stub_scaip *stub_scaip_open(struct ev_loop *loop, const struct stub_scaip_config *config);
void stub_scaip_close(struct stub_scaip *device); /* NULL is fine */
/* Makes the message now and sends it after `delay_ms`. Returns its ref, valid until the next call;
 * NULL when too many wait already. */
const char *stub_scaip_send(struct stub_scaip *device, const struct stub_scaip_source *source,
                            const struct stub_scaip_word *word, int64_t delay_ms);
/* A reference that nobody used yet; `ret_ref` has 17 bytes. */
void stub_scaip_new_ref(struct stub_scaip *device, char *ret_ref);
/* Alarms without a positive answer; heartbeats do not count. */
size_t stub_scaip_waiting(const struct stub_scaip *device);
