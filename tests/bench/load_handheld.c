/* load_handheld.c - handhelds: log in, websocket, on duty, and the moment an alarm is shown to its carer.
 *
 * Carer k serves unit k and gets the alarms of that unit's devices. The log-in is made with the gateway's
 * own key instead of a PIN, because a thousand Argon2id hashes are not what is measured. Idle ones say
 * hello and nothing more. Framing is our own: text frames, ping, close; masked with zeros.
 */
#include "load.h"

#include "io/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 18, FIRST_STAFF = 1000, SESSION_MS = 3600 * 1000, REPLY_MAX = 4096 };
enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

struct handheld {
    struct load_watch watch;
    uint8_t *input;
    size_t len;
};

static struct handheld *handhelds;
static size_t handheld_count;

static void put(int fd, const void *bytes, size_t len)
{
    if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len) {
        load_fail("the gateway closed a handheld's connection", "");
    }
}

static void put_frame(int fd, int op, const char *text)
{
    uint8_t frame[512] = {0};
    size_t len = strlen(text);
    size_t at = 2;
    frame[0] = (uint8_t)(0x80 | op);
    if (len < 126) {
        frame[1] = (uint8_t)(0x80 | len);
    } else {
        frame[1] = 0x80 | 126;
        frame[2] = (uint8_t)(len >> 8);
        frame[3] = (uint8_t)len;
        at = 4;
    }
    if (at + 4 + len > sizeof frame) {
        load_fail("a handheld's frame is too long", "");
    }
    memcpy(frame + at + 4, text, len);
    put(fd, frame, at + 4 + len);
}

/* --- setting up, blocking ------------------------------------------------------------------------- */

