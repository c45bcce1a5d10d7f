#include "core/json_scan.h"

#include <string.h>

#include "check.h"
#include "exact.h"

void json_scan_tests(void);

enum { LONGEST = 100 };

/* As it is written in RFC 8259 and in ASCII's table. */
static int is_plain(unsigned byte) {
  return byte >= ' ' && byte <= '~' + 1 && byte != 0x22 && byte != 0x5C;
}

/* So many bytes of one kind with another among them. */
static cm_slice run_with(char filling, size_t length, size_t at, unsigned byte) {
  char bytes[LONGEST + 8];

  memset(bytes, filling, length);
  if (at < length) bytes[at] = (char)byte;
  return exact_copy(bytes, length);
}

/* The only mark, or none, whichever twin makes it. */
static int is_marked(size_t length, size_t at, unsigned byte) {
  cm_slice run = run_with('a', 64, at * 64 / length, byte);
  uint64_t mark = is_plain(byte) ? 0 : UINT64_C(1) << (at * 64 / length);
  int right = cm_json_marks(run.ptr) == mark && cm_json_marks_words(run.ptr) == mark &&
              cm_json_marks_singly(run.ptr) == mark;

  exact_free(run);
  return right;
}

/* Of what is not plain, all that is ASCII. */
static int is_escaped(size_t length, size_t at, unsigned byte) {
  cm_slice run = run_with('a', 64, at * 64 / length, byte);
  int must_be = !is_plain(byte) && byte < 0x80;
  uint64_t mark = must_be ? UINT64_C(1) << (at * 64 / length) : 0;
  int right = cm_json_escapes(run.ptr) == mark && cm_json_escapes_words(run.ptr) == mark &&
              cm_json_escapes_singly(run.ptr) == mark;

  exact_free(run);
  return right;
}

typedef void reading_signs(const char *pos, cm_json_signs *signs);

static int signs_are(reading_signs *read, const char *pos, unsigned byte, uint64_t mark) {
  cm_json_signs signs;

  read(pos, &signs);
  return signs.quotes == (byte == 0x22 ? mark : 0) &&
         signs.backslashes == (byte == 0x5C ? mark : 0) &&
         signs.others == (byte < ' ' || byte >= 0x80 ? mark : 0);
}

/* The same for signs, which tell what kind of mark it is. */
static int has_sign(size_t length, size_t at, unsigned byte) {
  cm_slice run = run_with('a', 64, at * 64 / length, byte);
  uint64_t mark = UINT64_C(1) << (at * 64 / length);
  int right = signs_are(cm_json_read_signs, run.ptr, byte, mark) &&
              signs_are(cm_json_read_signs_words, run.ptr, byte, mark) &&
              signs_are(cm_json_read_signs_singly, run.ptr, byte, mark);

  exact_free(run);
  return right;
}

static int is_marked_of_few(size_t length, size_t at, unsigned byte) {
  cm_slice run = run_with('a', 16, at * 16 / length, byte);
  uint64_t mark = is_plain(byte) ? 0 : UINT64_C(1) << (at * 16 / length);
  int right = cm_json_marks16(run.ptr) == mark && cm_json_marks16_words(run.ptr) == mark &&
              cm_json_marks16_singly(run.ptr) == mark;

  exact_free(run);
  return right;
}

/* At the end of a text a window holds what there is, however much came before it. */
static int is_marked_in_window(size_t length, size_t at, unsigned byte) {
  cm_slice run = run_with('a', length, at, byte);
  const char *end = run.ptr + run.len;
  uint64_t mark = is_plain(byte) ? 0 : UINT64_C(1) << (at & 7);
  int right = cm_json_window(run.ptr, run.ptr + (at & ~(size_t)7), end) == mark;

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

typedef size_t copying(char *out, const char *pos, size_t length, size_t before);

/* Copies what is behind so many bytes of run. */
static int copies(copying *copy, cm_slice run, size_t before, size_t expected) {
  size_t length = run.len - before;
  cm_slice room = run_with('-', length + 8, length + 8, 0); /* and no byte more */
  char *out = (char *)(uintptr_t)room.ptr;
  int right = copy(out, run.ptr + before, length, before) == expected;

  right = right && memcmp(out, run.ptr + before, expected) == 0;
  exact_free(room);
  return right;
}

static int all_copy(cm_slice run, size_t before, size_t expected) {
  return copies(cm_json_copy_unescaped, run, before, expected) &&
         copies(cm_json_copy_unescaped_words, run, before, expected) &&
         copies(cm_json_copy_unescaped_singly, run, before, expected);
}

static int copies_end(size_t length, size_t at, unsigned byte) {
  cm_slice run = run_with('a', length, at, byte);
  size_t expected = byte == '\\' ? at : length;
  int right = all_copy(run, 0, expected) && all_copy(run, at / 2, expected - at / 2);

  exact_free(run);
  return right;
}

/* One byte among others, at each place of runs of many lengths. */
static int everywhere(int (*ends)(size_t length, size_t at, unsigned byte), unsigned byte) {
  size_t length, at;

  for (length = 1; length < LONGEST; length += 9)
    for (at = 0; at < length; at++)
      if (!ends(length, at, byte)) return 0;
  return 1;
}

/* Marks do not spill from one byte into the next. */
static int marks_two(unsigned first, unsigned second) {
  char bytes[64];
  cm_slice run;
  uint64_t marks;
  int right;

  memset(bytes, 'a', sizeof bytes);
  bytes[3] = (char)first;
  bytes[4] = (char)second;
  run = exact_copy(bytes, sizeof bytes);
  marks = cm_json_marks_singly(run.ptr);
  right = cm_json_marks(run.ptr) == marks && cm_json_marks_words(run.ptr) == marks;
  marks = cm_json_escapes_singly(run.ptr);
  right = right && cm_json_escapes(run.ptr) == marks && cm_json_escapes_words(run.ptr) == marks;
  exact_free(run);
  return right;
}

static int marks_it_before_all(unsigned first) {
  unsigned second;

  for (second = 0; second < 256; second++)
    if (!marks_two(first, second)) return 0;
  return 1;
}

void json_scan_tests(void) {
  unsigned byte;

  for (byte = 0; byte < 256; byte++) {
    CHECK(everywhere(is_marked, byte));
    CHECK(everywhere(is_escaped, byte));
    CHECK(everywhere(has_sign, byte));
    CHECK(everywhere(is_marked_of_few, byte));
    CHECK(everywhere(is_marked_in_window, byte));
    CHECK(everywhere(blanks_end, byte));
    CHECK(everywhere(copies_end, byte));
    CHECK(marks_it_before_all(byte));
  }
}
