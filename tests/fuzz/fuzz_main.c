/* fuzz_main.c - a fuzz target as an ordinary test: every seed, and a fixed number of mutations of
 * each.
 *
 *   TARGET FOLDER [MUTATIONS] [SEED]      the seed is printed; the same seed gives the same bytes
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 65536, PATH_ROOM = 1024 };

/* A small generator of our own, so that the same seed gives the same bytes everywhere. */
static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static size_t mutate(uint8_t *bytes, size_t len, uint32_t *state)
{
    for (uint32_t n = 1 + next(state) % 4; n > 0 && len > 0; n--) {
        size_t at = next(state) % len;
        switch (next(state) % 4) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << (next(state) % 8));
            break;
        case 1:
            bytes[at] = (uint8_t)next(state);
            break;
        case 2: /* cut a piece out */
            memmove(bytes + at, bytes + at + 1, len - at - 1);
            len--;
            break;
        default: /* double the tail */
            if (len * 2 - at < INPUT_MAX) {
                memmove(bytes + len, bytes + at, len - at);
                len += len - at;
            }
            break;
        }
    }
    return len;
}

static unsigned run_file(const char *path, unsigned mutations, uint32_t seed)
{
    static uint8_t original[INPUT_MAX];
    static uint8_t bytes[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return 0;
    }
    size_t len = fread(original, 1, sizeof original, file);
    fclose(file);
    (void)LLVMFuzzerTestOneInput(original, len);
    for (unsigned i = 0; i < mutations; i++) {
        uint32_t state = seed + i;
        memcpy(bytes, original, len);
        size_t now = mutate(bytes, len, &state);
        uint8_t *copy = malloc(now == 0 ? 1 : now);
        if (copy == NULL) {
            return i;
        }
        memcpy(copy, bytes, now);
        (void)LLVMFuzzerTestOneInput(copy, now);
        free(copy);
    }
    return mutations + 1;
}

int main(int argc, char **argv)
{
    unsigned mutations = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 200;
    uint32_t seed = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1;
    DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER [MUTATIONS] [SEED]\n", argv[0]);
        return 2;
    }
    unsigned inputs = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[PATH_ROOM];
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        if (entry->d_name[0] != '.') {
            inputs += run_file(path, mutations, seed);
        }
    }
    closedir(folder);
    printf("%u inputs, seed %u\n", inputs, seed);
    return inputs > 0 ? 0 : 1;
}
