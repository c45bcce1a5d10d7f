/*
** pairs.h - which tool calls of a message have their results in it, and which
** results their calls.
**
** Way in, its end:  ... message -> [pairs] in seal
*/
#ifndef CM_PAIRS_H
#define CM_PAIRS_H

#include "core/base.h"
#include "core/message.h"

/* Embed by value; all fields but calls are private to pairs.c. Borrows the message's ids. */
typedef struct cm_pairs {
  const cm_alloc *alloc;
  struct cm_pairs_entry *entries; /* the calls, then the results, each sorted by id */
  size_t capacity;
  size_t calls; /* that have an id */
  size_t results;
} cm_pairs;

/*
** Collects the ids. A result that has not stopped counts only if unstopped_too.
** CM_OK or CM_ERR_NOMEM; deinit is safe after both.
*/
cm_status cm_pairs_init(cm_pairs *pairs, const cm_alloc *alloc, const cm_message *message,
                        int unstopped_too);
void cm_pairs_deinit(cm_pairs *pairs);

/* Whether the block's partner is among the first end blocks of the message. */
int cm_pairs_has(const cm_pairs *pairs, const cm_block *block, size_t end);

/*
** The calls that have an id, sorted by it, those of one id in the order of the message:
** the position of the i-th's block. *same_id: the one before has its id.
*/
size_t cm_pairs_call(const cm_pairs *pairs, size_t i, int *same_id);

#endif
