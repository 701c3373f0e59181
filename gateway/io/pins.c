/* pins.c - STATE/pins: who may log in, one "staff:argon2id-text" a line.
 *
 * Called by the doors (pins_open) and by the command line (pins_set, pins_remove). Never keeps a PIN: only
 * its Argon2id text, of which the PIN cannot be computed back but can be guessed; hence mode 600.
 */
#include "io/pins.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct pin {
    char staff[PIN_STAFF];
    char hash[PIN_HASH];
};

struct pins {
    size_t count;
    struct pin at[PINS_MAX];
};

enum { FILE_ROOM = PINS_MAX * (PIN_STAFF + PIN_HASH) };

static const char file_name[] = "pins";

static struct pin *find(const struct pins *pins, const char *staff)
{
    for (size_t i = 0; i < pins->count; i++) {
        if (strcmp(pins->at[i].staff, staff) == 0) {
            return (struct pin *)&pins->at[i];
        }
    }
    return NULL;
}

static enum err take_line(struct pins *pins, struct slice line)
{
    if (pins->count == PINS_MAX) {
        return ERR_FULL;
    }
    struct pin *pin = &pins->at[pins->count];
    struct slice staff = slice_cut(&line, ':');
    if (slice_text(staff, pin->staff, sizeof pin->staff) != ERR_OK || !keys_is_staff(staff) ||
        !slice_starts(line, "$argon2id$") ||
        slice_text(line, pin->hash, sizeof pin->hash) != ERR_OK || find(pins, pin->staff) != NULL) {
        return ERR_SYNTAX;
    }
    pins->count++;
    return ERR_OK;
}

static enum err take_file(struct pins *pins, const char *dir, struct slice text, char *ret_why,
                          size_t why_room)
{
    for (unsigned line = 1; text.len > 0; line++) {
        enum err err = take_line(pins, slice_cut(&text, '\n'));
        if (err != ERR_OK) {
            snprintf(ret_why, why_room, "%s/pins, line %u: %s.", dir, line,
                     err == ERR_FULL
                         ? "too many people"
                         : "not 'staff:argon2id-text', or a person for the second time");
            return err;
        }
    }
    return ERR_OK;
}

enum err pins_open(const char *dir, struct pins **ret_pins, char *ret_why, size_t why_room)
{
    ret_why[0] = '\0';
    struct pins *pins = calloc(1, sizeof *pins);
    uint8_t *room = malloc(FILE_ROOM);
    enum err err = ERR_OK;
    if (pins == NULL || room == NULL) {
        snprintf(ret_why, why_room, "There is not enough memory for the file of PINs.");
        err = ERR_FULL;
        goto out;
    }
    struct buf text = buf_of(room, FILE_ROOM);
    err = keys_file_read(dir, file_name, &text, ret_why, why_room);
    if (err == ERR_NOT_FOUND) { /* nobody has a PIN yet */
        ret_why[0] = '\0';
        err = ERR_OK;
    } else if (err == ERR_OK) {
        err = take_file(pins, dir, buf_slice(&text), ret_why, why_room);
    }
out:
    free(room);
    if (err != ERR_OK) {
        pins_close(pins);
        return err;
    }
    *ret_pins = pins;
    return ERR_OK;
}

void pins_close(struct pins *pins)
{
    free(pins);
}

bool pins_has(const struct pins *pins, const char *staff)
{
    return find(pins, staff) != NULL;
}

const char *pins_hash(const struct pins *pins, const char *staff)
{
    const struct pin *pin = find(pins, staff);
    return pin != NULL ? pin->hash : NULL;
}

static enum err write_pins(const char *dir, const struct pins *pins)
{
    uint8_t *room = malloc(FILE_ROOM);
    if (room == NULL) {
        return ERR_FULL;
    }
    struct buf text = buf_of(room, FILE_ROOM);
    for (size_t i = 0; i < pins->count; i++) {
        buf_put_str(&text, pins->at[i].staff);
        buf_put_str(&text, ":");
        buf_put_str(&text, pins->at[i].hash);
        buf_put_str(&text, "\n");
    }
    enum err err = text.is_full ? ERR_FULL : keys_file_replace(dir, file_name, buf_slice(&text));
    free(room);
    return err;
}

/* Read, change one person (`hash` NULL: remove), write; one at a time over all processes. */
static enum err change(const char *dir, const char *staff, const char *hash)
{
    char why[256];
    struct pins *pins = NULL;
    int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0) {
        return ERR_IO;
    }
    enum err err = flock(lock, LOCK_EX) == 0 ? pins_open(dir, &pins, why, sizeof why) : ERR_IO;
    if (err != ERR_OK) {
        goto out;
    }
    struct pin *pin = find(pins, staff);
    if (hash == NULL && pin == NULL) {
        err = ERR_NOT_FOUND;
        goto out;
    }
    if (hash == NULL) {
        *pin = pins->at[--pins->count];
    } else if (pin == NULL && pins->count == PINS_MAX) {
        err = ERR_FULL;
        goto out;
    } else {
        pin = pin != NULL ? pin : &pins->at[pins->count++];
        snprintf(pin->staff, sizeof pin->staff, "%s", staff);
        memcpy(pin->hash, hash, sizeof pin->hash);
    }
    err = write_pins(dir, pins);
out:
    pins_close(pins);
    close(lock);
    return err;
}

enum err pins_set(const char *dir, const char *staff, const char *pin)
{
    size_t len = strlen(pin);
    if (!keys_is_staff(slice_str(staff)) || len < PIN_MIN || len > PIN_MAX) {
        return ERR_RANGE;
    }
    if (sodium_init() < 0 || (mkdir(dir, 0700) != 0 && access(dir, W_OK) != 0)) {
        return ERR_IO;
    }
    char hash[PIN_HASH] = {0};
    if (crypto_pwhash_str_alg(hash, pin, len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                              crypto_pwhash_MEMLIMIT_INTERACTIVE,
                              crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return ERR_FULL;
    }
    return change(dir, staff, hash);
}

enum err pins_remove(const char *dir, const char *staff)
{
    return change(dir, staff, NULL);
}
