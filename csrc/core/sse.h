/*
** sse.h - cuts a byte stream into server-sent events, as WHATWG's event-stream
** format defines them.
**
** Way in:  socket -> response -> [sse] -> event -> message -> Lua
**
** Knows the framing and nothing of HTTP, JSON or Lua. Bytes are handed out as
** they came: whoever needs text checks or replaces what is not UTF-8, which comes
** to the same, since no byte that steers the framing occurs inside a character.
*/
#ifndef CM_SSE_H
#define CM_SSE_H

#include "core/base.h"
#include "core/buffer.h"

/* The slices are borrowed from the parser or from its input until its next call. */
typedef struct cm_sse_event {
  cm_slice name; /* the "event:" field, empty when there was none */
  cm_slice data; /* the "data:" lines, joined with '\n' */
  size_t offset; /* of the first byte of data, counted from the start of the stream */
} cm_sse_event;

/* Embed by value; all fields are private to sse.c. */
typedef struct cm_sse {
  cm_buffer line;     /* a line whose end has not arrived */
  cm_buffer name;     /* the event's name, once it must outlive the input */
  cm_buffer data;     /* the event's data, likewise */
  cm_sse_event event; /* what is known so far; slices point into the input or the buffers */
  size_t max_bytes;
  size_t position;   /* bytes read since the start of the stream */
  int bom;           /* bytes of a byte order mark seen at the start; 3: no longer looked for */
  int has_data;      /* a "data:" line came, even if it was empty */
  int reported;      /* event belongs to the caller until the next call */
  char line_end;     /* what the last line ended in: '\n' or '\r' */
  int skip_lf;       /* the last line ended in '\r': a '\n' right behind belongs to it */
  cm_status failure; /* CM_OK, or the error that ended this parser */
} cm_sse;

/* Cannot fail and allocates nothing. A line, and an event's data, may hold at most max_bytes. */
void cm_sse_init(cm_sse *sse, const cm_alloc *alloc, size_t max_bytes);
void cm_sse_deinit(cm_sse *sse);

/*
** Reads *input up to the end of the next event and moves *input past what it
** read. Call again with the same slice until it asks for more:
**
**   CM_OK         *event is filled in
**   CM_WANT_MORE  *input is used up, and nothing points into it any more
**   CM_ERR_LIMIT  a line or an event's data passed max_bytes  } and so does
**   CM_ERR_NOMEM  no memory                                   } every later call
**
** An event that the stream ends in the middle of is never reported, as the format
** says. A '\r' ends a line at once: nothing waits for a '\n' that may not come.
*/
cm_status cm_sse_next(cm_sse *sse, cm_slice *input, cm_sse_event *event);

/* Private to skip_event and sse.c. */
void cm_sse_forget_event(cm_sse *sse);

/*
** For a reader that knows some frames by their bytes: whether the next byte begins a frame,
** and going over one, of so many bytes and whole lines, that has been read.
*/
int cm_sse_is_between_events(const cm_sse *sse);
static inline void cm_sse_skip_event(cm_sse *sse, size_t length) {
  if (sse->reported) cm_sse_forget_event(sse);
  sse->position += length;
}

/* Bytes read since the start of the stream. */
size_t cm_sse_position(const cm_sse *sse);

#endif
