/* read_keys.c - keys.csv and codes.csv: the secrets of devices, and what a maker means by a code.
 *
 * Called by conf_load after the devices. Both files may be absent. No message ever shows a key.
 */
#include "conf/load.h"

#include <sodium.h>
#include <string.h>

enum { KEY_DEVICE, KEY_KEY, KEY_FORM };
enum { CODE_MODEL, CODE_CODE, CODE_KIND, CODE_CLASS };

/* Makers print the same AES key as 16, 24 or 32 letters or as 32, 48 or 64 hex digits (facts:
 * protocols.md 4.4): where the dialect counts bytes, what is hex digits alone and so long is hex,
 * unless `form` says otherwise. A secret shared with a cloud is the text that its maker shows, hex
 * digits or not. */
static bool is_hex_by_look(struct slice text, unsigned sizes)
{
    uint8_t bytes[SECRET_MAX];
    size_t len = 0;
    bool is_hex = (sizes & ~(unsigned)KEY_ANY) != 0 &&
                  (text.len == 32 || text.len == 48 || text.len == 64) &&
                  hex_decode(text, bytes, sizeof bytes, &len) == ERR_OK;
    sodium_memzero(bytes, sizeof bytes);
    return is_hex;
}

/* Letters that a spreadsheet or an alphabet could have changed are no key that counts bytes. */
static bool is_plain(struct slice text, unsigned sizes)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && sizes != KEY_ANY)) {
            return false;
        }
    }
    return true;
}

static bool decode_key(struct load *load, const struct row *row, unsigned sizes, bool *ret_is_hex,
                       struct slice *ret_key)
{
    struct slice text = slice_str(row->cells[KEY_KEY]);
    const char *form = row->cells[KEY_FORM];
    bool is_hex = strcmp(form, "hex") == 0 || (*form == '\0' && is_hex_by_look(text, sizes));
    if (*form != '\0' && strcmp(form, "hex") != 0 && strcmp(form, "text") != 0) {
        fault(load, FILE_KEYS, row->line, "`form` is hex, text or empty.");
        return false;
    }
    if (text.len == 0 || text.len > SECRET_MAX) {
        fault(load, FILE_KEYS, row->line, "the key is missing, or longer than %d characters.",
              SECRET_MAX);
        return false;
    }
    uint8_t *bytes = arena_alloc(&load->arena, text.len, 1);
    size_t len = text.len;
    if (bytes == NULL) {
        load->is_out_of_memory = true;
        return false;
    }
    if (is_hex && hex_decode(text, bytes, text.len, &len) != ERR_OK) {
        fault(load, FILE_KEYS, row->line,
              "the key is to be hex digits, and is not: an even number of 0-9 and a-f.");
        return false;
    }
    if (!is_hex && !is_plain(text, sizes)) {
        fault(load, FILE_KEYS, row->line,
              "the key has letters in it that are not ASCII, or an invisible one; copy it anew, or "
              "write it in hex digits.");
        return false;
    }
    if (!is_hex) {
        memcpy(bytes, text.at, text.len);
    }
    *ret_is_hex = is_hex;
    *ret_key = slice_of(bytes, len);
    return true;
}

/* Says which lengths would have been right. */
static bool has_good_size(struct load *load, const struct row *row, const struct device *device,
                          struct slice key, bool is_hex)
{
    unsigned sizes = adapter_find(slice_str(device->dialect))->key_sizes;
    if (sizes == KEY_ANY || (key.len % 8 == 0 && key.len / 8 < 32 && (sizes >> key.len / 8 & 1))) {
        return true;
    }
    char list[64];
    struct buf known = buf_of(list, sizeof list);
    for (unsigned i = 1; i < 32; i++) {
        if ((sizes >> i & 1) != 0) {
            buf_put_str(&known, known.len == 0 ? "" : " or ");
            buf_put_u64(&known, i * 8);
        }
    }
    fault(load, FILE_KEYS, row->line,
          "the key of `%s`, read as %s, is %zu bytes long; the dialect `%s` takes %s: so many "
          "characters, or twice as many hex digits.",
          device->id, is_hex ? "hex digits" : "text", key.len, device->dialect, buf_cstr(&known));
    return false;
}

static void unknown_device(struct load *load, int line, const char *id)
{
    const struct directory *d = &load->conf->directory;
    struct guess guess = guess_of(id);
    char hint[80];
    for (size_t i = 0; i < d->device_count; i++) {
        guess_offer(&guess, d->devices[i].id);
    }
    fault(load, FILE_KEYS, line, "a key for the device `%.40s`, which is not in devices.csv%s", id,
          guess.best == NULL ? "; add it there." : guess_text(&guess, hint, sizeof hint));
}

static void read_key(struct load *load, const struct row *row, struct device *device)
{
    unsigned sizes = adapter_find(slice_str(device->dialect))->key_sizes;
    struct slice key = slice_of(NULL, 0);
    bool is_hex = false;
    if (sizes == 0) {
        warning(load, FILE_KEYS, row->line,
                "the dialect `%s` of `%s` neither encrypts nor signs: this key protects nothing; "
                "remove the row.",
                device->dialect, device->id);
    } else if (device->secret.len > 0) {
        fault(load, FILE_KEYS, row->line, "the device `%s` has a key already; keep one.",
              device->id);
    } else if (decode_key(load, row, sizes, &is_hex, &key) &&
               has_good_size(load, row, device, key, is_hex)) {
        device->secret = key;
    }
}

