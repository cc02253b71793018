/* deliver.h: messages leave the outbox. A row is claimed in a transaction that asks all checks
 * again, an attempt is made, and what it came to is recorded, many rows a commit:
 *
 *   outbox ──claim, commit──► queue ──at most some at a time──► providers ──result──► commit
 *
 * No byte goes out before the commit of its claim; no row is claimed again before the commit of its
 * result. How many rows may be claimed, and how many attempts run at once, is bounded by channel.
 * The caller's loop watches deliver_fd() and calls deliver() when it is readable, when
 * deliver_wait_ms() has passed, and after every commit of its own. */
#ifndef CAMP_VM_RUN_DELIVER_H
#define CAMP_VM_RUN_DELIVER_H

#include "vm/run/engine.h"

enum { SECRETS = 32, DELIVER_SECRET_BYTES = 512, SECRET_NAME = 64 };
struct secret {
    char name[SECRET_NAME], value[DELIVER_SECRET_BYTES];
};
/* How much a mail server must prove. */
enum deliver_tls {
    TLS_DEFAULT, /* TRY on the loopback, else REQUIRE */
    TLS_TRY,     /* encrypted when it offers that, its certificate not looked at */
    TLS_REQUIRE,
    TLS_NEVER
};
struct deliver_options {
    char email[1024], sms[1024]; /* file://FOLDER; smtp://, smtps://; http://, https:// */
    char email_user[256], email_password[DELIVER_SECRET_BYTES];
    char ca_file[1024]; /* certificates to trust instead of the system's; empty: the system's */
    char sms_account[64], sms_token[DELIVER_SECRET_BYTES], sms_from[64];
    enum deliver_tls email_tls;
    bool retries_unknown_email, retries_unknown_sms;
    int64_t timeout_ms;                     /* a provider's silence */
    char webhooks_allow[4096];              /* HOST:PORT, blanks or commas between */
    char signing_key[DELIVER_SECRET_BYTES]; /* whsec_…: of our webhooks; empty: they are not signed
                                             */
    struct secret secrets[SECRETS];
    uint32_t secret_count;
    struct str public_url; /* of the service; where providers report to */
    bool leaves_links;     /* mails go out without noticing who opens them or follows a link */
};

struct delivery;
/* NULL after saying why in *error. `options` must outlive it. */
struct delivery *deliver_open(struct engine *engine, struct store *store,
                              const struct deliver_options *options, const char **error);
void deliver_close(struct delivery *delivery);

/* After a restart, before anything else: what was claimed by the process that died. A file that is
 * in place was sent; another goes again; of the rest nobody knows whether it arrived. */
enum status deliver_recover(struct delivery *delivery, int64_t now_ms);
int deliver_fd(const struct delivery *delivery);
/* At most this long may pass before the next deliver(); INT64_MAX: until something happens.
 * `now_ms` is the service's clock, the answer in its milliseconds where a row is due, in real ones
 * where a provider is. */
int64_t deliver_wait_ms(const struct delivery *delivery, int64_t now_ms, double rate);
/* The first instant after `after_ms` at which a row is due; INT64_MAX: none. */
int64_t deliver_due_after(const struct delivery *delivery, int64_t after_ms);
/* Moves what is under way, records what is done, claims when it may and begins. No transaction may
 * be open. */
enum status deliver(struct delivery *delivery, int64_t now_ms, bool may_claim);
/* Something is claimed whose result is not recorded. */
bool deliver_is_busy(const struct delivery *delivery);
/* How many attempts have come to an end, ever. */
uint64_t deliver_ended(const struct delivery *delivery);
/* Nothing is claimed any more; what was not begun goes back. Then deliver() without claims until it
 * is not busy; what still flies at the end is found by deliver_recover. */
enum status deliver_drain(struct delivery *delivery, int64_t now_ms);

#endif
