#include "core/mark.h"

#include <string.h>

#include "core/json_reader.h"
#include "core/object.h"
#include "core/slice.h"

static cm_slice between(const char *from, const char *to) {
  cm_slice bytes;

  bytes.ptr = from;
  bytes.len = (size_t)(to - from);
  return bytes;
}

static const char *end_of(cm_slice bytes) {
  return bytes.ptr + bytes.len;
}

/* A text becomes the block that it stands for. */
static void wrap_text(cm_slice content, cm_slice text, cm_mark *mark) {
  mark->before = between(content.ptr, text.ptr);
  mark->open = cm_slice_of("[{\"text\":");
  mark->text = text;
  mark->name = cm_slice_of(",\"type\":\"text\",\"cache_control\":");
  mark->close = cm_slice_of("}]");
  mark->after = between(end_of(text), end_of(content));
}

static void add_member(cm_slice content, cm_slice block, cm_mark *mark) {
  const char *brace = end_of(block) - 1;

  memset(mark, 0, sizeof *mark);
  mark->before = between(content.ptr, brace);
  mark->open = mark->text = mark->close = cm_slice_of("");
  mark->name = cm_slice_of(",\"cache_control\":");
  mark->after = between(brace, end_of(content));
}

static int has_members(cm_slice block) {
  cm_json_reader reader;
  cm_json_string key;

  if (!cm_object_is_object(block)) return 0;
  cm_json_reader_init(&reader, block, CM_JSON_MAX_DEPTH);
  cm_json_reader_begin_object(&reader);
  return cm_json_reader_next_member(&reader, &key) == CM_OK;
}

/* The raw value of an element; length 0 if there are not so many. */
static cm_slice element(cm_slice list, size_t index) {
  cm_slice value = { "", 0 };
  cm_json_reader reader;
  size_t i;

  cm_json_reader_init(&reader, list, CM_JSON_MAX_DEPTH);
  if (cm_json_reader_begin_array(&reader) != CM_OK) return value;
  for (i = 0; cm_json_reader_next_element(&reader) == CM_OK; i++) {
    if (cm_json_reader_read_value(&reader, &value) != CM_OK) break;
    if (i == index) return value;
  }
  value.len = 0;
  return value;
}

/* The content without blanks around it, if it is a text; else of length 0. */
static cm_slice text_of(cm_slice content) {
  cm_slice text = { "", 0 };
  cm_json_reader reader;

  cm_json_reader_init(&reader, content, CM_JSON_MAX_DEPTH);
  if (cm_json_reader_peek(&reader) == CM_JSON_STRING) cm_json_reader_read_value(&reader, &text);
  return text;
}

cm_status cm_mark_find(cm_slice content, size_t block, cm_mark *mark) {
  cm_slice found = text_of(content);

  if (found.len) {
    if (block > 0) return CM_ERR_PROTOCOL;
    wrap_text(content, found, mark);
    return CM_OK;
  }
  found = element(content, block);
  if (!has_members(found)) return CM_ERR_PROTOCOL;
  add_member(content, found, mark);
  return CM_OK;
}

size_t cm_mark_count(cm_slice content) {
  cm_json_reader reader;
  size_t count = 0;

  if (text_of(content).len) return 1;
  cm_json_reader_init(&reader, content, CM_JSON_MAX_DEPTH);
  if (cm_json_reader_begin_array(&reader) != CM_OK) return 0;
  while (cm_json_reader_next_element(&reader) == CM_OK) count++;
  return count;
}
