/* letter.c: a message that is due: its window, its checks, its text (LANGUAGE.md S3 to S9, W1 to
 * W4, M1 to M6). */
#include "vm/code/accept.h"
#include "vm/core/internal.h"

enum { LETTER_MAX_BYTES = 1 << 20 };

static int64_t moment_of(struct env *env, struct value v)
{
    return v.kind == VALUE_TIME       ? v.i
           : v.kind == VALUE_DATE     ? zone_day_start(env->zone, v.i)
           : v.kind == VALUE_DURATION ? instant_step(env->zone, env->now_ms, v, 1)
                                      : NEVER_MS;
}

static bool is_false(struct env *env, uint32_t attribute)
{
    if (attribute == IMAGE_NONE)
        return false;
    struct value v = attribute_value(env, attribute);
    return v.kind == VALUE_BOOL && !v.i;
}

static bool is_deceased(struct env *env)
{
    uint32_t attribute = env->program->image->projects[0].deceased_attribute;
    return attribute != IMAGE_NONE && value_is_true(attribute_value(env, attribute));
}

static bool counts(struct env *env, const struct image_message *message, uint32_t row,
                   const struct image_limit *limit, const struct sending *sending)
{
    const struct program *program = env->program;
    if (!(limit->channels & 1u << (sending->channel - 1)))
        return false;
    if (message->topic == IMAGE_NONE && !sending->is_transactional)
        return false;
    if (limit->scope == LIMIT_MESSAGE)
        return sending->message == program->message_names[row];
    if (limit->scope == LIMIT_CAMPAIGN)
        return sending->campaign == program->campaign_names[message->campaign];
    return true;
}

static bool is_capped(struct env *env, uint32_t row, int64_t handed_over_at_ms)
{
    const struct image *image = env->program->image;
    const struct image_message *message = &image->messages[row];
    for (uint32_t i = 0; i < message->limits.count; i++) {
        const struct image_limit *limit = &image->limits[message->limits.first + i];
        struct value per = constant_value(image, limit->per, env->arena);
        int64_t from_ms = instant_step(env->zone, env->now_ms, per, -1);
        uint32_t count = 0;
        if (!(limit->channels & 1u << (message->channel - 1)))
            continue;
        for (uint32_t k = 0; k < env->patient->sendings_count; k++) {
            const struct sending *sending = &env->patient->sendings[k];
            count += sending->at_ms > from_ms && sending->at_ms < handed_over_at_ms &&
                     counts(env, message, row, limit, sending);
        }
        if (count >= limit->at_most)
            return true;
    }
    return false;
}

enum verdict letter_check(struct env *env, uint32_t row, struct str to, int64_t expires_at_ms,
                          int64_t handed_over_at_ms, enum skip_reason *skip)
{
    const struct image_project *project = &env->program->image->projects[0];
    const struct image_message *message = &env->program->image->messages[row];
    bool is_email = message->channel == CHANNEL_EMAIL;
    *skip = SKIP_NONE;
    if (message->channel == CHANNEL_WEBHOOK)
        return VERDICT_SEND;
    if (!message->is_notice && is_deceased(env)) {
        *skip = SKIP_DECEASED;
        return VERDICT_CANCELLED;
    }
    if (expires_at_ms != NEVER_MS && env->now_ms > expires_at_ms) {
        *skip = SKIP_EXPIRED;
        return VERDICT_EXPIRED;
    }
    if (is_email ? !address_is_email(to) : !address_is_phone(to)) {
        *skip = SKIP_ADDRESS;
        return VERDICT_SKIPPED;
    }
    if (env->host && env->host->is_suppressed &&
        env->host->is_suppressed(env->host->context, message->channel, to)) {
        *skip = SKIP_SUPPRESSED;
        return VERDICT_SKIPPED;
    }
    if (message->is_notice)
        return VERDICT_SEND;
    if (message->topic != IMAGE_NONE) {
        if (!ask_subscribed(env, message->topic))
            *skip = SKIP_SUBSCRIPTION;
        else if (is_false(env, is_email ? project->consent_email_attribute
                                        : project->consent_sms_attribute))
            *skip = SKIP_CONSENT;
        if (*skip != SKIP_NONE)
            return VERDICT_SKIPPED;
    }
    return is_capped(env, row, handed_over_at_ms) ? VERDICT_CAPPED : VERDICT_SEND;
}

