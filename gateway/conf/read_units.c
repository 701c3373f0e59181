/* read_units.c - the tree of units.yaml, flattened: parents before their children.
 *
 * Called by conf_load, first of the readers, since everything else names units.
 */
#include "conf/load.h"

#include <stdio.h>
#include <string.h>

enum { TREE_DEPTH_MAX = 8, PATH_ROOM = 128 };

size_t count_units(const struct raw_unit *units, size_t count)
{
    size_t sum = count;
    for (size_t i = 0; i < count; i++) {
        sum += count_units(units[i].children, units[i].children_count);
    }
    return sum;
}

static void read_one(struct load *load, const struct raw_unit *from, const char *path,
                     uint16_t parent, unsigned depth);

static void read_children(struct load *load, const struct raw_unit *from, const char *path,
                          uint16_t index, unsigned depth)
{
    for (unsigned i = 0; i < from->children_count; i++) {
        char below[PATH_ROOM];
        (void)snprintf(below, sizeof below, "%s/children/%u", path, i);
        read_one(load, &from->children[i], below, index, depth + 1);
    }
}

static void read_one(struct load *load, const struct raw_unit *from, const char *path,
                     uint16_t parent, unsigned depth)
{
    struct directory *d = &load->conf->directory;
    const struct yaml *yaml = &load->yaml[FILE_UNITS];
    int line = yaml_line(yaml, "%s/unit", path);
    if (depth >= TREE_DEPTH_MAX) {
        fault(load, FILE_UNITS, line, "units are nested more than %d deep; flatten the tree.",
              TREE_DEPTH_MAX);
        return;
    }
    if (!word_id(load, FILE_UNITS, line, "the unit", from->unit, UNIT_ROOM)) {
        return;
    }
    uint16_t index = (uint16_t)d->unit_count;
    struct unit *unit = &d->units[index];
    uint32_t before = 0;
    (void)slice_text(slice_str(from->unit), unit->id, sizeof unit->id);
    if (!names_put(&load->unit_names, unit->id, index, &before)) {
        fault(load, FILE_UNITS, line,
              "the unit `%s` is described twice; give each unit a name of its own.", from->unit);
        *unit = (struct unit){0};
        return;
    }
    d->unit_count++;
    (void)word_label(load, FILE_UNITS, yaml_line(yaml, "%s/name", path), "the `name` of the unit",
                     from->name, unit->name, sizeof unit->name);
    unit->parent = parent;
    enum form above = parent == NONE ? FORM_UNKNOWN : d->units[parent].form;
    unit->form = from->form == 0 ? above : (enum form)from->form;
    if (above != FORM_UNKNOWN && unit->form != above) {
        fault(load, FILE_UNITS, yaml_line(yaml, "%s/form", path),
              "`%s` is `%s` inside `%s`, which is `%s`; a unit has one form. Leave the form of the "
              "upper unit out if it holds several.",
              unit->id, form_word(unit->form), d->units[parent].id, form_word(above));
    }
    if (unit->form == FORM_UNKNOWN && from->children_count == 0) {
        fault(load, FILE_UNITS, line,
              "the unit `%s` has no form; add `form:` special, ordinary, support or family.",
              unit->id);
    }
    read_children(load, from, path, index, depth);
}

void read_units(struct load *load)
{
    for (unsigned i = 0; i < load->units->units_count; i++) {
        char path[PATH_ROOM];
        (void)snprintf(path, sizeof path, "units/%u", i);
        read_one(load, &load->units->units[i], path, NONE, 0);
    }
}

bool find_unit(struct load *load, enum file file, int line, const char *what, const char *id,
               uint16_t *ret_unit)
{
    uint32_t index = 0;
    if (names_find(&load->unit_names, id, &index)) {
        *ret_unit = (uint16_t)index;
        return true;
    }
    if (load->is_good[FILE_UNITS]) {
        struct guess guess = guess_of(id);
        const struct directory *d = &load->conf->directory;
        for (size_t i = 0; i < d->unit_count; i++) {
            guess_offer(&guess, d->units[i].id);
        }
        char hint[80];
        fault(load, file, line, "%s names the unit `%.40s`, which is not in units.yaml%s", what, id,
              guess.best == NULL ? "." : guess_text(&guess, hint, sizeof hint));
    }
    return false;
}
