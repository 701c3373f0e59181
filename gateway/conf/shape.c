/* shape.c - holds a YAML document against a schema table and says, in plain words, all that deviates:
 * unknown words (and what was probably meant), missing ones, doubles, lists that are none.
 *
 * Called by yaml.c before libcyaml loads the values. Knows no meaning of any word.
 */
#include "conf/load.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 24 };

struct shape {
    struct load *load;
    enum file file;
    yaml_document_t *document;
    size_t found; /* faults */
};

static void value(struct shape *s, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                  const char *key, unsigned depth);

static yaml_node_t *node_of(struct shape *s, int number)
{
    return yaml_document_get_node(s->document, number);
}

static const cyaml_schema_field_t *field_of(const cyaml_schema_value_t *mapping, const char *key)
{
    for (const cyaml_schema_field_t *f = mapping->mapping.fields; f->key != NULL; f++) {
        if (strcmp(f->key, key) == 0) {
            return f;
        }
    }
    return NULL;
}

static void unknown_key(struct shape *s, const yaml_node_t *node, const char *key,
                        const cyaml_schema_value_t *schema)
{
    char list[200];
    struct buf known = buf_of(list, sizeof list);
    struct guess guess = guess_of(key);
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key != NULL; f++) {
        guess_offer(&guess, f->key);
        buf_put_str(&known, f == schema->mapping.fields ? "" : ", ");
        buf_put_str(&known, f->key);
    }
    char hint[80];
    s->found++;
    if (guess.best != NULL) {
        fault(s->load, s->file, yaml_node_line(node), "`%.40s` is not known here%s", key,
              guess_text(&guess, hint, sizeof hint));
    } else {
        fault(s->load, s->file, yaml_node_line(node), "`%.40s` is not known here; known are: %s.",
              key, buf_cstr(&known));
    }
}

/* Is this key there, or a word that was already said to be probably meant as it? */
static bool is_key_there(struct shape *s, const yaml_node_t *node,
                         const cyaml_schema_value_t *schema, const char *wanted)
{
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        const char *key = yaml_scalar(node_of(s, p->key));
        if (key == NULL) {
            continue;
        }
        if (strcmp(key, wanted) == 0) {
            return true;
        }
        struct guess guess = guess_of(key);
        for (const cyaml_schema_field_t *f = schema->mapping.fields;
             field_of(schema, key) == NULL && f->key != NULL; f++) {
            guess_offer(&guess, f->key);
        }
        if (guess.best != NULL && strcmp(guess.best, wanted) == 0) {
            return true;
        }
    }
    return false;
}

static void missing_keys(struct shape *s, const yaml_node_t *node,
                         const cyaml_schema_value_t *schema)
{
    for (const cyaml_schema_field_t *f = schema->mapping.fields; f->key != NULL; f++) {
        if (((unsigned)f->value.flags & CYAML_FLAG_OPTIONAL) != 0) {
            continue;
        }
        if (!is_key_there(s, node, schema, f->key)) {
            s->found++;
            fault(s->load, s->file, yaml_node_line(node), "`%s:` is missing here; add it.", f->key);
        }
    }
}

/* The line of an earlier pair with this key, or 0. */
static int earlier(struct shape *s, const yaml_node_t *node, const yaml_node_pair_t *pair,
                   const char *key)
{
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < pair; p++) {
        const yaml_node_t *other = node_of(s, p->key);
        const char *text = yaml_scalar(other);
        if (text != NULL && strcmp(text, key) == 0) {
            return yaml_node_line(other);
        }
    }
    return 0;
}

static void mapping(struct shape *s, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                    const char *name, unsigned depth)
{
    if (node->type != YAML_MAPPING_NODE) {
        s->found++;
        fault(s->load, s->file, yaml_node_line(node),
              "`%s` needs lines of the form `word: value` below it, as in config/defaults/%s.",
              name, file_name(s->file));
        return;
    }
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        const yaml_node_t *key_node = node_of(s, p->key);
        const char *key = yaml_scalar(key_node);
        const cyaml_schema_field_t *f = key == NULL ? NULL : field_of(schema, key);
        if (f == NULL) {
            unknown_key(s, key_node, key == NULL ? "[...]" : key, schema);
            continue;
        }
        int before = earlier(s, node, p, key);
        if (before > 0) {
            s->found++;
            fault(s->load, s->file, yaml_node_line(key_node),
                  "`%s` stands here a second time, the first is on line %d; keep one.", key,
                  before);
        }
        value(s, node_of(s, p->value), &f->value, key, depth + 1);
    }
    missing_keys(s, node, schema);
}

static void list(struct shape *s, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                 const char *name, unsigned depth)
{
    const cyaml_schema_value_t *entry = schema->sequence.entry;
    if (node->type == YAML_SCALAR_NODE && entry->type == CYAML_STRING &&
        node->data.scalar.length > 0) {
        value(s, node, entry, name, depth + 1);
        return;
    }
    if (node->type != YAML_SEQUENCE_NODE) {
        s->found++;
        fault(s->load, s->file, yaml_node_line(node),
              "`%s` is a list: begin each entry on a line of its own with `- `.", name);
        return;
    }
    size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (count < schema->sequence.min || count > schema->sequence.max) {
        s->found++;
        fault(s->load, s->file, yaml_node_line(node),
              "`%s` has %zu entries; it takes from %u to %u.", name, count, schema->sequence.min,
              schema->sequence.max);
    }
    for (size_t i = 0; i < count; i++) {
        value(s, node_of(s, node->data.sequence.items.start[i]), entry, name, depth + 1);
    }
}

