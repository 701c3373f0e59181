/* replay.c - every recorded conversation against its adapter: whole, byte by byte, at random cuts;
 * and every frame offered to the other adapters of the same transport, which must not take it for
 * an alarm.
 *
 *   replay FOLDER [SEED]        the seed is printed, so that a failure can be had again
 */
#include "replay/player.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RANDOM_ROUNDS = 20, PATH_ROOM = 1024 };

struct count {
    unsigned cases;
    unsigned plays;
    unsigned offers;
    unsigned failed;
};

static void offer_to_others(const struct transcript *t, const char *path, struct count *count)
{
    const struct adapter *own = adapter_find(t->adapter);
    for (size_t i = 0; adapter_at(i) != NULL; i++) {
        const struct adapter *other = adapter_at(i);
        if (own == NULL || other == own || (other->transports & own->transports) == 0) {
            continue;
        }
        for (size_t k = 0; k < t->step_count; k++) {
            const struct transcript_step *step = &t->steps[k];
            if (step->type != TRANSCRIPT_IN || step->verb != TRANSCRIPT_BYTES) {
                continue;
            }
            count->offers++;
            if (!player_is_not_its(other, step)) {
                fprintf(stderr, "%s:%d: %s takes this for an alarm of its own\n", path, step->line,
                        other->name);
                count->failed++;
            }
        }
    }
}

static void play_file(const char *path, unsigned seed, struct count *count)
{
    size_t len = 0;
    char *text = player_read(path, &len);
    size_t room = transcript_arena(len);
    struct arena arena = arena_of(malloc(room), room);
    struct transcript t;
    char why[TRANSCRIPT_WHY_ROOM];
    int line = 0;
    count->cases++;
    if (text == NULL || arena.at == NULL ||
        transcript_parse(slice_of(text, len), &arena, &t, &line, why) != ERR_OK) {
        fprintf(stderr, "%s:%d: %s\n", path, line, text == NULL ? "cannot be read" : why);
        count->failed++;
    } else {
        bool is_good =
            player_play(path, &t, CUT_NOT, seed) && player_play(path, &t, CUT_BYTEWISE, seed);
        count->plays += 2;
        for (unsigned i = 0; i < RANDOM_ROUNDS && is_good; i++) {
            is_good = player_play(path, &t, CUT_RANDOM, seed + i);
            count->plays++;
        }
        count->failed += is_good ? 0 : 1;
        offer_to_others(&t, path, count);
    }
    free(arena.at);
    free(text);
}

static void play_folder(const char *path, unsigned depth, unsigned seed, struct count *count)
{
    struct dirent **names = NULL;
    int found = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < found; i++) {
        char file[PATH_ROOM];
        const char *name = names[i]->d_name;
        size_t len = strlen(name);
        snprintf(file, sizeof file, "%s/%s", path, name);
        if (name[0] != '.' && len > 5 && strcmp(name + len - 5, ".case") == 0) {
            play_file(file, seed, count);
        } else if (name[0] != '.' && depth > 0 && strchr(name, '.') == NULL) {
            play_folder(file, depth - 1, seed, count);
        }
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: replay FOLDER [SEED]\n");
        return 2;
    }
    unsigned seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : (unsigned)time(NULL);
    struct count count = {0};
    play_folder(argv[1], 2, seed, &count);
    printf("%u conversations, %u plays, %u frames offered to others, %u failed, seed %u\n",
           count.cases, count.plays, count.offers, count.failed, seed);
    return count.failed == 0 && count.cases > 0 ? 0 : 1;
}
