/* graph_svg.c: a laid out campaign as SVG: no script, no font of its own, light and dark by what
 * the reader's system says, light on paper. */
#include <stdio.h>

#include "compiler/tool/graph.h"
#include "compiler/tool/xml.h"

const char graph_style[] =
    ".cg{--paper:#fff;--ink:#1b2330;--soft:#5a6575;--line:#8d99a8;--card:#fff;--edge:#cfd6df;"
    "--start:#f3f6fa;--frame:#f6f8fb;--mail:#2563eb;--sms:#0b8a4b;--hook:#7c3aed;--wait:#b45309;"
    "--choice:#475569;--data:#64748b;--exit:#b42318;--goal:#0b8a4b;--pill:#eef2f7;"
    "font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,\"DejaVu "
    "Sans\",sans-serif;font-size:13px;background:var(--paper)}"
    "@media screen and "
    "(prefers-color-scheme:dark){.cg{--paper:#11161d;--ink:#e6ebf2;--soft:#9aa7b8;"
    "--line:#66758a;--card:#1a212b;--edge:#364253;--start:#1d2632;--frame:#151b24;--mail:#6ea8fe;"
    "--sms:#4cc38a;--hook:#b794f6;--wait:#f0a94b;--choice:#a3b1c4;--data:#8fa0b5;--exit:#ff8a75;"
    "--goal:#4cc38a;--pill:#243042}}"
    ".cg text{fill:var(--ink)}.cg .box{fill:var(--card);stroke:var(--edge);stroke-width:1.2}"
    ".cg .start .box{fill:var(--start)}.cg "
    ".head{font-size:10px;font-weight:700;letter-spacing:.08em;"
    "fill:var(--c)}.cg .name{font-weight:700}.cg .title{font-size:17px;font-weight:700}"
    ".cg .soft{fill:var(--soft)}.cg .bar{fill:var(--c)}.cg .mail{--c:var(--mail)}"
    ".cg .sms{--c:var(--sms)}.cg .hook{--c:var(--hook)}.cg .wait{--c:var(--wait)}"
    ".cg .choice{--c:var(--choice)}.cg .data{--c:var(--data)}.cg .exit{--c:var(--exit)}"
    ".cg .end{--c:var(--soft)}.cg .start{--c:var(--choice)}.cg .exit .box,.cg .end .box{"
    "stroke:var(--c)}.cg .exit text,.cg .end text{fill:var(--c);font-weight:600}"
    ".cg .goal{fill:var(--goal)}.cg .leave{fill:var(--exit)}.cg .way{fill:none;stroke:var(--line);"
    "stroke-width:1.5}.cg .tip{fill:var(--line)}.cg .label rect{fill:var(--pill)}"
    ".cg .label rect.under{fill:var(--paper)}"
    ".cg .frame rect{fill:var(--frame);stroke:var(--edge);stroke-dasharray:5 4}"
    ".cg .frame text{fill:var(--soft);font-weight:600}.cg .heat{fill:var(--c)}.cg .count "
    "rect{fill:var(--c)}"
    ".cg .count text{fill:var(--paper);font-weight:700;font-size:11px}";

static const char *const looks[] = {"",     "start",  "mail", "sms",  "hook",
                                    "wait", "choice", "data", "exit", "end"};

static void put_text(struct buf *out, const char *class, double x, double y, struct str text)
{
    buf_printf(out, "<text%s%s%s x=\"%.1f\" y=\"%.1f\">", *class ? " class=\"" : "", class,
               *class ? "\"" : "", x, y);
    put_xml(out, text);
    buf_c(out, "</text>");
}

static void put_lines(struct buf *out, const char *class, double x, double *y, double height,
                      const struct text_lines *lines)
{
    for (uint32_t i = 0; i < lines->count; i++) {
        put_text(out, class, x, *y, lines->items[i]);
        *y += height;
    }
}

