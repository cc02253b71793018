/* image.h: what a compiled project is: one deterministic, verified file (`.campi`) of tables
 * (image.def), texts and instructions (ops.def). All numbers are little endian. `id` is the SHA-256
 * of the whole file; `meaning` that of all sections but the debug ones (table `line`, files). No
 * time, host, locale or absolute path enters. */
/* clang-format off */
/*   offset  0   "CAMPIMG\n"
 *           8   u32 version, u32 section count
 *          16   u64 bytes in all
 *          24   SHA-256 of all bytes but these 32: a flipped bit anywhere is found
 *          56   section table, each row: u32 number, u32 rows, u64 offset, u64 bytes
 *               sections by number: 0 texts, 1… tables of image.def, 254 names of files,
 *               255 instructions
 *
 *   An instruction is a 32-bit word:
 *
 *    31          16 15      8 7       0        31                  8 7       0
 *   +--------------+---------+---------+      +--------------------+---------+
 *   |      b       |    a    |   op    |  or  |         c          |   op    |
 *   +--------------+---------+---------+      +--------------------+---------+ */
/* clang-format on */
#ifndef CAMP_VM_CODE_IMAGE_H
#define CAMP_VM_CODE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/base/arena.h"
#include "vm/base/base.h"
#include "vm/base/buf.h"

#define IMAGE_NONE UINT32_MAX
#define IMAGE_VERSION 2u
#define IMAGE_MAX_BYTES (256u << 20)

/* What the machine has room for, and what numbers of tables mean at most. */
enum {
    IMAGE_MAX_STACK = 256,
    IMAGE_MAX_LOCALS = 255,
    IMAGE_MAX_SLOTS = 4096,
    IMAGE_LAST_SLOT = IMAGE_MAX_SLOTS - 1,
    IMAGE_MAX_NESTING = 16, /* questions within questions: did, any object */
    IMAGE_MAX_DEPTH = 4,    /* lists of lists */
    IMAGE_MAX_LIST = 1000,
    IMAGE_MAX_TIMES = 200, /* did … at least */
    IMAGE_LAST_MINUTE = 24 * 60 - 1,
    IMAGE_ALL_DAYS = 127,
    IMAGE_ALL_CHANNELS = 3,
    IMAGE_WHOLE = 10000 /* shares are parts of it */
};

/* Consecutive rows of a table. */
struct rows {
    uint32_t first, count;
};

enum type_kind {
    TYPE_TEXT = 1,
    TYPE_INTEGER,
    TYPE_NUMBER,
    TYPE_BOOL,
    TYPE_DATE,
    TYPE_TIME,
    TYPE_CLOCK,
    TYPE_DURATION,
    TYPE_EMAIL,
    TYPE_PHONE,
    TYPE_URL,
    TYPE_TIMEZONE,
    TYPE_LANGUAGE,
    TYPE_LIST,
    TYPE_CHOICE
};
enum trigger_kind {
    TRIGGER_EVENT = 1,
    TRIGGER_CHANGES,
    TRIGGER_BECOMES,
    TRIGGER_ENTERED,
    TRIGGER_LEFT,
    TRIGGER_OBJECT,
    TRIGGER_DATE,
    TRIGGER_MANUAL
};
enum enter_kind {
    ENTER_ONCE = 1,
    ENTER_ONCE_PER_DURATION,
    ENTER_ONCE_PER_KEY,
    ENTER_AGAIN,
    ENTER_AGAIN_AFTER,
    ENTER_ALWAYS
};
enum channel { CHANNEL_EMAIL = 1, CHANNEL_SMS = 2, CHANNEL_WEBHOOK = 3 };
enum limit_scope { LIMIT_MESSAGE = 1, LIMIT_CAMPAIGN, LIMIT_POLICY };
enum goal_anchor { ANCHOR_ENTRY = 1, ANCHOR_ANY_MESSAGE, ANCHOR_MESSAGE };
enum wait_kind {
    WAIT_DELAY = 1,
    WAIT_UNTIL,
    WAIT_CONDITION,
    WAIT_EVENT,
    WAIT_REPLY,
    WAIT_WINDOW,
    WAIT_WEBHOOK
};
enum step_kind {
    STEP_EMAIL = 1,
    STEP_SMS,
    STEP_WEBHOOK,
    STEP_WAIT,
    STEP_IF,
    STEP_MATCH,
    STEP_SPLIT,
    STEP_REPEAT,
    STEP_BREAK,
    STEP_SET,
    STEP_CLEAR,
    STEP_LET,
    STEP_EMIT,
    STEP_ADD,
    STEP_REMOVE,
    STEP_SUBSCRIBE,
    STEP_UNSUBSCRIBE,
    STEP_DO,
    STEP_EXIT
};
enum code_kind { CODE_EXPRESSION = 1, CODE_TEMPLATE, CODE_WORKFLOW };
/* READ_EVENT: a did term over that event. READ_MESSAGE: received, opened, clicked. */
enum read_kind {
    READ_ATTRIBUTE = 1,
    READ_EVENT,
    READ_OBJECT,
    READ_SEGMENT,
    READ_TOPIC,
    READ_MESSAGE
};

/* struct image_attribute { uint32_t name; uint32_t type; … }, one for each table. */
#define TABLE(number, name) struct image_##name {
#define COLUMN(kind, name) IMAGE_COLUMN_##kind name;
#define COLUMN_OF(kind, table, name) IMAGE_COLUMN_##kind name;
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#define IMAGE_COLUMN_NUM uint32_t
#define IMAGE_COLUMN_I64 int64_t
#define IMAGE_COLUMN_TEXT uint32_t
#define IMAGE_COLUMN_OTEXT uint32_t
#define IMAGE_COLUMN_REF uint32_t
#define IMAGE_COLUMN_OREF uint32_t
#define IMAGE_COLUMN_LIST struct rows
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END

/* A decoded image: `image->campaigns[i]`, `image->campaign_count`. Memory belongs to the arena it
 * was decoded or built in; never changed after it was verified. */
struct image {
    struct str *texts;
    uint32_t text_count;
    struct str *files; /* of the project, for the table `line` */
    uint32_t file_count;
    uint32_t *instructions;
    uint32_t instruction_count;
#define TABLE(number, name)                                                                        \
    struct image_##name *name##s;                                                                  \
    uint32_t name##_count;
#define COLUMN(kind, name)
#define COLUMN_OF(kind, table, name)
#define END(name)
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END
    unsigned char id[32], meaning[32];
};

struct image_error {
    char text[160]; /* names the section and the offset, or the code and the instruction */
};

/* Writes the canonical bytes; fills image->id and ->meaning. Fails only when `out` is full. */
bool image_encode(struct image *image, struct buf *out);

/* Bytes → image, every length, index and hash checked. `skip_hash` is for fuzzing only. The bytes
 * are copied. */
bool image_decode(struct arena *arena, struct str bytes, bool skip_hash, struct image *image,
                  struct image_error *error);

/* The other half of trust, for an image that image_decode made: stack depth, jumps, operands, code
 * kinds, builtins, what its tables promise. Only a verified image may reach the machine. `builtins`
 * is the table of stdlib/builtins.def (vm/code/builtin.h). */
struct builtins;
bool image_verify(const struct image *image, const struct builtins *builtins,
                  struct image_error *error);

/* A listing of tables and instructions for people (`camp disasm`). */
void image_disasm(const struct image *image, struct buf *out);

static inline struct str image_text(const struct image *image, uint32_t text)
{
    return text < image->text_count ? image->texts[text] : (struct str){0};
}

#endif
