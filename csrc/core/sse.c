#include "core/sse.h"

#include <stdint.h>
#include <string.h>

enum { KEPT_CAPACITY = 1024 * 1024 };

static const unsigned char BYTE_ORDER_MARK[3] = { 0xEF, 0xBB, 0xBF };

/* What a line that has become the data still carries in front of it. */
enum { FIELD_PREFIX = 6 };

void cm_sse_init(cm_sse *sse, const cm_alloc *alloc, size_t max_bytes) {
  size_t ceiling = max_bytes < SIZE_MAX - FIELD_PREFIX ? max_bytes + FIELD_PREFIX : SIZE_MAX;

  memset(sse, 0, sizeof *sse);
  cm_buffer_init(&sse->line, alloc, ceiling);
  cm_buffer_init(&sse->name, alloc, ceiling);
  cm_buffer_init(&sse->data, alloc, ceiling);
  sse->max_bytes = max_bytes;
  sse->line_end = '\n';
  sse->failure = CM_OK;
}

void cm_sse_deinit(cm_sse *sse) {
  cm_buffer_deinit(&sse->line);
  cm_buffer_deinit(&sse->name);
  cm_buffer_deinit(&sse->data);
  memset(&sse->event, 0, sizeof sse->event); /* it pointed into them */
  sse->has_data = sse->reported = 0;
}

static void advance(cm_slice *s, size_t n) {
  s->ptr += n;
  s->len -= n;
}

static size_t length_before(cm_slice input, char end) {
  const char *found = input.len ? memchr(input.ptr, end, input.len) : NULL;

  return found ? (size_t)(found - input.ptr) : input.len;
}

/*
** Lines that end in one kind are not to be searched for the other again and again: so what the
** last line ended in is looked for first, and the other kind up to there only.
*/
static size_t line_length(const cm_sse *sse, cm_slice input) {
  input.len = length_before(input, sse->line_end);
  return length_before(input, sse->line_end == '\n' ? '\r' : '\n');
}

/* The mark counts at the very start of the stream only. */
static cm_status skip_byte_order_mark(cm_sse *sse, cm_slice *input) {
  cm_slice seen;

  while (sse->bom < 3 && input->len > 0) {
    if ((unsigned char)input->ptr[0] != BYTE_ORDER_MARK[sse->bom]) {
      seen.ptr = (const char *)BYTE_ORDER_MARK;
      seen.len = (size_t)sse->bom;
      sse->bom = 3;
      return cm_buffer_append(&sse->line, seen);
    }
    sse->bom++;
    advance(input, 1);
  }
  return CM_OK;
}

static void skip_rest_of_line_end(cm_sse *sse, cm_slice *input) {
  if (!sse->skip_lf || input->len == 0) return;
  if (input->ptr[0] == '\n') advance(input, 1);
  sse->skip_lf = 0;
}

/*
** Points *line at the next whole line. It is a part of *input when the line
** came in one piece, and sse->line when it was spread over several.
*/
static cm_status next_line(cm_sse *sse, cm_slice *input, cm_slice *line) {
  size_t n;
  cm_status status;

  skip_rest_of_line_end(sse, input);
  n = line_length(sse, *input);
  line->ptr = input->ptr;
  line->len = n;
  if (sse->line.len + n > sse->max_bytes) return CM_ERR_LIMIT;

  if (n == input->len || sse->line.len > 0) {
    status = cm_buffer_append(&sse->line, *line);
    if (status != CM_OK) return status;
    line->ptr = sse->line.ptr;
    line->len = sse->line.len;
  }
  advance(input, n);
  if (input->len == 0) return CM_WANT_MORE;

  sse->line_end = input->ptr[0];
  sse->skip_lf = sse->line_end == '\r';
  advance(input, 1);
  return CM_OK;
}

static int is_field(cm_slice line, const char *name, size_t n, cm_slice *value) {
  if (line.len < n || memcmp(line.ptr, name, n) != 0) return 0;
  advance(&line, n);
  if (line.len > 0) {
    if (line.ptr[0] != ':') return 0;
    advance(&line, 1);
    if (line.len > 0 && line.ptr[0] == ' ') advance(&line, 1);
  }
  *value = line;
  return 1;
}

static int lies_in(cm_slice s, const cm_buffer *buf) {
  return buf->len > 0 && s.ptr >= buf->ptr && s.ptr <= buf->ptr + buf->len;
}

/* Copies the slice to the buffer that keeps it, unless that is where it lies. */
static cm_status keep(cm_slice *s, cm_buffer *buf) {
  cm_status status;

  if (s->len == 0 || lies_in(*s, buf)) return CM_OK;
  cm_buffer_clear(buf);
  status = cm_buffer_append(buf, *s);
  s->ptr = buf->ptr;
  return status;
}