/* Corners are rounded. */
static void put_line(struct buf *out, const struct graph_line *line)
{
    const double most = 8;
    buf_printf(out, "<path class=\"way\" d=\"M%.1f %.1f", line->x[0], line->y[0]);
    for (uint32_t i = 1; i < line->count; i++) {
        double x = line->x[i], y = line->y[i];
        if (i + 1 == line->count) {
            buf_printf(out, "L%.1f %.1f", x, y);
            break;
        }
        double ax = line->x[i - 1] - x, ay = line->y[i - 1] - y;
        double bx = line->x[i + 1] - x, by = line->y[i + 1] - y;
        double a = (ax < 0 ? -ax : ax) + (ay < 0 ? -ay : ay),
               b = (bx < 0 ? -bx : bx) + (by < 0 ? -by : by);
        double r = a / 2 < most ? a / 2 : most;
        r = b / 2 < r ? b / 2 : r;
        buf_printf(out, "L%.1f %.1fQ%.1f %.1f %.1f %.1f", x + ax / a * r, y + ay / a * r, x, y,
                   x + bx / b * r, y + by / b * r);
    }
    buf_c(out, "\"/>");
    if (!line->has_arrow)
        return;
    uint32_t n = line->count - 1;
    double x = line->x[n], y = line->y[n];
    if (line->x[n - 1] == x)
        buf_printf(out, "<path class=\"tip\" d=\"M%.1f %.1fl-4.5 -7h9z\"/>", x, y);
    else
        buf_printf(out, "<path class=\"tip\" d=\"M%.1f %.1fl7 -4.5v9z\"/>", x, y);
}

static void put_label(struct buf *out, const struct graph_label *label)
{
    double y = label->y + 16, width = label->lines.width + 16;
    buf_printf(out,
               "<g class=\"label\"><rect class=\"under\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
               "height=\"%.1f\"/><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
               "rx=\"9\"/>",
               label->x - width / 2, label->y, width, label->height, label->x - width / 2, label->y,
               width, label->height);
    for (uint32_t i = 0; i < label->lines.count; i++, y += GRAPH_LINE_HEIGHT) {
        buf_printf(out, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">", label->x, y);
        put_xml(out, label->lines.items[i]);
        buf_c(out, "</text>");
    }
    buf_c(out, "</g>\n");
}

static void put_frame(struct buf *out, const struct graph_frame *frame)
{
    buf_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"10\"/>",
               frame->x, frame->y, frame->width, frame->height);
    put_text(out, "", frame->x + 14, frame->y + 20, frame->text);
}

static void put_start(struct buf *out, const struct graph_card *card)
{
    double x = card->x + GRAPH_PAD, y = card->y + GRAPH_PAD + 17;
    put_lines(out, "title", x, &y, GRAPH_TITLE_HEIGHT, &card->title);
    y -= 3;
    put_lines(out, "soft", x, &y, GRAPH_LINE_HEIGHT, &card->text);
    y += card->text.count ? 6 : 0;
    for (uint32_t i = 0; i < card->row_count; i++) {
        const struct graph_row *row = &card->rows[i];
        const char *class = str_eq_c(row->word, "goal")   ? "goal"
                            : str_eq_c(row->word, "exit") ? "leave"
                                                          : "soft";
        double line = y;
        put_text(out, class, x, y, row->word);
        put_lines(out, "", x + GRAPH_WORD_WIDTH, &line, GRAPH_LINE_HEIGHT, &row->lines);
        y += (row->lines.count ? row->lines.count : 1) * GRAPH_LINE_HEIGHT + 2;
    }
}

static void put_pill(struct buf *out, const struct graph_card *card)
{
    double y = card->y + card->height / 2 + 4.5 - (card->text.count - 1.0) * GRAPH_LINE_HEIGHT / 2;
    for (uint32_t i = 0; i < card->text.count; i++, y += GRAPH_LINE_HEIGHT) {
        buf_printf(out, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">",
                   card->x + card->width / 2, y);
        put_xml(out, card->text.items[i]);
        buf_c(out, "</text>");
    }
}

static void put_card_text(struct buf *out, const struct graph_card *card)
{
    double x = card->x + GRAPH_PAD + 6, y = card->y + GRAPH_PAD + 11;
    buf_printf(out,
               "<path class=\"bar\" d=\"M%.1f %.1fa8 8 0 0 1 8 -8h-2v%.1fh2a8 8 0 0 1 -8 -8z\"/>",
               card->x, card->y + 8, card->height);
    if (card->head.len) {
        put_text(out, "head", x, y - 2, card->head);
        y += 16;
    }
    put_lines(out, "name", x, &y, GRAPH_LINE_HEIGHT, &card->title);
    put_lines(out, card->title.count ? "soft" : "", x, &y, GRAPH_LINE_HEIGHT, &card->text);
}

static void put_count(struct buf *out, double right, double y, uint64_t count)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)count);
    double width = text_width(str_of(text), 11, true) + 14;
    buf_printf(out,
               "<g class=\"count\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"18\" "
               "rx=\"9\"/><text text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text></g>",
               right - width + 8, y - 9, width, right - width / 2 + 8, y + 4, text);
}