void read_keys(struct load *load)
{
    struct directory *d = &load->conf->directory;
    for (size_t i = 0; i < load->table[FILE_KEYS].count; i++) {
        const struct row *row = &load->table[FILE_KEYS].rows[i];
        uint32_t at = 0;
        if (names_find(&load->device_names, row->cells[KEY_DEVICE], &at) && at < d->device_count) {
            read_key(load, row, &d->devices[at]);
        } else if (load->is_good[FILE_DEVICES]) {
            unknown_device(load, row->line, row->cells[KEY_DEVICE]);
        }
    }
    bool is_secret = !d->is_demo;
    if (is_secret && load->table[FILE_KEYS].count > 0 && load->has_open_mode[FILE_KEYS]) {
        warning(load, FILE_KEYS, 0,
                "other users of this machine may read the keys; run `chmod 600` on the file.");
    }
}

/* A class that contradicts its kind would be without effect. */
static bool is_class_of_kind(struct load *load, const struct row *row, const struct code *code)
{
    bool is_technical = kind_is_technical(code->kind);
    if (code->class_ == CLASS_UNKNOWN || is_technical == (code->class_ == CLASS_TECHNICAL)) {
        return true;
    }
    fault(load, FILE_CODES, row->line,
          is_technical
              ? "`%s` is a technical kind: leave `class` empty. The gateway raises it by itself "
                "when it leaves a person without a way to call."
              : "`%s` calls for a person, so that its `class` is life, urgent, service or empty.",
          kind_word(code->kind));
    return false;
}

static bool code_words(struct load *load, const struct row *row, struct code *code)
{
    const char *kind = row->cells[CODE_KIND];
    const char *class_ = row->cells[CODE_CLASS];
    char hint[80];
    bool is_good = word_label(load, FILE_CODES, row->line, "the `model`", row->cells[CODE_MODEL],
                              code->model, sizeof code->model);
    is_good = word_label(load, FILE_CODES, row->line, "the `code`", row->cells[CODE_CODE],
                         code->code, sizeof code->code) &&
              is_good;
    if (kind_from_word(slice_str(kind), &code->kind) != ERR_OK) {
        struct guess guess = guess_of(kind);
        for (int k = 0; k < KIND_LAST; k++) {
            if (kind_is_known(k)) {
                guess_offer(&guess, kind_word((enum kind)k));
            }
        }
        fault(load, FILE_CODES, row->line, "`kind` is a kind of alarm, not `%.40s`%s", kind,
              guess.best == NULL ? "; proto/KINDS.md lists them. An alarm is never left out."
                                 : guess_text(&guess, hint, sizeof hint));
        is_good = false;
    }
    if (*class_ != '\0' && class_from_word(slice_str(class_), &code->class_) != ERR_OK) {
        fault(load, FILE_CODES, row->line,
              "`class` is life, urgent, service, technical or empty, not `%.20s`.", class_);
        is_good = false;
    }
    return is_good && is_class_of_kind(load, row, code);
}

static bool is_model_used(const struct directory *d, const char *model)
{
    for (size_t i = 0; i < d->device_count; i++) {
        if (strcmp(d->devices[i].model, model) == 0) {
            return true;
        }
    }
    return false;
}

/* Said once for each model, at its first row. */
static void warn_unused(struct load *load, const struct row *row, size_t count)
{
    const struct directory *d = &load->conf->directory;
    const char *model = d->codes[count].model;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(d->codes[i].model, model) == 0) {
            return;
        }
    }
    if (load->is_good[FILE_DEVICES] && !is_model_used(d, model)) {
        struct guess guess = guess_of(model);
        char hint[80];
        for (size_t i = 0; i < d->device_count; i++) {
            guess_offer(&guess, d->devices[i].model);
        }
        warning(load, FILE_CODES, row->line,
                "no device in devices.csv has the model `%s`: its codes are never used%s", model,
                guess.best == NULL ? "." : guess_text(&guess, hint, sizeof hint));
    }
}

void read_codes(struct load *load)
{
    struct directory *d = &load->conf->directory;
    for (size_t i = 0; i < load->table[FILE_CODES].count; i++) {
        const struct row *row = &load->table[FILE_CODES].rows[i];
        struct code *code = &d->codes[d->code_count];
        *code = (struct code){.kind = KIND_UNKNOWN};
        if (!code_words(load, row, code)) {
            continue;
        }
        warn_unused(load, row, d->code_count);
        bool is_double = false;
        for (size_t k = 0; k < d->code_count && !is_double; k++) {
            is_double = strcmp(d->codes[k].model, code->model) == 0 &&
                        strcmp(d->codes[k].code, code->code) == 0;
        }
        if (is_double) {
            fault(load, FILE_CODES, row->line,
                  "the code `%s` of the model `%s` stands here a second time; keep one.",
                  code->code, code->model);
            continue;
        }
        d->code_count++;
    }
}
