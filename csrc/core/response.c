#include "core/response.h"

#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/retell.h"
#include "core/sse.h"

enum {
  MEGABYTE = 1024 * 1024,
  DEFAULT_EVENT_MEGABYTES = 64,
  DEFAULT_BODY_MEGABYTES = 512,
  DEFAULT_HEADER_MEGABYTES = 1,
  COMPACT_ABOVE = 256 * 1024
};

typedef enum body_form {
  UNDECIDED, /* no byte of the body has come, and the headers do not say */
  STREAM,
  PLAIN
} body_form;

struct cm_response {
  const cm_alloc *alloc;
  unsigned long references;
  cm_response_limits limits;
  cm_failure failure;

  int status;
  cm_buffer headers;   /* "name:value\n" each, of the last header block */
  size_t header_bytes; /* of all blocks */

  body_form form;
  cm_buffer queue; /* bytes of a stream; those before read have been parsed */
  size_t read;
  cm_buffer body; /* of a plain answer, or the data of an error event */

  cm_sse sse;
  cm_sse_event frame; /* the frame that event was read from */
  cm_event event;
  int event_waits; /* event has been read and not yet been taken by message */
  cm_buffer held;  /* the data of an event that waits behind a flush */
  cm_message message;
  cm_retell retell; /* of a message that came in one body */
  cm_delivery delivery;
  int told;     /* delivery, and frame, belong to the reader */
  int pending;  /* the reader has not said that it has delivery */
  cm_slice raw; /* what the reader gets as the frame */

  int finished;
  cm_failure transport; /* how the transport ended */
  unsigned long content_frames;
  unsigned long nameless_frames;
};

static size_t or_default(size_t value, size_t megabytes) {
  return value ? value : megabytes * MEGABYTE;
}

static void set_limits(cm_response *r, const cm_response_limits *limits) {
  if (limits) r->limits = *limits;
  r->limits.max_event_bytes = or_default(r->limits.max_event_bytes, DEFAULT_EVENT_MEGABYTES);
  r->limits.max_body_bytes = or_default(r->limits.max_body_bytes, DEFAULT_BODY_MEGABYTES);
  r->limits.max_header_bytes = or_default(r->limits.max_header_bytes, DEFAULT_HEADER_MEGABYTES);
}

cm_response *cm_response_new(const cm_alloc *alloc, const cm_response_limits *limits) {
  cm_response *r = alloc->resize(alloc->ud, NULL, 0, sizeof *r);

  if (!r) return NULL;
  memset(r, 0, sizeof *r);
  r->alloc = alloc;
  r->references = 1;
  set_limits(r, limits);
  cm_buffer_init(&r->headers, alloc, r->limits.max_header_bytes + 1);
  cm_buffer_init(&r->queue, alloc, r->limits.max_body_bytes);
  cm_buffer_init(&r->body, alloc, r->limits.max_body_bytes);
  cm_buffer_init(&r->held, alloc, r->limits.max_event_bytes);
  cm_sse_init(&r->sse, alloc, r->limits.max_event_bytes);
  cm_message_init(&r->message, alloc, r->limits.max_body_bytes);
  cm_retell_init(&r->retell, alloc, (size_t)-1);
  return r;
}

cm_response *cm_response_retain(cm_response *response) {
  response->references++;
  return response;
}

void cm_response_release(cm_response *r) {
  if (!r || --r->references > 0) return;
  cm_buffer_deinit(&r->headers);
  cm_buffer_deinit(&r->queue);
  cm_buffer_deinit(&r->body);
  cm_buffer_deinit(&r->held);
  cm_sse_deinit(&r->sse);
  cm_message_deinit(&r->message);
  cm_retell_deinit(&r->retell);
  r->alloc->resize(r->alloc->ud, r, sizeof *r, 0);
}

static cm_status fail(cm_response *r, cm_status status, size_t offset, const char *text) {
  if (r->failure.status != CM_OK) return r->failure.status;
  r->failure.status = status;
  r->failure.offset = offset;
  snprintf(r->failure.text, sizeof r->failure.text, "%s", text);
  return status;
}

static cm_status fail_by(cm_response *r, cm_status status, size_t offset, const char *what) {
  char text[sizeof r->failure.text];

  if (status == CM_OK) return CM_OK;
  if (status == CM_ERR_NOMEM) return fail(r, status, offset, "not enough memory");
  snprintf(text, sizeof text, "%s", what);
  return fail(r, status, offset, text);
}

