/*
** json_fuzz.c - for any bytes:
**   - a text that is read and written again is JSON, and stays as it is the next time;
**   - what is said of a text cut off anywhere is JSON as far as the text was;
**   - strings unescaped in pieces are the string unescaped at once;
**   - scrubbed text is UTF-8, and the same if it was UTF-8 before;
**   - content with a cache breakpoint is JSON, and without it what it was.
*/
#include "fuzz.h"

#include <string.h>

#include "core/json_number.h"
#include "core/json_partial.h"
#include "core/json_reader.h"
#include "core/json_writer.h"
#include "core/mark.h"
#include "core/utf8.h"

enum { CEILING = 1 << 24 };

static cm_slice bytes_of(const cm_buffer *buffer) {
  cm_slice slice;

  slice.ptr = buffer->len ? buffer->ptr : "";
  slice.len = buffer->len;
  return slice;
}

static int same(cm_slice a, cm_slice b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static void unescape(cm_slice body, cm_buffer *out) {
  unsigned carry = 0;

  REQUIRE(cm_json_string_unescape(body, &carry, out) == CM_OK);
  REQUIRE(cm_json_string_finish(&carry, out) == CM_OK);
}

static size_t piece_length(cm_slice body) {
  size_t length = 1;

  if (body.ptr[0] == '\\') return body.ptr[1] == 'u' ? 6 : 2;
  if ((unsigned char)body.ptr[0] >= 0x80) cm_utf8_sequence(body, &length);
  return length;
}

/* One character or escape at a time gives the text that all at once gives. */
static void unescape_in_pieces(cm_slice body, cm_slice expected) {
  unsigned carry = 0;
  cm_buffer out;
  cm_slice piece;

  cm_buffer_init(&out, &cm_libc_alloc, CEILING);
  while (body.len) {
    piece.ptr = body.ptr;
    piece.len = piece_length(body);
    REQUIRE(cm_json_string_unescape(piece, &carry, &out) == CM_OK);
    body.ptr += piece.len;
    body.len -= piece.len;
  }
  REQUIRE(cm_json_string_finish(&carry, &out) == CM_OK);
  REQUIRE(same(bytes_of(&out), expected));
  cm_buffer_deinit(&out);
}

static void copy_string(cm_json_writer *writer, cm_json_string string, int is_key) {
  cm_buffer text;
  cm_slice plain;

  cm_buffer_init(&text, &cm_libc_alloc, CEILING);
  unescape(string.body, &text);
  plain = bytes_of(&text);
  unescape_in_pieces(string.body, plain);
  REQUIRE(cm_json_string_equals(string, plain));
  REQUIRE(string.escaped == (memchr(string.body.ptr, '\\', string.body.len) != NULL));
  if (is_key)
    cm_json_writer_key(writer, plain);
  else
    cm_json_writer_string(writer, plain);
  cm_buffer_deinit(&text);
}

/* The C library agrees, and what is written reads back. */
static void check_double(cm_slice digits, double value) {
  char text[CM_JSON_NUMBER_SIZE], *copy = malloc(digits.len + 1);
  cm_slice written;

  REQUIRE(copy);
  memcpy(copy, digits.ptr, digits.len);
  copy[digits.len] = '\0';
  REQUIRE(strtod(copy, NULL) == value);
  free(copy);
  written.ptr = text;
  written.len = cm_json_number_from_double(text, value);
  if (value - value == 0) REQUIRE(cm_json_number_to_double(written) == value);
}

static void copy_number(cm_json_writer *writer, cm_slice digits) {
  int64_t integer;
  double value = cm_json_number_to_double(digits);

  check_double(digits, value);
  if (cm_json_number_to_int64(digits, &integer) && (integer != 0 || digits.len == 1))
    cm_json_writer_int64(writer, integer);
  else if (value - value == 0)
    cm_json_writer_double(writer, value);
  else
    cm_json_writer_raw(writer, digits);
}

static cm_status copy_value(cm_json_reader *reader, cm_json_writer *writer, char *open,
                            unsigned *depth) {
  cm_json_string string;
  cm_slice digits;
  cm_status status;
  int flag;

  switch (cm_json_reader_peek(reader)) {
  case CM_JSON_OBJECT:
    status = cm_json_reader_begin_object(reader);
    if (status != CM_OK) return status;
    open[(*depth)++] = '{';
    return cm_json_writer_begin_object(writer);
  case CM_JSON_ARRAY:
    status = cm_json_reader_begin_array(reader);
    if (status != CM_OK) return status;
    open[(*depth)++] = '[';
    return cm_json_writer_begin_array(writer);
  case CM_JSON_STRING:
    status = cm_json_reader_read_string(reader, &string);
    if (status == CM_OK) copy_string(writer, string, 0);
    return status;
  case CM_JSON_NUMBER:
    status = cm_json_reader_read_number(reader, &digits);
    if (status == CM_OK) copy_number(writer, digits);
    return status;
  case CM_JSON_TRUE:
  case CM_JSON_FALSE:
    status = cm_json_reader_read_bool(reader, &flag);
    if (status == CM_OK) cm_json_writer_bool(writer, flag);
    return status;
  default:
    status = cm_json_reader_read_null(reader);
    if (status == CM_OK) cm_json_writer_null(writer);
    return status;
  }
}

/* Moves to the next value, closing containers on the way. */
static cm_status next_value(cm_json_reader *reader, cm_json_writer *writer, const char *open,
                            unsigned *depth) {
  cm_json_string key;
  cm_status status = CM_END;

  while (status == CM_END && *depth > 0) {
    if (open[*depth - 1] == '{') {
      status = cm_json_reader_next_member(reader, &key);
      if (status == CM_OK) copy_string(writer, key, 1);
      if (status == CM_END) cm_json_writer_end_object(writer);
    } else {
      status = cm_json_reader_next_element(reader);
      if (status == CM_END) cm_json_writer_end_array(writer);
    }
    if (status == CM_END) --*depth;
  }
  return status;
}

/* Reads text and writes what it read. */
static cm_status copy_text(cm_slice text, cm_buffer *out) {
  char open[CM_JSON_MAX_DEPTH];
  unsigned depth = 0;
  cm_json_reader reader;
  cm_json_writer writer;
  cm_status status;

  cm_json_reader_init(&reader, text, CM_JSON_MAX_DEPTH);
  cm_json_writer_init(&writer, out);
  do {
    status = copy_value(&reader, &writer, open, &depth);
    if (status >= 0) status = next_value(&reader, &writer, open, &depth);
  } while (status >= 0 && depth > 0);
  if (status < 0) return status;
  REQUIRE(cm_json_writer_end_array(&writer) == CM_OK); /* no failure so far */
  out->len--;
  return cm_json_reader_finish(&reader);
}

static void reads_and_writes(cm_slice text) {
  cm_failure failure = { CM_OK, 0, "" };
  cm_status status = cm_json_check(text, &failure);
  cm_buffer once, twice;

  cm_buffer_init(&once, &cm_libc_alloc, CEILING);
  cm_buffer_init(&twice, &cm_libc_alloc, CEILING);
  REQUIRE(copy_text(text, &once) == status);
  if (status == CM_OK) {
    REQUIRE(cm_json_check(bytes_of(&once), NULL) == CM_OK);
    REQUIRE(copy_text(bytes_of(&once), &twice) == CM_OK);
    REQUIRE(same(bytes_of(&once), bytes_of(&twice)));
  } else {
    REQUIRE(failure.offset <= text.len && failure.text[0]);
  }
  cm_buffer_deinit(&once);
  cm_buffer_deinit(&twice);
}

/* Of a valid text every cut can be completed; of any text the completion keeps its start. */
static void completes(cm_slice text, int valid) {
  cm_buffer out;
  cm_status status;
  size_t offset, cut = 0;

  for (cut = text.len; cut > 0; cut = cut * 2 / 3) {
    cm_slice start = { text.ptr, cut };
    cm_buffer_init(&out, &cm_libc_alloc, CEILING);
    status = cm_json_partial_complete(start, &out, &offset);
    REQUIRE(offset <= cut);
    REQUIRE(!valid || status == CM_OK || status == CM_WANT_MORE);
    if (valid && status == CM_OK) REQUIRE(cm_json_check(bytes_of(&out), NULL) == CM_OK);
    cm_buffer_deinit(&out);
  }
}

static void scrubs(cm_slice text) {
  size_t valid = cm_utf8_valid_prefix(text), replaced;
  cm_buffer out;

  cm_buffer_init(&out, &cm_libc_alloc, CEILING);
  REQUIRE(cm_utf8_scrub(text, &out, &replaced) == CM_OK);
  REQUIRE(cm_utf8_valid_prefix(bytes_of(&out)) == out.len);
  REQUIRE((replaced == 0) == (valid == text.len));
  if (replaced == 0) REQUIRE(same(bytes_of(&out), text));
  cm_buffer_deinit(&out);
}

static void append_all(cm_buffer *out, const cm_slice *pieces, size_t count) {
  size_t i;

  for (i = 0; i < count; i++) REQUIRE(cm_buffer_append(out, pieces[i]) == CM_OK);
}

static void marks_block(cm_slice content, size_t block) {
  static const cm_slice control = { "{}", 2 };
  cm_buffer marked, plain;
  cm_mark mark;

  if (cm_mark_find(content, block, &mark) != CM_OK) return;
  cm_buffer_init(&marked, &cm_libc_alloc, CEILING);
  cm_buffer_init(&plain, &cm_libc_alloc, CEILING);
  {
    cm_slice with[] = { mark.before, mark.open,  mark.text, mark.name,
                        control,     mark.close, mark.after };
    cm_slice without[] = { mark.before, mark.text, mark.after };
    append_all(&marked, with, sizeof with / sizeof *with);
    append_all(&plain, without, sizeof without / sizeof *without);
  }
  REQUIRE(cm_json_check(bytes_of(&marked), NULL) == CM_OK);
  REQUIRE(cm_mark_count(bytes_of(&marked)) == cm_mark_count(content));
  REQUIRE(same(bytes_of(&plain), content));
  cm_buffer_deinit(&marked);
  cm_buffer_deinit(&plain);
}

static void marks(cm_slice content) {
  size_t block, count = cm_mark_count(content);

  for (block = 0; block <= count && block < 4; block++) marks_block(content, block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cm_slice text;

  text.ptr = (const char *)data;
  text.len = size;
  if (size > 1 << 16) return 0;
  reads_and_writes(text);
  completes(text, cm_json_check(text, NULL) == CM_OK);
  if (cm_json_check(text, NULL) == CM_OK) marks(text);
  scrubs(text);
  return 0;
}
