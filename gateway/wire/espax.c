/* espax.c - see espax.h. */
#include "wire/espax.h"

#include "wire/xml.h"

#include <string.h>

static const char *const type_names[ESPAX_TYPE_COUNT] = {"",
#define X(enumerator, name) name,
                                                         ESPAX_MESSAGES(X)
#undef X
};

static const char *const field_names[ESPAX_FIELD_COUNT] = {
#define X(enumerator, name) name,
    ESPAX_FIELDS(X)
#undef X
};

const char *espax_type_name(enum espax_type type)
{
    return type < ESPAX_TYPE_COUNT ? type_names[type] : "";
}

struct verdict espax_frame(struct slice bytes, struct slice *ret_document, uint32_t *ret_number)
{
    for (size_t i = 0; i < 2 && i < bytes.len; i++) {
        if (bytes.at[i] != (uint8_t) "EX"[i]) {
            return verdict_at(ERR_NOT_MINE, i);
        }
    }
    if (bytes.len < ESPAX_HEADER_LEN) {
        return verdict_at(ERR_MORE, bytes.len);
    }
    const uint8_t *b = bytes.at;
    uint32_t len = (uint32_t)b[2] << 24 | (uint32_t)b[3] << 16 | (uint32_t)b[4] << 8 | b[5];
    if (len <= ESPAX_HEADER_LEN) {
        return verdict_at(ERR_RANGE, 2);
    }
    if (len > ESPAX_MESSAGE_MAX) {
        return verdict_at(ERR_FULL, 2);
    }
    if (bytes.len < len) {
        return verdict_at(ERR_MORE, bytes.len);
    }
    *ret_number = (uint32_t)b[6] << 24 | (uint32_t)b[7] << 16 | (uint32_t)b[8] << 8 | b[9];
    *ret_document = slice_of(b + ESPAX_HEADER_LEN, len - ESPAX_HEADER_LEN);
    return verdict_at(ERR_OK, len);
}

/* --- parsing -------------------------------------------------------------------------------------- */

struct parse {
    XML_Parser parser;
    struct espax_message *message;
    struct arena *arena;
    unsigned depth;
    unsigned elements;
    size_t messages;
    bool is_in_leaf;
    enum espax_field leaf;
    struct buf text;
    uint8_t memory[ESPAX_TEXT_MAX];
    enum err err; /* why we stopped expat */
    const char *why;
};

static void stop(struct parse *p, enum err err, const char *why)
{
    if (p->err == ERR_OK) {
        p->err = err;
        p->why = why;
        XML_StopParser(p->parser, XML_FALSE);
    }
}

/* A copy in the arena; empty when there is no room. */
static struct slice keep(struct parse *p, const char *text)
{
    struct slice value = slice_str(text);
    value.len = value.len > ESPAX_TEXT_MAX ? ESPAX_TEXT_MAX : value.len;
    return slice_str(arena_text(p->arena, value));
}

static void take_root(struct parse *p, const char *name, const char *const *attributes)
{
    if (strcmp(xml_local_name(name), "ESPA-X") != 0) {
        stop(p, ERR_NOT_MINE, "the document is no ESPA-X");
        return;
    }
    for (size_t i = 0; attributes[i] != NULL; i += 2) {
        if (strcmp(attributes[i], "version") == 0) {
            p->message->version = keep(p, attributes[i + 1]);
        } else if (strcmp(attributes[i], "timestamp") == 0) {
            p->message->timestamp = keep(p, attributes[i + 1]);
        }
    }
    if (!slice_eq_str(p->message->version, "1.00") && !slice_eq_str(p->message->version, "1.0")) {
        stop(p, ERR_NOT_MINE, "the version is not 1.00; another dialect goes by the same name");
    }
}

