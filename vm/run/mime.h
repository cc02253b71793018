/* mime.h: a message as an internet mail (RFC 5322, 2045 to 2047): the only place where headers are
 * written, and the only defence against a value that would add one. */
#ifndef CAMP_VM_RUN_MIME_H
#define CAMP_VM_RUN_MIME_H

#include "vm/base/arena.h"
#include "vm/base/buf.h"

struct mail {
    /* All but from, to and one of text and html may be empty. */
    struct str from, to, reply_to, subject, preheader, text, html;
    struct str key;             /* hex: names the Message-ID, the same at every try */
    struct str domain;          /* of the Message-ID */
    struct str unsubscribe_url; /* empty: transactional */
    int64_t at_ms;
};
/* A plain text for readers of html that is shown as none; {0} when it is too long. */
struct str mime_text(struct arena *arena, struct str html);
/* False, and nothing to be sent, when an address is not one or a line cannot be written safely. */
bool mime_write(const struct mail *mail, struct buf *out);

#endif
