/* fuzz_transcript.c - the .case grammar: never out of bounds, always a line and a sentence. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "wire/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 8192) {
        return 0;
    }
    size_t room = transcript_arena(size);
    struct arena arena = arena_of(malloc(room), room);
    struct transcript transcript;
    char why[TRANSCRIPT_WHY_ROOM];
    int line = 0;
    if (arena.at == NULL) {
        abort();
    }
    enum err err = transcript_parse(slice_of(data, size), &arena, &transcript, &line, why);
    if (err != ERR_OK && why[0] == '\0') {
        abort();
    }
    for (size_t i = 0; err == ERR_OK && i < transcript.step_count; i++) {
        const struct transcript_step *step = &transcript.steps[i];
        (void)transcript_matches(step, slice_of(data, size));
    }
    free(arena.at);
    return 0;
}
