/* lookup.h - one name asked of DNS, off the loop.
 *
 * Called by hands that connect again and again to a host whose address may change, or may not be known yet.
 * Each question has a thread of its own, which ends with the answer; nobody waits for it.
 */
#pragma once

#include "io/loop.h"

struct lookup;

enum { LOOKUP_NAME_ROOM = 96, LOOKUP_ADDRESS_ROOM = 64 };

/* On the loop's thread, once; the lookup is gone by then. `address` is numeric; NULL: `why` in plain words. */
typedef void lookup_on_found(void *context, const char *address, const char *why);

/* A host with several addresses is tried at each in turn: `attempt` counts. NULL: no memory or no thread. */
struct lookup *lookup_begin(struct ev_loop *loop, const char *name, unsigned attempt,
                            lookup_on_found *on_found, void *context);
/* Nobody wants the answer any more: on_found is not called. NULL is fine. */
void lookup_drop(struct lookup *lookup);
