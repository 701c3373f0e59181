/* scaip.c - SCAIP (SS 91100, TS 50134-9): `mrq` and `mrs`, XML <-> struct.
 *
 * Called by the scaip adapter (both directions), the pendant and centre stubs, the bench and the
 * fuzzers. Never touches SIP, keeps state or interprets an alarm. The code tables are in
 * scaip_codes.c.
 *
 *   <mrq>                        depth 1: the root; any order inside
 *     <ref>00001883</ref>        depth 2: leaves, codes with or without zeros in front
 *     <crd>gsm:+46700000000</crd>         may stand several times
 *     <lge><geo/><tim/><gga/></lge>       depth 3: the only elements with children
 *     <vendor>...</vendor>       unknown: skipped with all it holds, its name noted
 *   </mrq>
 */
#include "wire/scaip.h"

#include "wire/xml.h"

#include <string.h>

enum { ATTRIBUTES_MAX = 64 };

static const char scaippa_namespace[] = "http://www.hi.se/2012/XScapXML";

/* What the handlers share during one parse. */
struct parse {
    XML_Parser parser;
    struct scaip_message *message;
    struct arena *arena;
    unsigned depth;
    unsigned skip_from; /* inside an unknown element that began at this depth; 0: not */
    unsigned elements;
    bool is_in_lge;
    bool is_in_leaf;
    enum scaip_tag leaf;
    bool has_leading_blank;
    size_t text_len;
    bool is_cut;
    enum err err; /* why we stopped expat */
    const char *why;
    char text[SCAIP_TEXT_MAX * 2]; /* room for blanks behind the value */
};

static void stop(struct parse *p, enum err err, const char *why)
{
    if (p->err == ERR_OK) {
        p->err = err;
        p->why = why;
        XML_StopParser(p->parser, XML_FALSE);
    }
}

static enum scaip_root root_of(const char *name, const char *const *attributes)
{
    for (size_t i = 0; attributes[i] != NULL; i += 2) {
        if (strncmp(attributes[i], "xmlns", 5) == 0 &&
            strcmp(attributes[i + 1], scaippa_namespace) == 0) {
            return SCAIP_SCAIPPA;
        }
    }
    static const struct {
        const char *name;
        enum scaip_root root;
    } roots[] = {
        {"mrq", SCAIP_MRQ},
        {"mrs", SCAIP_MRS},
        {"ATM", SCAIP_NOWIP},
        {"scaip", SCAIP_SCAIP},
        {"message-request", SCAIP_SCAIPPA},
        {"message-response", SCAIP_SCAIPPA},
    };
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (strcmp(xml_local_name(name), roots[i].name) == 0) {
            return roots[i].root;
        }
    }
    return SCAIP_OTHER;
}

/* SCAIP_TAG_COUNT: unknown. */
static enum scaip_tag tag_of(const char *name)
{
    for (unsigned tag = 0; tag < SCAIP_TAG_COUNT; tag++) {
        if (strcmp(name, scaip_tag_name((enum scaip_tag)tag)) == 0) {
            return (enum scaip_tag)tag;
        }
    }
    return SCAIP_TAG_COUNT;
}

static void note_unknown(struct scaip_message *message, const char *name)
{
    size_t len = strlen(message->unknown);
    size_t more = strlen(name);
    if (len + more + 2 > SCAIP_UNKNOWN_MAX || more > SCAIP_UNKNOWN_MAX / 2) {
        return; /* enough is known */
    }
    if (len > 0) {
        message->unknown[len++] = ' ';
    }
    memcpy(message->unknown + len, name, more + 1);
}

static void begin_child(struct parse *p, const char *name)
{
    name = xml_local_name(name);
    if (p->is_in_leaf) {
        p->skip_from = p->depth; /* a value has no elements: what they hold is not part of it */
        note_unknown(p->message, name);
        return;
    }
    bool is_place = p->depth == 2 || (p->depth == 3 && p->is_in_lge);
    if (p->depth == 2 && strcmp(name, "lge") == 0) {
        p->is_in_lge = true;
        return;
    }
    enum scaip_tag tag = is_place ? tag_of(name) : SCAIP_TAG_COUNT;
    if (tag == SCAIP_TAG_COUNT) {
        note_unknown(p->message, name);
        p->skip_from = p->depth;
        return;
    }
    p->is_in_leaf = true;
    p->leaf = tag;
    p->text_len = 0;
    p->is_cut = false;
    p->has_leading_blank = false;
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct parse *p = user;
    if (p->err != ERR_OK) {
        return;
    }
    p->depth++;
    p->elements++;
    size_t attribute_count = 0;
    while (attributes[attribute_count * 2] != NULL) {
        attribute_count++;
    }
    if (p->depth > SCAIP_DEPTH_MAX) {
        stop(p, ERR_FULL, "the elements are nested more than 16 deep");
    } else if (p->elements > SCAIP_ELEMENTS_MAX) {
        stop(p, ERR_FULL, "the document has more than 512 elements");
    } else if (attribute_count > ATTRIBUTES_MAX) {
        stop(p, ERR_FULL, "an element has more than 64 attributes");
    } else if (p->depth == 1) {
        p->message->root = root_of(name, (const char *const *)attributes);
    } else if (p->skip_from == 0) {
        begin_child(p, name);
    }
}

