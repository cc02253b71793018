/* provider_internal.h: what the provider files share. */
#ifndef CAMP_VM_RUN_PROVIDER_INTERNAL_H
#define CAMP_VM_RUN_PROVIDER_INTERNAL_H

#include <curl/curl.h>

#include "vm/run/provider.h"

enum { NAME_S = 10 }; /* so long an address of a name is remembered */
enum { ANSWER_BYTES = 64 << 10, CONTENT_BYTES = 8 << 20 };

enum smtp_state {
    SMTP_CLOSED,
    SMTP_CONNECTING, /* libcurl's, up to its login */
    SMTP_IDLE,
    SMTP_MAIL, /* what is being answered */
    SMTP_RCPT,
    SMTP_DATA,
    SMTP_DOT,
    SMTP_CANCEL, /* a dot at once: the recipient was refused, and DATA was not */
    SMTP_RESET
};
struct smtp_line { /* a connection */
    enum smtp_state state;
    CURL *easy; /* owns the socket; NULL: CLOSED */
    int fd;     /* -1: not ours yet */
    bool has_pipelining, is_used, is_writing;
    struct flight *flight; /* NULL: IDLE or CLOSED */
    struct str out;        /* that is still to leave, of the flight's memory */
    long refusal;          /* the first no to this mail; 0 none */
    int64_t deadline_ms;   /* of the monotonic clock */
    size_t reply_bytes;
    char reply[4096];
};
struct providers {
    const struct deliver_options *options;
    CURLM *multi;
    int epoll;
    int64_t timer_at_ms; /* of the monotonic clock; -1 none */
    struct smtp_line smtp[SMTP_CONNECTIONS];
};

/* Where an address that ends in NUL was put in the flight's memory. */
static inline const char *flight_text(const struct flight *flight, size_t at)
{
    return (const char *)flight->addresses.data + at;
}
size_t flight_keep(struct flight *flight, struct str text);

/* An easy handle with what holds for every HTTP request: no redirects, no proxy, bounds on time and
 * size; `may_repeat`: whoever gets it twice takes it once, so that a connection may be used again.
 * NULL: out of memory. */
CURL *http_handle(struct providers *providers, struct flight *flight, const char *url,
                  int64_t timeout_ms, bool may_repeat);
/* What went wrong below HTTP; false: there is a whole answer, or enough of it. */
bool http_judge_transport(struct flight *flight, CURLcode code);
void fly(struct providers *providers, struct flight *flight);

/* Each sets up, and judges when libcurl is done. */
void smtp_open(struct providers *providers);
void smtp_close(struct providers *providers);
bool smtp_prepare(struct flight *flight, const struct program *program,
                  const struct outbox_row *row, struct str unsubscribe_url);
void smtp_begin(struct providers *providers, struct flight *flight);
void smtp_connected(struct providers *providers, struct flight *flight, CURLcode code);
/* False: the descriptor is none of ours. */
bool smtp_event(struct providers *providers, int fd, uint32_t events);
int64_t smtp_deadline_ms(const struct providers *providers); /* INT64_MAX: none */
void smtp_time(struct providers *providers, int64_t mono_ms);
void smtp_abort(struct providers *providers, struct flight *flight);
bool sms_prepare(struct providers *providers, struct flight *flight, const struct outbox_row *row);
void sms_begin(struct providers *providers, struct flight *flight);
void sms_end(struct flight *flight, CURLcode code);
bool webhook_prepare(struct providers *providers, struct flight *flight,
                     const struct program *program, const struct outbox_row *row);
void webhook_begin(struct providers *providers, struct flight *flight);
void webhook_end(struct flight *flight, CURLcode code);
bool file_prepare(const struct deliver_options *options, struct flight *flight,
                  const struct program *program, const struct outbox_row *row,
                  struct str unsubscribe_url);
void file_begin(const struct deliver_options *options, struct flight *flight);

#endif
