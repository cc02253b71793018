/* deliver.c: see deliver.h. */
#include "vm/run/deliver.h"

#include <stdio.h>

#include "vm/base/clock.h"
#include "vm/base/hash.h"
#include "vm/base/log.h"
#include "vm/run/mime.h"
#include "vm/run/provider.h"
#include "vm/run/track.h"

enum {
    MAIL_ROOM = 384, /* claimed at most, by channel */
    OTHER_ROOM = 64,
    FIRST_ROOM = 16,
    RECORD_AT = 128, /* results that are worth a commit at once */
    RECORD_MS = 20,  /* others wait this long for more */
    TURNS = 32,      /* of the sockets, before the service's other work */
    ROWS_A_TURN = 8, /* of a transaction, before the sockets have one */
    SOON_MS = 500,
    STALE_MS = 5000 /* what waited so long for its turn is asked again */
};
/* Tries follow each other after 30 s, 1, 2, 4 … minutes, at most an hour: three days for a message,
 * three hours for a webhook, whose enrollment waits. */
enum { FIRST_RETRY_MS = 30000, LONGEST_RETRY_MS = 3600000, MOST_TRIES = 80, MOST_CALLS = 10 };
/* While nothing gets through to a provider, one attempt is made at such distances. */
enum { FIRST_PAUSE_MS = 500, LONGEST_PAUSE_MS = 60000 };

struct lane { /* of one channel */
    uint16_t queue[MAIL_ROOM];
    uint32_t first, queued, flying, done;
    uint32_t claimed;                  /* of the queued, the last: not committed yet */
    uint32_t room;                     /* grows while what is claimed is soon begun */
    int64_t asked_ms;                  /* when some were claimed last */
    int64_t pause_ms, paused_until_ms; /* of the monotonic clock */
};
struct delivery {
    struct engine *engine;
    struct store *store;
    const struct deliver_options *options;
    struct providers *providers;
    struct arena arena; /* of one row */
    struct lane lanes[CHANNELS];
    struct flight *ended;     /* since the last look */
    struct flight *judged;    /* to be recorded */
    struct flight *recording; /* being recorded: the transaction is open */
    struct flight flights[FLIGHTS];
    uint16_t free[FLIGHTS];
    uint32_t free_count;
    uint64_t ended_count;
    int64_t record_at_ms; /* of the monotonic clock */
    bool is_draining;
};

struct delivery *deliver_open(struct engine *engine, struct store *store,
                              const struct deliver_options *options, const char **error)
{
    struct delivery *d = heap_alloc(sizeof *d);
    *d = (struct delivery){.engine = engine, .store = store, .options = options};
    arena_init(&d->arena, 0);
    for (uint32_t i = 0; i < CHANNELS; i++)
        d->lanes[i].room = FIRST_ROOM;
    for (uint32_t i = 0; i < FLIGHTS; i++)
        d->free[d->free_count++] = (uint16_t)i;
    *error = "libcurl cannot be set up";
    if (providers_open(&d->providers, options))
        return d;
    heap_release(d);
    return NULL;
}

static void release(struct delivery *d, struct flight *flight)
{
    buf_free(&flight->content);
    buf_free(&flight->addresses);
    buf_free(&flight->answer);
    *flight = (struct flight){.phase = FLIGHT_FREE};
    d->free[d->free_count++] = (uint16_t)(flight - d->flights);
}

void deliver_close(struct delivery *d)
{
    if (!d)
        return;
    for (uint32_t i = 0; i < FLIGHTS; i++) {
        if (d->flights[i].phase == FLIGHT_FLYING)
            providers_abort(d->providers, &d->flights[i]);
        if (d->flights[i].phase != FLIGHT_FREE)
            release(d, &d->flights[i]);
    }
    providers_close(d->providers);
    arena_free(&d->arena);
    heap_release(d);
}

int deliver_fd(const struct delivery *d)
{
    return providers_fd(d->providers);
}

