/* backup.c: copies of a database that may be in use, and databases of older versions. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vm/store/internal.h"

enum { PATH_BYTES = 4096, COPIES_MOST = 100 };

static const char restored_name[] = "restored";

static bool execute(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static int64_t ask_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t number = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return number;
}

/* All pages under one read transaction: what others write meanwhile is not in it. */
static bool copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int code = backup ? SQLITE_OK : SQLITE_ERROR;
    while (backup && (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED)) {
        code = sqlite3_backup_step(backup, -1);
        if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
            sqlite3_sleep(10);
    }
    return sqlite3_backup_finish(backup) == SQLITE_OK && code == SQLITE_DONE;
}

static bool sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return is_synced;
}

/* Whole and synced under another name first: nobody takes half a copy for one. */
static enum status copy(sqlite3 *from, const char *to_path, bool is_marked, char error[256])
{
    char temporary[PATH_BYTES];
    sqlite3 *to = NULL;
    snprintf(temporary, sizeof temporary, "%s.tmp", to_path);
    unlink(temporary);
    bool is_copied = sqlite3_open(temporary, &to) == SQLITE_OK && copy_pages(from, to) &&
                     execute(to, "PRAGMA journal_mode = DELETE") &&
                     (!is_marked || execute(to, "INSERT INTO meta (name, value) VALUES "
                                                "('restored', x'31') ON CONFLICT DO NOTHING"));
    if (!is_copied)
        snprintf(error, 256, "%.120s: %.100s", temporary,
                 to ? sqlite3_errmsg(to) : "cannot be made");
    sqlite3_close(to);
    if (is_copied && (!sync_file(temporary) || rename(temporary, to_path) != 0)) {
        snprintf(error, 256, "%s: %s", to_path, strerror(errno));
        is_copied = false;
    }
    if (!is_copied)
        unlink(temporary);
    return is_copied ? STATUS_OK : STATUS_IO;
}

enum status store_backup(const char *from_path, const char *to_path, char error[256])
{
    sqlite3 *from = NULL;
    enum status status = STATUS_INVALID;
    if (access(to_path, F_OK) == 0) {
        snprintf(error, 256, "%s: is there already, and is not overwritten", to_path);
        return STATUS_INVALID;
    }
    if (sqlite3_open_v2(from_path, &from, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        snprintf(error, 256, "%s: %s", from_path, from ? sqlite3_errmsg(from) : "no memory");
    else if (ask_number(from, "PRAGMA application_id") != STORE_APPLICATION)
        snprintf(error, 256, "%s: is no database of campd", from_path);
    else
        status = copy(from, to_path, true, error);
    sqlite3_close(from);
    return status;
}

bool store_is_restored(struct store *store)
{
    struct arena arena;
    struct str mark;
    arena_init(&arena, 0);
    bool is_restored =
        store_meta_get(store, restored_name, &arena, &mark) == STATUS_OK && mark.len > 0;
    arena_free(&arena);
    return is_restored;
}

enum status store_forget_restored(struct store *store)
{
    return store_meta_put(store, restored_name, (struct str){0});
}

/* --- older versions --- */

struct step {
    const char *sql, *is_needed; /* sql NULL: there is none */
};

static struct step step_from(int64_t version)
{
    switch (version) {
#define MIGRATION(from, sql, is_needed)                                                            \
    case from:                                                                                     \
        return (struct step){sql, is_needed};
#define SCHEMA(version, digest)
#include "vm/store/migrate.def"
#undef MIGRATION
#undef SCHEMA
    default:
        return (struct step){NULL, NULL};
    }
}

/* A name that is free: FILE.before-3, FILE.before-3.1, … */
static bool name_copy(const char *path, int64_t version, char name[PATH_BYTES])
{
    snprintf(name, PATH_BYTES, "%s.before-%lld", path, (long long)version);
    for (int i = 1; access(name, F_OK) == 0; i++) {
        if (i == COPIES_MOST)
            return false;
        snprintf(name, PATH_BYTES, "%s.before-%lld.%d", path, (long long)version, i);
    }
    return true;
}

enum status store_migrate(sqlite3 *db, const char *path, int64_t version, char error[256])
{
    char name[PATH_BYTES];
    for (int64_t v = version; v < STORE_VERSION; v++)
        if (!step_from(v).sql) {
            snprintf(error, 256, "made by a version of campd that was never released");
            return STATUS_INVALID;
        }
    if (!name_copy(path, STORE_VERSION, name)) {
        snprintf(error, 256, "too many copies beside it");
        return STATUS_INVALID;
    }
    enum status status = copy(db, name, false, error);
    for (int64_t v = version; status == STATUS_OK && v < STORE_VERSION; v++) {
        char number[64];
        snprintf(number, sizeof number, "PRAGMA user_version = %lld", (long long)v + 1);
        struct step step = step_from(v);
        bool is_needed = !*step.is_needed || ask_number(db, step.is_needed) == 1;
        if (execute(db, "BEGIN IMMEDIATE") && (!is_needed || execute(db, step.sql)) &&
            execute(db, number) && execute(db, "COMMIT"))
            continue;
        snprintf(error, 256, "the step from version %lld failed: %s", (long long)v,
                 sqlite3_errmsg(db));
        execute(db, "ROLLBACK");
        status = STATUS_IO;
    }
    return status;
}
