/*
** sse_fuzz.c - the whole input and the same input byte by byte give the same
** events at the same offsets and end in the same way, whatever the limit. They are those
** that WHATWG's description of the format, followed line by line, finds.
*/
#include "fuzz.h"
#include "record.h"

#include "core/slice.h"
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

/* The format as it is described: lines, fields, and buffers that an empty line empties. */

typedef struct plain_event {
  cm_slice name;
  record data;
  size_t offset;
  int has_data;
} plain_event;

/* The length of the line that rest begins with; *end: of its line end, 0 if it has none. */
static size_t plain_line(cm_slice rest, size_t *end) {
  size_t length = 0;

  while (length < rest.len && rest.ptr[length] != '\n' && rest.ptr[length] != '\r') length++;
  *end = length < rest.len;
  if (length + 1 < rest.len && rest.ptr[length] == '\r' && rest.ptr[length + 1] == '\n') *end = 2;
  return length;
}

static void plain_field(plain_event *event, cm_slice line, size_t at) {
  const char *colon = memchr(line.ptr, ':', line.len);
  size_t name = colon ? (size_t)(colon - line.ptr) : line.len;
  size_t skipped = colon ? name + 1 : name;
  cm_slice value;

  if (skipped < line.len && line.ptr[skipped] == ' ') skipped++;
  value.ptr = line.ptr + skipped;
  value.len = line.len - skipped;
  if (name == 5 && memcmp(line.ptr, "event", 5) == 0) event->name = value;
  if (name != 4 || memcmp(line.ptr, "data", 4) != 0) return;
  if (!event->has_data) event->offset = at + skipped;
  if (event->has_data) REQUIRE(cm_buffer_append_text(&event->data.bytes, "\n") == CM_OK);
  REQUIRE(cm_buffer_append(&event->data.bytes, value) == CM_OK);
  event->has_data = 1;
}

static void plain_dispatch(plain_event *event, record *r) {
  if (event->has_data) {
    record_number(r, (int64_t)event->offset);
    record_bytes(r, event->name);
    record_bytes(r, cm_slice_in(&event->data.bytes));
  }
  cm_buffer_clear(&event->data.bytes);
  event->name.len = 0;
  event->has_data = 0;
}

static void parse_plainly(cm_slice input, record *r) {
  plain_event event = { { "", 0 }, { { 0 } }, 0, 0 };
  size_t at = input.len >= 3 && memcmp(input.ptr, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0, end;
  cm_slice line;

  record_init(&event.data);
  for (; at < input.len; at += line.len + end) {
    line = record_piece(input, at, input.len);
    line.len = plain_line(line, &end);
    if (end && line.len)
      plain_field(&event, line, at);
    else if (end)
      plain_dispatch(&event, r);
  }
  record_number(r, CM_WANT_MORE);
  record_deinit(&event.data);
}

static void parse_as_described(cm_slice input) {
  record described, parsed;

  record_init(&described);
  record_init(&parsed);
  parse_plainly(input, &described);
  parse(input, input.len + 1, (size_t)1 << 20, &parsed);
  REQUIRE(record_equal(&described, &parsed));
  record_deinit(&described);
  record_deinit(&parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cm_slice input = record_input(data, size);

  parse_alike(input, 1 << 20);
  parse_alike(input, 16);
  parse_as_described(input);
  return 0;
}
