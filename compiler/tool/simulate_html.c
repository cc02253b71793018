/* simulate_html.c: a simulation as one page that needs nothing else: counts on the picture of each
 * campaign, messages by day and hour, and the timelines of a sample of patients. The page itself is
 * embed/page.html; here its numbers are gathered.
 *
 * The sample: patients whose hash is below a bar that is lowered whenever too many are below it, so
 * that each is in it from the beginning or not at all, and the same run gives the same page. */
#include "compiler/tool/embed/page.html.h"
#include "compiler/tool/graph.h"
#include "compiler/tool/simulate.h"
#include "vm/base/hash.h"
#include "vm/base/json.h"

enum {
    SAMPLE_MOST = 400,
    TIMELINE_LIMIT_BYTES = 32 << 10,
    TEXT_SIGNS = 160,
    SERIES = 4 /* email, sms, webhook, draft */
};

struct day {
    int64_t day;
    uint32_t counts[24][SERIES];
};
struct sampled {
    struct str id;
    uint64_t hash;
    struct buf timeline; /* members of a JSON list, each behind a comma */
    uint32_t left_out;
};
struct gathered {
    struct day *days; /* in the order in which they came */
    uint32_t day_count, day_room;
    struct map64 days_at;  /* day → index + 1 */
    struct map64 patients; /* hash → day << 20 | messages sent on it */
    uint64_t patient_count, most_a_day;
    int64_t most_day;
    struct str most_patient;
    struct sampled sample[SAMPLE_MOST + 1];
    uint32_t sample_count;
    struct map64 sample_at; /* hash → index + 1 */
    uint64_t bar;
};

static void begin(struct simulation *s)
{
    struct gathered *page = arena_alloc(&s->arena, sizeof *page);
    page->bar = UINT64_MAX;
    map64_init(&page->days_at);
    map64_init(&page->patients);
    map64_init(&page->sample_at);
    s->own = page;
}

/* Lowers the bar until there is room; those above it go. */
static void thin_out(struct gathered *page)
{
    while (page->sample_count > SAMPLE_MOST) {
        uint32_t kept = 0;
        page->bar /= 2;
        for (uint32_t i = 0; i < page->sample_count; i++)
            if (page->sample[i].hash < page->bar)
                page->sample[kept++] = page->sample[i];
            else
                buf_free(&page->sample[i].timeline);
        page->sample_count = kept;
    }
    map64_clear(&page->sample_at);
    for (uint32_t i = 0; i < page->sample_count; i++)
        *map64_put(&page->sample_at, page->sample[i].hash, NULL) = i + 1;
}

/* NULL: not one of the sample. */
static struct sampled *sampled_of(struct simulation *s, struct gathered *page, struct str id,
                                  uint64_t hash)
{
    const uint64_t *at = map64_get(&page->sample_at, hash);
    if (at)
        return &page->sample[*at - 1];
    if (hash >= page->bar)
        return NULL;
    struct sampled *one = &page->sample[page->sample_count++];
    *one = (struct sampled){.id = arena_str(&s->arena, id), .hash = hash};
    buf_init(&one->timeline, TIMELINE_LIMIT_BYTES);
    *map64_put(&page->sample_at, hash, NULL) = page->sample_count;
    if (page->sample_count <= SAMPLE_MOST)
        return one;
    thin_out(page);
    at = map64_get(&page->sample_at, hash);
    return at ? &page->sample[*at - 1] : NULL;
}

static struct day *day_of(struct simulation *s, struct gathered *page, int64_t day)
{
    uint64_t *at = map64_put(&page->days_at, (uint64_t)day, NULL);
    if (!*at) {
        page->days =
            arena_grow(&s->arena, page->days, page->day_count, &page->day_room, sizeof *page->days);
        page->days[page->day_count++] = (struct day){.day = day};
        *at = page->day_count;
    }
    return &page->days[*at - 1];
}

static void count_message(struct simulation *s, struct gathered *page, const struct notice *n,
                          uint64_t hash)
{
    const struct letter *letter = n->letter;
    int64_t local_ms = zone_local_ms(s->zone, n->at_ms), day = zone_day(s->zone, n->at_ms);
    int64_t hour = (local_ms - day * DAY_MS) / HOUR_MS;
    uint32_t series = letter->verdict == VERDICT_DRAFT   ? 3
                      : letter->channel == CHANNEL_EMAIL ? 0
                      : letter->channel == CHANNEL_SMS   ? 1
                                                         : 2;
    if (letter->verdict != VERDICT_SEND && letter->verdict != VERDICT_DRAFT)
        return;
    day_of(s, page, day)->counts[hour < 0 || hour > 23 ? 0 : hour][series]++;
    if (series > 1)
        return;
    uint64_t *today = map64_put(&page->patients, hash, NULL), key = (uint64_t)(day + (1 << 24));
    *today = *today >> 20 == key ? *today + 1 : key << 20 | 1;
    if ((*today & 0xfffff) > page->most_a_day) {
        page->most_a_day = *today & 0xfffff;
        page->most_day = day;
        page->most_patient = arena_str(&s->arena, n->patient);
    }
}

