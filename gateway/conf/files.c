/* files.c - the files of a configuration folder, read whole, and the fingerprint over them.
 *
 * Called by conf_load. Never follows what it reads: no includes, no second folder.
 */
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC */

#include "conf/load.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const purposes[FILE_COUNT] = {
    [FILE_CODES] = "what the codes of a model mean",
    [FILE_KEYS] = "the keys of devices that encrypt or sign",
    [FILE_DEVICES] = "the list of alarm devices (larmdon)",
    [FILE_PLACES] = "the list of places (platser)",
    [FILE_PLANS] = "the alarm plans (larmplaner)",
    [FILE_MAIN] = "the municipality, its ports and its alarm centres",
    [FILE_STAFF] = "the list of staff (personal)",
    [FILE_UNITS] = "the tree of units (enheter)",
};

/* Reads `len` bytes or fails; a file that shrinks meanwhile fails as well. */
static bool read_all(int fd, uint8_t *at, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, at + got, len - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        got += (size_t)n;
    }
    return true;
}

static void read_open(struct load *load, enum file file, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        fault(load, file, 0, "this is not an ordinary file; put %s here.", purposes[file]);
        return;
    }
    if (st.st_size > CONF_FILE_MAX) {
        fault(load, file, 0, "the file is larger than %d MiB; split the municipality or ask us.",
              CONF_FILE_MAX / (1024 * 1024));
        return;
    }
    uint8_t *text = malloc((size_t)st.st_size + 1);
    if (text == NULL) {
        load->is_out_of_memory = true;
        return;
    }
    if (!read_all(fd, text, (size_t)st.st_size)) {
        fault(load, file, 0, "the file cannot be read: %s.", strerror(errno));
        free(text);
        return;
    }
    text[st.st_size] = '\0';
    load->text[file] = text;
    load->len[file] = (size_t)st.st_size;
    load->has_open_mode[file] = (st.st_mode & (S_IRGRP | S_IROTH)) != 0;
    if (slice_trim(slice_of(text, load->len[file])).len == 0) {
        fault(load, file, 0, "the file is empty; it must hold %s.", purposes[file]);
        free(text);
        load->text[file] = NULL;
        load->len[file] = 0;
    }
}

static void read_file(struct load *load, enum file file)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", load->dir, file_name(file));
    if (n < 0 || (size_t)n >= sizeof path) {
        fault(load, file, 0, "the path of the configuration folder is too long.");
        return;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && (file == FILE_CODES || file == FILE_KEYS)) {
        return;
    }
    if (fd < 0 && errno == ENOENT) {
        fault(load, file, 0,
              "the file is missing; it holds %s. config/defaults has one to begin with.",
              purposes[file]);
        return;
    }
    if (fd < 0) {
        fault(load, file, 0, "the file cannot be opened: %s.", strerror(errno));
        return;
    }
    read_open(load, file, fd);
    (void)close(fd);
}

void files_read(struct load *load)
{
    for (enum file file = 0; file < FILE_COUNT; file++) {
        read_file(load, file);
    }
}

/* The first half of a BLAKE2b-128 over name, length and content of each file, in order of names.
 * libsodium makes nothing shorter than 128 bits. */
void files_hash(const struct load *load, char *ret_hex, size_t room)
{
    crypto_generichash_state state;
    uint8_t sum[16];
    (void)crypto_generichash_init(&state, NULL, 0, sizeof sum);
    for (enum file file = 0; file < FILE_COUNT; file++) {
        const char *name = file_name(file);
        uint64_t len = load->len[file];
        uint8_t len_bytes[8];
        for (size_t i = 0; i < sizeof len_bytes; i++) {
            len_bytes[i] = (uint8_t)(len >> (8 * i));
        }
        (void)crypto_generichash_update(&state, (const uint8_t *)name, strlen(name) + 1);
        (void)crypto_generichash_update(&state, len_bytes, sizeof len_bytes);
        (void)crypto_generichash_update(&state, load->text[file], len);
    }
    (void)crypto_generichash_final(&state, sum, sizeof sum);
    struct buf hex = buf_of(ret_hex, room);
    buf_put_hex(&hex, slice_of(sum, 8));
    (void)buf_cstr(&hex);
}
