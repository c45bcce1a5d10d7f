/*
** failing_alloc.h - an allocator that fails on request and keeps the books: for
** running the same work with its first, second, third … allocation failing.
*/
#ifndef CM_FAILING_ALLOC_H
#define CM_FAILING_ALLOC_H

#include "core/base.h"

typedef struct failing_alloc {
  size_t until_failure; /* so many more allocations succeed; (size_t)-1: all do */
  size_t live_bytes;    /* given out and not given back, by the sizes the caller names */
  size_t blocks;        /* likewise, counted */
  int failed;           /* an allocation was refused */
  int once;             /* after the one that is refused all succeed again */
} failing_alloc;

/* The allocator that draws on books; both must outlive what is made with it. */
cm_alloc failing_alloc_over(failing_alloc *books, size_t until_failure);

#endif