bool deliver_is_busy(const struct delivery *d)
{
    return d->free_count < FLIGHTS;
}

uint64_t deliver_ended(const struct delivery *d)
{
    return d->ended_count;
}

static uint32_t room_of(uint8_t channel)
{
    return channel == CHANNEL_EMAIL ? MAIL_ROOM : OTHER_ROOM;
}

static bool is_file(const struct delivery *d, uint8_t channel)
{
    const char *url = channel == CHANNEL_EMAIL ? d->options->email : d->options->sms;
    return channel != CHANNEL_WEBHOOK && strncmp(url, "file://", 7) == 0;
}

static uint32_t flying_most(const struct delivery *d, uint8_t channel)
{
    return is_file(d, channel) ? MAIL_ROOM : channel == CHANNEL_EMAIL ? SMTP_CONNECTIONS : 16;
}

/* --- results --- */

static uint32_t most_tries(uint8_t channel)
{
    return channel == CHANNEL_WEBHOOK ? MOST_CALLS : MOST_TRIES;
}

/* Doubling, a fifth more or less, and never before the provider wants to hear of us. */
static int64_t backoff_ms(const struct flight *flight)
{
    uint32_t random, times = flight->attempts > 10 ? 10 : flight->attempts;
    int64_t ms = FIRST_RETRY_MS;
    for (uint32_t i = 1; i < times && ms < LONGEST_RETRY_MS; i++)
        ms *= 2;
    ms = ms > LONGEST_RETRY_MS ? LONGEST_RETRY_MS : ms;
    random_bytes(&random, sizeof random);
    ms = ms * 4 / 5 + (int64_t)((double)random / 4294967296.0 * 2 / 5 * (double)ms);
    int64_t asked_ms =
        flight->retry_after_ms > LONGEST_RETRY_MS ? LONGEST_RETRY_MS : flight->retry_after_ms;
    return asked_ms > ms ? asked_ms : ms;
}

static void log_attempt(const struct flight *flight)
{
    char id[24], code[24];
    snprintf(id, sizeof id, "%llu", (unsigned long long)flight->id);
    snprintf(code, sizeof code, "%ld", flight->code);
    log_line(LOG_WARN, "not sent", "message", id, "state", outbox_word(flight->outcome.state),
             "why", flight->why ? flight->why : "", "code", code, NULL);
}

/* What becomes of it: how long it waits, whether it was tried often enough. */
static void judge(struct delivery *d, struct flight *flight, int64_t now_ms)
{
    struct outcome *o = &flight->outcome;
    if (o->state == OUTBOX_SENT)
        return;
    bool is_last = flight->attempts >= most_tries(flight->channel);
    o->holds_unknown = flight->channel == CHANNEL_EMAIL ? !d->options->retries_unknown_email
                       : flight->channel == CHANNEL_SMS ? !d->options->retries_unknown_sms
                                                        : false;
    if (is_last && o->state == OUTBOX_UNKNOWN && flight->channel == CHANNEL_WEBHOOK)
        o->state = OUTBOX_FAILED;
    o->holds_unknown |= is_last;
    if (is_last && o->state == OUTBOX_RETRY)
        o->state = OUTBOX_FAILED;
    o->try_at_ms = now_ms + backoff_ms(flight);
    bool has_lane = flight->channel != CHANNEL_WEBHOOK;
    o->is_unused |= flight->trouble == TROUBLE_UNREACHABLE && has_lane;
    if (o->is_unused)
        o->state = OUTBOX_RETRY;
    if (!(o->is_unused && flight->trouble == TROUBLE_NONE))
        log_attempt(flight);
}

