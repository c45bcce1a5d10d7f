/*
** rate_limit.h - what one header of an answer tells of a rate limit.
**
** Way in:  headers -> [rate_limit] -> binding
*/
#ifndef CM_RATE_LIMIT_H
#define CM_RATE_LIMIT_H

#include "core/base.h"

typedef enum cm_rate_limit_member {
  CM_RATE_LIMIT_LIMIT,     /* how much is allowed */
  CM_RATE_LIMIT_REMAINING, /* how much of it is left */
  CM_RATE_LIMIT_RESET      /* when it is whole again, in seconds since 1970 */
} cm_rate_limit_member;

enum { CM_RATE_LIMIT_LONGEST = 64 }; /* a name of what is limited, with its NUL */

typedef struct cm_rate_limit {
  char what[CM_RATE_LIMIT_LONGEST]; /* such as "input_tokens", "priority_output_tokens" */
  cm_rate_limit_member member;
  double value;
} cm_rate_limit;

/*
** Reads "anthropic-ratelimit-input-tokens-reset" and the like, its name in lower case. 0 where
** a header tells of no limit, or nothing that can be read.
*/
int cm_rate_limit_read(cm_slice name, cm_slice value, cm_rate_limit *found);

#endif
