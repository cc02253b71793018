/* main.c: the `camp` command: finds the subcommand. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "compiler/tool/tool.h"
#include "grammar/diag.h"
#include "stdlib/builtins.h"
#include "stdlib/modules.h"

const struct command commands[] = {
    {"check", "PATH… [--strict] [--phi] [--bounds] [--format text|json|sarif|github]",
     "everything the compiler can find",
     "  camp check examples/welcome\n  camp check . --strict\n"
     "  camp check . --phi        # where protected health information goes, and why\n"
     "  camp check . --bounds     # how many messages, when, for how long\n"
     "  camp check . --format sarif >camp.sarif\n",
     cmd_check},
    {"build", "PATH… -o FILE.campi", "one verified, deterministic image",
     "  camp build examples/welcome -o welcome.campi\n", cmd_build},
    {"fmt", "[--check] [PATH…|-]",
     "files in their one canonical layout; --check shows what differs",
     "  camp fmt\n  camp fmt --check examples/welcome\n  camp fmt - <draft.camp\n", cmd_fmt},
    {"test", "PATH… [--run REGEX] [--format text|tap|junit|json] [--coverage] [--jobs N]",
     "the `test` blocks, on a virtual clock",
     "  camp test examples/welcome\n  camp test . --run 'welcome: .*nudge'\n"
     "  camp test . --coverage\n  camp test . --format junit >junit.xml\n",
     cmd_test},
    {"simulate",
     "PATH… --events FILE.ndjson|- [--until \"2026-12-31 00:00\"] [--existing] "
     "[--format text|ndjson|html]",
     "what recorded or made-up traffic would send, to whom and when",
     "  camp simulate examples/welcome --events traffic.ndjson\n"
     "  camp simulate . --events - --until \"2026-12-31 00:00\" --format ndjson\n"
     "  camp simulate . --events traffic.ndjson --format html >page.html\n",
     cmd_simulate},
    {"graph", "PATH… [CAMPAIGN] [--format svg|dot|mermaid]", "the workflow as a picture",
     "  camp graph examples/welcome >welcome.svg\n"
     "  camp graph . welcome --format mermaid\n  camp graph . --format dot | dot -Tpdf >all.pdf\n",
     cmd_graph},
    {"lsp", "[--stdio]", "the language server: an editor starts it (compiler/tool/editors)",
     "  camp lsp\n", cmd_lsp},
    {"render", "TEMPLATE [--data FILE.json] [--html]",
     "one Liquid template with the data as its names",
     "  camp render welcome.liquid --data ana.json\n"
     "  camp render newsletter.html --data ana.json --html >newsletter.out.html\n",
     cmd_render},
    {"explain", "[CODE]", "what a diagnostic means and what to write instead; all codes",
     "  camp explain C0401\n  camp explain 401\n  camp explain\n", cmd_explain},
    {"new", "NAME [--trigger event|attribute|segment|object|date|manual]",
     "a campaign to begin with, in a folder of its own",
     "  camp new first_visit\n  camp new birthday --trigger date\n", cmd_new},
    {"completion", "bash|zsh|fish", "a script that completes commands and options in a shell",
     "  camp completion bash >/etc/bash_completion.d/camp\n", cmd_completion},
    {"deploy", "PATH… --server URL [--in-flight pin] [--format text|json]",
     "builds and uploads a project: new enrollments run it from now on",
     "  camp deploy examples/welcome --server https://camp.clinic.example\n"
     "  camp deploy welcome.campi          # CAMP_SERVER says where, CAMP_TOKEN holds a key\n",
     cmd_deploy},
    {"start",
     "CAMPAIGN [--existing] [--expect 200..600] [--yes] [--server URL] [--format text|json]",
     "shows what would happen, asks, and opens the door",
     "  camp start welcome\n  camp start reactivate --existing --expect 200..600 --yes\n",
     cmd_start},
    {"pause", "CAMPAIGN [--server URL] [--format text|json]",
     "nobody enters, timers stand still; goals and exits go on", "  camp pause welcome\n",
     cmd_pause},
    {"resume", "CAMPAIGN [--server URL] [--format text|json]", "runs what is due, and goes on",
     "  camp resume welcome\n", cmd_resume},
    {"stop", "CAMPAIGN [--drain] [--server URL] [--format text|json]",
     "ends every enrollment; with --drain only closes the door",
     "  camp stop welcome --drain\n  camp stop welcome\n", cmd_stop},
    {"status", "[CAMPAIGN] [--server URL] [--format text|json]",
     "where campaigns stand: counts, steps, messages", "  camp status\n  camp status welcome\n",
     cmd_status},
    {"drafts", "[--campaign C] [--message M] [--full] [--server URL] [--format text|json]",
     "messages that wait for a person", "  camp drafts\n  camp drafts --campaign survey --full\n",
     cmd_drafts},
    {"approve", "ID…|--campaign C --message M [--server URL] [--format text|json]",
     "sends drafts as they were shown",
     "  camp approve 17 18\n  camp approve --campaign survey --message sorry\n", cmd_approve},
    {"reject", "ID…|--campaign C --message M [--reason TEXT] [--server URL] [--format text|json]",
     "throws drafts away", "  camp reject 17 --reason 'called instead'\n", cmd_reject},
    {"why", "PATIENT [CAMPAIGN] [--server URL] [--format text|json]",
     "what happened to a patient, and why, with source lines",
     "  camp why p1\n  camp why p1 welcome\n", cmd_why},
    {"disasm", "FILE.campi", "what an image says", "  camp disasm welcome.campi\n", cmd_disasm},
    {"help", "[COMMAND|--man]", "the commands, one of them, or the manual's source for scdoc",
     "  camp help test\n  camp help --man | scdoc >camp.1\n", cmd_help},
    {NULL, NULL, NULL, NULL, NULL}};

static enum { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER } colour;

bool tool_has_colour(int fd)
{
    const char *none = getenv("NO_COLOR");
    return colour == COLOUR_ALWAYS || (colour == COLOUR_AUTO && isatty(fd) && !(none && *none));
}

/* Takes --color, --color=WHEN and --color WHEN out, wherever they stand before `--`. */
static bool take_colour(int *argc, char **argv)
{
    static const char *const words[] = {"auto", "always", "never"};
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        bool is_bare = strcmp(argv[i], "--color") == 0;
        if (!is_bare && strncmp(argv[i], "--color=", 8) != 0) {
            argv[kept++] = argv[i];
            continue;
        }
        const char *when = is_bare ? (i + 1 < *argc ? argv[i + 1] : "") : argv[i] + 8;
        int which = -1;
        for (int k = 0; k < 3; k++)
            which = strcmp(words[k], when) == 0 ? k : which;
        if (which < 0 && !is_bare)
            return false;
        i += is_bare && which >= 0;
        colour = which == 0 ? COLOUR_AUTO : which == 2 ? COLOUR_NEVER : COLOUR_ALWAYS;
    }
    *argc = kept;
    return true;
}

