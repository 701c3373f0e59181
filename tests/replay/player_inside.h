/* player_inside.h - what player.c (driving) and player_expect.c (comparing) share. Nobody else sees
 * it. */
#pragma once

#include "replay/player.h"

enum { SENT_MAX = 16384, ITEMS_MAX = 128, ITEM_BYTES = 2048, WAITING_MAX = 64 };

/* One thing that the adapter wanted done, kept until the file names it. */
struct item {
    enum out_type type;
    bool is_named;
    int status;
    uint32_t tag;
    struct alarm alarm;
    uint8_t bytes[ITEM_BYTES];
    size_t len;
    char topic[128]; /* PUBLISH */
};

struct player {
    const char *path;
    const struct transcript *transcript;
    const struct adapter *adapter;
    struct adapter_options options;
    void *session;
    struct now now;
    int64_t wake_ms;
    struct outbox out;
    uint8_t sent[SENT_MAX]; /* by OUT_SEND, not yet named by the file */
    size_t sent_len;
    uint8_t input[SENT_MAX]; /* not yet consumed */
    size_t input_len;
    struct item items[ITEMS_MAX];
    size_t item_count;
    size_t waiting[WAITING_MAX]; /* items that wait for a receipt, oldest first */
    size_t waiting_count;
    struct alarm last_alarm;
    uint32_t last_request_tag;
    enum err last_err;
    uint64_t exchange;
    bool is_bad;
    char *texts[ADAPTER_OPTIONS_MAX];
    char models[TRANSCRIPT_DEVICES_MAX][40];
};

/* A line to stderr, and the play is lost. */
void player_complain(struct player *p, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* `>`, `!` and `x`: compares with what was collected. */
void player_expect(struct player *p, const struct transcript_step *step);
/* Before something new happens, and at the end: nothing that the file did not name (notes may). */
void player_expect_nothing_more(struct player *p, int line);