static void one_word(struct shape *s, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                     const char *name)
{
    const char *text = yaml_scalar(node);
    char words[320];
    struct buf known = buf_of(words, sizeof words);
    struct guess guess = guess_of(text == NULL ? "" : text);
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const char *word = schema->enumeration.strings[i].str;
        if (text != NULL && strcmp(word, text) == 0) {
            return;
        }
        guess_offer(&guess, word);
        buf_put_str(&known, i == 0 ? "" : ", ");
        buf_put_str(&known, word);
    }
    char hint[80];
    s->found++;
    if (guess.best != NULL) {
        fault(s->load, s->file, yaml_node_line(node), "`%s: %.40s` is not a known word%s", name,
              text, guess_text(&guess, hint, sizeof hint));
    } else {
        fault(s->load, s->file, yaml_node_line(node),
              "`%s: %.40s` is not a known word; known are: %s.", name, text == NULL ? "..." : text,
              buf_cstr(&known));
    }
}

static void words(struct shape *s, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                  const char *name)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        one_word(s, node, schema, name);
        return;
    }
    for (const yaml_node_item_t *i = node->data.sequence.items.start;
         i < node->data.sequence.items.top; i++) {
        one_word(s, node_of(s, *i), schema, name);
    }
}

static void scalar(struct shape *s, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                   const char *name)
{
    const char *text = yaml_scalar(node);
    int line = yaml_node_line(node);
    int64_t number = 0;
    s->found++;
    if (text == NULL) {
        fault(s->load, s->file, line, "`%s` takes one value on the same line, not a list.", name);
    } else if (schema->type == CYAML_INT && !word_number(text, &number)) {
        fault(s->load, s->file, line, "`%s` is a whole number, not `%.40s`.", name, text);
    } else if (schema->type == CYAML_BOOL && strcmp(text, "true") != 0 &&
               strcmp(text, "yes") != 0 && strcmp(text, "false") != 0 && strcmp(text, "no") != 0) {
        fault(s->load, s->file, line, "`%s` is yes or no, not `%.40s`.", name, text);
    } else if (schema->type == CYAML_STRING && strlen(text) > schema->string.max) {
        fault(s->load, s->file, line, "`%s` is longer than %u characters; shorten it.", name,
              schema->string.max);
    } else if (schema->type == CYAML_STRING && strlen(text) != node->data.scalar.length) {
        fault(s->load, s->file, line, "`%s` has a character in it that is not text.", name);
    } else {
        s->found--;
    }
}

// clang-format off
static void value(struct shape *s, const yaml_node_t *node, const cyaml_schema_value_t *schema,
                  const char *key, unsigned depth)
{
    if (depth > DEPTH_MAX) {
        s->found++;
        fault(s->load, s->file, yaml_node_line(node), "`%s` is nested too deeply.", key);
        return;
    }
    switch (schema->type) {
    case CYAML_MAPPING: mapping(s, node, schema, key, depth); break;
    case CYAML_SEQUENCE: list(s, node, schema, key, depth); break;
    case CYAML_FLAGS: words(s, node, schema, key); break;
    case CYAML_ENUM: one_word(s, node, schema, key); break;
    case CYAML_IGNORE: break;
    case CYAML_INT: case CYAML_UINT: case CYAML_BOOL: case CYAML_FLOAT: case CYAML_STRING:
    case CYAML_BITFIELD: case CYAML_SEQUENCE_FIXED: case CYAML__TYPE_COUNT:
        scalar(s, node, schema, key);
        break;
    }
}
// clang-format on

bool shape_check(struct load *load, int file, yaml_document_t *document,
                 const cyaml_schema_value_t *schema)
{
    struct shape s = {.load = load, .file = (enum file)file, .document = document};
    value(&s, yaml_document_get_root_node(document), schema, file_name((enum file)file), 0);
    return s.found == 0;
}

/* A lone word where a list is expected: `class: life` for `class: [life]`. */
static int wrap_one(yaml_document_t *document, int number)
{
    int list_number = yaml_document_add_sequence(document, NULL, YAML_FLOW_SEQUENCE_STYLE);
    if (list_number == 0 ||
        yaml_document_append_sequence_item(document, list_number, number) == 0) {
        return number;
    }
    return list_number;
}

static void wrap(yaml_document_t *document, int number, const cyaml_schema_value_t *schema)
{
    const yaml_node_t *node = yaml_document_get_node(document, number);
    if (schema->type == CYAML_SEQUENCE && node->type == YAML_SEQUENCE_NODE) {
        size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
        for (size_t i = 0; i < count; i++) {
            /* Fetched anew each time: adding a node may move all of them. */
            node = yaml_document_get_node(document, number);
            wrap(document, node->data.sequence.items.start[i], schema->sequence.entry);
        }
        return;
    }
    if (schema->type != CYAML_MAPPING) {
        return;
    }
    size_t count = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    for (size_t i = 0; i < count; i++) {
        yaml_node_pair_t pair =
            yaml_document_get_node(document, number)->data.mapping.pairs.start[i];
        const char *key = yaml_scalar(yaml_document_get_node(document, pair.key));
        const cyaml_schema_field_t *f = field_of(schema, key);
        bool is_list = f->value.type == CYAML_SEQUENCE || f->value.type == CYAML_FLAGS;
        if (is_list && yaml_document_get_node(document, pair.value)->type == YAML_SCALAR_NODE) {
            int list_number = wrap_one(document, pair.value);
            yaml_document_get_node(document, number)->data.mapping.pairs.start[i].value =
                list_number;
        } else {
            wrap(document, pair.value, &f->value);
        }
    }
}

void shape_wrap(yaml_document_t *document, const cyaml_schema_value_t *schema)
{
    wrap(document, 1, schema);
}
