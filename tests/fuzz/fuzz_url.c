/* fuzz_url.c: an url that a webhook may call has the form that every reader reads in the same way.
 */
#include "vm/run/reach.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str url = {(const char *)data, size};
    bool is_allowed;
    if (url_refusal(url, "127.0.0.1:9000, crm:80", &is_allowed))
        return 0;
    ensure(str_starts(url, STR("https://")) || (is_allowed && str_starts(url, STR("http://"))));
    for (size_t i = 0; i < url.len; i++)
        ensure(url.at[i] > ' ' && url.at[i] <= '~' && url.at[i] != '\\');
    struct str rest = str_from(url, url.at[4] == 's' ? 8 : 7);
    ensure(rest.len && rest.at[0] != '/' && rest.at[0] != '@');
    return 0;
}
