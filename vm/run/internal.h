/* internal.h: what engine and reactions share. */
#ifndef CAMP_VM_RUN_INTERNAL_H
#define CAMP_VM_RUN_INTERNAL_H

#include "vm/run/engine.h"

enum { SLICE_BYTES = 4 << 20, EFFECT_ROOM = 512, CHAIN_MOST = 100, PROGRAM_ROOM = 256 };

struct engine {
    struct store *store;
    struct engine_options options;
    struct arena arena;                     /* programs live as long as the engine */
    struct arena slice;                     /* of one patient's reaction */
    struct program *programs[PROGRAM_ROOM]; /* by number of the image */
    struct program *current;
    uint8_t *states; /* of campaigns, by row of the current image: enum campaign_state */
    uint64_t next_enrollment;
    void (*observe)(void *context, const struct notice *notice);
    void *observer;
    struct host host;
    char error[256];
};

struct waiting { /* a parked enrollment, for the counts */
    uint64_t enrollment;
    uint32_t campaign, image, resume;
};

/* The reaction of one patient at one instant (LANGUAGE.md F1). */
struct react {
    struct engine *engine;
    struct patient *patient;
    struct effects effects;
    int64_t now_ms;
    uint32_t chain;          /* changes at this instant */
    struct waiting *waiting; /* as the patient was opened */
    uint32_t waiting_count;
    enum status status;
};
struct happening { /* what has changed, for the phases */
    const struct event *event;
    bool is_history;
    bool is_attribute, is_manual;
    uint32_t attribute; /* dictionary number */
    struct value before, after;
    const struct object *object; /* changed */
    uint8_t *object_was;         /* by row of campaigns: the trigger's condition before */
    struct str campaign;         /* is_manual */
    const struct str *reply;
};

void react_to(struct react *r, const struct happening *happening);
void react_settle(struct react *r);
void react_memorize(struct react *r, const struct event *event);
uint8_t *react_object_truths(struct react *r, const struct object *object);
/* True: it really changed. */
bool react_set_membership(struct react *r, uint32_t segment, bool is_in);
bool react_set_subscription(struct react *r, uint32_t topic, bool is_on);
void react_hand_over(struct react *r, const struct approval *approval);
struct program *engine_program_of(struct engine *engine, uint32_t image);
/* A message of an image came to this: counted under the campaign. */
void engine_count_message(struct engine *engine, uint32_t image, uint32_t message,
                          const char *word);
void engine_notice(struct engine *engine, const struct notice *notice);
/* Loads or begins the patient; afterwards react_close writes it back. */
enum status react_open(struct engine *engine, struct str id, uint64_t key, int64_t now_ms,
                       struct react *r);
enum status react_close(struct react *r);
struct env react_env(struct react *r, const struct program *program, struct enrollment *enrollment);

#endif
