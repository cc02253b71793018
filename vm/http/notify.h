/* notify.h: telling systemd how the service is, by the datagram of sd_notify(3); nothing where
 * nobody listens ($NOTIFY_SOCKET). */
#ifndef CAMP_VM_HTTP_NOTIFY_H
#define CAMP_VM_HTTP_NOTIFY_H

#include <stdint.h>

/* `READY=1`, `STOPPING=1`, `WATCHDOG=1`, `STATUS=…`. */
void notify(const char *state);
/* How often it wants to hear WATCHDOG=1: half of $WATCHDOG_USEC; 0 never. */
int64_t notify_watchdog_ms(void);

#endif
