/* entry.c: who enters a campaign: triggers, entry rules, audiences, candidates (LANGUAGE.md 2.1,
 * S1, S2). */
#include <stdio.h>

#include "vm/base/hash.h"
#include "vm/base/zone.h"
#include "vm/run/internal.h"

static struct value duration_of(const struct image *image, uint32_t row)
{
    const struct image_constant *constant = &image->constants[row];
    return (struct value){.kind = VALUE_DURATION,
                          .i = constant->number,
                          .months = (int32_t)constant->months,
                          .days = (int16_t)constant->days};
}

static bool is_timed(const struct image *image, uint32_t code)
{
    return code != IMAGE_NONE && image->codes[code].is_timed;
}

static bool may_enter(struct react *r, const struct image_campaign *campaign, struct env *env,
                      uint64_t *key)
{
    const struct image *image = env->program->image;
    uint32_t number = env->enrollment->campaign;
    const struct entry *entry = react_entry(r, number, false);
    bool is_inside = false;
    for (uint32_t i = 0; i < r->patient->enrollments_count; i++)
        is_inside |= r->patient->enrollments[i].campaign == number &&
                     is_inside_campaign(&r->patient->enrollments[i]);
    int64_t from =
        campaign->enter_duration == IMAGE_NONE
            ? INT64_MIN
            : instant_step(env->zone, r->now_ms, duration_of(image, campaign->enter_duration), -1);
    switch ((enum enter_kind)campaign->enter_kind) {
    case ENTER_ONCE:
        return !entry;
    case ENTER_ONCE_PER_DURATION:
        return !entry || entry->entered_at_ms <= from;
    case ENTER_ONCE_PER_KEY: {
        struct value v = machine_eval(env, campaign->enter_key);
        struct buf bytes;
        static const unsigned char salt[SIPHASH_KEY_BYTES];
        if (v.kind == VALUE_UNKNOWN)
            return false;
        buf_init(&bytes, 1 << 16);
        value_encode(&bytes, v);
        *key = siphash(salt, buf_view(&bytes));
        buf_free(&bytes);
        for (uint32_t i = 0; i < r->patient->entry_keys_count; i++)
            if (r->patient->entry_keys[i].campaign == number &&
                r->patient->entry_keys[i].hash == *key)
                return false;
        return true;
    }
    case ENTER_AGAIN:
        return !is_inside;
    case ENTER_AGAIN_AFTER:
        return !is_inside && (!entry || entry->left_at_ms == NEVER_MS || entry->left_at_ms <= from);
    case ENTER_ALWAYS:
        return true;
    }
    return false;
}

static bool is_held_out(struct react *r, const struct program *program,
                        const struct image_campaign *campaign)
{
    const struct engine_options *options = &r->engine->options;
    struct str name = image_text(program->image, campaign->name), arm;
    if (options->chosen_arm && options->chosen_arm(options->chooser, name, STR("holdout"), &arm))
        return true;
    return !options->without_holdout &&
           share_of(r->patient->id, name, STR("holdout")) < campaign->holdout;
}

/* All rules were asked: the enrollment begins, at the instant of the reaction. */
static void begin(struct react *r, const struct program *program, uint32_t row,
                  struct enrollment *fresh, uint64_t key)
{
    const struct image_campaign *campaign = &program->image->campaigns[row];
    struct entry *entry = react_entry(r, fresh->campaign, true);
    struct entry_key *entry_key =
        campaign->enter_kind == ENTER_ONCE_PER_KEY ? patient_add_entry_key(r->patient) : NULL;
    struct enrollment *added = patient_add_enrollment(r->patient);
    if (!entry || !added) {
        react_lose(r, STATUS_LIMIT);
        return;
    }
    fresh->id = r->engine->next_enrollment++;
    fresh->state = ENROLLMENT_READY;
    fresh->entered_at_ms = fresh->wait_began_ms = r->now_ms;
    fresh->wait_first_ms = fresh->wake_at_ms = NEVER_MS;
    fresh->is_holdout = is_held_out(r, program, campaign);
    entry->count++;
    entry->entered_at_ms = r->now_ms;
    if (entry_key)
        *entry_key = (struct entry_key){fresh->campaign, key};
    *added = *fresh;
    goal_begin(r, added);
    react_tell(r, NOTICE_ENTERED, program, row, added, (struct str){0});
    react_run(r, fresh->id);
}

