/* reader.h: what the grammar asks of its reader; only parser.y and reader.c include it, behind the
 * generated parser.tab.h. */
#ifndef CAMP_GRAMMAR_READER_H
#define CAMP_GRAMMAR_READER_H

#include "grammar/scan.h"

union CAMP_YYSTYPE;
int camp_yylex(union CAMP_YYSTYPE *value, struct span *span, struct parse *parse);

/* Behind a mistake: skips to where reading goes on, and leaves that token as the lookahead. False:
 * nothing fitting stands there, and the parser is to look further. */
bool parse_recover(struct parse *parse, int *lookahead, union CAMP_YYSTYPE *value,
                   struct span *span);
/* To the next declaration, which stands no further in than the broken one: `event` begins
 * statements too. */
void parse_recover_declaration(struct parse *parse, int *lookahead, union CAMP_YYSTYPE *value,
                               struct span *span);

#endif
