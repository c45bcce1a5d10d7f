/*
** segment.h - immutable bytes with a reference count: one sealed message, or one
** piece of a request. What is shared between a conversation, its forks and the
** requests in flight is always a segment, so nobody has to copy and nobody can
** free bytes that somebody else still reads.
**
** Counts are plain integers: a segment belongs to one Lua state and its thread.
*/
#ifndef CM_SEGMENT_H
#define CM_SEGMENT_H

#include "core/base.h"

typedef struct cm_segment cm_segment;

/* Copies bytes (may be empty). The caller owns one reference. NULL: no memory. */
cm_segment *cm_segment_new(const cm_alloc *alloc, cm_slice bytes);

/* Returns segment, with one reference more. */
cm_segment *cm_segment_retain(cm_segment *segment);

/* Gives one reference back; the last one frees. Accepts NULL. */
void cm_segment_release(cm_segment *segment);

/* Borrowed: valid for as long as the caller holds a reference. */
cm_slice cm_segment_bytes(const cm_segment *segment);

#endif
