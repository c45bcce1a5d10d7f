/*
** response.h - one HTTP response on its way in: status and headers, then either
** server-sent events that become a message, or a body that is kept as it came, or
** (cm_response_stream_body) a body of any length that is handed out as it comes.
**
** Way in:  socket -> net/transfer -> [response] -> bind_response -> Lua
**
** The transport writes (on_header, on_body, finish), the reader reads (next and
** the accessors). Bytes are parsed when the reader asks, so what was written and
** not yet read is the queue, and its size is what back-pressure looks at.
** Knows nothing of sockets, curl or Lua.
*/
#ifndef CM_RESPONSE_H
#define CM_RESPONSE_H

#include "core/base.h"
#include "core/event.h"
#include "core/message.h"

typedef struct cm_response cm_response;

typedef struct cm_response_limits {
  size_t max_event_bytes;  /* one server-sent event; 0 means 64 MiB */
  size_t max_body_bytes;   /* a body that is not a stream of events; 0 means 512 MiB */
  size_t max_header_bytes; /* all header lines together; 0 means 1 MiB */
  size_t max_line_bytes;   /* one line of next_line; 0 means 64 MiB */
} cm_response_limits;

/* Counted references: one for Lua's handle, one for the transfer that writes. NULL: no memory. */
cm_response *cm_response_new(const cm_alloc *alloc, const cm_response_limits *limits);
cm_response *cm_response_retain(cm_response *response);
void cm_response_release(cm_response *response);

/*
** From now on the body of a success is not kept and not looked into: next_bytes and
** next_line hand it out, and what they have not is what back-pressure looks at. An answer
** with another status stays as it is without this. To be called before the first byte.
*/
void cm_response_stream_body(cm_response *response);
int cm_response_streams_body(const cm_response *response);

/*
** From now on the body is kept as it came, of whatever type it is: also a stream of events
** is no stream. To be called before the first byte.
*/
void cm_response_keep_body(cm_response *response);

/*
** A message is expected, and some servers call a stream JSON or JSON a stream: from now on
** what the body begins with counts, and not what the headers call it.
*/
void cm_response_expect_message(cm_response *response);

/*
** From now on every frame is read the long way, for tests that hold the short cuts (core/delta.h,
** core/ahead.h) against it. To be called before the first byte.
*/
void cm_response_take_no_short_cut(cm_response *response);

/*
** One header line with or without its line end. "HTTP/…" starts a new header
** block (after 100 Continue or a proxy's CONNECT) and forgets the one before.
** Any error is final: every later call of any writer returns it.
*/
cm_status cm_response_on_header(cm_response *response, cm_slice line);

/* For a writer that must bound what it keeps of a line that has not ended. */
size_t cm_response_max_header_bytes(const cm_response *response);

/*
** Body bytes, copied. Of an answer whose status is not 2xx the first MiB is kept; more
** is CM_ERR_API, as the end of that body would be.
*/
cm_status cm_response_on_body(cm_response *response, cm_slice bytes);

/*
** The body is over. CM_OK: the transport saw a clean end; otherwise the transport's
** failure with its text (NUL-terminated, copied). Whether the message is complete is
** the response's own judgement: what counts is message_stop, or a stop reason with
** every block stopped. A second call is ignored.
*/
void cm_response_finish(cm_response *response, cm_status transport, const char *text);

/* Bytes written and not yet read by next(): the transport pauses above its high-water mark. */
size_t cm_response_unread(const cm_response *response);

/*
** What the limits on silence look at: whether the headers have ended; a count that grows with
** each frame parsed that was more than a ping, or, where the body is no stream, with each KiB
** of it; and whether a text or tool block is open.
*/
int cm_response_has_head(const cm_response *response);
unsigned long cm_response_content_count(const cm_response *response);
int cm_response_in_text_or_tool(const cm_response *response);

