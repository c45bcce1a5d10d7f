/*
** segment.h - bytes with a reference count that never change and never move: sealed
** messages, or one piece of a request. What is shared between a conversation, its forks
** and the requests in flight is always a segment, so nobody has to copy and nobody can
** free bytes that somebody else still reads. One that was made with room takes more
** bytes behind those it has, which nobody notices who reads these.
**
** Counts are plain integers: a segment belongs to one Lua state and its thread.
*/
#ifndef CM_SEGMENT_H
#define CM_SEGMENT_H

#include "core/base.h"

typedef struct cm_segment cm_segment;

/* Copies bytes (may be empty). The caller owns one reference. NULL: no memory. */
cm_segment *cm_segment_new(const cm_alloc *alloc, cm_slice bytes);

/* Without any bytes yet, and with room for so many. Likewise. */
cm_segment *cm_segment_with_room(const cm_alloc *alloc, size_t capacity);
size_t cm_segment_room(const cm_segment *segment);

/* Copies bytes, for which there is room, behind those there are. Returns where they are. */
const char *cm_segment_extend(cm_segment *segment, cm_slice bytes);

/* Returns segment, with one reference more. */
cm_segment *cm_segment_retain(cm_segment *segment);

/* Gives one reference back; the last one frees. Accepts NULL. */
void cm_segment_release(cm_segment *segment);

/* Borrowed: valid for as long as the caller holds a reference. */
cm_slice cm_segment_bytes(const cm_segment *segment);

#endif
