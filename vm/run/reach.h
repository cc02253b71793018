/* reach.h: where a webhook may go: the public internet by https, and what the operator allows.
 * Pure: texts and addresses in, verdicts out. Addresses are looked at after the name was resolved,
 * those that are connected to, so that no name can lead elsewhere. */
#ifndef CAMP_VM_RUN_REACH_H
#define CAMP_VM_RUN_REACH_H

#include <sys/socket.h>

#include "vm/base/base.h"

/* A unicast address of the public internet: by the IANA registries for IPv4 and IPv6, and nothing
 * that only wraps another address (mapped, NAT64, 6to4, Teredo). */
bool address_is_public(const struct sockaddr *address);

/* NULL, or why this URL may not be called. `allow` lists HOST:PORT with blanks or commas between.
 * *is_allowed: it is listed, then plain http and private addresses are fine. */
const char *url_refusal(struct str url, const char *allow, bool *is_allowed);

#endif
