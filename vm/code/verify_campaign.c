/* verify_campaign.c: campaigns, what their kinds need, and their frames: slots, and the places at
 * which a parked frame goes on. */
#include "vm/code/op.h"
#include "vm/code/verify.h"

static void check_need(const struct place *at, const char *column, uint32_t row)
{
    if (row == IMAGE_NONE)
        verify_wrong(at, column, "missing, its kind needs it");
}

static void check_trigger(const struct place *at, const struct image_campaign *row)
{
    switch ((enum trigger_kind)row->trigger_kind) {
    case TRIGGER_EVENT:
        check_need(at, "trigger_event", row->trigger_event);
        break;
    case TRIGGER_BECOMES:
        check_need(at, "trigger_value", row->trigger_value);
        check_need(at, "trigger_attribute", row->trigger_attribute);
        break;
    case TRIGGER_CHANGES:
    case TRIGGER_DATE:
        check_need(at, "trigger_attribute", row->trigger_attribute);
        break;
    case TRIGGER_ENTERED:
    case TRIGGER_LEFT:
        check_need(at, "trigger_segment", row->trigger_segment);
        break;
    case TRIGGER_OBJECT:
        check_need(at, "trigger_object", row->trigger_object);
        break;
    case TRIGGER_MANUAL:
        break;
    }
}

static void check_rules_of(struct verifier *v, const struct image_campaign *row)
{
    for (uint32_t i = row->goals.first; i - row->goals.first < row->goals.count; i++) {
        const struct image_goal *goal = &v->image->goals[i];
        struct place at = {v, "goal", i, 0};
        if (goal->event == IMAGE_NONE)
            check_need(&at, "condition", goal->condition);
        if (goal->anchor == ANCHOR_MESSAGE)
            check_need(&at, "message", goal->message);
    }
    for (uint32_t i = row->exits.first; i - row->exits.first < row->exits.count; i++)
        if (v->image->exits[i].event == IMAGE_NONE)
            check_need(&(struct place){v, "exit", i, 0}, "condition", v->image->exits[i].condition);
}

/* Where a message holds for its window; the message itself stands there. */
static void mark_holds(struct verifier *v, const struct image_campaign *row)
{
    const struct image_code *code = &v->image->codes[row->workflow];
    for (uint32_t i = row->waits.first; i - row->waits.first < row->waits.count; i++) {
        const struct image_wait *wait = &v->image->waits[i];
        uint64_t at = (uint64_t)code->first + wait->then_pc;
        if (wait->kind == WAIT_WINDOW && wait->then_pc < code->count &&
            at < v->image->instruction_count)
            v->holds[at] = i + 1;
    }
}

static void check_waits(struct verifier *v)
{
    for (uint32_t i = 0; i < v->image->wait_count; i++) {
        const struct image_wait *wait = &v->image->waits[i];
        struct place at = {v, "wait", i, 0};
        if (wait->kind == WAIT_DELAY)
            check_need(&at, "delay", wait->delay);
        else if (wait->kind == WAIT_UNTIL)
            check_need(&at, "until", wait->until);
        else if (wait->kind == WAIT_CONDITION)
            check_need(&at, "condition", wait->condition);
        else if (wait->kind == WAIT_EVENT)
            check_need(&at, "event", wait->event);
        else if (wait->kind == WAIT_WINDOW)
            check_need(&at, "message", wait->message);
    }
}

void verify_campaigns(struct verifier *v)
{
    const struct image *image = v->image;
    for (uint32_t i = 0; i < image->campaign_count; i++) {
        const struct image_campaign *row = &image->campaigns[i];
        struct place at = {v, "campaign", i, 0};
        if (i && str_cmp(image_text(image, row[-1].name), image_text(image, row->name)) > 0)
            verify_wrong(&at, "name", "campaigns stand by name");
        check_trigger(&at, row);
        if (row->enter_kind == ENTER_ONCE_PER_DURATION || row->enter_kind == ENTER_AGAIN_AFTER)
            check_need(&at, "enter_duration", row->enter_duration);
        if (row->enter_kind == ENTER_ONCE_PER_KEY)
            check_need(&at, "enter_key", row->enter_key);
        check_rules_of(v, row);
        for (uint32_t k = row->messages.first; k - row->messages.first < row->messages.count; k++)
            if (image->messages[k].campaign != i)
                verify_wrong(&at, "messages", "message %u is of campaign %u", k,
                             image->messages[k].campaign);
        if (v->owners[row->workflow] != IMAGE_NONE)
            verify_wrong(&at, "workflow", "code %u is another campaign's", row->workflow);
        v->owners[row->workflow] = i;
        mark_holds(v, row);
    }
    check_waits(v);
}

static void check_slot(const struct place *at, const char *column, uint32_t slot)
{
    if (slot != IMAGE_NONE && slot >= at->slots)
        verify_wrong(at, column, "slot %u, the frame has %u", slot, at->slots);
}

/* A parked frame goes on where the stack is empty. */
static void check_place(const struct place *at, const char *column, const struct image_code *code,
                        uint32_t pc)
{
    if (pc >= code->count)
        verify_wrong(at, column, "instruction %u, outside of the workflow", pc);
    else if (at->v->depths[code->first + pc] != 1)
        verify_wrong(at, column, "instruction %u, amid a step", pc);
}

static void check_hold(const struct place *at, const struct image_code *code)
{
    const struct image_wait *wait = &at->v->image->waits[at->row];
    uint32_t word = at->v->image->instructions[code->first + wait->then_pc];
    if (wait->then_pc != wait->else_pc || word != op_c(OP_SEND, wait->message))
        verify_wrong(at, "then_pc", "instruction %u does not send message %u", wait->then_pc,
                     wait->message);
}

static void check_frame(struct verifier *v, const struct image_campaign *row, uint32_t wait_row)
{
    const struct image *image = v->image;
    const struct image_code *code = &image->codes[row->workflow];
    const struct image_wait *wait = &image->waits[wait_row];
    struct place at = {v, "wait", wait_row, row->slot_count};
    check_slot(&at, "slot", wait->slot);
    for (uint32_t i = 0; i < wait->live.count; i++)
        check_slot(&at, "live", image->lives[wait->live.first + i].slot);
    if (wait->step < row->steps.first || wait->step - row->steps.first >= row->steps.count)
        verify_wrong(&at, "step", "step %u is not of its campaign", wait->step);
    check_place(&at, "then_pc", code, wait->then_pc);
    check_place(&at, "else_pc", code, wait->else_pc);
    if (wait->other_pc != IMAGE_NONE)
        check_place(&at, "other_pc", code, wait->other_pc);
    for (uint32_t i = 0; i < wait->answers.count; i++)
        check_place(&at, "answers", code, image->answers[wait->answers.first + i].pc);
    if (wait->kind == WAIT_WINDOW && !v->has_failed)
        check_hold(&at, code);
}

void verify_frames(struct verifier *v)
{
    for (uint32_t i = 0; i < v->image->campaign_count; i++) {
        const struct image_campaign *row = &v->image->campaigns[i];
        check_slot(&(struct place){v, "campaign", i, row->slot_count}, "trigger_slot",
                   row->trigger_slot);
        for (uint32_t k = 0; k < row->waits.count; k++)
            check_frame(v, row, row->waits.first + k);
    }
}
