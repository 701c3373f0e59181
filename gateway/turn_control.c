/* turn_control.c - what the command line may ask of the running gateway. Sub-file of the door.
 *
 *   copy DIR   a consistent copy of the journal in the new folder DIR  ->  "ok" or "error why"
 */
#include "turn_parts.h"

#include <stdio.h>
#include <string.h>

#include "io/control.h"

static void on_copied(void *context, enum err err, const char *why)
{
    char answer[300];
    snprintf(answer, sizeof answer, "error %s", why == NULL ? err_name(err) : why);
    control_reply(context, err == ERR_OK ? "ok" : answer);
}

static void on_line(void *context, struct asker *asker, struct slice line)
{
    struct turn *turn = context;
    char dir[CONTROL_LINE_MAX];
    struct slice verb = slice_cut(&line, ' ');
    if (!slice_eq_str(verb, "copy") || line.len == 0) {
        control_reply(asker, "error I know only: copy DIR");
        return;
    }
    slice_text(line, dir, sizeof dir);
    if (journal_copy(turn->journal, dir, on_copied, asker) != ERR_OK) {
        control_reply(asker, "error another copy is being made; try again");
    }
}

enum err control_room_open(struct turn *turn, char *ret_why, size_t why_room)
{
    char path[600];
    snprintf(path, sizeof path, "%s/control", turn->state_dir);
    enum err err = control_open(turn->loop, path, on_line, turn, &turn->control);
    if (err != ERR_OK) {
        snprintf(ret_why, why_room, "The socket %s cannot be opened (is the path too long?).",
                 path);
    }
    return err;
}

void control_room_close(struct turn *turn)
{
    control_close(turn->control);
    turn->control = NULL;
}
