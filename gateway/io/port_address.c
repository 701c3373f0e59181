/* port_address.c - socket addresses as text; see port_address.h. */
#include "io/port_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum err port_address_split(const char *text, char *ret_host, int *ret_port)
{
    struct slice all = slice_str(text);
    const char *colon = text != NULL ? strrchr(text, ':') : NULL;
    if (colon == NULL) {
        return ERR_SYNTAX;
    }
    struct slice host = slice_of(text, (size_t)(colon - text));
    uint64_t number = 0;
    if (slice_u64(slice_from(all, host.len + 1), 65535, &number) != ERR_OK) {
        return ERR_SYNTAX;
    }
    if (host.len >= 2 && host.at[0] == '[') {
        if (host.at[host.len - 1] != ']') {
            return ERR_SYNTAX;
        }
        host = slice_of(host.at + 1, host.len - 2);
    } else if (memchr(host.at, ':', host.len) != NULL) {
        return ERR_SYNTAX; /* IPv6 without brackets: whose colon is the last one? */
    }
    if (host.len == 0 || slice_text(host, ret_host, PORT_HOST_ROOM) != ERR_OK) {
        return ERR_SYNTAX;
    }
    *ret_port = (int)number;
    return ERR_OK;
}

static enum err parse_v6(char *host, int port, struct port_address *ret_address)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    char *percent = strchr(host, '%');
    if (percent != NULL) {
        uint64_t scope = 0;
        if (slice_u64(slice_str(percent + 1), UINT32_MAX, &scope) != ERR_OK) {
            return ERR_SYNTAX;
        }
        v6.sin6_scope_id = (uint32_t)scope;
        *percent = '\0';
    }
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1) {
        return ERR_SYNTAX;
    }
    memcpy(&ret_address->storage, &v6, sizeof v6);
    ret_address->len = sizeof v6;
    return ERR_OK;
}

enum err port_address_parse(const char *text, struct port_address *ret_address)
{
    char host[PORT_HOST_ROOM];
    int port = 0;
    if (port_address_split(text, host, &port) != ERR_OK) {
        return ERR_SYNTAX;
    }
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(&ret_address->storage, &v4, sizeof v4);
        ret_address->len = sizeof v4;
        return ERR_OK;
    }
    return parse_v6(host, port, ret_address);
}

enum err port_address_resolve(const char *text, bool is_udp, struct port_address *ret_address,
                              char *ret_why, size_t why_room)
{
    if (port_address_parse(text, ret_address) == ERR_OK) {
        return ERR_OK;
    }
    char host[PORT_HOST_ROOM];
    char service[8];
    int port = 0;
    if (port_address_split(text, host, &port) != ERR_OK) {
        snprintf(ret_why, why_room,
                 "\"%s\" is not an address; write it as 192.0.2.1:5060 or [::1]:5060",
                 text != NULL ? text : "");
        return ERR_SYNTAX;
    }
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = is_udp ? SOCK_DGRAM : SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(host, service, &hints, &found);
    if (failed != 0) {
        snprintf(ret_why, why_room, "the name \"%s\" cannot be resolved: %s", host,
                 gai_strerror(failed));
        return ERR_NOT_FOUND;
    }
    memcpy(&ret_address->storage, found->ai_addr, found->ai_addrlen);
    ret_address->len = found->ai_addrlen;
    freeaddrinfo(found);
    return ERR_OK;
}

void port_address_text(const struct sockaddr *address, char *ret_text)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
        if (v6.sin6_scope_id != 0) {
            snprintf(ret_text, PORT_PEER_ROOM, "[%s%%%u]:%u", host, v6.sin6_scope_id,
                     ntohs(v6.sin6_port));
        } else {
            snprintf(ret_text, PORT_PEER_ROOM, "[%s]:%u", host, ntohs(v6.sin6_port));
        }
        return;
    }
    struct sockaddr_in v4;
    memcpy(&v4, address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    snprintf(ret_text, PORT_PEER_ROOM, "%s:%u", host, ntohs(v4.sin_port));
}
