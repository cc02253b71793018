/* reach.c: see reach.h. The URL is read strictly, by RFC 3986's generic syntax with a host name or
 * an address in brackets: what two readers could see differently (user names, backslashes, escapes
 * in the host) is refused, not repaired. */
#include "vm/run/reach.h"

#include <netinet/in.h>
#include <stdio.h>

enum { URL_BYTES = 2048, HOST_BYTES = 253, HTTPS_PORT = 443, HTTPS_OTHER_PORT = 8443 };

struct block {
    unsigned char bits[16];
    int length;
};

static bool is_within(const unsigned char *address, const unsigned char *bits, int length)
{
    int whole = length / 8, rest = length % 8;
    if (memcmp(address, bits, (size_t)whole) != 0)
        return false;
    return !rest || (address[whole] ^ bits[whole]) >> (8 - rest) == 0;
}

static bool is_public_v4(const unsigned char *address)
{
    /* IANA IPv4 Special-Purpose Address Registry, multicast and class E. */
    static const struct block blocks[] = {{{0}, 8},
                                          {{10}, 8},
                                          {{100, 64}, 10},
                                          {{127}, 8},
                                          {{169, 254}, 16},
                                          {{172, 16}, 12},
                                          {{192, 0, 0}, 24},
                                          {{192, 0, 2}, 24},
                                          {{192, 31, 196}, 24},
                                          {{192, 52, 193}, 24},
                                          {{192, 88, 99}, 24},
                                          {{192, 168}, 16},
                                          {{192, 175, 48}, 24},
                                          {{198, 18}, 15},
                                          {{198, 51, 100}, 24},
                                          {{203, 0, 113}, 24},
                                          {{224}, 4},
                                          {{240}, 4}};
    for (size_t i = 0; i < ARRAY_COUNT(blocks); i++)
        if (is_within(address, blocks[i].bits, blocks[i].length))
            return false;
    return true;
}

static bool is_public_v6(const unsigned char *address)
{
    /* Of 2000::/3, which is all that is given out: what is special, or wraps an IPv4 address. */
    static const struct block blocks[] = {{{0x20, 0x01, 0}, 23},
                                          {{0x20, 0x01, 0x0d, 0xb8}, 32},
                                          {{0x20, 0x02}, 16},
                                          {{0x26, 0x20, 0, 0x4f, 0x80, 0}, 48},
                                          {{0x3f, 0xff}, 20}};
    static const unsigned char global[] = {0x20};
    if (!is_within(address, global, 3))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(blocks); i++)
        if (is_within(address, blocks[i].bits, blocks[i].length))
            return false;
    return true;
}

bool address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return is_public_v4(
            (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)->sin_addr);
    if (address->sa_family == AF_INET6)
        return is_public_v6(
            (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)address)
                ->sin6_addr);
    return false;
}

static bool is_listed(struct str host, uint32_t port, const char *allow)
{
    char name[HOST_BYTES + 16];
    snprintf(name, sizeof name, STR_FMT ":%u", STR_ARG(host), port);
    size_t length = strlen(name);
    for (const char *at = allow; *at;) {
        size_t word = strcspn(at, ", \t");
        if (word == length && memcmp(at, name, length) == 0)
            return true;
        at += word + strspn(at + word, ", \t");
    }
    return false;
}

/* A name of the public name system, or a plain IPv4 address: nothing that a resolver completes or
 * reads as a number in another way. */
static bool is_public_host(struct str host)
{
    static const char *const ours[] = {".localhost", ".localdomain", ".local", ".internal",
                                       ".home.arpa"};
    size_t last = 0, dots = 0;
    if (host.at[0] == '[')
        return true;
    for (size_t i = 0; i < host.len; i++)
        if (host.at[i] == '.') {
            last = i + 1;
            dots++;
        }
    if (!dots || last == host.len)
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(ours); i++)
        if (str_ends(host, str_of(ours[i])))
            return false;
    if (host.at[last] < '0' || host.at[last] > '9')
        return true;
    for (size_t i = 0; i < host.len; i++) {
        bool is_first = i == 0 || host.at[i - 1] == '.';
        bool has_more = i + 1 < host.len && host.at[i + 1] != '.';
        if (host.at[i] != '.' && (host.at[i] < '0' || host.at[i] > '9'))
            return false;
        if (is_first && host.at[i] == '0' && has_more)
            return false;
    }
    return dots == 3;
}

static bool is_host_sign(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

/* The host without its port; *rest what follows it. */
static bool read_host(struct str authority, struct str *host, struct str *rest)
{
    size_t length = 0, label = 0;
    if (authority.len && authority.at[0] == '[') {
        length = str_find(authority, STR("]"));
        if (length == SIZE_MAX || length > 46)
            return false;
        *host = (struct str){authority.at, length + 1};
        for (size_t i = 1; i < length; i++) {
            char c = authority.at[i];
            bool is_sign = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
            if (!is_sign)
                return false;
        }
        *rest = str_from(authority, length + 1);
        return true;
    }
    while (length < authority.len && is_host_sign(authority.at[length])) {
        label = authority.at[length] == '.' ? 0 : label + 1;
        if (label > 63 ||
            (authority.at[length] == '.' && length && authority.at[length - 1] == '.'))
            return false;
        length++;
    }
    *host = (struct str){authority.at, length};
    *rest = str_from(authority, length);
    return length > 0 && length <= HOST_BYTES && authority.at[0] != '.' && authority.at[0] != '-';
}

static bool read_port(struct str text, uint32_t *port)
{
    *port = 0;
    if (text.len < 2 || text.len > 6 || text.at[0] != ':')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *port = *port * 10 + (uint32_t)(text.at[i] - '0');
    }
    return *port > 0 && *port <= 65535;
}

const char *url_refusal(struct str url, const char *allow, bool *is_allowed)
{
    char lower[URL_BYTES];
    struct str host, rest;
    uint32_t port;
    *is_allowed = false;
    if (!url.len || url.len > URL_BYTES)
        return "an url of 1 to 2048 bytes is needed";
    bool is_https = str_starts(url, STR("https://"));
    if (!is_https && !str_starts(url, STR("http://")))
        return "the url is neither https nor http";
    for (size_t i = 0; i < url.len; i++)
        if (url.at[i] <= ' ' || url.at[i] > '~' || strchr("\"<>\\^`{|}", url.at[i]))
            return "the url holds a sign that must be escaped";
    struct str authority = str_from(url, is_https ? 8 : 7);
    size_t end = 0;
    while (end < authority.len && !strchr("/?#", authority.at[end]))
        end++;
    authority.len = end;
    for (size_t i = 0; i < end; i++) {
        char c = authority.at[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    authority.at = lower;
    port = is_https ? HTTPS_PORT : 80;
    if (!read_host(authority, &host, &rest) || (rest.len && !read_port(rest, &port)))
        return "the url's host cannot be read";
    *is_allowed = is_listed(host, port, allow);
    if (*is_allowed)
        return NULL;
    if (!is_public_host(host))
        return "a host that is no public name, and not in [webhooks] allow";
    if (!is_https)
        return "plain http, and the host is not in [webhooks] allow";
    if (port != HTTPS_PORT && port != HTTPS_OTHER_PORT)
        return "a port other than 443 and 8443, and the host is not in [webhooks] allow";
    return NULL;
}
