/*
** http1.h - decodes one HTTP/1.1 response from the bytes of its connection.
**
** Way in:  a host's socket -> [http1] -> response -> bind/core/response -> Lua
**
** For hosts whose own sockets must be used instead of libcurl. Strict, as RFC 9112
** defines a client; where the RFC leaves a choice:
**
**   a lone LF          ends a status line, a header or a trailer (§2.2 allows it), but
**                      nothing of the chunked framing, where §2.2 does not
**   a bare CR          is an error (§2.2), and so is any other control character but a
**                      tab, NUL first of all (RFC 9110 §5.5)
**   a folded header    becomes one line, as §5.2 demands of a user agent; a blank in
**                      front of the first header is an error (§2.2)
**   the status line    may lack the blank behind the status if it has no reason (§4)
**   a version          is HTTP/1.0 or HTTP/1.x, which is read as 1.1 (RFC 9110 §2.5)
**   1xx                is passed over (RFC 9110 §15.2), except 101: nobody asked for that
**   Content-Length     given several times with one value counts once (§6.3 item 5)
**   Transfer-Encoding  is "chunked" or an error; an error, too, in HTTP/1.0 (§6.1) and
**                      beside Content-Length (§6.3 item 3)
**   Content-Encoding   is an error: the request asks for identity
**   chunk extensions   are skipped (§7.1.1), trailers checked and dropped (§7.1.2)
**
** The body's bytes go to the response from where they lie. What is split over two
** calls is kept: one line at most, and all lines together are bounded by the
** response's max_header_bytes. Does no I/O; the answer to HEAD is not its business.
*/
#ifndef CM_HTTP1_H
#define CM_HTTP1_H

#include <stdint.h>

#include "core/base.h"
#include "core/buffer.h"
#include "core/response.h"

/* What the next byte belongs to. */
typedef enum cm_http1_state {
  CM_HTTP1_STATUS_LINE,
  CM_HTTP1_HEADERS,
  CM_HTTP1_BODY, /* of a known length */
  CM_HTTP1_BODY_TO_END,
  CM_HTTP1_CHUNK_HEADER,
  CM_HTTP1_CHUNK_DATA,
  CM_HTTP1_CHUNK_END,
  CM_HTTP1_TRAILERS,
  CM_HTTP1_DONE
} cm_http1_state;

/* Embed by value; all fields are private to http1.c. */
typedef struct cm_http1 {
  cm_response *response; /* owns one reference */
  cm_http1_state state;
  cm_buffer line;      /* the line whose end has not arrived */
  cm_buffer field;     /* the header before, which the next line may go on with */
  size_t header_bytes; /* of all status lines, headers and trailers */
  int status;          /* of the status line read last */
  int minor;           /* of the version: 0 or 1 */
  int64_t length;      /* what Content-Length says, or -1 */
  int chunked;
  int says_close; /* Connection does */
  int says_keep_alive;
  int64_t left;       /* of the body, the chunk or the CRLF behind it */
  int surplus;        /* bytes came behind the end of the message */
  int ended;          /* the connection did */
  cm_failure failure; /* status CM_OK, or the error that ended this decoder */
} cm_http1;

/* Cannot fail and allocates nothing. Takes a reference to response, which is fresh. */
void cm_http1_init(cm_http1 *http1, const cm_alloc *alloc, cm_response *response);
void cm_http1_deinit(cm_http1 *http1);

/*
** Takes bytes of the connection, cut anywhere, and finishes the response with the last
** byte of its body. An error finishes the response with its status and text.
**
**   CM_OK            also for bytes behind the end of the message, which are dropped
**   CM_ERR_PROTOCOL  not HTTP/1.1, or an encoding that was not asked for  }
**   CM_ERR_LIMIT     the response's limits, or a chunk header without end } and so does
**   CM_ERR_NOMEM     no memory                                            } every later
**   negative         what had failed the response                         } call
*/
cm_status cm_http1_feed(cm_http1 *http1, cm_slice bytes);

/*
** The connection has ended: cleanly, or with the words (NUL-terminated) for how it
** failed. CM_OK if the message was done, or if its body ends where the connection
** does and the end was clean; otherwise CM_ERR_TRANSPORT, and the response is
** finished with a text that says where in the message it happened.
*/
cm_status cm_http1_end(cm_http1 *http1, const char *text);

/* The message has come to its end: nothing more needs to be read. */
int cm_http1_is_done(const cm_http1 *http1);

/* The connection may serve another request (RFC 9112 §9.3). */
int cm_http1_keeps_alive(const cm_http1 *http1);

/*
** What to read next where a read must say how much: CM_HTTP1_LINE for the rest of a
** line with its end, or a number of bytes that are surely to come. 1 if that is not
** known because the body ends with the connection; 0 if nothing is to come.
*/
enum { CM_HTTP1_LINE = -1 };
int64_t cm_http1_wants(const cm_http1 *http1);

/* status CM_OK while nothing has failed. */
const cm_failure *cm_http1_failure(const cm_http1 *http1);

#endif