/* `audience … within`: who does not match yet gets that long. */
static void await_audience(struct react *r, const struct program *program, uint32_t row,
                           struct enrollment *fresh)
{
    const struct image_campaign *campaign = &program->image->campaigns[row];
    struct env env = react_env(r, program, fresh);
    struct enrollment *added = patient_add_enrollment(r->patient);
    if (!added) {
        react_lose(r, STATUS_LIMIT);
        return;
    }
    fresh->id = r->engine->next_enrollment++;
    fresh->state = ENROLLMENT_CANDIDATE;
    fresh->is_touched = true;
    fresh->wait_first_ms = fresh->wake_at_ms = instant_step(
        env.zone, r->now_ms, duration_of(program->image, campaign->audience_within), 1);
    *added = *fresh;
}

static void enter(struct react *r, uint32_t row, struct value trigger, uint64_t event)
{
    const struct program *program = r->engine->current;
    const struct image_campaign *campaign = &program->image->campaigns[row];
    struct enrollment fresh = {.campaign = program->campaign_names[row],
                               .image = program->number,
                               .entered_at_ms = r->now_ms,
                               .wait_began_ms = r->now_ms,
                               .event = event,
                               .wait_first_ms = NEVER_MS,
                               .wake_at_ms = NEVER_MS,
                               .goal_until_ms = NEVER_MS,
                               .slot_count = campaign->slot_count};
    uint64_t key = 0;
    fresh.slots = arena_array(&r->engine->slice, fresh.slot_count, sizeof *fresh.slots);
    if (!fresh.slots) {
        react_lose(r, STATUS_LIMIT);
        return;
    }
    if (campaign->trigger_slot < fresh.slot_count)
        fresh.slots[campaign->trigger_slot] = trigger;
    struct env env = react_env(r, program, &fresh);
    react_tell(r, NOTICE_TRIGGERED, program, row, NULL, (struct str){0});
    if (r->engine->states[row] == CAMPAIGN_PAUSED) {
        react_tell(r, NOTICE_TURNED_AWAY, program, row, NULL, (struct str){0});
        return;
    }
    if (!may_enter(r, campaign, &env, &key)) {
        react_tell(r, NOTICE_REFUSED, program, row, NULL, (struct str){0});
        return;
    }
    bool matches = machine_test(&env, campaign->audience);
    if (!matches && campaign->audience_within != IMAGE_NONE)
        await_audience(r, program, row, &fresh);
    else if (!matches || react_meets_exit(r, &fresh, NULL))
        react_tell(r, NOTICE_FILTERED, program, row, NULL, (struct str){0});
    else
        begin(r, program, row, &fresh, key);
}

/* A candidate who matches now enters; one whose time is over was filtered out. */
static void review_candidate(struct react *r, const struct work *work, uint64_t id)
{
    struct enrollment *e = patient_enrollment(r->patient, id);
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign =
        e && e->state == ENROLLMENT_CANDIDATE ? react_campaign(r, e, &program, &row) : NULL;
    if (!campaign || (e->wake_at_ms > r->now_ms &&
                      !work_concerns(work, &r->engine->indexes[e->image]->audiences[row])))
        return;
    e->is_touched = true;
    enum campaign_state state = engine_state_of(r->engine, e->campaign);
    if (state == CAMPAIGN_PAUSED)
        return;
    struct enrollment fresh = *e;
    struct env env = react_env(r, program, &fresh);
    uint64_t key = 0;
    bool is_late = r->now_ms >= e->wait_first_ms || state != CAMPAIGN_RUNNING;
    bool matches = !is_late && machine_test(&env, campaign->audience);
    if (!is_late && !matches)
        return;
    patient_remove_enrollment(r->patient, e);
    if (is_late || react_meets_exit(r, &fresh, NULL))
        react_tell(r, NOTICE_FILTERED, program, row, NULL, (struct str){0});
    else if (may_enter(r, campaign, &env, &key))
        begin(r, program, row, &fresh, key);
}

/* --- starting with who is there --- */

