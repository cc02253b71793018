/* source.c: see source.h. */
#include "grammar/source.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "vm/base/utf8.h"

enum { SIGNS_BYTES = 4096, LONG_LINE_BYTES = 2 * SIGNS_BYTES };

/* The beginning of a code point at or shortly before. */
static uint32_t sign_at(const struct source *source, uint32_t offset)
{
    for (int i = 0; i < 3 && offset && offset < source->text.len; i++)
        if (((unsigned char)source->text.at[offset] & 0xc0) == 0x80)
            offset--;
    return offset;
}

static uint32_t count_signs(const struct source *source, uint32_t first, uint32_t end)
{
    return (uint32_t)utf8_count((struct str){source->text.at + first, end - first});
}

/* Columns in a long line are not counted from its beginning each time. */
static void mark_signs(struct arena *arena, struct source *source)
{
    uint32_t longest = 0, count = 0, size = (uint32_t)source->text.len;
    for (uint32_t i = 0; i < source->line_count; i++) {
        uint32_t end = i + 1 < source->line_count ? source->lines[i + 1] : size;
        longest = end - source->lines[i] > longest ? end - source->lines[i] : longest;
    }
    if (longest <= LONG_LINE_BYTES)
        return;
    source->signs = arena_array(arena, size / SIGNS_BYTES + 1, sizeof *source->signs);
    for (uint32_t i = 0; i <= size / SIGNS_BYTES; i++) {
        uint32_t at = sign_at(source, i * SIGNS_BYTES);
        count += i ? count_signs(source, sign_at(source, (i - 1) * SIGNS_BYTES), at) : 0;
        source->signs[i] = count;
    }
}

static uint32_t signs_before(const struct source *source, uint32_t offset)
{
    uint32_t i = offset / SIGNS_BYTES, at = sign_at(source, i * SIGNS_BYTES);
    return source->signs[i] + (offset > at ? count_signs(source, at, offset) : 0);
}

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
    mark_signs(sources->arena, source);
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
    uint32_t first = source->lines[low];
    if (source->signs && offset - first > LONG_LINE_BYTES)
        return (struct position){low + 1,
                                 signs_before(source, offset) - signs_before(source, first) + 1};
    return (struct position){low + 1, count_signs(source, first, offset) + 1};
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
