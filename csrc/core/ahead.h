/*
** ahead.h - deltas that were read when their bytes came, before anybody asked for them.
**
** Way in:  socket -> response -> [ahead], to the block in message -> response -> Lua
**
** Nearly all that comes goes on with one part of one block. Read while it lies in the buffer
** that it was received in, its frames need not be kept until somebody asks: what is to be
** handed out is the text alone. What has not been handed out is no part of the block yet
** (see cm_block.ahead), so that a reader sees what it has been told of.
*/
#ifndef CM_AHEAD_H
#define CM_AHEAD_H

#include <stdint.h>
#include <string.h>

#include "core/base.h"
#include "core/buffer.h"
#include "core/delta.h"
#include "core/message.h"

/* Of a delta. */
typedef struct cm_ahead_lengths {
  uint32_t text;
  uint32_t kept; /* what the block keeps of it */
} cm_ahead_lengths;

/* Embed by value; all fields are private to ahead.c. */
typedef struct cm_ahead {
  cm_delta_head head; /* of the last that was read */
  cm_block *block;    /* that all of them belong to; NULL: there was none yet */
  cm_delta_kind kind;
  cm_kind told_as;
  int part;          /* of the block */
  cm_buffer text;    /* of all, one behind the other */
  cm_buffer lengths; /* of each */
  size_t at;         /* where in text the next begins */
  size_t next;       /* bytes of lengths whose deltas were handed out */
  size_t left;       /* deltas that are left */
  size_t kept;       /* what the block keeps of the one handed out last */
} cm_ahead;

/* Cannot fail and allocates nothing. */
void cm_ahead_init(cm_ahead *ahead, const cm_alloc *alloc);
void cm_ahead_deinit(cm_ahead *ahead);

/*
** Goes over the deltas that input begins with, as long as each goes on with the one before and all
** of them with what is left, or with the block that was changed last. Each is added to its block,
** to be handed out in its turn. Stops after about so many bytes, and before a frame that is longer
** than max_length or has to be read in the ordinary way when its turn comes: of that nothing has
** changed. Returns how many there were.
*/
size_t cm_ahead_read(cm_ahead *ahead, cm_message *message, cm_slice *input, size_t max_length,
                     size_t most);

/* About how many bytes of memory those take that are left. */
size_t cm_ahead_unread(const cm_ahead *ahead);

/* Private to next: goes over more of what is left, as long as its text fits, too. */
size_t cm_ahead_join(cm_ahead *ahead, size_t total, size_t most);

/*
** The next delta, of which one is left, or all that are left up to about so many bytes of text as
** one. Its text is borrowed until the next call of read or next. By value: two places get it, and
** read back from one of them, in pieces of another size, it would be waited for.
*/
static inline cm_delivery cm_ahead_next(cm_ahead *ahead, cm_message *message, size_t most) {
  cm_delivery delivery;
  cm_ahead_lengths first;
  size_t length;

  memcpy(&first, ahead->lengths.ptr + ahead->next, sizeof first);
  length = first.text;
  ahead->kept = first.kept;
  ahead->next += sizeof first;
  ahead->left--;
  if (most > 0) length = cm_ahead_join(ahead, length, most);
  delivery.kind = ahead->told_as;
  delivery.index = ahead->block->index;
  delivery.text.ptr = ahead->text.ptr + ahead->at; /* there is room even for no text */
  delivery.text.len = length;
  ahead->at += length;
  ahead->block->ahead -= ahead->kept;
  message->flushed = 0;
  return delivery;
}

/*
** Appends the JSON text of the event that was handed out last. The spelling is ours: a text is
** as it came, tool input escaped anew. CM_OK, CM_ERR_NOMEM, CM_ERR_LIMIT.
*/
cm_status cm_ahead_tell_event(const cm_ahead *ahead, const cm_delivery *delivery, cm_buffer *out);

#endif
