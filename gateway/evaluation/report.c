/* report.c - the report's model, its canonical JSON, its signature. Pure.
 *
 * Keys are written in the order of the alphabet by hand; a test sorts them again and compares.
 */
#include "evaluation/report.h"

#include <sodium.h>
#include <string.h>

#include "evaluation/jsonl.h"

static const char domain[] = "samlarm.report.1\n";

void report_hash(struct slice bytes, uint8_t ret_hash[HASH_LEN])
{
    crypto_generichash(ret_hash, HASH_LEN, bytes.at, bytes.len, NULL, 0);
}

enum ruling report_total(const struct report *report)
{
    enum ruling total = RULING_NOT_APPLICABLE;
    for (size_t i = 0; i < report->entry_count; i++) {
        total = ruling_worse(total, report->entries[i].judgement.ruling);
    }
    return total == RULING_NOT_APPLICABLE ? RULING_NOT_RUN : total;
}

void report_judge(const struct testplan *plan, const struct observation *all, size_t count,
                  struct slice evidence, struct report *ret)
{
    ret->plan = plan;
    ret->observations = all;
    ret->observation_count = count;
    ret->entry_count = plan->item_count;
    report_hash(evidence, ret->evidence_hash);
    for (size_t i = 0; i < plan->item_count; i++) {
        const struct testplan_item *item = &plan->items[i];
        struct report_entry *entry = &ret->entries[i];
        entry->item = item;
        entry->run = run_of(all, count, item->requirement->texts[TEXT_ID]);
        item->judge->judge(&entry->run, &item->terms, &entry->judgement);
    }
    ret->total = report_total(ret);
}

static void put_text(struct buf *out, const char *key, const char *text)
{
    jsonl_put_key(out, key);
    jsonl_put_text(out, slice_str(text));
}

static void put_slice(struct buf *out, const char *key, struct slice text)
{
    jsonl_put_key(out, key);
    jsonl_put_text(out, text);
}

static void put_number(struct buf *out, const char *key, int64_t number)
{
    jsonl_put_key(out, key);
    buf_put_i64(out, number);
}

static void put_bool(struct buf *out, const char *key, bool is_true)
{
    jsonl_put_key(out, key);
    buf_put_str(out, is_true ? "true" : "false");
}

static void put_hash(struct buf *out, const char *key, const uint8_t hash[HASH_LEN])
{
    jsonl_put_key(out, key);
    buf_put_u8(out, '"');
    buf_put_hex(out, slice_of(hash, HASH_LEN));
    buf_put_u8(out, '"');
}

static void put_comma(struct buf *out, size_t i)
{
    buf_put_str(out, i == 0 ? "" : ",");
}

static void put_check(struct buf *out, const struct check *check)
{
    buf_put_u8(out, '{');
    if (check->is_measured) {
        put_number(out, "distance_milli", check_distance(check));
    }
    put_number(out, "limit_milli", check->limit_milli);
    put_text(out, "name_en", check->name[ENGLISH]);
    put_text(out, "name_sv", check->name[SWEDISH]);
    put_text(out, "operator", operator_sign(check->operator_));
    put_text(out, "ruling", ruling_word(check->ruling));
    put_number(out, "uncertainty_milli", check->uncertainty_milli);
    put_text(out, "unit", check->unit);
    if (check->is_measured) {
        put_number(out, "value_milli", check->value_milli);
    }
    buf_put_u8(out, '}');
}

/* The observation as it stands in the evidence file, without its line end. */
static enum err put_deciding(struct buf *out, const struct report *report, size_t index)
{
    enum err err = observation_put(&report->observations[index], out);
    if (err == ERR_OK) {
        out->len--;
    }
    return err;
}

/* Keys from "checks" to "expected_sv"; put_entry goes on in the alphabet. */
static enum err put_judgement(struct buf *out, const struct report *report,
                              const struct judgement *j)
{
    enum err err = ERR_OK;
    jsonl_put_key(out, "checks");
    buf_put_u8(out, '[');
    for (size_t i = 0; i < j->check_count; i++) {
        put_comma(out, i);
        put_check(out, &j->checks[i]);
    }
    buf_put_u8(out, ']');
    jsonl_put_key(out, "deciding");
    buf_put_u8(out, '[');
    for (size_t i = 0; i < j->deciding_count && err == ERR_OK; i++) {
        put_comma(out, i);
        err = put_deciding(out, report, j->deciding[i]);
    }
    buf_put_u8(out, ']');
    put_text(out, "doubt", doubt_word(j->doubt));
    put_text(out, "expected_en", j->expected[ENGLISH]);
    put_text(out, "expected_sv", j->expected[SWEDISH]);
    return err;
}