static void put_id(struct buf *out, const struct graph *graph, bool has_prefix, struct str name)
{
    buf_c(out, "id=\"");
    if (has_prefix) {
        put_xml(out, graph->plan->campaign->name);
        buf_byte(out, '.');
    }
    put_xml(out, name);
    buf_byte(out, '"');
}

/* How strongly a card is painted. */
static double share(uint64_t count, uint64_t of)
{
    return count >= of ? 1 : (double)count / (double)of;
}

static void put_card(struct buf *out, const struct graph *graph, bool has_prefix,
                     const struct graph_paint *paint, const struct graph_card *card)
{
    bool is_pill = card->look == LOOK_EXIT || card->look == LOOK_END;
    struct str name = card->step                 ? card->step->name
                      : card->look == LOOK_START ? STR("trigger")
                                                 : STR("workflow");
    buf_c(out, "<g ");
    put_id(out, graph, has_prefix, name);
    buf_printf(out, " class=\"card %s\" role=\"listitem\"><title>", looks[card->look]);
    put_xml(out, card->step                 ? card->step->phrase
                 : card->look == LOOK_START ? graph->plan->campaign->other
                                            : STR("the end of the workflow"));
    buf_printf(out,
               "</title><rect class=\"box\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
               "height=\"%.1f\" rx=\"%.1f\"/>",
               card->x, card->y, card->width, card->height, is_pill ? card->height / 2 : 8.0);
    if (paint && card->step && paint->started)
        buf_printf(out,
                   "<rect class=\"heat\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                   "rx=\"%.1f\" fill-opacity=\"%.2f\"/>",
                   card->x, card->y, card->width, card->height, is_pill ? card->height / 2 : 8.0,
                   0.22 * share(paint->entered[card->step->row], paint->started));
    if (is_pill)
        put_pill(out, card);
    else if (card->look == LOOK_START)
        put_start(out, card);
    else
        put_card_text(out, card);
    if (paint && card->step)
        put_count(out, card->x + card->width, card->y, paint->entered[card->step->row]);
    else if (paint && card->look == LOOK_START)
        put_count(out, card->x + card->width, card->y, paint->started);
    buf_c(out, "</g>\n");
}

static void put_head(struct buf *out, const struct graph *graph, bool is_alone)
{
    const struct node *campaign = graph->plan->campaign;
    buf_printf(out,
               "<svg%s class=\"cg\" role=\"img\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f "
               "%.0f\">\n<title>",
               is_alone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "", graph->width, graph->height,
               graph->width, graph->height);
    put_xml(out, campaign->other);
    buf_c(out, "</title>\n<desc>The workflow of the campaign ");
    put_xml(out, campaign->name);
    buf_printf(out, ": %u steps, from its trigger to its end, from top to bottom.</desc>\n",
               graph->compilation->image.campaigns[graph->plan->row].steps.count);
    if (is_alone)
        buf_printf(out, "<style>%s</style>\n", graph_style);
}

void graph_svg(const struct graph *graph, bool has_prefix, const struct graph_paint *paint,
               bool is_alone, struct buf *out)
{
    put_head(out, graph, is_alone);
    if (is_alone)
        buf_c(out, "<rect width=\"100%\" height=\"100%\" fill=\"var(--paper)\"/>\n");
    for (uint32_t i = 0; i < graph->frame_count; i++) {
        const struct graph_frame *frame = &graph->frames[i];
        buf_c(out, "<g ");
        put_id(out, graph, has_prefix, frame->step->name);
        buf_c(out, " class=\"frame data\" role=\"listitem\"><title>");
        put_xml(out, frame->step->phrase);
        buf_c(out, "</title>");
        put_frame(out, frame);
        if (paint)
            put_count(out, frame->x + frame->width, frame->y, paint->entered[frame->step->row]);
        buf_c(out, "</g>\n");
    }
    for (uint32_t i = 0; i < graph->line_count; i++)
        put_line(out, &graph->lines[i]);
    buf_byte(out, '\n');
    for (uint32_t i = 0; i < graph->label_count; i++)
        put_label(out, &graph->labels[i]);
    for (uint32_t i = 0; i < graph->card_count; i++)
        put_card(out, graph, has_prefix, paint, &graph->cards[i]);
    buf_c(out, "</svg>\n");
}
