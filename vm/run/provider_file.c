/* provider_file.c: messages into a folder: one .eml or .json each, named by its key and put in
 * place by an atomic rename, so that a second try after a crash writes the same file again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/base/hash.h"
#include "vm/base/json.h"
#include "vm/base/log.h"
#include "vm/run/provider_internal.h"

static const char *folder_of(const struct deliver_options *options, uint8_t channel)
{
    return (channel == CHANNEL_EMAIL ? options->email : options->sms) + 7;
}

static const char *ending_of(uint8_t channel)
{
    return channel == CHANNEL_EMAIL ? ".eml" : ".json";
}

static void put_sms(const struct deliver_options *options, const struct outbox_row *row,
                    struct buf *out)
{
    buf_c(out, "{\"To\":");
    json_put_text(out, row->to);
    buf_c(out, ",\"From\":");
    json_put_text(out, str_of(options->sms_from));
    buf_c(out, ",\"Body\":");
    json_put_text(out, row->text);
    buf_c(out, "}\n");
}

bool file_prepare(const struct deliver_options *options, struct flight *flight,
                  const struct program *program, const struct outbox_row *row,
                  struct str unsubscribe_url)
{
    if (row->channel == CHANNEL_EMAIL)
        return smtp_prepare(flight, program, row, unsubscribe_url);
    put_sms(options, row, &flight->content);
    return !flight->content.failed;
}

/* Whole and synced under another name first: nobody sees half a message. */
static bool put_in_place(const char *folder, const char *name, const char *ending, struct str bytes)
{
    char temporary[4096], path[4096];
    snprintf(temporary, sizeof temporary, "%s/.%s%s.tmp", folder, name, ending);
    snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    mkdir(folder, 0750);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    bool is_written = true;
    for (struct str rest = bytes; is_written && rest.len;) {
        ssize_t n = write(fd, rest.at, rest.len);
        is_written = n > 0;
        rest = str_from(rest, n > 0 ? (size_t)n : 0);
    }
    is_written = is_written && fsync(fd) == 0;
    is_written = close(fd) == 0 && is_written;
    if (is_written && rename(temporary, path) == 0)
        return true;
    unlink(temporary);
    return false;
}

void file_begin(const struct deliver_options *options, struct flight *flight)
{
    if (put_in_place(folder_of(options, flight->channel), flight->key_text,
                     ending_of(flight->channel), buf_view(&flight->content)))
        flight_end(flight, OUTBOX_SENT, TROUBLE_NONE, NULL);
    else
        flight_end(flight, OUTBOX_RETRY, TROUBLE_UNREACHABLE, strerror(errno));
}

bool file_has(const struct deliver_options *options, const struct outbox_row *row)
{
    char path[4096];
    struct buf hex;
    buf_init(&hex, 64);
    buf_hex(&hex, (struct str){(const char *)row->key, sizeof row->key});
    snprintf(path, sizeof path, "%s/" STR_FMT "%s", folder_of(options, row->channel),
             STR_ARG(buf_view(&hex)), ending_of(row->channel));
    buf_free(&hex);
    return access(path, F_OK) == 0;
}
