/* espa444_session.h - what the espa444 adapter remembers of one line, and the moves on it.
 *
 * Used by adapters/espa444.c (receiving, polling, time) and espa444_session.c (sending) alone.
 */
#pragma once

#include "adapters/adapter.h"
#include "adapters/espa444_call.h"

/* Times of the proposal and of receivers in service, milliseconds. */
enum {
    SELECTION_MS = 2500, /* a selection is answered */
    BLOCK_MS = 3000,     /* a block begins, and its bytes follow one another */
    PHASE_MS = 15000,    /* a whole transaction */
    IDLE_MS = 10000,     /* nothing valid: the control station says EOT */
    DEAD_MS = 120000,    /* the link counts as dead */
    OFFLINE_MS = 60000,  /* a station that does not answer its poll is left alone */
    ALIVE_MS = 30000,    /* at most one sign of life in this time */
    ATTEMPTS = 2,        /* per block, "error recovery" */
    TRANSACTIONS = 3     /* per status, then it is given up */
};

enum { PEERS_MAX = 10, PENDING_MAX = 4, RECENT_MAX = 16, QUEUE_MAX = 16 };

enum espa444_state {
    STATE_NEUTRAL,   /* nobody has the line, or somebody else */
    STATE_POLLING,   /* control station: waiting for the polled one */
    STATE_RECEIVING, /* we are selected: blocks may come */
    STATE_SELECTING, /* waiting for ACK to our selection */
    STATE_SENDING    /* waiting for ACK to our block */
};

/* A call on its way to the journal. */
struct espa444_pending {
    uint32_t tag; /* 0: free */
    uint64_t hash;
    bool is_answered_by_nobody; /* the sender has left meanwhile: an ACK would meet somebody else */
};

/* A call of late: for retransmissions, and for status requests. */
struct espa444_recent {
    uint64_t hash; /* 0: free */
    int64_t since_mono_ms;
    int64_t window;
    char address[ESPA444_ADDRESS_MAX * 2 + 1];
    int status;
};

struct espa444_queued {
    char address[ESPA444_ADDRESS_MAX * 2 + 1];
    char text[TEXT_ROOM];
    int status; /* 0: free */
    unsigned transactions;
};

struct espa444_session {
    struct espa444_call_rules rules;
    struct slice supervise;
    bool is_control;
    bool is_lenient;
    bool is_bare_nak;
    bool has_call_status;
    char own;
    char peers[PEERS_MAX + 1];
    int64_t poll_ms;
    int64_t repeat_ms;

    enum espa444_state state;
    bool is_after_eot; /* an ENQ now is a poll */
    bool is_offline[PEERS_MAX];
    int64_t offline_until_ms[PEERS_MAX];
    size_t peer;      /* polled last */
    char selected_by; /* control station: address of the peer that sends, or sent last */
    unsigned attempts;
    size_t unconsumed; /* bytes left by the last input: a block that has not ended */
    size_t to_drop;    /* of them, when they are too old */
    bool is_dead;
    int64_t step_ms; /* mono deadlines, 0: none */
    int64_t phase_ms;
    int64_t poll_at_ms;
    int64_t idle_at_ms;
    int64_t dead_at_ms;
    int64_t alive_at_ms;
    uint32_t tag;
    struct espa444_pending pending[PENDING_MAX];
    struct espa444_recent recent[RECENT_MAX];
    size_t recent_next;
    struct espa444_queued queue[QUEUE_MAX]; /* oldest first */
    size_t queue_count;
};

/* Signals of one or two bytes. */
void espa444_send_enq(struct outbox *out, char address);
void espa444_send_byte(struct outbox *out, uint8_t byte);
void espa444_send_nak(const struct espa444_session *s, struct outbox *out, enum espa444_nak reason);
/* We leave the line to everybody: EOT. */
void espa444_release(struct espa444_session *s, struct now now, struct outbox *out);
/* The other end has gone or taken the line; whoever waited for an ACK waits no more. */
void espa444_fall_back(struct espa444_session *s, struct now now, bool is_after_eot);
/* OUT_WAKE for the earliest deadline. */
void espa444_ask_for_wake(const struct espa444_session *s, struct outbox *out);
/* We have the line: selects the other end for the first status of the queue. */
void espa444_begin_sending(struct espa444_session *s, struct now now, struct outbox *out);
/* ACK came for what we sent. */
void espa444_continue_sending(struct espa444_session *s, struct now now, struct outbox *out);
/* NAK came, or no answer in time: once more, then EOT. */
void espa444_take_nak(struct espa444_session *s, struct now now, struct outbox *out);
/* EOT, and the status another time; after three transactions never. */
void espa444_give_up(struct espa444_session *s, struct now now, struct outbox *out);
/* Record 1 as text. */
void espa444_put_address(const struct espa444_session *s, const struct espa444_block *block,
                         char *ret_address, size_t room);
/* A status request came: its answer goes the next time that we have the line. */
void espa444_answer_request(struct espa444_session *s, const struct espa444_block *block);
/* A case that came through this line changed: the `status` of the adapter's table. */
void espa444_status(void *session, const struct adapter_status *status, struct now now,
                    struct outbox *out);
