/* segment.c: does an SMS fit one segment? The longest way through its template is measured: in
 * GSM 03.38 (160 septets) where every sign of the way stands in that alphabet, else in UCS-2 (70
 * units). What a patient's value will be is not known: it counts as VALUE_LENGTH. */
#include "compiler/internal.h"
#include "compiler/warn.h"
#include "vm/base/utf8.h"

enum { VALUE_LENGTH = 20, SEPTETS = 160, UNITS = 70 };

/* Septets of a code point; 0: not in the alphabet. */
static int32_t septets_of(uint32_t code)
{
    static const uint16_t others[] = {
        0xa3,  0xa5,  0xe8,  0xe9,  0xf9,  0xec,  0xf2,  0xc7,  0xd8,  0xf8, 0xc5, 0xe5, 0x394,
        0x3a6, 0x393, 0x39b, 0x3a9, 0x3a0, 0x3a8, 0x3a3, 0x398, 0x39e, 0xc6, 0xe6, 0xdf, 0xc9,
        0xa4,  0xa1,  0xc4,  0xd6,  0xd1,  0xdc,  0xa7,  0xbf,  0xe4,  0xf6, 0xf1, 0xfc, 0xe0};
    if (code == 0x20ac || (code < 0x80 && code && strchr("^{}\\[~]|", (int)code)))
        return 2;
    if (code < 0x80)
        return code != '`' && (code >= ' ' || code == '\n' || code == '\r');
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        if (others[i] == code)
            return 1;
    return 0;
}

/* Lengths of the longest way from here to the end; -1: there is none such. */
struct lengths {
    int32_t septets; /* of ways within the alphabet */
    int32_t foreign; /* in units, of ways that leave it */
    int32_t units;   /* of all ways */
};

static struct lengths longest(struct lengths a, struct lengths b)
{
    return (struct lengths){a.septets > b.septets ? a.septets : b.septets,
                            a.foreign > b.foreign ? a.foreign : b.foreign,
                            a.units > b.units ? a.units : b.units};
}

static int32_t add(int32_t a, int32_t b)
{
    return a < 0 ? a : a + b;
}

static struct lengths with_text(struct lengths way, struct str text)
{
    int32_t septets = 0, units = 0;
    bool is_foreign = false;
    for (size_t length; text.len; text = str_from(text, length ? length : 1)) {
        uint32_t code = utf8_decode(text, &length);
        int32_t own = septets_of(code);
        is_foreign |= !own;
        septets += own;
        units += code > 0xffff ? 2 : 1;
    }
    struct lengths longer = {is_foreign ? -1 : add(way.septets, septets),
                             add(is_foreign ? way.units : way.foreign, units),
                             add(way.units, units)};
    return longer;
}

/* The constant that the instruction before pushed, which is then all that is written. */
static bool constant_before(const struct image *image, const uint32_t *words, uint32_t at,
                            struct str *text)
{
    if (!at || op_of(words[at - 1]) != OP_PUSH_CONST)
        return false;
    const struct image_constant *row = &image->constants[op_operand(words[at - 1])];
    *text = row->kind == VALUE_TEXT ? image_text(image, row->text) : STR("");
    return row->kind == VALUE_TEXT;
}

static struct lengths measure(struct compiler *c, uint32_t code)
{
    const struct image *image = c->image;
    const struct image_code *row = &image->codes[code];
    const uint32_t *words = image->instructions + row->first;
    struct lengths *ways = arena_array(c->arena, row->count + 1, sizeof *ways);
    ways[row->count] = (struct lengths){0, -1, 0};
    for (uint32_t at = row->count; at--;) {
        uint32_t op = op_of(words[at]), target = op_operand(words[at]);
        struct lengths way = ways[at + 1];
        struct str text;
        if (op == OP_OUT_CONST)
            way = with_text(way, image_text(image, image->constants[target].text));
        else if (op == OP_OUT && constant_before(image, words, at, &text))
            way = with_text(way, text);
        else if (op == OP_OUT)
            way = (struct lengths){add(way.septets, VALUE_LENGTH), add(way.foreign, VALUE_LENGTH),
                                   add(way.units, VALUE_LENGTH)};
        else if (op == OP_JUMP && target > at && target <= row->count)
            way = ways[target];
        else if ((op == OP_JUMP_FALSE || op == OP_JUMP_TRUE) && target > at && target <= row->count)
            way = longest(way, ways[target]);
        ways[at] = way;
    }
    return ways[0];
}

void longest_text(struct compiler *c, uint32_t code, struct longest *longest)
{
    struct lengths way = measure(c, code);
    int32_t septets = way.septets < 0 ? 0 : way.septets, units = way.foreign < 0 ? 0 : way.foreign;
    /* Of several segments each gives a part to the header that joins them. */
    uint32_t plain = septets <= SEPTETS ? 1 : ((uint32_t)septets + 152) / 153,
             wide = units <= UNITS ? units > 0 : ((uint32_t)units + 66) / 67;
    longest->is_ucs2 = wide >= plain && units > 0;
    longest->signs = (uint32_t)(longest->is_ucs2 ? units : septets);
    longest->segments = longest->is_ucs2 ? wide : plain;
}

void warn_of_length(struct compiler *c, struct span span, uint32_t code)
{
    struct lengths way = measure(c, code);
    struct diag *diag;
    if (way.foreign > UNITS) {
        diag = report(c, DIAG_LONG_SMS, span, way.foreign, UNITS);
        help(c, diag, "shorten it, or do without signs that are not in the alphabet of phones");
    } else if (way.septets > SEPTETS) {
        diag = report(c, DIAG_LONG_SMS, span, way.septets, SEPTETS);
        help(c, diag, "shorten it; each value is counted with %d signs", VALUE_LENGTH);
    }
}
