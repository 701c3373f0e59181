/* alarm.c - vocabulary, bounds and the stable id of an alarm. Pure; libsodium for hashing only. */
#include "alarm/alarm.h"

#include <sodium/crypto_generichash.h>

struct kind_row {
    enum kind kind;
    const char *word;
    const char *sv;
    const char *en;
    enum class_ class_;
};

static const struct kind_row kinds[] = {
#define KIND(name, number, word, sv, en, klass) {KIND_##name, word, sv, en, CLASS_##klass},
#include "alarm/kinds.def"
#undef KIND
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const char *const class_words[CLASS_COUNT] = {"unknown", "life", "urgent", "service",
                                                     "technical"};
static const char *const phase_words[PHASE_COUNT] = {"unknown", "raised",   "repeated",
                                                     "updated", "restored", "cancelled"};
static const char *const form_words[FORM_COUNT] = {"unknown", "special", "ordinary", "support",
                                                   "family"};

static const struct kind_row *row_of(enum kind kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].kind == kind) {
            return &kinds[i];
        }
    }
    return &kinds[0];
}

const char *kind_word(enum kind kind)
{
    return row_of(kind)->word;
}

const char *kind_label(enum kind kind, bool is_swedish)
{
    return is_swedish ? row_of(kind)->sv : row_of(kind)->en;
}

enum class_ kind_class(enum kind kind)
{
    return row_of(kind)->class_;
}

bool kind_is_technical(enum kind kind)
{
    return kind_class(kind) == CLASS_TECHNICAL;
}

bool kind_is_known(int number)
{
    return number == 0 || row_of((enum kind)number)->kind != KIND_UNKNOWN;
}

const char *class_word(enum class_ class_)
{
    return class_words[class_ < CLASS_COUNT ? class_ : 0];
}

const char *phase_word(enum phase phase)
{
    return phase_words[phase < PHASE_COUNT ? phase : 0];
}

const char *form_word(enum form form)
{
    return form_words[form < FORM_COUNT ? form : 0];
}

const char *form_label(enum form form, bool is_swedish)
{
    static const char *const sv[FORM_COUNT] = {"Okänd boendeform", "Särskilt boende",
                                               "Ordinärt boende", "Stöd och service",
                                               "Individ- och familjeomsorg"};
    static const char *const en[FORM_COUNT] = {"Unknown housing form", "Special housing",
                                               "Ordinary home", "Disability support",
                                               "Individual and family care"};
    size_t at = form < FORM_COUNT ? form : 0;
    return is_swedish ? sv[at] : en[at];
}

static enum err word_at(struct slice word, const char *const *words, size_t count, size_t *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_str(word, words[i])) {
            *ret = i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum err kind_from_word(struct slice word, enum kind *ret)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (slice_eq_str(word, kinds[i].word)) {
            *ret = kinds[i].kind;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum err class_from_word(struct slice word, enum class_ *ret)
{
    size_t at = 0;
    enum err err = word_at(word, class_words, CLASS_COUNT, &at);
    if (err == ERR_OK) {
        *ret = (enum class_)at;
    }
    return err;
}

enum err phase_from_word(struct slice word, enum phase *ret)
{
    size_t at = 0;
    enum err err = word_at(word, phase_words, PHASE_COUNT, &at);
    if (err == ERR_OK) {
        *ret = (enum phase)at;
    }
    return err;
}

enum err form_from_word(struct slice word, enum form *ret)
{
    size_t at = 0;
    enum err err = word_at(word, form_words, FORM_COUNT, &at);
    if (err == ERR_OK) {
        *ret = (enum form)at;
    }
    return err;
}

bool alarm_id_is_zero(const struct alarm_id *id)
{
    uint8_t all = 0;
    for (size_t i = 0; i < ALARM_ID_LEN; i++) {
        all |= id->at[i];
    }
    return all == 0;
}

static void hash_text(crypto_generichash_state *state, const char *text)
{
    struct slice a = slice_str(text);
    /* the NUL goes in too, so that "ab","c" and "a","bc" differ */
    crypto_generichash_update(state, (const uint8_t *)text, a.len + 1);
}

struct alarm_id alarm_make_id(const struct alarm *alarm)
{
    struct alarm_id id;
    uint8_t tail[2] = {(uint8_t)alarm->phase, (uint8_t)alarm->kind};
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, ALARM_ID_LEN);
    hash_text(&state, "samlarm.event.1");
    hash_text(&state, alarm->dialect);
    hash_text(&state, alarm->port);
    hash_text(&state, alarm->device);
    hash_text(&state, alarm->reference);
    crypto_generichash_update(&state, tail, sizeof tail);
    crypto_generichash_final(&state, id.at, sizeof id.at);
    return id;
}

static enum err check_text(const char *text)
{
    struct slice a = slice_str(text);
    for (size_t i = 0; i < a.len; i++) {
        if (a.at[i] < 0x20 || a.at[i] == 0x7f) {
            return ERR_SYNTAX;
        }
    }
    return slice_is_utf8(a) ? ERR_OK : ERR_SYNTAX;
}

enum err alarm_check(const struct alarm *alarm)
{
    if (!kind_is_known((int)alarm->kind) || alarm->class_ >= CLASS_COUNT ||
        alarm->phase >= PHASE_COUNT || alarm->form >= FORM_COUNT || alarm->device[0] == '\0' ||
        alarm->raw.len > RAW_MAX) {
        return ERR_RANGE;
    }
    const char *texts[] = {alarm->unit,      alarm->place,   alarm->device,
                           alarm->vendor,    alarm->dialect, alarm->port,
                           alarm->reference, alarm->text,    alarm->code};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        enum err err = check_text(texts[i]);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}
