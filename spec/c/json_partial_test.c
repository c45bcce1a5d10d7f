#include "core/json_partial.h"

#include <string.h>

#include "check.h"
#include "core/json_reader.h"
#include "exact.h"
#include "failing_alloc.h"

void json_partial_tests(void);

static cm_status complete(const char *text, size_t len, cm_buffer *out, size_t *offset) {
  cm_slice cut = exact_copy(text, len);
  cm_status status = cm_json_partial_complete(cut, out, offset);

  exact_free(cut);
  return status;
}

static int completes_to(const char *text, const char *expected) {
  cm_buffer out;
  cm_slice result;
  size_t offset;
  int equal;

  cm_buffer_init(&out, &cm_libc_alloc, 1000);
  equal = complete(text, strlen(text), &out, &offset) == CM_OK;
  result.ptr = out.ptr;
  result.len = out.len;
  equal = equal && exact_equal(result, expected);
  cm_buffer_deinit(&out);
  return equal;
}

static void keeps_what_is_complete_and_closes_the_rest(void) {
  CHECK(completes_to("{", "{}"));
  CHECK(completes_to("{\"path\": \"/tm", "{}"));
  CHECK(completes_to("{\"path\": \"/tmp\", \"dep", "{\"path\": \"/tmp\"}"));
  CHECK(completes_to("{\"a\":[1,2", "{\"a\":[1]}"));
  CHECK(completes_to("{\"a\":[1,2 ", "{\"a\":[1,2]}"));
  CHECK(completes_to("[[],[{\"x\":tr", "[[],[{}]]"));
  CHECK(completes_to("[true", "[true]"));
  CHECK(completes_to("[\"\\", "[]"));
  CHECK(completes_to(" \"x\" ", " \"x\""));
  CHECK(completes_to("[1]\n", "[1]"));
}

static cm_status status_of(const char *text, size_t *offset) {
  cm_buffer out;
  cm_status status;

  cm_buffer_init(&out, &cm_libc_alloc, 1000);
  status = complete(text, strlen(text), &out, offset);
  cm_buffer_deinit(&out);
  return status;
}

static void waits_while_no_value_counts(void) {
  static const char *const early[] = { "", " ", "\"ab", "1", "-", "12.", "tru", "n" };
  size_t i, offset;

  for (i = 0; i < sizeof early / sizeof *early; i++)
    CHECK(status_of(early[i], &offset) == CM_WANT_MORE);
}

static void refuses_what_no_more_bytes_could_mend(void) {
  static const char *const bad[][2] = {
    { "x", "^" },
    { "trux", "^" },
    { "{a", " ^" },
    { "{\"a\" 1", "     ^" },
    { "{\"a\":,", "     ^" },
    { "[1,,", "   ^" },
    { "[}", " ^" },
    { "{\"a\":1]", "      ^" },
    { "[] [", "   ^" },
    { "{\"a\":1,}", "       ^" },
    { "[1,]", "   ^" },
    { "[+1", " ^" },
    { "{,", " ^" },
    { "[1 2", "   ^" },
  };
  size_t i, offset;

  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK(status_of(bad[i][0], &offset) == CM_ERR_SYNTAX);
    CHECK(offset == strlen(bad[i][1]) - 1);
  }
}

/* Whatever the place of the cut: what comes out is JSON, and never grows shorter. */
static void gives_json_for_every_prefix(void) {
  static const char json[] =
      "{\"a\":1,\"b\":[1,2,{\"c\":\"d\\\"e\"}],\"t\":true,\"n\":null,\"u\":\"\\u00e9\"}";
  size_t len, offset, last = 0;
  cm_buffer out;
  cm_slice text;

  for (len = 1; len < sizeof json; len++) {
    cm_buffer_init(&out, &cm_libc_alloc, 1000);
    CHECK(complete(json, len, &out, &offset) == CM_OK);
    text.ptr = out.ptr;
    text.len = out.len;
    CHECK(cm_json_check(text, NULL) == CM_OK);
    CHECK(out.len + 2 >= last);
    last = out.len;
    cm_buffer_deinit(&out);
  }
  CHECK(last == sizeof json - 1);
}

static void counts_depth(void) {
  char text[CM_JSON_MAX_DEPTH + 1];
  size_t offset;
  cm_buffer out;

  memset(text, '[', sizeof text);
  cm_buffer_init(&out, &cm_libc_alloc, 10000);
  CHECK(complete(text, CM_JSON_MAX_DEPTH, &out, &offset) == CM_OK);
  CHECK(out.len == 2 * CM_JSON_MAX_DEPTH);
  CHECK(complete(text, CM_JSON_MAX_DEPTH + 1, &out, &offset) == CM_ERR_LIMIT);
  CHECK(offset == CM_JSON_MAX_DEPTH);
  cm_buffer_deinit(&out);
}

static void survives_any_failed_allocation(void) {
  static const char json[] =
      "[[[[[[[[[[\"012345678901234567890123456789012345678901234567890123456789\",";
  failing_alloc books;
  cm_alloc alloc;
  cm_buffer out;
  size_t allowed, offset;
  cm_status status;

  for (allowed = 0;; allowed++) {
    alloc = failing_alloc_over(&books, allowed);
    cm_buffer_init(&out, &alloc, 1000);
    status = complete(json, sizeof json - 1, &out, &offset);
    cm_buffer_deinit(&out);
    CHECK(books.blocks == 0);
    if (status == CM_OK) break;
    CHECK(status == CM_ERR_NOMEM);
  }
  CHECK(allowed >= 1);
}

void json_partial_tests(void) {
  keeps_what_is_complete_and_closes_the_rest();
  waits_while_no_value_counts();
  refuses_what_no_more_bytes_could_mend();
  gives_json_for_every_prefix();
  counts_depth();
  survives_any_failed_allocation();
}
