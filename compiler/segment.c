/* segment.c: does an SMS fit one segment? In GSM 03.38 160 septets where every sign of the longest
 * text (lengths.c) stands in that alphabet, else 70 units of UCS-2. */
#include "compiler/lengths.h"
#include "compiler/warn.h"

enum { SEPTETS = 160, UNITS = 70 };

void longest_text(struct compiler *c, uint32_t code, struct longest *longest)
{
    struct lengths way = lengths_of_template(c, code);
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
    struct lengths way = lengths_of_template(c, code);
    struct diag *diag;
    if (way.foreign > UNITS) {
        diag = report(c, DIAG_LONG_SMS, span, way.foreign, UNITS);
        help(c, diag, "shorten it, or do without signs that are not in the alphabet of phones");
    } else if (way.septets > SEPTETS) {
        diag = report(c, DIAG_LONG_SMS, span, way.septets, SEPTETS);
        help(c, diag,
             "shorten it, or bound what is inserted, as `{{ x | truncate: 12 }}`: a text whose "
             "length "
             "is not known is counted with 20 signs");
    }
}
