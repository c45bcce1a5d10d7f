/*
** queue.h - bytes that came and wait to be read; the reader may hold on to those it has read.
**
** Way in:  socket -> [queue] in response -> sse -> event -> message -> Lua
**
** Knows nothing of what the bytes say.
*/
#ifndef CM_QUEUE_H
#define CM_QUEUE_H

#include "core/base.h"
#include "core/buffer.h"

/* Embed by value. Set borrowed; all other fields are private to queue.c. */
typedef struct cm_queue {
  cm_buffer bytes; /* those before read have been read */
  cm_buffer late;  /* bytes behind them that came while they must not move */
  size_t read;
  int borrowed; /* the reader holds slices of the bytes: they must not move */
} cm_queue;

/* Cannot fail and allocates nothing. */
void cm_queue_init(cm_queue *queue, const cm_alloc *alloc, size_t limit);
void cm_queue_deinit(cm_queue *queue);

/* Copies the bytes. CM_OK, CM_ERR_NOMEM, CM_ERR_LIMIT. */
cm_status cm_queue_append(cm_queue *queue, cm_slice bytes);

/* Until the queue changes. Never a null pointer. */
static inline cm_slice cm_queue_unread(const cm_queue *queue) {
  cm_slice unread;

  unread.ptr = queue->bytes.len ? queue->bytes.ptr + queue->read : "";
  unread.len = queue->bytes.len - queue->read;
  return unread;
}

/* The late ones, too, which no slice has yet. */
static inline size_t cm_queue_length(const cm_queue *queue) {
  return queue->bytes.len - queue->read + queue->late.len;
}

/* All but so many of the unread bytes have been read. */
static inline void cm_queue_leave(cm_queue *queue, size_t unread) {
  queue->read = queue->bytes.len - unread;
}

/* Drops what has been read, where that is all or most of it. */
void cm_queue_drop_read(cm_queue *queue);

/* Private to give_back. */
cm_status cm_queue_take_late(cm_queue *queue);

/*
** The reader holds nothing any more: drops what it had, and what came late can be read.
** CM_OK, CM_ERR_NOMEM, CM_ERR_LIMIT.
*/
static inline cm_status cm_queue_give_back(cm_queue *queue) {
  if (queue->borrowed) cm_queue_drop_read(queue);
  queue->borrowed = 0;
  return queue->late.len ? cm_queue_take_late(queue) : CM_OK;
}

/* For few unread bytes: drops what has been read, and moves them so that they hold no large
   buffer. */
void cm_queue_shrink(cm_queue *queue);

#endif
