/* fuzz_record.c: any bytes as a patient's record: refused, or a record that comes back the same
 * when it is written again, whole and by its head alone. */
#include "vm/core/patient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct arena arena;
    struct patient patient, again, head;
    struct patient_rest rest;
    arena_init(&arena, 16 << 20);
    int64_t due_ms = patient_record_due_ms(bytes);
    patient_record_id(bytes);
    if (patient_decode(&patient, &arena, 7, bytes) == STATUS_OK) {
        struct buf first, second;
        buf_init(&first, 0);
        buf_init(&second, 0);
        patient_due_ms(&patient);
        patient_encode(&patient, due_ms, &first);
        ensure(patient_decode(&again, &arena, 7, buf_view(&first)) == STATUS_OK);
        patient_encode(&again, due_ms, &second);
        ensure(str_eq(buf_view(&first), buf_view(&second)));
        buf_reset(&second);
        ensure(patient_decode_head(&head, &arena, 7, buf_view(&first), &rest) == STATUS_OK);
        patient_encode_head(&head, &rest, &second);
        ensure(str_eq(buf_view(&first), buf_view(&second)));
        buf_free(&first);
        buf_free(&second);
    }
    arena_free(&arena);
    return 0;
}
