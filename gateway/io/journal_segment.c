/* journal_segment.c - opening, founding and closing one file of the journal, and its transactions.
 *
 * Called by the journal's thread (and at the start by journal_open). The reading half is
 * journal_segment_read.c. Never logs: `why` goes up to the loop. Never decides what to do about an error.
 *
 *   row        seq INTEGER PRIMARY KEY, type, at_ms, key (NULL: nothing), bytes, hash
 *   checkpoint seq, at_ms, hash, signature
 *   meta       name, value: 'format', 'first' (seq), 'before' (hash of row first - 1), 'note.NAME'
 *
 * There is no index on key: nobody reads by key, and random keys would make each commit write many pages.
 */
#include "io/journal_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char schema[] =
    "CREATE TABLE row(seq INTEGER PRIMARY KEY, type INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " key BLOB, bytes BLOB NOT NULL, hash BLOB NOT NULL);"
    "CREATE TABLE checkpoint(seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, hash BLOB NOT NULL,"
    " signature BLOB NOT NULL);"
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;";

/* What SQLite said, as one of the house's words and as a sentence. */
static enum err judge(struct journal_segment *s, int rc)
{
    enum err err = ERR_BUG;
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
        err = ERR_FULL;
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        err = ERR_STATE;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* a table or column is not there, or not ours */
    case SQLITE_SCHEMA:
        err = ERR_CHECKSUM;
        break;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        err = ERR_IO;
        break;
    default:
        break;
    }
    if (err == ERR_IO && s->db != NULL && sqlite3_system_errno(s->db) == EDQUOT) {
        err = ERR_FULL;
    }
    snprintf(s->why, sizeof s->why, "%s (%d)",
             s->db != NULL ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc), rc);
    return err;
}

bool journal_segment_path(const char *dir, unsigned number, const char *suffix, char *ret_path)
{
    int len = snprintf(ret_path, SEGMENT_PATH, "%s/%06u.db%s", dir, number, suffix);
    return len > 0 && len < SEGMENT_PATH;
}

