/* project.c: which project a document belongs to, and what the compiler says of it. The project is
 * the largest folder, at or below the workspace's, with at most one `clinic` (LANGUAGE.md P3); a
 * file of a folder that has more is a project of its own. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "compiler/tool/lsp/lsp.h"
#include "stdlib/builtins.h"

enum { MOST_DEPTH = 16, MOST_FILES = 4000 };

/* ---- which project ---- */

struct search {
    struct server *server;
    struct arena arena;
    uint32_t clinics, files;
};

static uint32_t count_clinics(struct str text)
{
    uint32_t count = str_starts(text, STR("clinic "));
    while (text.len) {
        size_t line = str_find(text, STR("\nclinic "));
        text = line == SIZE_MAX ? (struct str){0} : str_from(text, line + 1);
        count += line != SIZE_MAX;
    }
    return count;
}

static void search_file(struct search *search, struct str path)
{
    struct document *document = document_find(search->server, path);
    struct sources sources;
    const char *error;
    sources_init(&sources, &search->arena);
    search->files++;
    if (document) {
        search->clinics += count_clinics(buf_view(&document->text));
        return;
    }
    uint32_t file = source_load(&sources, path, &error);
    if (file != UINT32_MAX)
        search->clinics += count_clinics(source_at(&sources, file)->text);
}

static void search_folder(struct search *search, struct str path, int depth)
{
    DIR *folder = depth > MOST_DEPTH ? NULL : opendir(arena_cstr(&search->arena, path));
    if (!folder)
        return;
    for (struct dirent *entry;
         (entry = readdir(folder)) && search->clinics < 2 && search->files < MOST_FILES;) {
        struct stat status;
        struct str below =
            arena_printf(&search->arena, STR_FMT "/%s", STR_ARG(path), entry->d_name);
        bool is_hidden = entry->d_name[0] == '.' || strcmp(entry->d_name, "node_modules") == 0;
        if (is_hidden || stat(below.at, &status) != 0)
            continue;
        if (S_ISDIR(status.st_mode))
            search_folder(search, below, depth + 1);
        else if (str_ends(below, STR(".camp")))
            search_file(search, below);
    }
    closedir(folder);
}

static bool is_one_project(struct server *server, struct str folder)
{
    struct search search = {.server = server};
    arena_init(&search.arena, 0);
    search_folder(&search, folder, 0);
    arena_free(&search.arena);
    return search.clinics < 2 && search.files < MOST_FILES;
}

static struct str folder_of(struct str path)
{
    while (path.len > 1 && path.at[path.len - 1] != '/')
        path.len--;
    path.len -= path.len > 1;
    return path;
}

static bool is_below(struct str path, struct str folder)
{
    return str_starts(path, folder) && (folder.len == 1 || path.at[folder.len] == '/');
}

static struct str project_path(struct server *server, struct str path)
{
    struct stat status;
    char name[4096];
    snprintf(name, sizeof name, STR_FMT, STR_ARG(path));
    if (path.len >= sizeof name || path.at[0] != '/' || stat(name, &status) != 0)
        return path;
    struct str own = folder_of(path),
               root = server->root.len && is_below(path, server->root) ? server->root : own;
    for (struct str folder = root;; folder.len = own.len < folder.len ? own.len : folder.len) {
        if (is_one_project(server, folder))
            return folder;
        if (folder.len >= own.len)
            return path;
        struct str rest = str_from(own, folder.len + (folder.len > 1));
        size_t slash = str_find(rest, STR("/"));
        folder =
            (struct str){own.at, slash == SIZE_MAX ? own.len : (size_t)(rest.at - own.at) + slash};
    }
}

/* ---- compiling ---- */

static bool lay_over(void *context, struct str path, struct str *text)
{
    struct arena arena;
    arena_init(&arena, 0);
    struct document *document = document_find(context, path_normal(&arena, path));
    arena_free(&arena);
    if (document)
        *text = buf_view(&document->text);
    return document != NULL;
}

static void forget_build(struct project *project)
{
    if (project->is_built) {
        names_free(&project->names);
        compilation_free(&project->compilation);
    }
    project->is_built = false;
}

