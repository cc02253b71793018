/* coverage.c: see coverage.h. */
#include "compiler/tool/coverage.h"

#include <sys/mman.h>

#include "vm/base/json.h"

struct tally {
    uint32_t found, hit;
};
struct tallies {
    struct tally steps, branches, exits;
};

/* The counters lie one behind the other: campaigns, steps, branches, exits, exits on goal. */
static uint32_t step_at(const struct coverage *c, uint32_t row)
{
    return c->compilation->image.campaign_count + row;
}
static uint32_t branch_at(const struct coverage *c, uint32_t index)
{
    return step_at(c, c->compilation->image.step_count) + index;
}
static uint32_t exit_at(const struct coverage *c, uint32_t row)
{
    return branch_at(c, c->plans.branch_count) + row;
}
static uint32_t goal_at(const struct coverage *c, uint32_t campaign)
{
    return exit_at(c, c->compilation->image.exit_count) + campaign;
}

void coverage_open(struct coverage *c, const struct compilation *compilation, struct arena *arena)
{
    *c = (struct coverage){.compilation = compilation};
    plans_build(compilation, arena, &c->plans);
    c->counter_count = goal_at(c, compilation->image.campaign_count) + 1;
    c->counters = mmap(NULL, c->counter_count * sizeof *c->counters, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ensure(c->counters != MAP_FAILED);
}

void coverage_close(struct coverage *c)
{
    if (c->counters)
        munmap((void *)c->counters, c->counter_count * sizeof *c->counters);
}

static void hit(struct coverage *c, uint32_t at)
{
    atomic_fetch_add_explicit(&c->counters[at], 1, memory_order_relaxed);
}

static uint32_t count_of(const struct coverage *c, uint32_t at)
{
    return atomic_load_explicit(&c->counters[at], memory_order_relaxed);
}

/* The step after one that decides tells which way was taken; `next` IMAGE_NONE is the end. */
static void note_way(struct coverage *c, uint32_t from, uint32_t next)
{
    const struct plan_branch *empty = NULL;
    for (const struct plan_branch *b = c->plans.steps[from]->branches; b; b = b->next) {
        if (b->first && b->first->row == next) {
            hit(c, branch_at(c, b->index));
            return;
        }
        empty = b->first || empty ? empty : b;
    }
    if (empty)
        hit(c, branch_at(c, empty->index));
}

void coverage_note(struct coverage *c, struct coverage_trail *trail, const struct notice *n)
{
    uint64_t *last;
    if (n->kind == NOTICE_ENTERED) {
        hit(c, n->campaign);
    } else if (n->kind == NOTICE_STEP) {
        last = map64_put(&trail->last_steps, n->enrollment, NULL);
        if (*last)
            note_way(c, (uint32_t)*last - 1, n->step);
        *last = n->step + 1;
        hit(c, step_at(c, n->step));
    } else if (n->kind == NOTICE_ENDED) {
        last = map64_get(&trail->last_steps, n->enrollment);
        if (!n->is_early && last && *last)
            note_way(c, (uint32_t)*last - 1, IMAGE_NONE);
        if (n->exit_row != IMAGE_NONE)
            hit(c, exit_at(c, n->exit_row));
        else if (n->is_early && str_eq_c(n->text, "goal"))
            hit(c, goal_at(c, n->campaign));
        map64_remove(&trail->last_steps, n->enrollment);
    }
}

static uint32_t exit_count(const struct coverage *c, const struct plan *plan,
                           const struct plan_exit *exit)
{
    return count_of(c, exit->row == IMAGE_NONE ? goal_at(c, plan->row) : exit_at(c, exit->row));
}

/* Of several ways without steps only the first can be told from the rest. */
static bool is_told_apart(const struct plan_step *step, const struct plan_branch *branch)
{
    for (const struct plan_branch *b = step->branches; b != branch; b = b->next)
        if (!b->first && !branch->first)
            return false;
    return true;
}

static void add(struct tally *tally, uint32_t count)
{
    tally->found++;
    tally->hit += count > 0;
}

static struct tallies tally_of(const struct coverage *c, const struct plan *plan)
{
    struct tallies t = {0};
    struct rows rows = c->compilation->image.campaigns[plan->row].steps;
    for (uint32_t i = rows.first; i < rows.first + rows.count; i++) {
        const struct plan_step *step = c->plans.steps[i];
        add(&t.steps, count_of(c, step_at(c, i)));
        for (const struct plan_branch *b = step->branches; b; b = b->next)
            if (is_told_apart(step, b))
                add(&t.branches, count_of(c, branch_at(c, b->index)));
    }
    for (const struct plan_exit *e = plan->exits; e; e = e->next)
        add(&t.exits, exit_count(c, plan, e));
    return t;
}

static void put_place(const struct coverage *c, struct buf *out, struct span span)
{
    const struct source *source = source_at(&c->compilation->sources, span.file);
    buf_printf(out, "    " STR_FMT ":%u: ", STR_ARG(source->name),
               source_position(source, span.first).line);
}

static void write_missed(const struct coverage *c, const struct plan *plan, struct buf *out)
{
    struct rows rows = c->compilation->image.campaigns[plan->row].steps;
    for (const struct plan_exit *e = plan->exits; e; e = e->next)
        if (!exit_count(c, plan, e)) {
            put_place(c, out, e->span);
            buf_printf(out, "`" STR_FMT "` never ended it\n", STR_ARG(e->phrase));
        }
    for (uint32_t i = rows.first; i < rows.first + rows.count; i++) {
        const struct plan_step *step = c->plans.steps[i];
        bool is_reached = count_of(c, step_at(c, i)) > 0;
        if (!is_reached) {
            put_place(c, out, step->node->span);
            buf_printf(out, "`" STR_FMT "` was never reached\n", STR_ARG(step->name));
        }
        for (const struct plan_branch *b = step->branches; is_reached && b; b = b->next)
            if (is_told_apart(step, b) && !count_of(c, branch_at(c, b->index))) {
                put_place(c, out, b->span);
                buf_printf(out, "`" STR_FMT "`: the way `" STR_FMT "` was never taken\n",
                           STR_ARG(step->name), STR_ARG(b->label));
            }
    }
}

static void put_tallies_text(struct buf *out, const struct tallies *t)
{
    buf_printf(out, "%u of %u steps, %u of %u branches, %u of %u exits\n", t->steps.hit,
               t->steps.found, t->branches.hit, t->branches.found, t->exits.hit, t->exits.found);
}

static void put_tallies_json(struct buf *out, const struct tallies *t)
{
    buf_printf(out,
               "{\"steps\":{\"hit\":%u,\"found\":%u},\"branches\":{\"hit\":%u,\"found\":%u},"
               "\"exits\":{\"hit\":%u,\"found\":%u}}",
               t->steps.hit, t->steps.found, t->branches.hit, t->branches.found, t->exits.hit,
               t->exits.found);
}

static struct tallies sum_of(const struct coverage *c)
{
    struct tallies sum = {0};
    for (uint32_t i = 0; i < c->plans.count; i++) {
        struct tallies t = tally_of(c, &c->plans.items[i]);
        sum.steps.found += t.steps.found;
        sum.steps.hit += t.steps.hit;
        sum.branches.found += t.branches.found;
        sum.branches.hit += t.branches.hit;
        sum.exits.found += t.exits.found;
        sum.exits.hit += t.exits.hit;
    }
    return sum;
}

void coverage_write_text(const struct coverage *c, struct buf *out)
{
    struct tallies sum = sum_of(c);
    buf_c(out, "coverage: ");
    put_tallies_text(out, &sum);
    for (uint32_t i = 0; i < c->plans.count; i++) {
        struct tallies t = tally_of(c, &c->plans.items[i]);
        buf_printf(out, "  " STR_FMT ": ", STR_ARG(c->plans.items[i].campaign->name));
        put_tallies_text(out, &t);
        write_missed(c, &c->plans.items[i], out);
    }
}

static void put_line(const struct coverage *c, struct buf *out, struct span span)
{
    const struct source *source = source_at(&c->compilation->sources, span.file);
    buf_printf(out, "{\"line\":%u,", source_position(source, span.first).line);
}

static void put_text_member(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, "\"%s\":", name);
    json_put_text(out, text);
    buf_byte(out, ',');
}

