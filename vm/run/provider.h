/* provider.h: one attempt to send one message, and the providers that make it: SMTP, an API in
 * Twilio's form, webhooks by libcurl, and files. Sockets of all attempts stand in one epoll, which
 * the service's loop watches; nothing here waits.
 *
 *   flight_prepare   the content, from the outbox row as it was claimed; false: it can never be
 * sent providers_begin  bytes go out; FLIGHT_DONE at once or after some calls of providers_run
 *
 * A provider only says what an attempt came to (struct outcome); deliver.c records it. */
#ifndef CAMP_VM_RUN_PROVIDER_H
#define CAMP_VM_RUN_PROVIDER_H

#include "vm/run/deliver.h"

enum { SMTP_CONNECTIONS = 4, FLIGHTS = 512, CHANNELS = CHANNEL_WEBHOOK + 1 };

enum flight_phase { FLIGHT_FREE, FLIGHT_QUEUED, FLIGHT_FLYING, FLIGHT_DONE };
enum trouble {
    TROUBLE_NONE,
    TROUBLE_MESSAGE,    /* of this message alone */
    TROUBLE_PROVIDER,   /* it takes nothing now, or falls silent: others wait, too */
    TROUBLE_UNREACHABLE /* the same, and nothing has left: not counted as an attempt */
};

struct flight {
    enum flight_phase phase;
    uint8_t channel;
    uint32_t attempts;
    uint64_t id;
    unsigned char key[16];
    char key_text[33];     /* hex */
    int64_t claimed_at_ms; /* of the monotonic clock */
    struct flight *next;   /* of those that are DONE */
    struct flight **done;  /* the list that it joins when it ends */
    struct buf content;    /* a mail, a form, a body */
    struct buf addresses;  /* texts that end in NUL: see the offsets */
    size_t from_at, to_at, headers_at;
    uint32_t timeout_ms;
    bool is_allowed; /* a webhook to a host that the operator lists */
    bool has_body, has_flown;
    bool is_unfit;          /* it can never be sent */
    bool is_address_barred; /* an address that a webhook may not reach */
    bool is_answer_too_long;
    size_t answer_head_bytes;
    struct buf answer; /* body of an HTTP answer */
    void *easy, *lists;
    /* When DONE: */
    struct outcome outcome;
    enum trouble trouble;
    int64_t retry_after_ms; /* the provider asks for it; 0 none */
    const char *why;        /* words of ours, for the log; never a patient's data */
    long code;              /* the provider's, 0 none */
};

struct providers;
bool providers_open(struct providers **providers, const struct deliver_options *options);
void providers_close(struct providers *providers);
int providers_fd(const struct providers *providers); /* readable: providers_run has work */
/* Until providers_run has work without the descriptor's saying so; -1: not at all. */
int64_t providers_wait_ms(const struct providers *providers);
/* How much happened; 0: nothing, for now. */
int providers_run(struct providers *providers);

bool flight_prepare(struct providers *providers, struct flight *flight,
                    const struct program *program, const struct outbox_row *row,
                    struct str unsubscribe_url);
void providers_begin(struct providers *providers, struct flight *flight);
/* Ends what flies, as if the provider had fallen silent. */
void providers_abort(struct providers *providers, struct flight *flight);

/* How an attempt ended. */
void flight_end(struct flight *flight, enum outbox_state state, enum trouble trouble,
                const char *why);
/* provider_file.c. True: the message is in place already, whole. */
bool file_has(const struct deliver_options *options, const struct outbox_row *row);

#endif
