/* track.c: see track.h. A link is `href="http…"` or `href='http…'`; others are left as they are. */
#include "vm/run/track.h"

enum { HTML_BYTES = 4 << 20, LINKS = 500, URL_BYTES = 2048 };

/* The next link at or after `from`: its value without the quotes. */
static bool next_link(struct str html, size_t from, size_t *begin, size_t *end)
{
    for (size_t at = from;; at = *end) {
        size_t found = str_find(str_from(html, at), STR("href="));
        if (found == SIZE_MAX || at + found + 6 > html.len)
            return false;
        *begin = at + found + 6;
        *end = *begin;
        char quote = html.at[*begin - 1];
        if (quote != '"' && quote != '\'')
            continue;
        size_t length = str_find(str_from(html, *begin), (struct str){&quote, 1});
        if (length == SIZE_MAX)
            return false;
        *end = *begin + length;
        struct str value = {html.at + *begin, length};
        bool is_web = str_starts(value, STR("https://")) || str_starts(value, STR("http://"));
        bool is_plain = length <= URL_BYTES;
        for (size_t i = 0; i < length; i++)
            is_plain = is_plain && value.at[i] > ' ' && value.at[i] <= '~';
        if (is_web && is_plain)
            return true;
    }
}

/* The unsubscribe link is one of ours already, and must go on working when nothing else does. */
static bool is_unsubscribe(struct engine *engine, struct str url)
{
    struct unsubscribe who;
    size_t at = str_find(url, STR("/u/"));
    return at != SIZE_MAX && engine_read_unsubscribe(engine, str_from(url, at + 3), &who);
}

struct str track_html(struct engine *engine, struct arena *arena, const struct outbox_row *row)
{
    struct str html = row->html;
    struct buf out;
    size_t done = 0, begin, end = 0;
    buf_init(&out, HTML_BYTES);
    for (uint32_t link = 1; link <= LINKS && next_link(html, end, &begin, &end); link++) {
        if (is_unsubscribe(engine, (struct str){html.at + begin, end - begin}))
            continue;
        buf_str(&out, (struct str){html.at + done, begin - done});
        buf_str(&out, engine_link_url(engine, arena, row->id, link));
        done = end;
    }
    struct str rest = str_from(html, done);
    size_t body = str_find(rest, STR("</body"));
    body = body == SIZE_MAX ? rest.len : body;
    buf_str(&out, (struct str){rest.at, body});
    buf_c(&out, "<img src=\"");
    buf_str(&out, engine_link_url(engine, arena, row->id, 0));
    buf_c(&out, "\" width=\"1\" height=\"1\" alt=\"\">");
    buf_str(&out, str_from(rest, body));
    struct str tracked = out.failed ? (struct str){0} : arena_str(arena, buf_view(&out));
    buf_free(&out);
    return tracked.at ? tracked : html;
}

/* The entities that an attribute of ours can hold. */
static struct str without_entities(struct arena *arena, struct str value)
{
    static const struct {
        const char *entity;
        char sign;
    } entities[] = {{"&amp;", '&'}, {"&#38;", '&'}, {"&#39;", '\''}, {"&lt;", '<'}, {"&gt;", '>'}};
    char *text = arena_alloc(arena, value.len + 1);
    size_t length = 0;
    for (size_t i = 0; text && i < value.len; length++) {
        size_t used = 1;
        text[length] = value.at[i];
        for (size_t k = 0; k < ARRAY_COUNT(entities); k++)
            if (str_starts(str_from(value, i), str_of(entities[k].entity))) {
                text[length] = entities[k].sign;
                used = strlen(entities[k].entity);
            }
        i += used;
    }
    return (struct str){text, text ? length : 0};
}

bool track_target(struct arena *arena, struct str html, uint32_t link, struct str *target)
{
    size_t begin, end = 0;
    for (uint32_t i = 1; i <= LINKS && next_link(html, end, &begin, &end); i++)
        if (i == link) {
            *target = without_entities(arena, (struct str){html.at + begin, end - begin});
            return target->at != NULL;
        }
    return false;
}
