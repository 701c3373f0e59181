/* transcript.h - recorded conversations: the `.case` files, text -> steps.
 *
 * One file serves five: replay against the adapter, fuzz seeds, the simulated devices (which say
 * `<` and expect `>`), the bench (the other way round) and the reader. Never does anything by
 * itself.
 *
 *   # comment
 *   adapter espa444                        whose conversation it is
 *   option role station                    of the port
 *   role listen                            or dial; listen when the file is silent
 *   device KEY model=M secret=hex:0102     what the municipality's lists say (also sequence=N)
 *   wall 2026-11-25T10:00:00Z              the time of day when it begins
 *   <  "\x012..." hex 01 31 ??             from the device (TCP, UDP: bytes)
 *   <  "<mrq>...</mrq>" type=application/scaip+xml identity=26317   (SIP: body of one MESSAGE)
 *   <  "{...}" topic=a/b                   (MQTT: payload of one message)
 *   <  "{...}" header-signature=abc        (HTTP: body of one POST; headers by their option)
 *   <  hex 00 01                           (Modbus: one byte an input)   <  silence
 *   <  answer 200 "<mrs>...</mrs>"         (SIP: what the other side said to our last request)
 *   >  "\x06"                              from us; ?? is any byte, * at the end any rest
 *   >  answer 200 "<mrs>...</mrs>"         (SIP, HTTP)
 *   >  request "<mrs>...</mrs>"            (SIP: an own MESSAGE)
 *   >  publish a/b "..."                   (MQTT)
 *   >  hang_up
 *   !  kind=help device=26317 phase=raised the alarm that must be understood, field by field
 *   !  alive device=26317                  a sign of life
 *   !  note word                           a remark
 *   !  delivered                           or refused: what became of a delivery to a centre
 *   =  stored                              or refused, duplicate: what the journal says to what
 *                                          was raised first and has no receipt yet
 *   @  2000                                so many milliseconds pass
 *   x  checksum                            the verdict on the bytes of the last `<`
 *   ?  accepted                            the case of the last alarm changed so (change_word)
 *   ?  deliver kind=help device=26317      a case to hand over (a port that dials)
 *
 * Values with blanks are quoted. In quotes: \r \n \t \\ \" \? \* \xNN as in C.
 */
#pragma once

#include "base/bytes.h"

enum {
    TRANSCRIPT_MAX = 65536 * 4, /* bytes of a file */
    TRANSCRIPT_STEPS_MAX = 512,
    TRANSCRIPT_OPTIONS_MAX = 16,
    TRANSCRIPT_DEVICES_MAX = 8,
    TRANSCRIPT_PAIRS_MAX = 16, /* key=value on one line */
    TRANSCRIPT_WHY_ROOM = 160
};

enum transcript_type {
    TRANSCRIPT_IN,      /* <  */
    TRANSCRIPT_OUT,     /* >  */
    TRANSCRIPT_ALARM,   /* !  */
    TRANSCRIPT_JOURNAL, /* =  */
    TRANSCRIPT_TIME,    /* @  */
    TRANSCRIPT_VERDICT, /* x  */
    TRANSCRIPT_STATUS   /* ?  */
};

enum transcript_verb {
    TRANSCRIPT_BYTES,  /* < or > with bytes only */
    TRANSCRIPT_ANSWER, /* .status, and bytes when has_bytes */
    TRANSCRIPT_REQUEST,
    TRANSCRIPT_HANG_UP,
    TRANSCRIPT_PUBLISH, /* .word is the topic */
    TRANSCRIPT_EVENT,   /* ! key=value */
    TRANSCRIPT_ALIVE,
    TRANSCRIPT_NOTE,
    TRANSCRIPT_DELIVERED,
    TRANSCRIPT_REFUSED,
    TRANSCRIPT_WORD /* = x ? : .word */
};

struct transcript_pair {
    struct slice key;
    struct slice value;
};

struct transcript_step {
    enum transcript_type type;
    enum transcript_verb verb;
    int line;
    bool has_bytes;
    bool is_open_ended;    /* `*`: whatever follows */
    struct slice bytes;    /* decoded; where is_any says 1 the byte is not looked at */
    const uint8_t *is_any; /* one per byte, or NULL when there is no ?? */
    int status;            /* ANSWER */
    int64_t ms;            /* TIME */
    struct slice word;     /* WORD, NOTE */
    struct transcript_pair pairs[TRANSCRIPT_PAIRS_MAX];
    size_t pair_count;
};

/* device KEY model=M secret=HEX|text sequence=N: what the municipality's lists say of it */
struct transcript_device {
    struct slice key;
    struct slice model;
    struct slice secret; /* "hex 01 02": decoded; else the text itself */
    uint64_t sequence;
};

struct transcript {
    struct slice adapter;
    struct transcript_pair options[TRANSCRIPT_OPTIONS_MAX];
    size_t option_count;
    struct transcript_device devices[TRANSCRIPT_DEVICES_MAX];
    size_t device_count;
    int64_t wall_ms;  /* of the first step; 0: the file does not say */
    bool is_dialling; /* role dial; the default is listen */
    struct transcript_step *steps;
    size_t step_count;
};

/* Bytes of arena that a file of this length can need. */
size_t transcript_arena(size_t text_len);

/* The whole file; what *ret_transcript shows lives in the arena and in `text`. On failure *ret_line is the
 * line and `why` a plain sentence. */
enum err transcript_parse(struct slice text, struct arena *arena, struct transcript *ret_transcript,
                          int *ret_line, char why[TRANSCRIPT_WHY_ROOM]) MUST_USE;

/* Do these bytes say what the step says? */
bool transcript_matches(const struct transcript_step *step, struct slice bytes);
/* For streams: how many bytes at the front of `bytes` are this step. ERR_MORE while it could still
 * become one, ERR_SYNTAX at the first byte that differs. An open-ended step takes all there is. */
struct verdict transcript_take(const struct transcript_step *step, struct slice bytes) MUST_USE;
/* The value of a key on a step's line; *ret_value is left alone when there is none. */
bool transcript_pair(const struct transcript_step *step, const char *key, struct slice *ret_value);
