#include "core/json_short.h"

#include <string.h>

#include "check.h"
#include "core/json_string.h"
#include "core/utf8.h"
#include "exact.h"

void json_short_tests(void);

/* What has as many bytes behind it as may be read, and not one more. */
static cm_slice readable(const char *bytes, size_t length) {
  char all[CM_JSON_READABLE];

  memset(all, '"', sizeof all);
  memcpy(all, bytes, length);
  return exact_copy(all, sizeof all);
}

/* Finds the string and its text as json_string.h does, or cannot tell. */
static int says_the_same(const char *bytes, size_t length, int known) {
  cm_slice copy = readable(bytes, length);
  char out[CM_JSON_WRITABLE];
  cm_json_short found;
  cm_json_string string = { { "", 0 }, 0 };
  const char *quote = cm_json_string_find(copy.ptr, copy.ptr, copy.ptr + copy.len, &string);
  size_t plain = 0;
  unsigned carry = 0;
  cm_buffer text;
  int told = cm_json_short_find(copy.ptr, &found) && cm_json_short_unescape(out, &found, &plain);
  int same = told == known;

  cm_buffer_init(&text, &cm_libc_alloc, (size_t)-1);
  if (told) {
    same = same && quote && found.body.len == string.body.len && !found.escapes == !string.escaped;
    same = same && cm_json_string_unescape(string.body, &carry, &text) == CM_OK && carry == 0;
    same = same && text.len == plain && (plain == 0 || memcmp(text.ptr, out, plain) == 0);
  }
  cm_buffer_deinit(&text);
  exact_free(copy);
  return same;
}

#define SAYS(text, known) CHECK(says_the_same(text, sizeof(text) - 1, known))

static void strings_of_all_kinds(void) {
  SAYS("", 1);
  SAYS("plain", 1);
  SAYS("a\\nb", 1);
  SAYS("\\\"so\\\" \\\\\\\\ \\/\\b\\f\\r\\t", 1);
  SAYS("\\\\", 1);
  SAYS("\\u0041\\u00e9\\u6771 \\ud83d\\ude00\\n\\uD83D\\uDE00", 1);
  SAYS("\\u0000", 1);
  SAYS("0123456789012345678901234567890123456789012345678901\\ud83d\\ude0", 0);
  SAYS("012345678901234567890123456789012345678901234567890\\ud83d\\ude00", 1);
  SAYS("caf\xC3\xA9 \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x9A\x80", 1);
  SAYS("012345678901234567890123456789012345678901234567890123456789012", 1);
  SAYS("0123456789012345678901234567890123456789012345678901234567890\\n", 1);
}

static void what_it_leaves_to_others(void) {
  SAYS("0123456789012345678901234567890123456789012345678901234567890123", 0);
  SAYS("012345678901234567890123456789012345678901234567890123456789012\\n", 0);
  SAYS("\\ud83d", 0);
  SAYS("\\ude00\\ud83d", 0);
  SAYS("\\ud83d\\u0041", 0);
  SAYS("\\u12", 0);
  SAYS("\\uD83D\\uDE0", 0);
  SAYS("\\x", 0);
  SAYS("a\nb", 0);
  SAYS("\x80", 0);
  SAYS("cut \xC3", 0);
  SAYS("\xC3\xA9\xA9", 0);
}

/* Runs of backslashes of each length at each place. */
static void each_second_backslash_begins_an_escape(void) {
  size_t at, length, i;

  for (at = 0; at < 40; at++) {
    for (length = 0; length < 20; length++) {
      uint64_t run = ((UINT64_C(1) << length) - 1) << at, expected = 0;

      for (i = 0; i < length; i += 2) expected |= UINT64_C(1) << (at + i);
      CHECK(cm_json_short_escapes(run) == expected);
      CHECK(cm_json_short_escapes(run | UINT64_C(3) << 61) == (expected | UINT64_C(1) << 61));
    }
  }
}

/* Two bytes, with what may follow them and with what may not. */
static int is_as_in_utf8(unsigned lead, unsigned second) {
  static const char *const rests[] = { "\x80\x80", "\xBF\x7F", "\x7F\xBF", "aa" };
  int right = 1;
  size_t i;

  for (i = 0; i < sizeof rests / sizeof *rests; i++) {
    char bytes[4] = { (char)lead, (char)second, rests[i][0], rests[i][1] };
    size_t length = cm_utf8_length(bytes, sizeof bytes);
    uint64_t others = length ? (UINT64_C(1) << length) - 1 : 1;

    right = right && cm_json_short_check(bytes, others) == (length > 0);
  }
  return right;
}

static void characters_are_those_of_utf8(void) {
  unsigned lead, second;
  int right;

  for (lead = 0x80; lead < 0x100; lead++) {
    right = 1;
    for (second = 0; second < 0x100; second++) right = right && is_as_in_utf8(lead, second);
    CHECK(right);
  }
}

void json_short_tests(void) {
  strings_of_all_kinds();
  what_it_leaves_to_others();
  each_second_backslash_begins_an_escape();
  characters_are_those_of_utf8();
}
