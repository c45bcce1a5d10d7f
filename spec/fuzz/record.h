/*
** record.h - a list of what happened, to compare one run with another.
*/
#ifndef CM_RECORD_H
#define CM_RECORD_H

#include <string.h>

#include "core/base.h"
#include "core/buffer.h"
#include "fuzz.h"

#define RECORD_LIMIT ((size_t)1 << 28)

typedef struct record {
  cm_buffer bytes;
} record;

static inline void record_init(record *r) {
  cm_buffer_init(&r->bytes, &cm_libc_alloc, RECORD_LIMIT);
}

static inline void record_deinit(record *r) {
  cm_buffer_deinit(&r->bytes);
}

static inline void record_number(record *r, int64_t number) {
  cm_slice slice;

  slice.ptr = (const char *)&number;
  slice.len = sizeof number;
  REQUIRE(cm_buffer_append(&r->bytes, slice) == CM_OK);
}

static inline void record_bytes(record *r, cm_slice bytes) {
  record_number(r, (int64_t)bytes.len);
  REQUIRE(cm_buffer_append(&r->bytes, bytes) == CM_OK);
}

static inline int record_equal(const record *a, const record *b) {
  return a->bytes.len == b->bytes.len &&
         (a->bytes.len == 0 || memcmp(a->bytes.ptr, b->bytes.ptr, a->bytes.len) == 0);
}

/* The fuzzer's bytes. */
static inline cm_slice record_input(const uint8_t *data, size_t size) {
  cm_slice input;

  input.ptr = (const char *)data;
  input.len = size;
  return input;
}

/* The piece of input of at most step bytes that begins at at. */
static inline cm_slice record_piece(cm_slice input, size_t at, size_t step) {
  cm_slice piece;

  piece.ptr = input.ptr + at;
  piece.len = input.len - at < step ? input.len - at : step;
  return piece;
}

#endif
