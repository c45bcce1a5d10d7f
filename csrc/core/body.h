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

typedef struct cm_body cm_body;

/* Counted references. Immutable once the first reader exists. */
cm_body *cm_body_retain(cm_body *body);
void cm_body_release(cm_body *body);

/* Total length in bytes. */
size_t cm_body_length(const cm_body *body);

/* A reading position; embed by value. A body may have several readers. */
typedef struct cm_body_cursor {
  size_t slice;   /* index of the current slice */
  size_t offset;  /* bytes of it already read */
} cm_body_cursor;

/* Copies up to size bytes to out and moves the cursor; 0 at the end. */
size_t cm_body_read(const cm_body *body, cm_body_cursor *cursor, char *out, size_t size);

/* Puts the cursor at byte offset from the start; CM_ERR_LIMIT past the end. */
cm_status cm_body_seek(const cm_body *body, cm_body_cursor *cursor, size_t offset);

#endif