static void build(struct server *server, struct project *project)
{
    struct compile_options options = {&stdlib_builtins, tool_modules(), true};
    struct compilation *compilation = &project->compilation;
    struct stat status;
    struct str error;
    forget_build(project);
    compilation_init(compilation);
    compilation->ast.closes_blocks = true;
    compilation->sources.overlay = lay_over;
    compilation->sources.overlay_context = server;
    compilation->bounds.is_wanted = true;
    compilation->bounds.now_ms = (int64_t)time(NULL) * 1000;
    char *path = arena_cstr(&compilation->arena, project->path);
    struct document *document = document_find(server, project->path);
    bool is_there = stat(path, &status) == 0;
    bool is_campaign =
        is_there && (S_ISDIR(status.st_mode) || str_ends(project->path, STR(".camp")));
    if (is_campaign)
        (void)compile_paths(compilation, &options, &path, 1, &error);
    else if (document && !is_there)
        compile_text(compilation, &options, project->path, buf_view(&document->text));
    diags_sort(&compilation->diags);
    names_build(&project->names, &compilation->sources, compilation->declarations);
    project->is_built = true;
    project->is_dirty = false;
}

/* ---- diagnostics ---- */

static bool is_real(const struct source *source)
{
    return !str_starts(source->name, STR("<"));
}

void put_location(struct server *server, struct buf *out, const struct project *project,
                  struct span span)
{
    const struct source *source = source_at(&project->compilation.sources, span.file);
    struct arena arena;
    arena_init(&arena, 0);
    buf_c(out, "{\"uri\":");
    put_uri(server, out, path_normal(&arena, source->path));
    buf_c(out, ",\"range\":");
    put_range(server, out, source, span.first, span.end);
    buf_byte(out, '}');
    arena_free(&arena);
}

static void put_diagnostic(struct server *server, struct buf *out, const struct project *project,
                           const struct diag *diag)
{
    const struct source *source = source_at(&project->compilation.sources, diag->span.file);
    buf_c(out, "{\"range\":");
    put_range(server, out, source, diag->span.first, diag->span.end);
    buf_printf(out, ",\"severity\":%d,\"code\":\"C%04d\",\"source\":\"camp\",\"message\":",
               diag->severity == SEVERITY_ERROR ? 1 : 2, (int)diag->code);
    struct buf message;
    buf_init(&message, 0);
    buf_str(&message, diag->message);
    if (diag->help.len)
        buf_printf(&message, "\nhelp: " STR_FMT, STR_ARG(diag->help));
    json_put_text(out, buf_view(&message));
    buf_free(&message);
    bool is_first = true;
    for (const struct diag_note *note = diag->notes; note; note = note->next) {
        if (!is_real(source_at(&project->compilation.sources, note->span.file)))
            continue;
        buf_c(out, is_first ? ",\"relatedInformation\":[{\"location\":" : ",{\"location\":");
        is_first = false;
        put_location(server, out, project, note->span);
        buf_c(out, ",\"message\":");
        json_put_text(out, note->text);
        buf_byte(out, '}');
    }
    buf_c(out, is_first ? "}" : "]}");
}

static void publish(struct server *server, struct project *project, struct str path, uint32_t file)
{
    const struct diags *diags = &project->compilation.diags;
    struct document *document = document_find(server, path);
    struct buf out;
    bool is_first = true;
    notify_begin(&out, "textDocument/publishDiagnostics");
    buf_c(&out, "{\"uri\":");
    put_uri(server, &out, path);
    if (document)
        buf_printf(&out, ",\"version\":%lld", (long long)document->version);
    buf_c(&out, ",\"diagnostics\":[");
    for (uint32_t i = 0; i < diags->count && file != UINT32_MAX; i++) {
        if (diags->items[i].span.file != file)
            continue;
        if (!is_first)
            buf_byte(&out, ',');
        is_first = false;
        put_diagnostic(server, &out, project, &diags->items[i]);
    }
    buf_c(&out, "]}");
    notify_end(server, &out);
}

static bool has_diagnostics(const struct project *project, uint32_t file)
{
    for (uint32_t i = 0; i < project->compilation.diags.count; i++)
        if (project->compilation.diags.items[i].span.file == file)
            return true;
    return false;
}

static struct str heap_str(struct str s)
{
    char *copy = heap_alloc(s.len + 1);
    memcpy(copy, s.at, s.len);
    return (struct str){copy, s.len};
}

