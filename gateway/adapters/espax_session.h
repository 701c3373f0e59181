/* espax_session.h - what the two roles of ESPA-X share: the session, and how a message is sent.
 *
 *   espax.c         options, bytes to messages, which role answers
 *   espax_server.c  a nurse-call system has logged in with us and starts alarm processes
 *   espax_client.c  we have logged in with an alarm server, a centre's, and start processes there
 */
#pragma once

#include "adapters/adapter.h"
#include "wire/espax.h"

enum {
    ESPAX_REF_ROOM = 33, /* CP-PR-REF is 1 to 32 characters */
    ESPAX_SESSION_ROOM = 33,
    ESPAX_INVOKE_ROOM = 16,
    ESPAX_TAN_ROOM = 16,
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
    char ref[ESPAX_REF_ROOM]; /* "": free */
    char tan[ESPAX_TAN_ROOM];
    char device[DEVICE_ROOM];
    enum kind kind;
    enum espax_details details;
    bool is_started;                /* client: the server has taken it */
    int64_t until_mono_ms;          /* client: an answer is awaited; 0: it has come */
    uint8_t case_ref[CASE_REF_LEN]; /* client */
    uint32_t order;                 /* the oldest gives way */
};

/* Server: a request that waits for the journal. */
struct espax_pending {
    uint32_t tag; /* 0: free */
    enum espax_type type;
    char invoke[ESPAX_INVOKE_ROOM];
    size_t process; /* index */
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
    uint32_t invoke; /* our own numbers */
    uint32_t tag;
    uint32_t order;
    uint32_t tan;
    int64_t until_mono_ms; /* server: a message must come; client: an answer must */
    int64_t beat_mono_ms;  /* client: the next heartbeat */
    char client[DEVICE_ROOM];
    struct espax_process processes[ESPAX_PROCESSES_MAX];
    struct espax_pending pending[ESPAX_PENDING_MAX];
    uint8_t memory[ESPAX_ARENA]; /* one document at a time */
};

/* Fills in time and session and sends it. */
void espax_send(struct espax_session *s, struct espax_message *m, struct slice invoke,
                struct now now, struct outbox *out);
void espax_respond(struct espax_session *s, enum espax_type type, struct slice invoke, int code,
                   const char *tan, struct now now, struct outbox *out);
/* By reference, else by the server's number; NULL: there is none. */
struct espax_process *espax_process_of(struct espax_session *s, struct slice ref, struct slice tan);
/* A free one, else the oldest. Zeroed. */
struct espax_process *espax_new_process(struct espax_session *s);

/* espax_server.c */
struct verdict espax_server_input(struct espax_session *s, const struct adapter_input *in,
                                  const struct espax_message *m, struct now now,
                                  struct outbox *out);
void espax_server_stored(struct espax_session *s, const struct adapter_receipt *receipt,
                         struct now now, struct outbox *out);
void espax_server_tick(struct espax_session *s, struct now now, struct outbox *out);
void espax_server_status(struct espax_session *s, const struct adapter_status *status,
                         struct now now, struct outbox *out);

/* espax_client.c */
void espax_client_begin(struct espax_session *s, struct now now, struct outbox *out);
struct verdict espax_client_input(struct espax_session *s, const struct espax_message *m,
                                  struct now now, struct outbox *out);
void espax_client_tick(struct espax_session *s, struct now now, struct outbox *out);
enum err espax_client_deliver(struct espax_session *s, const struct adapter_delivery *delivery,
                              struct now now, struct outbox *out);
