/* fuzz_json_paths.c - paths into hostile documents: a path of the fuzzer's in front of the first line end,
 * a document behind it. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "wire/json_paths.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t memory[JSON_VALUE_MAX * 3];
    struct arena arena = arena_of(memory, sizeof memory);
    struct slice rest = slice_from(slice_of(data, size), 2);
    struct slice paths[] = {slice_cut(&rest, '\n'), slice_str("$.device")};
    struct slice values[2];
    size_t at = 0;
    if (!json_path_is_good(paths[0])) {
        return 0;
    }
    enum err err = json_values(rest, paths, 2, &arena, values, &at);
    if (at > rest.len || (err == ERR_OK && values[0].len + values[1].len > sizeof memory)) {
        abort();
    }
    return 0;
}
