/*
** headers.h - the status and the headers of one HTTP answer, line by line.
**
** Way in:  net/transfer -> response -> [headers]
**
** Tolerant where HTTP/1.0 to HTTP/3 and old servers differ. Knows nothing of bodies.
*/
#ifndef CM_HEADERS_H
#define CM_HEADERS_H

#include "core/base.h"
#include "core/buffer.h"

/* Embed by value; all fields are private to headers.c. */
typedef struct cm_headers {
  cm_buffer lines; /* "name:value\n" each, of the last block */
  size_t bytes;    /* of all blocks */
  size_t max_bytes;
  int status;
  int complete; /* the empty line behind them came */
} cm_headers;

void cm_headers_init(cm_headers *headers, const cm_alloc *alloc, size_t max_bytes);
void cm_headers_deinit(cm_headers *headers);

/*
** Takes one line, with or without its line end. "HTTP/…" begins a new block and
** forgets the one before; a line that begins with a blank goes on with the header
** before; a line without a colon is passed over; an empty one ends the block.
**
**   CM_OK
**   CM_ERR_PROTOCOL  a status line without a status of three digits, or a line that
**                    holds a line end
**   CM_ERR_LIMIT     more than max_bytes in all lines together
**   CM_ERR_NOMEM
*/
cm_status cm_headers_take(cm_headers *headers, cm_slice line);

/* 0 before the status line. */
int cm_headers_status(const cm_headers *headers);

/* Whether a block has ended that was no interim answer (1xx). */
int cm_headers_are_complete(const cm_headers *headers);

/* Goes through the headers from *position 0 on; 0 at the end. Names are in lower case. */
int cm_headers_next(const cm_headers *headers, size_t *position, cm_slice *name, cm_slice *value);

/* The block as "name:value\n" for each header, in order, names in lower case. Borrowed. */
cm_slice cm_headers_lines(const cm_headers *headers);

/* The same as cm_headers_next in a block's lines; 0 where no such line is left. */
int cm_headers_next_line(cm_slice lines, size_t *position, cm_slice *name, cm_slice *value);

/* The value of the last header of that lower-case name, or a slice of length 0. */
cm_slice cm_headers_get(const cm_headers *headers, const char *name);

/* Whether haystack holds needle, which is in lower case, in whatever case. */
int cm_headers_mentions(cm_slice haystack, const char *needle);

#endif
