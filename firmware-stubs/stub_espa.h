/* stub_espa.h - the nurse-call system's side of an ESPA 4.4.4 line over TCP.
 *
 * Called by the panel. As control station (address 1) it polls itself and selects 2 to send a call,
 * and polls 2 to hear what became of it; as station (address 2) it speaks when it is polled. A block
 * gets two attempts, then EOT; a call that nobody acknowledged is sent again 5 s later, until
 * somebody does. The port dials again by itself, 0.3 s to 5 s apart. Prints on stdout:
 *
 *   connected                               disconnected why="..."
 *   sent address=201 text="..." try=1       ack address=201 text="..." after_ms=5
 *   nak digit=1 address=201                 no_answer while=selecting|sending|polling
 *   status address=201 text="..." call_status=6
 */
#pragma once

#include "stub.h"
#include "wire/espa444.h"

enum {
    STUB_ESPA_CALLS_MAX = 64,
    STUB_ESPA_AGAIN_MS = 5000,     /* from a call that nobody took to its next try */
    STUB_ESPA_SELECTION_MS = 2500, /* clause times, as in protocols of receivers in service */
    STUB_ESPA_BLOCK_MS = 3000,
    STUB_ESPA_ATTEMPTS = 2
};

enum stub_espa_fault {
    STUB_ESPA_GOOD,
    STUB_ESPA_BAD_BCC,            /* the first attempt of every block is damaged */
    STUB_ESPA_NEVER_ENDING_BLOCK, /* the first attempt has no end */
    STUB_ESPA_NO_EOT,             /* never gives the line back */
    STUB_ESPA_IGNORE_NAK          /* takes a refusal for an acknowledgement */
};

struct stub_espa_config {
    const char *to;
    bool is_station;
    struct espa444_line line;
    int64_t poll_ms;
    enum stub_espa_fault fault;
};

struct stub_espa_call {
    char address[ESPA444_ADDRESS_MAX + 1];
    char text[2 * ESPA444_DISPLAY_MAX + 1];
    char others[4][4]; /* records 3, 4, 5 and 6; empty: not sent */
};

struct stub_espa;
/* NULL: said on stderr. */
struct stub_espa *stub_espa_open(struct ev_loop *loop, const struct stub_espa_config *config);
void stub_espa_close(struct stub_espa *panel);
/* False: too many calls wait already. */
bool stub_espa_call(struct stub_espa *panel, const struct stub_espa_call *call);
