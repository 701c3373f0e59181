/* yaml.h - one YAML file: its nodes with their lines, and its values through libcyaml.
 *
 * libcyaml stops at the first thing it does not like and forgets where values stood. So the file is
 * parsed into a document first (libyaml), shape.c holds that against the same schema table and names
 * every deviation, and only a document of the right shape is given to libcyaml. Private to conf/.
 */
#pragma once

#include <yaml.h>

#include "base/bytes.h"
#include "conf/schema.h"

struct yaml {
    yaml_document_t document;
    bool is_open;
};

struct load;

/* Parses, checks the shape, loads. False: said what is wrong; *ret_raw is untouched. */
bool yaml_load(struct load *load, int file, const cyaml_schema_value_t *schema, void **ret_raw);
void yaml_free_raw(const cyaml_schema_value_t *schema, void *raw);
void yaml_close(struct yaml *yaml);

/* The node at a path such as "ports/3/listen"; NULL when there is none. */
__attribute__((format(printf, 2, 3))) yaml_node_t *yaml_node(const struct yaml *yaml,
                                                             const char *format, ...);
/* The line of that node, or of the deepest one on the way that is there. From 1. */
__attribute__((format(printf, 2, 3))) int yaml_line(const struct yaml *yaml, const char *format,
                                                    ...);
int yaml_node_line(const yaml_node_t *node);
/* The text of a scalar; NULL for anything else. */
const char *yaml_scalar(const yaml_node_t *node);

/* shape.c: holds a document against a schema table. */
bool shape_check(struct load *load, int file, yaml_document_t *document,
                 const cyaml_schema_value_t *schema);
/* Where the table wants a list and a single word stands, makes a list of that word. */
void shape_wrap(yaml_document_t *document, const cyaml_schema_value_t *schema);
