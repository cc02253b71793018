/* fuzz_parse.c: any bytes as a file: reading ends, the words and comments follow each other, every
 * node lies in the file, and what is reported can be written. */
#include "grammar/diag.h"
#include "grammar/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool check_node(void *context, struct node *node)
{
    const struct source *source = context;
    ensure(node->span.first <= node->span.end && node->span.end <= source->text.len);
    return true;
}

static void check_lexemes(struct arena *arena, struct sources *sources, uint32_t file)
{
    uint32_t count, end = 0;
    const struct lexeme *lexemes = camp_lexemes(arena, sources, file, &count);
    for (uint32_t i = 0; i < count; i++) {
        ensure(lexemes[i].span.first >= end && lexemes[i].span.first <= lexemes[i].span.end);
        ensure((lexemes[i].class == LEXEME_END) == (i + 1 == count));
        end = lexemes[i].span.end;
    }
    ensure(end == source_at(sources, file)->text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct sources sources;
    struct diags diags;
    struct buf out;
    arena_init(&arena, 0);
    struct ast ast = {.arena = &arena};
    sources_init(&sources, &arena);
    diags_init(&diags, &arena, &sources);
    buf_init(&out, 0);
    uint32_t file = source_add(&sources, STR("f.camp"), (struct str){(const char *)data, size});
    struct node *declarations = camp_parse(&ast, &diags, file);
    for (struct node *node = declarations; node; node = node->next)
        ast_walk(node, check_node, (void *)(uintptr_t)source_at(&sources, file));
    ast_dump(declarations, &out);
    diags_write(&diags, DIAG_TEXT, false, &out);
    diags_write(&diags, DIAG_JSON, false, &out);
    check_lexemes(&arena, &sources, file);
    buf_free(&out);
    arena_free(&arena);
    return 0;
}
