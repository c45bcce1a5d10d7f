/*
** sse_fuzz.c - the whole input and the same input byte by byte give the same
** events at the same offsets and end in the same way, whatever the limit.
*/
#include "fuzz.h"
#include "record.h"

#include "core/sse.h"

static void note(record *r, const cm_sse_event *event) {
  record_number(r, (int64_t)event->offset);
  record_bytes(r, event->name);
  record_bytes(r, event->data);
}

/* Feeds the input in pieces of step bytes and records what comes out. */
static void parse(cm_slice input, size_t step, size_t limit, record *r) {
  cm_sse sse;
  cm_sse_event event;
  cm_slice piece;
  cm_status status = CM_WANT_MORE;
  size_t at;

  cm_sse_init(&sse, &cm_libc_alloc, limit);
  for (at = 0; at < input.len && status == CM_WANT_MORE; at += step) {
    piece = record_piece(input, at, step);
    while ((status = cm_sse_next(&sse, &piece, &event)) == CM_OK) note(r, &event);
  }
  record_number(r, status);
  if (status < 0) REQUIRE(cm_sse_next(&sse, &piece, &event) == status);
  if (status >= 0) REQUIRE(cm_sse_position(&sse) == input.len);
  cm_sse_deinit(&sse);
}

static void parse_alike(cm_slice input, size_t limit) {
  record whole, single, pieces;

  record_init(&whole);
  record_init(&single);
  record_init(&pieces);
  parse(input, input.len ? input.len : 1, limit, &whole);
  parse(input, 1, limit, &single);
  parse(input, 7, limit, &pieces);
  REQUIRE(record_equal(&whole, &single));
  REQUIRE(record_equal(&whole, &pieces));
  record_deinit(&whole);
  record_deinit(&single);
  record_deinit(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cm_slice input;

  input.ptr = (const char *)data;
  input.len = size;
  parse_alike(input, 1 << 20);
  parse_alike(input, 16);
  return 0;
}
