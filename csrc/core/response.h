/*
** response.h - one HTTP response on its way in: status and headers, then either
** server-sent events that become a message, or a body that is kept as it came.
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

typedef struct cm_response cm_response;

typedef struct cm_response_limits {
  size_t max_event_bytes;  /* one server-sent event; 0 means 64 MiB */
  size_t max_body_bytes;   /* a body that is not a stream of events; 0 means 512 MiB */
  size_t max_header_bytes; /* all header lines together; 0 means 1 MiB */
} cm_response_limits;

/* Counted references: one for Lua's handle, one for the transfer that writes. NULL: no memory. */
cm_response *cm_response_new(const cm_alloc *alloc, const cm_response_limits *limits);
cm_response *cm_response_retain(cm_response *response);
void cm_response_release(cm_response *response);

/*
** One header line with or without its line end. "HTTP/…" starts a new header
** block (after 100 Continue or a proxy's CONNECT) and forgets the one before.
** Any error is final: every later call of any writer returns it.
*/
cm_status cm_response_on_header(cm_response *response, cm_slice line);

/* Body bytes, copied. */
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
** Counts frames parsed that were more than pings, and whether a text or tool block is open:
** the limits on silence look at both.
*/
unsigned long cm_response_content_count(const cm_response *response);
int cm_response_in_text_or_tool(const cm_response *response);

#endif
