/* transcript.c - recorded conversations: the `.case` files, text -> steps.
 *
 * Called by the replay test, the simulated devices, the bench and the maker of fuzz seeds.
 * Never plays anything, never reads a file. The grammar is drawn in transcript.h; a line is cut
 * into tokens (word, "quoted bytes", key=value) first, then read by its first token.
 */
#include "wire/transcript.h"

#include "base/clock.h"

#include <string.h>

enum { ANY = 1 };

/* One line being read. */
struct line {
    struct slice rest;
    struct arena *arena;
    int number;
    char *why;
};

static enum err complain(struct line *line, const char *what, struct slice about)
{
    struct buf b = buf_of(line->why, TRANSCRIPT_WHY_ROOM);
    buf_put_str(&b, what);
    if (about.len > 0) {
        buf_put_str(&b, ": ");
        buf_put(&b, about.at, about.len < 60 ? about.len : 60);
    }
    buf_cstr(&b);
    return ERR_SYNTAX;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct slice *rest)
{
    while (rest->len > 0 && is_blank(rest->at[0])) {
        *rest = slice_from(*rest, 1);
    }
}

/* A word ends at a blank, or before a quote. */
static struct slice take_word(struct slice *rest)
{
    skip_blanks(rest);
    size_t len = 0;
    while (len < rest->len && !is_blank(rest->at[len]) && rest->at[len] != '"') {
        len++;
    }
    struct slice word = slice_of(rest->at, len);
    *rest = slice_from(*rest, len);
    return word;
}

static struct slice peek_word(const struct line *line)
{
    struct slice rest = line->rest;
    return take_word(&rest);
}

/* Bytes with a mark for each that may be anything. */
struct pattern {
    struct buf bytes;
    struct buf marks;
    bool has_any;
    bool is_open_ended;
    bool is_present;
};

static void put_byte(struct pattern *p, uint8_t byte, bool is_any)
{
    buf_put_u8(&p->bytes, byte);
    buf_put_u8(&p->marks, is_any ? ANY : 0);
    p->has_any = p->has_any || is_any;
}

static enum err put_hex_byte(struct line *line, struct pattern *p, struct slice digits)
{
    uint8_t byte = 0;
    size_t len = 0;
    if (digits.len != 2 || hex_decode(digits, &byte, 1, &len) != ERR_OK) {
        return complain(line, "two hex digits are expected for a byte, not", digits);
    }
    put_byte(p, byte, false);
    return ERR_OK;
}

/* What stands after a backslash. */
static enum err put_escape(struct line *line, struct pattern *p)
{
    uint8_t c = line->rest.at[0];
    static const char from[] = "rnt\\\"?*0";
    static const char to[] = "\r\n\t\\\"?*";
    const char *found = strchr(from, c);
    if (c == 'x' && line->rest.len >= 3) {
        struct slice digits = slice_of(line->rest.at + 1, 2);
        line->rest = slice_from(line->rest, 3);
        return put_hex_byte(line, p, digits);
    }
    if (c == 0 || found == NULL) {
        return complain(line,
                        "this escape is not known; \\r \\n \\t \\0 \\\\ \\\" \\? \\* \\xNN are",
                        slice_of(line->rest.at, 1));
    }
    put_byte(p, (uint8_t)to[found - from], false);
    line->rest = slice_from(line->rest, 1);
    return ERR_OK;
}

/* From behind the opening quote to behind the closing one. */
static enum err take_quoted(struct line *line, struct pattern *p)
{
    while (line->rest.len > 0) {
        uint8_t c = line->rest.at[0];
        bool is_any = c == '?' && line->rest.len > 1 && line->rest.at[1] == '?';
        line->rest = slice_from(line->rest, is_any ? 2 : 1);
        if (c == '"') {
            return ERR_OK;
        }
        if (c == '\\' && line->rest.len > 0) {
            enum err err = put_escape(line, p);
            if (err != ERR_OK) {
                return err;
            }
        } else {
            put_byte(p, c, is_any);
        }
    }
    return complain(line, "the closing quote is missing", slice_of(NULL, 0));
}

