/*
** ahead.h - deltas that were read when their bytes came, before anybody asked for them.
**
** Way in:  socket -> response -> [ahead], to the block in message -> response -> Lua
**
** For a reader that takes joined what has come. Nearly all that comes goes on with one part of
** one block. Read while it lies in the buffer
** that it was received in, its frames need not be kept until somebody asks: what is to be
** handed out is the text alone. What has not been handed out is no part of the block yet
** (see cm_block.ahead), so that a reader sees what it has been told of.
*/
#ifndef CM_AHEAD_H
#define CM_AHEAD_H

#include "core/base.h"
#include "core/buffer.h"
#include "core/delta.h"
#include "core/message.h"

/* Embed by value; all fields are private to ahead.c. */
typedef struct cm_ahead {
  cm_block *block; /* that all of them belong to; NULL: none is left */
  cm_delta_kind kind;
  cm_buffer text;    /* of all, one behind the other */
  cm_buffer lengths; /* two for each: of its text, and of what the block keeps of it */
  size_t at;         /* where in text the next begins */
  size_t next;       /* bytes of lengths whose deltas were handed out */
  size_t left;       /* deltas that are left */
  size_t kept;       /* what the block keeps of the one handed out last */
} cm_ahead;

/* Cannot fail and allocates nothing. */
void cm_ahead_init(cm_ahead *ahead, const cm_alloc *alloc);
void cm_ahead_deinit(cm_ahead *ahead);

/*
** Adds a delta to its block, to be handed out after those that are left. Returns 0, and
** nothing has changed, if it has to be read in the ordinary way when its turn comes.
*/
int cm_ahead_take(cm_ahead *ahead, cm_message *message, const cm_delta *delta);

/* About how many bytes of memory those take that are left. */
size_t cm_ahead_unread(const cm_ahead *ahead);

/*
** Fills *delivery with the next delta, or with all that are left up to about so many bytes of
** text as one; 0 if none is left. Its text is borrowed until the next call of take or next.
*/
int cm_ahead_next(cm_ahead *ahead, cm_message *message, size_t most, cm_delivery *delivery);

/*
** Appends the JSON text of the event that was handed out last. The spelling is ours: a text is
** as it came, tool input escaped anew. CM_OK, CM_ERR_NOMEM, CM_ERR_LIMIT.
*/
cm_status cm_ahead_tell_event(const cm_ahead *ahead, const cm_delivery *delivery, cm_buffer *out);

#endif
