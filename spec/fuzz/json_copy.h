/*
** json_copy.h - reads a JSON text value by value and writes what was read.
*/
#ifndef CM_JSON_COPY_H
#define CM_JSON_COPY_H

#include "record.h"

#include "core/json_number.h"
#include "core/json_reader.h"
#include "core/json_writer.h"
#include "core/slice.h"

typedef struct json_copy {
  cm_json_reader reader;
  cm_json_writer writer;
  char open[CM_JSON_MAX_DEPTH]; /* by depth: the bracket of the open container */
  unsigned depth;
} json_copy;

static inline void json_copy_string(json_copy *copy, cm_json_string string, int is_key) {
  record text;
  unsigned carry = 0;

  record_init(&text);
  REQUIRE(cm_json_string_unescape(string.body, &carry, &text.bytes) == CM_OK);
  REQUIRE(cm_json_string_finish(&carry, &text.bytes) == CM_OK);
  if (is_key)
    cm_json_writer_key(&copy->writer, cm_slice_in(&text.bytes));
  else
    cm_json_writer_string(&copy->writer, cm_slice_in(&text.bytes));
  record_deinit(&text);
}

/* The C library agrees, and what is written reads back. */
static inline void json_copy_check_double(cm_slice digits, double value) {
  char text[CM_JSON_NUMBER_SIZE], *plain = malloc(digits.len + 1);
  cm_slice written;

  REQUIRE(plain);
  memcpy(plain, digits.ptr, digits.len);
  plain[digits.len] = '\0';
  REQUIRE(strtod(plain, NULL) == value);
  free(plain);
  written.ptr = text;
  written.len = cm_json_number_from_double(text, value);
  if (value - value == 0) REQUIRE(cm_json_number_to_double(written) == value);
}

/* As the binding does: integers that fit, doubles, and what neither can say as it came. */
static inline void json_copy_number(json_copy *copy, cm_slice digits) {
  int64_t integer;
  double value = cm_json_number_to_double(digits);
  int fits = cm_json_number_to_int64(digits, &integer);

  json_copy_check_double(digits, value);
  if (fits && (integer != 0 || digits.len == 1))
    cm_json_writer_int64(&copy->writer, integer);
  else if (value - value == 0 && (fits || !cm_json_number_is_integer(digits)))
    cm_json_writer_double(&copy->writer, value);
  else
    cm_json_writer_raw(&copy->writer, digits);
}

static inline cm_status json_copy_open(json_copy *copy, char bracket) {
  cm_status status = bracket == '{' ? cm_json_reader_begin_object(&copy->reader)
                                    : cm_json_reader_begin_array(&copy->reader);

  if (status != CM_OK) return status;
  copy->open[copy->depth++] = bracket;
  return bracket == '{' ? cm_json_writer_begin_object(&copy->writer)
                        : cm_json_writer_begin_array(&copy->writer);
}

/* A value that is no container. */
static inline cm_status json_copy_plain(json_copy *copy, cm_json_type type) {
  cm_json_string string;
  cm_slice digits;
  cm_status status;
  int flag;

  if (type == CM_JSON_STRING) {
    status = cm_json_reader_read_string(&copy->reader, &string);
    if (status == CM_OK) json_copy_string(copy, string, 0);
  } else if (type == CM_JSON_NUMBER) {
    status = cm_json_reader_read_number(&copy->reader, &digits);
    if (status == CM_OK) json_copy_number(copy, digits);
  } else if (type == CM_JSON_TRUE || type == CM_JSON_FALSE) {
    status = cm_json_reader_read_bool(&copy->reader, &flag);
    if (status == CM_OK) cm_json_writer_bool(&copy->writer, flag);
  } else {
    status = cm_json_reader_read_null(&copy->reader);
    if (status == CM_OK) cm_json_writer_null(&copy->writer);
  }
  return status;
}

static inline cm_status json_copy_value(json_copy *copy) {
  cm_json_type type = cm_json_reader_peek(&copy->reader);

  if (type == CM_JSON_OBJECT) return json_copy_open(copy, '{');
  if (type == CM_JSON_ARRAY) return json_copy_open(copy, '[');
  return json_copy_plain(copy, type);
}

static inline cm_status json_copy_next_item(json_copy *copy) {
  cm_json_string key;
  cm_status status;

  if (copy->open[copy->depth - 1] == '[') {
    status = cm_json_reader_next_element(&copy->reader);
    if (status == CM_END) cm_json_writer_end_array(&copy->writer);
  } else {
    status = cm_json_reader_next_member(&copy->reader, &key);
    if (status == CM_OK) json_copy_string(copy, key, 1);
    if (status == CM_END) cm_json_writer_end_object(&copy->writer);
  }
  if (status == CM_END) copy->depth--;
  return status;
}

/* Moves to the next value, closing containers on the way. */
static inline cm_status json_copy_next(json_copy *copy) {
  cm_status status = CM_END;

  while (status == CM_END && copy->depth > 0) status = json_copy_next_item(copy);
  return status;
}

/* Writes to out what is read of text; what the reader says of it. */
static inline cm_status json_copy_text(cm_slice text, cm_buffer *out) {
  json_copy copy;
  cm_status status;

  copy.depth = 0;
  cm_json_reader_init(&copy.reader, text, CM_JSON_MAX_DEPTH);
  cm_json_writer_init(&copy.writer, out);
  do {
    status = json_copy_value(&copy);
    if (status >= 0) status = json_copy_next(&copy);
  } while (status >= 0 && copy.depth > 0);
  REQUIRE(copy.writer.failure == CM_OK);
  return status < 0 ? status : cm_json_reader_finish(&copy.reader);
}

#endif