/* Until the end of the head, or of the connection. */
static void get_reply(int fd, bool is_whole, char *ret_text)
{
    size_t len = 0;
    ret_text[0] = '\0';
    while (len < REPLY_MAX - 1 && (is_whole || strstr(ret_text, "\r\n\r\n") == NULL)) {
        /* byte by byte where frames may follow the head */
        ssize_t got = recv(fd, ret_text + len, is_whole ? REPLY_MAX - 1 - len : 1, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        ret_text[len] = '\0';
    }
}

static void get_ticket(const struct load *load, const char *cookie, char *ret_ticket)
{
    char text[REPLY_MAX];
    int fd = load_connect(load->settings.web, false);
    int len =
        snprintf(text, sizeof text,
                 "POST /ticket HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nCookie: samlarm=%s\r\n"
                 "Content-Length: 0\r\nConnection: close\r\n\r\n",
                 load->settings.web, load->settings.web, cookie);
    put(fd, text, (size_t)len);
    get_reply(fd, true, text);
    close(fd);
    const char *ticket = strstr(text, "{\"ticket\":\"");
    if (ticket == NULL || sscanf(ticket, "{\"ticket\":\"%32[0-9a-f]", ret_ticket) != 1) {
        load_fail("the gateway gave no ticket but", text);
    }
}

static int upgrade(const struct load *load, const char *cookie)
{
    char text[REPLY_MAX];
    int fd = load_connect(load->settings.web, false);
    int len = snprintf(text, sizeof text,
                       "GET /ws HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nCookie: samlarm=%s\r\n"
                       "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                       "Sec-WebSocket-Protocol: samlarm.v1\r\n\r\n",
                       load->settings.web, load->settings.web, cookie);
    put(fd, text, (size_t)len);
    get_reply(fd, false, text);
    if (strncmp(text, "HTTP/1.1 101", 12) != 0) {
        load_fail("the gateway opened no websocket but said", text);
    }
    return fd;
}

static void log_in(const struct load *load, struct keys *keys, size_t number)
{
    char token[256];
    char staff[16];
    char ticket[40] = "";
    char text[160];
    struct handheld *handheld = &handhelds[number];
    struct buf out = buf_of(token, sizeof token - 1);
    snprintf(staff, sizeof staff, "%zu", FIRST_STAFF + number);
    if (keys_token_make(keys, "handheld", staff, loop_now().wall_ms + SESSION_MS, &out) != ERR_OK) {
        load_fail("no session token for", staff);
    }
    const char *cookie = buf_cstr(&out);
    get_ticket(load, cookie, ticket);
    handheld->watch.fd = upgrade(load, cookie);
    handheld->input = malloc(INPUT_MAX);
    if (handheld->input == NULL) {
        load_fail("out of memory", "");
    }
    snprintf(text, sizeof text, "{\"hello\":{\"ticket\":\"%s\",\"language\":\"sv\"}}", ticket);
    put_frame(handheld->watch.fd, OP_TEXT, text);
    if (number < load->settings.carers) {
        snprintf(text, sizeof text, "{\"id\":\"d\",\"duty\":{\"on\":true,\"unit\":\"u%zu\"}}",
                 number);
        put_frame(handheld->watch.fd, OP_TEXT, text);
        put_frame(handheld->watch.fd, OP_TEXT,
                  "{\"ready\":{\"visible\":true,\"sound\":true,\"battery\":90}}");
    }
}

/* --- hearing -------------------------------------------------------------------------------------- */

/* The first reference in the text counts as shown, when it is of this run; returns what is behind it. */
static const char *take_reference(struct load *load, const char *text, const char *end)
{
    static const char key[] = "\"reference\":\"";
    enum { DIGITS = 14 };
    char digits[DIGITS + 1] = "";
    unsigned run = 0;
    size_t index = 0;
    const char *at = memmem(text, (size_t)(end - text), key, sizeof key - 1);
    if (at == NULL || (size_t)(end - at) < sizeof key - 1 + DIGITS) {
        return end;
    }
    at += sizeof key - 1;
    memcpy(digits, at, DIGITS);
    if (sscanf(digits, "%8X%6zX", &run, &index) == 2 && run == load->run) {
        load_seen(load, index);
    }
    return at + DIGITS;
}

/* Shown means: this carer is asked. The frame that only says that the case exists does not count. A
 * handheld that was behind gets one snapshot instead of the frames: all cases in it are shown. */
static void take_text(struct load *load, const char *text, size_t len)
{
    static const char case_[] = "{\"case\":";
    static const char snapshot[] = "{\"snapshot\":";
    static const char mine[] = "\"mine\":true";
    const char *end = text + len;
    if (len > sizeof case_ && memcmp(text, case_, sizeof case_ - 1) == 0) {
        if (memmem(text, len, mine, sizeof mine - 1) != NULL) {
            (void)take_reference(load, text, end);
        }
    } else if (len > sizeof snapshot && memcmp(text, snapshot, sizeof snapshot - 1) == 0) {
        while (text < end) {
            text = take_reference(load, text, end);
        }
    }
}

/* One whole frame of the server, which never masks; 0: more is needed. */
static size_t take_frame(struct load *load, struct handheld *handheld, const uint8_t *at,
                         size_t len)
{
    size_t head = 2;
    if (len < head) {
        return 0;
    }
    size_t size = at[1] & 0x7f;
    head = size < 126 ? 2 : size == 126 ? 4 : 10;
    if (len < head) {
        return 0;
    }
    if (head > 2) {
        size = 0;
        for (size_t i = 2; i < head; i++) {
            size = size << 8 | at[i];
        }
    }
    if (size > INPUT_MAX - head) {
        load_fail("the gateway sent a frame that is too long", "");
    }
    if (len < head + size) {
        return 0;
    }
    int op = at[0] & 0x0f;
    if (op == OP_CLOSE) {
        char why[126];
        snprintf(why, sizeof why, "%.*s", size > 2 ? (int)size - 2 : 0,
                 (const char *)at + head + 2);
        load_fail("the gateway closed a handheld's websocket and says:", why);
    } else if (op == OP_PING) {
        put_frame(handheld->watch.fd, OP_PONG, "");
    } else {
        take_text(load, (const char *)at + head, size);
    }
    return head + size;
}

static void on_readable(struct load *load, struct load_watch *watch)
{
    struct handheld *handheld = (struct handheld *)watch;
    ssize_t got =
        recv(watch->fd, handheld->input + handheld->len, INPUT_MAX - handheld->len, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        load_fail("the gateway cut a handheld's connection", "");
    }
    handheld->len += got > 0 ? (size_t)got : 0;
    size_t used = 0;
    size_t step = 0;
    do {
        step = take_frame(load, handheld, handheld->input + used, handheld->len - used);
        used += step;
    } while (step > 0);
    memmove(handheld->input, handheld->input + used, handheld->len - used);
    handheld->len -= used;
}

void handhelds_open(struct load *load)
{
    char why[256] = "";
    struct keys *keys = NULL;
    if (keys_open(load->settings.state, &keys, why, sizeof why) != ERR_OK) {
        load_fail("the gateway's keys:", why);
    }
    handheld_count = load->settings.carers + load->settings.idle;
    handhelds = calloc(handheld_count, sizeof *handhelds);
    if (handhelds == NULL) {
        load_fail("out of memory", "");
    }
    for (size_t i = 0; i < handheld_count; i++) {
        log_in(load, keys, i);
        handhelds[i].watch.on_readable = on_readable;
        load_watch(load, &handhelds[i].watch);
    }
    keys_close(keys);
}

void handhelds_beat(struct load *load)
{
    for (size_t i = 0; i < load->settings.carers; i++) {
        put_frame(handhelds[i].watch.fd, OP_TEXT, "{\"heartbeat\":{}}");
    }
}
