/* err.h - the one list of results of the whole house.
 *
 * Every function that can fail answers with enum err, or, when it looked at bytes, with struct
 * verdict: what, and at which byte. Nothing here allocates, logs or keeps state.
 */
#pragma once

#include <stddef.h>

enum err {
    ERR_OK = 0,
    ERR_MORE,        /* the bytes so far are good, and not all */
    ERR_NOT_MINE,    /* another dialect's bytes */
    ERR_SYNTAX,      /* mine, and broken */
    ERR_CHECKSUM,    /* mine, and damaged on the way */
    ERR_RANGE,       /* a value outside its bounds */
    ERR_AUTH,        /* not allowed, or not who it says */
    ERR_UNSUPPORTED, /* understood, and not done here */
    ERR_DUPLICATE,   /* known already: harmless, answer as the first time */
    ERR_FULL,        /* a stated ceiling was reached */
    ERR_TIMEOUT,     /* the other side was silent too long */
    ERR_NOT_FOUND,   /* no such thing */
    ERR_STATE,       /* right, but not now (close before accept, a lost race) */
    ERR_IO,          /* disk or network refused */
    ERR_BUG,         /* ours */
    ERR_COUNT
};

/* What a parser says: an error, and at which byte of its input. After ERR_OK `at` is the number of
 * bytes that belonged to the value. */
struct verdict {
    enum err err;
    size_t at;
};

#define MUST_USE __attribute__((warn_unused_result))

static inline struct verdict verdict_at(enum err err, size_t at)
{
    return (struct verdict){err, at};
}

/* A stable lower-case word ("not_mine"), for logs, counters and .case files. Never NULL. */
const char *err_name(enum err err);