static struct str cut(struct str text)
{
    size_t at = 0, signs = 0;
    while (at < text.len && signs < TEXT_SIGNS) {
        at++;
        while (at < text.len && ((unsigned char)text.at[at] & 0xc0) == 0x80)
            at++;
        signs++;
    }
    return (struct str){text.at, at};
}

/* [at, campaign, kind, word, text] */
static void put_entry(struct sampled *one, const struct notice *n)
{
    static const char *const kinds[] = {
        [NOTICE_ENTERED] = "entered", [NOTICE_FILTERED] = "filtered out", [NOTICE_STEP] = "step",
        [NOTICE_GOAL] = "goal",       [NOTICE_ENDED] = "ended",           [NOTICE_FAULT] = "fault"};
    const struct image *image = n->program->image;
    struct str word = {0}, text = n->text;
    struct buf entry;
    const char *kind = n->kind == NOTICE_MESSAGE      ? simulate_state(n->letter->verdict)
                       : n->kind < ARRAY_COUNT(kinds) ? kinds[n->kind]
                                                      : NULL;
    if (!kind)
        return;
    if (n->kind == NOTICE_STEP)
        word = image_text(image, image->steps[n->step].name);
    if (n->kind == NOTICE_MESSAGE) {
        word = image_text(image, image->messages[n->letter->message].name);
        text = n->letter->channel == CHANNEL_EMAIL ? n->letter->subject
               : n->letter->channel == CHANNEL_SMS ? n->letter->text
                                                   : n->letter->to;
    }
    buf_init(&entry, 0);
    buf_printf(&entry, ",[%lld,%u,\"%s\",", (long long)n->at_ms, n->campaign, kind);
    json_put_text(&entry, word);
    buf_byte(&entry, ',');
    json_put_text(&entry, cut(text));
    buf_byte(&entry, ']');
    if (one->timeline.len + entry.len > TIMELINE_LIMIT_BYTES)
        one->left_out++;
    else
        buf_str(&one->timeline, buf_view(&entry));
    buf_free(&entry);
}

static void notice(struct simulation *s, const struct notice *n)
{
    static const unsigned char key[SIPHASH_KEY_BYTES] = "sample of a page";
    struct gathered *page = s->own;
    uint64_t hash = siphash(key, n->patient);
    bool is_new;
    map64_put(&page->patients, hash, &is_new);
    page->patient_count += is_new;
    if (n->kind == NOTICE_MESSAGE)
        count_message(s, page, n, hash);
    struct sampled *one = sampled_of(s, page, n->patient, hash);
    if (one)
        put_entry(one, n);
}

/* --- writing --- */

static void put_member(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, ",\"%s\":", name);
    json_put_text(out, text);
}

static void put_campaigns(struct simulation *s, struct buf *out)
{
    const struct image *image = &s->compilation.image;
    buf_c(out, ",\"campaigns\":[");
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        const struct campaign_counts *c = &s->campaigns[i];
        const struct image_campaign *campaign = &image->campaigns[i];
        buf_printf(out, "%s{\"triggered\":%llu,\"started\":%llu,\"in_progress\":%llu,",
                   i ? "," : "", (unsigned long long)c->triggered, (unsigned long long)c->started,
                   (unsigned long long)simulate_in_progress(c));
        buf_printf(out,
                   "\"completed\":%llu,\"exited_early\":%llu,\"filtered_out\":%llu,"
                   "\"converted\":%llu,\"holdout\":%llu,\"faults\":%llu",
                   (unsigned long long)c->completed, (unsigned long long)c->exited_early,
                   (unsigned long long)c->filtered_out, (unsigned long long)c->converted,
                   (unsigned long long)c->holdout, (unsigned long long)c->faults);
        put_member(out, "name", image_text(image, campaign->name));
        put_member(out, "title", image_text(image, campaign->title));
        buf_c(out, ",\"messages\":[");
        for (uint32_t k = 0; k < campaign->messages.count; k++) {
            uint32_t row = campaign->messages.first + k;
            buf_printf(out, "%s{\"channel\":%u", k ? "," : "", image->messages[row].channel);
            put_member(out, "name", image_text(image, image->messages[row].name));
            for (int v = VERDICT_SEND; v < VERDICTS; v++)
                if (s->verdicts[row][v] && v != VERDICT_HOLD)
                    buf_printf(out, ",\"%s\":%llu",
                               v == VERDICT_HOLDOUT ? "withheld" : simulate_state((enum verdict)v),
                               (unsigned long long)s->verdicts[row][v]);
            buf_byte(out, '}');
        }
        buf_c(out, "]}");
    }
    buf_byte(out, ']');
}

