/* lookup.c - see lookup.h. The thread touches what the mutex guards, and the name; who comes last frees. */
#include "io/lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct lookup {
    struct loop_post post;
    lookup_on_found *on_found;
    void *context;
    char name[LOOKUP_NAME_ROOM];
    unsigned attempt;
    pthread_mutex_t mutex;
    bool is_done;                      /* the thread has gone */
    bool is_dropped;                   /* the loop has gone */
    char address[LOOKUP_ADDRESS_ROOM]; /* "": not found */
    char why[160];
};

static void free_lookup(struct lookup *lookup)
{
    pthread_mutex_destroy(&lookup->mutex);
    free(lookup);
}

static const struct addrinfo *one_of(const struct addrinfo *found, unsigned attempt)
{
    unsigned count = 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        count++;
    }
    const struct addrinfo *one = found;
    for (unsigned i = attempt % count; i > 0; i--) {
        one = one->ai_next;
    }
    return one;
}

static void *run(void *at)
{
    struct lookup *lookup = at;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char address[LOOKUP_ADDRESS_ROOM] = "";
    int code = getaddrinfo(lookup->name, NULL, &hints, &found);
    if (code == 0) {
        const struct addrinfo *one = one_of(found, lookup->attempt);
        code = getnameinfo(one->ai_addr, one->ai_addrlen, address, sizeof(address), NULL, 0,
                           NI_NUMERICHOST);
        freeaddrinfo(found);
    }
    pthread_mutex_lock(&lookup->mutex);
    memcpy(lookup->address, code == 0 ? address : "", code == 0 ? sizeof(address) : 1);
    (void)snprintf(lookup->why, sizeof(lookup->why), "The address \"%s\" is not known (%s).",
                   lookup->name, code == 0 ? "" : gai_strerror(code));
    lookup->is_done = true;
    bool is_dropped = lookup->is_dropped;
    if (!is_dropped) {
        loop_post_wake(&lookup->post);
    }
    pthread_mutex_unlock(&lookup->mutex);
    if (is_dropped) {
        free_lookup(lookup);
    }
    return NULL;
}

static void on_wake(void *context)
{
    struct lookup *lookup = context;
    pthread_mutex_lock(&lookup->mutex); /* the thread may still hold it */
    pthread_mutex_unlock(&lookup->mutex);
    struct lookup answer = *lookup;
    loop_post_close(&lookup->post, lookup->post.loop);
    free_lookup(lookup);
    answer.on_found(answer.context, answer.address[0] == '\0' ? NULL : answer.address, answer.why);
}

struct lookup *lookup_begin(struct ev_loop *loop, const char *name, unsigned attempt,
                            lookup_on_found *on_found, void *context)
{
    pthread_attr_t detached;
    pthread_t thread;
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    if (lookup == NULL) {
        return NULL;
    }
    lookup->on_found = on_found;
    lookup->context = context;
    lookup->attempt = attempt;
    (void)snprintf(lookup->name, sizeof(lookup->name), "%s", name);
    pthread_mutex_init(&lookup->mutex, NULL);
    loop_post_open(&lookup->post, loop, on_wake, lookup);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int code = pthread_create(&thread, &detached, run, lookup);
    pthread_attr_destroy(&detached);
    if (code != 0) {
        loop_post_close(&lookup->post, loop);
        free_lookup(lookup);
        return NULL;
    }
    return lookup;
}

void lookup_drop(struct lookup *lookup)
{
    if (lookup == NULL) {
        return;
    }
    pthread_mutex_lock(&lookup->mutex);
    loop_post_close(&lookup->post, lookup->post.loop);
    lookup->is_dropped = true;
    bool is_done = lookup->is_done;
    pthread_mutex_unlock(&lookup->mutex);
    if (is_done) {
        free_lookup(lookup);
    }
}