/* Nothing may point into the caller's input when it asks for the next piece. */
static cm_status keep_all(cm_sse *sse) {
  cm_status status = keep(&sse->event.name, &sse->name);
  return status == CM_OK ? keep(&sse->event.data, &sse->data) : status;
}

/* A line that was put together in sse->line becomes the data without another copy. */
static void take_first_data(cm_sse *sse, cm_slice value) {
  cm_buffer line = sse->line;

  if (lies_in(value, &sse->line)) {
    sse->line = sse->data;
    sse->data = line;
    cm_buffer_clear(&sse->line);
  }
  sse->event.data = value;
}

static cm_status join_data(cm_sse *sse, cm_slice value) {
  static const cm_slice newline = { "\n", 1 };
  size_t head;
  cm_status status;

  if (value.len >= sse->max_bytes - sse->event.data.len) return CM_ERR_LIMIT;
  if (sse->event.data.len == 0) cm_buffer_clear(&sse->data);
  status = keep(&sse->event.data, &sse->data);
  head = sse->data.len - sse->event.data.len; /* "data: ", when it is a line's buffer */
  if (status == CM_OK) status = cm_buffer_append(&sse->data, newline);
  if (status == CM_OK) status = cm_buffer_append(&sse->data, value);
  if (status != CM_OK) return status;

  sse->event.data.ptr = sse->data.ptr + head;
  sse->event.data.len = sse->data.len - head;
  return CM_OK;
}

static cm_status take_data(cm_sse *sse, cm_slice value, size_t end) {
  if (sse->has_data) return join_data(sse, value);
  sse->has_data = 1;
  sse->event.offset = end - value.len;
  take_first_data(sse, value);
  return CM_OK;
}

static cm_status take_name(cm_sse *sse, cm_slice value) {
  sse->event.name = value;
  if (!lies_in(value, &sse->line)) return CM_OK;
  cm_buffer_clear(&sse->name);
  return keep(&sse->event.name, &sse->name);
}

/* Fields we have no use for ("id", "retry", comments) are dropped, as the format allows.
   end: where in the stream the byte is that ended the line. */
static cm_status take_line(cm_sse *sse, cm_slice line, size_t end) {
  cm_slice value;

  if (is_field(line, "data", 4, &value)) return take_data(sse, value, end);
  if (is_field(line, "event", 5, &value)) return take_name(sse, value);
  return CM_OK;
}

/* One huge event should not cost its memory as long as the stream lasts. */
static void clear(cm_buffer *buf) {
  if (buf->capacity > KEPT_CAPACITY)
    cm_buffer_deinit(buf);
  else
    cm_buffer_clear(buf);
}

void cm_sse_forget_event(cm_sse *sse) {
  clear(&sse->name);
  clear(&sse->data);
  if (sse->line.len == 0) clear(&sse->line);
  memset(&sse->event, 0, sizeof sse->event);
  sse->has_data = sse->reported = 0;
}

static cm_status read_event(cm_sse *sse, cm_slice *input) {
  size_t before = input->len;
  cm_slice line;
  cm_status status;

  for (;;) {
    status = next_line(sse, input, &line);
    sse->position += before - input->len;
    before = input->len;
    if (status != CM_OK) return status;
    if (line.len == 0 && sse->has_data) return CM_OK;
    if (line.len == 0)
      cm_sse_forget_event(sse); /* the format says: no data, no event */
    else
      status = take_line(sse, line, sse->position - 1);
    cm_buffer_clear(&sse->line);
    if (status != CM_OK) return status;
  }
}

cm_status cm_sse_next(cm_sse *sse, cm_slice *input, cm_sse_event *event) {
  size_t before = input->len;
  cm_status status;

  if (sse->failure != CM_OK) return sse->failure;
  if (sse->reported) cm_sse_forget_event(sse);

  status = skip_byte_order_mark(sse, input);
  sse->position += before - input->len;
  if (status == CM_OK) status = read_event(sse, input);
  if (status == CM_WANT_MORE && keep_all(sse) != CM_OK) status = CM_ERR_NOMEM;
  if (status < 0) sse->failure = status;
  if (status != CM_OK) return status;

  sse->reported = 1;
  *event = sse->event;
  return CM_OK;
}

int cm_sse_is_between_events(const cm_sse *sse) {
  if (sse->failure != CM_OK || sse->bom < 3 || sse->skip_lf || sse->line.len) return 0;
  return sse->reported || (!sse->has_data && sse->event.name.len == 0);
}

size_t cm_sse_position(const cm_sse *sse) {
  return sse->position;
}
