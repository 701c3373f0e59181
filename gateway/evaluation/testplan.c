/* testplan.c - test plans: lines of `key: value` to a frozen plan. Pure. */
#include "evaluation/testplan.h"

#include <sodium.h>
#include <string.h>

struct reading {
    struct testplan *plan;
    const struct catalogue *catalogue;
    struct complaint *complaint;
    struct testplan_item *item; /* NULL: still in the head */
    unsigned keys;              /* of the head that were seen */
    unsigned given;             /* of the item's parameters; SAMPLES and THRESHOLD beside them */
    int line;
};

enum { SAMPLES = 1u << 16, THRESHOLD = 1u << 17, HEAD_KEYS = 7 };

static enum err wrong(struct reading *r, const char *before, struct slice a, const char *after)
{
    return complaint_make(r->complaint, r->line, before, a, after);
}

static enum err read_date(struct slice value, char *ret, size_t room)
{
    if (value.len != 10 || value.at[4] != '-' || value.at[7] != '-') {
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (i != 4 && i != 7 && (value.at[i] < '0' || value.at[i] > '9')) {
            return ERR_SYNTAX;
        }
    }
    return slice_text(value, ret, room);
}

static enum err read_head_value(struct testplan *plan, unsigned key, struct slice value)
{
    switch (key) {
    case 0:
        return slice_text(value, plan->name, sizeof plan->name);
    case 1:
        return slice_text(value, plan->version, sizeof plan->version);
    case 2:
        return read_date(value, plan->date, sizeof plan->date);
    case 3:
        plan->is_demonstration = slice_eq_str(value, "demonstration");
        return plan->is_demonstration || slice_eq_str(value, "evaluation") ? ERR_OK : ERR_SYNTAX;
    case 4:
        return slice_text(value, plan->title[SWEDISH], TEXT_ROOM);
    case 5:
        return slice_text(value, plan->title[ENGLISH], TEXT_ROOM);
    default:
        return slice_u64(value, INT64_MAX, &plan->seed);
    }
}

static enum err read_head(struct reading *r, struct slice key, struct slice value)
{
    static const char *const names[HEAD_KEYS] = {"plan",     "version",  "date", "purpose",
                                                 "title_sv", "title_en", "seed"};
    for (unsigned i = 0; i < HEAD_KEYS; i++) {
        if (!slice_eq_str(key, names[i])) {
            continue;
        }
        if ((r->keys & 1u << i) != 0) {
            return wrong(r, "", key, " stands twice");
        }
        r->keys |= 1u << i;
        return read_head_value(r->plan, i, value) == ERR_OK
                   ? ERR_OK
                   : wrong(r, "the value of ", key, " is not one that is understood here");
    }
    return wrong(r, "unknown key '", key, "' in the head of the plan");
}

static enum err finish_item(struct reading *r)
{
    if (r->item == NULL) {
        return ERR_OK;
    }
    for (unsigned i = 0; r->item->judge->parameters[i].name != NULL; i++) {
        if ((r->given & 1u << i) == 0) {
            return wrong(r, "the requirement above lacks its parameter ",
                         slice_str(r->item->judge->parameters[i].name),
                         "; a plan writes out every figure");
        }
    }
    return (r->given & SAMPLES) != 0
               ? ERR_OK
               : wrong(r, "the requirement above lacks its number of samples", slice_str(""), "");
}

static enum err begin_item(struct reading *r, struct slice id)
{
    if (r->keys != (1u << HEAD_KEYS) - 1) {
        return wrong(r,
                     "before the first requirement the plan needs plan, version, date, purpose, "
                     "title_sv, title_en and seed",
                     slice_str(""), "");
    }
    enum err err = finish_item(r);
    if (err != ERR_OK) {
        return err;
    }
    const struct requirement *requirement = requirement_find(r->catalogue, id);
    if (requirement == NULL) {
        return wrong(r, "the catalogue has no requirement ", id, "");
    }
    const struct judge *judge = judge_find(requirement->texts[TEXT_METRIC]);
    if (judge == NULL) {
        return wrong(r, "no judge measures ", requirement->texts[TEXT_METRIC],
                     " yet; take the requirement out of the plan");
    }
    for (size_t i = 0; i < r->plan->item_count; i++) {
        if (r->plan->items[i].requirement == requirement) {
            return wrong(r, "the requirement ", id, " stands twice");
        }
    }
    if (r->plan->item_count == TESTPLAN_ITEMS_MAX) {
        return wrong(r, "too many requirements: at most 128 in one plan", slice_str(""), "");
    }
    r->item = &r->plan->items[r->plan->item_count++];
    *r->item = (struct testplan_item){requirement, judge, {0}};
    r->item->terms.operator_ = requirement->operator_;
    r->item->terms.threshold_milli = requirement->threshold_milli;
    r->given = 0;
    return ERR_OK;
}

