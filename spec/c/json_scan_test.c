#include "core/json_scan.h"

#include <string.h>

#include "check.h"
#include "exact.h"

void json_scan_tests(void);

enum { LONGEST = 40 };

/* As it is written in RFC 8259 and in ASCII's table. */
static int is_plain(unsigned byte) {
  return byte >= ' ' && byte <= '~' + 1 && byte != 0x22 && byte != 0x5C;
}

/* So many bytes of one kind with another among them. */
static cm_slice run_with(char filling, size_t length, size_t at, unsigned byte) {
  char bytes[LONGEST];

  memset(bytes, filling, length);
  if (at < length) bytes[at] = (char)byte;
  return exact_copy(bytes, length);
}

static int plain_runs_end(size_t length, size_t at, unsigned byte) {
  cm_slice run = run_with('a', length, at, byte);
  const char *end = run.ptr + run.len, *found = is_plain(byte) ? end : run.ptr + at;
  int right = cm_json_skip_plain(run.ptr, end) == found &&
              cm_json_skip_plain_words(run.ptr, end) == found &&
              cm_json_skip_plain_singly(run.ptr, end) == found;

  exact_free(run);
  return right;
}

static int blanks_end(size_t length, size_t at, unsigned byte) {
  cm_slice run = run_with(' ', length, at, byte);
  const char *end = run.ptr + run.len, *found = byte == ' ' ? end : run.ptr + at;
  int right = cm_json_skip_blanks(run.ptr, end) == found &&
              cm_json_skip_blanks_words(run.ptr, end) == found &&
              cm_json_skip_blanks_singly(run.ptr, end) == found;

  exact_free(run);
  return right;
}

static int copies(size_t (*copy)(char *, const char *, const char *), cm_slice run,
                  size_t expected) {
  cm_slice room = run_with('-', run.len, run.len, 0); /* exactly as much, and no byte more */
  char *out = (char *)(uintptr_t)room.ptr;
  int right = copy(out, run.ptr, run.ptr + run.len) == expected;

  right = right && memcmp(out, run.ptr, expected) == 0;
  exact_free(room);
  return right;
}

static int copies_end(size_t length, size_t at, unsigned byte) {
  cm_slice run = run_with('a', length, at, byte);
  size_t expected = byte == '\\' ? at : length;
  int right = copies(cm_json_copy_unescaped, run, expected) &&
              copies(cm_json_copy_unescaped_words, run, expected) &&
              copies(cm_json_copy_unescaped_singly, run, expected);

  exact_free(run);
  return right;
}

/* One byte among others, at each place of runs of many lengths. */
static int everywhere(int (*ends)(size_t length, size_t at, unsigned byte), unsigned byte) {
  size_t length, at;

  for (length = 1; length < LONGEST; length += 3)
    for (at = 0; at < length; at++)
      if (!ends(length, at, byte)) return 0;
  return 1;
}

/* A word's marks are exact up to the first only: what follows it must not matter. */
static int the_first_counts(unsigned first, unsigned second) {
  char bytes[18];
  cm_slice run;
  const char *end, *found;
  int right;

  memset(bytes, 'a', sizeof bytes);
  bytes[3] = (char)first;
  bytes[4] = (char)second;
  run = exact_copy(bytes, sizeof bytes);
  end = run.ptr + run.len;
  found = cm_json_skip_plain_singly(run.ptr, end);
  right =
      cm_json_skip_plain(run.ptr, end) == found && cm_json_skip_plain_words(run.ptr, end) == found;
  exact_free(run);
  return right;
}

static int the_first_counts_before_all(unsigned first) {
  unsigned second;

  for (second = 0; second < 256; second++)
    if (!the_first_counts(first, second)) return 0;
  return 1;
}

void json_scan_tests(void) {
  unsigned byte;

  for (byte = 0; byte < 256; byte++) {
    CHECK(everywhere(plain_runs_end, byte));
    CHECK(everywhere(blanks_end, byte));
    CHECK(everywhere(copies_end, byte));
    CHECK(the_first_counts_before_all(byte));
  }
}
