/* turn_parts.h - what the rooms of the door share. Included by turn*.c only.
 *
 *   turn.c        inputs -> records -> journal -> acts, in order, after the commit
 *   turn_ports.c  devices and centres: sockets, sessions, receipts
 *   turn_outbox.c what an adapter wants done
 *   turn_topics.c ports whose frames are messages of a broker
 *   turn_hooks.c  ports whose frames are HTTP requests
 *   turn_bus.c    the bus, fed from the journal
 *   turn_orders.c what listeners ask and centres order on the bus
 *   turn_web.c    handhelds: messages in, measuring, who is told
 *   turn_show.c   what each person is shown
 *   turn_http.c   login, health, metrics
 *   turn_control.c  the command line
 */
#pragma once

#include "alarm/pb.h"
#include "io/bus.h"
#include "io/journal.h"
#include "io/keys.h"
#include "io/log.h"
#include "io/modbus.h"
#include "io/port.h"
#include "io/sip.h"
#include "io/web.h"
#include "turn.h"

#include <sys/types.h>
#include <time.h>

enum {
    SESSIONS_MAX = 1024,
    SESSIONS_PER_PORT = 256, /* panels that keep their connection; leaves room for other ports */
    REQUESTS_MAX = 512,
    HANDHELDS_MAX = 4096,
    TICKETS_MAX = 256,
    HOOKS_MAX = 512, /* requests that wait for the journal */
    RAW_KEPT = 512,  /* a usual frame; a longer one reaches the bus through the journal */
    ID_ROOM = 40,    /* a client's own message id */
    ANSWER_TOPIC_ROOM = 161,
    CORRELATION_MAX = 64,
    BUS_IN_HAND = BUS_IN_FLIGHT,
    MESSAGE_MAX = 131072, /* one websocket frame out */
    SHOWN_MAX = 60, /* cases in a snapshot: one's own first, then the gravest, then the oldest */
    RECENT_MAX = 5,
    WARNINGS_MAX = 8
};

/* What waits for a commit. `after` is the last row that must be on disk first. */
enum act_type { ACT_RECORD, ACT_RECEIPT, ACT_RESULT, ACT_SNAPSHOT, ACT_ORDER };

struct act {
    enum act_type type;
    uint64_t after;
    union {
        struct {
            struct record record; /* its raw frame is in `raw`, when it fits */
            uint8_t raw[RAW_KEPT];
            uint16_t raw_len;
            bool is_whole;
        } kept;
        struct {
            uint32_t session;
            struct adapter_receipt receipt;
            struct alarm alarm;
            bool has_alarm;
        } receipt;
        struct {
            uint32_t handheld;
            char id[ID_ROOM];
            struct reply reply;
        } result;
        struct {
            char topic[ANSWER_TOPIC_ROOM];
            uint8_t correlation[CORRELATION_MAX];
            size_t correlation_len;
            struct reply reply;
        } order;
    };
};

/* A ring that grows to its ceiling and then refuses; the journal's backlog is as long. */
struct acts {
    struct act *at;
    size_t head;
    size_t count;
    size_t room;
};

struct port_room; /* one configured port */

/* One conversation with an adapter: a TCP connection, or a whole UDP or SIP port. */
struct session {
    uint32_t id; /* 0: free */
    struct port_room *port;
    struct conn *conn; /* NULL: SIP */
    bool is_udp;       /* the one session of a UDP port */
    char peer[PEER_ROOM];
    int64_t wake_mono_ms; /* 0: none */
    void *state;          /* the adapter's block */
};

struct port_room {
    struct turn *turn;
    const struct conf_port *conf;
    struct port *tcp;
    struct port *udp;
    struct sip *sip;
    struct sip_digest_user *users;
    struct modbus *modbus;
    struct bus *broker; /* a foreign one; NULL: the bus's own */
    uint32_t session;   /* of a port with one only, and of a TCP port that dials */
};

/* A request over HTTP that was not answered yet. */
struct hook {
    uint64_t exchange;
    struct web_request *request; /* NULL: free */
    int64_t until_mono_ms;
};