/*
** The reader's side. Frames without an event name are skipped, as the API's own
** clients do, unless no frame has one (core/unnamed.h); after message_stop nothing
** more is read.
**
** Fills *delivery with what the next frame says. It stays the current one, and next
** returns it again, until cm_response_taken: a reader that fails in between loses
** nothing. Its slices, and the frame's, are borrowed until the next call of next.
**
**   CM_OK         *delivery is filled in
**   CM_WANT_MORE  all that was written has been read, and finish has not been called
**   CM_END        the message is complete, or a body that is no stream has arrived
**   negative      what cm_response_failure says; stays
**
** A message that came as one JSON body is told as the events it could have been.
*/
cm_status cm_response_next(cm_response *response, cm_delivery *delivery);
void cm_response_taken(cm_response *response);

/*
** The reader's side of a streamed body: the next bytes, at least one and at most that
** many, or the next line without its end ("\n" or "\r\n"; the last may have none). Both
** may be used in turn. What is handed out stays the current one until cm_response_taken,
** as with next; the slice is borrowed until the next call of either.
**
**   CM_OK          *bytes or *line is filled in
**   CM_WANT_MORE   all that was written has been read, but for a line without its end
**   CM_END         the body is over
**   CM_ERR_LIMIT   a line is longer than max_line_bytes, however it was cut   } and so does
**   CM_ERR_API     the status is not that of a success                        } every later
**   negative       what the transport failed with, after all that came        } call
*/
cm_status cm_response_next_bytes(cm_response *response, size_t most, cm_slice *bytes);
cm_status cm_response_next_line(cm_response *response, cm_slice *line);

/*
** The same, but of adjacent deltas of one block and kind those that were read as they came are
** told as one, of about so many bytes at most.
*/
cm_status cm_response_next_joined(cm_response *response, size_t most, cm_delivery *delivery);

/*
** The same if what is next goes on with *delivery, a delta that has been taken; else
** CM_WANT_MORE, and what is next has not come to the message yet. (A message that came in one
** body is whole: there what does not go on waits for taken as ever.)
*/
cm_status cm_response_go_on_joined(cm_response *response, size_t most, cm_delivery *delivery);

/*
** The JSON text of the frame that next returned last; length 0 before the first, and where it
** returned none. Borrowed like what next fills in. CM_OK or CM_ERR_NOMEM.
*/
cm_status cm_response_frame(cm_response *response, cm_slice *frame);

/*
** What next returned last, if its frame says that and no more: a delta that was read ahead
** (core/ahead.h). Else NULL. Borrowed like what next fills in.
*/
const cm_delivery *cm_response_plain_delta(const cm_response *response);

/* status CM_OK while nothing has failed. */
const cm_failure *cm_response_failure(const cm_response *response);

/*
** What the API said, if the failure is CM_ERR_API: the data of an error event or the
** body of an answer whose status is not 2xx; returns 0 if it was not the API's form.
*/
int cm_response_api_error(const cm_response *response, cm_api_error *error);

/* The body as it came, unless it is a stream: then the data of its error event, if any. */
cm_slice cm_response_body(const cm_response *response);

int cm_response_is_event_stream(const cm_response *response);
int cm_response_is_finished(const cm_response *response);

/* Whether status and headers are all there: the body has begun, or there is none. */
int cm_response_has_begun(const cm_response *response);

/* 0 before the status line. */
int cm_response_status(const cm_response *response);

/*
** Goes through the headers of the last block in the order they came: start with
** *position 0; returns 0 at the end. Names are in lower case.
*/
int cm_response_next_header(const cm_response *response, size_t *position, cm_slice *name,
                            cm_slice *value);

/* The same headers as lines, as cm_headers_lines has them. */
cm_slice cm_response_header_lines(const cm_response *response);

/* Whether the block of that index is there, and is thinking without text: cm_block_is_silent. */
int cm_response_block_is_silent(cm_response *response, int64_t index);

/* The message so far. Borrowed; changes with next and finish. */
const cm_message *cm_response_message(const cm_response *response);

#endif
