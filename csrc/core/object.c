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

static cm_slice *value_wanted(cm_json_string key, cm_object_wanted *wanted, size_t count) {
  size_t i;

  for (i = 0; i < count; i++)
    if (cm_object_says(key, wanted[i].name)) return &wanted[i].value;
  return NULL;
}

void cm_object_find(cm_slice object, cm_object_wanted *wanted, size_t count) {
  cm_json_reader reader;
  cm_json_string key;
  cm_slice value, *found;
  size_t i;

  for (i = 0; i < count; i++) wanted[i].value = cm_slice_of("");
  cm_json_reader_init(&reader, object, CM_JSON_MAX_DEPTH);
  cm_json_reader_begin_object(&reader);
  while (cm_json_reader_next_member(&reader, &key) == CM_OK) {
    found = value_wanted(key, wanted, count);
    if (found && cm_json_reader_read_value(&reader, &value) == CM_OK) *found = value;
  }
}

cm_slice cm_object_member(cm_slice object, const char *name) {
  cm_object_wanted wanted = { name, { "", 0 } };

  cm_object_find(object, &wanted, 1);
  return wanted.value;
}