/* One attempt at a time while the provider cannot be reached, all of them again after a success. */
static void note_trouble(struct delivery *d, const struct flight *flight)
{
    struct lane *lane = &d->lanes[flight->channel];
    if (flight->channel == CHANNEL_WEBHOOK ||
        (flight->outcome.is_unused && flight->trouble == TROUBLE_NONE))
        return;
    if (flight->trouble < TROUBLE_PROVIDER) {
        lane->pause_ms = 0;
        return;
    }
    if (monotonic_ms() < lane->paused_until_ms)
        return;
    lane->pause_ms = lane->pause_ms ? lane->pause_ms * 2 : FIRST_PAUSE_MS;
    if (lane->pause_ms > LONGEST_PAUSE_MS)
        lane->pause_ms = LONGEST_PAUSE_MS;
    lane->paused_until_ms = monotonic_ms() + lane->pause_ms;
}

static enum status record(struct delivery *d, const struct flight *flight, int64_t now_ms)
{
    bool is_final = flight->outcome.state == OUTBOX_SENT || flight->outcome.state == OUTBOX_FAILED;
    if (flight->outcome.is_unused)
        return store_outbox_return(d->store, flight->id, now_ms);
    if (flight->channel == CHANNEL_WEBHOOK && is_final)
        return engine_answer(d->engine, flight->id,
                             flight->outcome.state == OUTBOX_SENT ? buf_view(&flight->answer)
                                                                  : (struct str){0},
                             now_ms);
    return engine_sent(d->engine, flight->id, &flight->outcome, now_ms);
}

/* A result that cannot be recorded must not hold up the others. */
static enum status record_alone(struct delivery *d, struct flight *flight, int64_t now_ms)
{
    struct outcome failed = {.state = OUTBOX_FAILED};
    for (int attempt = 0; attempt < 2; attempt++) {
        enum status status = engine_begin(d->engine);
        if (status == STATUS_OK)
            status = attempt ? engine_sent(d->engine, flight->id, &failed, now_ms)
                             : record(d, flight, now_ms);
        if (status == STATUS_OK)
            status = engine_commit(d->engine);
        if (status == STATUS_OK)
            return status;
        engine_rollback(d->engine);
        if (status == STATUS_IO || status == STATUS_FULL || status == STATUS_BUSY)
            return status;
        log_line(LOG_ERROR, "a result cannot be recorded", "why", engine_error(d->engine), NULL);
    }
    return STATUS_OK;
}

/* What has ended since: judged once, then kept until it is recorded. */
static void take_ended(struct delivery *d, int64_t now_ms)
{
    while (d->ended) {
        struct flight *flight = d->ended;
        struct lane *lane = &d->lanes[flight->channel];
        d->ended = flight->next;
        flight->next = d->judged;
        d->judged = flight;
        lane->flying -= flight->has_flown;
        lane->done++;
        d->ended_count++;
        judge(d, flight, now_ms);
        note_trouble(d, flight);
    }
}

/* --- claims --- */

static void fill(struct delivery *d, const struct outbox_row *row)
{
    struct flight *flight = &d->flights[d->free[--d->free_count]];
    const struct program *program = engine_image(d->engine, row->image);
    uint32_t topic = program->image->messages[row->message].topic;
    struct str url = {0};
    struct buf hex;
    *flight = (struct flight){.phase = FLIGHT_QUEUED,
                              .channel = row->channel,
                              .attempts = row->attempts + 1,
                              .id = row->id,
                              .claimed_at_ms = monotonic_ms(),
                              .done = &d->ended};
    memcpy(flight->key, row->key, sizeof flight->key);
    buf_init(&hex, 64);
    buf_hex(&hex, (struct str){(const char *)row->key, sizeof row->key});
    memcpy(flight->key_text, hex.data, 32);
    buf_free(&hex);
    if (row->channel == CHANNEL_EMAIL && topic != IMAGE_NONE && row->enrollment)
        url = engine_unsubscribe_url(d->engine, &d->arena,
                                     &(struct unsubscribe){.patient = row->patient,
                                                           .enrollment = row->enrollment,
                                                           .topic = program->topic_names[topic],
                                                           .image = row->image,
                                                           .message = row->message});
    struct outbox_row sent = *row;
    bool is_notice = program->image->messages[row->message].is_notice;
    if (row->channel == CHANNEL_EMAIL && row->html.len && !is_notice && !d->options->leaves_links)
        sent.html = track_html(d->engine, &d->arena, row);
    /* The plain part is made from what the author wrote. */
    if (sent.html.at != row->html.at && !row->text.at)
        sent.text = mime_text(&d->arena, row->html);
    flight->is_unfit = !flight_prepare(d->providers, flight, program, &sent, url);
    struct lane *lane = &d->lanes[row->channel];
    lane->queue[(lane->first + lane->queued++) % MAIL_ROOM] = (uint16_t)(flight - d->flights);
    lane->claimed++;
}

