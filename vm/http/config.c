/* config.c: see config.h. Every key stands once in `keys`. */
#include "vm/http/config.h"

#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

struct key {
    const char *section, *name;
    bool (*set)(struct config *config, const char *value, char error[512]);
};

static bool copy(char *to, size_t room, const char *value, const char *what, char error[512])
{
    if (strlen(value) < room) {
        memcpy(to, value, strlen(value) + 1);
        return true;
    }
    snprintf(error, 512, "%s is too long", what);
    return false;
}

static bool is_loopback(const char *host)
{
    return strncmp(host, "localhost", 9) == 0 || strncmp(host, "127.", 4) == 0 ||
           strncmp(host, "[::1]", 5) == 0;
}

static bool set_email(struct config *config, const char *value, char error[512])
{
    static const char *const schemes[] = {"file://", "smtp://", "smtps://"};
    for (size_t i = 0; i < ARRAY_COUNT(schemes); i++) {
        size_t length = strlen(schemes[i]);
        if (strncmp(value, schemes[i], length) != 0 || !value[length])
            continue;
        if (i && strchr(value, '@')) {
            snprintf(error, 512,
                     "no name or password in the URL: they are email_user and "
                     "email_password_file");
            return false;
        }
        return copy(config->delivery.email, sizeof config->delivery.email, value, "the URL", error);
    }
    snprintf(error, 512, "`%s` is not file://FOLDER, smtp://HOST:PORT or smtps://HOST:PORT", value);
    return false;
}

static bool set_sms(struct config *config, const char *value, char error[512])
{
    bool is_http = strncmp(value, "http://", 7) == 0;
    bool is_fine = (strncmp(value, "file://", 7) == 0 && value[7]) ||
                   (strncmp(value, "https://", 8) == 0 && value[8]) || (is_http && value[7]);
    if (is_http && !is_loopback(value + 7)) {
        snprintf(error, 512,
                 "`%s`: plain http would show the token to everybody on the way; "
                 "https is needed but on this machine",
                 value);
        return false;
    }
    if (is_fine)
        return copy(config->delivery.sms, sizeof config->delivery.sms, value, "the URL", error);
    snprintf(error, 512, "`%s` is not file://FOLDER or the https:// address of an API", value);
    return false;
}

/* A secret stands alone in its file; the line end behind it is not part of it. */
static bool read_secret(char to[DELIVER_SECRET_BYTES], const char *path, char error[512])
{
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(to, 1, DELIVER_SECRET_BYTES, file) : 0;
    bool is_read = file && !ferror(file) && length < DELIVER_SECRET_BYTES;
    if (file)
        fclose(file);
    to[is_read ? length : 0] = 0;
    while (is_read && length && (to[length - 1] == '\n' || to[length - 1] == '\r'))
        to[--length] = 0;
    if (is_read && length)
        return true;
    snprintf(error, 512, "the secret's file %.300s cannot be read, is empty or too long", path);
    return false;
}

/* Texts that are only kept. */
#define SET_TEXT(function, member, what)                                                           \
    static bool function(struct config *config, const char *value, char error[512])                \
    {                                                                                              \
        return copy(config->delivery.member, sizeof config->delivery.member, value, what, error);  \
    }
SET_TEXT(set_sms_from, sms_from, "the sender")
SET_TEXT(set_sms_account, sms_account, "the account")
SET_TEXT(set_email_user, email_user, "the user's name")
SET_TEXT(set_ca_file, ca_file, "the path")
SET_TEXT(set_allow, webhooks_allow, "the list")

#define SET_SECRET(function, member)                                                               \
    static bool function(struct config *config, const char *value, char error[512])                \
    {                                                                                              \
        return read_secret(config->delivery.member, value, error);                                 \
    }
SET_SECRET(set_sms_token, sms_token)
SET_SECRET(set_email_password, email_password)
SET_SECRET(set_signing_key, signing_key)

static bool choose(const char *value, const char *const words[], int *chosen, char error[512])
{
    for (*chosen = 0; words[*chosen]; ++*chosen)
        if (strcmp(value, words[*chosen]) == 0)
            return true;
    snprintf(error, 512, "`%s` is not %s or %s%s%s", value, words[0], words[1],
             words[2] ? " or " : "", words[2] ? words[2] : "");
    return false;
}

static const char *const unknown_words[] = {"hold", "retry", NULL};