/* A list of one kind, for one file: "lines" are steps, "branches", "exits". */
static void put_file(const struct coverage *c, uint32_t file, struct buf *out)
{
    const char *comma = "";
    buf_c(out, "\"functions\":[");
    for (uint32_t i = 0; i < c->plans.count; i++) {
        const struct node *campaign = c->plans.items[i].campaign;
        if (campaign->span.file != file)
            continue;
        buf_c(out, comma);
        put_line(c, out, campaign->span);
        put_text_member(out, "name", campaign->name);
        buf_printf(out, "\"hits\":%u}", count_of(c, i));
        comma = ",";
    }
    buf_c(out, "],\"lines\":[");
    comma = "";
    for (uint32_t i = 0; i < c->compilation->image.step_count; i++) {
        const struct plan_step *step = c->plans.steps[i];
        if (step->node->span.file != file)
            continue;
        buf_c(out, comma);
        put_line(c, out, step->node->span);
        put_text_member(out, "step", step->name);
        buf_printf(out, "\"hits\":%u}", count_of(c, step_at(c, i)));
        comma = ",";
    }
    buf_c(out, "],\"branches\":[");
    comma = "";
    for (uint32_t i = 0; i < c->compilation->image.step_count; i++) {
        const struct plan_step *step = c->plans.steps[i];
        for (const struct plan_branch *b = step->branches; b; b = b->next) {
            if (b->span.file != file || !is_told_apart(step, b))
                continue;
            buf_c(out, comma);
            put_line(c, out, b->span);
            put_text_member(out, "step", step->name);
            put_text_member(out, "branch", b->label);
            buf_printf(out, "\"taken\":%u}", count_of(c, branch_at(c, b->index)));
            comma = ",";
        }
    }
    buf_c(out, "],\"exits\":[");
    comma = "";
    for (uint32_t i = 0; i < c->plans.count; i++)
        for (const struct plan_exit *e = c->plans.items[i].exits; e; e = e->next) {
            if (e->span.file != file)
                continue;
            buf_c(out, comma);
            put_line(c, out, e->span);
            put_text_member(out, "exit", e->phrase);
            buf_printf(out, "\"taken\":%u}", exit_count(c, &c->plans.items[i], e));
            comma = ",";
        }
    buf_byte(out, ']');
}

static bool has_campaign_or_step(const struct coverage *c, uint32_t file)
{
    for (uint32_t i = 0; i < c->plans.count; i++)
        if (c->plans.items[i].campaign->span.file == file)
            return true;
    for (uint32_t i = 0; i < c->compilation->image.step_count; i++)
        if (c->plans.steps[i]->node->span.file == file)
            return true;
    return false;
}

void coverage_write_json(const struct coverage *c, struct buf *out)
{
    struct tallies sum = sum_of(c);
    const char *comma = "";
    buf_c(out, "{\"totals\":");
    put_tallies_json(out, &sum);
    buf_c(out, ",\"files\":[");
    for (uint32_t file = 0; file < c->compilation->sources.count; file++) {
        if (!has_campaign_or_step(c, file))
            continue;
        buf_printf(out, "%s{", comma);
        put_text_member(out, "file", source_at(&c->compilation->sources, file)->name);
        put_file(c, file, out);
        buf_byte(out, '}');
        comma = ",";
    }
    buf_c(out, "]}");
}