static bool is_in_trigger_segment(struct react *r, const struct program *program, uint32_t row)
{
    const struct image_campaign *campaign = &program->image->campaigns[row];
    if (campaign->trigger_kind != TRIGGER_ENTERED)
        return false;
    for (uint32_t i = 0; i < r->patient->memberships_count; i++)
        if (r->patient->memberships[i].segment == program->segment_names[campaign->trigger_segment])
            return true;
    return false;
}

bool entry_existing(struct react *r, uint32_t number)
{
    const uint64_t *row = map64_get(&react_index(r)->campaigns, number);
    if (!row || !is_in_trigger_segment(r, r->engine->current, (uint32_t)*row))
        return false;
    enter(r, (uint32_t)*row, value_unknown(), 0);
    return true;
}

void entry_ask(struct react *r, uint32_t row, bool *may_by_rule, bool *is_audience,
               bool *meets_exit, bool *is_in_segment)
{
    const struct program *program = r->engine->current;
    const struct image_campaign *campaign = &program->image->campaigns[row];
    struct enrollment fresh = {.campaign = program->campaign_names[row],
                               .image = program->number,
                               .entered_at_ms = r->now_ms,
                               .slot_count = campaign->slot_count};
    uint64_t key = 0;
    fresh.slots = arena_array(&r->engine->slice, fresh.slot_count, sizeof *fresh.slots);
    if (!fresh.slots) {
        react_lose(r, STATUS_LIMIT);
        fresh.slot_count = 0;
    }
    struct env env = react_env(r, program, &fresh);
    /* `once per visit.id` cannot be asked before there is a visit. */
    *may_by_rule = campaign->enter_kind == ENTER_ONCE_PER_KEY || may_enter(r, campaign, &env, &key);
    *is_audience = machine_test(&env, campaign->audience);
    *meets_exit = react_meets_exit(r, &fresh, NULL);
    *is_in_segment = is_in_trigger_segment(r, program, row);
}

bool entry_may(struct react *r, uint32_t row, bool existing)
{
    bool may_by_rule, is_audience, meets_exit, is_in_segment;
    entry_ask(r, row, &may_by_rule, &is_audience, &meets_exit, &is_in_segment);
    return may_by_rule && is_audience && !meets_exit && (!existing || is_in_segment);
}

/* --- dates --- */

/* The local day on which the trigger comes in the given year of the date (29 February is 28
 * February elsewhere), or in its own. */
static int64_t trigger_day(const struct image *image, const struct image_campaign *campaign,
                           int64_t day, int32_t year)
{
    struct civil civil = civil_of_day(day);
    if (campaign->trigger_per_year) {
        int32_t most = civil_month_days(year, civil.month);
        day = civil_day(year, civil.month, civil.day > most ? most : civil.day);
    }
    if (campaign->trigger_offset == IMAGE_NONE)
        return day;
    struct value offset = duration_of(image, campaign->trigger_offset);
    return civil_add_months(day, offset.months) + offset.days;
}

/* The first moment at or after `from_ms` at which the date trigger comes for that date; NEVER_MS
 * when none does. */
static int64_t moment_of(struct env *env, const struct image_campaign *campaign, struct value date,
                         int64_t from_ms)
{
    const struct image *image = env->program->image;
    if (date.kind == VALUE_TIME)
        date = (struct value){.kind = VALUE_DATE, .i = zone_day(env->zone, date.i)};
    if (date.kind != VALUE_DATE)
        return NEVER_MS;
    int64_t exact_ms =
        campaign->trigger_offset == IMAGE_NONE ? 0 : duration_of(image, campaign->trigger_offset).i;
    int32_t born = civil_of_day(date.i).year;
    int32_t year = zone_local(env->zone, from_ms).year - 2;
    bool is_yearly = campaign->trigger_per_year;
    int32_t first = is_yearly && year > born ? year : born, last = is_yearly ? year + 5 : born;
    for (int32_t y = first; y <= last || (is_yearly && y == first); y++) {
        int64_t day = trigger_day(image, campaign, date.i, y);
        int64_t at_ms = zone_at_clock(env->zone, day, (int32_t)campaign->trigger_minute) + exact_ms;
        if (at_ms >= from_ms)
            return at_ms;
    }
    return NEVER_MS;
}

