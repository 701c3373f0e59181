/* native_memory.c - see native_memory.h. */
#include "adapters/native_memory.h"

uint64_t native_number(struct slice bytes)
{
    uint64_t number = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes.len; i++) {
        number = (number ^ bytes.at[i]) * 0x100000001b3u;
    }
    return number == 0 ? 1 : number;
}

struct native_device *native_device(struct native_memory *memory, struct slice key, struct now now)
{
    uint64_t number = native_number(key);
    struct native_device *row = memory->rows[number % NATIVE_ROWS];
    struct native_device *chosen = &row[0];
    for (size_t i = 0; i < NATIVE_PLACES; i++) {
        if (row[i].key == number) {
            row[i].heard_ms = now.mono_ms;
            return &row[i];
        }
        bool is_older = row[i].heard_ms < chosen->heard_ms;
        if (chosen->key != 0 && (row[i].key == 0 || is_older)) {
            chosen = &row[i];
        }
    }
    *chosen = (struct native_device){.key = number, .heard_ms = now.mono_ms};
    return chosen;
}
