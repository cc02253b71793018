/* number.c: filters of numbers. Fractions are calculated in decimals, as people expect and Liquid
 * does: 10.1 plus 2.2 is 12.3. A decimal is units / 10^scale; what does not fit 64 bits falls back
 * to binary. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stdlib/filter.h"

struct decimal {
    int64_t units;
    int scale;
};

/* digits, a point, digits, as Liquid wants a fraction to be written */
static bool is_fraction(struct str text)
{
    size_t at = text.len && text.at[0] == '-', before, after;
    for (before = 0; at < text.len && text.at[at] >= '0' && text.at[at] <= '9'; before++)
        at++;
    bool has_point = at < text.len && text.at[at] == '.';
    for (after = 0, at++; at < text.len && text.at[at] >= '0' && text.at[at] <= '9'; after++)
        at++;
    return before && has_point && after && at == text.len;
}

struct number filter_number(struct value v)
{
    if (v.kind == VALUE_NUMBER)
        return (struct number){.is_real = true, .real = v.n};
    if (v.kind == VALUE_INT)
        return (struct number){.whole = v.i};
    if (v.kind != VALUE_TEXT)
        return (struct number){0};
    struct str text = str_trim(v.text);
    if (is_fraction(text) && text.len < 64) {
        char copy[64];
        snprintf(copy, sizeof copy, STR_FMT, STR_ARG(text));
        return (struct number){.is_real = true, .real = strtod(copy, NULL)};
    }
    return (struct number){.whole = liquid_leading_integer(text)};
}

static struct value real(double n)
{
    return isfinite(n) ? value_number(n) : value_unknown();
}

static double as_real(struct number n)
{
    return n.is_real ? n.real : (double)n.whole;
}

