/* guard.c - whom a fault leaves without help: the class of a technical alarm.
 *
 * Called by the rules. A technical alarm waits for a technician, unless it takes away the last way to
 * call from a place: then it is urgent, in every housing form, a room of a home as well as a flat. A way
 * to call counts only when it is known to work: the device is supervised, heard and without a fault. One
 * that nobody supervises is no comfort, and a part of a silent whole (the pendant of a dead hub) is
 * none either. Which device can be pressed and which only listens is not in the lists: in doubt urgent.
 */
#include "core/draft.h"

#include <string.h>

static bool takes_away(enum kind kind)
{
    return kind == KIND_DEVICE_SILENT || kind == KIND_DEVICE_FAULT || kind == KIND_LINK_LOST ||
           kind == KIND_RADIO_FAULT;
}

static bool has_fault(const struct ledger *ledger, const char *device)
{
    return fold_fault(ledger, device, KIND_DEVICE_FAULT) != NULL ||
           fold_fault(ledger, device, KIND_RADIO_FAULT) != NULL ||
           fold_fault(ledger, device, KIND_LINK_LOST) != NULL;
}

/* Heard within its time, which may just be over without a record that says so. */
static bool is_living(const struct work *w, size_t at)
{
    const struct ledger *ledger = w->ledger;
    const struct device *device = &ledger->directory->devices[at];
    const struct life *life = &ledger->lives[at];
    return supervision_limit_ms(device, life) > 0 && !life->is_silent &&
           heap_key(&ledger->watch, (uint32_t)at) > w->now.mono_ms &&
           !has_fault(ledger, device->id);
}

enum class_ guard_class(const struct work *w, size_t at, enum kind kind)
{
    const struct directory *d = w->ledger->directory;
    const struct device *device = &d->devices[at];
    if (!takes_away(kind)) {
        return CLASS_TECHNICAL;
    }
    /* A battery that was low and then silence: it will not come back by itself. */
    if (kind == KIND_DEVICE_SILENT && fold_fault(w->ledger, device->id, KIND_BATTERY_LOW) != NULL) {
        return CLASS_URGENT;
    }
    if (device->place >= d->place_count) {
        return CLASS_TECHNICAL;
    }
    for (uint32_t i = d->places[device->place].first_device; i != 0;
         i = d->devices[i - 1].next_at_place) {
        if (i - 1 != at && is_living(w, i - 1)) {
            return CLASS_TECHNICAL;
        }
    }
    return CLASS_URGENT;
}
