/*
** body.h - a request body as a list of slices and sources in order: nothing is copied
** or encoded again on the way to the socket, and what is in a file stays there until
** the socket wants it.
**
** Way out:  request.lua, core/transcript, os/file_source -> [body] -> net/transfer -> socket
**
** Holds references to the segments its slices lie in, and to its sources, so that
** undoing or closing a conversation during an upload is safe.
*/
#ifndef CM_BODY_H
#define CM_BODY_H

#include "core/base.h"
#include "core/segment.h"
#include "core/source.h"

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
** the body is what it was. A segment or source gets a reference more, also where only
** some bytes within a segment are added; static bytes must outlive every body.
*/
cm_status cm_body_reserve(cm_body *body, size_t parts); /* room for so many more */
cm_status cm_body_append_copy(cm_body *body, cm_slice bytes);
cm_status cm_body_append_segment(cm_body *body, cm_segment *segment);
cm_status cm_body_append_within(cm_body *body, cm_segment *segment, cm_slice bytes);
cm_status cm_body_append_static(cm_body *body, cm_slice bytes);
cm_status cm_body_append_source(cm_body *body, cm_source *source);

/* Whether reading cannot fail and waits for nothing: no part of it is in a source. */
int cm_body_is_at_hand(const cm_body *body);

/* Total length in bytes. */
size_t cm_body_length(const cm_body *body);

/* A reading position; embed by value, start from { 0, 0 }. A body may have several readers. */
typedef struct cm_body_cursor {
  size_t part;   /* index of the current slice or source */
  size_t offset; /* bytes of it already read */
} cm_body_cursor;

/* What cm_body_read returns when a source cannot be read. */
#define CM_BODY_UNREADABLE ((size_t)-1)

/*
** Copies up to size bytes to out and moves the cursor; 0 at the end. Fewer than size come
** only before the end or before a source that fails: cm_body_problem then says why.
*/
size_t cm_body_read(const cm_body *body, cm_body_cursor *cursor, char *out, size_t size);

/*
** The next bytes, moving on: what is left of the current slice, without a copy, or up to
** size bytes of a source, which are read into room. Empty at the end. CM_OK or CM_ERR_READ.
*/
cm_status cm_body_next(const cm_body *body, cm_body_cursor *cursor, char *room, size_t size,
                       cm_slice *bytes);

/* Why a source could not be read; "" when none has failed. Lives as long as the body. */
const char *cm_body_problem(const cm_body *body);

/* How many bytes are before the cursor. */
size_t cm_body_tell(const cm_body *body, const cm_body_cursor *cursor);

/* Puts the cursor at byte offset from the start; CM_ERR_LIMIT past the end. */
cm_status cm_body_seek(const cm_body *body, cm_body_cursor *cursor, size_t offset);

#endif
