/* err.c - words for the results. */
#include "base/err.h"

static const char *const names[ERR_COUNT] = {
    [ERR_OK] = "ok",
    [ERR_MORE] = "more",
    [ERR_NOT_MINE] = "not_mine",
    [ERR_SYNTAX] = "syntax",
    [ERR_CHECKSUM] = "checksum",
    [ERR_RANGE] = "range",
    [ERR_AUTH] = "auth",
    [ERR_UNSUPPORTED] = "unsupported",
    [ERR_DUPLICATE] = "duplicate",
    [ERR_FULL] = "full",
    [ERR_TIMEOUT] = "timeout",
    [ERR_NOT_FOUND] = "not_found",
    [ERR_STATE] = "state",
    [ERR_IO] = "io",
    [ERR_BUG] = "bug",
};

const char *err_name(enum err err)
{
    if (err < 0 || err >= ERR_COUNT) {
        return "bug";
    }
    return names[err];
}
