/* log_counters.c - the counters of the house: a fixed table of name and label, and its Prometheus
 * text.
 *
 * Called by everybody who calls log.h, from any thread; counters_put by the page /metrics. Never
 * allocates; what does not fit the table is counted under "counters_refused".
 */
#include "io/log.h"

#include <pthread.h>
#include <string.h>

enum { COUNTERS_MAX = 256, SLOTS = 512, NAME_ROOM = 64, LABEL_ROOM = 64 };

struct counter {
    char name[NAME_ROOM];
    char label[LABEL_ROOM]; /* empty: none */
    uint64_t value;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct counter counters[COUNTERS_MAX];
static size_t used;
static uint16_t slots[SLOTS]; /* index + 1 into counters, 0: free; never more than half full */
static uint64_t refused;

static size_t slot_of(const char *name, const char *label)
{
    uint32_t hash = 2166136261u; /* FNV-1a; our own names, so no need of a keyed hash */
    for (const char *c = name; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    }
    hash = (hash ^ '|') * 16777619u;
    for (const char *c = label; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    }
    return hash % SLOTS;
}

/* The counter, made if `is_made`; NULL when there is none (and no room for one). */
static struct counter *find(const char *name, const char *label, bool is_made)
{
    char key[NAME_ROOM];
    char of[LABEL_ROOM];
    (void)slice_text(slice_str(name), key, sizeof key);
    (void)slice_text(slice_str(label), of, sizeof of);
    size_t slot = slot_of(key, of);
    while (slots[slot] != 0) {
        struct counter *counter = &counters[slots[slot] - 1];
        if (strcmp(counter->name, key) == 0 && strcmp(counter->label, of) == 0) {
            return counter;
        }
        slot = (slot + 1) % SLOTS;
    }
    if (!is_made || used == COUNTERS_MAX) {
        return NULL;
    }
    struct counter *counter = &counters[used];
    (void)slice_text(slice_str(key), counter->name, sizeof counter->name);
    (void)slice_text(slice_str(of), counter->label, sizeof counter->label);
    slots[slot] = (uint16_t)++used;
    return counter;
}

void count_by(const char *name, const char *label, uint64_t by)
{
    pthread_mutex_lock(&lock);
    struct counter *counter = find(name, label, true);
    if (counter != NULL) {
        counter->value += by;
    } else {
        refused += by;
    }
    pthread_mutex_unlock(&lock);
}

void count(const char *name, const char *label)
{
    count_by(name, label, 1);
}

uint64_t counter_value(const char *name, const char *label)
{
    pthread_mutex_lock(&lock);
    const struct counter *counter = find(name, label, false);
    uint64_t value = counter != NULL ? counter->value : 0;
    pthread_mutex_unlock(&lock);
    return value;
}

static void put_type(struct buf *out, const char *name)
{
    buf_put_str(out, "# TYPE samlarm_");
    buf_put_str(out, name);
    buf_put_str(out, " counter\n");
}

static void put_sample(struct buf *out, const struct counter *counter)
{
    buf_put_str(out, "samlarm_");
    buf_put_str(out, counter->name);
    if (counter->label[0] != '\0') {
        buf_put_str(out, "{of=\"");
        for (const char *c = counter->label; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\') {
                buf_put_u8(out, '\\');
            }
            buf_put_u8(out, *c == '\n' ? ' ' : (uint8_t)*c);
        }
        buf_put_str(out, "\"}");
    }
    buf_put_u8(out, ' ');
    buf_put_u64(out, counter->value);
    buf_put_u8(out, '\n');
}

/* Prometheus wants all samples of a name together, below one TYPE line. */
void counters_put(struct buf *out)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < used; i++) {
        bool is_first = true;
        for (size_t k = 0; k < i && is_first; k++) {
            is_first = strcmp(counters[k].name, counters[i].name) != 0;
        }
        if (!is_first) {
            continue;
        }
        put_type(out, counters[i].name);
        for (size_t k = i; k < used; k++) {
            if (strcmp(counters[k].name, counters[i].name) == 0) {
                put_sample(out, &counters[k]);
            }
        }
    }
    if (refused > 0) {
        struct counter full = {.name = "counters_refused", .value = refused};
        put_type(out, full.name);
        put_sample(out, &full);
    }
    pthread_mutex_unlock(&lock);
}