static enum err read_samples(struct reading *r, struct slice value)
{
    uint64_t samples = 0;
    if (slice_u64(value, TRIALS_MAX, &samples) != ERR_OK || samples == 0) {
        return wrong(r, "the number of samples '", value, "' must be from 1 to 4096");
    }
    if (!r->plan->is_demonstration && samples < r->item->requirement->samples) {
        return wrong(r,
                     "fewer samples than the requirement asks for are allowed in a demonstration "
                     "only; it asks for ",
                     r->item->requirement->texts[TEXT_SAMPLES], "");
    }
    r->item->terms.samples = samples;
    return ERR_OK;
}

static enum err read_threshold(struct reading *r, struct slice value)
{
    int64_t milli = 0;
    const struct requirement *q = r->item->requirement;
    if (!r->plan->is_demonstration) {
        return wrong(r,
                     "an evaluation takes the threshold from the requirement; leave the line out",
                     slice_str(""), "");
    }
    if (requirement_milli(value, &milli) != ERR_OK) {
        return wrong(r, "the threshold '", value, "' is not a number");
    }
    if (check_rule(q->operator_, milli, 0, q->threshold_milli) != RULING_PASS) {
        return wrong(r, "the threshold may only be stricter than the requirement's ",
                     q->texts[TEXT_THRESHOLD], "");
    }
    r->item->terms.threshold_milli = milli;
    return ERR_OK;
}

static enum err read_parameter(struct reading *r, struct slice key, struct slice value)
{
    const struct parameter *table = r->item->judge->parameters;
    for (unsigned i = 0; table[i].name != NULL; i++) {
        if (!slice_eq_str(key, table[i].name)) {
            continue;
        }
        int64_t milli = 0;
        if ((r->given & 1u << i) != 0) {
            return wrong(r, "", key, " stands twice");
        }
        if (requirement_milli(value, &milli) != ERR_OK || milli < table[i].min_milli ||
            milli > table[i].max_milli) {
            return wrong(r, "the value of ", key, " is not a number within its bounds");
        }
        r->given |= 1u << i;
        r->item->terms.values[i] = milli;
        return ERR_OK;
    }
    return wrong(r, "the judge of this requirement has no parameter '", key, "'");
}

static enum err read_line(struct reading *r, struct slice line)
{
    struct slice value = slice_trim(line);
    if (value.len == 0 || value.at[0] == '#') {
        return ERR_OK;
    }
    struct slice all = value;
    struct slice key = slice_trim(slice_cut(&value, ':'));
    if (key.len == slice_trim(all).len || slice_trim(value).len == 0) {
        return wrong(r, "a line must read `key: value`, this one is '", all, "'");
    }
    value = slice_trim(value);
    if (slice_eq_str(key, "requirement")) {
        return begin_item(r, value);
    }
    if (r->item == NULL) {
        return read_head(r, key, value);
    }
    unsigned mark = slice_eq_str(key, "samples")     ? SAMPLES
                    : slice_eq_str(key, "threshold") ? THRESHOLD
                                                     : 0u;
    if (mark == 0) {
        return read_parameter(r, key, value);
    }
    if ((r->given & mark) != 0) {
        return wrong(r, "", key, " stands twice");
    }
    r->given |= mark;
    return mark == SAMPLES ? read_samples(r, value) : read_threshold(r, value);
}

static void hash_part(crypto_generichash_state *state, struct slice part)
{
    uint8_t len[8];
    for (size_t i = 0; i < sizeof len; i++) {
        len[i] = (uint8_t)((uint64_t)part.len >> (8 * i));
    }
    crypto_generichash_update(state, len, sizeof len);
    crypto_generichash_update(state, part.at, part.len);
}

static void freeze(struct slice text, struct testplan *plan)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, HASH_LEN);
    hash_part(&state, slice_str("samlarm.plan.1"));
    hash_part(&state, text);
    for (size_t i = 0; i < plan->item_count; i++) {
        hash_part(&state, plan->items[i].requirement->source);
    }
    crypto_generichash_final(&state, plan->hash, HASH_LEN);
}

enum err testplan_parse(struct slice text, const struct catalogue *catalogue,
                        struct testplan *ret_plan, struct complaint *ret_complaint)
{
    struct reading r = {.plan = ret_plan, .catalogue = catalogue, .complaint = ret_complaint};
    enum err err = ERR_OK;
    struct slice rest = text;
    *ret_plan = (struct testplan){0};
    if (text.len > TESTPLAN_TEXT_MAX || !slice_is_utf8(text)) {
        return complaint_make(ret_complaint, 1, "the plan must be UTF-8 text of at most 64 KiB",
                              slice_str(""), "");
    }
    while (err == ERR_OK && rest.len > 0) {
        r.line++;
        err = read_line(&r, slice_cut(&rest, '\n'));
    }
    err = err == ERR_OK ? finish_item(&r) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (ret_plan->item_count == 0) {
        return wrong(&r, "the plan has no requirement", slice_str(""), "");
    }
    freeze(text, ret_plan);
    return ERR_OK;
}

int64_t testplan_value(const struct testplan_item *item, const char *name)
{
    for (size_t i = 0; item->judge->parameters[i].name != NULL; i++) {
        if (strcmp(item->judge->parameters[i].name, name) == 0) {
            return item->terms.values[i];
        }
    }
    return -1;
}
