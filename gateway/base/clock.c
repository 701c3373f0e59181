/* clock.c - calendar arithmetic on passed-in time. Pure. */
#include "base/clock.h"

#define DAY_MS 86400000LL

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return a % b < 0 ? q - 1 : q;
}

/* Eras of 400 years that begin on 1 March, so that the leap day is the last of its year. */
int64_t clock_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *ret_year = (int)(yoe + era * 400 + (*ret_month <= 2));
}

/* 01:00 UTC on the last Sunday of the month, in ms. */
static int64_t switch_ms(int year, int month)
{
    int64_t last = clock_days(year, month, 31);
    int64_t weekday = ((last + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday: 3 from Monday */
    return (last - (weekday + 1) % 7) * DAY_MS + 3600000;
}

struct local_time clock_local(int64_t wall_ms)
{
    struct local_time t = {0};
    civil(floor_div(wall_ms, DAY_MS), &t.year, &t.month, &t.day);
    bool is_summer = wall_ms >= switch_ms(t.year, 3) && wall_ms < switch_ms(t.year, 10);
    t.offset_min = is_summer ? 120 : 60;
    int64_t local_ms = wall_ms + t.offset_min * 60000LL;
    int64_t days = floor_div(local_ms, DAY_MS);
    civil(days, &t.year, &t.month, &t.day);
    t.weekday = (int)(((days + 3) % 7 + 7) % 7);
    t.minute = (int)((local_ms - days * DAY_MS) / 60000);
    return t;
}

void clock_put_utc(struct buf *b, int64_t wall_ms)
{
    int year = 0;
    int month = 0;
    int day = 0;
    int64_t days = floor_div(wall_ms, DAY_MS);
    uint64_t ms = (uint64_t)(wall_ms - days * DAY_MS);
    civil(days, &year, &month, &day);
    buf_put_padded(b, (uint64_t)(year < 0 ? 0 : year), 4);
    buf_put_u8(b, '-');
    buf_put_padded(b, (uint64_t)month, 2);
    buf_put_u8(b, '-');
    buf_put_padded(b, (uint64_t)day, 2);
    buf_put_u8(b, 'T');
    buf_put_padded(b, ms / 3600000, 2);
    buf_put_u8(b, ':');
    buf_put_padded(b, ms / 60000 % 60, 2);
    buf_put_u8(b, ':');
    buf_put_padded(b, ms / 1000 % 60, 2);
    buf_put_u8(b, '.');
    buf_put_padded(b, ms % 1000, 3);
    buf_put_u8(b, 'Z');
}

/* Takes `digits` digits off *rest and then, unless it is 0, the mark `after`. */
static enum err take(struct slice *rest, size_t digits, char after, int *ret_value)
{
    uint64_t value = 0;
    size_t need = digits + (after == 0 ? 0 : 1);
    if (rest->len < need || slice_u64(slice_of(rest->at, digits), 9999, &value) != ERR_OK ||
        (after != 0 && rest->at[digits] != (uint8_t)after)) {
        return ERR_SYNTAX;
    }
    *rest = slice_from(*rest, need);
    *ret_value = (int)value;
    return ERR_OK;
}

/* ".123456": milliseconds, the rest of the digits is dropped. */
static int take_fraction(struct slice *rest)
{
    int ms = 0;
    if (rest->len == 0 || (rest->at[0] != '.' && rest->at[0] != ',')) {
        return 0;
    }
    *rest = slice_from(*rest, 1);
    for (int scale = 100; rest->len > 0 && rest->at[0] >= '0' && rest->at[0] <= '9'; scale /= 10) {
        ms += (rest->at[0] - '0') * scale;
        *rest = slice_from(*rest, 1);
    }
    return ms;
}

static enum err take_zone(struct slice rest, int *ret_offset_min)
{
    int hours = 0;
    int minutes = 0;
    if (rest.len == 0 || slice_eq_str(rest, "Z") || slice_eq_str(rest, "z")) {
        *ret_offset_min = 0;
        return ERR_OK;
    }
    int sign = rest.at[0] == '-' ? -1 : rest.at[0] == '+' ? 1 : 0;
    rest = slice_from(rest, 1);
    if (sign == 0 || take(&rest, 2, 0, &hours) != ERR_OK) {
        return ERR_SYNTAX;
    }
    if (rest.len > 0 && rest.at[0] == ':') {
        rest = slice_from(rest, 1);
    }
    if (rest.len > 0 && take(&rest, 2, 0, &minutes) != ERR_OK) {
        return ERR_SYNTAX;
    }
    if (rest.len > 0 || hours > 14 || minutes > 59) {
        return ERR_SYNTAX;
    }
    *ret_offset_min = sign * (hours * 60 + minutes);
    return ERR_OK;
}

enum err clock_parse(struct slice text, int64_t *ret_wall_ms)
{
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int offset_min = 0;
    struct slice rest = slice_trim(text);
    if (take(&rest, 4, '-', &year) != ERR_OK || take(&rest, 2, '-', &month) != ERR_OK ||
        take(&rest, 2, 'T', &day) != ERR_OK || take(&rest, 2, ':', &hour) != ERR_OK ||
        take(&rest, 2, ':', &minute) != ERR_OK || take(&rest, 2, 0, &second) != ERR_OK) {
        return ERR_SYNTAX;
    }
    int ms = take_fraction(&rest);
    if (take_zone(rest, &offset_min) != ERR_OK) {
        return ERR_SYNTAX;
    }
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) {
        return ERR_RANGE;
    }
    int64_t minutes = (clock_days(year, month, day) * 24 + hour) * 60 + minute - offset_min;
    *ret_wall_ms = (minutes * 60 + second) * 1000 + ms;
    return ERR_OK;
}
