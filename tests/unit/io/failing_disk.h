/* failing_disk.h - a disk that fails when told, as a layer under SQLite (VFS) for the journal's tests.
 *
 * Counts writes and syncs of all files; the n-th, and if wanted all after it, are refused. As after a real
 * failed write nothing of the refused one arrives; a refused sync has arrived in the file and must still
 * not be trusted.
 */
#pragma once

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

static struct {
    atomic_int writes_until_failure; /* counts down; 0: fails; negative: passed */
    atomic_int syncs_until_failure;
    atomic_bool is_lasting; /* until failing_disk_heal, and not once */
    atomic_bool is_failed;  /* it happened */
    atomic_int code;
    atomic_int syncs; /* that were asked for */
} failing_disk;

struct failing_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_vfs failing_vfs;
static sqlite3_vfs *real_vfs;

enum { NEVER = 1 << 30 };

static inline void failing_disk_heal(void)
{
    failing_disk.writes_until_failure = NEVER;
    failing_disk.syncs_until_failure = NEVER;
    failing_disk.is_lasting = false;
    failing_disk.is_failed = false;
}

static inline bool failing_disk_hits(atomic_int *countdown)
{
    int left = atomic_fetch_sub(countdown, 1);
    bool is_hit = left == 1 || (left < 1 && failing_disk.is_lasting);
    failing_disk.is_failed = failing_disk.is_failed || is_hit;
    return is_hit;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct failing_file *)file)->real;
}

static int failing_write(sqlite3_file *file, const void *at, int len, sqlite3_int64 offset)
{
    if (failing_disk_hits(&failing_disk.writes_until_failure)) {
        return failing_disk.code;
    }
    return real_of(file)->pMethods->xWrite(real_of(file), at, len, offset);
}

static int failing_sync(sqlite3_file *file, int flags)
{
    failing_disk.syncs++;
    if (failing_disk_hits(&failing_disk.syncs_until_failure)) {
        return SQLITE_IOERR_FSYNC;
    }
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int pass_close(sqlite3_file *file)
{
    int rc = real_of(file)->pMethods->xClose(real_of(file));
    sqlite3_free(real_of(file));
    return rc;
}

static int pass_read(sqlite3_file *file, void *at, int len, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), at, len, offset);
}

static int pass_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    return real_of(file)->pMethods->xTruncate(real_of(file), len);
}

static int pass_size(sqlite3_file *file, sqlite3_int64 *ret_len)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), ret_len);
}

static int pass_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int pass_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int pass_is_locked(sqlite3_file *file, int *ret_is_locked)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret_is_locked);
}

static int pass_control(sqlite3_file *file, int op, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int pass_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int pass_traits(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int pass_map(sqlite3_file *file, int page, int size, int is_extending,
                    void volatile **ret_at)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, is_extending, ret_at);
}

static int pass_map_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void pass_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int pass_unmap(sqlite3_file *file, int is_deleting)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), is_deleting);
}

static const sqlite3_io_methods failing_methods = {
    .iVersion = 2,
    .xClose = pass_close,
    .xRead = pass_read,
    .xWrite = failing_write,
    .xTruncate = pass_truncate,
    .xSync = failing_sync,
    .xFileSize = pass_size,
    .xLock = pass_lock,
    .xUnlock = pass_unlock,
    .xCheckReservedLock = pass_is_locked,
    .xFileControl = pass_control,
    .xSectorSize = pass_sector,
    .xDeviceCharacteristics = pass_traits,
    .xShmMap = pass_map,
    .xShmLock = pass_map_lock,
    .xShmBarrier = pass_barrier,
    .xShmUnmap = pass_unmap,
};

static int failing_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                        int *ret_flags)
{
    (void)vfs;
    struct failing_file *ours = (struct failing_file *)file;
    memset(ours, 0, sizeof *ours);
    ours->real = sqlite3_malloc(real_vfs->szOsFile);
    if (ours->real == NULL) {
        return SQLITE_NOMEM;
    }
    memset(ours->real, 0, (size_t)real_vfs->szOsFile);
    int rc = real_vfs->xOpen(real_vfs, name, ours->real, flags, ret_flags);
    if (rc == SQLITE_OK) {
        ours->base.pMethods = &failing_methods;
    } else {
        sqlite3_free(ours->real);
    }
    return rc;
}

static inline void failing_disk_install(void)
{
    sqlite3_initialize();
    failing_disk_heal();
    if (real_vfs == NULL) {
        real_vfs = sqlite3_vfs_find(NULL);
        failing_vfs = *real_vfs;
        failing_vfs.zName = "failing";
        failing_vfs.szOsFile = sizeof(struct failing_file);
        failing_vfs.xOpen = failing_open;
    }
    sqlite3_vfs_register(&failing_vfs, 1);
}
