/* journal.c: what happens, written down in the transaction in which it happens, and counted by the
 * same entries, so that counts and journal cannot differ (INTERFACES.md 2, metrics). */
#include "vm/run/internal.h"

void engine_note(struct engine *engine, const struct journal_entry *entry)
{
    if (!engine->options.counts)
        return;
    journal_encode(&engine->journal, entry);
    store_count(engine->store, entry, 1);
}

void engine_note_message(struct engine *engine, uint32_t image, uint32_t message,
                         enum message_word word, uint64_t enrollment, uint64_t outbox,
                         struct str text)
{
    const struct program *program = engine_program_of(engine, image);
    bool is_test = outbox && !enrollment;
    if (!program || message >= program->image->message_count || is_test)
        return;
    struct journal_entry entry = {.kind = ENTRY_MESSAGE,
                                  .word = (uint8_t)word,
                                  .item = program->message_names[message],
                                  .image = image,
                                  .enrollment = enrollment,
                                  .outbox = outbox,
                                  .text = text};
    engine_note(engine, &entry);
}

void engine_note_row(struct engine *engine, const struct outbox_row *row, enum message_word word,
                     struct str text)
{
    engine_note_message(engine, row->image, row->message, word, row->enrollment, row->id, text);
}

enum status engine_tell_of(struct engine *engine, const struct outbox_row *row,
                           enum message_word word, struct str text, int64_t now_ms)
{
    struct react r;
    struct outbox_row copy = *row; /* its texts end with the slice that react_open begins */
    enum status status = react_open(engine, (struct str){0}, row->patient, now_ms, &r);
    if (status != STATUS_OK)
        return status;
    engine_note_row(engine, &copy, word, text);
    return react_keep(&r);
}

enum message_word word_of_state(enum outbox_state state)
{
    switch (state) {
    case OUTBOX_DRAFT:
        return WORD_DRAFTED;
    case OUTBOX_PENDING:
    case OUTBOX_CLAIMED:
        return WORD_HANDED_OVER;
    case OUTBOX_RETRY:
        return WORD_RETRIED;
    case OUTBOX_SENT:
        return WORD_SENT;
    case OUTBOX_UNKNOWN:
        return WORD_UNKNOWN;
    case OUTBOX_HELD:
        return WORD_HELD;
    case OUTBOX_DELIVERED:
        return WORD_DELIVERED;
    case OUTBOX_BOUNCED:
        return WORD_BOUNCED;
    case OUTBOX_FAILED:
        return WORD_FAILED;
    case OUTBOX_REJECTED:
        return WORD_REJECTED;
    case OUTBOX_EXPIRED:
        return WORD_EXPIRED;
    case OUTBOX_CANCELLED:
        return WORD_CANCELLED;
    case OUTBOX_SKIPPED:
        return WORD_SKIPPED;
    case OUTBOX_CAPPED:
        return WORD_CAPPED;
    }
    return WORD_FAILED;
}

static struct str skip_text(enum skip_reason reason)
{
    static const char *const words[] = {[SKIP_NONE] = "",
                                        [SKIP_ADDRESS] = "no address",
                                        [SKIP_SUBSCRIPTION] = "not subscribed",
                                        [SKIP_CONSENT] = "no consent",
                                        [SKIP_BLANK] = "a value is unknown",
                                        [SKIP_EXPIRED] = "expired",
                                        [SKIP_DECEASED] = "deceased"};
    return str_of((size_t)reason < ARRAY_COUNT(words) && words[reason] ? words[reason] : "");
}

static void note_letter(struct engine *engine, const struct notice *n)
{
    static const uint8_t words[] = {
        [VERDICT_SEND] = WORD_HANDED_OVER, [VERDICT_DRAFT] = WORD_DRAFTED,
        [VERDICT_SKIPPED] = WORD_SKIPPED,  [VERDICT_CAPPED] = WORD_CAPPED,
        [VERDICT_EXPIRED] = WORD_EXPIRED,  [VERDICT_CANCELLED] = WORD_CANCELLED,
        [VERDICT_FAILED] = WORD_FAILED,    [VERDICT_HOLDOUT] = WORD_WITHHELD};
    const struct letter *letter = n->letter;
    if ((size_t)letter->verdict < ARRAY_COUNT(words) && words[letter->verdict])
        engine_note_message(engine, n->program->number, letter->message,
                            (enum message_word)words[letter->verdict], n->enrollment, n->outbox,
                            letter->fault.len ? letter->fault : skip_text(letter->skip));
}

