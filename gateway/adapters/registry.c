/* registry.c - which dialects there are: adapters.def as a table.
 *
 * Called by the configuration and by the doors. Never knows anything about a dialect but its name.
 */
#include "adapters/adapter.h"

#define ADAPTER(name) extern const struct adapter adapter_##name;
#include "adapters/adapters.def"
#undef ADAPTER

static const struct adapter *const all[] = {
#define ADAPTER(name) &adapter_##name,
#include "adapters/adapters.def"
#undef ADAPTER
};

enum { ADAPTERS = sizeof all / sizeof all[0] };

const struct adapter *adapter_find(struct slice name)
{
    for (size_t i = 0; i < ADAPTERS; i++) {
        if (slice_eq_str(name, all[i]->name)) {
            return all[i];
        }
    }
    return NULL;
}

const struct adapter *adapter_at(size_t index)
{
    return index < ADAPTERS ? all[index] : NULL;
}