/* How many rows of the channel may be claimed now. */
static uint32_t wanted(const struct delivery *d, uint8_t channel)
{
    const struct lane *lane = &d->lanes[channel];
    uint32_t used = lane->queued + lane->flying + lane->done, room = lane->room;
    if (d->is_draining || monotonic_ms() < lane->paused_until_ms)
        return 0;
    if (lane->pause_ms)
        room = 1;
    if (used >= room)
        return 0;
    return room - used < d->free_count ? room - used : d->free_count;
}

static bool has_due(const struct delivery *d, uint8_t channel, int64_t now_ms)
{
    return store_outbox_due_at(d->store, channel) <= now_ms && wanted(d, channel);
}

/* Soon nothing is left to begin: a commit for new claims alone is worth it. */
static bool is_hungry(const struct delivery *d, uint8_t channel, int64_t now_ms)
{
    return d->lanes[channel].queued <= d->lanes[channel].room / 4 && has_due(d, channel, now_ms);
}

/* What the rolled back transaction had claimed. */
static void forget_claims(struct delivery *d)
{
    for (uint32_t c = 1; c < CHANNELS; c++)
        for (struct lane *lane = &d->lanes[c]; lane->claimed; lane->claimed--)
            release(d, &d->flights[lane->queue[(lane->first + --lane->queued) % MAIL_ROOM]]);
}

static void begin_queued(struct delivery *d, uint8_t channel)
{
    struct lane *lane = &d->lanes[channel];
    int64_t now_ms = monotonic_ms();
    while (lane->queued > lane->claimed && lane->flying < flying_most(d, channel)) {
        struct flight *flight = &d->flights[lane->queue[lane->first]];
        lane->first = (lane->first + 1) % MAIL_ROOM;
        lane->queued--;
        lane->flying++;
        flight->phase = FLIGHT_FLYING;
        flight->has_flown = true;
        if (flight->is_unfit)
            flight_end(flight, OUTBOX_FAILED, TROUBLE_MESSAGE,
                       flight->why ? flight->why : "it cannot be written as a message");
        else
            providers_begin(d->providers, flight);
    }
    /* Nothing of them has left: asked anew, with the checks of that moment. */
    while (lane->queued > lane->claimed) {
        struct flight *flight = &d->flights[lane->queue[lane->first]];
        if (!d->is_draining && now_ms - flight->claimed_at_ms < STALE_MS)
            break;
        lane->first = (lane->first + 1) % MAIL_ROOM;
        lane->queued--;
        lane->room = flying_most(d, channel) < FIRST_ROOM ? flying_most(d, channel) : FIRST_ROOM;
        flight->outcome.is_unused = true;
        flight_end(flight, OUTBOX_RETRY, TROUBLE_NONE, "its turn did not come");
    }
}

static bool is_time_to_record(const struct delivery *d)
{
    uint32_t done = 0, open = 0;
    for (uint32_t c = 1; c < CHANNELS; c++) {
        done += d->lanes[c].done;
        open += d->lanes[c].queued + d->lanes[c].flying;
    }
    return done && (done >= RECORD_AT || !open || monotonic_ms() >= d->record_at_ms);
}

