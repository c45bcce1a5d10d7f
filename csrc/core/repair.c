#include "core/repair.h"

#include <stdlib.h>
#include <string.h>

#include "core/json_partial.h"
#include "core/json_reader.h"
#include "core/json_string.h"
#include "core/slice.h"

static int is_object(cm_slice value) {
  size_t i = 0;

  while (i < value.len && memchr(" \n\r\t", value.ptr[i], 4)) i++;
  return i < value.len && value.ptr[i] == '{';
}

cm_status cm_repair_close(cm_slice input, cm_buffer *out) {
  size_t before = out->len, offset;
  cm_status status = cm_json_partial_complete(input, out, &offset);
  cm_slice closed;

  if (status == CM_WANT_MORE) return CM_ERR_SYNTAX;
  if (status != CM_OK) return status;
  closed.ptr = out->ptr + before;
  closed.len = out->len - before;
  return cm_json_check_to(closed, CM_JSON_MAX_REPLY_DEPTH, NULL);
}

cm_status cm_repair_judge(cm_slice input, const cm_alloc *alloc, cm_input_state *state) {
  cm_buffer closed;
  cm_status status;

  *state = is_object(input) ? CM_INPUT_OBJECT : CM_INPUT_OTHER_VALUE;
  if (cm_json_check_to(input, CM_JSON_MAX_REPLY_DEPTH, NULL) == CM_OK) return CM_OK;
  cm_buffer_init(&closed, alloc, (size_t)-1);
  status = cm_repair_close(input, &closed);
  cm_buffer_deinit(&closed);
  if (status == CM_ERR_NOMEM) return status;
  *state = status == CM_OK ? CM_INPUT_CUT : CM_INPUT_INVALID;
  return CM_OK;
}

cm_status cm_repair_wrap(cm_slice input, cm_buffer *out) {
  cm_status status = cm_buffer_append(out, cm_slice_of("{\"INVALID_JSON\":\""));

  if (status == CM_OK) status = cm_json_string_escape(input, out);
  return status == CM_OK ? cm_buffer_append(out, cm_slice_of("\"}")) : status;
}

static cm_slice span(const char *from, const char *to) {
  cm_slice s;
  s.ptr = from;
  s.len = (size_t)(to - from);
  return s;
}

/* What this function reads is valid JSON: no escape is cut off. */
static unsigned long unit_at(const char *pos) {
  char digits[5];

  if (pos[1] != 'u') return 0;
  memcpy(digits, pos + 2, 4);
  digits[4] = 0;
  return strtoul(digits, NULL, 16);
}

static size_t escape_length(const char *pos, const char *end, int *lone) {
  unsigned long unit = unit_at(pos), second;

  *lone = 0;
  if (pos[1] != 'u') return 2;
  if ((unit & 0xF800) != 0xD800) return 6;
  second = end - pos >= 12 && pos[6] == '\\' ? unit_at(pos + 6) : 0;
  if ((unit & 0xFC00) == 0xD800 && (second & 0xFC00) == 0xDC00) return 12;
  *lone = 1;
  return 6;
}

cm_status cm_repair_halves(cm_slice json, cm_buffer *out) {
  const char *pos = json.ptr, *end = json.ptr + json.len, *run = pos;
  cm_status status = CM_OK;
  size_t length;
  int lone;

  while (status == CM_OK && (pos = memchr(pos, '\\', (size_t)(end - pos))) != NULL) {
    length = escape_length(pos, end, &lone);
    if (lone) {
      status = cm_buffer_append(out, span(run, pos));
      if (status == CM_OK) status = cm_buffer_append(out, cm_slice_of("\\ufffd"));
      run = pos + length;
    }
    pos += length;
  }
  return status == CM_OK ? cm_buffer_append(out, span(run, end)) : status;
}
