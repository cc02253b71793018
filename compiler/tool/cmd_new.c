/* cmd_new.c: `camp new`: a campaign to begin with, one for each kind of trigger (embed/). */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "compiler/tool/embed/attribute.camp.h"
#include "compiler/tool/embed/date.camp.h"
#include "compiler/tool/embed/event.camp.h"
#include "compiler/tool/embed/manual.camp.h"
#include "compiler/tool/embed/object.camp.h"
#include "compiler/tool/embed/segment.camp.h"
#include "compiler/tool/tool.h"
#include "grammar/parse.h"

#define BEGINNING(kind)                                                                            \
    {                                                                                              \
#kind,                                                                                     \
        {                                                                                          \
            kind##_camp, sizeof kind##_camp - 1                                                    \
        }                                                                                          \
    }
static const struct {
    const char *kind;
    struct str text;
} beginnings[] = {BEGINNING(event),  BEGINNING(attribute), BEGINNING(segment),
                  BEGINNING(object), BEGINNING(date),      BEGINNING(manual)};
#undef BEGINNING

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_letter(name.at[i]) && (i == 0 || name.at[i] < '0' || name.at[i] > '9'))
            return false;
    return name.len && name.len <= 64 && !camp_is_keyword(name);
}

/* first_visit → First visit */
static void put_title(struct buf *out, struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i] == '_' ? ' ' : name.at[i];
        bool is_first = i == 0 && c >= 'a' && c <= 'z';
        buf_byte(out, (unsigned char)(is_first ? c - 'a' + 'A' : c));
    }
}

/* The text with the name and the title of the campaign in their places. */
static void put_campaign(struct buf *out, struct str text, struct str name)
{
    struct str old_name = STR("my_campaign"), old_title = STR("My campaign");
    while (text.len) {
        bool is_old_name = str_starts(text, old_name), is_old_title = str_starts(text, old_title);
        if (is_old_name)
            buf_str(out, name);
        else if (is_old_title)
            put_title(out, name);
        else
            buf_byte(out, (unsigned char)text.at[0]);
        text = str_from(text, is_old_name ? old_name.len : is_old_title ? old_title.len : 1);
    }
}

/* FOLDER/NAME.camp in a new folder. */
static int make_project(const char *folder, struct str name, struct str text)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/" STR_FMT ".camp", folder, STR_ARG(name));
    if (length < 0 || (size_t)length >= sizeof path)
        errno = ENAMETOOLONG;
    FILE *file =
        (size_t)length < sizeof path && mkdir(folder, 0777) == 0 ? fopen(path, "wx") : NULL;
    bool is_written = file && fwrite(text.at, 1, text.len, file) == text.len;
    if (file && fclose(file) != 0)
        is_written = false;
    if (!is_written) {
        fprintf(stderr, "camp new: %s: %s\n", folder, strerror(errno));
        return EXIT_USAGE;
    }
    printf("%s\nTry: camp test %s\n", path, folder);
    return EXIT_FINE;
}

int cmd_new(int argc, char **argv)
{
    const char *folder = NULL, *kind = "event";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trigger") == 0 && i + 1 < argc)
            kind = argv[++i];
        else if (argv[i][0] == '-')
            return tool_misuse("new", "no such option, or its value is missing", argv[i]);
        else if (folder)
            return tool_misuse("new", "name one campaign", argv[i]);
        else
            folder = argv[i];
    }
    if (!folder)
        return tool_misuse("new", "name the campaign", "");
    const char *slash = strrchr(folder, '/');
    struct str name = str_of(slash ? slash + 1 : folder);
    if (!is_name(name))
        return tool_misuse("new",
                           "a name is made of letters, digits and _, begins with a letter, and is "
                           "no word of the language",
                           folder);
    for (size_t i = 0; i < ARRAY_COUNT(beginnings); i++) {
        if (strcmp(beginnings[i].kind, kind) != 0)
            continue;
        struct buf text;
        buf_init(&text, 0);
        put_campaign(&text, beginnings[i].text, name);
        int code = make_project(folder, name, buf_view(&text));
        buf_free(&text);
        return code;
    }
    return tool_misuse("new", "triggers are event, attribute, segment, object, date and manual",
                       kind);
}
