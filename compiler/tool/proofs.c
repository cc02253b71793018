/* proofs.c: what `camp check --phi` and `--bounds` print: for a clinic's manager, or as JSON, one
 * object a line. */
#include "compiler/tool/tool.h"
#include "vm/base/json.h"

static const char *const channel_names[BOUNDS_CHANNELS] = {"email", "sms", "messages"};
static const char *const channel_words[BOUNDS_CHANNELS] = {"e-mails", "SMS", "both together"};
static const char *const window_names[BOUNDS_WINDOWS] = {"day", "week", "30_days"};

static void put_span(struct buf *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {1000, "second"}};
    size_t before = out->len;
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        int64_t whole = ms / units[i].ms;
        ms %= units[i].ms;
        if (whole)
            buf_printf(out, "%s%lld %s%s", out->len > before ? " " : "", (long long)whole,
                       units[i].name, whole == 1 ? "" : "s");
    }
    if (out->len == before)
        buf_c(out, "at once");
}

static void put_place(struct compilation *compilation, struct span span, struct buf *out)
{
    const struct source *source = source_at(&compilation->sources, span.file);
    struct position at = source_position(source, span.first);
    buf_printf(out, STR_FMT ":%u:%u", STR_ARG(source->name), at.line, at.column);
}

/* ---- phi ---------------------------------------------------------------------------------------
 */

static void put_flows(struct compilation *compilation, enum phi_way way, const char *title,
                      struct buf *out)
{
    bool is_first = true;
    for (uint32_t i = 0; i < compilation->phi_count; i++) {
        const struct phi_flow *flow = &compilation->phi[i];
        if (flow->way != way)
            continue;
        if (is_first)
            buf_printf(out, "%s\n", title);
        is_first = false;
        buf_printf(out, "  campaign " STR_FMT ": it " STR_FMT "\n      at ",
                   STR_ARG(flow->campaign), STR_ARG(flow->what));
        put_place(compilation, flow->span, out);
        buf_c(out, "\n");
        if (flow->reason.len)
            buf_printf(out, "      reason: " STR_FMT "\n", STR_ARG(flow->reason));
    }
    if (!is_first)
        buf_c(out, "\n");
}

static void put_flow_json(struct compilation *compilation, const struct phi_flow *flow,
                          struct buf *out)
{
    static const char *const ways[] = {"", "allowed", "body", "listed"};
    const struct source *source = source_at(&compilation->sources, flow->span.file);
    struct position first = source_position(source, flow->span.first),
                    end = source_position(source, flow->span.end);
    buf_printf(out, "{\"phi\":\"%s\",\"campaign\":", ways[flow->way]);
    json_put_text(out, flow->campaign);
    buf_c(out, ",\"what\":");
    json_put_text(out, flow->what);
    buf_c(out, ",\"reason\":");
    if (flow->reason.len)
        json_put_text(out, flow->reason);
    else
        buf_c(out, "null");
    buf_c(out, ",\"file\":");
    json_put_text(out, source->name);
    buf_printf(out, ",\"line\":%u,\"column\":%u,\"end_line\":%u,\"end_column\":%u}\n", first.line,
               first.column, end.line, end.column);
}

void write_phi(struct compilation *compilation, bool is_json, struct buf *out)
{
    if (is_json) {
        for (uint32_t i = 0; i < compilation->phi_count; i++)
            put_flow_json(compilation, &compilation->phi[i], out);
        return;
    }
    if (!compilation->phi_count)
        buf_c(
            out,
            "Protected health information: nothing of it reaches a message or settles anything.\n");
    put_flows(compilation, PHI_ALLOWED,
              "Protected health information that leaves the clinic, with the reason given:", out);
    put_flows(compilation, PHI_BODY, "In the body of mails (not in subjects):", out);
    put_flows(compilation, PHI_LISTED,
              "Who enters or leaves, and when, is settled by it (what goes out is not):", out);
}

/* ---- bounds ------------------------------------------------------------------------------------
 */