static bool set_email_unknown(struct config *config, const char *value, char error[512])
{
    int chosen;
    bool is_fine = choose(value, unknown_words, &chosen, error);
    config->delivery.retries_unknown_email = is_fine && chosen == 1;
    return is_fine;
}

static bool set_sms_unknown(struct config *config, const char *value, char error[512])
{
    int chosen;
    bool is_fine = choose(value, unknown_words, &chosen, error);
    config->delivery.retries_unknown_sms = is_fine && chosen == 1;
    return is_fine;
}

static bool set_tracking(struct config *config, const char *value, char error[512])
{
    static const char *const words[] = {"on", "off", NULL};
    int chosen;
    bool is_fine = choose(value, words, &chosen, error);
    config->delivery.leaves_links = is_fine && chosen == 1;
    return is_fine;
}

static bool set_email_tls(struct config *config, const char *value, char error[512])
{
    static const char *const words[] = {"require", "try", "never", NULL};
    static const enum deliver_tls meanings[] = {TLS_REQUIRE, TLS_TRY, TLS_NEVER, TLS_DEFAULT};
    int chosen;
    bool is_fine = choose(value, words, &chosen, error);
    config->delivery.email_tls = meanings[is_fine ? chosen : 3];
    return is_fine;
}

/* Any name of [secrets]: NAME_file is a path; the environment may also hold NAME's value itself. */
static bool set_named_secret(struct config *config, const char *name, const char *value,
                             bool may_be_value, char error[512])
{
    char lower[SECRET_NAME + 8];
    struct deliver_options *d = &config->delivery;
    size_t length = strlen(name);
    if (length >= sizeof lower) {
        snprintf(error, 512, "the name of a secret is too long");
        return false;
    }
    for (size_t i = 0; i <= length; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    bool is_file = length > 5 && strcmp(lower + length - 5, "_file") == 0;
    if (is_file)
        lower[length - 5] = 0;
    if (!is_file && !may_be_value) {
        snprintf(error, 512, "secrets come from files: write %.60s_file = PATH", name);
        return false;
    }
    struct secret *secret = NULL;
    for (uint32_t i = 0; i < d->secret_count; i++)
        if (strcmp(d->secrets[i].name, lower) == 0)
            secret = &d->secrets[i];
    if (!secret && d->secret_count == SECRETS) {
        snprintf(error, 512, "at most %d secrets", SECRETS);
        return false;
    }
    secret = secret ? secret : &d->secrets[d->secret_count++];
    return copy(secret->name, sizeof secret->name, lower, "the secret's name", error) &&
           (is_file ? read_secret(secret->value, value, error)
                    : copy(secret->value, sizeof secret->value, value, "the secret", error));
}

static bool set_public_url(struct config *config, const char *value, char error[512])
{
    if (strncmp(value, "https://", 8) != 0 && strncmp(value, "http://", 7) != 0) {
        snprintf(error, 512, "`%s` is no http or https URL", value);
        return false;
    }
    return copy(config->public_url, sizeof config->public_url, value, "the URL", error);
}

static bool read_duration(const char *value, int64_t *ms, char error[512])
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"second", 1000}, {"minute", 60000}, {"hour", 3600000}, {"day", 86400000}};
    char *end;
    long number = strtol(value, &end, 10);
    while (*end == ' ')
        end++;
    for (size_t i = 0; end != value && number > 0 && number < 100000 && i < ARRAY_COUNT(units);
         i++) {
        size_t length = strlen(units[i].unit);
        if (strncmp(end, units[i].unit, length) == 0 &&
            (!end[length] || strcmp(end + length, "s") == 0)) {
            *ms = number * units[i].ms;
            return true;
        }
    }
    snprintf(error, 512, "`%s` is no duration as `24 hours`", value);
    return false;
}

static bool set_late_after(struct config *config, const char *value, char error[512])
{
    return read_duration(value, &config->late_after_ms, error);
}

static bool set_timeout(struct config *config, const char *value, char error[512])
{
    if (!read_duration(value, &config->delivery.timeout_ms, error))
        return false;
    if (config->delivery.timeout_ms <= 600000)
        return true;
    snprintf(error, 512, "`%s`: at most 10 minutes", value);
    return false;
}

