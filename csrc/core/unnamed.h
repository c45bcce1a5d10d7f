/*
** unnamed.h - what becomes of frames without an event name.
**
** Way in:  socket -> response -> sse -> [unnamed] -> event
**
** The API names every event, and its own clients skip frames without a name. Some
** servers that speak its language name none; then the types inside the frames count.
** Which it is shows with the frame behind a message_start that has no name: that one
** is kept until then.
*/
#ifndef CM_UNNAMED_H
#define CM_UNNAMED_H

#include "core/base.h"
#include "core/buffer.h"
#include "core/sse.h"

/* Embed by value. Read freely; write only through these functions. */
typedef struct cm_unnamed {
  cm_buffer start;       /* data of a message_start without a name */
  cm_buffer next;        /* data of the frame behind it, while waits is set */
  cm_buffer error;       /* data of the first skipped frame that holds an error; empty: none */
  unsigned long skipped; /* frames */
  int named;             /* a frame with a name has come: those without are skipped */
  int none;              /* no frame of this stream has a name: all count */
  int waits;             /* next is to be read before the stream goes on */
} cm_unnamed;

void cm_unnamed_init(cm_unnamed *unnamed, const cm_alloc *alloc, size_t max_bytes);
void cm_unnamed_deinit(cm_unnamed *unnamed);

/*
** Says whether a frame of the stream is to be read; may put an earlier one into *frame,
** and this one is then what waits. Its data is then borrowed until deinit.
**
**   CM_OK   read *frame
**   CM_END  skip it
**   CM_ERR_NOMEM, CM_ERR_LIMIT
*/
cm_status cm_unnamed_judge(cm_unnamed *unnamed, cm_sse_event *frame);

/* Puts the frame that waits into *frame; 0 if none does. */
int cm_unnamed_take(cm_unnamed *unnamed, cm_sse_event *frame);

#endif
