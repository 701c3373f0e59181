/* topic.c - the addresses of the bus. Called by the turn. Pure. */
#include "alarm/topic.h"

static void put_level(struct buf *out, const char *level)
{
    buf_put_u8(out, '/');
    if (level[0] == '\0') {
        buf_put_u8(out, '-');
    }
    for (const char *c = level; *c != '\0'; c++) {
        bool is_special = *c == '+' || *c == '#' || *c == '/' || (*c > 0 && *c < 0x20);
        buf_put_u8(out, is_special ? (uint8_t)'_' : (uint8_t)*c);
    }
}

static void put_root(struct buf *out, const char *municipality)
{
    buf_put_str(out, "samlarm/1");
    put_level(out, municipality);
}

enum err topic_event(const char *municipality, const struct alarm *event, struct buf *out)
{
    put_root(out, municipality);
    buf_put_str(out, "/event");
    put_level(out, form_word(event->form));
    put_level(out, event->unit);
    put_level(out, event->device);
    return out->is_full ? ERR_FULL : ERR_OK;
}

enum err topic_case(const char *municipality, const struct case_value *c, struct buf *out)
{
    put_root(out, municipality);
    buf_put_str(out, "/case");
    put_level(out, c->unit);
    buf_put_u8(out, '/');
    buf_put_hex(out, slice_of(c->id.at, ALARM_ID_LEN));
    return out->is_full ? ERR_FULL : ERR_OK;
}

enum err topic_of(const char *municipality, const char *rest, struct buf *out)
{
    put_root(out, municipality);
    buf_put_u8(out, '/');
    buf_put_str(out, rest);
    return out->is_full ? ERR_FULL : ERR_OK;
}

enum err topic_rest(const char *municipality, struct slice topic, struct slice *ret_rest)
{
    uint8_t root[TOPIC_MAX];
    struct buf expected = buf_of(root, sizeof root);
    enum err err = topic_of(municipality, "", &expected);
    if (err != ERR_OK) {
        return err;
    }
    if (topic.len < expected.len ||
        !slice_eq(slice_of(topic.at, expected.len), buf_slice(&expected))) {
        return ERR_NOT_MINE;
    }
    *ret_rest = slice_from(topic, expected.len);
    return ERR_OK;
}