static bool is_hex_token(struct slice word)
{
    uint8_t byte = 0;
    size_t len = 0;
    return slice_eq_str(word, "??") ||
           (word.len == 2 && hex_decode(word, &byte, 1, &len) == ERR_OK);
}

/* `"text" hex 01 ?? "more" *`, as far as it goes; what follows is left on the line. */
static enum err take_pattern(struct line *line, struct pattern *p)
{
    bool is_hex = false;
    for (;;) {
        skip_blanks(&line->rest);
        struct slice word = peek_word(line);
        enum err err = ERR_OK;
        if (line->rest.len > 0 && line->rest.at[0] == '"') {
            line->rest = slice_from(line->rest, 1);
            is_hex = false;
            err = take_quoted(line, p);
        } else if (slice_eq_str(word, "hex")) {
            take_word(&line->rest);
            is_hex = true;
        } else if (slice_eq_str(word, "??")) {
            take_word(&line->rest);
            put_byte(p, 0, true);
        } else if (slice_eq_str(word, "*")) {
            take_word(&line->rest);
            p->is_open_ended = true;
        } else if (is_hex && is_hex_token(word)) {
            err = put_hex_byte(line, p, take_word(&line->rest));
        } else {
            return ERR_OK;
        }
        p->is_present = true;
        if (err != ERR_OK) {
            return err;
        }
    }
}

/* A pattern into a step; its memory is as long as the rest of the line at most. */
static enum err read_pattern(struct line *line, struct transcript_step *step)
{
    size_t room = line->rest.len + 1;
    uint8_t *bytes = arena_alloc(line->arena, room, 1);
    uint8_t *marks = arena_alloc(line->arena, room, 1);
    if (bytes == NULL || marks == NULL) {
        return ERR_FULL;
    }
    struct pattern p = {.bytes = buf_of(bytes, room), .marks = buf_of(marks, room)};
    enum err err = take_pattern(line, &p);
    if (err != ERR_OK) {
        return err;
    }
    step->bytes = buf_slice(&p.bytes);
    step->is_any = p.has_any ? marks : NULL;
    step->has_bytes = p.is_present;
    step->is_open_ended = p.is_open_ended;
    return ERR_OK;
}

static size_t key_length(struct slice rest)
{
    for (size_t i = 0; i < rest.len && !is_blank(rest.at[i]) && rest.at[i] != '"'; i++) {
        if (rest.at[i] == '=') {
            return i;
        }
    }
    return 0;
}

/* One key=value; the value is a word or quoted. */
static enum err read_pair(struct line *line, struct transcript_pair *pair)
{
    size_t len = key_length(line->rest);
    if (len == 0) {
        return complain(line, "key=value is expected here, not", peek_word(line));
    }
    pair->key = slice_of(line->rest.at, len);
    line->rest = slice_from(line->rest, len + 1);
    if (line->rest.len == 0 || line->rest.at[0] != '"') {
        pair->value = line->rest.len > 0 && is_blank(line->rest.at[0]) ? slice_of(NULL, 0)
                                                                       : take_word(&line->rest);
        return ERR_OK;
    }
    struct transcript_step quoted = {.line = line->number};
    struct line one = *line;
    one.rest = slice_from(line->rest, 1);
    size_t room = one.rest.len + 1;
    uint8_t *bytes = arena_alloc(line->arena, room, 1);
    uint8_t *marks = arena_alloc(line->arena, room, 1);
    if (bytes == NULL || marks == NULL) {
        return ERR_FULL;
    }
    struct pattern p = {.bytes = buf_of(bytes, room), .marks = buf_of(marks, room)};
    enum err err = take_quoted(&one, &p);
    line->rest = one.rest;
    quoted.bytes = buf_slice(&p.bytes);
    pair->value = quoted.bytes;
    return err;
}

/* key=value until the end of the line. */
static enum err read_pairs(struct line *line, struct transcript_step *step)
{
    skip_blanks(&line->rest);
    while (line->rest.len > 0) {
        if (step->pair_count == TRANSCRIPT_PAIRS_MAX) {
            return complain(line, "more than 16 key=value on one line", slice_of(NULL, 0));
        }
        enum err err = read_pair(line, &step->pairs[step->pair_count]);
        if (err != ERR_OK) {
            return err;
        }
        step->pair_count++;
        skip_blanks(&line->rest);
    }
    return ERR_OK;
}

