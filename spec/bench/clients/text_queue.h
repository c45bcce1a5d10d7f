/*
** text_queue.h - texts that were cut (cut.h) inside libcurl's callback, until Lua takes them.
*/
#ifndef BENCH_TEXT_QUEUE_H
#define BENCH_TEXT_QUEUE_H
#include "cut.h"

/* Set to zero first; all fields are private to text_queue.c. */
typedef struct text_queue {
  char *bytes;
  size_t len, room, taken;
} text_queue;

/* Cuts what came of a stream, and copies its texts. */
void text_queue_add(text_queue *queue, void *stream, cutter *c, const char *bytes, size_t len);

/* The next text and its stream; 0: there is none. The text is borrowed until the next call. */
int text_queue_next(text_queue *queue, void **stream, cut_text *text);

void text_queue_drop(text_queue *queue);

#endif
