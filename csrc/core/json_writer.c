#include "core/json_writer.h"

#include "core/json_number.h"
#include "core/json_string.h"
#include "core/utf8.h"

void cm_json_writer_init(cm_json_writer *writer, cm_buffer *out) {
  writer->out = out;
  writer->failure = CM_OK;
  writer->comma_due = 0;
}

static cm_status put(cm_json_writer *writer, const char *bytes, size_t len) {
  cm_slice slice;

  if (writer->failure != CM_OK) return writer->failure;
  slice.ptr = bytes;
  slice.len = len;
  return writer->failure = cm_buffer_append(writer->out, slice);
}

static cm_status put_value(cm_json_writer *writer, const char *bytes, size_t len) {
  if (writer->comma_due) put(writer, ",", 1);
  writer->comma_due = 1;
  return put(writer, bytes, len);
}

static cm_status open_container(cm_json_writer *writer, const char *bracket) {
  put_value(writer, bracket, 1);
  writer->comma_due = 0;
  return writer->failure;
}

static cm_status close_container(cm_json_writer *writer, const char *bracket) {
  writer->comma_due = 1;
  return put(writer, bracket, 1);
}

cm_status cm_json_writer_begin_object(cm_json_writer *writer) {
  return open_container(writer, "{");
}

cm_status cm_json_writer_end_object(cm_json_writer *writer) {
  return close_container(writer, "}");
}

cm_status cm_json_writer_begin_array(cm_json_writer *writer) {
  return open_container(writer, "[");
}

cm_status cm_json_writer_end_array(cm_json_writer *writer) {
  return close_container(writer, "]");
}

cm_status cm_json_writer_key(cm_json_writer *writer, cm_slice text) {
  cm_json_writer_string(writer, text);
  writer->comma_due = 0;
  return put(writer, ":", 1);
}

cm_status cm_json_writer_string(cm_json_writer *writer, cm_slice text) {
  if (writer->failure != CM_OK) return writer->failure;
  if (cm_utf8_valid_prefix(text) < text.len) return writer->failure = CM_ERR_UTF8;
  if (put_value(writer, "\"", 1) != CM_OK) return writer->failure;
  writer->failure = cm_json_string_escape(text, writer->out);
  return put(writer, "\"", 1);
}

cm_status cm_json_writer_int64(cm_json_writer *writer, int64_t value) {
  char digits[CM_JSON_NUMBER_SIZE];

  return put_value(writer, digits, cm_json_number_from_int64(digits, value));
}

cm_status cm_json_writer_double(cm_json_writer *writer, double value) {
  char digits[CM_JSON_NUMBER_SIZE];
  size_t len;

  if (writer->failure != CM_OK) return writer->failure;
  len = cm_json_number_from_double(digits, value);
  if (len == 0) return writer->failure = CM_ERR_SYNTAX;
  return put_value(writer, digits, len);
}

cm_status cm_json_writer_bool(cm_json_writer *writer, int value) {
  return value ? put_value(writer, "true", 4) : put_value(writer, "false", 5);
}

cm_status cm_json_writer_null(cm_json_writer *writer) {
  return put_value(writer, "null", 4);
}

cm_status cm_json_writer_raw(cm_json_writer *writer, cm_slice json) {
  return put_value(writer, json.ptr, json.len);
}