static void begin_all(struct delivery *d, int64_t now_ms)
{
    bool was_empty = !d->judged;
    for (uint8_t c = 1; c < CHANNELS; c++)
        if (d->lanes[c].queued)
            begin_queued(d, c);
    take_ended(d, now_ms);
    if (was_empty && d->judged)
        d->record_at_ms = monotonic_ms() + RECORD_MS;
}

/* --- a transaction, while the sockets go on --- */

/* Providers work while we do: what has come meanwhile is answered between the rows. */
static void turn(struct delivery *d, uint32_t row, int64_t now_ms)
{
    if (row % ROWS_A_TURN == 0 && providers_run(d->providers))
        begin_all(d, now_ms);
}

static enum status record_all(struct delivery *d, int64_t now_ms)
{
    enum status status = STATUS_OK;
    uint32_t row = 0;
    for (struct flight *f = d->recording; f && status == STATUS_OK; f = f->next) {
        status = record(d, f, now_ms);
        turn(d, ++row, now_ms);
    }
    return status;
}

static enum status claim(struct delivery *d, uint8_t channel, int64_t now_ms)
{
    struct lane *lane = &d->lanes[channel];
    int64_t mono_ms = monotonic_ms();
    bool is_soon = mono_ms - lane->asked_ms < SOON_MS && lane->queued <= lane->room / 2;
    if (is_soon && lane->room < room_of(channel))
        lane->room = lane->room * 2 < room_of(channel) ? lane->room * 2 : room_of(channel);
    lane->asked_ms = mono_ms;
    uint32_t most = wanted(d, channel);
    for (uint32_t i = 0; i < most;) {
        struct outbox_row row;
        enum outbox_state became;
        arena_reset(&d->arena);
        enum status status = store_outbox_due(d->store, channel, now_ms, &d->arena, &row);
        if (status != STATUS_OK)
            return status == STATUS_MISSING ? STATUS_OK : status;
        status = engine_claim_row(d->engine, &row, now_ms, &became);
        if (status == STATUS_CORRUPT || status == STATUS_MISSING) {
            log_line(LOG_ERROR, "a message cannot be claimed and is set aside", NULL);
            status = store_outbox_defer(d->store, &row, INT64_MAX);
            became = OUTBOX_PENDING;
        }
        if (status != STATUS_OK)
            return status;
        if (became == OUTBOX_CLAIMED) {
            fill(d, &row);
            turn(d, ++i, now_ms);
        }
    }
    return STATUS_OK;
}

static enum status record_and_claim(struct delivery *d, int64_t now_ms, bool may_claim)
{
    while (d->judged) {
        struct flight *flight = d->judged;
        d->judged = flight->next;
        flight->next = d->recording;
        d->recording = flight;
    }
    enum status status = engine_begin(d->engine);
    if (status == STATUS_OK)
        status = record_all(d, now_ms);
    /* The places of what is recorded are taken only when this commits. */
    for (uint8_t c = 1; may_claim && c < CHANNELS && status == STATUS_OK; c++)
        if (has_due(d, c, now_ms))
            status = claim(d, c, now_ms);
    if (status == STATUS_OK)
        status = engine_commit(d->engine);
    if (status != STATUS_OK) {
        engine_rollback(d->engine);
        forget_claims(d);
    }
    for (uint8_t c = 1; c < CHANNELS; c++)
        d->lanes[c].claimed = 0;
    bool is_alone = status != STATUS_OK && status != STATUS_IO && status != STATUS_FULL;
    while (d->recording) {
        struct flight *flight = d->recording;
        if (is_alone)
            status = record_alone(d, flight, now_ms);
        if (status != STATUS_OK)
            return status;
        d->recording = flight->next;
        d->lanes[flight->channel].done--;
        release(d, flight);
    }
    return status;
}