static enum err read_number(struct line *line, uint64_t max, uint64_t *ret_value)
{
    struct slice word = take_word(&line->rest);
    if (slice_u64(word, max, ret_value) != ERR_OK) {
        return complain(line, "a number is expected here, not", word);
    }
    return ERR_OK;
}

/* `<` and `>` */
static enum err read_traffic(struct line *line, struct transcript_step *step)
{
    struct slice verb = peek_word(line);
    uint64_t status = 0;
    if (slice_eq_str(verb, "answer")) {
        take_word(&line->rest);
        step->verb = TRANSCRIPT_ANSWER;
        enum err err = read_number(line, 699, &status);
        if (err != ERR_OK) {
            return err;
        }
        step->status = (int)status;
    } else if (slice_eq_str(verb, "request")) {
        take_word(&line->rest);
        step->verb = TRANSCRIPT_REQUEST;
    } else if (slice_eq_str(verb, "hang_up")) {
        take_word(&line->rest);
        step->verb = TRANSCRIPT_HANG_UP;
    } else if (slice_eq_str(verb, "silence")) {
        take_word(&line->rest);
        step->has_bytes = true; /* none: an input that does not answer */
        return read_pairs(line, step);
    } else if (slice_eq_str(verb, "publish")) {
        take_word(&line->rest);
        step->verb = TRANSCRIPT_PUBLISH;
        step->word = take_word(&line->rest);
        skip_blanks(&line->rest);
    }
    enum err err = read_pattern(line, step);
    if (err != ERR_OK) {
        return err;
    }
    if (step->verb == TRANSCRIPT_BYTES && !step->has_bytes) {
        return complain(line, "bytes are expected here (\"text\" or hex 01 02), not", line->rest);
    }
    return read_pairs(line, step);
}

/* `!` */
static enum err read_event(struct line *line, struct transcript_step *step)
{
    static const struct {
        const char *word;
        enum transcript_verb verb;
    } verbs[] = {{"alive", TRANSCRIPT_ALIVE},
                 {"note", TRANSCRIPT_NOTE},
                 {"delivered", TRANSCRIPT_DELIVERED},
                 {"refused", TRANSCRIPT_REFUSED}};
    step->verb = TRANSCRIPT_EVENT;
    struct slice first = peek_word(line);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (slice_eq_str(first, verbs[i].word)) {
            take_word(&line->rest);
            step->verb = verbs[i].verb;
        }
    }
    if (step->verb == TRANSCRIPT_NOTE) {
        step->word = take_word(&line->rest);
    }
    return read_pairs(line, step);
}

/* `=`, `x`, `?` */
static enum err read_word(struct line *line, struct transcript_step *step)
{
    step->verb = TRANSCRIPT_WORD;
    step->word = take_word(&line->rest);
    if (step->word.len == 0) {
        return complain(line, "a word is expected here", slice_of(NULL, 0));
    }
    return read_pairs(line, step);
}

static enum err read_step(struct line *line, char mark, struct transcript_step *step)
{
    uint64_t ms = 0;
    step->line = line->number;
    switch (mark) {
    case '<':
        step->type = TRANSCRIPT_IN;
        return read_traffic(line, step);
    case '>':
        step->type = TRANSCRIPT_OUT;
        return read_traffic(line, step);
    case '!':
        step->type = TRANSCRIPT_ALARM;
        return read_event(line, step);
    case '=':
        step->type = TRANSCRIPT_JOURNAL;
        return read_word(line, step);
    case 'x':
        step->type = TRANSCRIPT_VERDICT;
        return read_word(line, step);
    case '?':
        step->type = TRANSCRIPT_STATUS;
        return read_word(line, step);
    default: /* '@' */
        step->type = TRANSCRIPT_TIME;
        step->verb = TRANSCRIPT_WORD;
        if (read_number(line, 1000u * 86400 * 400, &ms) != ERR_OK) {
            return ERR_SYNTAX;
        }
        step->ms = (int64_t)ms;
        return read_pairs(line, step);
    }
}

