#include "text_queue.h"
#include "request.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Stands before its text's bytes. */
typedef struct mark {
  void *stream;
  uint32_t kind, len;
} mark;

static void add_text(text_queue *q, void *stream, const cut_text *text) {
  mark head = { stream, (uint32_t)text->kind, (uint32_t)text->len };

  if (q->room - q->len < sizeof head + text->len) {
    q->room = 2 * q->room + sizeof head + text->len;
    q->bytes = must(realloc(q->bytes, q->room));
  }
  memcpy(q->bytes + q->len, &head, sizeof head);
  memcpy(q->bytes + q->len + sizeof head, text->bytes, text->len);
  q->len += sizeof head + text->len;
}

void text_queue_add(text_queue *queue, void *stream, cutter *c, const char *bytes, size_t len) {
  cut_text text;

  cut_begin(c, bytes, len);
  while (cut_next(c, &text)) add_text(queue, stream, &text);
}

int text_queue_next(text_queue *q, void **stream, cut_text *text) {
  mark head;

  if (q->taken == q->len) {
    q->taken = q->len = 0;
    return 0;
  }
  memcpy(&head, q->bytes + q->taken, sizeof head);
  text->kind = (cut_kind)head.kind;
  text->len = head.len;
  text->bytes = q->bytes + q->taken + sizeof head;
  *stream = head.stream;
  q->taken += sizeof head + head.len;
  return 1;
}

void text_queue_drop(text_queue *queue) {
  free(queue->bytes);
}