/* Each file of the project that has something to tell, or is open, or had. */
static void publish_all(struct server *server, struct project *project)
{
    const struct sources *sources = &project->compilation.sources;
    struct strmap told = project->told;
    struct arena arena;
    arena_init(&arena, 0);
    strmap_init(&project->told);
    for (uint32_t file = 0; file < sources->count; file++) {
        struct str path = path_normal(&arena, source_at(sources, file)->path);
        if (!is_real(source_at(sources, file)))
            continue;
        bool has_some = has_diagnostics(project, file);
        bool had_some = strmap_get(&told, path) != NULL;
        if (has_some || had_some || document_find(server, path))
            publish(server, project, path, file);
        if (had_some)
            *strmap_get(&told, path) = 0;
        if (has_some && !strmap_get(&project->told, path))
            *strmap_put(&project->told, heap_str(path), NULL) = 1;
    }
    struct str path;
    uint64_t is_left;
    for (size_t i = 0; strmap_next(&told, &i, &path, &is_left);) {
        if (is_left)
            publish(server, project, path, UINT32_MAX);
        heap_release((void *)(uintptr_t)path.at);
    }
    strmap_free(&told);
    arena_free(&arena);
}

static void refresh(struct server *server, struct project *project)
{
    if (project->is_built && !project->is_dirty)
        return;
    build(server, project);
    publish_all(server, project);
}

/* ---- documents ---- */

static struct project *project_of(struct server *server, struct str path)
{
    struct project *project = server->projects;
    for (; project; project = project->next)
        if (project->is_built)
            for (uint32_t i = 0; i < project->compilation.sources.count; i++)
                if (str_eq(source_at(&project->compilation.sources, i)->path, path))
                    return project;
    struct str own = project_path(server, path);
    for (project = server->projects; project; project = project->next)
        if (str_eq(project->path, own))
            return project;
    project = heap_alloc(sizeof *project);
    *project = (struct project){.path = heap_str(own), .next = server->projects};
    strmap_init(&project->told);
    server->projects = project;
    return project;
}

void projects_touch(struct server *server, struct str path)
{
    if (!server->is_over && server->is_initialized)
        project_of(server, path)->is_dirty = true;
    server->changed_at_ms = -1;
}

void projects_tell(struct server *server)
{
    for (struct project *project = server->projects; project; project = project->next)
        refresh(server, project);
}

static void free_project(struct project *project)
{
    struct str path;
    uint64_t value;
    forget_build(project);
    for (size_t i = 0; strmap_next(&project->told, &i, &path, &value);)
        heap_release((void *)(uintptr_t)path.at);
    strmap_free(&project->told);
    heap_release((void *)(uintptr_t)project->path.at);
    heap_release(project);
}

/* What the editor shows of a project that is no more is taken back. */
void projects_forget(struct server *server)
{
    struct project *old = server->projects, *next;
    server->projects = NULL;
    for (struct document *document = server->documents; document; document = document->next)
        project_of(server, document->path)->is_dirty = true;
    for (struct project *project = old; project; project = next) {
        next = project->next;
        for (struct project *now = server->projects; now; now = now->next)
            if (str_eq(now->path, project->path)) {
                struct strmap told = now->told;
                now->told = project->told;
                project->told = told;
            }
        struct str path;
        uint64_t value;
        for (size_t i = 0; strmap_next(&project->told, &i, &path, &value);)
            publish(server, project, path, UINT32_MAX);
        free_project(project);
    }
    server->changed_at_ms = -1;
}

void projects_free(struct server *server)
{
    server->is_over = true;
    while (server->projects) {
        struct project *project = server->projects;
        server->projects = project->next;
        free_project(project);
    }
}

bool document_of(struct request *request, struct place *place)
{
    const struct json *uri = json_get(json_get(request->params, "textDocument"), "uri");
    if (!uri || uri->kind != JSON_STRING) {
        request->error_code = ERROR_PARAMS;
        request->error = "params.textDocument.uri is missing";
        return false;
    }
    struct str path = uri_path(request->arena, uri->text);
    place->project = project_of(request->server, path);
    refresh(request->server, place->project);
    const struct sources *sources = &place->project->compilation.sources;
    for (place->file = 0; place->file < sources->count; place->file++) {
        place->source = source_at(sources, place->file);
        if (str_eq(path_normal(request->arena, place->source->path), path))
            return true;
    }
    return false;
}

bool place_of(struct request *request, struct place *place)
{
    const struct json *position = json_get(request->params, "position");
    if (!position || position->kind != JSON_OBJECT) {
        request->error_code = ERROR_PARAMS;
        request->error = "params.position is missing";
        return false;
    }
    if (!document_of(request, place))
        return false;
    place->offset = offset_at(request->server, place->source->text, position);
    return true;
}
