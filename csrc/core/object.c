#include "core/object.h"

#include "core/json_reader.h"
#include "core/slice.h"

int cm_object_is_string(cm_slice value) {
  return value.len >= 2 && value.ptr[0] == '"';
}

int cm_object_is_object(cm_slice value) {
  return value.len >= 2 && value.ptr[0] == '{';
}

int cm_object_is_array(cm_slice value) {
  return value.len >= 2 && value.ptr[0] == '[';
}

int cm_object_is_number(cm_slice value) {
  return value.len > 0 && (value.ptr[0] == '-' || (value.ptr[0] >= '0' && value.ptr[0] <= '9'));
}

cm_json_string cm_object_string(cm_slice value) {
  cm_json_string string = { { "", 0 }, 0 };

  if (!cm_object_is_string(value)) return string;
  string.body.ptr = value.ptr + 1;
  string.body.len = value.len - 2;
  string.escaped = memchr(string.body.ptr, '\\', string.body.len) != NULL;
  return string;
}

int cm_object_says(cm_json_string string, const char *text) {
  return cm_json_string_equals(string, cm_slice_of(text));
}

cm_slice cm_object_member(cm_slice object, const char *name) {
  cm_json_reader reader;
  cm_json_string key;
  cm_slice value, found = { "", 0 };

  cm_json_reader_init(&reader, object, CM_JSON_MAX_DEPTH);
  cm_json_reader_begin_object(&reader);
  while (cm_json_reader_next_member(&reader, &key) == CM_OK) {
    if (!cm_object_says(key, name)) continue;
    if (cm_json_reader_read_value(&reader, &value) == CM_OK) found = value;
  }
  return found;
}