int tool_misuse(const char *command, const char *what, const char *word)
{
    fprintf(stderr, "camp %s: %s%s%s\nTry: camp help %s\n", command, what, word[0] ? ": " : "",
            word, command);
    return EXIT_USAGE;
}

const struct compile_module *tool_modules(void)
{
    static struct compile_module modules[64];
    for (size_t i = 0; i + 1 < ARRAY_COUNT(modules) && stdlib_modules[i].name; i++)
        modules[i] = (struct compile_module){stdlib_modules[i].name, stdlib_modules[i].text};
    return modules;
}

static int compile_with(struct compilation *compilation, char **paths, int count, bool with_tests,
                        bool with_bounds, bool is_strict)
{
    struct compile_options options = {&stdlib_builtins, tool_modules(), with_tests};
    struct str error;
    compilation_init(compilation);
    compilation->bounds.is_wanted = with_bounds;
    compilation->bounds.now_ms = (int64_t)time(NULL) * 1000;
    if (!compile_paths(compilation, &options, paths, count, &error)) {
        fprintf(stderr, "camp: " STR_FMT "\n", STR_ARG(error));
        return EXIT_USAGE;
    }
    if (is_strict)
        diags_be_strict(&compilation->diags);
    return compilation->diags.error_count ? EXIT_FINDINGS : EXIT_FINE;
}

int tool_compile(struct compilation *compilation, char **paths, int count, bool with_tests,
                 bool is_strict)
{
    return compile_with(compilation, paths, count, with_tests, false, is_strict);
}

int tool_compile_bounds(struct compilation *compilation, char **paths, int count, bool is_strict)
{
    return compile_with(compilation, paths, count, true, true, is_strict);
}

void tool_show_diagnostics(struct compilation *compilation)
{
    struct buf text;
    buf_init(&text, 0);
    diags_write(&compilation->diags, DIAG_TEXT, tool_has_colour(STDERR_FILENO), &text);
    tool_write(STDERR_FILENO, buf_view(&text));
    buf_free(&text);
}

bool tool_encode(struct compilation *compilation, struct buf *bytes)
{
    struct arena arena;
    struct image image;
    struct image_error error = {{0}};
    arena_init(&arena, 0);
    bool is_sound = image_encode(&compilation->image, bytes) &&
                    image_decode(&arena, buf_view(bytes), false, &image, &error) &&
                    image_verify(&image, &stdlib_builtins, &error);
    if (!is_sound)
        fprintf(stderr, "camp: the image is not sound: %s\n", error.text);
    arena_free(&arena);
    return is_sound;
}

static const char *nearest_command(const char *word)
{
    struct str names[64], nearest;
    uint32_t count = 0;
    for (const struct command *command = commands; command->name && count < ARRAY_COUNT(names);
         command++)
        names[count++] = str_of(command->name);
    nearest = diag_nearest(str_of(word), names, count);
    return nearest.at;
}

static int run(int argc, char **argv)
{
    if (!take_colour(&argc, argv)) {
        fprintf(stderr, "camp: --color takes auto, always or never\n");
        return EXIT_USAGE;
    }
    if (argc < 2) {
        tool_commands(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return cmd_help(1, argv);
    for (const struct command *command = commands; command->name; command++) {
        if (strcmp(command->name, argv[1]) != 0)
            continue;
        for (int i = 2; i < argc; i++)
            if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
                tool_usage(command);
                return EXIT_FINE;
            }
        return command->run(argc - 1, argv + 1);
    }
    const char *nearest = nearest_command(argv[1]);
    fprintf(stderr, "camp: there is no command `%s`", argv[1]);
    if (nearest)
        fprintf(stderr, "; did you mean `%s`?", nearest);
    fprintf(stderr, "\nTry: camp help\n");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    tool_output_begin();
    return tool_output_end(run(argc, argv));
}