static void take_message(struct parse *p, const char *name, const char *const *attributes)
{
    for (unsigned i = 1; i < ESPAX_TYPE_COUNT; i++) {
        if (strcmp(xml_local_name(name), type_names[i]) == 0) {
            p->message->type = (enum espax_type)i;
        }
    }
    for (size_t i = 0; attributes[i] != NULL; i += 2) {
        if (strcmp(attributes[i], "invokeID") == 0) {
            p->message->invoke = keep(p, attributes[i + 1]);
        } else if (strcmp(attributes[i], "sessionID") == 0) {
            p->message->session = keep(p, attributes[i + 1]);
        }
    }
    if (++p->messages > 1) {
        stop(p, ERR_SYNTAX, "more than one message in a document");
    } else if (p->message->type == ESPAX_NO_TYPE) {
        stop(p, ERR_NOT_MINE, "a message that ESPA-X 1.00 does not have");
    }
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct parse *p = user;
    if (p->err != ERR_OK) {
        return;
    }
    p->depth++;
    p->is_in_leaf = false;
    if (p->depth > ESPAX_DEPTH_MAX || ++p->elements > ESPAX_ELEMENTS_MAX) {
        stop(p, ERR_FULL, "the document has too many elements, or too deep ones");
    } else if (p->depth == 1) {
        take_root(p, name, attributes);
    } else if (p->depth == 2) {
        take_message(p, name, attributes);
    } else if (p->depth == 3) {
        for (unsigned i = 0; i < ESPAX_FIELD_COUNT; i++) {
            if (strcmp(xml_local_name(name), field_names[i]) == 0) {
                p->is_in_leaf = true;
                p->leaf = (enum espax_field)i;
                p->text = buf_of(p->memory, sizeof p->memory);
            }
        }
    }
}

static void XMLCALL on_text(void *user, const XML_Char *text, int len)
{
    struct parse *p = user;
    if (!p->is_in_leaf || p->err != ERR_OK || len <= 0 || p->text.is_full) {
        return;
    }
    size_t room = p->text.room - p->text.len;
    size_t fits = (size_t)len < room ? (size_t)len : room;
    while (fits > 0 && fits < (size_t)len && ((uint8_t)text[fits] & 0xc0) == 0x80) {
        fits--;
    }
    buf_put(&p->text, text, fits);
    if (fits < (size_t)len) {
        p->text.is_full = true; /* nothing may follow what was cut */
        p->message->was_cut = true;
    }
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    struct parse *p = user;
    (void)name; /* expat has checked that it fits its start */
    if (p->err != ERR_OK) {
        return;
    }
    struct slice *value = &p->message->values[p->leaf];
    if (p->is_in_leaf && value->len == 0) { /* the first of doubles counts */
        struct slice kept = slice_trim(buf_slice(&p->text));
        char *copy = arena_text(p->arena, kept);
        if (copy == NULL) {
            stop(p, ERR_FULL, "the document takes more memory than it may");
        }
        *value = slice_str(copy);
    }
    p->is_in_leaf = false;
    p->depth--;
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    stop(user, ERR_UNSUPPORTED, "the document has a DOCTYPE, which ESPA-X does not use; refused");
}

static enum err error_of(struct parse *p)
{
    if (p->err != ERR_OK) {
        return p->err;
    }
    switch ((int)XML_GetErrorCode(p->parser)) {
    case XML_ERROR_NO_MEMORY:
        p->why = "the document is too complicated for the memory it may take";
        return ERR_FULL;
    case XML_ERROR_UNKNOWN_ENCODING:
    case XML_ERROR_INCORRECT_ENCODING:
        p->why = "the document is in an encoding that is not read here; ESPA-X is UTF-8";
        return ERR_UNSUPPORTED;
    default:
        p->why = "the document is not well-formed XML";
        return ERR_SYNTAX;
    }
}

