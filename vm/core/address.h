/* address.h: strict forms of addresses, at arrival and again where a message is made. */
#ifndef CAMP_VM_CORE_ADDRESS_H
#define CAMP_VM_CORE_ADDRESS_H

#include "vm/base/base.h"

bool address_is_email(struct str address);
bool address_is_phone(struct str address); /* E.164 */

#endif
