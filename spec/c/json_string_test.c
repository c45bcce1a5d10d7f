#include "core/json_string.h"

#include <string.h>

#include "check.h"
#include "exact.h"
#include "failing_alloc.h"

void json_string_tests(void);

#define FFFD "\xEF\xBF\xBD"

/* Unescapes body, first cut off at the byte cut; both parts are fragments of one text. */
static cm_status unescape(const char *body, size_t cut, cm_buffer *out) {
  cm_slice first = exact_copy(body, cut), second = exact_copy(body + cut, strlen(body) - cut);
  unsigned carry = 0;
  cm_status status = cm_json_string_unescape(first, &carry, out);

  if (status == CM_OK) status = cm_json_string_unescape(second, &carry, out);
  if (status == CM_OK) status = cm_json_string_finish(&carry, out);
  exact_free(first);
  exact_free(second);
  return status;
}

static int unescapes_to(const char *body, size_t cut, const char *expected) {
  cm_buffer out;
  cm_slice result;
  int equal;

  cm_buffer_init(&out, &cm_libc_alloc, 1000);
  equal = unescape(body, cut, &out) == CM_OK;
  result.ptr = out.ptr;
  result.len = out.len;
  equal = equal && exact_equal(result, expected);
  cm_buffer_deinit(&out);
  return equal;
}

static void unescapes_every_escape(void) {
  CHECK(unescapes_to("", 0, ""));
  CHECK(unescapes_to("plain", 0, "plain"));
  CHECK(unescapes_to("\\\"\\\\\\/\\b\\f\\n\\r\\t", 0, "\"\\/\b\f\n\r\t"));
  CHECK(unescapes_to("\\u0041\\u00e9\\u20AC", 0, "A\xC3\xA9\xE2\x82\xAC"));
  CHECK(unescapes_to("x\\ud83d\\ude00y", 0, "x\xF0\x9F\x98\x80y"));
  CHECK(unescapes_to("\\uDBFF\\uDFFF", 0, "\xF4\x8F\xBF\xBF"));
}

static void unescapes_a_nul(void) {
  cm_buffer out;

  cm_buffer_init(&out, &cm_libc_alloc, 1000);
  CHECK(unescape("a\\u0000b", 0, &out) == CM_OK);
  CHECK(out.len == 3 && memcmp(out.ptr, "a\0b", 3) == 0);
  cm_buffer_deinit(&out);
}

static void replaces_halves_of_surrogate_pairs(void) {
  CHECK(unescapes_to("\\ud83d", 0, FFFD));
  CHECK(unescapes_to("\\ude00", 0, FFFD));
  CHECK(unescapes_to("\\ud83d!", 0, FFFD "!"));
  CHECK(unescapes_to("\\ud83d\\n", 0, FFFD "\n"));
  CHECK(unescapes_to("\\ud83d\\ud83d\\ude00", 0, FFFD "\xF0\x9F\x98\x80"));
  CHECK(unescapes_to("\\ude00\\ud83d", 0, FFFD FFFD));
}

static void carries_half_a_pair_into_the_next_fragment(void) {
  CHECK(unescapes_to("\\ud83d\\ude00", 6, "\xF0\x9F\x98\x80"));
  CHECK(unescapes_to("a\\ud83d\\u0062", 7, "a" FFFD "b"));
  CHECK(unescapes_to("a\\ud83db", 7, "a" FFFD "b"));
}

static void keeps_half_a_pair_over_an_empty_fragment(void) {
  cm_slice high = EXACT("\\ud83d"), none = EXACT(""), low = EXACT("\\ude00"), result;
  unsigned carry = 0;
  cm_buffer out;

  cm_buffer_init(&out, &cm_libc_alloc, 1000);
  CHECK(cm_json_string_unescape(high, &carry, &out) == CM_OK && out.len == 0);
  CHECK(cm_json_string_unescape(none, &carry, &out) == CM_OK && out.len == 0);
  CHECK(cm_json_string_unescape(low, &carry, &out) == CM_OK);
  result.ptr = out.ptr;
  result.len = out.len;
  CHECK(exact_equal(result, "\xF0\x9F\x98\x80"));
  cm_buffer_deinit(&out);
  exact_free(high);
  exact_free(none);
  exact_free(low);
}