static void put_days(const struct gathered *page, struct buf *out)
{
    buf_c(out, ",\"days\":[");
    for (uint32_t i = 0; i < page->day_count; i++) {
        const struct day *day = &page->days[i];
        const char *comma = "";
        buf_printf(out, "%s[%lld,[", i ? "," : "", (long long)day->day);
        for (int hour = 0; hour < 24; hour++) {
            const uint32_t *c = day->counts[hour];
            if (!c[0] && !c[1] && !c[2] && !c[3])
                continue;
            buf_printf(out, "%s[%d,%u,%u,%u,%u]", comma, hour, c[0], c[1], c[2], c[3]);
            comma = ",";
        }
        buf_c(out, "]]");
    }
    buf_byte(out, ']');
}

static void put_sample(const struct gathered *page, struct buf *out)
{
    buf_c(out, ",\"patients\":[");
    for (uint32_t i = 0; i < page->sample_count; i++) {
        const struct sampled *one = &page->sample[i];
        struct str entries = str_from(buf_view(&one->timeline), 1);
        buf_c(out, i ? ",[" : "[");
        json_put_text(out, one->id);
        buf_printf(out, ",%u,[" STR_FMT "]]", one->left_out, STR_ARG(entries));
    }
    buf_byte(out, ']');
}

static void put_data(struct simulation *s, struct buf *out)
{
    const struct gathered *page = s->own;
    const struct image *image = &s->compilation.image;
    buf_printf(out,
               "{\"lines\":%llu,\"refused\":%llu,\"duplicates\":%llu,\"from\":%lld,\"to\":%lld,"
               "\"patient_count\":%llu,\"most\":{\"count\":%llu,\"day\":%lld",
               (unsigned long long)s->lines, (unsigned long long)s->refused,
               (unsigned long long)s->duplicates, (long long)s->first_ms, (long long)s->now_ms,
               (unsigned long long)page->patient_count, (unsigned long long)page->most_a_day,
               (long long)page->most_day);
    put_member(out, "patient", page->most_patient.at ? page->most_patient : STR(""));
    buf_byte(out, '}');
    put_member(out, "clinic", image_text(image, image->projects[0].clinic_name));
    put_member(out, "zone", zone_name(s->zone));
    put_campaigns(s, out);
    put_days(page, out);
    put_sample(page, out);
    buf_byte(out, '}');
}

/* Within <script>, `<` must not begin a tag: in JSON it stands in texts only. */
static void put_without_tags(struct buf *out, struct str json)
{
    for (size_t i = 0; i < json.len; i++)
        if (json.at[i] == '<')
            buf_c(out, "\\u003c");
        else
            buf_byte(out, (unsigned char)json.at[i]);
}

static void put_graphs(struct simulation *s, struct buf *out)
{
    struct plans plans;
    plans_build(&s->compilation, &s->arena, &plans);
    for (uint32_t i = 0; i < plans.count; i++) {
        struct graph graph;
        struct graph_paint paint = {s->campaigns[i].started + s->campaigns[i].holdout, s->entered};
        graph_layout(&graph, &s->compilation, &plans.items[i], &s->arena);
        buf_c(out, "<div class=\"graph\" hidden>\n");
        graph_svg(&graph, true, &paint, false, out);
        buf_c(out, "</div>\n");
    }
}

/* The page with each of its places filled. */
static void end(struct simulation *s)
{
    struct str rest = {page_html, sizeof page_html - 1};
    struct gathered *page = s->own;
    struct buf data;
    buf_init(&data, 0);
    put_data(s, &data);
    while (rest.len) {
        size_t at = str_find(rest, STR("@@"));
        buf_str(&s->out, (struct str){rest.at, at == SIZE_MAX ? rest.len : at});
        rest = at == SIZE_MAX ? (struct str){0} : str_from(rest, at);
        if (str_starts(rest, STR("@@STYLE@@")))
            buf_c(&s->out, graph_style);
        else if (str_starts(rest, STR("@@GRAPHS@@")))
            put_graphs(s, &s->out);
        else if (str_starts(rest, STR("@@DATA@@")))
            put_without_tags(&s->out, buf_view(&data));
        if (rest.len)
            rest = str_from(rest, str_find(str_from(rest, 2), STR("@@")) + 4);
    }
    buf_free(&data);
    for (uint32_t i = 0; i < page->sample_count; i++)
        buf_free(&page->sample[i].timeline);
    map64_free(&page->days_at);
    map64_free(&page->patients);
    map64_free(&page->sample_at);
}

const struct simulate_form simulate_html = {"html", begin, notice, end};
