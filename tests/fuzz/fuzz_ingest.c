/* fuzz_ingest.c: any bytes as an item of traffic, and as a row of the journal: reading ends, what
 * is taken lies within its bounds, what is refused says why. */
#include "vm/run/engine.h"
#include "vm/store/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct arena arena;
    struct input input;
    struct input_answer answer;
    struct journal_entry entry;
    arena_init(&arena, 16 << 20);
    if (input_parse(&arena, bytes, &input, &answer)) {
        ensure(input.kind >= INPUT_IDENTIFY && input.kind <= INPUT_REPLY);
        ensure(input.patient.len && input.patient.len <= 256 && input.message_id.len <= 256);
    } else {
        ensure(answer.what == ANSWER_REJECTED && answer.reason[0]);
    }
    arena_free(&arena);
    struct reader in = reader_of(bytes);
    while (journal_decode(&in, &entry))
        ensure(entry.text.len <= size);
    return 0;
}
