/* disasm.c: an image for people: every table's rows and every instruction, drawn from the same
 * lists as the machine. */
#include "vm/code/image.h"
#include "vm/code/op.h"

static const char *op_name(uint32_t number)
{
    const struct op_row *row = op_row(number);
    return row ? row->name : "?";
}

static void put_text(const struct image *image, struct buf *out, uint32_t text)
{
    if (text == IMAGE_NONE)
        buf_c(out, "-");
    else
        buf_printf(out, "\"" STR_FMT "\"", STR_ARG(image_text(image, text)));
}

static void put_row(struct buf *out, uint32_t row)
{
    if (row == IMAGE_NONE)
        buf_c(out, "-");
    else
        buf_printf(out, "%u", row);
}

#define SHOW_NUM(v) put_row(out, v)
#define SHOW_I64(v) buf_printf(out, "%lld", (long long)(v))
#define SHOW_TEXT(v) put_text(image, out, v)
#define SHOW_OTEXT(v) put_text(image, out, v)
#define SHOW_REF(v) put_row(out, v)
#define SHOW_OREF(v) put_row(out, v)
#define SHOW_LIST(v) buf_printf(out, "%u+%u", (v).first, (v).count)
#define TABLE(number, name)                                                                        \
    static void show_##name(const struct image *image, const struct image_##name *row,             \
                            struct buf *out)                                                       \
    {                                                                                              \
        (void)image;
#define COLUMN(kind, name)                                                                         \
    buf_c(out, " " #name "=");                                                                     \
    SHOW_##kind(row->name);
#define COLUMN_OF(kind, table, name) COLUMN(kind, name)
#define END(name) }
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END

void image_disasm(const struct image *image, struct buf *out)
{
#define TABLE(number, name)                                                                        \
    for (uint32_t i = 0; i < image->name##_count; i++) {                                           \
        buf_printf(out, #name " %u:", i);                                                          \
        show_##name(image, &image->name##s[i], out);                                               \
        buf_byte(out, '\n');                                                                       \
    }
#define COLUMN(kind, name)
#define COLUMN_OF(kind, table, name)
#define END(name)
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END
    for (uint32_t i = 0; i < image->code_count; i++) {
        const struct image_code *code = &image->codes[i];
        buf_printf(out, "\ncode %u, stack %u:\n", i, code->max_stack);
        for (uint32_t k = 0; k < code->count && code->first + k < image->instruction_count; k++) {
            uint32_t word = image->instructions[code->first + k];
            buf_printf(out, "  %4u  %-14s a=%u b=%u c=%u\n", k, op_name(op_of(word)), op_a(word),
                       op_b(word), op_operand(word));
        }
    }
}
