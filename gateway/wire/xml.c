/* xml.c - see xml.h. Called by the XML grammars of wire/. */
#include "wire/xml.h"

#include <stdalign.h>
#include <string.h>

/* Set only between xml_open and xml_close; a parse never calls another. */
static _Thread_local struct arena *lender;

/* Before each block stands its size, for realloc. */
struct block_head {
    alignas(max_align_t) size_t size;
};

static void *arena_malloc(size_t size)
{
    if (size > lender->room) {
        return NULL;
    }
    struct block_head *head = arena_alloc(lender, 1, sizeof *head + size);
    if (head == NULL) {
        return NULL;
    }
    head->size = size;
    return head + 1;
}

/* Only the newest block can go back; the others go with the arena. */
static void arena_free(void *block)
{
    if (block == NULL) {
        return;
    }
    struct block_head *head = (struct block_head *)block - 1;
    uint8_t *begin = (uint8_t *)head;
    if (begin + sizeof *head + head->size == lender->at + lender->used) {
        lender->used = (size_t)(begin - lender->at);
    }
}

static void *arena_realloc(void *block, size_t size)
{
    if (block == NULL) {
        return arena_malloc(size);
    }
    const struct block_head *head = (const struct block_head *)block - 1;
    if (head->size >= size) {
        return block;
    }
    void *bigger = arena_malloc(size);
    if (bigger != NULL) {
        memcpy(bigger, block, head->size);
    }
    return bigger;
}

XML_Parser xml_open(struct arena *arena)
{
    static const XML_Memory_Handling_Suite memory = {arena_malloc, arena_realloc, arena_free};
    lender = arena;
    XML_Parser parser = XML_ParserCreate_MM(NULL, &memory, NULL);
    if (parser == NULL) {
        lender = NULL;
    }
    return parser;
}

void xml_close(XML_Parser parser)
{
    XML_ParserFree(parser);
    lender = NULL;
}

const char *xml_local_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon == NULL ? name : colon + 1;
}

/* XML 1.0 section 2.2 and 2.4: what a text may hold, and what must be escaped in it. */
enum err xml_put_escaped(struct buf *out, struct slice text)
{
    if (!slice_is_utf8(text)) {
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        switch (c) {
        case '&':
            buf_put_str(out, "&amp;");
            break;
        case '<':
            buf_put_str(out, "&lt;");
            break;
        case '>':
            buf_put_str(out, "&gt;");
            break;
        default:
            if (c < ' ' && c != '\t' && c != '\n') {
                return ERR_SYNTAX;
            }
            buf_put_u8(out, c);
            break;
        }
    }
    return ERR_OK;
}
