/* yaml.c - see yaml.h. Called by conf_load and by the readers of values, for lines. */
#include "conf/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int yaml_node_line(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

const char *yaml_scalar(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
                                                          : NULL;
}

/* One step down: by key in a mapping, by number in a list. */
static yaml_node_t *child(yaml_document_t *document, const yaml_node_t *node, struct slice part)
{
    if (node->type == YAML_MAPPING_NODE) {
        for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
             p++) {
            const char *key = yaml_scalar(yaml_document_get_node(document, p->key));
            if (key != NULL && slice_eq_str(part, key)) {
                return yaml_document_get_node(document, p->value);
            }
        }
    } else if (node->type == YAML_SEQUENCE_NODE) {
        uint64_t i = 0;
        yaml_node_item_t *items = node->data.sequence.items.start;
        if (slice_u64(part, UINT32_MAX, &i) == ERR_OK &&
            i < (uint64_t)(node->data.sequence.items.top - items)) {
            return yaml_document_get_node(document, items[i]);
        }
    }
    return NULL;
}

static yaml_node_t *walk(const struct yaml *yaml, const char *format, va_list values,
                         yaml_node_t **ret_deepest)
{
    char path[160];
    *ret_deepest = NULL;
    if (!yaml->is_open) {
        return NULL;
    }
    /* libyaml's readers take no const, and change nothing. */
    yaml_document_t *document = (yaml_document_t *)(uintptr_t)&yaml->document;
    (void)vsnprintf(path, sizeof path, format, values);
    struct slice rest = slice_str(path);
    yaml_node_t *node = yaml_document_get_root_node(document);
    while (node != NULL && rest.len > 0) {
        *ret_deepest = node;
        node = child(document, node, slice_cut(&rest, '/'));
    }
    if (node != NULL) {
        *ret_deepest = node;
    }
    return node;
}

yaml_node_t *yaml_node(const struct yaml *yaml, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    yaml_node_t *deepest = NULL;
    yaml_node_t *node = walk(yaml, format, values, &deepest);
    va_end(values);
    return node;
}

int yaml_line(const struct yaml *yaml, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    yaml_node_t *deepest = NULL;
    (void)walk(yaml, format, values, &deepest);
    va_end(values);
    return deepest == NULL ? 0 : yaml_node_line(deepest);
}

/* What libyaml says, in words for people. */
static void say_broken(struct load *load, enum file file, const yaml_parser_t *parser)
{
    const char *problem = parser->problem == NULL ? "it cannot be read" : parser->problem;
    int line = (int)parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) {
        line = 0;
        for (size_t i = 0; i < load->len[file] && i <= parser->problem_offset; i++) {
            line += load->text[file][i] == '\n';
        }
        fault(load, file, line + 1, "this is not UTF-8 text (%s); save the file as UTF-8.",
              problem);
    } else if (strstr(problem, "cannot start any token") != NULL) {
        fault(load, file, line,
              "a character stands here that YAML does not allow at this place; indent with spaces, "
              "never with tabs, and put texts with special characters in \"quotes\".");
    } else {
        fault(load, file, line,
              "this is not well-formed YAML (%s); look at the indentation, the `:` after each word "
              "and the quotes, here and on the line above.",
              problem);
    }
}

static bool parse(struct load *load, enum file file, yaml_document_t *ret_document)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        load->is_out_of_memory = true;
        return false;
    }
    yaml_parser_set_input_string(&parser, load->text[file], load->len[file]);
    bool is_good = yaml_parser_load(&parser, ret_document) != 0;
    if (!is_good) {
        say_broken(load, file, &parser);
    } else if (yaml_document_get_root_node(ret_document) == NULL) {
        fault(load, file, 0,
              "the file holds nothing but comments; config/defaults has one to begin with.");
        yaml_document_delete(ret_document);
        is_good = false;
    }
    yaml_parser_delete(&parser);
    return is_good;
}

struct growing {
    uint8_t *at;
    size_t len;
    size_t room;
};

static int grow(void *context, unsigned char *at, size_t len)
{
    struct growing *g = context;
    if (g->len + len > g->room) {
        size_t room = (g->len + len) * 2;
        uint8_t *bigger = realloc(g->at, room);
        if (bigger == NULL) {
            return 0;
        }
        g->at = bigger;
        g->room = room;
    }
    memcpy(g->at + g->len, at, len);
    g->len += len;
    return 1;
}

/* The document as text again, after shape_wrap. Frees the document. */
static bool emit(yaml_document_t *document, struct growing *ret_text)
{
    yaml_emitter_t emitter;
    if (yaml_emitter_initialize(&emitter) == 0) {
        yaml_document_delete(document);
        return false;
    }
    yaml_emitter_set_output(&emitter, grow, ret_text);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    bool is_good = yaml_emitter_open(&emitter) != 0 && yaml_emitter_dump(&emitter, document) != 0 &&
                   yaml_emitter_close(&emitter) != 0;
    yaml_emitter_delete(&emitter);
    return is_good;
}

static const cyaml_config_t cyaml = {.mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};

void yaml_free_raw(const cyaml_schema_value_t *schema, void *raw)
{
    if (raw != NULL) {
        (void)cyaml_free(&cyaml, schema, raw, 0);
    }
}

bool yaml_load(struct load *load, int file, const cyaml_schema_value_t *schema, void **ret_raw)
{
    struct yaml *yaml = &load->yaml[file];
    if (load->text[file] == NULL || !parse(load, (enum file)file, &yaml->document)) {
        return false;
    }
    yaml->is_open = true;
    if (!shape_check(load, file, &yaml->document, schema)) {
        return false;
    }
    yaml_document_t copy;
    struct growing text = {0};
    void *raw = NULL;
    bool is_good = false;
    if (parse(load, (enum file)file, &copy)) {
        shape_wrap(&copy, schema);
        cyaml_err_t err = CYAML_ERR_OOM;
        if (emit(&copy, &text)) {
            err = cyaml_load_data(text.at, text.len, &cyaml, schema, &raw, NULL);
        }
        is_good = err == CYAML_OK;
        if (!is_good) {
            fault(load, (enum file)file, 0, "the file cannot be understood (%s).",
                  cyaml_strerror(err));
        }
    }
    free(text.at);
    if (is_good) {
        *ret_raw = raw;
    }
    return is_good;
}

void yaml_close(struct yaml *yaml)
{
    if (yaml->is_open) {
        yaml_document_delete(&yaml->document);
        yaml->is_open = false;
    }
}