static enum err read_option(struct line *line, struct transcript *t)
{
    if (t->option_count == TRANSCRIPT_OPTIONS_MAX) {
        return complain(line, "more than 16 options", slice_of(NULL, 0));
    }
    struct transcript_pair *option = &t->options[t->option_count];
    struct transcript_step value = {.line = line->number};
    option->key = take_word(&line->rest);
    skip_blanks(&line->rest);
    if (line->rest.len > 0 && line->rest.at[0] == '"') {
        enum err err = read_pattern(line, &value);
        if (err != ERR_OK) {
            return err;
        }
        option->value = value.bytes;
    } else {
        option->value = slice_trim(line->rest);
        line->rest = slice_from(line->rest, line->rest.len);
    }
    if (option->key.len == 0) {
        return complain(line, "an option needs a name and a value", slice_of(NULL, 0));
    }
    t->option_count++;
    return ERR_OK;
}

/* hex:0102 is bytes, anything else is the secret itself */
static enum err read_secret(struct line *line, struct slice value, struct slice *ret_secret)
{
    size_t len = 0;
    *ret_secret = value;
    if (!slice_starts(value, "hex:")) {
        return ERR_OK;
    }
    struct slice digits = slice_from(value, 4);
    uint8_t *bytes = arena_alloc(line->arena, digits.len / 2 + 1, 1);
    if (bytes == NULL) {
        return ERR_FULL;
    }
    if (hex_decode(digits, bytes, digits.len / 2 + 1, &len) != ERR_OK) {
        return complain(line, "pairs of hex digits are expected after hex:, not", digits);
    }
    *ret_secret = slice_of(bytes, len);
    return ERR_OK;
}

static enum err read_device(struct line *line, struct transcript *t)
{
    if (t->device_count == TRANSCRIPT_DEVICES_MAX) {
        return complain(line, "more than 8 devices", slice_of(NULL, 0));
    }
    struct transcript_device *device = &t->devices[t->device_count];
    struct transcript_step pairs = {.line = line->number};
    device->key = take_word(&line->rest);
    enum err err = read_pairs(line, &pairs);
    if (device->key.len == 0) {
        return complain(line, "the key of the device is missing", slice_of(NULL, 0));
    }
    for (size_t i = 0; err == ERR_OK && i < pairs.pair_count; i++) {
        struct slice key = pairs.pairs[i].key;
        struct slice value = pairs.pairs[i].value;
        if (slice_eq_str(key, "model")) {
            device->model = value;
        } else if (slice_eq_str(key, "secret")) {
            err = read_secret(line, value, &device->secret);
        } else if (slice_eq_str(key, "sequence")) {
            err = slice_u64(value, UINT64_MAX, &device->sequence);
        } else {
            err = complain(line, "a device has model, secret and sequence, not", key);
        }
    }
    t->device_count += err == ERR_OK;
    return err;
}

static enum err read_heading(struct line *line, struct slice word, struct transcript *t)
{
    if (slice_eq_str(word, "adapter")) {
        t->adapter = take_word(&line->rest);
        return t->adapter.len > 0
                   ? ERR_OK
                   : complain(line, "the name of the adapter is missing", slice_of(NULL, 0));
    }
    if (slice_eq_str(word, "option")) {
        return read_option(line, t);
    }
    if (slice_eq_str(word, "role")) {
        struct slice role = take_word(&line->rest);
        t->is_dialling = slice_eq_str(role, "dial");
        return t->is_dialling || slice_eq_str(role, "listen")
                   ? ERR_OK
                   : complain(line, "the role is dial or listen, not", role);
    }
    if (slice_eq_str(word, "device")) {
        return read_device(line, t);
    }
    if (slice_eq_str(word, "wall")) {
        struct slice time = take_word(&line->rest);
        return clock_parse(time, &t->wall_ms) == ERR_OK
                   ? ERR_OK
                   : complain(line, "a time like 2026-11-25T10:00:00Z is expected, not", time);
    }
    return complain(line,
                    "a line begins with < > ! = @ x ? # adapter, option, role, device or wall, not",
                    word);
}

