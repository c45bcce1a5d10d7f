/*
** message_list.h - messages one behind the other, which transcripts share.
**
** Way out:  message -> transcript -> [message_list] -> body -> net/transfer -> socket
**
** Small messages lie side by side in segments, with the commas of a request between them:
** what lies so is a run, and goes out as one slice, however many messages it has. A large
** message is a run of its own. The comma before a message lies with it, also where it begins
** a run; only the first of all has none. Messages are only added at the end, and leave only from
** there; bytes that anybody may read never move and never change. Knows of each its role
** and where it lies; nothing of what it means.
*/
#ifndef CM_MESSAGE_LIST_H
#define CM_MESSAGE_LIST_H

#include "core/base.h"
#include "core/segment.h"

typedef enum cm_role { CM_ROLE_USER, CM_ROLE_ASSISTANT, CM_ROLE_SYSTEM } cm_role;

typedef struct cm_message_entry {
  cm_slice bytes;
  cm_role role;
} cm_message_entry;

/* Messages from first on, up to the first one of the next run. */
typedef struct cm_message_run {
  cm_segment *segment; /* where they lie, one reference */
  size_t first;
} cm_message_run;

/* Read freely; write only through these functions. */
typedef struct cm_message_list {
  const cm_alloc *alloc;
  size_t references;
  cm_message_entry *entries;
  size_t count;
  size_t capacity;
  cm_message_run *runs;
  size_t run_count;
  size_t run_capacity;
  size_t bytes;     /* of all messages together */
  cm_segment *open; /* where small messages are added, one reference; NULL: nowhere yet */
} cm_message_list;

/* The first count messages of a list (none of NULL), in a new one that shares their bytes. The
   caller owns one reference. NULL: no memory. */
cm_message_list *cm_message_list_begin(const cm_alloc *alloc, const cm_message_list *from,
                                       size_t count);

/* Counted references; the last release frees. release accepts NULL. */
cm_message_list *cm_message_list_retain(cm_message_list *list);
void cm_message_list_release(cm_message_list *list);

/* Adds a copy of a message. CM_ERR_NOMEM or CM_ERR_LIMIT (more bytes than size_t counts):
   nothing changed. */
cm_status cm_message_list_append(cm_message_list *list, cm_role role, cm_slice message);

/* The same with a message that a segment holds behind a comma, and nothing else: a large one stays
   where it is, and the segment gets a reference more. */
cm_status cm_message_list_adopt(cm_message_list *list, cm_role role, cm_segment *segment);

/* Removes messages from the end until count are left. */
void cm_message_list_truncate(cm_message_list *list, size_t count);

#endif
