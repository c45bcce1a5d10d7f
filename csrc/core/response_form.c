#include "core/response_form.h"

#include <string.h>

static int is_named_stream(const cm_headers *headers) {
  return cm_headers_mentions(cm_headers_get(headers, "content-type"), "text/event-stream");
}

static int has_type(const cm_headers *headers) {
  return cm_headers_get(headers, "content-type").len > 0;
}

/* Whether bytes begin a stream's first line; UNDECIDED while that cannot be told. */
static cm_response_form form_by_line(cm_slice bytes) {
  static const char *const heads[] = { ":", "event:", "data:" };
  size_t i, n;

  for (i = 0; i < sizeof heads / sizeof *heads; i++) {
    n = strlen(heads[i]);
    if (bytes.len >= n && memcmp(bytes.ptr, heads[i], n) == 0) return CM_FORM_STREAM;
    if (bytes.len < n && memcmp(bytes.ptr, heads[i], bytes.len) == 0) return CM_FORM_UNDECIDED;
  }
  return CM_FORM_PLAIN;
}

/* What a server does not name is a stream unless it looks like a document. */
static cm_response_form form_by_bytes(int named, int other, cm_slice bytes) {
  while (bytes.len && memchr(" \t\r\n", bytes.ptr[0], 4)) bytes.ptr++, bytes.len--;
  if (bytes.len == 0) return CM_FORM_UNDECIDED;
  if (named) return bytes.ptr[0] == '{' ? CM_FORM_PLAIN : CM_FORM_STREAM;
  if (other) return form_by_line(bytes);
  return memchr("{[<", bytes.ptr[0], 3) ? CM_FORM_PLAIN : CM_FORM_STREAM;
}

cm_response_form cm_form_of(const cm_headers *headers, const cm_form_wishes *wishes,
                            cm_slice bytes) {
  int named = is_named_stream(headers);
  int other = !named && has_type(headers);

  if (!cm_form_is_success(headers) || wishes->plain) return CM_FORM_PLAIN;
  if (wishes->bytes) return CM_FORM_BYTES;
  if (!wishes->either && (named || other)) return named ? CM_FORM_STREAM : CM_FORM_PLAIN;
  return form_by_bytes(named, other, bytes);
}

cm_response_form cm_form_at_end(const cm_headers *headers, const cm_form_wishes *wishes) {
  if (!cm_form_is_success(headers) || wishes->plain) return CM_FORM_PLAIN;
  if (wishes->bytes) return CM_FORM_BYTES;
  if (is_named_stream(headers)) return CM_FORM_STREAM;
  return has_type(headers) ? CM_FORM_PLAIN : CM_FORM_STREAM;
}

int cm_form_announces_stream(const cm_headers *headers, const cm_form_wishes *wishes) {
  return cm_form_is_success(headers) && is_named_stream(headers) && !wishes->bytes &&
         !wishes->plain;
}