struct str failure_text(const struct image *image, const struct failure *failure,
                        struct arena *arena)
{
    const struct image_code *code = &image->codes[failure->code];
    const struct image_line *line = NULL;
    for (uint32_t i = 0; i < image->line_count; i++)
        if (image->lines[i].instruction >= code->first &&
            image->lines[i].instruction <= code->first + failure->pc)
            line = &image->lines[i];
    if (!line)
        return arena_printf(arena, "%s", failure->what);
    return arena_printf(arena, STR_FMT ":%u:%u: %s", STR_ARG(image->files[line->file]), line->line,
                        line->column, failure->what);
}

/* In memory and with fuel of its own: a template that uses up either fails its message alone. */
static enum render render_part(struct env *env, uint32_t code, struct str *part)
{
    struct buf text;
    struct arena own, *slice = env->arena;
    uint32_t fuel = env->fuel;
    if (code == IMAGE_NONE)
        return RENDER_OK;
    arena_init(&own, LETTER_MAX_BYTES);
    buf_init(&text, LETTER_MAX_BYTES);
    env->arena = &own;
    env->fuel = FUEL;
    enum render render = machine_render(env, code, &text);
    env->arena = slice;
    env->fuel = fuel;
    if (render == RENDER_OK) {
        *part = arena_str(env->arena, buf_view(&text));
        if (!part->at) {
            env->failure = (struct failure){"the text is too long", code, 0};
            render = RENDER_FAILED;
        }
    }
    buf_free(&text);
    arena_free(&own);
    return render;
}

/* A header is one line: the line end of a file that it was written in is no part of it. */
static struct str without_line_end(struct str s)
{
    while (s.len && (s.at[s.len - 1] == '\n' || s.at[s.len - 1] == '\r'))
        s.len--;
    return s;
}

static enum render render_letter(struct env *env, const struct image_message *message,
                                 struct letter *letter)
{
    const struct {
        uint32_t code;
        struct str *part;
    } parts[] = {{message->from, &letter->from},       {message->reply_to, &letter->reply_to},
                 {message->subject, &letter->subject}, {message->preheader, &letter->preheader},
                 {message->html, &letter->html},       {message->text, &letter->text}};
    enum render worst = RENDER_OK;
    env->message = message;
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        enum render render = render_part(env, parts[i].code, parts[i].part);
        worst = render > worst ? render : worst;
        if (render == RENDER_FAILED && !letter->fault.at)
            letter->fault = failure_text(env->program->image, &env->failure, env->arena);
    }
    env->message = NULL;
    for (size_t i = 0; i < 4; i++)
        *parts[i].part = without_line_end(*parts[i].part);
    return worst;
}

/* A header is one line, whatever a name holds. */
static bool is_one_line(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] < ' ' && s.at[i] != '\t')
            return false;
    return true;
}

enum render letter_render(struct env *env, uint32_t row, struct letter *letter)
{
    const struct image_message *message = &env->program->image->messages[row];
    *letter = (struct letter){.message = row,
                              .channel = (uint8_t)message->channel,
                              .verdict = VERDICT_SEND,
                              .expires_at_ms = NEVER_MS,
                              .draft_until_ms = NEVER_MS,
                              .hold_until_ms = NEVER_MS};
    enum render render = render_letter(env, message, letter);
    bool is_sound = is_one_line(letter->from) && is_one_line(letter->reply_to);
    return render == RENDER_OK && !is_sound ? RENDER_FAILED : render;
}

/* "Front desk <desk@elm.example>" is written to the address in it: only the clinic writes so. */
static struct str bare_address(struct str to)
{
    size_t open = str_find(to, STR("<"));
    if (open == SIZE_MAX || !str_ends(to, STR(">")))
        return to;
    struct str rest = str_from(to, open + 1);
    return (struct str){rest.at, rest.len - 1};
}

