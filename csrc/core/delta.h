/*
** delta.h - the deltas that make up nearly all of a stream, in the one spelling
** that the API uses for them.
**
** Way in:  ... response, which asks [delta] first, or sse -> event, which does -> message
**
** A short cut: says the same as reading the JSON member by member, for less.
*/
#ifndef CM_DELTA_H
#define CM_DELTA_H

#include "core/event.h"
#include "core/sse.h"

/*
** Fills *event if text is a content_block_delta of text, thinking or tool input,
** spelled exactly as the API does and strict JSON in UTF-8. Else returns 0, which
** says nothing about text but that it has to be read the long way.
*/
int cm_delta_read(cm_event *event, cm_slice text);

/*
** The same for a whole frame of server-sent events at the beginning of input, in the one
** spelling that the API uses for frames; also fills *frame, its offset counted from input.
** Returns how many bytes of input the frame is, its empty line too, or 0.
*/
size_t cm_delta_read_frame(cm_event *event, cm_sse_event *frame, cm_slice input);

#endif