/* An own SIP request: whom its answer belongs to. */
struct request {
    uint32_t tag; /* 0: free */
    uint32_t session;
    uint32_t adapter_tag;
};

struct handheld {
    uint32_t id;
    struct turn *turn;
    struct web_client *client;
    size_t staff; /* index in the directory; SIZE_MAX before hello */
    char cookie_staff[STAFF_ROOM];
    bool is_swedish;
    bool is_visible;
    bool has_sound;
    int battery;
    int64_t told_mono_ms; /* last heartbeat to it */
    int queued;           /* frames since its queue was empty */
    bool is_behind;       /* gets no changes now, but a snapshot when its queue is empty */
    struct handheld *next;
};

struct ticket {
    char text[33];
    char staff[STAFF_ROOM];
    int64_t expires_mono_ms;
};

/* What the hands know of a person's handset; the ledger hears of changes only. */
struct measure {
    struct handheld *handheld;
    int64_t heard_mono_ms;
    int64_t offered_mono_ms; /* an offer has been open since; 0: none is */
    bool has_offer;
    int wrong_pins;
    int64_t locked_until_mono_ms;
};

struct turn {
    struct ev_loop *loop;
    struct ev_prepare prepare;
    struct ev_timer second;
    struct ev_timer wake;
    struct conf *conf;
    const struct directory *directory;
    struct keys *keys;
    const char *state_dir;
    void *ledger_memory;
    struct ledger *ledger;
    struct journal *journal;
    char boot[WORD_ROOM + 1];
    char journal_why[160]; /* not empty: the disk refuses */
    struct decision decision;
    struct acts acts;
    uint64_t row_max;      /* last row given out */
    bool is_row_lost;      /* the running decision could not be journalled as a whole */
    int64_t recorded_ms;   /* time of the last record that is on disk and was acted on */
    uint64_t durable_seen; /* a disk that hangs is noticed by these two */
    int64_t moved_mono_ms;

    struct port_room *ports;
    struct session sessions[SESSIONS_MAX];
    uint32_t last_session;
    int64_t port_wake_mono_ms; /* the earliest of the sessions; 0: to be found anew */
    struct request requests[REQUESTS_MAX];
    uint32_t last_request;
    struct hook hooks[HOOKS_MAX];
    uint64_t last_exchange;
    struct outbox outbox;

    struct bus *bus;
    uint64_t bus_sent;  /* every row up to here was given to the bus or concerns it not */
    uint64_t bus_noted; /* of bus_done, in the journal */
    uint64_t bus_done;  /* every row up to here was acknowledged */
    uint64_t bus_flying[BUS_IN_HAND];
    bool is_bus_fetching;
    uint64_t bus_refused_row;    /* 0: none; the fault is over when this one gets through */
    int64_t bus_dropped_mono_ms; /* when the broker last told that it drops; 0: it does not */
    int64_t bus_again_mono_ms;

    struct control *control;
    struct web *web;
    struct pin_worker *pin_worker;
    struct pins *pins; /* as the file was at `pins_changed` */
    ino_t pins_inode;
    off_t pins_size;
    struct timespec pins_changed;
    struct handheld *handhelds;
    uint32_t last_handheld;
    struct ticket tickets[TICKETS_MAX];
    struct measure *measures; /* one a staff member */
    bool is_any_behind;
    bool is_people_changed; /* since people_mono_ms, when all were told last */
    int64_t people_mono_ms;
    uint8_t message[MESSAGE_MAX];
    int64_t started_mono_ms;
};

/* turn.c */
/* Decides, journals, applies; the acts wait for the disk. The reply is also in turn->decision. */
struct reply turn_input(struct turn *turn, const struct input *input, struct now now);
/* Puts an act behind everything that was journalled so far. NULL: the ring is at its ceiling. */
struct act *turn_act(struct turn *turn, enum act_type type);
void turn_fault(struct turn *turn, const char *what, const char *why, bool is_on);

/* turn_outbox.c */
struct session *session_find(struct turn *turn, uint32_t id); /* NULL: gone */
const struct adapter *session_dialect(const struct session *session);
/* Does what the adapter put into turn->outbox. No adapter is called from here, so one outbox serves the
 * whole door; the session may be gone afterwards. */
