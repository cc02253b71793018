/* cmd_explain.c: `camp explain`: the pages of grammar/diagnostics, which are built in. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compiler/tool/tool.h"
#include "grammar/diagnostics.h"

struct colours {
    const char *bold, *code, *wrong, *off;
};
static const struct colours bright = {"\033[1m", "\033[36m", "\033[31m", "\033[0m"};
static const struct colours plain = {"", "", "", ""};

static struct str next_line(struct str *rest)
{
    size_t end = str_find(*rest, STR("\n"));
    struct str line = {rest->at, end == SIZE_MAX ? rest->len : end};
    *rest = str_from(*rest, end == SIZE_MAX ? rest->len : end + 1);
    return line;
}

/* "# C0101: title" begins a page. */
static bool is_title(struct str line)
{
    return str_starts(line, STR("# C")) && line.len > 9 && line.at[7] == ':';
}

bool page_next(struct str *rest, struct page *page)
{
    struct str head;
    while (rest->len && !is_title(head = next_line(rest)))
        ;
    if (!rest->len)
        return false;
    *page = (struct page){atoi(head.at + 3), str_from(head, 9), {rest->at, 0}};
    for (struct str left = *rest; left.len && !is_title(left);
         page->text.len = rest->len - left.len)
        next_line(&left);
    page->text = str_trim(page->text);
    return true;
}

struct str pages_all(void)
{
    return (struct str){diagnostics_md, sizeof diagnostics_md - 1};
}

bool page_find(int code, struct page *page)
{
    struct str rest = pages_all();
    while (page_next(&rest, page))
        if (page->code == code)
            return true;
    return false;
}

static void print_page(const struct page *page, const struct colours *paint)
{
    bool is_code = false;
    struct str rest = page->text;
    printf("%sC%04d: " STR_FMT "%s\n", paint->bold, page->code, STR_ARG(page->title), paint->off);
    printf("\n");
    while (rest.len) {
        struct str line = next_line(&rest);
        bool is_wrong = str_ends(line, STR("# <- here"));
        if (str_starts(line, STR("```"))) {
            if (str_ends(line, STR(" fails")))
                printf("%sFor example%s\n\n", paint->bold, paint->off);
            is_code = !is_code;
        } else if (str_starts(line, STR("## "))) {
            struct str title = str_from(line, 3);
            printf("%s" STR_FMT "%s\n", paint->bold, STR_ARG(title), paint->off);
        } else if (is_code && line.len) {
            printf("    %s" STR_FMT "%s\n", is_wrong ? paint->wrong : paint->code, STR_ARG(line),
                   paint->off);
        } else {
            printf(STR_FMT "\n", STR_ARG(line));
        }
    }
}

static int list_pages(void)
{
    struct str rest = pages_all();
    for (struct page page; page_next(&rest, &page);)
        printf("C%04d  " STR_FMT "\n", page.code, STR_ARG(page.title));
    return EXIT_FINE;
}

/* C0217, c217, 217; -1: no code. */
static int code_of(const char *word)
{
    char *end;
    const char *digits = word + (*word == 'C' || *word == 'c');
    long code = strtol(digits, &end, 10);
    return *digits >= '0' && *digits <= '9' && !*end && code <= 9999 ? (int)code : -1;
}

/* The pages whose numbers are nearest. */
static int unknown_code(const char *word, int code)
{
    struct str rest = pages_all();
    fprintf(stderr, "camp explain: there is no diagnostic `%s`", word);
    if (code < 0) {
        fprintf(stderr, "; a code looks like C0101\nTry: camp explain\n");
        return EXIT_USAGE;
    }
    struct page before[2] = {{0}}, page;
    while (page_next(&rest, &page) && page.code < code) {
        before[0] = before[1];
        before[1] = page;
    }
    fprintf(stderr, "; near it are\n");
    for (int i = 0; i < 2; i++)
        if (before[i].code)
            fprintf(stderr, "  C%04d  " STR_FMT "\n", before[i].code, STR_ARG(before[i].title));
    if (page.code > code)
        fprintf(stderr, "  C%04d  " STR_FMT "\n", page.code, STR_ARG(page.title));
    return EXIT_USAGE;
}

int cmd_explain(int argc, char **argv)
{
    struct page page;
    if (argc == 1 || (argc == 2 && strcmp(argv[1], "list") == 0))
        return list_pages();
    if (argc > 2)
        return tool_misuse("explain", "name one code", argv[2]);
    int code = code_of(argv[1]);
    if (code < 0 || !page_find(code, &page))
        return unknown_code(argv[1], code);
    print_page(&page, tool_has_colour(STDOUT_FILENO) ? &bright : &plain);
    return EXIT_FINE;
}
