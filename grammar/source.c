/* source.c: see source.h. */
#include "grammar/source.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "vm/base/utf8.h"

void sources_init(struct sources *sources, struct arena *arena)
{
    *sources = (struct sources){.arena = arena};
}

uint32_t source_add(struct sources *sources, struct str name, struct str text)
{
    sources->items = arena_grow(sources->arena, sources->items, sources->count, &sources->room,
                                sizeof *sources->items);
    struct source *source = &sources->items[sources->count];
    *source = (struct source){.name = arena_str(sources->arena, name),
                              .text = arena_str(sources->arena, text)};
    source->path = source->name;
    const char *end = text.at + text.len, *at = text.at;
    uint32_t lines = 1;
    while (text.len && (at = memchr(at, '\n', (size_t)(end - at))) && lines++)
        at++;
    source->lines = arena_array(sources->arena, lines, sizeof *source->lines);
    source->lines[source->line_count++] = 0;
    for (at = text.at; text.len && (at = memchr(at, '\n', (size_t)(end - at)));)
        source->lines[source->line_count++] = (uint32_t)(++at - text.at);
    return sources->count++;
}

static const char *read_file(struct arena *arena, struct str path, struct str *text)
{
    FILE *file = fopen(arena_cstr(arena, path), "rb");
    struct stat stat;
    if (!file)
        return strerror(errno);
    const char *error = NULL;
    if (fstat(fileno(file), &stat) != 0)
        error = strerror(errno);
    else if (!S_ISREG(stat.st_mode))
        error = "it is not a file";
    else if (stat.st_size > SOURCE_MAX_BYTES)
        error = "it is larger than 64 MiB";
    if (!error) {
        size_t size = (size_t)stat.st_size;
        char *bytes = arena_alloc(arena, size + 1);
        *text = (struct str){bytes, fread(bytes, 1, size, file)};
        if (ferror(file))
            error = "reading it failed";
    }
    fclose(file);
    return error;
}

uint32_t source_load(struct sources *sources, struct str path, const char **error)
{
    for (uint32_t i = 0; i < sources->count; i++)
        if (str_eq(sources->items[i].path, path))
            return i;
    struct str text;
    struct stat stat_;
    bool is_there = stat(arena_cstr(sources->arena, path), &stat_) == 0;
    for (uint32_t i = 0; is_there && i < sources->count; i++)
        if (sources->items[i].inode == stat_.st_ino && sources->items[i].device == stat_.st_dev)
            return i;
    *error = sources->count >= SOURCE_MAX_FILES ? "there are too many files" : NULL;
    bool is_laid_over = sources->overlay && sources->overlay(sources->overlay_context, path, &text);
    if (!*error && !is_laid_over)
        *error = read_file(sources->arena, path, &text);
    if (*error)
        return UINT32_MAX;
    uint32_t file = source_add(sources, path, text);
    sources->items[file].device = is_there ? stat_.st_dev : 0;
    sources->items[file].inode = is_there ? stat_.st_ino : 0;
    return file;
}

const struct source *source_at(const struct sources *sources, uint32_t file)
{
    ensure(file < sources->count);
    return &sources->items[file];
}

struct position source_position(const struct source *source, uint32_t offset)
{
    uint32_t low = 0, high = source->line_count;
    if (offset > source->text.len)
        offset = (uint32_t)source->text.len;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (source->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    struct str before = {source->text.at + source->lines[low], offset - source->lines[low]};
    return (struct position){low + 1, (uint32_t)utf8_count(before) + 1};
}

struct str source_line(const struct source *source, uint32_t line)
{
    if (!line || line > source->line_count)
        return (struct str){0};
    uint32_t first = source->lines[line - 1];
    size_t end = line < source->line_count ? source->lines[line] : source->text.len;
    while (end > first && (source->text.at[end - 1] == '\n' || source->text.at[end - 1] == '\r'))
        end--;
    return (struct str){source->text.at + first, end - first};
}

struct span span_join(struct span a, struct span b)
{
    if (a.file != b.file || b.end < a.first)
        return a;
    return (struct span){a.file, a.first < b.first ? a.first : b.first,
                         a.end > b.end ? a.end : b.end};
}
