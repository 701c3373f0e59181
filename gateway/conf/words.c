/* words.c - single values: identifiers, labels, numbers, times of day, weekdays, addresses.
 *
 * Called by the readers. The checks that can be said in general say it; the others only answer.
 */
#include "conf/load.h"

#include <string.h>

bool word_id(struct load *load, enum file file, int line, const char *what, const char *text,
             size_t room)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (text == NULL || *text == '\0') {
        fault(load, file, line, "%s is missing; give a short name of a-z, 0-9 and -.", what);
        return false;
    }
    if (text[strspn(text, allowed)] != '\0') {
        fault(load, file, line,
              "%s `%.40s` becomes part of an address on the bus: use only a-z, 0-9 and -.", what,
              text);
        return false;
    }
    if (strlen(text) >= room) {
        fault(load, file, line, "%s `%.60s` is longer than %zu characters; shorten it.", what, text,
              room - 1);
        return false;
    }
    return true;
}

bool word_label(struct load *load, enum file file, int line, const char *what, const char *text,
                char *ret_text, size_t room)
{
    if (text == NULL || *text == '\0') {
        fault(load, file, line, "%s is missing; write one.", what);
        return false;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            fault(load, file, line,
                  "%s has a line break or another invisible character in it; write it on one line.",
                  what);
            return false;
        }
    }
    if (slice_text(slice_str(text), ret_text, room) != ERR_OK) {
        fault(load, file, line, "%s `%.60s` is longer than %zu bytes; shorten it.", what, text,
              room - 1);
        return false;
    }
    return true;
}

bool word_number(const char *text, int64_t *ret_value)
{
    bool is_negative = *text == '-';
    uint64_t digits = 0;
    if (slice_u64(slice_str(text + (is_negative ? 1 : 0)), INT32_MAX, &digits) != ERR_OK) {
        return false;
    }
    *ret_value = is_negative ? -(int64_t)digits : (int64_t)digits;
    return true;
}

/* "7:00" or "07:00", up to "24:00". */
static bool minute_of(struct slice text, int *ret_minute)
{
    struct slice rest = slice_trim(text);
    struct slice hours = slice_cut(&rest, ':');
    uint64_t h = 0;
    uint64_t m = 0;
    if (hours.len > 2 || rest.len != 2 || slice_u64(hours, 24, &h) != ERR_OK ||
        slice_u64(rest, 59, &m) != ERR_OK || (h == 24 && m > 0)) {
        return false;
    }
    *ret_minute = (int)(h * 60 + m);
    return true;
}

bool word_times(const char *text, int *ret_from, int *ret_to)
{
    struct slice rest = slice_str(text);
    struct slice from = slice_cut(&rest, '-');
    int from_minute = 0;
    int to_minute = 0;
    if (!minute_of(from, &from_minute) || !minute_of(rest, &to_minute) || from_minute >= 1440) {
        return false;
    }
    to_minute %= 1440; /* "18:00-24:00" ends where the day does */
    if (from_minute == to_minute) {
        return false;
    }
    *ret_from = from_minute;
    *ret_to = to_minute;
    return true;
}

static bool weekday_of(struct slice text, unsigned *ret_day)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    static const char *const swedish[] = {"mån", "tis", "ons", "tors", "fre", "lör", "sön"};
    for (unsigned i = 0; i < 7; i++) {
        if (slice_eq_nocase(text, days[i]) || slice_eq_nocase(text, swedish[i])) {
            *ret_day = i;
            return true;
        }
    }
    return false;
}

bool word_days(const char *text, unsigned *ret_weekdays)
{
    struct slice rest = slice_str(text);
    unsigned mask = 0;
    while (rest.len > 0) {
        struct slice part = slice_trim(slice_cut(&rest, ','));
        struct slice first = slice_trim(slice_cut(&part, '-'));
        struct slice last = slice_trim(part);
        unsigned from = 0;
        unsigned to = 0;
        if (!weekday_of(first, &from) || !weekday_of(last.len == 0 ? first : last, &to)) {
            return false;
        }
        for (unsigned day = from;; day = (day + 1) % 7) { /* "fri-mon" goes over the weekend */
            mask |= 1U << day;
            if (day == to) {
                break;
            }
        }
    }
    *ret_weekdays = mask;
    return mask != 0;
}

bool word_address(const char *text, size_t *ret_host_len, int *ret_port)
{
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    if (colon == NULL || colon == text || strlen(text) >= CONF_ADDRESS_ROOM ||
        slice_u64(slice_str(colon + 1), 65535, &port) != ERR_OK || port == 0) {
        return false;
    }
    size_t host_len = (size_t)(colon - text);
    bool is_bracketed = text[0] == '[' && text[host_len - 1] == ']' && host_len > 2;
    for (size_t i = 0; i < host_len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-';
        bool is_six = is_bracketed && (c == ':' || c == '[' || c == ']' || c == '%');
        if (!is_word && !is_six) {
            return false;
        }
    }
    *ret_host_len = host_len;
    *ret_port = (int)port;
    return true;
}