struct letter *letter_make(struct env *env, uint32_t row)
{
    const struct image *image = env->program->image;
    const struct image_message *message = &image->messages[row];
    struct letter *letter = arena_alloc(env->arena, sizeof *letter);
    if (!letter)
        return NULL;
    *letter = (struct letter){.message = row,
                              .channel = (uint8_t)message->channel,
                              .verdict = VERDICT_SEND,
                              .expires_at_ms = NEVER_MS,
                              .draft_until_ms = NEVER_MS,
                              .hold_until_ms = NEVER_MS};
    if (message->expires != IMAGE_NONE) {
        /* Computed when the message was reached; kept while it is held for its window. */
        int64_t reached_ms = env->enrollment->wait_first_ms;
        letter->expires_at_ms = reached_ms != NEVER_MS
                                    ? reached_ms
                                    : moment_of(env, machine_eval(env, message->expires));
        if (letter->expires_at_ms == NEVER_MS || letter->expires_at_ms < env->now_ms) {
            letter->verdict = VERDICT_SKIPPED;
            letter->skip = SKIP_EXPIRED;
            return letter;
        }
    }
    if (!message->is_draft && !message->is_notice) {
        letter->hold_until_ms = windows_open_ms(image, message->windows, env->zone, env->now_ms);
        if (letter->hold_until_ms > env->now_ms) {
            letter->verdict = VERDICT_HOLD;
            return letter;
        }
    }
    struct value to = machine_eval(env, message->to);
    letter->to = to.kind == VALUE_TEXT ? arena_str(env->arena, to.text) : (struct str){0};
    if (message->is_notice)
        letter->to = bare_address(letter->to);
    letter->verdict =
        letter_check(env, row, letter->to, letter->expires_at_ms, NEVER_MS, &letter->skip);
    if (letter->verdict != VERDICT_SEND)
        return letter;
    enum render render = render_letter(env, message, letter);
    bool is_sound = is_one_line(letter->from) && is_one_line(letter->reply_to);
    if (render == RENDER_BLANK) {
        letter->verdict = VERDICT_SKIPPED;
        letter->skip = SKIP_BLANK;
    } else if (render == RENDER_FAILED || !is_sound) {
        letter->verdict = VERDICT_FAILED;
    } else if (env->enrollment->is_holdout) {
        letter->verdict = VERDICT_HOLDOUT;
    } else if (message->is_draft) {
        letter->verdict = VERDICT_DRAFT;
        if (message->draft_until != IMAGE_NONE)
            letter->draft_until_ms = moment_of(env, machine_eval(env, message->draft_until));
    }
    return letter;
}

struct letter *letter_make_webhook(struct env *env, uint32_t row)
{
    const struct image_message *message = &env->program->image->messages[row];
    struct letter *letter = arena_alloc(env->arena, sizeof *letter);
    if (!letter)
        return NULL;
    *letter = (struct letter){.message = row,
                              .channel = CHANNEL_WEBHOOK,
                              .verdict = VERDICT_SEND,
                              .expires_at_ms = NEVER_MS,
                              .draft_until_ms = NEVER_MS,
                              .hold_until_ms = NEVER_MS};
    enum render render = render_letter(env, message, letter);
    letter->to = letter->reply_to;
    bool is_http =
        str_starts(letter->to, STR("http://")) || str_starts(letter->to, STR("https://"));
    if (render == RENDER_BLANK) {
        letter->verdict = VERDICT_SKIPPED;
        letter->skip = SKIP_BLANK;
    } else if (render == RENDER_FAILED || !is_http || !is_one_line(letter->to)) {
        letter->verdict = VERDICT_FAILED;
    } else if (env->enrollment->is_holdout) {
        letter->verdict = VERDICT_HOLDOUT;
    }
    return letter;
}

bool letter_handed_over(struct env *env, uint32_t row)
{
    const struct image_message *message = &env->program->image->messages[row];
    struct mark *mark =
        enrollment_mark(env->patient, env->enrollment, env->program->message_names[row], true);
    if (!mark)
        return false;
    mark->is_received = !env->enrollment->is_holdout;
    if (message->is_notice) /* no anchor of goals, and no text that a patient answers (M3) */
        return true;
    mark->handed_over_at_ms = env->now_ms;
    if (env->enrollment->is_holdout)
        return true;
    struct sending *sending = patient_add_sending(env->patient);
    if (!sending)
        return false;
    *sending = (struct sending){.at_ms = env->now_ms,
                                .campaign = env->program->campaign_names[message->campaign],
                                .message = env->program->message_names[row],
                                .channel = (uint8_t)message->channel,
                                .is_transactional = message->topic == IMAGE_NONE};
    return true;
}
