#include "core/sse.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "exact.h"
#include "failing_alloc.h"

void sse_tests(void);

/* Feeds text in pieces of step bytes, each in a block of its own; counts events. */
static cm_status feed(cm_sse *sse, const char *text, size_t len, size_t step, size_t *events) {
  cm_status status = CM_WANT_MORE;
  cm_sse_event event;
  cm_slice piece, input;
  size_t from;
  int used_up = 1;

  for (from = 0; from < len && status == CM_WANT_MORE; from += step) {
    piece = exact_copy(text + from, len - from < step ? len - from : step);
    input = piece;
    while ((status = cm_sse_next(sse, &input, &event)) == CM_OK) (*events)++;
    used_up = used_up && (status != CM_WANT_MORE || input.len == 0);
    exact_free(piece);
  }
  CHECK(used_up);
  return status;
}

static void hands_out_a_whole_line_without_copying_it(void) {
  static const char text[] = "event: a\ndata: {\"x\":1}\n\n";
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, 0);
  cm_slice input = { text, sizeof text - 1 };
  cm_sse_event event;
  cm_sse sse;

  cm_sse_init(&sse, &alloc, 100);
  CHECK(cm_sse_next(&sse, &input, &event) == CM_OK);
  CHECK(event.data.ptr == text + 15 && event.data.len == 7);
  CHECK(event.name.ptr == text + 7 && event.offset == 15);
  CHECK(!books.failed && input.len == 0);
  cm_sse_deinit(&sse);
}

static void keeps_nothing_of_an_input_that_is_used_up(void) {
  cm_slice first = EXACT("event: a\ndata: one\nda"), second = EXACT("ta: two\n\n"), input = first;
  cm_sse_event event;
  cm_sse sse;

  cm_sse_init(&sse, &cm_libc_alloc, 100);
  CHECK(cm_sse_next(&sse, &input, &event) == CM_WANT_MORE);
  exact_free(first); /* a sanitizer sees a later look at it */
  input = second;
  CHECK(cm_sse_next(&sse, &input, &event) == CM_OK);
  CHECK(exact_equal(event.name, "a") && exact_equal(event.data, "one\ntwo"));
  CHECK(event.offset == 15);
  exact_free(second);
  cm_sse_deinit(&sse);
}

static void survives_every_failing_allocation(void) {
  static const char text[] =
      "event: aa\ndata: one\ndata: two\n\ndata: 3\nevent: b\ndata\n\ndata: unf";
  size_t allowed, step, events;
  failing_alloc books;
  cm_alloc alloc;
  cm_status status;
  cm_sse sse;

  for (step = 1; step < sizeof text; step += 7) {
    for (allowed = 0;; allowed++) {
      alloc = failing_alloc_over(&books, allowed);
      events = 0;
      cm_sse_init(&sse, &alloc, 100);
      status = feed(&sse, text, sizeof text - 1, step, &events);
      CHECK(status == (books.failed ? CM_ERR_NOMEM : CM_WANT_MORE));
      CHECK(!books.failed || feed(&sse, "data: x\n\n", 9, 9, &events) == CM_ERR_NOMEM);
      cm_sse_deinit(&sse);
      cm_sse_deinit(&sse);
      CHECK(books.blocks == 0 && books.live_bytes == 0);
      if (!books.failed) break;
    }
    CHECK(events == 2);
  }
}

/* The same limit, however the bytes come: exactly max_bytes pass, one more does not. */
static void limits_do_not_depend_on_the_pieces(void) {
  static const char fits[] = "data: 345678\ndata: 2345\n\n",
                    over[] = "data: 345678\ndata: 23456\n\n";
  static const char long_line[] = ":234567890123\n";
  size_t step, events;
  cm_sse sse;

  for (step = 1; step < sizeof over; step++) {
    cm_sse_init(&sse, &cm_libc_alloc, 12);
    events = 0;
    CHECK(feed(&sse, fits, sizeof fits - 1, step, &events) == CM_WANT_MORE && events == 1);
    cm_sse_deinit(&sse);
    cm_sse_init(&sse, &cm_libc_alloc, 11);
    CHECK(feed(&sse, over, sizeof over - 1, step, &events) == CM_ERR_LIMIT);
    CHECK(feed(&sse, "\n", 1, 1, &events) == CM_ERR_LIMIT);
    cm_sse_deinit(&sse);
    cm_sse_init(&sse, &cm_libc_alloc, 12);
    CHECK(feed(&sse, long_line, sizeof long_line - 1, step, &events) == CM_ERR_LIMIT);
    cm_sse_deinit(&sse);
  }
}

/* Quadratic work on a megabyte would be noticed by whoever waits for the tests. */
static void reads_a_huge_event_byte_by_byte(void) {
  size_t len = 1 << 20, events = 0;
  char *text = malloc(len);
  cm_sse sse;

  memset(text, 'x', len);
  memcpy(text, "data: ", 6);
  memcpy(text + len - 2, "\n\n", 2);
  cm_sse_init(&sse, &cm_libc_alloc, len);
  CHECK(feed(&sse, text, len, 1, &events) == CM_WANT_MORE && events == 1);
  cm_sse_deinit(&sse);
  free(text);
}

static void finds_every_line_ended_by_cr_in_one_piece(void) {
  size_t len = 1 << 20, events = 0, i;
  char *text = malloc(len);
  cm_sse sse;

  for (i = 0; i < len; i += 8) memcpy(text + i, "data: \r\r", 8);
  cm_sse_init(&sse, &cm_libc_alloc, len);
  CHECK(feed(&sse, text, len, len, &events) == CM_WANT_MORE && events == len / 8);
  cm_sse_deinit(&sse);
  free(text);
}

void sse_tests(void) {
  hands_out_a_whole_line_without_copying_it();
  keeps_nothing_of_an_input_that_is_used_up();
  survives_every_failing_allocation();
  limits_do_not_depend_on_the_pieces();
  reads_a_huge_event_byte_by_byte();
  finds_every_line_ended_by_cr_in_one_piece();
}
