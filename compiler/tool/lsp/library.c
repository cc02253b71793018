/* library.c: modules of the standard library as files, for editors that go to a declaration in one.
 * The text is in the program; it is written, read-only, below the user's cache, in a folder named
 * by its hash, so that versions do not meet. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/tool/lsp/lsp.h"
#include "vm/base/hash.h"

/* The folder, made if it is not there; nothing when that cannot be. */
static struct str folder_in_cache(struct arena *arena, struct str text)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool has_cache = cache && cache[0] == '/';
    if (!has_cache && (!home || home[0] != '/'))
        return (struct str){0};
    unsigned char hash[32];
    sha256(text, hash);
    struct str steps[3];
    steps[0] = has_cache ? str_of(cache) : arena_printf(arena, "%s/.cache", home);
    steps[1] = arena_printf(arena, STR_FMT "/camp", STR_ARG(steps[0]));
    steps[2] = arena_printf(arena, STR_FMT "/stdlib-%02x%02x%02x%02x", STR_ARG(steps[1]), hash[0],
                            hash[1], hash[2], hash[3]);
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++)
        (void)mkdir(arena_cstr(arena, steps[i]), 0700);
    return steps[2];
}

struct str library_path(struct arena *arena, const struct source *module)
{
    struct str name = str_from(module->name, 1), folder = folder_in_cache(arena, module->text);
    name.len -= name.len > 0; /* <healthcare> */
    if (!folder.len)
        return (struct str){0};
    char *path = arena_cstr(
        arena, arena_printf(arena, STR_FMT "/" STR_FMT ".camp", STR_ARG(folder), STR_ARG(name)));
    struct stat status;
    if (stat(path, &status) == 0 && (size_t)status.st_size == module->text.len)
        return str_of(path);
    char *draft = arena_cstr(arena, arena_printf(arena, "%s.%ld", path, (long)getpid()));
    FILE *file = fopen(draft, "wb");
    bool is_written =
        file && fwrite(module->text.at, 1, module->text.len, file) == module->text.len;
    if (file && fclose(file) != 0)
        is_written = false;
    if (is_written && chmod(draft, 0400) == 0 && rename(draft, path) == 0)
        return str_of(path);
    (void)remove(draft);
    return (struct str){0};
}
