/*
** body.h - a request body as a list of slices in order: nothing is copied or
** encoded again on the way to the socket.
**
** Way out:  request.lua, core/transcript -> [body] -> net/transfer -> socket
**
** Holds references to the segments its slices lie in, so that undoing or closing
** a conversation during an upload is safe.
*/
#ifndef CM_BODY_H
#define CM_BODY_H

#include "core/base.h"
#include "core/segment.h"

typedef struct cm_body cm_body;

/* An empty body; the caller owns one reference. NULL: no memory. */
cm_body *cm_body_new(const cm_alloc *alloc);

/* Counted references. Immutable once the first reader exists. */
cm_body *cm_body_retain(cm_body *body);

/* Gives one reference back; the last one frees. Accepts NULL. */
void cm_body_release(cm_body *body);

/*
** The builder: adds bytes at the end, before the first read. On failure
** (CM_ERR_NOMEM, or CM_ERR_LIMIT when the length would pass what size_t holds)
** the body is what it was. A segment gets a reference more; static bytes must
** outlive every body.
*/
cm_status cm_body_append_copy(cm_body *body, cm_slice bytes);
cm_status cm_body_append_segment(cm_body *body, cm_segment *segment);
cm_status cm_body_append_static(cm_body *body, cm_slice bytes);

/* Total length in bytes. */
size_t cm_body_length(const cm_body *body);

/* A reading position; embed by value, start from { 0, 0 }. A body may have several readers. */
typedef struct cm_body_cursor {
  size_t slice;  /* index of the current slice */
  size_t offset; /* bytes of it already read */
} cm_body_cursor;

/* Copies up to size bytes to out and moves the cursor; 0 at the end. */
size_t cm_body_read(const cm_body *body, cm_body_cursor *cursor, char *out, size_t size);

/* What is left of the current slice, without a copy, and moves on; empty at the end. */
cm_slice cm_body_next(const cm_body *body, cm_body_cursor *cursor);

/* Puts the cursor at byte offset from the start; CM_ERR_LIMIT past the end. */
cm_status cm_body_seek(const cm_body *body, cm_body_cursor *cursor, size_t offset);

#endif