static const struct key keys[] = {
    {"delivery", "email", set_email},
    {"delivery", "email_user", set_email_user},
    {"delivery", "email_password_file", set_email_password},
    {"delivery", "email_tls", set_email_tls},
    {"delivery", "email_unknown", set_email_unknown},
    {"delivery", "sms", set_sms},
    {"delivery", "sms_account", set_sms_account},
    {"delivery", "sms_token_file", set_sms_token},
    {"delivery", "sms_from", set_sms_from},
    {"delivery", "sms_unknown", set_sms_unknown},
    {"delivery", "ca_file", set_ca_file},
    {"delivery", "timeout", set_timeout},
    {"delivery", "tracking", set_tracking},
    {"ingest", "late_after", set_late_after},
    {"webhooks", "allow", set_allow},
    {"webhooks", "signing_key_file", set_signing_key},
    {"server", "public_url", set_public_url},
};

struct reading {
    struct config *config;
    char *error;
};

static int take(void *context, const char *section, const char *name, const char *value)
{
    struct reading *reading = context;
    if (reading->error[0])
        return 1; /* inih reads on; the first mistake is the one that is told */
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
            return keys[i].set(reading->config, value, reading->error);
    if (strcmp(section, "secrets") == 0)
        return set_named_secret(reading->config, name, value, false, reading->error);
    snprintf(reading->error, 512, "there is no key `%s` in [%s]", name, section);
    return 0;
}

void config_default(struct config *config)
{
    *config = (struct config){
        .listen = "127.0.0.1:8080",
        .late_after_ms = 86400000,
        .delivery = {.email = "file://./outbox", .sms = "file://./outbox", .timeout_ms = 60000}};
}

static bool read_file(struct config *config, const char *path, char error[512])
{
    char why[512] = "";
    struct reading reading = {config, why};
    int line = ini_parse(path, take, &reading);
    if (line == 0)
        return true;
    if (line < 0)
        snprintf(error, 512, "%s: cannot be read", path);
    else
        snprintf(error, 512, "%.200s:%d: %.250s", path, line,
                 why[0] ? why : "neither [section] nor key = value");
    return false;
}

/* What belongs together. */
static bool is_whole(const struct config *config, char error[512])
{
    const struct deliver_options *d = &config->delivery;
    bool is_api = strncmp(d->sms, "http", 4) == 0;
    const char *missing = !is_api              ? NULL
                          : !d->sms_account[0] ? "sms_account"
                          : !d->sms_token[0]   ? "sms_token_file"
                          : !d->sms_from[0]    ? "sms_from"
                                               : NULL;
    if (missing)
        snprintf(error, 512, "[delivery] sms is an API: %s is needed, too", missing);
    else if (d->signing_key[0] && strncmp(d->signing_key, "whsec_", 6) != 0)
        snprintf(error, 512, "[webhooks] signing_key_file: a key begins with whsec_");
    else
        return true;
    return false;
}

/* NAME=value or NAME_FILE=path, after CAMPD_SECRETS_. */
static bool read_environment_secret(struct config *config, const char *pair, char error[512])
{
    char name[128], why[512] = "";
    const char *equals = strchr(pair, '=');
    size_t length = equals ? (size_t)(equals - pair) : 0;
    if (!length || length >= sizeof name)
        return true;
    memcpy(name, pair, length);
    name[length] = 0;
    if (set_named_secret(config, name, equals + 1, true, why))
        return true;
    snprintf(error, 512, "CAMPD_SECRETS_%s: %.300s", name, why);
    return false;
}

bool config_read(struct config *config, const char *path, char *const *environment, char error[512])
{
    if (path && !read_file(config, path, error))
        return false;
    for (; *environment; environment++) {
        if (strncmp(*environment, "CAMPD_SECRETS_", 14) == 0 &&
            !read_environment_secret(config, *environment + 14, error))
            return false;
        for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
            char name[64], why[512];
            snprintf(name, sizeof name, "CAMPD_%s_%s=", keys[i].section, keys[i].name);
            for (char *at = name; *at; at++)
                *at = (char)toupper((unsigned char)*at);
            if (strncmp(*environment, name, strlen(name)) != 0)
                continue;
            if (!keys[i].set(config, *environment + strlen(name), why)) {
                name[strlen(name) - 1] = 0;
                snprintf(error, 512, "%.60s: %.400s", name, why);
                return false;
            }
        }
    }
    return is_whole(config, error);
}