enum status deliver(struct delivery *d, int64_t now_ms, bool may_claim)
{
    may_claim &= engine_program(d->engine) != NULL;
    enum status status = STATUS_OK;
    bool hungry = false;
    take_ended(d, now_ms);
    for (int i = 0, happened = 1; i < TURNS && happened; i++) {
        happened = providers_run(d->providers);
        begin_all(d, now_ms);
    }
    for (uint8_t c = 1; c < CHANNELS; c++)
        hungry |= may_claim && is_hungry(d, c, now_ms);
    if (hungry || is_time_to_record(d)) {
        status = record_and_claim(d, now_ms, may_claim);
        begin_all(d, now_ms);
    }
    return status;
}

int64_t deliver_wait_ms(const struct delivery *d, int64_t now_ms, double rate)
{
    int64_t wait_ms = providers_wait_ms(d->providers), mono_ms = monotonic_ms();
    wait_ms = wait_ms < 0 ? INT64_MAX : wait_ms;
    for (uint8_t c = 1; c < CHANNELS; c++) {
        const struct lane *lane = &d->lanes[c];
        int64_t due_ms = store_outbox_due_at(d->store, c), this_ms = INT64_MAX;
        bool has_program = engine_program(d->engine) != NULL;
        if (lane->done && wait_ms > RECORD_MS)
            wait_ms = lane->flying || lane->queued ? RECORD_MS : 0;
        if (lane->queued && wait_ms > STALE_MS)
            wait_ms = STALE_MS;
        if (!has_program || d->is_draining)
            continue;
        if (is_hungry(d, c, now_ms))
            this_ms = 0;
        else if (due_ms <= now_ms && lane->paused_until_ms > mono_ms)
            this_ms = lane->paused_until_ms - mono_ms;
        else if (due_ms > now_ms && due_ms < INT64_MAX && rate > 0)
            this_ms = (int64_t)((double)(due_ms - now_ms) / rate) + 1;
        wait_ms = this_ms < wait_ms ? this_ms : wait_ms;
    }
    return wait_ms;
}

int64_t deliver_due_after(const struct delivery *d, int64_t after_ms)
{
    int64_t first_ms = INT64_MAX;
    for (uint8_t c = 1; c < CHANNELS; c++) {
        int64_t due_ms = store_outbox_due_at(d->store, c);
        if (due_ms > after_ms && due_ms < first_ms)
            first_ms = due_ms;
    }
    return first_ms;
}

enum status deliver_drain(struct delivery *d, int64_t now_ms)
{
    d->is_draining = true;
    return deliver(d, now_ms, false);
}

/* --- after a restart --- */

static enum status recover_one(struct delivery *d, const struct outbox_row *row, int64_t now_ms)
{
    struct outcome outcome = {.state = OUTBOX_UNKNOWN, .try_at_ms = now_ms};
    if (is_file(d, row->channel)) {
        outcome.state = file_has(d->options, row) ? OUTBOX_SENT : OUTBOX_RETRY;
    } else if (row->channel == CHANNEL_WEBHOOK) {
        if (row->attempts >= MOST_CALLS)
            return engine_answer(d->engine, row->id, (struct str){0}, now_ms);
    } else {
        outcome.holds_unknown = row->channel == CHANNEL_EMAIL ? !d->options->retries_unknown_email
                                                              : !d->options->retries_unknown_sms;
        outcome.holds_unknown |= row->attempts >= MOST_TRIES;
    }
    return engine_sent(d->engine, row->id, &outcome, now_ms);
}

enum status deliver_recover(struct delivery *d, int64_t now_ms)
{
    uint64_t cursor = 0;
    for (bool is_end = false; !is_end;) {
        enum status status = engine_begin(d->engine);
        for (uint32_t i = 0; i < MAIL_ROOM && status == STATUS_OK; i++) {
            struct outbox_row row;
            arena_reset(&d->arena);
            status = store_outbox_next(d->store, OUTBOX_CLAIMED, cursor, &d->arena, &row);
            is_end = status == STATUS_MISSING;
            if (status != STATUS_OK)
                break;
            cursor = row.id;
            status = recover_one(d, &row, now_ms);
        }
        if (status == STATUS_OK || is_end)
            status = engine_commit(d->engine);
        else
            engine_rollback(d->engine);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}
