/* kind_words.c - the list of an option, WORD=kind, ..., against the text of a call. See kind_words.h. */
#include "adapters/kind_words.h"

/* Upper case for ASCII and for the Latin-1 letters in UTF-8 (C3 A0..BE but the division sign). */
static uint8_t folded(struct slice text, size_t at)
{
    uint8_t c = text.at[at];
    if (c >= 'a' && c <= 'z') {
        return (uint8_t)(c - 32);
    }
    bool is_after_c3 = at > 0 && text.at[at - 1] == 0xc3;
    return is_after_c3 && c >= 0xa0 && c <= 0xbe && c != 0xb7 ? (uint8_t)(c - 32) : c;
}

bool kind_words_stands_at(struct slice text, size_t at, struct slice word)
{
    if (word.len == 0 || word.len > text.len - at) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        if (folded(text, at + i) != folded(word, i)) {
            return false;
        }
    }
    return true;
}

static bool contains(struct slice text, struct slice word)
{
    for (size_t at = 0; at < text.len; at++) {
        if (kind_words_stands_at(text, at, word)) {
            return true;
        }
    }
    return false;
}

/* The next WORD=kind of the list; false at its end. */
static bool take_entry(struct slice *rest, struct slice *ret_word, struct slice *ret_kind)
{
    while (rest->len > 0) {
        struct slice kind = slice_trim(slice_cut(rest, ','));
        if (kind.len > 0) {
            *ret_word = slice_trim(slice_cut(&kind, '='));
            *ret_kind = slice_trim(kind);
            return true;
        }
    }
    return false;
}

bool kind_words_are_good(struct slice kinds)
{
    struct slice word;
    struct slice name;
    while (take_entry(&kinds, &word, &name)) {
        enum kind kind = KIND_UNKNOWN;
        if (word.len == 0 || kind_from_word(name, &kind) != ERR_OK) {
            return false;
        }
    }
    return true;
}

enum kind kind_words_kind(struct slice kinds, struct slice text)
{
    struct slice word;
    struct slice name;
    while (take_entry(&kinds, &word, &name)) {
        enum kind kind = KIND_HELP;
        if (contains(text, word) && kind_from_word(name, &kind) == ERR_OK) {
            return kind;
        }
    }
    return KIND_HELP;
}
