/* port_address.h - "192.0.2.1:5060" and "[2001:db8::1]:5060": text to socket address and back.
 *
 * Called by the ports and by SIP. Only port_address_resolve may wait (for DNS), so it is called
 * when a port opens and never later.
 */
#pragma once

#include <sys/socket.h>

#include "base/bytes.h"

enum { PORT_PEER_ROOM = 80, PORT_HOST_ROOM = 256 };

struct port_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* Cuts "host:port" or "[v6]:port" in two; `ret_host` has PORT_HOST_ROOM. */
enum err port_address_split(const char *text, char *ret_host, int *ret_port) MUST_USE;
/* Numbers only: never waits, never allocates. */
enum err port_address_parse(const char *text, struct port_address *ret_address) MUST_USE;
/* Names too. On failure `ret_why` says so in plain words. */
enum err port_address_resolve(const char *text, bool is_udp, struct port_address *ret_address,
                              char *ret_why, size_t why_room) MUST_USE;
/* `ret_text` has PORT_PEER_ROOM. */
void port_address_text(const struct sockaddr *address, char *ret_text);
