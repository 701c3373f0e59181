/* bench_relay.c - the wire between a device and the gateway under test, in the bench's hand.
 *
 * Forwards UDP datagrams as they are. Reads nothing but the reference of an alarm, to witness that it
 * came again. Called by bench_run.c alone.
 */
#include "bench.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATAGRAM_MAX = 65536, PUMP_MS = 20 };

/* "127.0.0.1:5060" into a bound or connected socket. */
static int open_socket(const char *address, bool is_bound)
{
    char host[96];
    struct slice text = slice_str(address);
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(address, ':');
    if (colon == NULL ||
        slice_text(slice_of(text.at, (size_t)(colon - address)), host, sizeof host) != ERR_OK ||
        getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int done = is_bound ? bind(fd, found->ai_addr, found->ai_addrlen)
                        : connect(fd, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (done != 0 && fd >= 0) {
        close(fd);
        return -1;
    }
    return fd;
}

enum err relay_open(struct relay *relay, const char *front, const char *gateway, char *ret_why,
                    size_t why_room)
{
    relay->front = open_socket(front, true);
    relay->back = open_socket(gateway, false);
    if (relay->front < 0 || relay->back < 0) {
        snprintf(ret_why, why_room, "The bench cannot stand between %s and %s: %s.", front, gateway,
                 strerror(errno));
        relay_close(relay);
        return ERR_IO;
    }
    return ERR_OK;
}

void relay_close(struct relay *relay)
{
    if (relay->front > 0) {
        close(relay->front);
    }
    if (relay->back > 0) {
        close(relay->back);
    }
    relay->front = 0;
    relay->back = 0;
}

/* The reference of a SCAIP alarm, as it stands on the wire; empty when there is none. */
static struct slice reference_of(struct slice datagram)
{
    static const char open_tag[] = "<ref>";
    const uint8_t *at = memmem(datagram.at, datagram.len, open_tag, strlen(open_tag));
    bool is_heartbeat = memmem(datagram.at, datagram.len, "<mty>PI", 7) != NULL;
    if (at == NULL || is_heartbeat || memmem(datagram.at, datagram.len, "<mrq", 4) == NULL) {
        return (struct slice){0};
    }
    struct slice rest = slice_from(datagram, (size_t)(at - datagram.at) + strlen(open_tag));
    return slice_trim(slice_cut(&rest, '<'));
}

static void witness(struct relay *relay, struct slice datagram)
{
    struct slice reference = reference_of(datagram);
    char text[REFERENCE_ROOM];
    if (reference.len == 0) {
        return;
    }
    slice_text(reference, text, sizeof text);
    relay->alarms++;
    relay->answered_at = relay->to_device;
    for (size_t i = 0; i < relay->reference_count && i < RELAY_REFERENCES; i++) {
        if (strcmp(relay->references[i], text) == 0) {
            relay->on_again(relay->context, text);
            return;
        }
    }
    slice_text(reference, relay->references[relay->reference_count++ % RELAY_REFERENCES],
               REFERENCE_ROOM);
}

static void from_device(struct relay *relay)
{
    static uint8_t memory[DATAGRAM_MAX];
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    ssize_t len =
        recvfrom(relay->front, memory, sizeof memory, 0, (struct sockaddr *)&peer, &peer_len);
    if (len < 0 || peer_len > sizeof relay->device) {
        return;
    }
    memcpy(relay->device, &peer, peer_len);
    relay->device_len = peer_len;
    if (!relay->is_cut) {
        witness(relay, slice_of(memory, (size_t)len));
        relay->from_device++;
        (void)!send(relay->back, memory, (size_t)len, MSG_NOSIGNAL);
    }
}

static void from_gateway(struct relay *relay)
{
    static uint8_t memory[DATAGRAM_MAX];
    ssize_t len = recv(relay->back, memory, sizeof memory, 0);
    if (len < 0 || relay->is_cut || relay->is_held || relay->device_len == 0) {
        return;
    }
    relay->to_device++;
    (void)!sendto(relay->front, memory, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)relay->device,
                  relay->device_len);
}

void relay_pump(struct relay *relay, int64_t until_mono_ms, bool (*is_done)(void *context),
                void *context)
{
    struct pollfd ends[2] = {{.fd = relay->front, .events = POLLIN},
                             {.fd = relay->back, .events = POLLIN}};
    while (loop_now().mono_ms < until_mono_ms && (is_done == NULL || !is_done(context))) {
        if (poll(ends, 2, PUMP_MS) <= 0) {
            continue;
        }
        if (ends[0].revents != 0) {
            from_device(relay);
        }
        if (ends[1].revents != 0) {
            from_gateway(relay);
        }
    }
}
