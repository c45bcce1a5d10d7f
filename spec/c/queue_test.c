#include "core/queue.h"

#include <string.h>

#include "check.h"
#include "core/slice.h"
#include "failing_alloc.h"

void queue_tests(void);

static int unread_is(const cm_queue *queue, const char *text) {
  return cm_slice_is(cm_queue_unread(queue), text);
}

static void what_is_left_is_unread(void) {
  cm_queue queue;

  cm_queue_init(&queue, &cm_libc_alloc, 100);
  CHECK(unread_is(&queue, "") && cm_queue_length(&queue) == 0);
  CHECK(cm_queue_append(&queue, cm_slice_of("abcd")) == CM_OK);
  cm_queue_leave(&queue, 1);
  CHECK(unread_is(&queue, "d"));
  CHECK(cm_queue_append(&queue, cm_slice_of("e")) == CM_OK);
  CHECK(unread_is(&queue, "de") && cm_queue_length(&queue) == 2);
  cm_queue_deinit(&queue);
}

static void what_the_reader_holds_does_not_move(void) {
  char many[1000];
  cm_slice held, late = { many, sizeof many };
  cm_queue queue;

  memset(many, 'x', sizeof many);
  cm_queue_init(&queue, &cm_libc_alloc, 10000);
  CHECK(cm_queue_append(&queue, cm_slice_of("abcd")) == CM_OK);
  held = cm_queue_unread(&queue);
  queue.borrowed = 1;
  cm_queue_leave(&queue, 1);
  CHECK(cm_queue_append(&queue, late) == CM_OK);
  CHECK(cm_slice_is(held, "abcd") && unread_is(&queue, "d"));
  CHECK(cm_queue_length(&queue) == 1 + sizeof many);
  CHECK(cm_queue_give_back(&queue) == CM_OK);
  CHECK(cm_queue_unread(&queue).len == 1 + sizeof many);
  CHECK(memcmp(cm_queue_unread(&queue).ptr, "dxxx", 4) == 0);
  cm_queue_deinit(&queue);
}

static void the_limit_is_for_both_once_both_can_be_read(void) {
  cm_queue queue;

  cm_queue_init(&queue, &cm_libc_alloc, 6);
  CHECK(cm_queue_append(&queue, cm_slice_of("abcd")) == CM_OK);
  CHECK(cm_queue_append(&queue, cm_slice_of("efg")) == CM_ERR_LIMIT);
  queue.borrowed = 1;
  CHECK(cm_queue_append(&queue, cm_slice_of("efg")) == CM_OK);
  CHECK(cm_queue_give_back(&queue) == CM_ERR_LIMIT);
  CHECK(unread_is(&queue, "abcd"));
  cm_queue_deinit(&queue);
}

/* A queue of many bytes, of which all but the last have been read. */
static void begin_large(cm_queue *queue, const cm_alloc *alloc) {
  static char many[300 * 1024];
  cm_slice bytes = { many, sizeof many };

  memset(many, 'x', sizeof many);
  many[sizeof many - 1] = 'y';
  cm_queue_init(queue, alloc, (size_t)-1);
  CHECK(cm_queue_append(queue, bytes) == CM_OK);
  cm_queue_leave(queue, 1);
}

static void few_bytes_hold_no_large_buffer(void) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_queue queue;

  begin_large(&queue, &alloc);
  CHECK(books.live_bytes > 300 * 1024);
  cm_queue_shrink(&queue);
  CHECK(unread_is(&queue, "y") && books.live_bytes < 1024);
  cm_queue_deinit(&queue);
  CHECK(books.live_bytes == 0);
}

static void without_memory_they_keep_it(void) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_queue queue;

  begin_large(&queue, &alloc);
  books.until_failure = 0;
  cm_queue_shrink(&queue);
  CHECK(books.failed && unread_is(&queue, "y"));
  cm_queue_deinit(&queue);
  CHECK(books.live_bytes == 0);
}

void queue_tests(void) {
  what_is_left_is_unread();
  what_the_reader_holds_does_not_move();
  the_limit_is_for_both_once_both_can_be_read();
  few_bytes_hold_no_large_buffer();
  without_memory_they_keep_it();
}
