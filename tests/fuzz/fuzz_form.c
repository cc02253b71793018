/* fuzz_form.c: a form of a provider's callback: what is read holds no NUL, is not longer than what
 * came, and a signature of ours over it holds while any other does not. */
#include "vm/base/hash.h"
#include "vm/base/sha1.h"
#include "vm/http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct form form;
    struct arena arena;
    size_t total = 0;
    arena_init(&arena, 0);
    if (form_read(&arena, (struct str){(const char *)data, size}, &form)) {
        ensure(form.count <= FORM_FIELDS && size <= FORM_BYTES);
        for (uint32_t i = 0; i < form.count; i++) {
            struct str both[] = {form.fields[i].name, form.fields[i].value};
            for (size_t k = 0; k < ARRAY_COUNT(both); k++) {
                total += both[k].len;
                ensure(!both[k].len || !memchr(both[k].at, 0, both[k].len));
            }
        }
        ensure(total <= size);
        form_field(&form, "Body");
        ensure(
            !form_is_signed(&form, STR("token"), STR("https://x.example/"), STR("no signature")));
    }
    arena_free(&arena);
    return 0;
}
