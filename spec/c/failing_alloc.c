#include "failing_alloc.h"

#include <stdlib.h>

static void *resize(void *ud, void *ptr, size_t old_size, size_t new_size) {
  failing_alloc *books = ud;
  void *grown;

  if (new_size == 0) {
    if (ptr) books->blocks--;
    books->live_bytes -= ptr ? old_size : 0;
    free(ptr);
    return NULL;
  }
  if (books->until_failure == 0) {
    books->failed = 1;
    if (books->once) books->until_failure = (size_t)-1;
    return NULL;
  }
  if (books->until_failure != (size_t)-1) books->until_failure--;
  grown = realloc(ptr, new_size);
  if (!grown) abort(); /* the machine itself is out of memory: no test result means anything */
  if (!ptr) books->blocks++;
  books->live_bytes += new_size - (ptr ? old_size : 0);
  return grown;
}

cm_alloc failing_alloc_over(failing_alloc *books, size_t until_failure) {
  cm_alloc alloc;

  books->until_failure = until_failure;
  books->live_bytes = books->blocks = 0;
  books->failed = books->once = 0;
  alloc.resize = resize;
  alloc.ud = books;
  return alloc;
}
