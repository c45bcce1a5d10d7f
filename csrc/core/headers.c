#include "core/headers.h"

#include "core/slice.h"

void cm_headers_init(cm_headers *headers, const cm_alloc *alloc, size_t max_bytes) {
  memset(headers, 0, sizeof *headers);
  cm_buffer_init(&headers->lines, alloc, (size_t)-1); /* max_bytes bounds what comes in */
  headers->max_bytes = max_bytes;
}

void cm_headers_deinit(cm_headers *headers) {
  cm_buffer_deinit(&headers->lines);
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int is_blank(char c) {
  return c == ' ' || c == '\t';
}

static cm_slice trim(cm_slice s) {
  while (s.len && is_blank(s.ptr[0])) s.ptr++, s.len--;
  while (s.len && is_blank(s.ptr[s.len - 1])) s.len--;
  return s;
}

static cm_slice without_line_end(cm_slice line) {
  if (line.len && line.ptr[line.len - 1] == '\n') line.len--;
  if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
  return line;
}

/* "HTTP/1.1 200 OK", "HTTP/2 200": three digits behind the first blanks. */
static cm_status read_status_line(cm_headers *headers, cm_slice line) {
  const char *pos = memchr(line.ptr, ' ', line.len);
  const char *end = line.ptr + line.len;
  int digits;

  cm_buffer_clear(&headers->lines);
  headers->status = headers->complete = 0;
  if (!pos) return CM_ERR_PROTOCOL;
  while (pos < end && *pos == ' ') pos++;
  for (digits = 0; digits < 3; digits++, pos++) {
    if (pos == end || *pos < '0' || *pos > '9') return CM_ERR_PROTOCOL;
    headers->status = headers->status * 10 + (*pos - '0');
  }
  return CM_OK;
}

/* Appends first: then the bytes to put in lower case are ours. */
static cm_status append_lower(cm_buffer *out, cm_slice name) {
  size_t from = out->len;
  cm_status status = cm_buffer_append(out, name);

  if (status != CM_OK) return status;
  for (; from < out->len; from++) out->ptr[from] = lower(out->ptr[from]);
  return CM_OK;
}

static cm_status keep(cm_headers *headers, cm_slice name, cm_slice value) {
  size_t before = headers->lines.len;
  cm_status status = append_lower(&headers->lines, name);

  if (status == CM_OK) status = cm_buffer_append_text(&headers->lines, ":");
  if (status == CM_OK) status = cm_buffer_append(&headers->lines, value);
  if (status == CM_OK) status = cm_buffer_append_text(&headers->lines, "\n");
  if (status != CM_OK) headers->lines.len = before; /* whole lines or none */
  return status;
}

static cm_status go_on(cm_headers *headers, cm_slice line) {
  size_t before = headers->lines.len;
  cm_status status;

  if (before == 0) return CM_OK;
  status = cm_buffer_append(&headers->lines, trim(line));
  if (status == CM_OK) status = cm_buffer_append_text(&headers->lines, "\n");
  if (status == CM_OK)
    headers->lines.ptr[before - 1] = ' ';
  else
    headers->lines.len = before;
  return status;
}

cm_status cm_headers_take(cm_headers *headers, cm_slice line) {
  const char *colon;
  cm_slice name, value;

  if (line.len > headers->max_bytes - headers->bytes) return CM_ERR_LIMIT;
  headers->bytes += line.len;
  line = without_line_end(line);
  if (line.len == 0) {
    headers->complete = 1;
    cm_buffer_trim(&headers->lines); /* kept as long as the answer */
    return CM_OK;
  }
  if (memchr(line.ptr, '\n', line.len)) return CM_ERR_PROTOCOL;
  if (line.len >= 5 && memcmp(line.ptr, "HTTP/", 5) == 0) return read_status_line(headers, line);
  if (is_blank(line.ptr[0])) return go_on(headers, line);
  colon = memchr(line.ptr + 1, ':', line.len - 1); /* HTTP/2's own begin with one */
  if (!colon) return CM_OK;
  name.ptr = line.ptr;
  name.len = (size_t)(colon - line.ptr);
  value.ptr = colon + 1;
  value.len = line.len - name.len - 1;
  return keep(headers, trim(name), trim(value));
}

int cm_headers_status(const cm_headers *headers) {
  return headers->status;
}

int cm_headers_are_complete(const cm_headers *headers) {
  return headers->complete && headers->status >= 200;
}

cm_slice cm_headers_lines(const cm_headers *headers) {
  return cm_slice_in(&headers->lines);
}

int cm_headers_next_line(cm_slice lines, size_t *position, cm_slice *name, cm_slice *value) {
  const char *start = lines.ptr + *position, *colon, *end;
  size_t left = lines.len - *position;

  if (left < 2) return 0;
  colon = memchr(start + 1, ':', left - 1);
  end = colon ? memchr(colon, '\n', left - (size_t)(colon - start)) : NULL;
  if (!end) return 0;
  name->ptr = start;
  name->len = (size_t)(colon - start);
  value->ptr = colon + 1;
  value->len = (size_t)(end - value->ptr);
  *position += (size_t)(end - start) + 1;
  return 1;
}

int cm_headers_next(const cm_headers *headers, size_t *position, cm_slice *name, cm_slice *value) {
  return cm_headers_next_line(cm_headers_lines(headers), position, name, value);
}

cm_slice cm_headers_get(const cm_headers *headers, const char *wanted) {
  cm_slice name, value, found = { "", 0 };
  size_t position = 0;

  while (cm_headers_next(headers, &position, &name, &value))
    if (cm_slice_is(name, wanted)) found = value;
  return found;
}

int cm_headers_mentions(cm_slice haystack, const char *needle) {
  size_t n = strlen(needle), i, k;

  for (i = 0; i + n <= haystack.len; i++) {
    for (k = 0; k < n && lower(haystack.ptr[i + k]) == needle[k]; k++) continue;
    if (k == n) return 1;
  }
  return 0;
}
