/* extent.c: how long a value can be when it is written, and what filters make of that; see
 * lengths.h. */
#include <stdio.h>

#include "compiler/lengths.h"

enum { MOST_LENGTH = 1 << 20 };

static struct lengths at_most(struct lengths a, int32_t most)
{
    return (struct lengths){a.septets < most ? a.septets : most,
                            a.foreign < most ? a.foreign : most, a.units < most ? a.units : most};
}

/* ---- values ------------------------------------------------------------------------------------
 */

struct extent extent_of_length(int32_t signs)
{
    return (struct extent){.lengths = {signs, -1, signs}};
}

struct extent extent_longer(struct extent a, struct extent b)
{
    struct extent both = {.lengths = lengths_longer(a.lengths, b.lengths),
                          .items = a.items == b.items ? a.items : 0};
    if (a.text.at && b.text.at && str_eq(a.text, b.text))
        both.text = a.text;
    if (a.has_number && b.has_number && a.number == b.number) {
        both.number = a.number;
        both.has_number = true;
    }
    return both;
}

static struct extent of_text(struct str text)
{
    return (struct extent){.lengths = lengths_of_text(text), .text = text};
}

struct extent extent_of_integer(int64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)number);
    struct extent extent = extent_of_length(length);
    extent.number = number;
    extent.has_number = true;
    return extent;
}

struct extent extent_of_type(struct compiler *c, uint32_t row)
{
    const struct image_type *type = row < c->image->type_count ? &c->image->types[row] : NULL;
    struct extent all = {.lengths = {-1, -1, -1}};
    switch (type ? (int)type->kind : TYPE_TEXT) {
    case TYPE_CHOICE:
        for (uint32_t i = 0; i < type->choices.count; i++) {
            uint32_t text = c->image->choices[type->choices.first + i].value;
            all.lengths = lengths_longer(all.lengths, lengths_of_text(text_of(c, text)));
        }
        return all;
    case TYPE_LIST:
        return extent_of_type(c, type->of);
    case TYPE_URL:
        return extent_of_length(LENGTH_URL);
    case TYPE_EMAIL:
        return extent_of_length(LENGTH_EMAIL);
    case TYPE_PHONE:
        return extent_of_length(LENGTH_PHONE);
    case TYPE_INTEGER:
    case TYPE_NUMBER:
        return extent_of_length(LENGTH_NUMBER);
    case TYPE_BOOL:
        return extent_of_length(LENGTH_BOOL);
    case TYPE_DATE:
        return extent_of_length(LENGTH_DATE);
    case TYPE_TIME:
        return extent_of_length(LENGTH_TIME);
    case TYPE_CLOCK:
    case TYPE_LANGUAGE:
        return extent_of_length(LENGTH_CLOCK);
    default:
        return extent_of_length(LENGTH_TEXT);
    }
}

struct extent extent_of_constant(struct compiler *c, uint32_t row)
{
    const struct image_constant *constant = &c->image->constants[row];
    struct extent all = {.lengths = {-1, -1, -1}};
    switch ((int)constant->kind) {
    case VALUE_TEXT:
        return of_text(text_of(c, constant->text));
    case VALUE_INT:
        return extent_of_integer(constant->number);
    case VALUE_LIST:
        for (uint32_t i = 0; i < constant->elements.count; i++) {
            uint32_t element = c->image->elements[constant->elements.first + i].value;
            all = extent_longer(all, extent_of_constant(c, element));
        }
        all.items = constant->elements.count;
        return all;
    case VALUE_DATE:
        return extent_of_length(LENGTH_DATE);
    case VALUE_CLOCK:
        return extent_of_length(LENGTH_CLOCK);
    case VALUE_TIME:
        return extent_of_length(LENGTH_TIME);
    default:
        return extent_of_length(LENGTH_NUMBER);
    }
}

/* ---- filters -----------------------------------------------------------------------------------
 */

