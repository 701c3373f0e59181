/* clock.h - time as a value: passed in, never read here.
 *
 * Two clocks, never mixed: wall_ms (UTC, Unix epoch; for records and for deadlines that survive a
 * restart) and mono_ms (for durations inside one life of the process).
 */
#pragma once

#include "base/bytes.h"

struct now {
    int64_t wall_ms;
    int64_t mono_ms;
};

/* A moment on the wall clock of Sweden (CET, CEST by the EU rule of 1996: last Sundays of March and
 * October at 01:00 UTC), for "time of week" in plans. */
struct local_time {
    int year;
    int month;      /* 1..12 */
    int day;        /* 1..31 */
    int weekday;    /* 0 Monday .. 6 Sunday */
    int minute;     /* of the day, 0..1439 */
    int offset_min; /* east of UTC: 60 or 120 */
};

struct local_time clock_local(int64_t wall_ms);

/* "2026-11-22T14:03:07.123Z"; */
void clock_put_utc(struct buf *b, int64_t wall_ms);

/* ISO 8601 with `Z` or a zone offset, fraction optional: "2014-05-01T12:00:00+02:00". */
enum err clock_parse(struct slice text, int64_t *ret_wall_ms) MUST_USE;

/* Days since 1970-01-01 of a civil date in the Gregorian calendar. */
int64_t clock_days(int year, int month, int day);
