/* oracle.h: jansson's reading of a JSON text, written in a form of our own that can be compared;
 * apart from the tests because its names collide with those of vm/base/json.h. */
#ifndef CAMP_TESTS_UNIT_ORACLE_H
#define CAMP_TESTS_UNIT_ORACLE_H

#include "vm/base/buf.h"

enum oracle {
    ORACLE_ACCEPTS,
    ORACLE_REFUSES,
    ORACLE_CANNOT /* whole numbers over 64 bits and keys with NUL: limits of jansson alone */
};
/* T F N iNUMBER; rHEXFLOAT; sLENGTH:BYTES [ … ] { key value … } */
enum oracle oracle_read(struct str json, struct buf *out);
void oracle_put_text(struct buf *out, struct str text);

#endif