static void refuses_wrong_and_cut_escapes(void) {
  static const char *const wrong[] = { "\\",   "a\\",     "\\x",       "\\u",
                                       "\\u1", "\\u123",  "\\u12g4",   "\\u-123",
                                       "\\'",  "\\U0041", "\\ud83d\\", "\\u00 1" };
  cm_buffer out;
  size_t i;

  for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cm_buffer_init(&out, &cm_libc_alloc, 1000);
    CHECK(unescape(wrong[i], 0, &out) == CM_ERR_SYNTAX);
    cm_buffer_deinit(&out);
  }
}

static void escapes_what_must_be_and_nothing_else(void) {
  cm_slice text = EXACT("\x01\b\t\n\x0B\f\r\x1F \"/\\\x7F\xC3\xA9\0");
  cm_slice result;
  cm_buffer out;

  cm_buffer_init(&out, &cm_libc_alloc, 1000);
  CHECK(cm_json_string_escape(text, &out) == CM_OK);
  result.ptr = out.ptr;
  result.len = out.len;
  CHECK(exact_equal(result, "\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\\"/\\\\\x7F\xC3\xA9\\u0000"));
  cm_buffer_deinit(&out);
  exact_free(text);
}

/* Whether an escaped text of that length, with one byte among others, says the same when it is
   read; with no more room than that, and without enough. */
static int comes_back(size_t length, size_t at, unsigned char byte) {
  char bytes[200], name;
  cm_buffer out, back, tight;
  cm_slice text, body;
  unsigned carry = 0;
  int right;

  memset(bytes, 'a', length);
  bytes[at] = (char)byte;
  text = exact_copy(bytes, length);
  cm_buffer_init(&out, &cm_libc_alloc, 4000);
  cm_buffer_init(&back, &cm_libc_alloc, 4000);
  right = cm_json_string_escape(text, &out) == CM_OK;
  body.ptr = out.ptr;
  body.len = out.len;
  right = right && cm_json_string_unescape(body, &carry, &back) == CM_OK && back.len == length &&
          memcmp(back.ptr, text.ptr, length) == 0;
  name = out.len > length ? out.ptr[at + 1] : 0;
  right = right && (name == 'u' ? out.len == length + 5 : out.len == length + (name != 0));
  cm_buffer_init(&tight, &cm_libc_alloc, out.len);
  right = right && cm_json_string_escape(text, &tight) == CM_OK && tight.len == out.len;
  cm_buffer_deinit(&tight);
  cm_buffer_init(&tight, &cm_libc_alloc, out.len - 1);
  right = right && cm_json_string_escape(text, &tight) == CM_ERR_LIMIT;
  right = right && memcmp(tight.ptr ? tight.ptr : "", out.ptr, tight.len) == 0;
  cm_buffer_deinit(&tight);
  cm_buffer_deinit(&out);
  cm_buffer_deinit(&back);
  exact_free(text);
  return right;
}

static void escapes_at_every_place(void) {
  static const unsigned char some[] = { 'a', '"', '\\', '\n', 1, 0x1F, 0x7F };
  size_t length, at, i;

  for (length = 1; length < 200; length += 11)
    for (at = 0; at < length; at++)
      for (i = 0; i < sizeof some; i++) CHECK(comes_back(length, at, some[i]));
}

static int equals(const char *body, const char *plain) {
  cm_slice left = exact_copy(body, strlen(body)), right = exact_copy(plain, strlen(plain));
  cm_json_string string;
  int equal;

  string.body = left;
  string.escaped = strchr(body, '\\') != NULL;
  equal = cm_json_string_equals(string, right);
  exact_free(left);
  exact_free(right);
  return equal;
}

static void compares_escaped_with_plain(void) {
  CHECK(equals("type", "type"));
  CHECK(!equals("type", "typ"));
  CHECK(!equals("typ", "type"));
  CHECK(equals("", ""));
  CHECK(!equals("", "a"));
  CHECK(equals("t\\u0079pe", "type"));
  CHECK(!equals("t\\u0079pe", "typ"));
  CHECK(!equals("t\\u0079p", "type"));
  CHECK(equals("\\ud83d\\ude00", "\xF0\x9F\x98\x80"));
  CHECK(!equals("\\ud83d\\ude00", "\xF0\x9F"));
  CHECK(equals("\\ud83d", FFFD));
  CHECK(equals("\\ud83dx", FFFD "x"));
  CHECK(!equals("\\ud83dx", "x"));
  CHECK(!equals("\\q", "q"));
}

static int has_lone(const char *body) {
  cm_slice copy = exact_copy(body, strlen(body));
  int lone = cm_json_string_has_lone_surrogate(copy);

  exact_free(copy);
  return lone;
}

static void finds_lone_surrogates(void) {
  CHECK(!has_lone(""));
  CHECK(!has_lone("plain \\n \\u00e9"));
  CHECK(!has_lone("\\ud83d\\ude00"));
  CHECK(!has_lone("{\"a\":\"\\ud83d\\ude00\",\"b\":\"\\\\ud83d\"}"));
  CHECK(has_lone("\\ud83d"));
  CHECK(has_lone("\\ude00"));
  CHECK(has_lone("\\ud83d \\ude00"));
  CHECK(has_lone("\\ud83d\\ud83d\\ude00"));
  CHECK(has_lone("\\ude00\\ud83d"));
  CHECK(has_lone("\\ud83d\\n"));
  CHECK(has_lone("[\"\\ud83d\",\"\\ude00\"]"));
}

enum { REFUSED = -1 };

/* What was read is the same where only its end is looked for. */
static int skips_alike(cm_slice text, const char *quote, const cm_json_string *read) {
  cm_json_string string = { { NULL, 0 }, -1 };

  return cm_json_string_skip(text.ptr, text.ptr + text.len, &string) == quote &&
         string.body.ptr == read->body.ptr && string.body.len == read->body.len &&
         !string.escaped == !read->escaped;
}

/* Whether the string of so many x, what is put there, and so many x again is read as it should. */
static int reads_at(size_t before, const char *there, size_t after, int escaped) {
  char bytes[400];
  size_t length = strlen(there), all = before + length + after;
  cm_json_string string = { { NULL, 0 }, -1 };
  const char *quote;
  cm_slice text;
  int as_expected;

  memset(bytes, 'x', sizeof bytes);
  memcpy(bytes + before, there, length);
  bytes[all] = '"';
  text = exact_copy(bytes, all + 1);
  quote = cm_json_string_read(text.ptr, text.ptr, text.ptr + text.len, &string);
  if (escaped == REFUSED)
    as_expected = !quote;
  else
    as_expected = quote == text.ptr + all && string.body.len == all && string.escaped == escaped &&
                  skips_alike(text, quote, &string);
  exact_free(text);
  return as_expected;
}

/* Where 64 bytes are looked at at once, what lies across their end counts as well. */
static void reads_at_every_place(void) {
  static const char *const escapes[] = { "\\n", "\\\"", "\\\\", "\\\\\\\"" };
  static const char *const units[] = { "\\u00e9", "\\uD83D\\uDE00" };
  static const char *const beyond[] = { "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80" };
  static const char *const wrong[] = { "\\x",
                                       "\\u12g4",
                                       "\\u12",
                                       "\x01",
                                       "\x80",
                                       "\xC3",
                                       "\xE2\x82",
                                       "\xC0\xAF",
                                       "\xFF",
                                       "\xED\xA0\x80",
                                       "\xF5\x80\x80\x80",
                                       "\xC3\xA9\xA9",
                                       "\\\"\x80",
                                       "\\\\\x80",
                                       "\\u00e9\x80" };
  size_t before, after, i;

  for (before = 0; before < 140; before++)
    for (after = 0; after < 140; after += before % 3 ? 67 : 1) {
      for (i = 0; i < 4; i++) CHECK(reads_at(before, escapes[i], after, CM_JSON_ESCAPED));
      for (i = 0; i < 2; i++)
        CHECK(reads_at(before, units[i], after, CM_JSON_ESCAPED | CM_JSON_HAS_UNITS));
      for (i = 0; i < 3; i++) CHECK(reads_at(before, beyond[i], after, 0));
      for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(reads_at(before, wrong[i], after, REFUSED));
    }
}

/* Near the limit room for the worst is not to be had, and what fits must still be written. */
static void unescape_writes_up_to_the_limit(void) {
  static const char body[] = "\\n 0123456789 \\u00e9\\ud83d\\ude00 \\\\";
  enum { PLAIN = 2 + 10 + 1 + 2 + 4 + 2 };
  cm_buffer out;
  size_t limit;

  for (limit = 0; limit < 2 * sizeof body; limit++) {
    cm_buffer_init(&out, &cm_libc_alloc, limit);
    CHECK(unescape(body, 0, &out) == (limit < PLAIN ? CM_ERR_LIMIT : CM_OK));
    CHECK(out.len <= limit);
    CHECK(limit < PLAIN || (out.len == PLAIN && memcmp(out.ptr, "\n 0123", 6) == 0));
    cm_buffer_deinit(&out);
  }
}

static void unescape_survives_any_failed_allocation(void) {
  failing_alloc books;
  cm_alloc alloc;
  cm_buffer out;
  cm_status status;
  size_t allowed;

  for (allowed = 0;; allowed++) {
    alloc = failing_alloc_over(&books, allowed);
    cm_buffer_init(&out, &alloc, 1000);
    status = unescape("a\\ud83d|0123456789012345678901234567890123456789012345678901234567890\\n"
                      "0123456789012345678901234567890123456789012345678901234567890\\ud83d",
                      7, &out);
    CHECK(status == CM_OK || status == CM_ERR_NOMEM);
    cm_buffer_deinit(&out);
    CHECK(books.blocks == 0);
    if (status == CM_OK) break;
  }
  CHECK(allowed == 2); /* a fragment each */
}

static void escape_survives_any_failed_allocation(void) {
  char controls[100] = { 0 };
  cm_slice text = exact_copy(controls, sizeof controls);
  failing_alloc books;
  cm_alloc alloc;
  cm_buffer out;
  cm_status status;
  size_t allowed;

  for (allowed = 0;; allowed++) {
    alloc = failing_alloc_over(&books, allowed);
    cm_buffer_init(&out, &alloc, 1000);
    status = cm_json_string_escape(text, &out);
    CHECK(status == CM_OK || status == CM_ERR_NOMEM);
    cm_buffer_deinit(&out);
    CHECK(books.blocks == 0);
    if (status == CM_OK) break;
  }
  CHECK(allowed == 2);
  exact_free(text);
}

static void stops_at_the_ceiling_of_the_buffer(void) {
  cm_buffer out;

  cm_buffer_init(&out, &cm_libc_alloc, 4);
  CHECK(unescape("abcde", 0, &out) == CM_ERR_LIMIT);
  CHECK(unescape("abcd\\n", 0, &out) == CM_ERR_LIMIT);
  cm_buffer_deinit(&out);
}

void json_string_tests(void) {
  unescapes_every_escape();
  unescapes_a_nul();
  replaces_halves_of_surrogate_pairs();
  carries_half_a_pair_into_the_next_fragment();
  keeps_half_a_pair_over_an_empty_fragment();
  refuses_wrong_and_cut_escapes();
  escapes_what_must_be_and_nothing_else();
  escapes_at_every_place();
  compares_escaped_with_plain();
  finds_lone_surrogates();
  reads_at_every_place();
  unescape_writes_up_to_the_limit();
  unescape_survives_any_failed_allocation();
  escape_survives_any_failed_allocation();
  stops_at_the_ceiling_of_the_buffer();
}
