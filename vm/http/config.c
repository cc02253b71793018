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

/* `file:///var/spool/camp`; both channels share one folder. */
static bool set_outbox(struct config *config, const char *value, char error[512])
{
    if (strncmp(value, "file://", 7) != 0 || !value[7]) {
        snprintf(error, 512, "`%s` is not file://FOLDER, the only delivery there is yet", value);
        return false;
    }
    return copy(config->outbox, sizeof config->outbox, value + 7, "the folder", error);
}

static bool set_sms_from(struct config *config, const char *value, char error[512])
{
    return copy(config->sms_from, sizeof config->sms_from, value, "the sender", error);
}

static bool set_public_url(struct config *config, const char *value, char error[512])
{
    if (strncmp(value, "https://", 8) != 0 && strncmp(value, "http://", 7) != 0) {
        snprintf(error, 512, "`%s` is no http or https URL", value);
        return false;
    }
    return copy(config->public_url, sizeof config->public_url, value, "the URL", error);
}

static bool set_late_after(struct config *config, const char *value, char error[512])
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
            config->late_after_ms = number * units[i].ms;
            return true;
        }
    }
    snprintf(error, 512, "`%s` is no duration as `24 hours`", value);
    return false;
}

static const struct key keys[] = {
    {"delivery", "email", set_outbox},        {"delivery", "sms", set_outbox},
    {"delivery", "sms_from", set_sms_from},   {"ingest", "late_after", set_late_after},
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
    snprintf(reading->error, 512, "there is no key `%s` in [%s]", name, section);
    return 0;
}

void config_default(struct config *config)
{
    *config = (struct config){.listen = "127.0.0.1:8080",
                              .outbox = "./outbox",
                              .public_url = "http://127.0.0.1:8080",
                              .late_after_ms = 86400000};
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

bool config_read(struct config *config, const char *path, char *const *environment, char error[512])
{
    if (path && !read_file(config, path, error))
        return false;
    for (; *environment; environment++) {
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
    return true;
}
