#include "core/queue.h"

#include <string.h>

#include "core/slice.h"

enum {
  COMPACT_ABOVE = 256 * 1024,
  KEPT = 4 * 1024 /* room of a queue that waits: thousands may, each after a burst */
};

void cm_queue_init(cm_queue *queue, const cm_alloc *alloc, size_t limit) {
  cm_buffer_init(&queue->bytes, alloc, limit);
  cm_buffer_init(&queue->late, alloc, limit);
  queue->read = 0;
  queue->borrowed = 0;
}

void cm_queue_deinit(cm_queue *queue) {
  cm_buffer_deinit(&queue->bytes);
  cm_buffer_deinit(&queue->late);
  queue->read = 0;
}

cm_status cm_queue_append(cm_queue *queue, cm_slice bytes) {
  return cm_buffer_append(queue->borrowed ? &queue->late : &queue->bytes, bytes);
}

void cm_queue_drop_read(cm_queue *queue) {
  cm_buffer *bytes = &queue->bytes;

  if (queue->read == bytes->len) {
    cm_buffer_clear(bytes);
    if (bytes->capacity > KEPT) cm_buffer_deinit(bytes);
    queue->read = 0;
  } else if (queue->read > COMPACT_ABOVE && queue->read > bytes->len / 2) {
    memmove(bytes->ptr, bytes->ptr + queue->read, bytes->len - queue->read);
    bytes->len -= queue->read;
    queue->read = 0;
  }
}

cm_status cm_queue_take_late(cm_queue *queue) {
  cm_buffer bytes = queue->bytes;
  cm_status status;

  if (bytes.len == 0) {
    queue->bytes = queue->late;
    queue->late = bytes;
    return CM_OK;
  }
  status = cm_buffer_append(&queue->bytes, cm_slice_in(&queue->late));
  cm_buffer_deinit(&queue->late);
  return status;
}

/* 0: there is no memory for them, and nothing has changed. */
static int move_to_small_buffer(cm_queue *queue, cm_slice unread) {
  cm_buffer large = queue->bytes;

  cm_buffer_init(&queue->bytes, large.alloc, large.limit);
  if (cm_buffer_append(&queue->bytes, unread) == CM_OK) {
    cm_buffer_deinit(&large);
    return 1;
  }
  queue->bytes = large;
  return 0;
}

void cm_queue_shrink(cm_queue *queue) {
  cm_slice unread = cm_queue_unread(queue);
  size_t room = queue->bytes.capacity;
  int is_large = room > KEPT && unread.len < room / 4;

  if (!is_large || !move_to_small_buffer(queue, unread)) {
    memmove(queue->bytes.ptr, unread.ptr, unread.len);
    queue->bytes.len = unread.len;
  }
  queue->read = 0;
}
