/* inbound.c: a text that came in. The texts that went to its number are found by a hash of the
 * number, newest first; it goes to the enrollment of the newest one that waits for a reply (F4). */
#include "vm/base/utf8.h"
#include "vm/run/internal.h"

enum { TEXTS_LOOKED_AT = 64, WORD_BYTES = 16 };

enum meaning { MEANS_NOTHING, MEANS_STOP, MEANS_START, MEANS_HELP };

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
static enum meaning meaning_of(struct str text)
{
    static const struct {
        const char *word;
        enum meaning meaning;
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

/* STATUS_OK with *enrollment 0 when nobody waits on that number. */
static enum status find_waiting(struct engine *engine, struct str phone, int64_t now_ms,
                                uint64_t *patient, uint64_t *enrollment)
{
    struct arena arena;
    struct outbox_row row;
    enum status status = STATUS_OK;
    *enrollment = 0;
    arena_init(&arena, 0);
    for (uint32_t i = 0; i < TEXTS_LOOKED_AT && status == STATUS_OK && !*enrollment; i++) {
        struct react r;
        int64_t texted_at_ms;
        arena_reset(&arena);
        status = store_outbox_text(engine->store, phone, i, &arena, &row);
        if (status == STATUS_OK)
            status = react_open(engine, (struct str){0}, row.patient, now_ms, &r);
        struct enrollment *e =
            status == STATUS_OK ? patient_enrollment(r.patient, row.enrollment) : NULL;
        /* Its last text went elsewhere: then it waits on another number. */
        if (e && react_awaits_reply(&r, e, &texted_at_ms) && texted_at_ms == row.handed_at_ms) {
            *patient = row.patient;
            *enrollment = row.enrollment;
        }
    }
    arena_free(&arena);
    return status == STATUS_MISSING ? STATUS_OK : status;
}

static enum status pass_on(struct engine *engine, const struct inbound *inbound, int64_t now_ms)
{
    struct react r;
    uint64_t patient, enrollment;
    enum status status = find_waiting(engine, inbound->from, now_ms, &patient, &enrollment);
    if (status != STATUS_OK || !enrollment)
        return status;
    status = react_open(engine, (struct str){0}, patient, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    if (patient_due_ms(r.patient) < now_ms)
        react_time(&r);
    struct happening happening = {.reply = &inbound->text, .replier = enrollment};
    react_to(&r, &happening);
    return react_close(&r);
}

enum status engine_text(struct engine *engine, const struct inbound *inbound, int64_t now_ms)
{
    enum seen seen;
    struct str raw = inbound->text;
    struct store *store = engine->store;
    enum status status = store_is_seen(store, inbound->id, raw, &seen);
    if (status != STATUS_OK || seen != SEEN_NEW)
        return status;
    enum meaning meaning = meaning_of(inbound->text);
    if (meaning == MEANS_STOP)
        status = store_suppress(store, CHANNEL_SMS, inbound->from, now_ms, "said stop");
    else if (meaning == MEANS_START)
        status = store_unsuppress(store, CHANNEL_SMS, inbound->from);
    if (status == STATUS_OK && (meaning == MEANS_NOTHING || meaning == MEANS_START))
        status = pass_on(engine, inbound, now_ms);
    return status == STATUS_OK ? store_keep_seen(store, inbound->id, raw) : status;
}
