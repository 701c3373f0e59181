/* fuzz_seeds.c - makes seeds for the fuzzers from the recorded conversations.
 *
 *   fuzz_seeds CASE-FOLDER OUT-FOLDER
 *
 * Each `<` line with bytes becomes a file, and all of one conversation together one more. In front
 * stand the two bytes that the adapters' targets read as choices, and for a message from a broker its
 * topic and a line feed.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/transcript.h"

enum { PATH_ROOM = 1024, ALL_MAX = 65536 };

static void write_file(const char *folder, const char *name, int number, const char *front,
                       struct slice bytes)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s-%d", folder, name, number);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        fprintf(stderr, "%s cannot be written\n", path);
        exit(1);
    }
    fwrite(front, 1, 2, file);
    fwrite(bytes.at, 1, bytes.len, file);
    fclose(file);
}

static void write_seeds(const struct transcript *t, const char *folder, const char *name,
                        const char *front)
{
    static uint8_t memory[ALL_MAX];
    struct buf all = buf_of(memory, sizeof memory);
    for (size_t i = 0; i < t->step_count; i++) {
        const struct transcript_step *step = &t->steps[i];
        if (step->type == TRANSCRIPT_IN && step->has_bytes) {
            struct slice topic;
            size_t from = all.len;
            if (transcript_pair(step, "topic", &topic)) {
                buf_put_slice(&all, topic);
                buf_put_u8(&all, '\n');
            }
            buf_put_slice(&all, step->bytes);
            write_file(folder, name, step->line, front, slice_from(buf_slice(&all), from));
        }
    }
    write_file(folder, name, 0, front, buf_slice(&all));
}

static void read_case(const char *path, const char *folder, const char *name)
{
    static char text[TRANSCRIPT_MAX];
    FILE *file = fopen(path, "rb");
    size_t len = file == NULL ? 0 : fread(text, 1, sizeof text, file);
    if (file != NULL) {
        fclose(file);
    }
    size_t room = transcript_arena(len);
    struct arena arena = arena_of(malloc(room), room);
    struct transcript t;
    char why[TRANSCRIPT_WHY_ROOM];
    int line = 0;
    if (transcript_parse(slice_of(text, len), &arena, &t, &line, why) != ERR_OK) {
        fprintf(stderr, "%s:%d: %s\n", path, line, why);
        exit(1);
    }
    write_seeds(&t, folder, name, "\0\0");
    free(arena.at);
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 3 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: fuzz_seeds CASE-FOLDER OUT-FOLDER\n");
        return 2;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[PATH_ROOM];
        size_t len = strlen(entry->d_name);
        if (len > 5 && strcmp(entry->d_name + len - 5, ".case") == 0) {
            snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
            read_case(path, argv[2], entry->d_name);
        }
    }
    closedir(folder);
    return 0;
}
