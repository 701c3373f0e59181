/* site.c - the silences of one unit are one case with a list, however many they are.
 *
 * Called by supervision.c. A power cut in a house is one thing to see to, not a hundred. The first silence
 * opens the case, others join it: as long as nobody has taken it, and after that while the newest of
 * the list is younger than SITE_WINDOW_MS. A silence that begins later is another thing and a case of its
 * own. Who speaks again leaves the list; the last one ends the case. Who joins rings again whom it
 * rings, and lets alone who has taken it, unless somebody is without help now who was not before: then
 * the plan of the graver class begins, with everybody.
 *
 * Each silence is an event of its own all the same, and the list follows from these events alone.
 */
#include "core/draft.h"

#include <string.h>

const struct slot *site_find(const struct work *w, size_t unit)
{
    const struct ledger *ledger = w->ledger;
    const struct directory *d = ledger->directory;
    for (size_t i = 0; unit < d->unit_count && i < ledger->open_count; i++) {
        const struct slot *slot = &ledger->slots[ledger->open[i]];
        const struct case_value *c = &slot->c;
        bool is_it = c->kind == KIND_DEVICE_SILENT && fold_is_ours(c->dialect) &&
                     strcmp(c->unit, d->units[unit].id) == 0;
        bool is_fresh = w->now.wall_ms - slot->marks.joined_ms < SITE_WINDOW_MS;
        bool is_taken = c->owner[0] != '\0' || c->is_centre_accepted;
        if (is_it && (is_fresh || !is_taken)) {
            return slot;
        }
    }
    return NULL;
}

struct list {
    size_t count;
    size_t named;
    uint32_t place; /* of the last one */
    struct buf names;
    char memory[TEXT_ROOM - 16];
};

static void list_add(struct list *list, const struct device *device)
{
    size_t len = strlen(device->id);
    list->count++;
    list->place = device->place;
    if (list->names.len + len + 2 < list->names.room && list->named + 1 == list->count) {
        buf_put_str(&list->names, list->named > 0 ? ", " : "");
        buf_put(&list->names, device->id, len);
        list->named++;
    }
}

static bool is_joining(const struct site *site, size_t item)
{
    for (size_t i = 0; i < site->joining_count; i++) {
        if (site->joining[i] == item) {
            return true;
        }
    }
    return false;
}

/* Who is silent in this case, in the order of devices.csv: looks through all devices, which is 20 us for
 * 5,000, once for a silence that begins or ends and never for a heartbeat. */
static void list_members(struct list *list, const struct ledger *ledger, const struct site *site)
{
    *list = (struct list){.count = 0};
    list->names = buf_of(list->memory, sizeof list->memory);
    for (size_t i = 0; i < ledger->directory->device_count; i++) {
        const struct life *life = &ledger->lives[i];
        bool is_member = life->is_silent && memcmp(life->silent_case, site->ref, CASE_ID_REF) == 0;
        if ((is_member && i != site->without) || is_joining(site, i)) {
            list_add(list, &ledger->directory->devices[i]);
        }
    }
}

/* "12: a, b, c +9"; the place is the one that is left, of several it is the unit. */
static void put_list(struct draft *t, const struct list *list)
{
    const struct directory *d = t->work->ledger->directory;
    struct buf text = buf_of(t->c.text, sizeof t->c.text);
    buf_put_u64(&text, list->count);
    buf_put_str(&text, ": ");
    buf_put_slice(&text, buf_slice(&list->names));
    if (list->named < list->count) {
        buf_put_str(&text, " +");
        buf_put_u64(&text, list->count - list->named);
    }
    (void)buf_cstr(&text);
    t->c.place[0] = '\0';
    if (list->count == 1 && list->place < d->place_count) {
        memcpy(t->c.place, d->places[list->place].pseudonym, sizeof t->c.place);
    }
}

void site_open(struct draft *t, const struct site *site, enum class_ gravest)
{
    struct list list;
    list_members(&list, t->work->ledger, site);
    t->c.class_ = gravest;
    if (list.count > 1) {
        put_list(t, &list); /* one alone is named by the case itself */
    }
    case_open(t->work, t);
}

void site_grown(struct draft *t, const struct site *site, enum class_ gravest)
{
    struct list list;
    list_members(&list, t->work->ledger, site);
    put_list(t, &list);
    offers_ring(&t->c);
    draft_put(t, CHANGE_UPDATED, "", "joined");
    if (gravest < t->c.class_) {
        steps_graver(t, gravest);
    }
}

void site_shrunk(struct draft *t, const struct site *site)
{
    struct list list;
    list_members(&list, t->work->ledger, site);
    if (list.count > 0) {
        put_list(t, &list);
        draft_put(t, CHANGE_UPDATED, "", "back");
    } else {
        t->c.is_restored = true;
        draft_close(t, "", "restored");
    }
}
