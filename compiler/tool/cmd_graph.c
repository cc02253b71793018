/* cmd_graph.c: `camp graph`: campaigns as pictures. The last word is the campaign's name when it is
 * no path. */
#include <stdio.h>
#include <unistd.h>

#include "compiler/tool/graph.h"
#include "compiler/tool/tool.h"
#include "grammar/diag.h"

/* Several campaigns stand one below the other in one document. */
static void write_svg(const struct compilation *compilation, const struct plan *const *plans,
                      uint32_t count, struct arena *arena, struct buf *out)
{
    struct graph *graphs = arena_array(arena, count, sizeof *graphs);
    double width = 0, height = 0;
    for (uint32_t i = 0; i < count; i++) {
        graph_layout(&graphs[i], compilation, plans[i], arena);
        width = graphs[i].width > width ? graphs[i].width : width;
        height += graphs[i].height;
    }
    if (count == 1) {
        graph_svg(&graphs[0], false, NULL, true, out);
        return;
    }
    buf_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"cg\" width=\"%.0f\" "
        "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n<title>%u campaigns</title>\n"
        "<style>%s</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"var(--paper)\"/>\n",
        width, height, width, height, count, graph_style);
    height = 0;
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(out, "<g transform=\"translate(%.0f %.0f)\">\n", (width - graphs[i].width) / 2,
                   height);
        graph_svg(&graphs[i], true, NULL, false, out);
        buf_c(out, "</g>\n");
        height += graphs[i].height;
    }
    buf_c(out, "</svg>\n");
}

static int write_graph(const struct compilation *compilation, const char *campaign,
                       const char *format)
{
    struct arena arena;
    struct buf out;
    struct plans plans;
    uint32_t count = 0;
    arena_init(&arena, 0);
    buf_init(&out, 0);
    plans_build(compilation, &arena, &plans);
    const struct plan **chosen = arena_array(&arena, plans.count + 1, sizeof(void *));
    struct str *names = arena_array(&arena, plans.count + 1, sizeof *names);
    for (uint32_t i = 0; i < plans.count; i++) {
        names[i] = plans.items[i].campaign->name;
        if (!campaign || str_eq_c(names[i], campaign))
            chosen[count++] = &plans.items[i];
    }
    if (!count) {
        struct str near =
            campaign ? diag_nearest(str_of(campaign), names, plans.count) : (struct str){0};
        fprintf(stderr, "camp graph: there is no campaign%s%s", campaign ? " " : "",
                campaign ? campaign : "");
        if (near.len)
            fprintf(stderr, "; did you mean `" STR_FMT "`?", STR_ARG(near));
        fprintf(stderr, "\n");
    } else if (strcmp(format, "dot") == 0) {
        graph_dot(compilation, chosen, count, &out);
    } else if (strcmp(format, "mermaid") == 0) {
        graph_mermaid(compilation, chosen, count, &out);
    } else {
        write_svg(compilation, chosen, count, &arena, &out);
    }
    tool_write(STDOUT_FILENO, buf_view(&out));
    buf_free(&out);
    arena_free(&arena);
    return count ? EXIT_FINE : EXIT_USAGE;
}

int cmd_graph(int argc, char **argv)
{
    struct compilation compilation;
    const char *format = "svg", *campaign = NULL;
    int paths = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--format") == 0 && i + 1 < argc)
            format = argv[++i];
        else if (argv[i][0] == '-')
            return tool_misuse("graph", "no such option, or its value is missing", argv[i]);
        else
            argv[1 + paths++] = argv[i];
    }
    if (strcmp(format, "svg") != 0 && strcmp(format, "dot") != 0 && strcmp(format, "mermaid") != 0)
        return tool_misuse("graph", "formats are svg, dot and mermaid", format);
    if (paths > 1 && access(argv[paths], F_OK) != 0)
        campaign = argv[paths--];
    if (!paths)
        return tool_misuse("graph", "name a file or folder", "");
    int code = tool_compile(&compilation, argv + 1, paths, false, false);
    tool_show_diagnostics(&compilation);
    if (code == EXIT_FINE)
        code = write_graph(&compilation, campaign, format);
    compilation_free(&compilation);
    return code;
}
