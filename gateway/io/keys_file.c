/* keys_file.c - small secret files: read with suspicion, replaced as a whole.
 *
 * Called by keys.c and pins.c only. Never logs, never keeps what it read.
 */
#include "io/keys_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool put_path(char *ret_path, const char *dir, const char *name, const char *suffix)
{
    int len = snprintf(ret_path, KEYS_PATH, "%s/%s%s", dir, name, suffix);
    return len > 0 && len < KEYS_PATH;
}

static enum err read_all(int fd, struct buf *into)
{
    while (into->len < into->room) {
        ssize_t got = read(fd, into->at + into->len, into->room - into->len);
        if (got < 0 && errno != EINTR) {
            return ERR_IO;
        }
        if (got == 0) {
            return ERR_OK;
        }
        into->len += got > 0 ? (size_t)got : 0;
    }
    return ERR_FULL;
}

enum err keys_file_read(const char *dir, const char *name, struct buf *into, char *ret_why,
                        size_t why_room)
{
    char path[KEYS_PATH];
    if (!put_path(path, dir, name, "")) {
        snprintf(ret_why, why_room, "The name of the folder %.100s... is too long.", dir);
        return ERR_RANGE;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        snprintf(ret_why, why_room, "%s cannot be read: %s.", path, strerror(errno));
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    struct stat about;
    enum err err = ERR_OK;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        snprintf(ret_why, why_room, "%s is not a plain file.", path);
        err = ERR_AUTH;
    } else if ((about.st_mode & 077) != 0) {
        snprintf(ret_why, why_room,
                 "%s can be read by others, so it is no secret any more. Make new secrets, or, if "
                 "you are "
                 "sure that nobody has seen it, run: chmod 600 %s",
                 path, path);
        err = ERR_AUTH;
    } else {
        err = read_all(fd, into);
        if (err != ERR_OK) {
            snprintf(ret_why, why_room, "%s cannot be read whole: %s.", path,
                     err == ERR_FULL ? "it is too long" : strerror(errno));
        }
    }
    close(fd);
    return err;
}

static enum err write_all(int fd, struct slice content)
{
    while (content.len > 0) {
        ssize_t put = write(fd, content.at, content.len);
        if (put < 0 && errno != EINTR) {
            return errno == ENOSPC ? ERR_FULL : ERR_IO;
        }
        content = slice_from(content, put > 0 ? (size_t)put : 0);
    }
    return fsync(fd) == 0 ? ERR_OK : ERR_IO;
}

static enum err sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ERR_IO;
    }
    int failed = fsync(fd);
    close(fd);
    return failed == 0 ? ERR_OK : ERR_IO;
}

enum err keys_file_replace(const char *dir, const char *name, struct slice content)
{
    char path[KEYS_PATH];
    char temporary[KEYS_PATH];
    if (!put_path(path, dir, name, "") || !put_path(temporary, dir, name, ".new")) {
        return ERR_RANGE;
    }
    /* One left over by a crash is nobody's: callers keep each other out. */
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno == ENOSPC ? ERR_FULL : ERR_IO;
    }
    enum err err = write_all(fd, content);
    close(fd);
    if (err == ERR_OK && rename(temporary, path) != 0) {
        err = ERR_IO;
    }
    if (err != ERR_OK) {
        unlink(temporary);
        return err;
    }
    return sync_folder(dir);
}
