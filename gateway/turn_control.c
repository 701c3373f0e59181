/* turn_control.c - what the command line may ask of the running gateway. Sub-file of the door.
 *
 *   copy DIR         a consistent copy of the journal in the new folder DIR   ->  "ok" or "error why"
 *   test ID SECONDS  somebody goes and presses this device: is it heard?     ->  the same
 *   device ID        what is known of it        ->  "ok silent no heard 2026-... test heard after 2100 ms"
 *   row N            the same of the Nth of the list, between tabs  ->  "ok ID VENDOR ...", "end"
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

static void ask_test(struct turn *turn, struct asker *asker, struct slice line)
{
    struct input input = {.type = INPUT_TRIAL, .staff = "command"};
    uint64_t seconds = 0;
    slice_text(slice_cut(&line, ' '), input.reason, sizeof input.reason);
    if (slice_u64(line, 86400, &seconds) != ERR_OK || seconds == 0) {
        control_reply(asker, "error a test ends within 1 to 86400 seconds");
        return;
    }
    input.within_ms = (int64_t)seconds * 1000;
    struct reply reply = turn_input(turn, &input, loop_now());
    control_reply(asker, reply.err == ERR_OK ? "ok" : "error this device is not in devices.csv");
}

static void put_test(struct buf *b, const struct trial *trial)
{
    buf_put_str(b, trial->state == TRIAL_UNKNOWN ? "never" : trial_state_word(trial->state));
    if (trial->state == TRIAL_HEARD) {
        buf_put_str(b, " after ");
        buf_put_i64(b, trial->after_ms);
        buf_put_str(b, " ms");
    }
    if (trial->state != TRIAL_UNKNOWN) {
        buf_put_str(b, " at ");
        clock_put_utc(b, trial->at_ms);
    }
}

static void put_silent(struct buf *b, const struct device_life *life)
{
    buf_put_str(b, life->is_silent ? "yes" : life->within_ms > 0 ? "no" : "unsupervised");
}

static void put_heard(struct buf *b, const struct device_life *life)
{
    if (life->heard_ms == 0) {
        buf_put_str(b, "never");
    } else {
        clock_put_utc(b, life->heard_ms);
    }
}

static void tell_device(struct turn *turn, struct asker *asker, struct slice line)
{
    char id[DEVICE_ROOM];
    char text[300];
    struct buf b = buf_of(text, sizeof text);
    slice_text(line, id, sizeof id);
    const struct device *device = directory_device(turn->directory, id);
    if (device == NULL) {
        control_reply(asker, "error this device is not in devices.csv");
        return;
    }
    struct device_life life =
        ledger_device(turn->ledger, (size_t)(device - turn->directory->devices), loop_now());
    buf_put_str(&b, "ok silent ");
    put_silent(&b, &life);
    buf_put_str(&b, " heard ");
    put_heard(&b, &life);
    buf_put_str(&b, " test ");
    put_test(&b, life.trial);
    control_reply(asker, buf_cstr(&b));
}

static void tell_row(struct turn *turn, struct asker *asker, struct slice line)
{
    const struct directory *d = turn->directory;
    uint64_t at = 0;
    char text[400];
    struct buf b = buf_of(text, sizeof text);
    if (slice_u64(line, UINT32_MAX, &at) != ERR_OK || at >= d->device_count) {
        control_reply(asker, "end");
        return;
    }
    const struct device *device = &d->devices[at];
    struct device_life life = ledger_device(turn->ledger, at, loop_now());
    const char *place = device->place < d->place_count ? d->places[device->place].pseudonym : "";
    const char *const texts[] = {"ok",          device->id,      device->vendor,
                                 device->model, device->dialect, place};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buf_put_str(&b, texts[i]);
        buf_put_u8(&b, '\t');
    }
    put_heard(&b, &life);
    buf_put_u8(&b, '\t');
    put_silent(&b, &life);
    buf_put_u8(&b, '\t');
    put_test(&b, life.trial);
    control_reply(asker, buf_cstr(&b));
}

static void on_line(void *context, struct asker *asker, struct slice line)
{
    struct turn *turn = context;
    char dir[CONTROL_LINE_MAX];
    struct slice verb = slice_cut(&line, ' ');
    if (slice_eq_str(verb, "test")) {
        ask_test(turn, asker, line);
        return;
    }
    if (slice_eq_str(verb, "device")) {
        tell_device(turn, asker, line);
        return;
    }
    if (slice_eq_str(verb, "row")) {
        tell_row(turn, asker, line);
        return;
    }
    if (!slice_eq_str(verb, "copy") || line.len == 0) {
        control_reply(asker, "error I know only: copy DIR, test ID SECONDS, device ID, row N");
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