static void XMLCALL on_text(void *user, const XML_Char *text, int len)
{
    struct parse *p = user;
    if (p->err != ERR_OK || !p->is_in_leaf || p->skip_from != 0) {
        return;
    }
    for (int i = 0; i < len; i++) {
        char c = text[i];
        bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (p->text_len == 0 && is_blank) {
            p->has_leading_blank = true;
        } else if (p->text_len < sizeof p->text) {
            p->text[p->text_len++] = c;
        } else if (!is_blank) {
            p->is_cut = true;
        }
    }
}

/* A copy of the value, cut at a character's end when it is too long. */
static struct slice keep_value(struct parse *p, struct slice value)
{
    if (value.len > SCAIP_TEXT_MAX) {
        p->is_cut = true;
        value.len = SCAIP_TEXT_MAX;
        while (value.len > 0 && (value.at[value.len] & 0xc0) == 0x80) {
            value.len--;
        }
    }
    const char *copy = arena_text(p->arena, value);
    if (copy == NULL) {
        stop(p, ERR_FULL, "the document is too complicated for the memory it may take");
        return slice_of(NULL, 0);
    }
    return slice_of(copy, value.len);
}

static void end_leaf(struct parse *p)
{
    struct scaip_message *m = p->message;
    struct slice all = slice_of(p->text, p->text_len);
    struct slice value = slice_trim(all);
    p->is_in_leaf = false;
    m->had_blanks = m->had_blanks || p->has_leading_blank || value.len != all.len;
    bool may_repeat = p->leaf == SCAIP_crd || p->leaf == SCAIP_tnu;
    if (m->has[p->leaf] && !may_repeat) {
        m->had_repeats = true;
        return;
    }
    struct slice kept = keep_value(p, value);
    m->had_cut = m->had_cut || p->is_cut;
    if (!m->has[p->leaf]) {
        m->values[p->leaf] = kept;
    }
    m->has[p->leaf] = true;
    if (p->leaf == SCAIP_crd && m->caller_count < SCAIP_CALLERS_MAX) {
        m->callers[m->caller_count++] = kept;
    }
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    (void)name; /* expat has checked that it fits its start */
    struct parse *p = user;
    if (p->err != ERR_OK) {
        return;
    }
    if (p->skip_from == p->depth) {
        p->skip_from = 0;
    } else if (p->is_in_leaf && p->skip_from == 0) {
        end_leaf(p);
    } else if (p->depth == 2) {
        p->is_in_lge = false;
    }
    p->depth--;
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    stop(user, ERR_UNSUPPORTED, "the document has a DOCTYPE, which SCAIP does not use; refused");
}

/* What expat found wrong, once it has stopped. */
static struct verdict failure(struct parse *p, size_t at)
{
    if (p->err != ERR_OK) {
        return verdict_at(p->err, at);
    }
    switch ((int)XML_GetErrorCode(p->parser)) {
    case XML_ERROR_NO_MEMORY:
        p->why = "the document is too complicated for the memory it may take";
        return verdict_at(ERR_FULL, at);
    case XML_ERROR_UNKNOWN_ENCODING:
    case XML_ERROR_INCORRECT_ENCODING:
        p->why = "the document is in an encoding that is not read here; SCAIP is UTF-8";
        return verdict_at(ERR_UNSUPPORTED, at);
    case XML_ERROR_NO_ELEMENTS:
        p->why = "the document is empty or ends before its first element";
        return verdict_at(ERR_SYNTAX, at);
    case XML_ERROR_INVALID_TOKEN:
        p->why = "the document is not well-formed XML, or not UTF-8";
        return verdict_at(ERR_SYNTAX, at);
    default:
        p->why = "the document is not well-formed XML";
        return verdict_at(ERR_SYNTAX, at);
    }
}

