#include "exact.h"

#include <stdlib.h>
#include <string.h>

cm_slice exact_copy(const char *bytes, size_t len) {
  char *copy = malloc(len ? len : 1);
  cm_slice slice;

  if (!copy) abort();
  memcpy(copy, bytes, len);
  /* Of an empty input not even the first byte may be read. */
  slice.ptr = len ? copy : copy + 1;
  slice.len = len;
  return slice;
}

void exact_free(cm_slice copy) {
  union {
    const char *read;
    char *write;
  } block;

  block.read = copy.len ? copy.ptr : copy.ptr - 1;
  free(block.write);
}

int exact_equal(cm_slice bytes, const char *expected) {
  return bytes.len == strlen(expected) &&
         (bytes.len == 0 || memcmp(bytes.ptr, expected, bytes.len) == 0);
}
