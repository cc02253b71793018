/* provider_smtp.c: mail by SMTP (RFC 5321) over a few connections that are used again. libcurl
 * speaks; here stands what an answer means. An error before the mail was whole on its way is tried
 * again; after that, without an answer, nobody knows: UNKNOWN. */
#include <stdio.h>

#include "vm/run/mime.h"
#include "vm/run/provider_internal.h"

/* `Name <address>` or an address. */
static struct str address_of(struct str mailbox)
{
    size_t open = str_find(mailbox, STR("<"));
    struct str address = str_trim(open == SIZE_MAX ? mailbox : str_from(mailbox, open + 1));
    if (open != SIZE_MAX && address.len && address.at[address.len - 1] == '>')
        address.len--;
    return address;
}

bool smtp_prepare(struct flight *flight, const struct program *program,
                  const struct outbox_row *row, struct str unsubscribe_url)
{
    const struct image *image = program->image;
    struct str from = row->from.len ? row->from : image_text(image, image->projects[0].from_email);
    struct str sender = address_of(from);
    size_t at = str_find(sender, STR("@"));
    struct mail mail = {.from = from,
                        .to = row->to,
                        .reply_to = row->reply_to,
                        .subject = row->subject,
                        .preheader = row->preheader,
                        .text = row->text,
                        .html = row->html,
                        .key = {flight->key_text, 32},
                        .domain = str_from(sender, at == SIZE_MAX ? 0 : at + 1),
                        .unsubscribe_url = unsubscribe_url,
                        .at_ms = row->handed_at_ms};
    flight->from_at = flight_keep(flight, sender);
    flight->to_at = flight_keep(flight, row->to);
    /* The builder has checked both addresses when it was content. */
    return mime_write(&mail, &flight->content) && !flight->addresses.failed;
}

static size_t on_read(char *to, size_t size, size_t count, void *context)
{
    struct flight *flight = context;
    size_t left = flight->content.len - flight->sent_bytes, room = size * count;
    size_t length = left < room ? left : room;
    memcpy(to, flight->content.data + flight->sent_bytes, length);
    flight->sent_bytes += length;
    return length;
}

/* smtp://host:port/NAME: what we call ourselves; else libcurl would tell the machine's name. */
static void set_url(const struct deliver_options *options, CURL *easy)
{
    char url[1200];
    const char *host = strstr(options->email, "://");
    bool has_path = host && strchr(host + 3, '/');
    struct str name = options->public_url;
    size_t scheme = str_find(name, STR("://"));
    size_t length = 0;
    name = str_from(name, scheme == SIZE_MAX ? 0 : scheme + 3);
    while (length < name.len && ((name.at[length] >= 'a' && name.at[length] <= 'z') ||
                                 (name.at[length] >= '0' && name.at[length] <= '9') ||
                                 name.at[length] == '.' || name.at[length] == '-'))
        length++;
    bool is_name = length > 0 && (name.at[0] < '0' || name.at[0] > '9') && length < 100;
    snprintf(url, sizeof url, "%s%s%.*s", options->email, has_path ? "" : "/",
             has_path  ? 0
             : is_name ? (int)length
                       : 9,
             is_name ? name.at : "localhost");
    curl_easy_setopt(easy, CURLOPT_URL, url);
}

static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return strncmp(host, "localhost", 9) == 0 || strncmp(host, "127.", 4) == 0 ||
           strncmp(host, "[::1]", 5) == 0;
}

static void set_tls(const struct deliver_options *options, CURL *easy)
{
    enum deliver_tls tls = options->email_tls;
    bool is_always = strncmp(options->email, "smtps://", 8) == 0;
    if (tls == TLS_DEFAULT)
        tls = is_always || !is_loopback(options->email) ? TLS_REQUIRE : TLS_TRY;
    bool is_checked = tls == TLS_REQUIRE || is_always;
    curl_easy_setopt(easy, CURLOPT_USE_SSL,
                     (long)(tls == TLS_REQUIRE ? CURLUSESSL_ALL
                            : tls == TLS_TRY   ? CURLUSESSL_TRY
                                               : CURLUSESSL_NONE));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, is_checked ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, is_checked ? 2L : 0L);
    if (options->ca_file[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
}

/* What is the same for all mails; the handle keeps it. */
void smtp_set_up(const struct deliver_options *options, CURL *easy)
{
    if (strncmp(options->email, "smtp", 4) != 0)
        return;
    set_url(options, easy);
    set_tls(options, easy);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                     (long)((options->timeout_ms + 999) / 1000));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(options->timeout_ms * 5));
    if (options->email_user[0]) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, options->email_user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, options->email_password);
    }
}

void smtp_begin(struct providers *p, struct flight *flight)
{
    CURL *easy = NULL;
    for (int i = 0; i < SMTP_CONNECTIONS && !easy; i++) {
        easy = p->smtp[i];
        p->smtp[i] = NULL;
    }
    ensure(easy);
    flight->easy = easy;
    flight->lists = curl_slist_append(NULL, flight_text(flight, flight->to_at));
    curl_easy_setopt(easy, CURLOPT_PRIVATE, flight);
    curl_easy_setopt(easy, CURLOPT_READDATA, flight);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)flight->content.len);
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, flight_text(flight, flight->from_at));
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, flight->lists);
    fly(p, flight);
}

static void judge(struct flight *flight, CURLcode code)
{
    long reply = flight->code;
    bool is_whole = flight->sent_bytes == flight->content.len;
    const char *why = curl_easy_strerror(code);
    if (code == CURLE_OK) {
        flight_end(flight, OUTBOX_SENT, TROUBLE_NONE, NULL);
        return;
    }
    /* The server has answered the mail itself, its sender, recipient or content. */
    bool is_answer = code == CURLE_SEND_ERROR || (is_whole && code == CURLE_WEIRD_SERVER_REPLY);
    if (is_answer && reply >= 500 && reply < 600 && reply != 530 && reply != 535) {
        flight_end(flight, OUTBOX_FAILED, TROUBLE_MESSAGE, why);
        return;
    }
    if (is_answer && reply >= 400 && reply != 421) {
        flight_end(flight, OUTBOX_RETRY, TROUBLE_MESSAGE, why);
        return;
    }
    /* Also a reply that says yes with a number that nobody has defined. */
    if (is_whole && (reply == 354 || reply / 100 == 2 || reply == 0) && flight->sent_bytes) {
        flight_end(flight, OUTBOX_UNKNOWN, TROUBLE_NONE, why);
        return;
    }
    flight_end(flight, OUTBOX_RETRY, flight->sent_bytes ? TROUBLE_PROVIDER : TROUBLE_UNREACHABLE,
               why);
}

void smtp_end(struct providers *p, struct flight *flight, CURLcode code)
{
    long connects = 1;
    curl_easy_getinfo(flight->easy, CURLINFO_NUM_CONNECTS, &connects);
    judge(flight, code);
    /* A connection that was used before and has gone meanwhile tells nothing of the server. */
    if (flight->trouble == TROUBLE_UNREACHABLE && !connects) {
        flight->trouble = TROUBLE_NONE;
        flight->outcome.is_unused = true;
    }
    for (int i = 0; i < SMTP_CONNECTIONS; i++)
        if (!p->smtp[i]) {
            p->smtp[i] = flight->easy;
            break;
        }
}
