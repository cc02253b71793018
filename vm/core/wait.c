/* wait.c: the waits of LANGUAGE.md 3 and 3.1. A parked frame names its wait's row; whatever
 * happens, the row is decided again from the patient's state and the moment the wait began, so that
 * nothing computed goes stale. */
#include "vm/core/internal.h"

enum way { WAY_STAY, WAY_THEN, WAY_ELSE };

static int64_t as_moment(struct env *env, struct value v)
{
    return v.kind == VALUE_TIME   ? v.i
           : v.kind == VALUE_DATE ? zone_day_start(env->zone, v.i)
                                  : NEVER_MS;
}

/* The end of `up to`: a duration from arrival or an instant, live; unknown is over at once (D5). */
static int64_t bound_of(struct env *env, const struct image_wait *wait)
{
    if (wait->bound == IMAGE_NONE)
        return NEVER_MS;
    struct value v = machine_eval(env, wait->bound);
    if (v.kind == VALUE_DURATION)
        return instant_step(env->zone, env->enrollment->wait_began_ms, v, 1);
    int64_t at_ms = as_moment(env, v);
    return at_ms == NEVER_MS ? INT64_MIN : at_ms;
}

static enum way decide_until(struct env *env, const struct image_wait *wait, bool is_arrival)
{
    struct enrollment *e = env->enrollment;
    int64_t now_ms = env->now_ms;
    if (!wait->is_live)
        env->now_ms = e->wait_began_ms;
    int64_t at_ms = as_moment(env, machine_eval(env, wait->until));
    env->now_ms = now_ms;
    if (at_ms == NEVER_MS)
        return WAY_ELSE;
    if (is_arrival) {
        if (at_ms < now_ms)
            return WAY_ELSE;
        e->wait_first_ms = wait->is_live ? at_ms : NEVER_MS;
    }
    if (at_ms <= now_ms)
        return WAY_THEN;
    e->wake_at_ms = at_ms;
    if (wait->is_live && e->wait_first_ms != NEVER_MS) {
        int64_t last_ms = zone_step(env->zone, e->wait_first_ms, 12, 0);
        if (at_ms > last_ms)
            e->wake_at_ms = last_ms;
        if (at_ms > last_ms && now_ms >= last_ms)
            return WAY_ELSE;
    }
    return WAY_STAY;
}

static enum way decide_bound(struct env *env, const struct image_wait *wait, int64_t flip_ms)
{
    int64_t bound_ms = bound_of(env, wait);
    if (env->now_ms >= bound_ms)
        return WAY_ELSE;
    env->enrollment->wake_at_ms = bound_ms < flip_ms ? bound_ms : flip_ms;
    return WAY_STAY;
}

static enum way decide_condition(struct env *env, const struct image_wait *wait)
{
    int64_t flip_ms = NEVER_MS, *outer = env->flips_at_ms;
    env->flips_at_ms = &flip_ms;
    bool is_true = machine_test(env, wait->condition);
    env->flips_at_ms = outer;
    return is_true ? WAY_THEN : decide_bound(env, wait, flip_ms);
}

static enum way decide(struct env *env, const struct image_wait *wait, bool is_arrival)
{
    struct enrollment *e = env->enrollment;
    e->wake_at_ms = NEVER_MS;
    switch ((enum wait_kind)wait->kind) {
    case WAIT_DELAY: {
        struct value delay = machine_eval(env, wait->delay);
        if (delay.kind != VALUE_DURATION)
            return WAY_THEN;
        e->wake_at_ms = instant_step(env->zone, e->wait_began_ms, delay, 1);
        return e->wake_at_ms <= env->now_ms ? WAY_THEN : WAY_STAY;
    }
    case WAIT_UNTIL:
        return decide_until(env, wait, is_arrival);
    case WAIT_CONDITION:
        return decide_condition(env, wait);
    case WAIT_EVENT:
    case WAIT_REPLY:
        return decide_bound(env, wait, NEVER_MS);
    case WAIT_WINDOW:
        return WAY_THEN;
    case WAIT_WEBHOOK:
        return WAY_STAY;
    }
    return WAY_ELSE;
}

static bool leave(struct env *env, uint32_t pc)
{
    struct enrollment *e = env->enrollment;
    e->pc = pc;
    e->state = ENROLLMENT_READY;
    e->wake_at_ms = NEVER_MS;
    /* A message that was held keeps its expiry. */
    if (env->program->image->waits[e->resume].kind != WAIT_WINDOW)
        e->wait_first_ms = NEVER_MS;
    return true;
}

bool wait_arrive(struct env *env, uint32_t row)
{
    struct enrollment *e = env->enrollment;
    const struct image_wait *wait = &env->program->image->waits[row];
    e->resume = row;
    e->state = ENROLLMENT_PARKED;
    e->wait_began_ms = env->now_ms;
    e->wait_first_ms = NEVER_MS;
    enum way way = decide(env, wait, true);
    return way != WAY_STAY && leave(env, way == WAY_THEN ? wait->then_pc : wait->else_pc);
}

bool wait_review(struct env *env)
{
    struct enrollment *e = env->enrollment;
    if (e->state != ENROLLMENT_PARKED || e->resume >= env->program->image->wait_count)
        return false;
    const struct image_wait *wait = &env->program->image->waits[e->resume];
    enum way way = decide(env, wait, false);
    return way != WAY_STAY && leave(env, way == WAY_THEN ? wait->then_pc : wait->else_pc);
}

static void bind(struct env *env, uint32_t slot, struct value v)
{
    if (slot < env->enrollment->slot_count)
        env->enrollment->slots[slot] = v;
}

bool wait_event(struct env *env)
{
    struct enrollment *e = env->enrollment;
    const struct image *image = env->program->image;
    if (e->state != ENROLLMENT_PARKED || !env->event || e->resume >= image->wait_count)
        return false;
    const struct image_wait *wait = &image->waits[e->resume];
    if (wait->kind != WAIT_EVENT || env->program->event_names[wait->event] != env->event->name ||
        !machine_test(env, wait->where))
        return false;
    bind(env, wait->slot, (struct value){.kind = VALUE_EVENT, .i = (int64_t)env->event->id});
    return leave(env, wait->then_pc);
}

bool wait_answer(struct env *env, uint32_t row, struct value answer)
{
    const struct image_wait *wait = &env->program->image->waits[row];
    bind(env, wait->slot, answer);
    return leave(env, wait->then_pc);
}

static bool is_word(struct str word, struct str text)
{
    text = str_trim(text);
    if (word.len != text.len)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        char c = text.at[i];
        if (word.at[i] != (c >= 'A' && c <= 'Z' ? (char)(c + 32) : c))
            return false;
    }
    return true;
}

bool wait_reply(struct env *env, struct str text)
{
    struct enrollment *e = env->enrollment;
    const struct image *image = env->program->image;
    if (e->state != ENROLLMENT_PARKED || e->resume >= image->wait_count)
        return false;
    const struct image_wait *wait = &image->waits[e->resume];
    if (wait->kind != WAIT_REPLY)
        return false;
    uint32_t pc = wait->other_pc;
    for (uint32_t i = 0; i < wait->answers.count; i++) {
        const struct image_answer *answer = &image->answers[wait->answers.first + i];
        if (is_word(image_text(image, answer->word), text)) {
            pc = answer->pc;
            break;
        }
    }
    if (pc == IMAGE_NONE)
        return false;
    bind(env, wait->slot, value_text(arena_str(env->arena, text)));
    return leave(env, pc);
}
