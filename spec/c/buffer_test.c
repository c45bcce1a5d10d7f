#include "core/buffer.h"

#include "check.h"
#include "core/slice.h"
#include "failing_alloc.h"

void buffer_tests(void);

static int holds(const cm_buffer *buffer, const char *text) {
  return cm_slice_is(cm_slice_in(buffer), text);
}

static void trimmed_it_holds_its_bytes_and_no_more(void) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_buffer buffer;

  cm_buffer_init(&buffer, &alloc, (size_t)-1);
  CHECK(cm_buffer_append_text(&buffer, "few") == CM_OK && books.live_bytes > 3);
  cm_buffer_trim(&buffer);
  CHECK(holds(&buffer, "few") && books.live_bytes == 3);
  CHECK(cm_buffer_append_text(&buffer, " more") == CM_OK && holds(&buffer, "few more"));
  cm_buffer_clear(&buffer);
  cm_buffer_trim(&buffer);
  CHECK(books.blocks == 0);
  CHECK(cm_buffer_append_text(&buffer, "again") == CM_OK && holds(&buffer, "again"));
  cm_buffer_deinit(&buffer);
  CHECK(books.blocks == 0 && books.live_bytes == 0);
}

static void it_is_not_trimmed_where_that_takes_memory_that_is_not_there(void) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, 1);
  cm_buffer buffer;

  cm_buffer_init(&buffer, &alloc, (size_t)-1);
  CHECK(cm_buffer_append_text(&buffer, "few") == CM_OK);
  cm_buffer_trim(&buffer);
  CHECK(books.failed && holds(&buffer, "few"));
  CHECK(cm_buffer_append_text(&buffer, " more") == CM_OK && holds(&buffer, "few more"));
  cm_buffer_deinit(&buffer);
  CHECK(books.blocks == 0 && books.live_bytes == 0);
}

void buffer_tests(void) {
  trimmed_it_holds_its_bytes_and_no_more();
  it_is_not_trimmed_where_that_takes_memory_that_is_not_there();
}
