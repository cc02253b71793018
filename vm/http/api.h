/* api.h: what the files of handlers (api_*.c) share. */
#ifndef CAMP_VM_HTTP_API_H
#define CAMP_VM_HTTP_API_H

#include "vm/http/request.h"
#include "vm/run/lifecycle.h"
#include "vm/store/journal.h"

struct campaign_ref { /* by name, in the deployed image or the last that had it */
    uint32_t number, row;
    const struct program *program;
};
/* The campaign that the path names; false after refusing. */
bool api_campaign(struct request *request, struct campaign_ref *ref);
/* `{"name":…,"title":…,"state":…,"image":…`, still open. */
void api_put_head(struct request *request, const struct campaign_ref *ref);
/* `,"triggered":…` to the messages. */
enum status api_put_metrics(struct request *request, const struct program *program, uint32_t row);
/* What a person did, into the open transaction. Nothing of a patient but an id of ours. */
enum status api_act(struct request *request, const char *what, struct str object,
                    struct str reason);
/* The same in a transaction of its own; a failure is logged. */
void api_act_alone(struct request *request, const char *what, struct str object);
/* The entries of a journal row as objects: {"at","patient","type","campaign",…,"file","line"}. */
enum status api_put_entries(struct request *request, const struct store_journal *row,
                            const char **comma);

/* The same as server-sent events. */
void api_put_news(struct request *request, const struct store_journal *row);
/* stream.c: what has happened since the last call goes to the streams; true: more is left. */
bool stream_news(struct service *service);
/* The text of a number of the dictionary. */
struct str api_name(struct request *request, uint32_t number);
/* An enrollment as an object. */
void api_put_enrollment(struct request *request, const struct enrollment *e, struct str patient);

/* `,"name":` and the value, null where there is none. */
void put_member(struct buf *out, const char *name, struct str text);
void put_time(struct buf *out, const char *name, int64_t at_ms);
const char *channel_word(uint32_t channel);
/* A decimal number; `otherwise` when it is none. */
uint64_t number_of(struct str text, uint64_t otherwise);
/* A parameter that is an instant; false after refusing. */
bool request_instant(struct request *request, const char *name, int64_t *at_ms);
/* A page: `limit` is the one asked for, at most `most`; `cursor` may be NULL. False after refusing.
 */
bool request_page(struct request *request, uint64_t usual, uint64_t most, uint64_t *cursor,
                  uint64_t *limit);

#endif
