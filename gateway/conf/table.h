/* table.h - one CSV file as people's spreadsheets write it: `,` or `;`, UTF-8 with or without a mark,
 * or the Windows alphabet; quoted cells that go over several lines. Private to conf/.
 *
 * Columns are found by the names in the first row, in any order.
 */
#pragma once

#include "base/bytes.h"

enum { TABLE_COLUMNS_MAX = 12 };

struct column {
    const char *name;
    bool is_required; /* the column must be there; its cells may still be empty */
};

struct row {
    int line;                             /* where it begins */
    const char *cells[TABLE_COLUMNS_MAX]; /* in the order of the columns asked for; never NULL */
};

struct table {
    struct row *rows;
    size_t count;
    /* private */
    char *text;
    size_t text_len;
    size_t row_room;
};

struct load;

/* `columns` ends with name NULL. False: the form is wrong, and was said. Rows that could be read are
 * there in both cases. */
bool table_load(struct load *load, int file, const struct column *columns, size_t most);
void table_free(struct table *table);