static void put_bound(struct buf *out, struct bound bound)
{
    if (bound.is_open)
        buf_printf(out, "%10s", "no bound");
    else
        buf_printf(out, "%10u", bound.most);
}

static void put_table(const struct bound most[BOUNDS_CHANNELS][BOUNDS_WINDOWS], struct buf *out)
{
    buf_printf(out, "  %-16s%10s%10s%10s\n", "at most, in any", "day", "week", "30 days");
    for (int channel = 0; channel < BOUNDS_CHANNELS; channel++) {
        buf_printf(out, "    %-14s", channel_words[channel]);
        for (int window = 0; window < BOUNDS_WINDOWS; window++)
            put_bound(out, most[channel][window]);
        buf_c(out, "\n");
    }
}

void write_latest(int64_t ms, struct str open_by, struct buf *out)
{
    if (!open_by.len || ms)
        put_span(out, ms);
    if (open_by.len)
        buf_printf(out, "%sas long as `" STR_FMT "` takes", ms ? ", and " : "", STR_ARG(open_by));
}

void write_moments(const struct message_bounds *message, struct buf *out)
{
    if (message->earliest_ms == message->latest_ms && !message->open_by.len) {
        put_span(out, message->earliest_ms);
        buf_c(out, message->earliest_ms ? " after entry" : "");
    } else {
        buf_c(out, "earliest ");
        put_span(out, message->earliest_ms);
        buf_c(out, ", latest ");
        write_latest(message->latest_ms, message->open_by, out);
    }
}

static void put_message(const struct message_bounds *message, struct buf *out)
{
    static const char *const channels[] = {"", "email", "sms", "webhook"};
    buf_printf(out, "    %s " STR_FMT ": ", channels[message->channel], STR_ARG(message->name));
    write_moments(message, out);
    if (message->is_notice)
        buf_c(out, "; a notice to staff");
    if (message->segments)
        buf_printf(out, "; up to %u %s, %u segment%s", message->signs,
                   message->is_ucs2 ? "UCS-2 units" : "GSM-7 signs", message->segments,
                   message->segments == 1 ? "" : "s");
    buf_c(out, "\n");
}

static void put_campaign(const struct campaign_bounds *campaign, struct buf *out)
{
    bool is_open = false;
    buf_printf(out, "campaign " STR_FMT "\n", STR_ARG(campaign->name));
    put_table(campaign->most, out);
    for (int i = 0; i < BOUNDS_CHANNELS * BOUNDS_WINDOWS; i++)
        is_open |= campaign->most[i / BOUNDS_WINDOWS][i % BOUNDS_WINDOWS].is_open;
    if (is_open && campaign->why_open.len)
        buf_printf(out, "  no bound: " STR_FMT "\n", STR_ARG(campaign->why_open));
    buf_c(out, "  an enrollment lasts at most: ");
    write_latest(campaign->longest_ms, campaign->longest_open_by, out);
    buf_c(out, "\n");
    if (campaign->message_count)
        buf_c(out, "  when, after entry:\n");
    for (uint32_t i = 0; i < campaign->message_count; i++)
        put_message(&campaign->messages[i], out);
    if (campaign->clock_count)
        buf_c(out, "  when clocks change, in the clinic's zone:\n");
    for (uint32_t i = 0; i < campaign->clock_count; i++)
        buf_printf(out, "    %02d:%02d (" STR_FMT "): " STR_FMT "\n",
                   campaign->clocks[i].minute / 60, campaign->clocks[i].minute % 60,
                   STR_ARG(campaign->clocks[i].place), STR_ARG(campaign->clocks[i].effect));
    buf_c(out, "\n");
}

static void put_most_json(const struct bound most[BOUNDS_CHANNELS][BOUNDS_WINDOWS], struct buf *out)
{
    buf_c(out, "\"most\":{");
    for (int channel = 0; channel < BOUNDS_CHANNELS; channel++) {
        buf_printf(out, "%s\"%s\":{", channel ? "," : "", channel_names[channel]);
        for (int window = 0; window < BOUNDS_WINDOWS; window++) {
            const struct bound *bound = &most[channel][window];
            buf_printf(out, "%s\"%s\":", window ? "," : "", window_names[window]);
            if (bound->is_open)
                buf_c(out, "null");
            else
                buf_printf(out, "%u", bound->most);
        }
        buf_c(out, "}");
    }
    buf_c(out, "}");
}

