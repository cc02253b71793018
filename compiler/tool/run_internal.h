/* run_internal.h: what the halves of running a test share: run_test.c drives, run_expect.c judges.
 */
#ifndef CAMP_COMPILER_TOOL_RUN_INTERNAL_H
#define CAMP_COMPILER_TOOL_RUN_INTERNAL_H

#include "compiler/tool/run_test.h"
#include "vm/base/zone.h"
#include "vm/run/engine.h"

struct called { /* a webhook that waits for its answer */
    uint64_t outbox;
    int64_t at_ms;
    struct str name;
    struct called *next;
};

struct sent {
    uint32_t span;
    bool is_draft, is_matched;
    uint8_t channel;
    struct str name, to, from, reply_to, subject, preheader, text, html;
    uint64_t outbox;
    struct sent *next;
};

struct test_run {
    struct arena arena;
    struct compilation *compilation;
    const struct node *test;
    struct store *store;
    struct engine *engine;
    const struct zone *zone;
    int64_t now_ms;
    bool is_started, has_failed;
    uint32_t span;
    struct sent *first, *last;
    struct called *called, *last_called;
    uint64_t newest;     /* enrollment of the campaign under test; 0 none */
    uint32_t entry_span; /* of the newest */
    bool is_converted, has_ended;
    struct str reason;
    struct buf timeline;
    struct test_result *result;
    struct coverage *coverage;
    struct coverage_trail trail;
};

void test_fail(struct test_run *t, const struct node *statement, const char *why);
struct value test_value(struct test_run *t, const struct node *node);
/* Records nest; everything else is an expression. */
void test_put_json(struct test_run *t, const struct node *value, struct buf *json);
const char *channel_word(uint8_t channel);
/* An `expect` statement. */
void test_expect(struct test_run *t, const struct node *s);

#endif
