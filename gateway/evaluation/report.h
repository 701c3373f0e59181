/* report.h - the report (provningsrapport): one model, as canonical JSON and as a page to sign.
 *
 * The doors fill struct report, write the JSON, sign it, and then write the HTML with the JSON's
 * hash and the key's id in it. The JSON is the report; the HTML is how people read it. Nothing
 * here reads a clock or a file, and nothing of another vendor can get in: a report sees one list
 * of observations.
 *
 * The signature, REPORT.sig, is text:
 *
 *   samlarm.report.1
 *   blake2b-256 <64 hex digits: BLAKE2b-256 of the JSON file's bytes>
 *   key <16 hex digits: first 8 bytes of BLAKE2b-256 of the public key>
 *   ed25519 <128 hex digits>
 *
 * The Ed25519 signature is over the first two lines with their line ends, so that `b2sum -l 256`
 * and any Ed25519 tool can check it without this program. The public key must come from elsewhere:
 * a report that brought its own would prove nothing.
 */
#pragma once

#include "evaluation/testplan.h"

enum {
    REPORT_JSON_MAX = 1 << 20,
    REPORT_HTML_MAX = 1 << 20,
    REPORT_SIGNATURE_MAX = 512,
    KEY_PUBLIC_LEN = 32,
    KEY_SECRET_LEN = 64,
    KEY_ID_ROOM = 17
};

/* What was tested and with what. Texts of people: anything, escaped when written. */
struct subject {
    const char *vendor;
    const char *product;
    const char *device; /* as the observations name it */
    const char *dialect;
    const char *device_software;
    const char *gateway_version;
    const char *bench_version;
    const char *catalogue; /* file name and how many rows */
    const char *site;
    const char *testers; /* names or roles, as they want to be named */
    const char *order;   /* how the vendor's turn was chosen: "1 av 3, lottad" */
};

struct report_entry {
    const struct testplan_item *item;
    struct run run;
    struct judgement judgement;
};

struct report {
    struct subject subject;
    const struct testplan *plan;
    const struct observation *observations;
    size_t observation_count;
    uint8_t evidence_hash[HASH_LEN]; /* BLAKE2b-256 of the evidence file */
    int64_t written_ms;              /* wall time, passed in */
    struct report_entry entries[TESTPLAN_ITEMS_MAX];
    size_t entry_count;
    enum ruling total;
};

/* Judges every item of the plan on the evidence. `evidence` is the bytes of the evidence file that the
 * observations were read from. `ret` is large: keep one. Fills everything but `subject` and
 * `written_ms`. */
void report_judge(const struct testplan *plan, const struct observation *all, size_t count,
                  struct slice evidence, struct report *ret);

/* The total of rulings: worst wins; a total PASS needs at least one PASS. */
enum ruling report_total(const struct report *report);

/* Sorted keys, no blanks, whole numbers only (thousandths, `_milli`), ends with a line end. */
enum err report_json(const struct report *report, struct buf *out) MUST_USE;

struct seal { /* what the page says of the signed JSON */
    uint8_t hash[HASH_LEN];
    char key_id[KEY_ID_ROOM];
};

/* Signs the JSON; `out` gets the signature file, *ret_seal what the page shows. */
enum err report_sign(struct slice json, const uint8_t secret[KEY_SECRET_LEN],
                     const uint8_t public_key[KEY_PUBLIC_LEN], struct buf *out,
                     struct seal *ret_seal) MUST_USE;
/* ERR_SYNTAX: not a signature file. ERR_CHECKSUM: the JSON was changed. ERR_AUTH: another key, or the
 * signature does not fit. */
enum err report_verify(struct slice json, struct slice signature,
                       const uint8_t public_key[KEY_PUBLIC_LEN]) MUST_USE;

void report_hash(struct slice bytes, uint8_t ret_hash[HASH_LEN]);

/* One self-contained page, black on white, for A4. `seal` NULL: "not signed" stands on it. */
enum err report_html(const struct report *report, const struct seal *seal, enum language language,
                     struct buf *out) MUST_USE;
