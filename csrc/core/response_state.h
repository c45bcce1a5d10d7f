/*
** response_state.h - what the files of a response share, and nobody else looks into: response.c
** makes it and says what has come, response_writer.c is the transport's side, response_reader.c
** the reader's, with response_events.c for what is no plain delta and response_bytes.c for a body
** that is handed out as it comes; response_end.c judges how it ended.
*/
#ifndef CM_RESPONSE_STATE_H
#define CM_RESPONSE_STATE_H

#include "core/ahead.h"
#include "core/buffer.h"
#include "core/event.h"
#include "core/headers.h"
#include "core/message.h"
#include "core/queue.h"
#include "core/response.h"
#include "core/response_form.h"
#include "core/retell.h"
#include "core/sse.h"
#include "core/unnamed.h"

/* Bytes: the beginning of a frame that is longer is not searched again and again. */
enum { CM_RESPONSE_SMALL_FRAME = 16 * 1024 };

struct cm_response {
  const cm_alloc *alloc;
  unsigned long references;
  cm_response_limits limits;
  cm_failure failure;

  cm_headers headers;
  cm_form_wishes wishes;
  cm_response_form form;
  int takes_no_short_cut;
  cm_queue queue;   /* bytes of a stream; borrowed while delivery, and frame, are the reader's */
  size_t looked_at; /* unread bytes that next has seen: the beginning of a frame */
  cm_buffer body;   /* of a plain answer, or the data of an error event */
  size_t whole;     /* length of a body that became the message, whose memory it is */

  size_t scanned; /* of a streamed body: unread bytes that hold no line end */
  size_t handed;  /* bytes of it that were handed out, line ends too */
  cm_slice piece; /* what next_bytes or next_line handed out */

  cm_sse sse;
  cm_unnamed unnamed;
  cm_sse_event frame; /* the frame that event was read from */
  cm_event event;
  int steady;                     /* the next byte of the queue begins a frame */
  int event_waits;                /* event has been read and not yet been taken by message */
  const cm_delivery *piece_begun; /* only what goes on with it is to be taken; NULL: all is */
  cm_buffer held;                 /* the data of an event that waits behind a flush */
  cm_message message;
  cm_ahead ahead;   /* deltas that come before what is in the queue */
  cm_retell retell; /* of a message that came in one body */
  cm_delivery delivery;
  int pending;  /* the reader has not said that it has delivery */
  cm_slice raw; /* what the reader gets as the frame; ptr NULL: that of what was read ahead */

  int finished;
  cm_status transport; /* how it ended; its words are in failure until something has failed */
  unsigned long content_frames;
  size_t body_bytes; /* all that came, whatever became of it */
};

/* response_end.c. The first failure stays; each returns its status. */
cm_status cm_response_fail(cm_response *r, cm_status status, size_t offset, const char *text);

/* The transport has failed, and nothing before it. */
cm_status cm_response_fail_by_transport(cm_response *r, size_t offset);

/* The same of a status that may be CM_OK; what says which limit was passed, if one was. */
cm_status cm_response_fail_by(cm_response *r, cm_status status, size_t offset, const char *what);

cm_status cm_response_fail_by_status(cm_response *r);
cm_status cm_response_fail_by_error(cm_response *r, cm_slice data, size_t offset);

/* The transport has ended and all has been read. CM_END or how it failed. */
cm_status cm_response_judge_stream(cm_response *r);

/* The transport has ended: a success becomes the message. A failure shows in failure. */
void cm_response_judge_plain(cm_response *r);

/* What the reader has not taken grew beyond the limit. */
#define CM_RESPONSE_TOO_MUCH_WAITS "more bytes wait to be read than max_body_bytes"

/* response_events.c. The next frame of the queue, whatever it says, or that there is none. */
cm_status cm_response_next_frame(cm_response *r);

/* Fills delivery and raw with what the next event of the stream says. */
cm_status cm_response_next_event(cm_response *r);

/* Whether a delta goes on with the piece that has begun. */
static inline int cm_response_goes_on(const cm_delivery *piece, cm_delta_kind kind, int64_t index) {
  return piece->kind == cm_kind_of_delta(kind) && piece->index == index;
}

/* response_reader.c. What the last call of next handed out is no longer borrowed. */
void cm_response_begin_next(cm_response *r);

/* A message that is kept should not keep what it was read with. */
void cm_response_drop_working_memory(cm_response *r);

/* Goes over what input begins with as long as that is one more delta to the same block, and
   for about so many bytes at most. Returns whether there was any. */
int cm_response_read_deltas(cm_response *r, cm_slice *input, size_t most);

#endif