static void put_parameters(struct buf *out, const struct testplan_item *item)
{
    /* The judge's order is not the alphabet's: names are few, so pick the next larger one. */
    const struct parameter *table = item->judge->parameters;
    const char *last = "";
    jsonl_put_key(out, "parameters_milli");
    buf_put_u8(out, '{');
    for (;;) {
        size_t best = PARAMETERS_MAX;
        for (size_t i = 0; table[i].name != NULL; i++) {
            bool is_next = strcmp(table[i].name, last) > 0;
            if (is_next &&
                (best == PARAMETERS_MAX || strcmp(table[i].name, table[best].name) < 0)) {
                best = i;
            }
        }
        if (best == PARAMETERS_MAX) {
            break;
        }
        last = table[best].name;
        put_number(out, last, item->terms.values[best]);
    }
    buf_put_u8(out, '}');
}

static enum err put_entry(struct buf *out, const struct report *report,
                          const struct report_entry *entry)
{
    const struct requirement *q = entry->item->requirement;
    const struct judgement *j = &entry->judgement;
    buf_put_u8(out, '{');
    put_number(out, "attempts", (int64_t)entry->run.attempts);
    enum err err = put_judgement(out, report, j);
    put_slice(out, "housing", q->texts[TEXT_HOUSING]);
    put_slice(out, "id", q->texts[TEXT_ID]);
    put_slice(out, "metric", q->texts[TEXT_METRIC]);
    put_number(out, "n", (int64_t)j->n);
    put_slice(out, "obligation", q->texts[TEXT_OBLIGATION]);
    put_parameters(out, entry->item);
    put_slice(out, "requirement", q->source);
    put_number(out, "requirement_samples", (int64_t)q->samples);
    put_text(out, "ruling", ruling_word(j->ruling));
    put_number(out, "samples", (int64_t)j->samples);
    put_text(out, "seen_en", j->seen[ENGLISH]);
    put_text(out, "seen_sv", j->seen[SWEDISH]);
    put_number(out, "threshold_milli", entry->item->terms.threshold_milli);
    buf_put_u8(out, '}');
    return err;
}

static void put_plan(struct buf *out, const struct testplan *plan)
{
    jsonl_put_key(out, "plan");
    buf_put_u8(out, '{');
    put_text(out, "date", plan->date);
    put_bool(out, "demonstration", plan->is_demonstration);
    put_hash(out, "hash", plan->hash);
    put_text(out, "name", plan->name);
    put_number(out, "seed", (int64_t)plan->seed);
    put_text(out, "title_en", plan->title[ENGLISH]);
    put_text(out, "title_sv", plan->title[SWEDISH]);
    put_text(out, "version", plan->version);
    buf_put_u8(out, '}');
}

static void put_subject(struct buf *out, const struct subject *s)
{
    jsonl_put_key(out, "subject");
    buf_put_u8(out, '{');
    put_text(out, "bench_version", s->bench_version);
    put_text(out, "catalogue", s->catalogue);
    put_text(out, "device", s->device);
    put_text(out, "device_software", s->device_software);
    put_text(out, "dialect", s->dialect);
    put_text(out, "gateway_version", s->gateway_version);
    put_text(out, "order", s->order);
    put_text(out, "product", s->product);
    put_text(out, "site", s->site);
    put_text(out, "testers", s->testers);
    put_text(out, "vendor", s->vendor);
    buf_put_u8(out, '}');
}

enum err report_json(const struct report *report, struct buf *out)
{
    enum err err = ERR_OK;
    buf_put_u8(out, '{');
    jsonl_put_key(out, "entries");
    buf_put_u8(out, '[');
    for (size_t i = 0; i < report->entry_count && err == ERR_OK; i++) {
        put_comma(out, i);
        err = put_entry(out, report, &report->entries[i]);
    }
    buf_put_u8(out, ']');
    put_hash(out, "evidence_blake2b_256", report->evidence_hash);
    put_text(out, "format", "samlarm.report.1");
    put_number(out, "observations", (int64_t)report->observation_count);
    put_plan(out, report->plan);
    put_subject(out, &report->subject);
    put_text(out, "total", ruling_word(report->total));
    put_number(out, "written_ms", report->written_ms);
    buf_put_str(out, "}\n");
    return err == ERR_OK && out->is_full ? ERR_FULL : err;
}