static enum err read_line(struct line *line, struct transcript *t)
{
    skip_blanks(&line->rest);
    if (line->rest.len == 0 || line->rest.at[0] == '#') {
        return ERR_OK;
    }
    struct slice word = take_word(&line->rest);
    enum err err = ERR_OK;
    if (word.len == 1 && memchr("<>!=@x?", word.at[0], 7) != NULL) {
        if (t->step_count == TRANSCRIPT_STEPS_MAX) {
            complain(line, "more than 512 steps in one file", slice_of(NULL, 0));
            return ERR_FULL;
        }
        err = read_step(line, (char)word.at[0], &t->steps[t->step_count]);
        t->step_count++;
    } else {
        err = read_heading(line, word, t);
    }
    skip_blanks(&line->rest);
    if (err == ERR_OK && line->rest.len > 0) {
        return complain(line, "nothing more is expected on this line, but there is", line->rest);
    }
    return err;
}

/* At most so many lines can be steps: `@ 1` and its line feed are four bytes. */
static size_t steps_possible(size_t text_len)
{
    size_t steps = text_len / 3 + 1;
    return steps < TRANSCRIPT_STEPS_MAX ? steps : TRANSCRIPT_STEPS_MAX;
}

size_t transcript_arena(size_t text_len)
{
    /* a pattern takes two bytes for each of the rest of its line, once per quoted text, and
     * alignment */
    return steps_possible(text_len) * sizeof(struct transcript_step) + text_len * 64 + 4096;
}

enum err transcript_parse(struct slice text, struct arena *arena, struct transcript *ret_transcript,
                          int *ret_line, char why[TRANSCRIPT_WHY_ROOM])
{
    struct transcript t = {.step_count = 0};
    struct line line = {.arena = arena, .why = why};
    why[0] = '\0';
    *ret_line = 0;
    if (text.len > TRANSCRIPT_MAX) {
        complain(&line, "the file is longer than 256 KiB", slice_of(NULL, 0));
        return ERR_FULL;
    }
    t.steps = arena_alloc(arena, steps_possible(text.len), sizeof *t.steps);
    if (t.steps == NULL) {
        complain(&line, "there is not enough memory for the file", slice_of(NULL, 0));
        return ERR_FULL;
    }
    struct slice rest = text;
    while (rest.len > 0) {
        line.number++;
        line.rest = slice_cut(&rest, '\n');
        *ret_line = line.number;
        enum err err = read_line(&line, &t);
        if (err != ERR_OK) {
            if (why[0] == '\0') {
                complain(&line, "there is not enough memory for the file", slice_of(NULL, 0));
            }
            return err;
        }
    }
    if (t.adapter.len == 0) {
        return complain(&line, "the file names no adapter", slice_of(NULL, 0));
    }
    *ret_transcript = t;
    return ERR_OK;
}

struct verdict transcript_take(const struct transcript_step *step, struct slice bytes)
{
    for (size_t i = 0; i < step->bytes.len; i++) {
        if (i == bytes.len) {
            return verdict_at(ERR_MORE, i);
        }
        bool is_any = step->is_any != NULL && step->is_any[i] == ANY;
        if (!is_any && bytes.at[i] != step->bytes.at[i]) {
            return verdict_at(ERR_SYNTAX, i);
        }
    }
    return verdict_at(ERR_OK, step->is_open_ended ? bytes.len : step->bytes.len);
}

bool transcript_matches(const struct transcript_step *step, struct slice bytes)
{
    struct verdict v = transcript_take(step, bytes);
    return v.err == ERR_OK && v.at == bytes.len;
}

bool transcript_pair(const struct transcript_step *step, const char *key, struct slice *ret_value)
{
    for (size_t i = 0; i < step->pair_count; i++) {
        if (slice_eq_str(step->pairs[i].key, key)) {
            *ret_value = step->pairs[i].value;
            return true;
        }
    }
    return false;
}
