/* cmd_help.c: `camp help`: the list of commands, a command's page, and the manual's source for
 * scdoc, all drawn from the one list of commands. */
#include <stdio.h>

#include "compiler/tool/tool.h"

void tool_usage(const struct command *command)
{
    printf("camp %s %s\n\n%s\n\nExamples:\n%s", command->name, command->arguments, command->summary,
           command->examples);
}

/* Signs that scdoc would take for its own. */
static void print_scdoc(const char *text)
{
    for (; *text; text++) {
        if (strchr("_*\\[", *text))
            putchar('\\');
        putchar(*text);
    }
}

static void print_examples(const char *text)
{
    printf("```\n%s```\n\n", text);
}

static void print_manual(void)
{
    printf("camp(1)\n\n# NAME\n\ncamp - campaigns for clinics, checked, tested and compiled\n\n"
           "# SYNOPSIS\n\n*camp* _command_ [arguments]\n\n# DESCRIPTION\n\n"
           "A campaign is a plan of messages to patients, written in .camp files. A project is a "
           "folder with all its .camp files and templates, or one file; all PATHs of a command "
           "together are one project.\n\nResults go to standard output, everything else to "
           "standard error.\n\n# COMMANDS\n\n");
    for (const struct command *command = commands; command->name; command++) {
        printf("*%s* ", command->name);
        print_scdoc(command->arguments);
        printf("\n\t");
        print_scdoc(command->summary);
        printf("\n\n");
    }
    printf("# OPTIONS OF ALL COMMANDS\n\n*--help*\n\tthe command's page\n\n"
           "*--color* \\[auto|always|never]\n\twhen to colour; without it, on terminals only\n\n"
           "# EXAMPLES\n\n");
    for (const struct command *command = commands; command->name; command++)
        print_examples(command->examples);
    printf(
        "# ENVIRONMENT\n\n*CAMP\\_SERVER*\n\tthe service that deploy, start and the like speak to, "
        "where --server does not say it\n\n*CAMP\\_TOKEN*\n\ta key of that service\n\n"
        "*NO\\_COLOR*\n\tnot empty: no colour\n\n# EXIT STATUS\n\n*0*\n\tfine; warnings too, "
        "unless --strict\n\n*1*\n\tfindings: errors, failed tests, differences, something "
        "refused\n\n*2*\n\tusage, input or output, or no terminal to ask on without --yes\n");
}

void tool_commands(FILE *to)
{
    fprintf(to, "camp: campaigns for clinics, checked, tested and compiled\n\n");
    for (const struct command *command = commands; command->name; command++)
        fprintf(to, "  camp %-10s %s\n", command->name, command->summary);
    fprintf(to, "\nMore: camp help COMMAND\n"
                "Colour on terminals only: --color auto|always|never, NO_COLOR.\n"
                "Exit codes: 0 fine, 1 findings, 2 usage or files.\n");
}

int cmd_help(int argc, char **argv)
{
    if (argc < 2) {
        tool_commands(stdout);
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--man") == 0) {
        print_manual();
        return EXIT_FINE;
    }
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, argv[1]) == 0) {
            tool_usage(command);
            return EXIT_FINE;
        }
    return tool_misuse("help", "there is no command", argv[1]);
}