static void key_id(const uint8_t public_key[KEY_PUBLIC_LEN], char ret_id[KEY_ID_ROOM])
{
    uint8_t hash[HASH_LEN];
    report_hash(slice_of(public_key, KEY_PUBLIC_LEN), hash);
    struct buf out = buf_of(ret_id, KEY_ID_ROOM);
    buf_put_hex(&out, slice_of(hash, 8));
    (void)buf_cstr(&out);
}

/* The two lines that are signed. */
static void put_signed(struct buf *out, const uint8_t hash[HASH_LEN])
{
    buf_put_str(out, domain);
    buf_put_str(out, "blake2b-256 ");
    buf_put_hex(out, slice_of(hash, HASH_LEN));
    buf_put_u8(out, '\n');
}

enum err report_sign(struct slice json, const uint8_t secret[KEY_SECRET_LEN],
                     const uint8_t public_key[KEY_PUBLIC_LEN], struct buf *out,
                     struct seal *ret_seal)
{
    uint8_t memory[128];
    uint8_t signature[crypto_sign_BYTES];
    struct seal seal;
    struct buf text = buf_of(memory, sizeof memory);
    report_hash(json, seal.hash);
    key_id(public_key, seal.key_id);
    put_signed(&text, seal.hash);
    if (text.is_full || crypto_sign_detached(signature, NULL, text.at, text.len, secret) != 0 ||
        crypto_sign_verify_detached(signature, text.at, text.len, public_key) != 0) {
        return ERR_BUG; /* the two halves of the key do not belong together */
    }
    buf_put_slice(out, buf_slice(&text));
    buf_put_str(out, "key ");
    buf_put_str(out, seal.key_id);
    buf_put_str(out, "\ned25519 ");
    buf_put_hex(out, slice_of(signature, sizeof signature));
    buf_put_u8(out, '\n');
    *ret_seal = seal;
    return out->is_full ? ERR_FULL : ERR_OK;
}

/* One line that begins with `word` and a blank; what follows it. */
static enum err take_line(struct slice *rest, const char *word, struct slice *ret)
{
    struct slice line = slice_cut(rest, '\n');
    if (!slice_starts(line, word)) {
        return ERR_SYNTAX;
    }
    *ret = slice_from(line, strlen(word));
    return ERR_OK;
}

enum err report_verify(struct slice json, struct slice signature,
                       const uint8_t public_key[KEY_PUBLIC_LEN])
{
    struct slice rest = signature;
    struct slice hash_hex;
    struct slice key_hex;
    struct slice signature_hex;
    uint8_t said[HASH_LEN];
    uint8_t hash[HASH_LEN];
    uint8_t bytes[crypto_sign_BYTES];
    uint8_t memory[128];
    char id[KEY_ID_ROOM];
    size_t len = 0;
    if (!slice_eq_str(slice_cut(&rest, '\n'), "samlarm.report.1") ||
        take_line(&rest, "blake2b-256 ", &hash_hex) != ERR_OK ||
        take_line(&rest, "key ", &key_hex) != ERR_OK ||
        take_line(&rest, "ed25519 ", &signature_hex) != ERR_OK || rest.len != 0) {
        return ERR_SYNTAX;
    }
    if (hex_decode(hash_hex, said, sizeof said, &len) != ERR_OK || len != sizeof said ||
        hex_decode(signature_hex, bytes, sizeof bytes, &len) != ERR_OK || len != sizeof bytes) {
        return ERR_SYNTAX;
    }
    report_hash(json, hash);
    if (memcmp(said, hash, sizeof hash) != 0) {
        return ERR_CHECKSUM;
    }
    struct buf text = buf_of(memory, sizeof memory);
    put_signed(&text, hash);
    key_id(public_key, id);
    bool is_right = slice_eq_str(key_hex, id) &&
                    crypto_sign_verify_detached(bytes, text.at, text.len, public_key) == 0;
    return is_right ? ERR_OK : ERR_AUTH;
}