void outbox_deal(struct turn *turn, struct session *session);

/* turn_ports.c */
enum err ports_open(struct turn *turn, char *ret_why, size_t why_room) MUST_USE;
void ports_close(struct turn *turn);
int64_t ports_next_wake(struct turn *turn); /* mono ms */
void ports_tick(struct turn *turn, struct now now);
void ports_receipt(struct turn *turn, const struct act *act, bool is_recorded);
void ports_case(struct turn *turn, const struct case_change *change);
/* Gives the input to the session's dialect and does what it wants. The session may be gone then. */
struct verdict ports_feed(struct session *session, struct adapter_input *in);
/* The one session of a port without connections. False: the dialect refuses its options. */
bool ports_begin_only_session(struct port_room *port);

/* turn_topics.c */
enum err topics_open(struct port_room *port, char *ret_why, size_t why_room) MUST_USE;
/* What ports of the bus's own broker subscribe to; how many. */
size_t topics_own(const struct turn *turn, const char **ret_filters, size_t room);
/* A message of the bus's own broker. False: it is no port's. */
bool topics_message(struct turn *turn, const struct bus_message *message);
void topics_publish(struct turn *turn, const struct session *session, const struct out *out);

/* turn_hooks.c */
/* False: the path is no port's; the request is still to be answered. */
bool hooks_request(struct turn *turn, struct web_request *request);
void hooks_answer(struct turn *turn, const struct out *out);
void hooks_second(struct turn *turn, struct now now);
void hooks_close(struct turn *turn); /* before the web closes */
size_t hooks_headers(const struct turn *turn, const char **ret_names, size_t room);

/* turn_bus.c */
/* The first line of a file of the state folder; NULL: no password, and true. */
bool bus_password(const struct turn *turn, const char *name, char *ret_password, size_t room);
enum err bus_room_open(struct turn *turn, char *ret_why, size_t why_room) MUST_USE;
void bus_room_close(struct turn *turn);
/* The disk refuses: what people must see goes out at once, without promise. */
void bus_unrecorded(struct turn *turn, const struct record *record);
void bus_pump(struct turn *turn);
/* A record that is on disk now. `is_whole`: with its raw frame. */
void bus_feed(struct turn *turn, const struct record *record, bool is_whole);
void bus_second(struct turn *turn, struct now now);

/* turn_orders.c */
void orders_message(void *context, const struct bus_message *message);
void orders_act(struct turn *turn, const struct act *act);

/* turn_web.c */
enum err web_room_open(struct turn *turn, const char *pages_dir, char *ret_why,
                       size_t why_room) MUST_USE;
void web_room_close(struct turn *turn);
void web_second(struct turn *turn, struct now now);
void web_case(struct turn *turn, const struct case_change *change, uint64_t seq, bool is_recorded);
void web_people_changed(struct turn *turn);
void web_all_behind(
    struct turn *turn); /* a change cannot be told: everybody gets the whole state */
void web_catch_up(struct turn *turn);
void web_people_tell(struct turn *turn);
void web_act(struct turn *turn, const struct act *act, bool is_recorded); /* RESULT, SNAPSHOT */

/* turn_show.c: what one person is shown, as one frame in turn->message */
struct slice show_welcome(struct turn *turn, const struct handheld *handheld);
struct slice show_snapshot(struct turn *turn, const struct handheld *handheld);
struct slice show_case(struct turn *turn, const struct handheld *handheld,
                       const struct case_change *change, uint64_t seq);
struct slice show_heartbeat(struct turn *turn, const struct handheld *handheld);
struct slice show_result(struct turn *turn, const struct handheld *handheld, const char *id,
                         const struct reply *reply, bool is_recorded);

/* turn_control.c */
enum err control_room_open(struct turn *turn, char *ret_why, size_t why_room) MUST_USE;
void control_room_close(struct turn *turn);

/* turn_http.c */
void http_request(struct turn *turn, struct web_request *request);
enum err http_ticket_take(struct turn *turn, const char *text, char *ret_staff, size_t room);
bool http_cookie_staff(struct turn *turn, struct slice cookie, char *ret_staff, size_t room);
