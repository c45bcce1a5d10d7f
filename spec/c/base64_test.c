#include "core/base64.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "exact.h"

void base64_tests(void);

/* Encodes in a block of exactly the promised size, so that a sanitizer sees one byte more. */
static int becomes(const char *bytes, size_t len, const char *expected) {
  cm_slice in = exact_copy(bytes, len);
  size_t size = cm_base64_length(len);
  char *out = malloc(size ? size : 1);
  int same;

  cm_base64_encode(in, out);
  same = size == strlen(expected) && memcmp(out, expected, size) == 0;
  free(out);
  exact_free(in);
  return same;
}

static void meets_the_examples_of_rfc_4648(void) {
  CHECK(becomes("", 0, ""));
  CHECK(becomes("f", 1, "Zg=="));
  CHECK(becomes("fo", 2, "Zm8="));
  CHECK(becomes("foo", 3, "Zm9v"));
  CHECK(becomes("foob", 4, "Zm9vYg=="));
  CHECK(becomes("fooba", 5, "Zm9vYmE="));
  CHECK(becomes("foobar", 6, "Zm9vYmFy"));
}

static void takes_every_byte(void) {
  CHECK(becomes("\0\0\0", 3, "AAAA"));
  CHECK(becomes("\377\377\377\377", 4, "/////w=="));
  CHECK(becomes("\373\357\276", 3, "++++"));
}

static void pieces_of_threes_make_the_whole(void) {
  char whole[44], pieces[44];
  cm_slice all = { "abcdefghijklmnopqrstuvwxyzABCDEF", 32 };
  size_t cut;

  cm_base64_encode(all, whole);
  for (cut = 0; cut <= 30; cut += 3) {
    cm_slice first = { all.ptr, cut }, rest = { all.ptr + cut, all.len - cut };
    cm_base64_encode(first, pieces);
    cm_base64_encode(rest, pieces + cm_base64_length(cut));
    CHECK(memcmp(whole, pieces, sizeof whole) == 0);
  }
}

void base64_tests(void) {
  meets_the_examples_of_rfc_4648();
  takes_every_byte();
  pieces_of_threes_make_the_whole();
}
