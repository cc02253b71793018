/* module.c: the files of a project and what they `use` (LANGUAGE.md P1, P2). Each file is read and
 * parsed once; names are global, so the order only decides the order of diagnostics. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "compiler/internal.h"
#include "grammar/parse.h"

enum { MOST_DEPTH = 32 };

static int by_name(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void parse_file(struct compiler *c, uint32_t file);

static void add_declarations(struct compiler *c, struct node *list)
{
    struct node **end = c->last_declaration ? &c->last_declaration->next : &c->out->declarations;
    *end = list;
    for (; list; list = list->next)
        c->last_declaration = list;
}

static struct str beside(struct compiler *c, uint32_t file, struct str name)
{
    struct str path = source_at(&c->out->sources, file)->path;
    size_t slash = path.len;
    while (slash && path.at[slash - 1] != '/')
        slash--;
    return arena_printf(c->arena, "%.*s" STR_FMT, (int)slash, path.at, STR_ARG(name));
}

static void use_module(struct compiler *c, const struct node *use)
{
    struct strmap names;
    strmap_init(&names);
    for (const struct compile_module *m = c->options->modules; m && m->name; m++) {
        *strmap_put(&names, str_of(m->name), NULL) = 1;
        if (!str_eq_c(use->name, m->name))
            continue;
        struct str shown = arena_printf(c->arena, "<%s>", m->name);
        for (uint32_t i = 0; i < c->out->sources.count; i++)
            if (str_eq(source_at(&c->out->sources, i)->name, shown)) {
                strmap_free(&names);
                return;
            }
        parse_file(c, source_add(&c->out->sources, shown, str_of(m->text)));
        strmap_free(&names);
        return;
    }
    struct diag *diag = report(c, DIAG_UNKNOWN_NAME, use->name_span, "module", STR_ARG(use->name));
    suggest(c, diag, use->name, &names);
    c->is_use_missing = true;
    strmap_free(&names);
}

static void use_file(struct compiler *c, const struct node *use)
{
    const char *error = NULL;
    uint32_t before = c->out->sources.count;
    uint32_t file = source_load(&c->out->sources, beside(c, use->span.file, use->name), &error);
    c->is_use_missing |= error != NULL;
    if (error)
        help(c, report(c, DIAG_CANNOT_READ, use->name_span, STR_ARG(use->name), error),
             "names of files are relative to the file that says them");
    else if (file >= before)
        parse_file(c, file);
}

/* What could not be read and names a module was to bring it in. */
static void look_for_modules(struct compiler *c, uint32_t file)
{
    for (uint32_t i = 0; i < c->diags->lost_count; i++) {
        const struct span *lost = &c->diags->lost[i];
        for (const struct compile_module *m = c->options->modules; m && m->name; m++)
            c->is_use_missing |=
                lost->file == file && str_find(source_text(c, *lost), str_of(m->name)) != SIZE_MAX;
    }
}

static void parse_file(struct compiler *c, uint32_t file)
{
    struct node *list = camp_parse(&c->out->ast, c->diags, file);
    add_declarations(c, list);
    look_for_modules(c, file);
    for (struct node *node = list; node && node->span.file == file; node = node->next) {
        if (node->kind != NODE_USE)
            continue;
        if (node->flags & FLAG_FILE)
            use_file(c, node);
        else
            use_module(c, node);
    }
}

static bool load_path(struct compiler *c, struct str path, int depth, struct str *error);

static bool looks_like_template(struct str name)
{
    static const char *const endings[] = {".liquid", ".html", ".htm", ".txt"};
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++)
        if (str_ends(name, str_of(endings[i])))
            return true;
    return false;
}

static bool load_directory(struct compiler *c, struct str path, int depth, struct str *error)
{
    DIR *directory = opendir(path.at);
    struct str *names = NULL;
    uint32_t count = 0, room = 0;
    if (!directory) {
        *error = arena_printf(c->arena, STR_FMT ": %s", STR_ARG(path), strerror(errno));
        return false;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        names = arena_grow(c->arena, names, count, &room, sizeof *names);
        names[count++] = arena_str(c->arena, str_of(entry->d_name));
    }
    closedir(directory);
    if (count)
        qsort(names, count, sizeof *names, by_name);
    for (uint32_t i = 0; i < count; i++) {
        bool has_slash = str_ends(path, STR("/"));
        struct str below = arena_printf(c->arena, STR_FMT "%s" STR_FMT, STR_ARG(path),
                                        has_slash ? "" : "/", STR_ARG(names[i]));
        struct stat stat_;
        bool is_directory = stat(below.at, &stat_) == 0 && S_ISDIR(stat_.st_mode);
        if (!is_directory && looks_like_template(names[i])) {
            c->templates = arena_grow(c->arena, c->templates, c->template_count, &c->template_room,
                                      sizeof *c->templates);
            c->templates[c->template_count++] = below;
        }
        if ((is_directory || str_ends(below, STR(".camp"))) &&
            !load_path(c, below, depth + 1, error))
            return false;
    }
    return true;
}

static bool load_path(struct compiler *c, struct str path, int depth, struct str *error)
{
    struct stat stat_;
    const char *why = NULL;
    if (stat(path.at, &stat_) != 0)
        why = strerror(errno);
    else if (depth > MOST_DEPTH)
        why = "folders are nested too deeply";
    if (!why && S_ISDIR(stat_.st_mode))
        return load_directory(c, path, depth, error);
    uint32_t before = c->out->sources.count;
    uint32_t file = why ? 0 : source_load(&c->out->sources, path, &why);
    if (why) {
        *error = arena_printf(c->arena, STR_FMT ": %s", STR_ARG(path), why);
        return false;
    }
    if (file >= before)
        parse_file(c, file);
    return true;
}

/* What the names of a path's files begin with: the folder itself, or that of the file. */
static struct str root_of(struct compiler *c, struct str path)
{
    struct stat stat_;
    if (stat(path.at, &stat_) == 0 && S_ISDIR(stat_.st_mode))
        return str_ends(path, STR("/")) ? path : arena_printf(c->arena, STR_FMT "/", STR_ARG(path));
    while (path.len && path.at[path.len - 1] != '/')
        path.len--;
    return path;
}

bool load_paths(struct compiler *c, char *const *paths, int count, struct str *error)
{
    c->roots = arena_array(c->arena, (size_t)count + 1, sizeof *c->roots);
    for (int i = 0; i < count; i++)
        c->roots[c->root_count++] = root_of(c, arena_str(c->arena, str_of(paths[i])));
    for (int i = 0; i < count; i++)
        if (!load_path(c, arena_str(c->arena, str_of(paths[i])), 0, error))
            return false;
    if (!c->out->sources.count && count)
        *error = arena_printf(c->arena, "%s: there is no .camp file in it", paths[0]);
    return c->out->sources.count > 0;
}

void load_text(struct compiler *c, struct str name, struct str text)
{
    parse_file(c, source_add(&c->out->sources, name, text));
}
