/* idle.c: flows that no campaign does and constants that nothing names are looked at all the same,
 * each flow in a campaign of its own that is thrown away; the image keeps nothing of it. */
#include "compiler/internal.h"

/* The tables keep the memory that they grew to. */
static void forget_since(struct compiler *c, const struct image *before)
{
#define TABLE(number, name) c->image->name##_count = before->name##_count;
#define COLUMN(kind, name)
#define COLUMN_OF(kind, table, name)
#define END(name)
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END
    c->image->text_count = before->text_count;
    c->image->instruction_count = before->instruction_count;
}

static bool is_kept(struct strmap *map, const struct node *decl)
{
    uint64_t *kept = strmap_get(map, decl->name);
    return kept && (struct node *)(uintptr_t)*kept == decl;
}

static struct node *campaign_of(struct compiler *c, const struct node *flow)
{
    struct ast *ast = &c->out->ast;
    struct node *campaign = node_new(ast, NODE_CAMPAIGN, flow->span),
                *trigger = node_new(ast, NODE_TRIGGER, flow->span);
    campaign->name = flow->name;
    campaign->other = flow->name;
    campaign->name_span = flow->name_span;
    trigger->number = FORM_MANUAL;
    trigger->next = node_new(ast, NODE_TRANSACTIONAL, flow->span);
    campaign->kids[CAMPAIGN_SETTINGS] = trigger;
    campaign->kids[CAMPAIGN_WORKFLOW] = node_new(ast, NODE_BLOCK, flow->span);
    return campaign;
}

static void check_flow(struct compiler *c, struct node *flow)
{
    struct image before = *c->image;
    struct image_campaign empty = {0};
    compile_flow_alone(c, flow, campaign_of(c, flow), add_campaign(c, empty));
    forget_since(c, &before);
}

/* The last pass: what it adds to the tables is forgotten, and so is not found again. */
void check_idle(struct compiler *c)
{
    pop_names(c, 0);
    c->name_base = c->fact_count = 0;
    for (struct node *decl = c->out->declarations; decl; decl = decl->next) {
        if (decl->kind == NODE_LET && is_kept(&c->lets, decl) && is_idle_let(c, decl->name_span)) {
            struct image before = *c->image;
            struct typed type;
            expression_code(c, decl->kids[LET_VALUE], typed_kind(KIND_ANY), &type);
            forget_since(c, &before);
        } else if (decl->kind == NODE_FLOW && is_kept(&c->flows, decl) && !is_of_module(c, decl) &&
                   !is_used(c, "flow", decl->name)) {
            check_flow(c, decl);
        }
    }
}
