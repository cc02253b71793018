/* xml.h: text in XML and HTML. */
#ifndef CAMP_COMPILER_TOOL_XML_H
#define CAMP_COMPILER_TOOL_XML_H

#include "vm/base/buf.h"

/* As text or between double quotes. XML 1.0 has no way to write most control characters: they
 * become `?`. */
void put_xml(struct buf *out, struct str text);

#endif
