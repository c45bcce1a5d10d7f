#include "core/utf8.h"

#include <string.h>

#include "check.h"
#include "exact.h"
#include "failing_alloc.h"

void utf8_tests(void);

static size_t valid_prefix(const char *bytes, size_t len) {
  cm_slice text = exact_copy(bytes, len);
  size_t valid = cm_utf8_valid_prefix(text);

  exact_free(text);
  return valid;
}

#define VALID_PREFIX(literal) valid_prefix(literal, sizeof(literal) - 1)

static void accepts_the_first_and_last_code_point_of_each_length(void) {
  CHECK(VALID_PREFIX("") == 0);
  CHECK(VALID_PREFIX("\0\x7F") == 2);
  CHECK(VALID_PREFIX("\xC2\x80\xDF\xBF") == 4);
  CHECK(VALID_PREFIX("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF") == 12);
  CHECK(VALID_PREFIX("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF") == 8);
}

static void stops_before_what_is_not_utf8(void) {
  CHECK(VALID_PREFIX("a\x80") == 1);
  CHECK(VALID_PREFIX("\xC0\x80") == 0); /* overlong */
  CHECK(VALID_PREFIX("\xC1\xBF") == 0);
  CHECK(VALID_PREFIX("\xE0\x9F\xBF") == 0);
  CHECK(VALID_PREFIX("\xF0\x8F\xBF\xBF") == 0);
  CHECK(VALID_PREFIX("\xED\xA0\x80") == 0); /* a surrogate */
  CHECK(VALID_PREFIX("\xED\xBF\xBF") == 0);
  CHECK(VALID_PREFIX("\xF4\x90\x80\x80") == 0); /* past U+10FFFF */
  CHECK(VALID_PREFIX("\xF5\x80\x80\x80") == 0);
  CHECK(VALID_PREFIX("\xFF") == 0);
  CHECK(VALID_PREFIX("ab\xE2\x82") == 2); /* cut off */
  CHECK(VALID_PREFIX("ab\xF0\x9F\x98") == 2);
  CHECK(VALID_PREFIX("\xE2\x82\xACz\xE2(") == 4);
}

static void finds_the_place_at_any_distance_from_the_start(void) {
  char text[40];
  size_t len, at;

  for (len = 1; len <= sizeof text; len++) {
    memset(text, 'x', sizeof text);
    CHECK(valid_prefix(text, len) == len);
    for (at = 0; at < len; at++) {
      text[at] = '\xFE';
      CHECK(valid_prefix(text, len) == at);
      text[at] = 'x';
    }
  }
}

static cm_status scrub(const char *bytes, const char *expected, size_t count, cm_alloc *alloc) {
  cm_slice text = exact_copy(bytes, strlen(bytes)), result;
  cm_buffer out;
  size_t replaced;
  cm_status status;

  cm_buffer_init(&out, alloc, 1000);
  status = cm_utf8_scrub(text, &out, &replaced);
  result.ptr = out.ptr;
  result.len = out.len;
  if (status == CM_OK) {
    CHECK(replaced == count);
    CHECK(exact_equal(result, expected));
  }
  cm_buffer_deinit(&out);
  exact_free(text);
  return status;
}

static void expect_scrub(const char *bytes, const char *expected, size_t count) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);

  CHECK(scrub(bytes, expected, count, &alloc) == CM_OK);
  CHECK(books.blocks == 0);
}

#define FFFD "\xEF\xBF\xBD"

static void replaces_each_maximal_invalid_part_by_one_mark(void) {
  expect_scrub("", "", 0);
  expect_scrub("caf\xC3\xA9", "caf\xC3\xA9", 0);
  expect_scrub("caf\xE9!", "caf" FFFD "!", 1);
  expect_scrub("\xE2\x82", FFFD, 1);
  expect_scrub("\xF0\x9F\x98z", FFFD "z", 1);
  expect_scrub("\xC0\xAF", FFFD FFFD, 2);
  expect_scrub("\xED\xA0\x80", FFFD FFFD FFFD, 3);
  expect_scrub("\xF0\x80\x80", FFFD FFFD FFFD, 3);
  expect_scrub("\x80\xE2\x82\xE2\x82\xAC", FFFD FFFD "\xE2\x82\xAC", 2);
}

static void survives_any_failed_allocation(void) {
  failing_alloc books;
  cm_alloc alloc;
  size_t allowed;
  cm_status status;

  for (allowed = 0;; allowed++) {
    alloc = failing_alloc_over(&books, allowed);
    status =
        scrub("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xFF",
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" FFFD, 1, &alloc);
    CHECK(books.blocks == 0);
    if (status == CM_OK) break;
    CHECK(status == CM_ERR_NOMEM);
  }
  CHECK(allowed == 2); /* the valid start, the mark */
}

static void puts_code_points(void) {
  char out[4];

  CHECK(cm_utf8_put(out, 0x7F) == 1 && memcmp(out, "\x7F", 1) == 0);
  CHECK(cm_utf8_put(out, 0x7FF) == 2 && memcmp(out, "\xDF\xBF", 2) == 0);
  CHECK(cm_utf8_put(out, 0x20AC) == 3 && memcmp(out, "\xE2\x82\xAC", 3) == 0);
  CHECK(cm_utf8_put(out, 0x1F600) == 4 && memcmp(out, "\xF0\x9F\x98\x80", 4) == 0);
}

void utf8_tests(void) {
  accepts_the_first_and_last_code_point_of_each_length();
  stops_before_what_is_not_utf8();
  finds_the_place_at_any_distance_from_the_start();
  replaces_each_maximal_invalid_part_by_one_mark();
  survives_any_failed_allocation();
  puts_code_points();
}
