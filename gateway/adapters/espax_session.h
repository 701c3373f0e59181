/* espax_session.h - what the two roles of ESPA-X share: the session, and how a message is sent.
 *
 *   espax.c          options, bytes to messages, which role answers
 *   espax_process.c  the table of processes, and what a nurse-call system hears of its own
 *   espax_server.c   a nurse-call system has logged in with us and starts alarm processes
 *   espax_client.c   we have logged in with an alarm server, a centre's, and start processes there
 */
#pragma once

#include "adapters/adapter.h"
#include "wire/espax.h"

enum {
    ESPAX_REF_MAX = 32, /* CP-PR-REF is 1 to 32 characters, or missing */
    ESPAX_SESSION_ROOM = 33,
    ESPAX_INVOKE_ROOM = 24, /* invokeID has 64 bits */
    ESPAX_TAN_ROOM = 24,
    ESPAX_PROCESSES_MAX = 64,
    ESPAX_PENDING_MAX = 32
};

/* What the other side wants to hear of its process. */
enum espax_details {
    ESPAX_DETAILS_ALL,
    ESPAX_DETAILS_PROCESS,
    ESPAX_DETAILS_RESULTS,
    ESPAX_DETAILS_NO
};

/* One alarm process: at the server one that a client has started, at the client one of ours. */
struct espax_process {
    bool is_used;
    bool is_ended;            /* kept all the same: a reference that comes again is a new process */
    uint32_t order;           /* of its beginning, from 1; the oldest gives way */
    char ref[REFERENCE_ROOM]; /* as the client spells it; at the server it may be missing */
    char tan[ESPAX_TAN_ROOM]; /* the server's own number of it */

    /* server */
    char key[REFERENCE_ROOM];       /* its reference, or what stands for a missing one */
    char reference[REFERENCE_ROOM]; /* of its alarm: the key, with a mark when it is used anew */
    char address[DEVICE_ROOM];      /* as the client gave it */
    char device[DEVICE_ROOM];       /* as the lists know it; "": the journal has not spoken yet */
    char code[CODE_ROOM];
    enum kind kind;      /* of its alarm */
    enum kind line_kind; /* as the lists know it */
    enum espax_details details;
    bool is_accepted;
    bool is_on_site;
    bool is_stopping; /* a P-STOP waits for the journal */
    bool has_closed;  /* ... and meanwhile the case was closed */

    /* client */
    uint8_t case_ref[CASE_REF_LEN];
    uint64_t invoke;       /* of the newest P-START */
    int64_t until_mono_ms; /* its answer is awaited; 0: it has come */
    bool is_refused;       /* told once; a later yes still counts */
    bool is_delivered;     /* by this attempt */
    bool was_delivered; /* by an earlier one: what the server knows of that says nothing of this */
};

/* Server: a request that waits for the journal. */
struct espax_pending {
    uint32_t tag; /* 0: free */
    enum espax_type type;
    char invoke[ESPAX_INVOKE_ROOM];
    uint32_t order; /* of the process */
};

struct espax_session {
    bool is_client;
    bool is_logged_in;
    bool is_over; /* the stream can no longer be followed: what still comes is dropped */
    char session[ESPAX_SESSION_ROOM];
    struct slice user;
    struct slice password;
    struct slice group;
    struct slice kinds;
    int64_t heartbeat_ms;
    bool accepts_on_start;
    bool accepts_reached;
    uint32_t invoke; /* our own numbers */
    uint32_t tag;
    uint32_t order;
    uint32_t tan;
    int64_t until_mono_ms; /* server: a message must come; client: an answer must */
    int64_t beat_mono_ms;  /* client: the next heartbeat */
    int64_t hold_mono_ms;  /* client: the login was refused; not before this is it tried again */
    char client[DEVICE_ROOM];
    struct espax_process processes[ESPAX_PROCESSES_MAX];
    struct espax_pending pending[ESPAX_PENDING_MAX];
    uint8_t memory[ESPAX_ARENA]; /* one document at a time */
};

/* Fills in time and session and sends it. */
void espax_send(struct espax_session *s, struct espax_message *m, struct slice invoke,
                struct now now, struct outbox *out);
/* `p`: the process that a response to P-START speaks of; may be NULL. */
void espax_respond(struct espax_session *s, enum espax_type type, struct slice invoke, int code,
                   const struct espax_process *p, struct now now, struct outbox *out);

/* espax_process.c */
/* By reference, else by the server's number; NULL: there is none. It may have ended. */
struct espax_process *espax_process_of(struct espax_session *s, struct slice ref, struct slice tan);
struct espax_process *espax_process_at(struct espax_session *s, uint32_t order);
/* A free one, else one that has ended, else the oldest. Zeroed but for `order` and `is_used`. */
struct espax_process *espax_new_process(struct espax_session *s, struct outbox *out);
void espax_tell_started(struct espax_session *s, const struct espax_process *p, struct now now,
                        struct outbox *out);
/* The answer to P-GETSTAT. */
void espax_tell_state(struct espax_session *s, const struct espax_process *p, struct now now,
                      struct outbox *out);
void espax_tell_end(struct espax_session *s, struct espax_process *p, const char *reason,
                    const char *result, struct now now, struct outbox *out);
void espax_server_status(struct espax_session *s, const struct adapter_status *status,
                         struct now now, struct outbox *out);

/* espax_server.c */
struct verdict espax_server_input(struct espax_session *s, const struct adapter_input *in,
                                  const struct espax_message *m, struct now now,
                                  struct outbox *out);
void espax_server_stored(struct espax_session *s, const struct adapter_receipt *receipt,
                         struct now now, struct outbox *out);
void espax_server_tick(struct espax_session *s, struct now now, struct outbox *out);

/* espax_client.c */
void espax_client_begin(struct espax_session *s, struct now now, struct outbox *out);
struct verdict espax_client_input(struct espax_session *s, const struct espax_message *m,
                                  struct now now, struct outbox *out);
void espax_client_tick(struct espax_session *s, struct now now, struct outbox *out);
enum err espax_client_deliver(struct espax_session *s, const struct adapter_delivery *delivery,
                              struct now now, struct outbox *out);