static bool decimal_of(struct number n, struct decimal *decimal)
{
    char text[40];
    int precision = 0;
    *decimal = (struct decimal){n.whole, 0};
    if (!n.is_real)
        return true;
    do
        snprintf(text, sizeof text, "%.*e", precision, n.real);
    while (strtod(text, NULL) != n.real && ++precision < 17);
    int64_t digits = 0;
    char *at = text;
    for (; *at && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9')
            digits = digits * 10 + *at - '0';
    int scale = precision - atoi(at + 1);
    for (; scale < 0; scale++)
        if (__builtin_mul_overflow(digits, 10, &digits))
            return false;
    *decimal = (struct decimal){n.real < 0 ? -digits : digits, scale};
    return scale <= 18;
}

static struct value value_of(struct decimal decimal)
{
    char text[48];
    snprintf(text, sizeof text, "%llde%d", (long long)decimal.units, -decimal.scale);
    return real(strtod(text, NULL));
}

/* Both in the finer of the two scales. */
static bool align(struct decimal *a, struct decimal *b)
{
    struct decimal *coarse = a->scale < b->scale ? a : b, *fine = coarse == a ? b : a;
    for (; coarse->scale < fine->scale; coarse->scale++)
        if (__builtin_mul_overflow(coarse->units, 10, &coarse->units))
            return false;
    return true;
}

static int64_t rest_of(int64_t a, int64_t b)
{
    int64_t rest = b == -1 ? 0 : a % b;
    return rest && (rest < 0) != (b < 0) ? rest + b : rest;
}

static struct value calculate_whole(int64_t a, int64_t b, char op)
{
    int64_t result = 0;
    bool overflows = false;
    if (op == '%')
        return value_int(rest_of(a, b));
    if (op == '/') {
        overflows = b == -1 && a == INT64_MIN;
        result = overflows ? 0 : b == -1 ? -a : (a - rest_of(a, b)) / b;
    } else {
        overflows = op == '+'   ? __builtin_add_overflow(a, b, &result)
                    : op == '-' ? __builtin_sub_overflow(a, b, &result)
                                : __builtin_mul_overflow(a, b, &result);
    }
    double x = (double)a, y = (double)b;
    return !overflows ? value_int(result)
                      : real(op == '+'   ? x + y
                             : op == '-' ? x - y
                             : op == '*' ? x * y
                                         : x / y);
}

static struct value calculate_number(struct call *call, struct number a, struct number b, char op)
{
    struct decimal x, y, z = {0, 0};
    if ((op == '/' || op == '%') && as_real(b) == 0) {
        bool is_real = op == '/' && call->is_liquid && (a.is_real || b.is_real);
        double n = as_real(a); /* Ruby's decimals divide by zero, its integers do not */
        return is_real ? value_text(n > 0   ? STR("Infinity")
                                    : n < 0 ? STR("-Infinity")
                                            : STR("NaN"))
                       : filter_wrong(call, "division by zero");
    }
    if (!a.is_real && !b.is_real)
        return calculate_whole(a.whole, b.whole, op);
    bool fits = decimal_of(a, &x) && decimal_of(b, &y);
    if (op == '/')
        return real((double)(fits && align(&x, &y)
                                 ? (long double)x.units / (long double)y.units
                                 : (long double)as_real(a) / (long double)as_real(b)));
    if (fits && op == '*') {
        fits = !__builtin_mul_overflow(x.units, y.units, &z.units);
        z.scale = x.scale + y.scale;
    } else if (fits && (fits = align(&x, &y))) {
        z.scale = x.scale;
        if (op == '%')
            z.units = rest_of(x.units, y.units);
        else
            fits = !(op == '+' ? __builtin_add_overflow(x.units, y.units, &z.units)
                               : __builtin_sub_overflow(x.units, y.units, &z.units));
    }
    double m = as_real(a), n = as_real(b);
    return fits        ? value_of(z)
           : op == '+' ? real(m + n)
           : op == '-' ? real(m - n)
           : op == '*' ? real(m * n)
                       : real(m - n * floor(m / n));
}

static struct value calculate(struct call *call, const struct value *v, uint32_t count, char op)
{
    return calculate_number(call, filter_number(v[0]), filter_number(argument(v, count, 1)), op);
}

struct value number_plus(struct call *call, const struct value *v, uint32_t count)
{
    return calculate(call, v, count, '+');
}

struct value number_minus(struct call *call, const struct value *v, uint32_t count)
{
    return calculate(call, v, count, '-');
}

struct value number_times(struct call *call, const struct value *v, uint32_t count)
{
    return calculate(call, v, count, '*');
}

struct value number_divided_by(struct call *call, const struct value *v, uint32_t count)
{
    return calculate(call, v, count, '/');
}

struct value number_modulo(struct call *call, const struct value *v, uint32_t count)
{
    return calculate(call, v, count, '%');
}

struct value filter_sum(const struct list *list)
{
    struct call none = {0};
    struct value sum = value_int(0);
    for (uint32_t i = 0; i < list->count; i++)
        sum = calculate_number(&none, filter_number(sum), filter_number(list->items[i]), '+');
    return sum;
}

static struct value plain(struct number n)
{
    return n.is_real ? real(n.real) : value_int(n.whole);
}

struct value number_abs(struct call *call, const struct value *v, uint32_t count)
{
    struct number n = filter_number(*v);
    (void)call;
    (void)count;
    if (n.is_real)
        return real(fabs(n.real));
    return n.whole == INT64_MIN ? real(-(double)INT64_MIN)
                                : value_int(n.whole < 0 ? -n.whole : n.whole);
}

static struct value whole(double n)
{
    return fabs(n) < 9e18 ? value_int((int64_t)n) : real(n);
}

/* Half goes away from zero, of the decimal number: 2.675 has two digits as 2.68. */
static bool round_decimal(struct decimal *d, int64_t digits)
{
    while (d->scale > digits) {
        bool is_last = d->scale == digits + 1;
        int64_t rest = d->units % 10;
        d->units /= 10;
        d->scale--;
        if (is_last && (rest >= 5 || rest <= -5))
            d->units += rest > 0 ? 1 : -1;
    }
    for (; d->scale < 0; d->scale++)
        if (__builtin_mul_overflow(d->units, 10, &d->units))
            return false;
    return true;
}

struct value number_round(struct call *call, const struct value *v, uint32_t count)
{
    struct number n = filter_number(*v), places = filter_number(argument(v, count, 1));
    double wanted = trunc(as_real(places));
    int64_t digits = wanted > 300 ? 300 : wanted < -300 ? -300 : (int64_t)wanted;
    struct decimal d;
    (void)call;
    if (!n.is_real && digits >= 0)
        return value_int(n.whole);
    if (!decimal_of(n, &d))
        return n.is_real && digits <= 0 ? whole(round(n.real)) : plain(n);
    if (digits < -18)
        return value_int(0);
    if (!round_decimal(&d, digits))
        return plain(n);
    return digits <= 0 ? value_int(d.scale ? 0 : d.units) : value_of(d);
}

struct value number_floor(struct call *call, const struct value *v, uint32_t count)
{
    struct number n = filter_number(*v);
    (void)call;
    (void)count;
    return n.is_real ? whole(floor(n.real)) : value_int(n.whole);
}

struct value number_ceil(struct call *call, const struct value *v, uint32_t count)
{
    struct number n = filter_number(*v);
    (void)call;
    (void)count;
    return n.is_real ? whole(ceil(n.real)) : value_int(n.whole);
}

struct value number_at_least(struct call *call, const struct value *v, uint32_t count)
{
    struct number n = filter_number(*v), least = filter_number(argument(v, count, 1));
    (void)call;
    return plain(as_real(n) < as_real(least) ? least : n);
}

struct value number_at_most(struct call *call, const struct value *v, uint32_t count)
{
    struct number n = filter_number(*v), most = filter_number(argument(v, count, 1));
    (void)call;
    return plain(as_real(n) > as_real(most) ? most : n);
}