static cm_slice slice_of(const char *text) {
  cm_slice s;
  s.ptr = text;
  s.len = strlen(text);
  return s;
}

static cm_slice bytes_of(const cm_buffer *buf) {
  cm_slice s;
  s.ptr = buf->len ? buf->ptr : "";
  s.len = buf->len;
  return s;
}

static int is(cm_slice s, const char *text) {
  return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

/* Headers */

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
  while (line.len && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r')) line.len--;
  return line;
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK", "HTTP/2 200": the first number behind a blank. */
static cm_status read_status_line(cm_response *r, cm_slice line) {
  const char *blank = memchr(line.ptr, ' ', line.len);
  const char *end = line.ptr + line.len;
  int i;

  cm_buffer_clear(&r->headers);
  r->status = 0;
  while (blank && blank < end && *blank == ' ') blank++;
  for (i = 0; i < 3; i++) {
    if (!blank || blank == end || !is_digit(*blank))
      return fail(r, CM_ERR_PROTOCOL, 0, "the status line has no status of three digits");
    r->status = r->status * 10 + (*blank++ - '0');
  }
  return CM_OK;
}

static cm_status append_lower(cm_buffer *out, cm_slice name) {
  cm_status status = CM_OK;
  cm_slice byte;
  char c;
  size_t i;

  byte.ptr = &c;
  byte.len = 1;
  for (i = 0; i < name.len && status == CM_OK; i++) {
    c = lower(name.ptr[i]);
    status = cm_buffer_append(out, byte);
  }
  return status;
}

static cm_status keep_header(cm_response *r, cm_slice name, cm_slice value) {
  cm_status status = append_lower(&r->headers, name);

  if (status == CM_OK) status = cm_buffer_append(&r->headers, slice_of(":"));
  if (status == CM_OK) status = cm_buffer_append(&r->headers, value);
  if (status == CM_OK) status = cm_buffer_append(&r->headers, slice_of("\n"));
  return fail_by(r, status, 0, "the headers are larger than max_header_bytes");
}

/* A line that begins with a blank goes on with the header before, as old servers write it. */
static cm_status continue_header(cm_response *r, cm_slice line) {
  cm_status status;

  if (r->headers.len == 0) return CM_OK;
  r->headers.ptr[r->headers.len - 1] = ' ';
  status = cm_buffer_append(&r->headers, trim(line));
  if (status == CM_OK) status = cm_buffer_append(&r->headers, slice_of("\n"));
  return fail_by(r, status, 0, "the headers are larger than max_header_bytes");
}

cm_status cm_response_on_header(cm_response *r, cm_slice line) {
  const char *colon;
  cm_slice name, value;

  if (r->failure.status != CM_OK) return r->failure.status;
  if (r->finished || r->form != UNDECIDED) return CM_OK; /* trailers */
  if (line.len > r->limits.max_header_bytes - r->header_bytes)
    return fail(r, CM_ERR_LIMIT, 0, "the headers are larger than max_header_bytes");
  r->header_bytes += line.len;

  line = without_line_end(line);
  if (line.len >= 5 && memcmp(line.ptr, "HTTP/", 5) == 0) return read_status_line(r, line);
  if (line.len == 0) return CM_OK;
  if (is_blank(line.ptr[0])) return continue_header(r, line);
  colon = memchr(line.ptr + 1, ':', line.len - 1);
  if (!colon) return CM_OK;
  name.ptr = line.ptr;
  name.len = (size_t)(colon - line.ptr);
  value.ptr = colon + 1;
  value.len = line.len - name.len - 1;
  return keep_header(r, trim(name), trim(value));
}

int cm_response_status(const cm_response *response) {
  return response->status;
}

int cm_response_next_header(const cm_response *r, size_t *position, cm_slice *name,
                            cm_slice *value) {
  const char *start = r->headers.ptr + *position, *colon, *end;
  size_t left = r->headers.len - *position;

  if (left == 0) return 0;
  colon = memchr(start + 1, ':', left - 1);
  end = memchr(start, '\n', left);
  name->ptr = start;
  name->len = (size_t)(colon - start);
  value->ptr = colon + 1;
  value->len = (size_t)(end - value->ptr);
  *position += (size_t)(end - start) + 1;
  return 1;
}

/* The body's form */

static int contains(cm_slice haystack, const char *needle) {
  size_t n = strlen(needle), i, k;

  for (i = 0; i + n <= haystack.len; i++) {
    for (k = 0; k < n && lower(haystack.ptr[i + k]) == needle[k]; k++) continue;
    if (k == n) return 1;
  }
  return 0;
}

static cm_slice content_type(const cm_response *r) {
  cm_slice name, value, found = { "", 0 };
  size_t position = 0;

  while (cm_response_next_header(r, &position, &name, &value))
    if (is(name, "content-type")) found = value;
  return found;
}

static int is_success(const cm_response *r) {
  return r->status == 0 || (r->status >= 200 && r->status < 300);
}

/* What a server does not name is a stream unless it looks like a document. */
static body_form form_of(const cm_response *r, cm_slice bytes) {
  cm_slice type = content_type(r);

  if (!is_success(r)) return PLAIN;
  if (contains(type, "text/event-stream")) return STREAM;
  if (type.len > 0) return PLAIN;
  while (bytes.len && (is_blank(bytes.ptr[0]) || bytes.ptr[0] == '\n' || bytes.ptr[0] == '\r'))
    bytes.ptr++, bytes.len--;
  return bytes.len && memchr("{[<", bytes.ptr[0], 3) ? PLAIN : STREAM;
}

int cm_response_is_event_stream(const cm_response *r) {
  if (r->form != UNDECIDED) return r->form == STREAM;
  return is_success(r) && contains(content_type(r), "text/event-stream");
}

/* The queue */

static int lies_in(cm_slice s, const cm_buffer *buf) {
  return s.len > 0 && buf->len > 0 && s.ptr >= buf->ptr && s.ptr < buf->ptr + buf->len;
}

static size_t offset_in(cm_slice s, const cm_buffer *buf) {
  return lies_in(s, buf) ? (size_t)(s.ptr - buf->ptr) : (size_t)-1;
}

static void move_to(cm_slice *s, size_t offset, const cm_buffer *buf) {
  if (offset != (size_t)-1) s->ptr = buf->ptr + offset;
}

/* The queue may move in memory; what the reader holds of it moves along. */
static cm_status append_to_queue(cm_response *r, cm_slice bytes) {
  size_t text = offset_in(r->delivery.text, &r->queue);
  size_t raw = offset_in(r->raw, &r->queue);
  cm_status status = cm_buffer_append(&r->queue, bytes);

  if (r->told) {
    move_to(&r->delivery.text, text, &r->queue);
    move_to(&r->raw, raw, &r->queue);
  }
  return fail_by(r, status, 0, "more bytes wait to be read than max_body_bytes");
}

static void forget_read_bytes(cm_response *r) {
  if (r->read == r->queue.len) {
    cm_buffer_clear(&r->queue);
    if (r->queue.capacity > COMPACT_ABOVE) cm_buffer_deinit(&r->queue);
    r->read = 0;
  } else if (r->read > COMPACT_ABOVE && r->read > r->queue.len / 2) {
    memmove(r->queue.ptr, r->queue.ptr + r->read, r->queue.len - r->read);
    r->queue.len -= r->read;
    r->read = 0;
  }
}

cm_status cm_response_on_body(cm_response *r, cm_slice bytes) {
  if (r->failure.status != CM_OK) return r->failure.status;
  if (r->finished || bytes.len == 0) return CM_OK;
  if (r->form == UNDECIDED) r->form = form_of(r, bytes);
  if (r->form == STREAM) return r->message.ended ? CM_OK : append_to_queue(r, bytes);
  return fail_by(r, cm_buffer_append(&r->body, bytes), 0, "the body is larger than max_body_bytes");
}

size_t cm_response_unread(const cm_response *r) {
  return r->queue.len - r->read;
}

/* The end */

static cm_status fail_incomplete(cm_response *r) {
  char text[sizeof r->failure.text];

  if (r->message.started)
    return fail(r, CM_ERR_INCOMPLETE, cm_sse_position(&r->sse),
                "the stream ended before the message did");
  if (r->nameless_frames == 0)
    return fail(r, CM_ERR_INCOMPLETE, cm_sse_position(&r->sse),
                "the stream ended before a message began");
  snprintf(
      text, sizeof text,
      "the stream ended before a message began (%lu frames had no event name and were skipped)",
      r->nameless_frames);
  return fail(r, CM_ERR_INCOMPLETE, cm_sse_position(&r->sse), text);
}

static cm_status judge_stream(cm_response *r) {
  if (cm_message_is_complete(&r->message)) return CM_END;
  if (r->transport.status != CM_OK)
    return fail(r, r->transport.status, cm_sse_position(&r->sse), r->transport.text);
  return fail_incomplete(r);
}

static void judge_plain(cm_response *r) {
  char text[64];
  cm_status status;

  if (!is_success(r)) {
    snprintf(text, sizeof text, "the server answered with status %d", r->status);
    fail(r, CM_ERR_API, 0, text);
  } else if (r->transport.status != CM_OK) {
    fail(r, r->transport.status, r->body.len, r->transport.text);
  } else {
    status = cm_message_load(&r->message, bytes_of(&r->body));
    if (status < 0) fail_by(r, status, 0, "the message is larger than max_body_bytes");
  }
}

/* Copies what fits, up to the end of a character. */
static void copy_text(char *out, size_t size, const char *text) {
  size_t length = strlen(text);

  if (length >= size) {
    length = size - 1;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) length--;
  }
  memcpy(out, text, length);
  out[length] = 0;
}

void cm_response_finish(cm_response *r, cm_status transport, const char *text) {
  if (r->finished) return;
  r->finished = 1;
  r->transport.status = transport;
  copy_text(r->transport.text, sizeof r->transport.text, text ? text : "");
  if (r->form == UNDECIDED) r->form = form_of(r, slice_of(""));
  if (r->failure.status != CM_OK) return;
  if (r->form == PLAIN)
    judge_plain(r);
  else if (cm_response_unread(r) == 0 && !r->event_waits)
    judge_stream(r);
}

int cm_response_is_finished(const cm_response *response) {
  return response->finished;
}

/* Reading */

static cm_status fail_api(cm_response *r, cm_slice data, size_t offset) {
  cm_status status;

  cm_buffer_clear(&r->body);
  status = cm_buffer_append(&r->body, data);
  if (status != CM_OK) return fail_by(r, status, offset, "the error is larger than max_body_bytes");
  return fail(r, CM_ERR_API, offset, "the API reported an error in the stream");
}

static cm_status next_frame(cm_response *r) {
  cm_slice unread;
  cm_status status;

  unread.ptr = r->queue.len ? r->queue.ptr + r->read : "";
  unread.len = r->queue.len - r->read;
  status = cm_sse_next(&r->sse, &unread, &r->frame);
  r->read = r->queue.len - unread.len;
  if (status >= 0) return status;
  return fail_by(r, status, cm_sse_position(&r->sse), "an event is larger than max_event_bytes");
}

static cm_status read_event(cm_response *r) {
  cm_failure failure;
  cm_status status;

  if (is(r->frame.name, "error")) return fail_api(r, r->frame.data, r->frame.offset);
  if (is(r->frame.name, "ping")) {
    memset(&r->event, 0, sizeof r->event);
    r->event.kind = CM_EVENT_PING;
    r->event.index = -1;
    r->event.raw = r->frame.data;
    return CM_OK;
  }
  r->content_frames++;
  status = cm_event_read(&r->event, r->frame.data, &failure);
  if (status != CM_OK) return fail_by(r, status, r->frame.offset + failure.offset, failure.text);
  if (r->event.kind == CM_EVENT_ERROR) return fail_api(r, r->frame.data, r->frame.offset);
  return CM_OK;
}

/* Fills event, unless one waits already. */
static cm_status await_event(cm_response *r) {
  cm_status status;

  if (r->event_waits) return CM_OK;
  for (;;) {
    status = next_frame(r);
    if (status != CM_OK) break;
    if (r->frame.name.len > 0) {
      status = read_event(r);
      r->event_waits = status == CM_OK;
      return status;
    }
    r->nameless_frames++;
  }
  return status == CM_WANT_MORE && r->finished ? judge_stream(r) : status;
}

static cm_status flush(cm_response *r, int64_t index) {
  cm_status status = cm_message_flush(&r->message, index, &r->delivery);

  return status < 0 ? fail_by(r, status, 0, "the message is larger than max_body_bytes") : status;
}

/* The event must outlive the queue that it was read from. */
static cm_status hold_event(cm_response *r) {
  cm_failure failure;
  cm_status status = CM_OK;

  if (!lies_in(r->event.raw, &r->held)) {
    cm_buffer_clear(&r->held);
    status = cm_buffer_append(&r->held, r->event.raw);
    if (status == CM_OK) status = cm_event_read(&r->event, bytes_of(&r->held), &failure);
  }
  r->raw = slice_of("");
  return fail_by(r, status, 0, "an event is larger than max_event_bytes");
}

/* What must be said before the event is: half characters that now stay halves. */
static cm_status flush_before_event(cm_response *r) {
  cm_status status = CM_END;

  if (r->event.kind == CM_EVENT_BLOCK_STOP) status = flush(r, r->event.index);
  if (r->event.kind == CM_EVENT_MESSAGE_STOP) status = flush(r, -1);
  return status == CM_OK ? hold_event(r) : status;
}

static cm_status take_event(cm_response *r) {
  cm_failure failure;
  cm_status status = flush_before_event(r);

  if (status != CM_END) return status;
  r->event_waits = 0;
  r->raw = r->event.raw;
  failure.text[0] = 0;
  status = cm_message_take(&r->message, &r->event, &r->delivery, &failure);
  if (status != CM_OK) return fail_by(r, status, r->frame.offset, failure.text);
  if (r->message.ended) r->read = r->queue.len;
  return CM_OK;
}

static cm_status next_of_stream(cm_response *r) {
  cm_status status;

  if (r->failure.status == CM_OK && !r->message.ended) {
    status = await_event(r);
    if (status == CM_OK) status = take_event(r);
    if (status == CM_OK || status == CM_WANT_MORE) return status;
  }
  status = flush(r, -1);
  if (status != CM_END) return status;
  return r->failure.status != CM_OK ? r->failure.status : CM_END;
}

/* A message that is kept should not keep what it was read with. */
static void release_working_memory(cm_response *r) {
  cm_buffer_deinit(&r->queue);
  r->read = 0;
  cm_buffer_deinit(&r->held);
  cm_sse_deinit(&r->sse);
  cm_retell_deinit(&r->retell);
}

static cm_status next_of_plain(cm_response *r) {
  cm_status status;

  if (r->failure.status != CM_OK) return r->failure.status;
  if (!r->finished) return CM_WANT_MORE;
  if (!r->message.loaded) return CM_END;
  status = cm_retell_next(&r->retell, &r->message, &r->delivery, &r->raw);
  return status < 0 ? fail_by(r, status, 0, "the message is too large") : status;
}

cm_status cm_response_next(cm_response *r, cm_delivery *delivery) {
  cm_status status = CM_OK;

  if (!r->pending) {
    if (r->told) forget_read_bytes(r);
    r->told = 0;
    r->raw = slice_of("");
    status = r->form == PLAIN ? next_of_plain(r) : next_of_stream(r);
    if (status == CM_WANT_MORE) forget_read_bytes(r);
    if (status == CM_END || status < 0) release_working_memory(r);
    if (status != CM_OK) return status;
    r->told = r->pending = 1;
  }
  *delivery = r->delivery;
  return status;
}

void cm_response_taken(cm_response *response) {
  response->pending = 0;
}

/* What has come */

cm_slice cm_response_frame(const cm_response *response) {
  return response->raw;
}

const cm_failure *cm_response_failure(const cm_response *response) {
  return &response->failure;
}

int cm_response_api_error(const cm_response *response, cm_api_error *error) {
  memset(error, 0, sizeof *error);
  if (response->failure.status != CM_ERR_API) return 0;
  return cm_api_error_read(error, bytes_of(&response->body));
}

cm_slice cm_response_body(const cm_response *response) {
  return bytes_of(&response->body);
}

const cm_message *cm_response_message(const cm_response *response) {
  return &response->message;
}

unsigned long cm_response_content_count(const cm_response *response) {
  return response->content_frames;
}

int cm_response_in_text_or_tool(const cm_response *response) {
  return response->message.open_talk > 0;
}