static void note(struct engine *engine, const struct notice *n)
{
    struct journal_entry entry = {.item = n->program->campaign_names[n->campaign],
                                  .image = n->program->number,
                                  .enrollment = n->enrollment,
                                  .text = n->text};
    switch (n->kind) {
    case NOTICE_TRIGGERED:
        entry.kind = ENTRY_TRIGGERED;
        break;
    case NOTICE_REFUSED:
        entry.kind = ENTRY_REFUSED;
        break;
    case NOTICE_TURNED_AWAY:
        entry.kind = ENTRY_TURNED_AWAY;
        break;
    case NOTICE_FILTERED:
        entry.kind = ENTRY_FILTERED;
        break;
    case NOTICE_ENTERED:
        entry.kind = n->is_holdout ? ENTRY_HELD_OUT : ENTRY_STARTED;
        break;
    case NOTICE_STEP:
        entry.kind = ENTRY_STEP;
        entry.item = n->program->step_names[n->step];
        break;
    case NOTICE_GOAL:
        entry.kind = ENTRY_CONVERTED;
        break;
    case NOTICE_ENDED:
        entry.kind = n->is_early ? ENTRY_EXITED : ENTRY_COMPLETED;
        break;
    case NOTICE_FAULT:
        entry.kind = ENTRY_FAULT;
        break;
    case NOTICE_MESSAGE:
        note_letter(engine, n);
        return;
    }
    engine_note(engine, &entry);
}

void engine_notice(struct engine *engine, const struct notice *notice)
{
    if (engine->options.counts)
        note(engine, notice);
    if (engine->observe)
        engine->observe(engine->observer, notice);
}

void react_journal(struct react *r)
{
    struct engine *engine = r->engine;
    struct store_journal row = {.patient = r->patient->key,
                                .previous = r->patient->last_journal,
                                .at_ms = r->now_ms,
                                .data = buf_view(&engine->journal)};
    if (engine->journal.failed)
        react_lose(r, STATUS_LIMIT);
    if (!row.data.len)
        return;
    react_lose(r, store_journal_add(engine->store, &row));
    r->patient->last_journal = row.id;
    buf_reset(&engine->journal);
}

/* Until the enrollment's beginning: was a message handed over? *found: its beginning stands here.
 */
static bool tells_of_message(struct str data, uint64_t enrollment, bool *found)
{
    struct reader in = reader_of(data);
    struct journal_entry entry;
    bool was_messaged = false;
    while (journal_decode(&in, &entry)) {
        if (entry.enrollment != enrollment)
            continue;
        was_messaged |= entry.kind == ENTRY_MESSAGED;
        *found |= entry.kind == ENTRY_STARTED || entry.kind == ENTRY_HELD_OUT;
    }
    return was_messaged;
}

void react_messaged(struct react *r, const struct program *program, uint32_t message,
                    uint64_t enrollment)
{
    struct engine *engine = r->engine;
    const struct image_message *m = &program->image->messages[message];
    struct journal_entry entry = {.kind = ENTRY_MESSAGED,
                                  .item = program->campaign_names[m->campaign],
                                  .image = program->number,
                                  .enrollment = enrollment};
    if (!engine->options.counts || m->is_notice || m->channel == CHANNEL_WEBHOOK)
        return;
    bool found = false, was = tells_of_message(buf_view(&engine->journal), enrollment, &found);
    struct arena walk; /* the way back may be long, and the slice's room is everybody's */
    arena_init(&walk, 0);
    for (uint64_t id = r->patient->last_journal; id && !found && !was;) {
        struct store_journal row;
        arena_reset(&walk);
        if (store_journal_get(engine->store, id, &walk, &row) != STATUS_OK)
            break;
        was = tells_of_message(row.data, enrollment, &found);
        id = row.previous;
    }
    arena_free(&walk);
    if (!was)
        engine_note(engine, &entry);
}

/* --- who waits where --- */

static void count_wait(struct react *r, const struct waiting *w, int64_t by)
{
    const struct program *program = engine_program_of(r->engine, w->image);
    if (program && w->resume < program->image->wait_count)
        store_count_waiting(r->engine->store,
                            program->step_names[program->image->waits[w->resume].step], w->image,
                            w->since_ms, by);
}

struct waiting *who_waits(struct react *r, uint32_t *count)
{
    const struct patient *p = r->patient;
    struct waiting *list = arena_array(&r->engine->slice, p->enrollments_count + 1, sizeof *list);
    *count = 0;
    for (uint32_t i = 0; list && i < p->enrollments_count; i++) {
        const struct enrollment *e = &p->enrollments[i];
        if (e->state == ENROLLMENT_PARKED)
            list[(*count)++] = (struct waiting){e->id, e->image, e->resume, e->wait_began_ms};
    }
    return list;
}

/* Both lists stand by entry. */
void count_waiting(struct react *r)
{
    uint32_t count, k = 0;
    const struct waiting *now = who_waits(r, &count);
    for (uint32_t i = 0; i < count; i++) {
        while (k < r->waiting_count && r->waiting[k].enrollment < now[i].enrollment)
            count_wait(r, &r->waiting[k++], -1);
        const struct waiting *was =
            k < r->waiting_count && r->waiting[k].enrollment == now[i].enrollment ? &r->waiting[k++]
                                                                                  : NULL;
        if (was && was->resume == now[i].resume && was->image == now[i].image &&
            was->since_ms == now[i].since_ms)
            continue;
        if (was)
            count_wait(r, was, -1);
        count_wait(r, &now[i], 1);
    }
    for (; k < r->waiting_count; k++)
        count_wait(r, &r->waiting[k], -1);
}
