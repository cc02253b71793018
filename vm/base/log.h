/* log.h: one JSON object a line on standard error: {"time","level","event",…}. Control characters
 * are escaped. Never give it a patient's data: ids of rows, names of the project, counts and
 * statuses only. */
#ifndef CAMP_VM_BASE_LOG_H
#define CAMP_VM_BASE_LOG_H

#include "vm/base/base.h"

enum log_level { LOG_INFO = 1, LOG_WARN, LOG_ERROR };
/* Pairs of name and text, ended by NULL: log_line(LOG_INFO, "deployed", "image", id, NULL). */
void log_line(enum log_level level, const char *event, ...) __attribute__((sentinel));
/* Below this level nothing is written. */
void log_threshold(enum log_level level);

#endif
