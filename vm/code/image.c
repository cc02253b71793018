/* image.c: images to bytes and back. The functions for each table's rows are drawn from image.def;
 * decoding checks the hash first, then lengths and counts, then each column by its kind, and names
 * section and offset when it refuses. */
#include "vm/code/image.h"

#include <stdarg.h>
#include <stdio.h>

#include "vm/base/hash.h"

enum {
    HASH_OFFSET = 24,
    HEADER_BYTES = 56,
    SECTION_ROW_BYTES = 24,
    SECTION_TEXTS = 0,
    SECTION_LINES = 34,
    SECTION_FILES = 254,
    SECTION_INSTRUCTIONS = 255,
    MAX_ROWS = 1 << 24
};
static const char magic[] = "CAMPIMG\n";

static void put_i64(struct buf *out, int64_t number)
{
    buf_u64(out, (uint64_t)number);
}

static void put_rows(struct buf *out, struct rows rows)
{
    buf_u32(out, rows.first);
    buf_u32(out, rows.count);
}

#define PUT_NUM buf_u32
#define PUT_I64 put_i64
#define PUT_TEXT buf_u32
#define PUT_OTEXT buf_u32
#define PUT_REF buf_u32
#define PUT_OREF buf_u32
#define PUT_LIST put_rows
#define TABLE(number, name)                                                                        \
    static void encode_##name(const struct image_##name *row, struct buf *out)                     \
    {
#define COLUMN(kind, name) PUT_##kind(out, row->name);
#define COLUMN_OF(kind, table, name) PUT_##kind(out, row->name);
#define END(name) }
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END

struct load {
    const struct image *image;
    struct reader in;
    const char *wrong; /* what did not fit, the first time */
    uint32_t section;
    size_t row;
};

static uint32_t get_num(struct load *load)
{
    return read_u32(&load->in);
}

static int64_t get_i64(struct load *load)
{
    return (int64_t)read_u64(&load->in);
}

static uint32_t get_ref(struct load *load, uint32_t count, bool is_optional, const char *name)
{
    uint32_t row = read_u32(&load->in);
    if (row >= count && !(is_optional && row == IMAGE_NONE) && !load->wrong)
        load->wrong = name;
    return row;
}

static struct rows get_rows(struct load *load, uint32_t count, const char *name)
{
    struct rows rows;
    rows.first = read_u32(&load->in);
    rows.count = read_u32(&load->in);
    if ((rows.first > count || rows.count > count - rows.first) && !load->wrong)
        load->wrong = name;
    return rows;
}

#define GET_NUM(load, count, name) get_num(load)
#define GET_I64(load, count, name) get_i64(load)
#define GET_TEXT(load, count, name) get_ref(load, (load)->image->text_count, false, name)
#define GET_OTEXT(load, count, name) get_ref(load, (load)->image->text_count, true, name)
#define GET_REF(load, count, name) get_ref(load, count, false, name)
#define GET_OREF(load, count, name) get_ref(load, count, true, name)
#define GET_LIST(load, count, name) get_rows(load, count, name)
#define TABLE(number, name)                                                                        \
    static void decode_##name(struct image_##name *row, struct load *load)                         \
    {
#define COLUMN(kind, name) row->name = GET_##kind(load, 0, #name);
#define COLUMN_OF(kind, table, name)                                                               \
    row->name = GET_##kind(load, load->image->table##_count, #name);
#define END(name) }
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END

enum {
    SECTION_COUNT = 3
#define TABLE(number, name) +1
#define COLUMN(kind, name)
#define COLUMN_OF(kind, table, name)
#define END(name)
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END
};

struct section {
    uint32_t number, rows;
    uint64_t offset, size;
};

static void begin_section(struct section *section, uint32_t number, uint32_t rows,
                          const struct buf *body)
{
    *section = (struct section){number, rows, body->len, 0};
}

static void encode_texts(struct section *section, uint32_t number, const struct str *texts,
                         uint32_t count, struct buf *body)
{
    uint64_t offset = 0;
    begin_section(section, number, count, body);
    for (uint32_t i = 0; i < count; i++) {
        buf_u32(body, (uint32_t)offset);
        offset += texts[i].len;
    }
    buf_u32(body, (uint32_t)offset);
    for (uint32_t i = 0; i < count; i++)
        buf_str(body, texts[i]);
    section->size = body->len - section->offset;
}

static uint32_t encode_sections(const struct image *image, struct buf *body,
                                struct section *sections)
{
    uint32_t n = 0;
    encode_texts(&sections[n++], SECTION_TEXTS, image->texts, image->text_count, body);
#define TABLE(number, name)                                                                        \
    begin_section(&sections[n], number, image->name##_count, body);                                \
    for (uint32_t i = 0; i < image->name##_count; i++)                                             \
        encode_##name(&image->name##s[i], body);                                                   \
    sections[n].size = body->len - sections[n].offset;                                             \
    n++;
#define COLUMN(kind, name)
#define COLUMN_OF(kind, table, name)
#define END(name)
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END
    encode_texts(&sections[n++], SECTION_FILES, image->files, image->file_count, body);
    begin_section(&sections[n], SECTION_INSTRUCTIONS, image->instruction_count, body);
    for (uint32_t i = 0; i < image->instruction_count; i++)
        buf_u32(body, image->instructions[i]);
    sections[n].size = body->len - sections[n].offset;
    return n + 1;
}

/* The meaning: every section but the debug ones, each with its number and count of rows. */
static void hash_meaning(struct str body, const struct section *sections, uint32_t count,
                         unsigned char meaning[32])
{
    struct sha256 sha;
    sha256_init(&sha);
    for (uint32_t i = 0; i < count; i++) {
        if (sections[i].number == SECTION_LINES || sections[i].number == SECTION_FILES)
            continue;
        struct buf head;
        buf_init(&head, 64);
        buf_u32(&head, sections[i].number);
        buf_u32(&head, sections[i].rows);
        sha256_add(&sha, buf_view(&head));
        buf_free(&head);
        sha256_add(&sha, (struct str){body.at + sections[i].offset, (size_t)sections[i].size});
    }
    sha256_end(&sha, meaning);
}

bool image_encode(struct image *image, struct buf *out)
{
    struct buf body;
    struct section sections[SECTION_COUNT];
    size_t start = out->len;
    buf_init(&body, IMAGE_MAX_BYTES);
    uint32_t count = encode_sections(image, &body, sections);
    size_t data = HEADER_BYTES + (size_t)count * SECTION_ROW_BYTES;
    buf_put(out, magic, 8);
    buf_u32(out, IMAGE_VERSION);
    buf_u32(out, count);
    buf_u64(out, data + body.len);
    static const unsigned char no_hash[SHA256_BYTES];
    buf_put(out, no_hash, sizeof no_hash);
    for (uint32_t i = 0; i < count; i++) {
        buf_u32(out, sections[i].number);
        buf_u32(out, sections[i].rows);
        buf_u64(out, data + sections[i].offset);
        buf_u64(out, sections[i].size);
    }
    buf_str(out, buf_view(&body));
    bool is_whole = !out->failed && !body.failed;
    if (is_whole) {
        struct str whole = str_from(buf_view(out), start);
        unsigned char hash[SHA256_BYTES];
        sha256(whole, hash);
        memcpy(out->data + start + HASH_OFFSET, hash, sizeof hash);
        sha256(str_from(buf_view(out), start), image->id);
        hash_meaning(buf_view(&body), sections, count, image->meaning);
    }
    buf_free(&body);
    return is_whole;
}

static bool refuse(struct image_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool refuse(struct image_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

/* The hash was made with zeros in its own place. */
static bool hash_fits(struct str bytes)
{
    static const char zeros[SHA256_BYTES];
    unsigned char hash[SHA256_BYTES];
    struct sha256 sha;
    sha256_init(&sha);
    sha256_add(&sha, (struct str){bytes.at, HASH_OFFSET});
    sha256_add(&sha, (struct str){zeros, sizeof zeros});
    sha256_add(&sha, str_from(bytes, HEADER_BYTES));
    sha256_end(&sha, hash);
    return memcmp(hash, bytes.at + HASH_OFFSET, sizeof hash) == 0;
}

static bool decode_texts(struct arena *arena, struct str **texts, uint32_t count, struct load *load)
{
    struct reader offsets = load->in;
    size_t table = ((size_t)count + 1) * 4;
    struct str bytes = {(const char *)load->in.at, reader_left(&load->in)};
    if (bytes.len < table)
        return false;
    bytes = str_from(bytes, table);
    *texts = arena_array(arena, count ? count : 1, sizeof **texts);
    if (!*texts)
        return false;
    uint32_t first = read_u32(&offsets);
    if (first)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t end = read_u32(&offsets);
        if (end < first || end > bytes.len)
            return false;
        (*texts)[i] = (struct str){bytes.at + first, end - first};
        first = end;
    }
    return first == bytes.len;
}

static bool read_sections(struct reader *in, struct str bytes, struct section *sections,
                          struct image_error *error)
{
    uint64_t expected = HEADER_BYTES + (uint64_t)SECTION_COUNT * SECTION_ROW_BYTES;
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        struct section *section = &sections[i];
        section->number = read_u32(in);
        section->rows = read_u32(in);
        section->offset = read_u64(in);
        section->size = read_u64(in);
        if (sections[i].offset != expected || sections[i].size > bytes.len - expected ||
            sections[i].rows > MAX_ROWS)
            return refuse(error, "section %u: offset, size or row count at offset %zu",
                          sections[i].number, (size_t)(HEADER_BYTES + i * SECTION_ROW_BYTES));
        expected += sections[i].size;
    }
    return expected == bytes.len ||
           refuse(error, "%zu bytes behind the last section", (size_t)(bytes.len - expected));
}

static bool check_header(struct str bytes, bool skip_hash, struct reader *in,
                         struct image_error *error)
{
    *in = reader_of(bytes);
    if (bytes.len < HEADER_BYTES || memcmp(bytes.at, magic, 8) != 0)
        return refuse(error, "not an image: no magic at offset 0");
    read_bytes(in, 8);
    uint32_t version = read_u32(in);
    if (version != IMAGE_VERSION)
        return refuse(error, "header: version %u, this program reads %u", version, IMAGE_VERSION);
    uint32_t count = read_u32(in);
    uint64_t size = read_u64(in);
    if (size != bytes.len || size > IMAGE_MAX_BYTES)
        return refuse(error, "header: it says %llu bytes, there are %zu", (unsigned long long)size,
                      bytes.len);
    if (!skip_hash && !hash_fits(bytes))
        return refuse(error, "header: the hash at offset %d does not fit the bytes", HASH_OFFSET);
    if (count != SECTION_COUNT)
        return refuse(error, "header: %u sections, %d wanted", count, SECTION_COUNT);
    read_bytes(in, SHA256_BYTES);
    return true;
}

static bool begin_load(struct load *load, struct str bytes, const struct section *section,
                       uint32_t number)
{
    struct str view = {bytes.at + section->offset, (size_t)section->size};
    load->in = reader_of(view);
    load->section = number;
    load->wrong = NULL;
    return section->number == number;
}

bool image_decode(struct arena *arena, struct str bytes, bool skip_hash, struct image *image,
                  struct image_error *error)
{
    struct reader in;
    struct section sections[SECTION_COUNT];
    *image = (struct image){0};
    if (!check_header(bytes, skip_hash, &in, error))
        return false;
    bytes = arena_str(arena, bytes);
    if (!bytes.at)
        return refuse(error, "no memory for it");
    if (!read_sections(&in, bytes, sections, error))
        return false;
    uint32_t n = 0;
    struct load load = {.image = image};
    image->text_count = sections[n++].rows;
#define TABLE(number, name) image->name##_count = sections[n++].rows;
#define COLUMN(kind, name)
#define COLUMN_OF(kind, table, name)
#define END(name)
#include "vm/code/image.def"
#undef TABLE
    image->file_count = sections[n++].rows;
    image->instruction_count = sections[n].rows;
    n = 0;
    if (!begin_load(&load, bytes, &sections[n++], SECTION_TEXTS) ||
        !decode_texts(arena, &image->texts, image->text_count, &load))
        return refuse(error, "section 0: texts");
#define TABLE(table_number, name)                                                                  \
    if (!begin_load(&load, bytes, &sections[n], table_number))                                     \
        return refuse(error, "section %d: number", table_number);                                  \
    if (image->name##_count > sections[n].size / 4 ||                                              \
        !(image->name##s =                                                                         \
              arena_array(arena, (size_t)image->name##_count + 1, sizeof *image->name##s)))        \
        return refuse(error, "section %d (" #name "): too short for its rows", table_number);      \
    for (uint32_t i = 0; i < image->name##_count && !load.wrong; i++) {                            \
        decode_##name(&image->name##s[i], &load);                                                  \
        load.row = i;                                                                              \
    }                                                                                              \
    if (load.wrong)                                                                                \
        return refuse(error, "section %d (" #name "): row %zu: %s", table_number, load.row,        \
                      load.wrong);                                                                 \
    if (load.in.failed || reader_left(&load.in))                                                   \
        return refuse(error, "section %d (" #name "): its size does not fit its rows",             \
                      table_number);                                                               \
    n++;
#include "vm/code/image.def"
#undef TABLE
#undef COLUMN
#undef COLUMN_OF
#undef END
    if (!begin_load(&load, bytes, &sections[n++], SECTION_FILES) ||
        !decode_texts(arena, &image->files, image->file_count, &load))
        return refuse(error, "section 254: files");
    if (!begin_load(&load, bytes, &sections[n], SECTION_INSTRUCTIONS) ||
        sections[n].size != (uint64_t)image->instruction_count * 4)
        return refuse(error, "section 255: instructions");
    image->instructions = arena_array(arena, (size_t)image->instruction_count + 1, 4);
    if (!image->instructions)
        return refuse(error, "no memory for it");
    for (uint32_t i = 0; i < image->instruction_count; i++)
        image->instructions[i] = read_u32(&load.in);
    sha256(bytes, image->id);
    size_t data = HEADER_BYTES + (size_t)SECTION_COUNT * SECTION_ROW_BYTES;
    for (uint32_t i = 0; i < SECTION_COUNT; i++)
        sections[i].offset -= data;
    hash_meaning(str_from(bytes, data), sections, SECTION_COUNT, image->meaning);
    return true;
}