static struct verdict run(struct parse *p, struct slice body)
{
    XML_SetUserData(p->parser, p);
    XML_SetElementHandler(p->parser, on_start, on_end);
    XML_SetCharacterDataHandler(p->parser, on_text);
    XML_SetStartDoctypeDeclHandler(p->parser, on_doctype);
    enum XML_Status status = XML_Parse(p->parser, (const char *)body.at, (int)body.len, XML_TRUE);
    if (status != XML_STATUS_OK || p->err != ERR_OK) {
        XML_Index index = XML_GetCurrentByteIndex(p->parser);
        size_t at = index < 0 ? 0 : (size_t)index;
        return failure(p, at < body.len ? at : body.len);
    }
    enum scaip_root root = p->message->root;
    if (root != SCAIP_MRQ && root != SCAIP_MRS) {
        p->why = scaip_root_text(root);
        return verdict_at(ERR_NOT_MINE, 0);
    }
    return verdict_at(ERR_OK, body.len);
}

struct verdict scaip_parse(struct slice body, struct arena *arena,
                           struct scaip_message *ret_message, const char **ret_why)
{
    *ret_message = (struct scaip_message){.root = SCAIP_NO_ROOT};
    *ret_why = "";
    if (body.len == 0) {
        *ret_why = "the message has no body";
        return verdict_at(ERR_SYNTAX, 0);
    }
    if (body.len > SCAIP_BODY_MAX) {
        *ret_why = "the document is longer than 65536 bytes";
        return verdict_at(ERR_FULL, SCAIP_BODY_MAX);
    }
    struct parse p = {.message = ret_message, .arena = arena, .why = ""};
    p.parser = xml_open(arena);
    if (p.parser == NULL) {
        *ret_why = "the memory for one document is used up";
        return verdict_at(ERR_FULL, 0);
    }
    struct verdict verdict = run(&p, body);
    xml_close(p.parser);
    *ret_why = p.why;
    return verdict;
}

void scaip_set(struct scaip_message *message, enum scaip_tag tag, struct slice value)
{
    message->values[tag] = value;
    message->has[tag] = true;
}

int scaip_code(const struct scaip_message *message, enum scaip_tag tag)
{
    uint64_t value = 0;
    if (!message->has[tag] || slice_u64(message->values[tag], 99999, &value) != ERR_OK) {
        return -1;
    }
    return (int)value;
}

enum scaip_mty scaip_mty_of(const struct scaip_message *message)
{
    struct slice mty = message->values[SCAIP_mty];
    static const struct {
        const char *word;
        enum scaip_mty mty;
    } words[] = {
        {"", SCAIP_ME}, {"ME", SCAIP_ME}, {"RE", SCAIP_RE}, {"IN", SCAIP_IN}, {"PI", SCAIP_PI}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (slice_eq_nocase(mty, words[i].word)) {
            return words[i].mty;
        }
    }
    return SCAIP_MTY_OTHER;
}

static enum err put_element(struct buf *out, enum scaip_tag tag, struct slice value)
{
    buf_put_str(out, "<");
    buf_put_str(out, scaip_tag_name(tag));
    buf_put_str(out, ">");
    enum err err = xml_put_escaped(out, value);
    buf_put_str(out, "</");
    buf_put_str(out, scaip_tag_name(tag));
    buf_put_str(out, ">");
    return err;
}

static enum err put_tag(struct buf *out, const struct scaip_message *message, enum scaip_tag tag)
{
    if (tag == SCAIP_crd && message->caller_count > 0) {
        for (size_t i = 0; i < message->caller_count && i < SCAIP_CALLERS_MAX; i++) {
            enum err err = put_element(out, tag, message->callers[i]);
            if (err != ERR_OK) {
                return err;
            }
        }
        return ERR_OK;
    }
    return message->has[tag] ? put_element(out, tag, message->values[tag]) : ERR_OK;
}

enum err scaip_encode(const struct scaip_message *message, struct buf *out)
{
    if (message->root != SCAIP_MRQ && message->root != SCAIP_MRS) {
        return ERR_RANGE;
    }
    bool has_lge = message->has[SCAIP_geo] || message->has[SCAIP_tim] || message->has[SCAIP_gga];
    buf_put_str(out, message->root == SCAIP_MRQ ? "<mrq>" : "<mrs>");
    for (unsigned tag = 0; tag < SCAIP_TAG_COUNT; tag++) {
        if (tag == SCAIP_geo && has_lge) {
            buf_put_str(out, "<lge>");
        }
        enum err err = put_tag(out, message, (enum scaip_tag)tag);
        if (err != ERR_OK) {
            return err;
        }
        if (tag == SCAIP_gga && has_lge) {
            buf_put_str(out, "</lge>");
        }
    }
    buf_put_str(out, message->root == SCAIP_MRQ ? "</mrq>" : "</mrs>");
    return out->is_full ? ERR_FULL : ERR_OK;
}
