/*
** delta.h - the deltas that make up nearly all of a stream, in the one spelling
** that the API uses for them.
**
** Way in:  ... sse -> event, which asks [delta] first -> block, message
**
** A short cut: says the same as reading the JSON member by member, for less.
*/
#ifndef CM_DELTA_H
#define CM_DELTA_H

#include "core/event.h"

/*
** Fills *event if text is a content_block_delta of text, thinking or tool input,
** spelled exactly as the API does and strict JSON in UTF-8. Else returns 0, which
** says nothing about text but that it has to be read the long way.
*/
int cm_delta_read(cm_event *event, cm_slice text);

#endif