static struct verdict run(struct parse *p, struct slice document)
{
    XML_SetUserData(p->parser, p);
    XML_SetElementHandler(p->parser, on_start, on_end);
    XML_SetCharacterDataHandler(p->parser, on_text);
    XML_SetStartDoctypeDeclHandler(p->parser, on_doctype);
    enum XML_Status status =
        XML_Parse(p->parser, (const char *)document.at, (int)document.len, XML_TRUE);
    if (status != XML_STATUS_OK || p->err != ERR_OK) {
        XML_Index index = XML_GetCurrentByteIndex(p->parser);
        size_t at = index < 0 ? 0 : (size_t)index;
        return verdict_at(error_of(p), at < document.len ? at : document.len);
    }
    if (p->messages == 0) {
        p->why = "the document holds no message";
        return verdict_at(ERR_SYNTAX, document.len);
    }
    return verdict_at(ERR_OK, document.len);
}

struct verdict espax_parse(struct slice document, struct arena *arena,
                           struct espax_message *ret_message, const char **ret_why)
{
    *ret_message = (struct espax_message){.type = ESPAX_NO_TYPE};
    *ret_why = "";
    if (document.len == 0 || document.len > ESPAX_MESSAGE_MAX) {
        *ret_why = "the document is empty or too long";
        return verdict_at(document.len == 0 ? ERR_SYNTAX : ERR_FULL, 0);
    }
    struct parse p = {.message = ret_message, .arena = arena, .why = ""};
    p.parser = xml_open(arena);
    if (p.parser == NULL) {
        *ret_why = "the memory for one document is used up";
        return verdict_at(ERR_FULL, 0);
    }
    struct verdict verdict = run(&p, document);
    xml_close(p.parser);
    *ret_why = p.why;
    return verdict;
}

/* --- writing -------------------------------------------------------------------------------------- */

static enum err put_attribute(struct buf *out, const char *name, struct slice value)
{
    if (value.len == 0) {
        return ERR_OK;
    }
    buf_put_str(out, " ");
    buf_put_str(out, name);
    buf_put_str(out, "=\"");
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < ' ' || value.at[i] == '"') {
            return ERR_SYNTAX;
        }
    }
    enum err err = xml_put_escaped(out, value);
    buf_put_str(out, "\"");
    return err;
}

static enum err put_document(const struct espax_message *m, struct buf *out)
{
    buf_put_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<ESPA-X version=\"1.00\" xmlns=\"http://ns.espa-x.org/espa-x\"");
    enum err err = put_attribute(out, "timestamp", m->timestamp);
    buf_put_str(out, "><");
    buf_put_str(out, type_names[m->type]);
    err = err != ERR_OK ? err : put_attribute(out, "invokeID", m->invoke);
    err = err != ERR_OK ? err : put_attribute(out, "sessionID", m->session);
    buf_put_str(out, ">");
    for (unsigned i = 0; i < ESPAX_FIELD_COUNT && err == ERR_OK; i++) {
        if (m->values[i].len > 0) {
            buf_put_str(out, "<");
            buf_put_str(out, field_names[i]);
            buf_put_str(out, ">");
            err = xml_put_escaped(out, m->values[i]);
            buf_put_str(out, "</");
            buf_put_str(out, field_names[i]);
            buf_put_str(out, ">");
        }
    }
    buf_put_str(out, "</");
    buf_put_str(out, type_names[m->type]);
    buf_put_str(out, "></ESPA-X>\n");
    return err;
}

enum err espax_encode(const struct espax_message *message, uint32_t number, struct buf *out)
{
    size_t from = out->len;
    if (message->type == ESPAX_NO_TYPE || message->type >= ESPAX_TYPE_COUNT) {
        return ERR_RANGE;
    }
    buf_put_str(out, "EX........");
    enum err err = put_document(message, out);
    if (err != ERR_OK || out->is_full) {
        return err != ERR_OK ? err : ERR_FULL;
    }
    uint32_t words[2] = {(uint32_t)(out->len - from), number};
    for (size_t i = 0; i < 8; i++) {
        out->at[from + 2 + i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
    }
    return ERR_OK;
}