static void put_open_json(struct buf *out, const char *name, struct str open_by)
{
    buf_printf(out, ",\"%s\":", name);
    if (open_by.len)
        json_put_text(out, open_by);
    else
        buf_c(out, "null");
}

static void put_campaign_json(const struct campaign_bounds *campaign, struct buf *out)
{
    buf_c(out, "{\"bounds\":\"campaign\",\"campaign\":");
    json_put_text(out, campaign->name);
    buf_c(out, ",");
    put_most_json(campaign->most, out);
    put_open_json(out, "no_bound", campaign->why_open);
    buf_printf(out, ",\"longest_ms\":%lld", (long long)campaign->longest_ms);
    put_open_json(out, "longest_open_by", campaign->longest_open_by);
    buf_c(out, ",\"messages\":[");
    for (uint32_t i = 0; i < campaign->message_count; i++) {
        const struct message_bounds *message = &campaign->messages[i];
        buf_c(out, i ? ",{\"message\":" : "{\"message\":");
        json_put_text(out, message->name);
        buf_printf(out, ",\"earliest_ms\":%lld,\"latest_ms\":%lld", (long long)message->earliest_ms,
                   (long long)message->latest_ms);
        put_open_json(out, "open_by", message->open_by);
        buf_printf(out, ",\"signs\":%u,\"segments\":%u,\"alphabet\":\"%s\"}", message->signs,
                   message->segments, message->is_ucs2 ? "UCS-2" : "GSM-7");
    }
    buf_c(out, "],\"clocks\":[");
    for (uint32_t i = 0; i < campaign->clock_count; i++) {
        const struct clock_bounds *clock = &campaign->clocks[i];
        buf_printf(out, "%s{\"clock\":\"%02d:%02d\",\"place\":", i ? "," : "", clock->minute / 60,
                   clock->minute % 60);
        json_put_text(out, clock->place);
        buf_c(out, ",\"effect\":");
        json_put_text(out, clock->effect);
        buf_c(out, "}");
    }
    buf_c(out, "]}\n");
}

static void write_bounds_json(const struct bounds *bounds, struct buf *out)
{
    for (uint32_t i = 0; i < bounds->campaign_count; i++)
        put_campaign_json(&bounds->campaigns[i], out);
    buf_c(out, "{\"bounds\":\"patient\",");
    put_most_json(bounds->patient, out);
    buf_c(out, ",\"meet\":[");
    for (uint32_t i = 0; i < bounds->clash_count; i++) {
        const struct clash *clash = &bounds->clashes[i];
        buf_printf(out, "%s{\"what\":\"%s\",\"name\":", i ? "," : "", clash->what);
        json_put_text(out, clash->name);
        buf_c(out, ",\"campaigns\":");
        json_put_text(out, clash->campaigns);
        buf_c(out, "}");
    }
    buf_c(out, "]}\n");
}

void write_bounds(struct compilation *compilation, bool is_json, struct buf *out)
{
    const struct bounds *bounds = &compilation->bounds;
    if (is_json) {
        write_bounds_json(bounds, out);
        return;
    }
    for (uint32_t i = 0; i < bounds->campaign_count; i++)
        put_campaign(&bounds->campaigns[i], out);
    if (bounds->campaign_count != 1) {
        buf_c(out, "one patient, all campaigns\n");
        put_table(bounds->patient, out);
        buf_c(out, "\n");
    }
    for (uint32_t i = 0; i < bounds->clash_count; i++)
        buf_printf(out, "several campaigns %s `" STR_FMT "`: " STR_FMT "\n",
                   bounds->clashes[i].what, STR_ARG(bounds->clashes[i].name),
                   STR_ARG(bounds->clashes[i].campaigns));
}