static enum err run(struct journal_segment *s, const char *sql)
{
    return judge(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

/* A pragma that is not taken is an error: durability rests on them. */
static enum err insist(struct journal_segment *s, const char *pragma, const char *wanted)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, pragma, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    enum err err = judge(s, rc);
    if (err == ERR_OK && rc == SQLITE_ROW) {
        const char *got = (const char *)sqlite3_column_text(statement, 0);
        if (got == NULL || strcmp(got, wanted) != 0) {
            snprintf(s->why, sizeof s->why, "SQLite answers '%s' to %s, not '%s'",
                     got != NULL ? got : "", pragma, wanted);
            err = ERR_UNSUPPORTED;
        }
    }
    sqlite3_finalize(statement);
    return err;
}

static enum err set_up_write(struct journal_segment *s)
{
    static const struct {
        const char *set;
        const char *ask;
        const char *wanted;
    } pragmas[] = {
        {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA locking_mode", "exclusive"},
        {"PRAGMA mmap_size=0", "PRAGMA mmap_size", "0"},
        {"PRAGMA cell_size_check=ON", "PRAGMA cell_size_check", "1"},
        {"PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal"},
        {"PRAGMA synchronous=FULL", "PRAGMA synchronous", "2"},
        {"PRAGMA wal_autocheckpoint=0", "PRAGMA wal_autocheckpoint", "0"},
        {"PRAGMA journal_size_limit=16777216", "PRAGMA journal_size_limit", "16777216"},
    };
    for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0]; i++) {
        enum err err = run(s, pragmas[i].set);
        if (err == ERR_OK) {
            err = insist(s, pragmas[i].ask, pragmas[i].wanted);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static int on_wal(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    struct journal_segment *s = context;
    s->wal_pages = pages;
    return SQLITE_OK;
}

/* "file:" with everything but plain letters escaped, for SQLite's URI form. */
static void put_uri(const char *path, char *ret_uri, size_t room)
{
    struct buf out = buf_of(ret_uri, room);
    buf_put_str(&out, "file:");
    for (const char *p = path; *p != '\0'; p++) {
        bool is_plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                        (*p >= '0' && *p <= '9') || strchr("/._-", *p) != NULL;
        if (is_plain) {
            buf_put_u8(&out, (uint8_t)*p);
        } else {
            buf_put_u8(&out, '%');
            buf_put_hex(&out, slice_of(p, 1));
        }
    }
    buf_put_str(&out, "?immutable=1");
    buf_cstr(&out);
}

/* Without a write-ahead log the file alone is the truth and is opened as immutable; with one SQLite has to
 * read both, which needs the lock that a living daemon holds. */
static enum err connect(struct journal_segment *s, const char *path, const char *wal_path,
                        enum segment_mode mode)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    if (mode == SEGMENT_READ && access(wal_path, F_OK) != 0) {
        char uri[3 * SEGMENT_PATH + 32];
        put_uri(path, uri, sizeof uri);
        return judge(
            s, sqlite3_open_v2(uri, &s->db, flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL));
    }
    enum err err = judge(s, sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_READWRITE, NULL));
    if (err != ERR_OK) {
        return err;
    }
    /* Closing must write nothing by itself: after a failed fsync the file is not to be touched again. */
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (mode == SEGMENT_READ) {
        return run(s, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA query_only=ON; PRAGMA mmap_size=0");
    }
    err = set_up_write(s);
    /* After the pragmas: wal_autocheckpoint takes any other hook away. */
    sqlite3_wal_hook(s->db, on_wal, s);
    return err;
}

static enum err prepare(struct journal_segment *s)
{
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } all[] = {
        {&s->put, "INSERT INTO row VALUES(?1,?2,?3,?4,?5,?6)"},
        {&s->mark, "INSERT INTO checkpoint VALUES(?1,?2,?3,?4)"},
        {&s->set, "INSERT OR REPLACE INTO meta VALUES(?1,?2)"},
        {&s->read,
         "SELECT seq,type,at_ms,key,bytes,hash FROM row WHERE seq>=?1 AND seq<=?2 ORDER BY seq"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        int rc = sqlite3_prepare_v3(s->db, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    all[i].statement, NULL);
        if (rc != SQLITE_OK) {
            return judge(s, rc);
        }
    }
    return ERR_OK;
}

static enum err is_begun(struct journal_segment *s)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(s->db, "SELECT count(*) FROM sqlite_schema", -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    enum err err = judge(s, rc);
    if (err == ERR_OK && sqlite3_column_int(statement, 0) == 0) {
        snprintf(s->why, sizeof s->why, "nothing was ever written to it");
        err = ERR_NOT_FOUND;
    }
    sqlite3_finalize(statement);
    return err;
}

static enum err take_meta(struct journal_segment *s, sqlite3_stmt *statement, int *ret_format,
                          unsigned *ret_found)
{
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    if (name == NULL) {
        return ERR_OK;
    }
    if (strcmp(name, "format") == 0) {
        *ret_format = sqlite3_column_int(statement, 1);
        *ret_found |= 1;
    } else if (strcmp(name, "first") == 0) {
        int64_t first = sqlite3_column_int64(statement, 1);
        s->first = first > 0 ? (uint64_t)first : 0;
        *ret_found |= first > 0 ? 2u : 0u;
    } else if (strcmp(name, "before") == 0 && sqlite3_column_bytes(statement, 1) == CHAIN_HASH) {
        memcpy(s->before, sqlite3_column_blob(statement, 1), CHAIN_HASH);
        *ret_found |= 4;
    }
    return ERR_OK;
}

static enum err read_meta(struct journal_segment *s)
{
    sqlite3_stmt *statement = NULL;
    int format = 0;
    unsigned found = 0;
    int rc = sqlite3_prepare_v2(s->db, "SELECT name,value FROM meta", -1, &statement, NULL);
    enum err err = judge(s, rc);
    while (err == ERR_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        err = take_meta(s, statement, &format, &found);
    }
    if (err == ERR_OK) {
        err = judge(s, rc);
    }
    sqlite3_finalize(statement);
    if (err == ERR_OK && (found & 1) != 0 && format > SEGMENT_FORMAT) {
        snprintf(
            s->why, sizeof s->why,
            "it was written by a newer Samlarm (format %d, this one knows %d): start the newer "
            "version, or give this one another folder",
            format, SEGMENT_FORMAT);
        return ERR_UNSUPPORTED;
    }
    if (err == ERR_OK && found != 7) {
        snprintf(s->why, sizeof s->why, "its beginning (table meta) is damaged");
        return ERR_CHECKSUM;
    }
    return err;
}

enum err journal_segment_open(struct journal_segment *s, const char *dir, unsigned number,
                              enum segment_mode mode)
{
    *s = (struct journal_segment){.number = number};
    char path[SEGMENT_PATH];
    char wal_path[SEGMENT_PATH];
    if (!journal_segment_path(dir, number, "", path) ||
        !journal_segment_path(dir, number, "-wal", wal_path)) {
        snprintf(s->why, sizeof s->why, "the folder's name is too long");
        return ERR_RANGE;
    }
    struct stat about;
    if (stat(path, &about) == 0 && about.st_size == 0 && access(wal_path, F_OK) != 0) {
        snprintf(s->why, sizeof s->why, "nothing was ever written to it");
        return ERR_NOT_FOUND;
    }
    enum err err = connect(s, path, wal_path, mode);
    if (err == ERR_OK) {
        err = is_begun(s);
    }
    if (err == ERR_OK) {
        err = read_meta(s);
    }
    if (err == ERR_OK) {
        err = prepare(s);
    }
    if (err != ERR_OK) {
        journal_segment_close(s, false);
    }
    return err;
}

enum err journal_segment_create(struct journal_segment *s, const char *dir, unsigned number)
{
    *s = (struct journal_segment){.number = number};
    char path[SEGMENT_PATH];
    if (!journal_segment_path(dir, number, "", path)) {
        snprintf(s->why, sizeof s->why, "the folder's name is too long");
        return ERR_RANGE;
    }
    /* Made here and not by SQLite, so that nobody else may read it; the log inherits the mode. */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        int error = errno;
        snprintf(s->why, sizeof s->why, "it cannot be made: %.200s", strerror(error));
        return error == ENOSPC || error == EDQUOT ? ERR_FULL : ERR_IO;
    }
    close(fd);
    enum err err = connect(s, path, "", SEGMENT_WRITE);
    if (err != ERR_OK) {
        journal_segment_close(s, false);
        unlink(path);
    }
    return err;
}

void journal_segment_close(struct journal_segment *s, bool is_clean)
{
    if (s == NULL || s->db == NULL) {
        return;
    }
    sqlite3_finalize(s->put);
    sqlite3_finalize(s->mark);
    sqlite3_finalize(s->set);
    sqlite3_finalize(s->read);
    if (is_clean && journal_segment_checkpoint(s, true) == ERR_OK) {
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    sqlite3_close(s->db);
    s->db = NULL;
    s->put = s->mark = s->set = s->read = NULL;
}

enum err journal_segment_begin(struct journal_segment *s)
{
    return run(s, "BEGIN IMMEDIATE");
}

enum err journal_segment_commit(struct journal_segment *s)
{
    return run(s, "COMMIT");
}

void journal_segment_rollback(struct journal_segment *s)
{
    if (s->db != NULL && sqlite3_get_autocommit(s->db) == 0) {
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

/* Steps a statement that returns nothing and makes it ready for the next time. */
static enum err finish(struct journal_segment *s, sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    enum err err = judge(s, rc);
    sqlite3_reset(statement);
    return err;
}

enum err journal_segment_found(struct journal_segment *s, uint64_t first,
                               const uint8_t before[CHAIN_HASH])
{
    s->first = first;
    memcpy(s->before, before, CHAIN_HASH);
    enum err err = run(s, schema);
    if (err == ERR_OK) {
        err = prepare(s);
    }
    if (err == ERR_OK) {
        sqlite3_bind_text(s->set, 1, "format", -1, SQLITE_STATIC);
        sqlite3_bind_int(s->set, 2, SEGMENT_FORMAT);
        err = finish(s, s->set);
    }
    if (err == ERR_OK) {
        sqlite3_bind_text(s->set, 1, "first", -1, SQLITE_STATIC);
        sqlite3_bind_int64(s->set, 2, (int64_t)first);
        err = finish(s, s->set);
    }
    if (err == ERR_OK) {
        sqlite3_bind_text(s->set, 1, "before", -1, SQLITE_STATIC);
        sqlite3_bind_blob(s->set, 2, s->before, CHAIN_HASH, SQLITE_STATIC);
        err = finish(s, s->set);
    }
    return err;
}

enum err journal_segment_put(struct journal_segment *s, const struct journal_row *row,
                             const uint8_t hash[CHAIN_HASH])
{
    static const uint8_t nothing[sizeof row->key];
    sqlite3_bind_int64(s->put, 1, (int64_t)row->seq);
    sqlite3_bind_int(s->put, 2, row->type);
    sqlite3_bind_int64(s->put, 3, row->at_ms);
    if (memcmp(row->key, nothing, sizeof nothing) == 0) {
        sqlite3_bind_null(s->put, 4);
    } else {
        sqlite3_bind_blob(s->put, 4, row->key, sizeof row->key, SQLITE_STATIC);
    }
    if (row->bytes.len == 0) {
        sqlite3_bind_zeroblob(s->put, 5, 0);
    } else {
        sqlite3_bind_blob(s->put, 5, row->bytes.at, (int)row->bytes.len, SQLITE_STATIC);
    }
    sqlite3_bind_blob(s->put, 6, hash, CHAIN_HASH, SQLITE_STATIC);
    return finish(s, s->put);
}

enum err journal_segment_mark(struct journal_segment *s, const struct journal_mark *mark)
{
    sqlite3_bind_int64(s->mark, 1, (int64_t)mark->seq);
    sqlite3_bind_int64(s->mark, 2, mark->at_ms);
    sqlite3_bind_blob(s->mark, 3, mark->hash, sizeof mark->hash, SQLITE_STATIC);
    sqlite3_bind_blob(s->mark, 4, mark->signature, sizeof mark->signature, SQLITE_STATIC);
    return finish(s, s->mark);
}

enum err journal_segment_note(struct journal_segment *s, const struct segment_note *note)
{
    char name[SEGMENT_NOTE_NAME + 8];
    snprintf(name, sizeof name, "note.%s", note->name);
    sqlite3_bind_text(s->set, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s->set, 2, (int64_t)note->value);
    enum err err = finish(s, s->set);
    sqlite3_clear_bindings(s->set); /* `name` ends here */
    return err;
}

enum err journal_segment_checkpoint(struct journal_segment *s, bool is_whole)
{
    int rc = sqlite3_wal_checkpoint_v2(
        s->db, NULL, is_whole ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK) {
        s->wal_pages = 0;
    }
    return judge(s, rc);
}