/* The longest that strftime's format writes, in English. */
static struct lengths of_format(struct str format)
{
    struct lengths all = {0, -1, 0};
    for (size_t i = 0; i < format.len; i++) {
        int32_t length = 10;
        if (format.at[i] != '%' || i + 1 == format.len) {
            size_t from = i;
            while (i + 1 < format.len && format.at[i + 1] != '%')
                i++;
            all = lengths_sum(all, lengths_of_text((struct str){format.at + from, i + 1 - from}));
            continue;
        }
        for (i++; i + 1 < format.len && strchr("-_0^#", format.at[i]); i++)
            ;
        if (strchr("deHIklMSpPmyCgUWVu", format.at[i]))
            length = 2;
        else if (strchr("abhjL", format.at[i]))
            length = 3;
        else if (strchr("AB", format.at[i]))
            length = 9; /* Wednesday, September */
        else if (strchr("YG", format.at[i]))
            length = 4;
        else if (strchr("RzZ", format.at[i]))
            length = 5;
        else if (strchr("DTxX", format.at[i]))
            length = 8;
        else if (format.at[i] == '%' || format.at[i] == 'n' || format.at[i] == 't')
            length = 1;
        else if (format.at[i] == 'c')
            length = 24;
        all = lengths_sum(all, extent_of_length(length).lengths);
    }
    return all;
}

static bool is_one_of(struct str name, const char *const *names)
{
    for (; *names; names++)
        if (str_eq_c(name, *names))
            return true;
    return false;
}

static int32_t number_or(const struct extent *value, int32_t otherwise)
{
    bool is_small = value && value->has_number && value->number >= 0 && value->number < MOST_LENGTH;
    return is_small ? (int32_t)value->number : otherwise;
}

/* What replaces makes the text longer at every place where it can stand. */
static struct lengths replaced(struct lengths in, const struct extent *old,
                               const struct extent *with)
{
    struct lengths by = with ? with->lengths : (struct lengths){0, -1, 0};
    int32_t length = old->text.at && old->lengths.units > 0 ? old->lengths.units : 1;
    if (by.units <= length && by.foreign < 0)
        return in;
    struct lengths all = lengths_times(by, (uint32_t)((in.units < 0 ? 0 : in.units) / length));
    return lengths_longer(in, lengths_sum(all, at_most(in, in.units % length)));
}

struct extent extent_of_call(struct str name, const struct extent *in, uint32_t count)
{
    static const char *const same[] = {
        "upcase",  "downcase", "capitalize", "strip",        "lstrip", "rstrip",
        "raw",     "remove",   "split",      "remove_first", "first",  "last",
        "reverse", "sort",     "uniq",       "remove_last",  "where",  "compact",
        "reject",  "find",     "timezone",   "sort_natural", "h",      "strip_newlines",
        "escape",  "abs",      "url_decode", "strip_html",   NULL};
    static const char *const numbers[] = {"size",       "plus",    "minus", "times", "sum",
                                          "divided_by", "modulo",  "round", "floor", "ceil",
                                          "at_least",   "at_most", NULL};
    struct extent out = in[0];
    const struct extent *second = count > 1 ? &in[1] : NULL, *third = count > 2 ? &in[2] : NULL;
    out.text = (struct str){0};
    out.has_number = false;
    if (is_one_of(name, same))
        return out;
    if (is_one_of(name, numbers))
        return extent_of_length(LENGTH_NUMBER);
    if (str_eq_c(name, "default") && second)
        return extent_longer(in[0], *second);
    if ((str_eq_c(name, "append") || str_eq_c(name, "prepend")) && second)
        out.lengths = lengths_sum(in[0].lengths, second->lengths);
    else if (str_eq_c(name, "truncate"))
        out.lengths = at_most(out.lengths, number_or(second, second ? MOST_LENGTH : 50));
    else if (str_eq_c(name, "slice"))
        out.lengths = at_most(out.lengths, number_or(third, third ? MOST_LENGTH : 1));
    else if (str_starts(name, STR("replace")) && second)
        out.lengths = replaced(in[0].lengths, second, third);
    else if (str_eq_c(name, "date") && second)
        out.lengths =
            second->text.at ? of_format(second->text) : extent_of_length(LENGTH_TEXT).lengths;
    else if (str_eq_c(name, "url_encode"))
        out.lengths = lengths_times(in[0].lengths, 3);
    else if (str_eq_c(name, "concat") && second)
        out = extent_longer(in[0], *second);
    else if (str_eq_c(name, "join")) {
        struct lengths one = second ? lengths_sum(in[0].lengths, second->lengths) : in[0].lengths;
        uint32_t items = in[0].items ? in[0].items : LENGTH_ITEMS;
        out.lengths = lengths_sum(lengths_times(one, items - 1), in[0].lengths);
    } else {
        out = extent_of_length(LENGTH_TEXT);
    }
    return out;
}
