/* inbound.c: a text that came in. The texts that went to its number are found by a hash of the
 * number, newest first; it goes to the enrollment of the newest one that waits for a reply (F4),
 * and is the event `message.replied` of that patient, or of the one texted last when nobody waits.
 * A word that stops is `message.opted_out` of every patient with the number, one that asks for help
 * `message.help_asked`: events of ours that react with nothing until a project declares them. */
#include "vm/base/json.h"
#include "vm/base/utf8.h"
#include "vm/run/internal.h"

enum { TEXTS_LOOKED_AT = 64, WORD_BYTES = 16 };

/* The letters of a short text, small: `Stop.`, `S T O P` and full-width letters are `stop`. False:
 * it is longer, or has letters of other scripts. */
static bool read_word(struct str text, char word[WORD_BYTES])
{
    size_t count = 0;
    while (text.len) {
        size_t length;
        uint32_t c = utf8_decode(text, &length);
        text = str_from(text, length ? length : 1);
        if (c >= 0xff01 && c <= 0xff5e)
            c -= 0xff01 - '!';
        if (c >= 'A' && c <= 'Z')
            c += 'a' - 'A';
        bool is_letter = c >= 'a' && c <= 'z';
        bool is_sign =
            c < 0x80 || (c >= 0x2000 && c < 0x2070) || c == 0xad || c == 0xa0 || c == 0xfeff;
        if ((!is_letter && !is_sign) || (c >= '0' && c <= '9'))
            return false;
        if (is_letter && count + 1 >= WORD_BYTES)
            return false;
        if (is_letter)
            word[count++] = (char)c;
    }
    word[count] = 0;
    return true;
}

/* What carriers take as an opt-out, LANGUAGE.md 6. */
static enum inbound_meaning meaning_of(struct str text)
{
    static const struct {
        const char *word;
        enum inbound_meaning meaning;
    } words[] = {{"stop", MEANS_STOP},    {"stopall", MEANS_STOP}, {"quit", MEANS_STOP},
                 {"end", MEANS_STOP},     {"cancel", MEANS_STOP},  {"unsubscribe", MEANS_STOP},
                 {"revoke", MEANS_STOP},  {"optout", MEANS_STOP},  {"start", MEANS_START},
                 {"unstop", MEANS_START}, {"help", MEANS_HELP},    {"info", MEANS_HELP}};
    char word[WORD_BYTES];
    for (size_t i = 0; read_word(text, word) && i < ARRAY_COUNT(words); i++)
        if (strcmp(word, words[i].word) == 0)
            return words[i].meaning;
    return MEANS_NOTHING;
}

/* Whom the texts to a number went to, newest first, each patient once. */
struct texted {
    uint64_t patients[TEXTS_LOOKED_AT];
    uint32_t count;
    uint64_t waiting, enrollment; /* the patient and enrollment that wait for a reply; 0 nobody */
};

static void note_patient(struct texted *texted, uint64_t patient)
{
    for (uint32_t i = 0; i < texted->count; i++)
        if (texted->patients[i] == patient)
            return;
    texted->patients[texted->count++] = patient;
}

static enum status find_texted(struct engine *engine, struct str phone, int64_t now_ms,
                               struct texted *texted)
{
    struct arena arena;
    struct outbox_row row;
    enum status status = STATUS_OK;
    *texted = (struct texted){0};
    arena_init(&arena, 0);
    for (uint32_t i = 0; i < TEXTS_LOOKED_AT && status == STATUS_OK; i++) {
        struct react r;
        int64_t texted_at_ms;
        arena_reset(&arena);
        status = store_outbox_text(engine->store, phone, i, &arena, &row);
        if (status != STATUS_OK)
            break;
        note_patient(texted, row.patient);
        if (texted->enrollment)
            continue;
        status = react_open(engine, (struct str){0}, row.patient, now_ms, &r);
        struct enrollment *e =
            status == STATUS_OK ? patient_enrollment(r.patient, row.enrollment) : NULL;
        /* Its last text went elsewhere: then it waits on another number. */
        if (e && react_awaits_reply(&r, e, &texted_at_ms) && texted_at_ms == row.handed_at_ms) {
            texted->waiting = row.patient;
            texted->enrollment = row.enrollment;
        }
    }
    arena_free(&arena);
    return status == STATUS_MISSING ? STATUS_OK : status;
}

static enum status tell(struct engine *engine, uint64_t patient, const char *event, struct str text,
                        uint64_t replier, int64_t now_ms)
{
    struct react r;
    enum status status = react_open(engine, (struct str){0}, patient, now_ms, &r);
    if (status != STATUS_OK)
        return status == STATUS_MISSING ? STATUS_OK : status;
    if (patient_due_ms(r.patient) < now_ms)
        react_time(&r);
    status = react_text(&r, event, text, replier);
    return status == STATUS_OK ? react_close(&r) : status;
}

/* Nobody knows whose it is. */
static enum status set_aside(struct engine *engine, const struct inbound *inbound, int64_t now_ms)
{
    struct buf raw;
    buf_init(&raw, 1 << 16);
    buf_c(&raw, "{\"From\":");
    json_put_text(&raw, inbound->from);
    buf_c(&raw, ",\"Body\":");
    json_put_text(&raw, inbound->text);
    buf_c(&raw, "}");
    enum status status = store_reject(engine->store, now_ms, 1, STR("From"),
                                      STR("no text has gone to this number"), buf_view(&raw));
    buf_free(&raw);
    return status;
}

enum status engine_text(struct engine *engine, const struct inbound *inbound, int64_t now_ms)
{
    enum seen seen;
    struct texted texted;
    struct str raw = inbound->text;
    struct store *store = engine->store;
    enum status status = store_is_seen(store, inbound->id, raw, &seen);
    if (status != STATUS_OK || seen != SEEN_NEW)
        return status;
    enum inbound_meaning meaning = inbound->meaning ? inbound->meaning : meaning_of(inbound->text);
    bool is_reply = meaning == MEANS_NOTHING || meaning == MEANS_START;
    if (meaning == MEANS_STOP)
        status = store_suppress(store, CHANNEL_SMS, inbound->from, now_ms, "said stop");
    else if (meaning == MEANS_START)
        status = store_unsuppress(store, CHANNEL_SMS, inbound->from);
    if (status == STATUS_OK)
        status = find_texted(engine, inbound->from, now_ms, &texted);
    if (status == STATUS_OK && !texted.count)
        status = set_aside(engine, inbound, now_ms);
    else if (status == STATUS_OK && is_reply && texted.enrollment)
        status = tell(engine, texted.waiting, EVENT_REPLIED, raw, texted.enrollment, now_ms);
    else if (status == STATUS_OK && is_reply)
        status = tell(engine, texted.patients[0], EVENT_REPLIED, raw, NOBODY, now_ms);
    for (uint32_t i = 0; status == STATUS_OK && !is_reply && i < texted.count; i++)
        status = tell(engine, texted.patients[i],
                      meaning == MEANS_STOP ? "message.opted_out" : "message.help_asked", raw,
                      NOBODY, now_ms);
    return status == STATUS_OK ? store_keep_seen(store, inbound->id, raw) : status;
}
