/* annotate.c: diagnostics for machines that show them beside the text: SARIF 2.1.0, and the
 * commands of GitHub's workflows. */
#include "compiler/tool/tool.h"
#include "vm/base/json.h"

/* A relative or file: URI; what a URI does not allow is percent-encoded. */
static void put_uri(struct buf *out, struct str path)
{
    struct buf uri;
    buf_init(&uri, 0);
    buf_c(&uri, str_starts(path, STR("/")) ? "file://" : "");
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.at[i];
        bool is_free = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       strchr("-._~/", c);
        if (is_free)
            buf_byte(&uri, c);
        else
            buf_printf(&uri, "%%%02X", c);
    }
    json_put_text(out, buf_view(&uri));
    buf_free(&uri);
}

static void put_location(struct buf *out, const struct diags *diags, struct span span)
{
    const struct source *source = source_at(diags->sources, span.file);
    struct position first = source_position(source, span.first),
                    end = source_position(source, span.end);
    buf_c(out, "\"physicalLocation\":{\"artifactLocation\":{\"uri\":");
    put_uri(out, source->name);
    buf_printf(
        out, "},\"region\":{\"startLine\":%u,\"startColumn\":%u,\"endLine\":%u,\"endColumn\":%u}}",
        first.line, first.column, end.line, end.column);
}

static void put_message(struct buf *out, struct str message, struct str help)
{
    struct buf text;
    buf_init(&text, 0);
    buf_str(&text, message);
    if (help.len)
        buf_printf(&text, "\nhelp: " STR_FMT, STR_ARG(help));
    buf_c(out, "\"message\":{\"text\":");
    json_put_text(out, buf_view(&text));
    buf_byte(out, '}');
    buf_free(&text);
}

static void put_result(struct buf *out, const struct diags *diags, const struct diag *diag)
{
    buf_printf(out, "{\"ruleId\":\"C%04d\",\"level\":\"%s\",", (int)diag->code,
               diag_severity_text(diag->severity));
    put_message(out, diag->message, diag->help);
    buf_c(out, ",\"locations\":[{");
    put_location(out, diags, diag->span);
    buf_c(out, "}],\"relatedLocations\":[");
    for (const struct diag_note *note = diag->notes; note; note = note->next) {
        buf_c(out, note == diag->notes ? "{" : ",{");
        put_message(out, note->text, (struct str){0});
        buf_byte(out, ',');
        put_location(out, diags, note->span);
        buf_byte(out, '}');
    }
    buf_c(out, "]}");
}

void write_sarif(struct diags *diags, struct buf *out)
{
    struct str rest = pages_all();
    const char *comma = "";
    diags_sort(diags);
    buf_c(out, "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\","
               "\"version\":\"2.1.0\",\"runs\":[{\"columnKind\":\"unicodeCodePoints\","
               "\"tool\":{\"driver\":{\"name\":\"camp\",\"rules\":[");
    for (struct page page; page_next(&rest, &page); comma = ",") {
        buf_printf(out, "%s{\"id\":\"C%04d\",\"shortDescription\":{\"text\":", comma, page.code);
        json_put_text(out, page.title);
        buf_c(out, "},\"help\":{\"text\":");
        json_put_text(out, page.text);
        buf_c(out, "}}");
    }
    buf_c(out, "]}},\"results\":[");
    for (uint32_t i = 0; i < diags->count; i++) {
        buf_c(out, i ? ",\n" : "\n");
        put_result(out, diags, &diags->items[i]);
    }
    buf_c(out, "]}]}\n");
}

/* Text of a workflow command; in a property `:` and `,` are escaped too. */
static void put_escaped(struct buf *out, struct str text, const char *signs)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr(signs, text.at[i]))
            buf_printf(out, "%%%02X", (unsigned)text.at[i]);
        else
            buf_byte(out, (unsigned char)text.at[i]);
}

void write_github(struct diags *diags, struct buf *out)
{
    diags_sort(diags);
    for (uint32_t i = 0; i < diags->count; i++) {
        const struct diag *diag = &diags->items[i];
        const struct source *source = source_at(diags->sources, diag->span.file);
        struct position first = source_position(source, diag->span.first),
                        end = source_position(source, diag->span.end);
        buf_printf(out, "::%s file=", diag_severity_text(diag->severity));
        put_escaped(out, source->name, "%\r\n:,");
        buf_printf(out, ",line=%u,endLine=%u", first.line, end.line);
        if (first.line == end.line)
            buf_printf(out, ",col=%u,endColumn=%u", first.column, end.column);
        buf_printf(out, ",title=C%04d::", (int)diag->code);
        put_escaped(out, diag->message, "%\r\n");
        if (diag->help.len) {
            buf_c(out, "%0Ahelp: ");
            put_escaped(out, diag->help, "%\r\n");
        }
        buf_byte(out, '\n');
    }
}
