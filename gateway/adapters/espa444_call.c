/* espa444_call.c - what a call to a pager means: block -> alarm.
 *
 * Called by adapters/espa444.c. Never keeps state. The rules that differ from house to house (which
 * word stands for which kind, which word announces the place) are options of the port.
 */
#include "adapters/espa444_call.h"

#include "adapters/kind_words.h"

#include <string.h>

static bool is_mark(uint8_t c)
{
    return c == ' ' || c == ':' || c == '.' || c == ',' || c == ';' || c == '#' || c == '/';
}

/* The token behind the place word: "LARM RUM 12B" gives "12B". Empty when there is none. */
static struct slice place_of(struct slice text, struct slice place_word)
{
    for (size_t at = 0; at < text.len && place_word.len > 0; at++) {
        bool is_word_start = at == 0 || is_mark(text.at[at - 1]);
        size_t end = at + place_word.len;
        if (!is_word_start || !kind_words_stands_at(text, at, place_word) || end >= text.len) {
            continue;
        }
        if (!is_mark(text.at[end])) {
            continue;
        }
        while (end < text.len && is_mark(text.at[end])) {
            end++;
        }
        size_t len = 0;
        while (end + len < text.len && !is_mark(text.at[end + len])) {
            len++;
        }
        return slice_of(text.at + end, len);
    }
    return slice_of(NULL, 0);
}

/* Record 6: 1 alarm, 2 high, 3 normal; anything else says nothing. */
static enum class_ class_of(int priority, enum kind kind)
{
    switch (priority) {
    case ESPA444_PRIORITY_ALARM:
        return CLASS_LIFE;
    case ESPA444_PRIORITY_HIGH:
        return CLASS_URGENT;
    default:
        return kind_class(kind);
    }
}

enum err espa444_fill_alarm(const struct espa444_block *block,
                            const struct espa444_call_rules *rules, struct alarm *alarm)
{
    const struct espa444_line *line = &rules->line;
    uint8_t bytes[ESPA444_BLOCK_MAX * 2];
    struct buf text = buf_of(bytes, sizeof bytes);
    espa444_text(espa444_find(block, ESPA444_DISPLAY), line, &text);
    (void)slice_text(buf_slice(&text), alarm->text, sizeof alarm->text);

    uint8_t device_bytes[DEVICE_ROOM * 2];
    struct buf device = buf_of(device_bytes, sizeof device_bytes);
    espa444_text(espa444_find(block, ESPA444_CALL_ADDRESS), line, &device);
    bool has_address = device.len > 0;
    if (!has_address) {
        device = buf_of(device_bytes, sizeof device_bytes);
        buf_put_str(&device, "-");
    }
    struct slice place = place_of(buf_slice(&text), rules->place_word);
    if (place.len > 0) {
        buf_put_str(&device, "/");
        buf_put_slice(&device, place);
    }
    (void)slice_text(buf_slice(&device), alarm->device, sizeof alarm->device);

    bool is_reset = espa444_number(block, line, ESPA444_CALL_TYPE) == ESPA444_TYPE_RESET;
    alarm->phase = is_reset ? PHASE_RESTORED : PHASE_RAISED;
    alarm->kind = kind_words_kind(rules->kinds, buf_slice(&text));
    alarm->class_ = class_of(espa444_number(block, line, ESPA444_PRIORITY), alarm->kind);
    return has_address ? ERR_OK : ERR_NOT_FOUND;
}

/* FNV-1a: tells contents apart, protects nothing. */
static uint64_t add_hash(uint64_t hash, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        hash = (hash ^ bytes.at[i]) * 0x100000001b3u;
    }
    return hash;
}

uint64_t espa444_content_hash(const struct espa444_block *block, const struct espa444_line *line)
{
    uint64_t hash = 0xcbf29ce484222325u;
    hash = add_hash(hash, slice_of(&block->header, 1));
    for (size_t i = 0; i < block->count; i++) {
        uint8_t bytes[ESPA444_BLOCK_MAX * 2];
        struct buf text = buf_of(bytes, sizeof bytes);
        buf_put_u64(&text, block->records[i].id);
        buf_put_u8(&text, '=');
        espa444_text(block->records[i].data, line, &text);
        buf_put_u8(&text, '\n');
        hash = add_hash(hash, buf_slice(&text));
    }
    return hash;
}

void espa444_put_reference(const struct espa444_block *block, const struct espa444_line *line,
                           int64_t window, struct buf *out)
{
    uint8_t address_bytes[ESPA444_BLOCK_MAX * 2];
    struct buf address = buf_of(address_bytes, sizeof address_bytes);
    espa444_text(espa444_find(block, ESPA444_CALL_ADDRESS), line, &address);
    char text[ESPA444_ADDRESS_MAX + 1];
    (void)slice_text(buf_slice(&address), text, sizeof text);
    buf_put_str(out, text);
    buf_put_str(out, "-");
    uint64_t hash = espa444_content_hash(block, line);
    for (int shift = 56; shift >= 0; shift -= 8) {
        uint8_t byte = (uint8_t)(hash >> shift);
        buf_put_hex(out, slice_of(&byte, 1));
    }
    buf_put_str(out, "-");
    buf_put_i64(out, window);
}

struct slice espa444_reference_address(struct slice reference)
{
    unsigned dashes = 0;
    for (size_t len = reference.len; len > 0; len--) {
        if (reference.at[len - 1] == '-') {
            dashes++;
            if (dashes == 2) {
                return slice_of(reference.at, len - 1);
            }
        }
    }
    return slice_of(NULL, 0);
}
