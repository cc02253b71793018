/* cmd_completion.c: `camp completion`: scripts for shells, drawn from the list of commands: its
 * words, the options of each command and their values where the list names them (a|b|c). */
#include <stdio.h>

#include "compiler/tool/tool.h"

/* The next option of a command's arguments, as "--format", with its values "text|json", if any. */
static bool next_option(struct str *rest, struct str *option, struct str *values)
{
    *values = (struct str){0};
    while (rest->len && rest->at[0] != '-')
        *rest = str_from(*rest, 1);
    size_t length = 0;
    while (length < rest->len && !strchr(" ]|", rest->at[length]))
        length++;
    *option = (struct str){rest->at, length};
    *rest = str_from(*rest, length);
    if (rest->len && rest->at[0] == ' ')
        *values = (struct str){rest->at + 1, strcspn(rest->at + 1, " ]")};
    bool is_list = str_find(*values, STR("|")) != SIZE_MAX && values->at[0] >= 'a';
    if (!is_list)
        *values = (struct str){0};
    return length > 1;
}

static void print_words(struct str list)
{
    for (size_t i = 0; i < list.len; i++)
        putchar(list.at[i] == '|' ? ' ' : list.at[i]);
}

/* In a text between single quotes; zsh takes a colon for the end of a word. */
static void print_quoted(const char *text)
{
    for (; *text; text++)
        if (*text == '\'')
            printf("'\\''");
        else
            putchar(*text);
}

/* What a command takes beside options and files: "check" nothing, "help" the commands. */
static void print_own_words(const struct command *command)
{
    struct str rest = str_of(command->arguments), option, values;
    if (command->run == cmd_help)
        for (const struct command *other = commands; other->name; other++)
            printf("%s ", other->name);
    if (command->run == cmd_completion)
        printf("bash zsh fish ");
    while (next_option(&rest, &option, &values))
        printf(STR_FMT " ", STR_ARG(option));
}

/* One line of a `case` for each option with values: 'check --format') FORM ;; */
static void print_values(const char *form)
{
    struct str option, values;
    for (const struct command *command = commands; command->name; command++) {
        struct str rest = str_of(command->arguments);
        while (next_option(&rest, &option, &values)) {
            if (!values.len)
                continue;
            printf("    '%s " STR_FMT "') %s", command->name, STR_ARG(option), form);
            print_words(values);
            printf("'; return ;;\n");
        }
    }
}

static void print_bash(void)
{
    printf("# bash: source <(camp completion bash)\n"
           "_camp() {\n"
           "    local words='' files='' cur=${COMP_WORDS[COMP_CWORD]}\n"
           "    _camp_words \"${COMP_WORDS[1]}\" \"${COMP_WORDS[COMP_CWORD-1]}\" \"$COMP_CWORD\"\n"
           "    COMPREPLY=($(compgen -W \"$words\" $files -- \"$cur\"))\n"
           "}\n"
           "_camp_words() {\n"
           "    if [ \"$3\" -eq 1 ]; then words='");
    for (const struct command *command = commands; command->name; command++)
        printf("%s ", command->name);
    printf("'; return; fi\n    case \"$1 $2\" in\n");
    print_values("words='");
    printf("    esac\n    files=-f\n    case $1 in\n");
    for (const struct command *command = commands; command->name; command++) {
        printf("    %s) words='", command->name);
        print_own_words(command);
        printf("' ;;\n");
    }
    printf("    esac\n}\ncomplete -o filenames -F _camp camp\n");
}

static void print_zsh(void)
{
    printf("#compdef camp\n# zsh: source <(camp completion zsh)\n"
           "_camp() {\n"
           "    local -a commands\n"
           "    commands=(\n");
    for (const struct command *command = commands; command->name; command++) {
        printf("        '%s:", command->name);
        print_quoted(command->summary);
        printf("'\n");
    }
    printf("    )\n    if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
           "    local words_=''\n    case \"$words[2] $words[CURRENT-1]\" in\n");
    print_values("compadd -- ");
    printf("    esac\n    case $words[2] in\n");
    for (const struct command *command = commands; command->name; command++) {
        printf("    %s) words_='", command->name);
        print_own_words(command);
        printf("' ;;\n");
    }
    /* Sourced, or loaded by its name at the first completion. */
    printf("    esac\n    compadd -- ${=words_}\n    _files\n}\n"
           "if [[ $funcstack[1] == _camp ]]; then _camp \"$@\"; else compdef _camp camp; fi\n");
}

static void print_fish(void)
{
    struct str option, values;
    printf("# fish: camp completion fish | source\n");
    for (const struct command *command = commands; command->name; command++) {
        struct str rest = str_of(command->arguments);
        printf("complete -c camp -n __fish_use_subcommand -f -a %s -d '", command->name);
        print_quoted(command->summary);
        printf("'\n");
        while (next_option(&rest, &option, &values)) {
            bool is_long = str_starts(option, STR("--"));
            struct str name = str_from(option, is_long ? 2 : 1);
            printf("complete -c camp -n '__fish_seen_subcommand_from %s' %s " STR_FMT,
                   command->name, is_long ? "-l" : "-s", STR_ARG(name));
            if (values.len) {
                printf(" -xa '");
                print_words(values);
                printf("'");
            }
            printf("\n");
        }
    }
}

int cmd_completion(int argc, char **argv)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    if (argc != 2)
        return tool_misuse("completion", "name one shell: bash, zsh or fish", "");
    for (size_t i = 0; i < ARRAY_COUNT(shells); i++)
        if (strcmp(shells[i].shell, argv[1]) == 0) {
            shells[i].print();
            return EXIT_FINE;
        }
    return tool_misuse("completion", "shells are bash, zsh and fish", argv[1]);
}