static int64_t trigger_moment(struct env *env, const struct image_campaign *campaign,
                              int64_t from_ms)
{
    return moment_of(env, campaign, attribute_value(env, campaign->trigger_attribute), from_ms);
}

int64_t entry_next_date(struct react *r)
{
    const struct program *program = r->engine->current;
    const struct row_list *dates = &react_index(r)->dates;
    int64_t next_ms = NEVER_MS;
    struct env env = react_env(r, program, NULL);
    for (uint32_t i = 0; i < dates->count; i++) {
        int64_t at_ms =
            trigger_moment(&env, &program->image->campaigns[dates->at[i]], r->now_ms + 1);
        r->engine->work++;
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    return next_ms;
}

/* --- triggers --- */

static const struct attribute_change *change_of(const struct happening *h, uint32_t attribute)
{
    for (uint32_t i = 0; i < h->change_count; i++)
        if (h->changes[i].attribute == attribute)
            return &h->changes[i];
    return NULL;
}

/* It was not V and now is; or it differs at all. */
static bool is_changed(struct env *env, const struct image_campaign *campaign,
                       const struct attribute_change *change)
{
    bool comparable;
    if (!change || campaign->trigger_kind == TRIGGER_CHANGES)
        return change != NULL;
    struct value wanted = machine_eval(env, campaign->trigger_value);
    bool is_now = value_compare(env, change->after, wanted, &comparable) == 0 && comparable;
    bool was = value_compare(env, change->before, wanted, &comparable) == 0 && comparable;
    return is_now && !was;
}

static bool has_turned(const struct work *work, const struct program *program, uint32_t segment,
                       bool entered)
{
    const struct happening *h = work->h;
    for (uint32_t i = 0; i < work->turn_count; i++)
        if (work->turns[i].row == segment)
            return work->turns[i].entered == entered;
    return h->is_membership && program->segment_names[segment] == h->segment &&
           h->is_member == entered;
}

/* Has the moment come, or is it now, by a date that was set at this instant? */
static bool has_date_come(struct env *env, const struct image_campaign *campaign,
                          const struct work *work)
{
    int64_t now_ms = env->now_ms;
    const struct attribute_change *change =
        change_of(work->h, env->program->attribute_names[campaign->trigger_attribute]);
    if (work->is_date_time)
        return trigger_moment(env, campaign, work->dates_from_ms) <= now_ms;
    return change && moment_of(env, campaign, change->after, now_ms) == now_ms &&
           moment_of(env, campaign, change->before, now_ms) != now_ms;
}

/* Paused: who comes is counted, and turned away. */
static bool is_open(const struct react *r, uint32_t row)
{
    return r->engine->states[row] == CAMPAIGN_RUNNING || r->engine->states[row] == CAMPAIGN_PAUSED;
}

/* Objects for which the condition has become true. */
static void trigger_objects(struct react *r, uint32_t row, const struct happening *h)
{
    const struct program *program = r->engine->current;
    const struct image_campaign *campaign = &program->image->campaigns[row];
    uint32_t kind = program->object_names[campaign->trigger_object];
    struct truths *truths = react_truths(r, row);
    for (uint32_t i = 0; truths && i < r->patient->objects_count; i++) {
        if (i >= truths->count) {
            uint32_t count = r->patient->objects_count;
            uint8_t *held = arena_alloc(&r->engine->slice, count);
            if (!held)
                break;
            memcpy(held, truths->held, truths->count);
            truths->held = held;
            truths->count = count;
        }
        struct env env = react_env(r, program, NULL);
        env.object = &r->patient->objects[i];
        bool holds = env.object->object == kind && machine_test(&env, campaign->trigger_where);
        bool held = truths->held[i];
        truths->held[i] = holds;
        if (holds && !held && !h->is_history && is_open(r, row))
            enter(r, row,
                  (struct value){.kind = VALUE_OBJECT,
                                 .months = (int32_t)campaign->trigger_object,
                                 .text = env.object->id},
                  0);
    }
}

static void trigger(struct react *r, uint32_t row, const struct work *work)
{
    const struct program *program = r->engine->current;
    const struct image_campaign *campaign = &program->image->campaigns[row];
    const struct happening *h = work->h;
    struct env env = react_env(r, program, NULL);
    struct value by = value_unknown();
    bool is_triggered = false;
    uint64_t event = 0;
    r->engine->work++;
    if (campaign->trigger_kind == TRIGGER_OBJECT) {
        trigger_objects(r, row, h);
        return;
    }
    if (!is_open(r, row))
        return;
    switch ((enum trigger_kind)campaign->trigger_kind) {
    case TRIGGER_EVENT:
        env.event = h->event;
        is_triggered = h->event && !h->is_history &&
                       program->event_names[campaign->trigger_event] == h->event->name &&
                       machine_test(&env, campaign->trigger_where);
        event = is_triggered ? h->event->id : 0;
        by = (struct value){.kind = VALUE_EVENT, .i = (int64_t)event};
        break;
    case TRIGGER_CHANGES:
    case TRIGGER_BECOMES:
        is_triggered =
            is_changed(&env, campaign,
                       change_of(h, program->attribute_names[campaign->trigger_attribute])) &&
            machine_test(&env, campaign->trigger_where);
        break;
    case TRIGGER_ENTERED:
    case TRIGGER_LEFT:
        is_triggered = has_turned(work, program, campaign->trigger_segment,
                                  campaign->trigger_kind == TRIGGER_ENTERED);
        break;
    case TRIGGER_DATE:
        is_triggered = has_date_come(&env, campaign, work);
        break;
    case TRIGGER_MANUAL:
        is_triggered =
            h->is_manual && str_eq(h->campaign, image_text(program->image, campaign->name));
        break;
    case TRIGGER_OBJECT:
        break;
    }
    if (is_triggered)
        enter(r, row, event ? by : value_unknown(), event);
}

static void add_rows(struct react *r, struct row_list *to, const struct row_list *rows)
{
    for (uint32_t i = 0; i < rows->count; i++)
        if (!row_list_add(&r->engine->slice, to, rows->at[i]))
            react_lose(r, STATUS_LIMIT);
}

/* Campaigns that the work may trigger, ascending: the rows of an image are by name. */
static struct row_list rows_of(struct react *r, const struct work *work)
{
    const struct index *index = react_index(r);
    struct row_list rows = {0};
    for (uint32_t i = 0; i < work->key_count; i++) {
        const struct reach *reach = index_reach(index, work->keys[i]);
        if (!reach)
            continue;
        add_rows(r, &rows, &reach->triggers);
        add_rows(r, &rows, &reach->objects);
    }
    if (work->is_all && r->patient->objects_count)
        add_rows(r, &rows, &index->objects);
    if (work->is_object_time)
        add_rows(r, &rows, &index->timed_objects);
    if (work->is_date_time)
        add_rows(r, &rows, &index->dates);
    const uint64_t *manual =
        work->h->is_manual ? strmap_get(&index->names, work->h->campaign) : NULL;
    if (manual)
        row_list_add(&r->engine->slice, &rows, (uint32_t)*manual);
    return rows;
}

static struct str name_of(struct react *r, uint64_t id)
{
    const struct enrollment *e = patient_enrollment(r->patient, id);
    const struct program *program;
    uint32_t row;
    const struct image_campaign *campaign = e ? react_campaign(r, e, &program, &row) : NULL;
    return campaign ? image_text(program->image, campaign->name) : (struct str){0};
}

/* The last phase: by campaign, first those who wait for their audience, then the trigger. */
void entry_triggers(struct react *r, struct work *work, const uint64_t *candidates,
                    uint32_t candidate_count)
{
    const struct program *program = r->engine->current;
    const struct row_list rows = rows_of(r, work);
    uint32_t k = 0;
    for (uint32_t i = 0; i < rows.count; i++) {
        const struct image_campaign *campaign = &program->image->campaigns[rows.at[i]];
        struct str name = image_text(program->image, campaign->name);
        while (k < candidate_count && str_cmp(name_of(r, candidates[k]), name) <= 0)
            review_candidate(r, work, candidates[k++]);
        r->is_object_time_stale |= campaign->trigger_kind == TRIGGER_OBJECT &&
                                   is_timed(program->image, campaign->trigger_where);
        trigger(r, rows.at[i], work);
    }
    while (k < candidate_count)
        review_candidate(r, work, candidates[k++]);
}
