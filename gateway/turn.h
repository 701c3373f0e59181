/* turn.h - THE DOOR between thought and hands: read, decide, write, sync, answer.
 *
 * One turn of the loop: bytes, websocket messages, bus messages and timers become inputs; the ledger
 * answers with records; the records go to the journal as one batch; only when they are on disk do the
 * device, the bus, the handsets and the centre hear of them (turn.c). Called by main.c alone.
 */
#pragma once

#include "conf/conf.h"
#include "io/loop.h"

struct turn;

struct turn_config {
    struct conf *conf; /* taken over: freed by turn_close */
    struct keys *keys; /* borrowed */
    const char *state_dir;
    const char *pages_dir; /* when the configuration names none */
};

/* Opens the journal, folds it, opens ports, bus and web. On failure `why` is one plain sentence and
 * everything is closed again. */
enum err turn_open(struct ev_loop *loop, const struct turn_config *config, struct turn **ret_turn,
                   char *ret_why, size_t why_room) MUST_USE;
void turn_close(struct turn *turn); /* commits what is pending; NULL is fine */
