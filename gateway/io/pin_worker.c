/* pin_worker.c - checks PINs off the loop, because Argon2id takes tens of milliseconds and 64 MiB.
 *
 * Called by the doors. One thread, questions answered in order. A PIN is wiped as soon as it was checked.
 * Never says whether the person was unknown or the PIN wrong, and takes as long for both.
 */
#include "io/pins.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE = 64 };

/* The PIN behind this was thrown away when it was made (same cost as all others). */
static const char nobody[PIN_HASH] = "$argon2id$v=19$m=65536,t=2,p=1$FF4r8N19ZHkFi1k0M3h7Xw"
                                     "$7jrg6DonLs0XtNbN4Cw/HMyDX2fCXhEgYVQJlPcP7E4";

struct question {
    char hash[PIN_HASH];
    char pin[PIN_MAX + 1];
    bool is_known;
    bool is_right;
    void (*on_done)(void *context, bool is_right);
    void *context;
};

struct pin_worker {
    struct ev_loop *loop;
    struct loop_post post;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool is_closing;
    struct question *queue; /* QUEUE of them, guarded memory; a ring */
    size_t first;           /* the oldest */
    size_t answered;        /* from first on: answered, not yet told */
    size_t count;           /* answered and waiting */
};

static void answer(struct pin_worker *w)
{
    struct question *q = &w->queue[(w->first + w->answered) % QUEUE];
    pthread_mutex_unlock(&w->mutex);
    /* The place is this thread's until it is counted as answered. */
    bool is_right = crypto_pwhash_str_verify(q->hash, q->pin, strlen(q->pin)) == 0;
    sodium_memzero(q->pin, sizeof q->pin);
    sodium_memzero(q->hash, sizeof q->hash);
    pthread_mutex_lock(&w->mutex);
    q->is_right = is_right && q->is_known;
    w->answered++;
    loop_post_wake(&w->post);
}

static void *run(void *worker)
{
    struct pin_worker *w = worker;
    pthread_mutex_lock(&w->mutex);
    while (!w->is_closing) {
        if (w->answered < w->count) {
            answer(w);
        } else {
            pthread_cond_wait(&w->wake, &w->mutex);
        }
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

static void on_wake(void *context)
{
    struct pin_worker *w = context;
    pthread_mutex_lock(&w->mutex);
    while (w->answered > 0) {
        struct question *q = &w->queue[w->first];
        void (*on_done)(void *, bool) = q->on_done;
        void *their = q->context;
        bool is_right = q->is_right;
        w->first = (w->first + 1) % QUEUE;
        w->answered--;
        w->count--;
        pthread_mutex_unlock(&w->mutex);
        on_done(their, is_right);
        pthread_mutex_lock(&w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
}

enum err pin_worker_open(struct ev_loop *loop, struct pin_worker **ret_worker)
{
    struct pin_worker *w = calloc(1, sizeof *w);
    if (w == NULL || sodium_init() < 0) {
        free(w);
        return ERR_FULL;
    }
    w->loop = loop;
    w->queue = sodium_allocarray(QUEUE, sizeof *w->queue);
    if (w->queue == NULL) {
        free(w);
        return ERR_FULL;
    }
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->wake, NULL);
    loop_post_open(&w->post, loop, on_wake, w);
    if (pthread_create(&w->thread, NULL, run, w) != 0) {
        loop_post_close(&w->post, loop);
        pthread_cond_destroy(&w->wake);
        pthread_mutex_destroy(&w->mutex);
        sodium_free(w->queue);
        free(w);
        return ERR_FULL;
    }
    *ret_worker = w;
    return ERR_OK;
}

void pin_worker_close(struct pin_worker *w)
{
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->mutex);
    w->is_closing = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    loop_post_close(&w->post, w->loop);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    sodium_free(w->queue);
    free(w);
}

enum err pin_check(struct pin_worker *w, const struct pins *pins, const char *staff,
                   const char *pin, void (*on_done)(void *context, bool is_right), void *context)
{
    pthread_mutex_lock(&w->mutex);
    bool is_full = w->count == QUEUE;
    if (!is_full) {
        struct question *q = &w->queue[(w->first + w->count) % QUEUE];
        const char *hash = pins_hash(pins, staff);
        bool is_short = strlen(pin) <= PIN_MAX; /* a longer one is never right, and takes as long */
        *q = (struct question){
            .is_known = hash != NULL && is_short, .on_done = on_done, .context = context};
        memcpy(q->hash, hash != NULL ? hash : nobody, sizeof q->hash);
        memcpy(q->pin, pin, is_short ? strlen(pin) : PIN_MAX);
        w->count++;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->mutex);
    return is_full ? ERR_FULL : ERR_OK;
}
