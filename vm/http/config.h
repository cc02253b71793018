/* config.h: what an operator may set: the command line, an INI file (inih), and CAMPD_SECTION_KEY
 * of the environment, the later over the earlier. An unknown key is an error that names its line.
 */
#ifndef CAMP_VM_HTTP_CONFIG_H
#define CAMP_VM_HTTP_CONFIG_H

#include "vm/run/deliver.h"

struct config {
    char listen[256];
    char clock[128]; /* START[,RATE]; empty: the real one */
    struct deliver_options delivery;
    char public_url[512]; /* empty: where it listens */
    int64_t late_after_ms;
};
void config_default(struct config *config);
/* Reads the file (NULL: none), then the environment. False: *error says what, where and why. */
bool config_read(struct config *config, const char *path, char *const *environment,
                 char error[512]);

#endif
