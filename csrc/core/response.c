#include "core/response.h"

#include <stdio.h>
#include <string.h>

#include "core/ahead.h"
#include "core/buffer.h"
#include "core/delta.h"
#include "core/headers.h"
#include "core/retell.h"
#include "core/slice.h"
#include "core/sse.h"
#include "core/unnamed.h"

enum {
  SMALL_FRAME = 16 * 1024, /* the beginning of one that is longer is not searched again and again */
  MEGABYTE = 1024 * 1024,
  DEFAULT_EVENT_MEGABYTES = 64,
  DEFAULT_BODY_MEGABYTES = 512,
  DEFAULT_HEADER_MEGABYTES = 1,
  DEFAULT_LINE_MEGABYTES = 64,
  MAX_ERROR_BODY = MEGABYTE,
  COMPACT_ABOVE = 256 * 1024,
  MOST_AT_ONCE = 64 * 1024, /* bytes of frames: their text should not leave the cache */
  CONTENT_UNIT = 1024       /* bytes: less of them is no sign that a body gets on */
};

typedef enum body_form {
  UNDECIDED, /* the headers do not say, and what has come of the body does not yet */
  STREAM,
  PLAIN,
  BYTES /* handed out as it comes */
} body_form;

struct cm_response {
  const cm_alloc *alloc;
  unsigned long references;
  cm_response_limits limits;
  cm_failure failure;

  cm_headers headers;
  body_form form;
  int streams_body; /* the form of a success is BYTES */
  int keeps_body;   /* the form is PLAIN */
  int either_form;  /* the headers may call it wrongly */
  int takes_no_short_cut;
  size_t scanned;  /* bytes behind read that hold no line end */
  size_t handed;   /* bytes of the body that were handed out, line ends too */
  cm_slice piece;  /* what next_bytes or next_line handed out */
  cm_buffer queue; /* bytes of a stream; those before read have been parsed */
  size_t read;
  size_t looked_at; /* bytes behind read that next has seen: the beginning of a frame */
  cm_buffer late;   /* bytes behind the queue that came while it must not move */
  cm_buffer body;   /* of a plain answer, or the data of an error event */
  size_t whole;     /* length of a body that became the message, whose memory it is */

  cm_sse sse;
  cm_unnamed unnamed;
  cm_sse_event frame; /* the frame that event was read from */
  cm_event event;
  int steady;                     /* the next byte of the queue begins a frame */
  int event_waits;                /* event has been read and not yet been taken by message */
  const cm_delivery *piece_begun; /* only what goes on with it is to be taken; NULL: all is */
  cm_buffer held;                 /* the data of an event that waits behind a flush */
  cm_message message;
  cm_ahead ahead;   /* deltas that come before what is in the queue */
  cm_retell retell; /* of a message that came in one body */
  cm_delivery delivery;
  int told;     /* delivery, and frame, belong to the reader */
  int pending;  /* the reader has not said that it has delivery */
  cm_slice raw; /* what the reader gets as the frame; UNTOLD: of what was read ahead */

  int finished;
  cm_failure transport; /* how the transport ended */
  unsigned long content_frames;
  size_t body_bytes; /* all that came, whatever became of it */
};

static const cm_slice UNTOLD = { NULL, 0 };

static size_t or_default(size_t value, size_t megabytes) {
  return value ? value : megabytes * MEGABYTE;
}

static void set_limits(cm_response *r, const cm_response_limits *limits) {
  if (limits) r->limits = *limits;
  r->limits.max_event_bytes = or_default(r->limits.max_event_bytes, DEFAULT_EVENT_MEGABYTES);
  r->limits.max_body_bytes = or_default(r->limits.max_body_bytes, DEFAULT_BODY_MEGABYTES);
  r->limits.max_header_bytes = or_default(r->limits.max_header_bytes, DEFAULT_HEADER_MEGABYTES);
  r->limits.max_line_bytes = or_default(r->limits.max_line_bytes, DEFAULT_LINE_MEGABYTES);
}

cm_response *cm_response_new(const cm_alloc *alloc, const cm_response_limits *limits) {
  cm_response *r = alloc->resize(alloc->ud, NULL, 0, sizeof *r);

  if (!r) return NULL;
  memset(r, 0, sizeof *r);
  r->alloc = alloc;
  r->references = 1;
  r->raw = cm_slice_of("");
  set_limits(r, limits);
  cm_headers_init(&r->headers, alloc, r->limits.max_header_bytes);
  cm_buffer_init(&r->queue, alloc, r->limits.max_body_bytes);
  cm_buffer_init(&r->late, alloc, r->limits.max_body_bytes);
  cm_buffer_init(&r->body, alloc, r->limits.max_body_bytes);
  cm_buffer_init(&r->held, alloc, r->limits.max_event_bytes);
  cm_sse_init(&r->sse, alloc, r->limits.max_event_bytes);
  cm_unnamed_init(&r->unnamed, alloc, r->limits.max_event_bytes);
  cm_message_init(&r->message, alloc, r->limits.max_body_bytes);
  cm_ahead_init(&r->ahead, alloc);
  cm_retell_init(&r->retell, alloc, (size_t)-1);
  return r;
}

void cm_response_stream_body(cm_response *response) {
  response->streams_body = 1;
}

int cm_response_streams_body(const cm_response *response) {
  return response->streams_body;
}

void cm_response_keep_body(cm_response *response) {
  response->keeps_body = 1;
}

void cm_response_take_no_short_cut(cm_response *response) {
  response->takes_no_short_cut = 1;
}

cm_response *cm_response_retain(cm_response *response) {
  response->references++;
  return response;
}

void cm_response_release(cm_response *r) {
  if (!r || --r->references > 0) return;
  cm_headers_deinit(&r->headers);
  cm_buffer_deinit(&r->queue);
  cm_buffer_deinit(&r->late);
  cm_buffer_deinit(&r->body);
  cm_buffer_deinit(&r->held);
  cm_sse_deinit(&r->sse);
  cm_unnamed_deinit(&r->unnamed);
  cm_message_deinit(&r->message);
  cm_ahead_deinit(&r->ahead);
  cm_retell_deinit(&r->retell);
  r->alloc->resize(r->alloc->ud, r, sizeof *r, 0);
}

void cm_response_expect_message(cm_response *response) {
  response->either_form = 1;
}

static cm_status fail(cm_response *r, cm_status status, size_t offset, const char *text) {
  if (r->failure.status != CM_OK) return r->failure.status;
  cm_message_break(&r->message);
  r->steady = 0;
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

/* Headers */

cm_status cm_response_on_header(cm_response *r, cm_slice line) {
  cm_status status;

  if (r->failure.status != CM_OK) return r->failure.status;
  if (r->finished || r->form != UNDECIDED || r->queue.len) return CM_OK; /* trailers */
  status = cm_headers_take(&r->headers, line);
  if (status == CM_ERR_PROTOCOL)
    return fail(r, status, 0, "the status line or a header is not HTTP");
  if (cm_headers_status(&r->headers) == 101)
    return fail(r, CM_ERR_PROTOCOL, 0, "the server switches protocols (status 101), unasked");
  return fail_by(r, status, 0, "the headers are larger than max_header_bytes");
}

size_t cm_response_max_header_bytes(const cm_response *response) {
  return response->limits.max_header_bytes;
}

int cm_response_status(const cm_response *response) {
  return cm_headers_status(&response->headers);
}

int cm_response_next_header(const cm_response *response, size_t *position, cm_slice *name,
                            cm_slice *value) {
  return cm_headers_next(&response->headers, position, name, value);
}

/* The body's form */

static int is_named_stream(const cm_response *r) {
  return cm_headers_mentions(cm_headers_get(&r->headers, "content-type"), "text/event-stream");
}

/* Of an interim status (1xx) nothing is known yet, as before the status line. */
static int is_success(const cm_response *r) {
  return cm_headers_status(&r->headers) < 300;
}

/* Whether bytes begin a stream's first line; UNDECIDED while that cannot be told. */
static body_form form_by_line(cm_slice bytes) {
  static const char *const heads[] = { ":", "event:", "data:" };
  size_t i, n;

  for (i = 0; i < sizeof heads / sizeof *heads; i++) {
    n = strlen(heads[i]);
    if (bytes.len >= n && memcmp(bytes.ptr, heads[i], n) == 0) return STREAM;
    if (bytes.len < n && memcmp(bytes.ptr, heads[i], bytes.len) == 0) return UNDECIDED;
  }
  return PLAIN;
}

/* What a server does not name is a stream unless it looks like a document. */
static body_form form_of(const cm_response *r, cm_slice bytes) {
  int named = is_named_stream(r);
  int other = !named && cm_headers_get(&r->headers, "content-type").len > 0;

  if (!is_success(r) || r->keeps_body) return PLAIN;
  if (r->streams_body) return BYTES;
  if (!r->either_form && (named || other)) return named ? STREAM : PLAIN;
  while (bytes.len && memchr(" \t\r\n", bytes.ptr[0], 4)) bytes.ptr++, bytes.len--;
  if (bytes.len == 0) return UNDECIDED;
  if (named) return bytes.ptr[0] == '{' ? PLAIN : STREAM;
  if (other) return form_by_line(bytes);
  return memchr("{[<", bytes.ptr[0], 3) ? PLAIN : STREAM;
}

int cm_response_is_event_stream(const cm_response *r) {
  if (r->form != UNDECIDED) return r->form == STREAM;
  return is_success(r) && is_named_stream(r) && !r->streams_body && !r->keeps_body;
}

/* The queue */

static int lies_in(cm_slice s, const cm_buffer *buf) {
  return s.len > 0 && buf->len > 0 && s.ptr >= buf->ptr && s.ptr < buf->ptr + buf->len;
}

/*
** What the reader holds lies in the queue, which therefore must not move before the next
** call of next: bytes that come meanwhile wait beside it.
*/
static cm_status append_to_queue(cm_response *r, cm_slice bytes) {
  cm_status status = cm_buffer_append(r->told ? &r->late : &r->queue, bytes);

  if (status == CM_OK) return CM_OK;
  return fail_by(r, status, 0, "more bytes wait to be read than max_body_bytes");
}

/* The reader holds nothing any more. A failure shows in r->failure. */
static void take_late_bytes(cm_response *r) {
  cm_buffer queue = r->queue;

  if (r->late.len == 0) return;
  if (queue.len == 0) {
    r->queue = r->late;
    r->late = queue;
  } else {
    append_to_queue(r, cm_slice_in(&r->late));
    cm_buffer_deinit(&r->late);
  }
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

static cm_slice unread_bytes(const cm_response *r) {
  cm_slice unread;

  unread.ptr = r->queue.len ? r->queue.ptr + r->read : "";
  unread.len = r->queue.len - r->read;
  return unread;
}

/* Of the few bytes that are left, so that they hold no large buffer. */
static void move_to_front(cm_response *r) {
  cm_slice unread = unread_bytes(r);
  cm_buffer large = r->queue;

  if (large.capacity > COMPACT_ABOVE) {
    cm_buffer_init(&r->queue, r->alloc, large.limit);
    if (cm_buffer_append(&r->queue, unread) == CM_OK) {
      cm_buffer_deinit(&large);
      r->read = 0;
      return;
    }
    r->queue = large;
  }
  memmove(r->queue.ptr, unread.ptr, unread.len);
  r->queue.len = unread.len;
  r->read = 0;
}

static cm_status append_to_body(cm_response *r, cm_slice bytes) {
  return fail_by(r, cm_buffer_append(&r->body, bytes), 0, "the body is larger than max_body_bytes");
}

static cm_status fail_by_status(cm_response *r) {
  char text[64];

  snprintf(text, sizeof text, "the server answered with status %d", cm_headers_status(&r->headers));
  return fail(r, CM_ERR_API, 0, text);
}

/* What a page of an error has to say stands at its beginning: a longer one is not read on. */
static cm_status append_to_error_body(cm_response *r, cm_slice bytes) {
  size_t room = MAX_ERROR_BODY - r->body.len;
  cm_status status;

  if (bytes.len <= room) return append_to_body(r, bytes);
  bytes.len = room;
  status = append_to_body(r, bytes);
  return status == CM_OK ? fail_by_status(r) : status;
}

static cm_status append_to_plain(cm_response *r, cm_slice bytes) {
  return is_success(r) ? append_to_body(r, bytes) : append_to_error_body(r, bytes);
}

/* Until it is known what a body is, its beginning waits in the queue. */
static cm_status set_form(cm_response *r, body_form form) {
  cm_status status = CM_OK;

  r->form = form;
  if (form != PLAIN || r->queue.len == 0) return CM_OK;
  status = append_to_body(r, cm_slice_in(&r->queue));
  cm_buffer_clear(&r->queue);
  return status;
}

static cm_status decide_form(cm_response *r, cm_slice bytes) {
  cm_status status;

  if (r->queue.len == 0) r->form = form_of(r, bytes);
  if (r->form == PLAIN) return append_to_plain(r, bytes);
  status = append_to_queue(r, bytes);
  if (status != CM_OK || r->form == STREAM) return status;
  return set_form(r, form_of(r, cm_slice_in(&r->queue)));
}

/* Reading ahead */

/* Whether the next byte of the queue begins a frame, and nothing has to be said before it. */
static int is_between_frames(const cm_response *r) {
  if (r->failure.status != CM_OK || r->form != STREAM || r->message.ended) return 0;
  if (r->takes_no_short_cut) return 0;
  return !r->event_waits && !r->unnamed.waits && cm_sse_is_between_events(&r->sse);
}

/* Goes over what input begins with as long as that is one more delta to the same block, and
   whether there was any. */
static int read_deltas(cm_response *r, cm_slice *input, size_t most) {
  size_t before = input->len, count;

  count = cm_ahead_read(&r->ahead, &r->message, input, r->limits.max_event_bytes, most);
  if (count == 0) return 0;
  cm_sse_skip_event(&r->sse, before - input->len);
  r->unnamed.named = 1;
  r->content_frames += count;
  return 1;
}

/* How much of bytes the frame takes that the queue holds the beginning of; 0: more, or too much. */
static size_t rest_of_frame(const cm_response *r, cm_slice bytes) {
  size_t most = bytes.len < SMALL_FRAME ? bytes.len : SMALL_FRAME;
  const char *end;

  if (r->queue.ptr[r->queue.len - 1] == '\n' && bytes.ptr[0] == '\n') return 1;
  for (end = bytes.ptr; (end = memchr(end, '\n', most - (size_t)(end - bytes.ptr))) != NULL; end++)
    if ((size_t)(end - bytes.ptr) + 1 < most && end[1] == '\n')
      return (size_t)(end - bytes.ptr) + 2;
  return 0;
}

/* Whether nothing is left in the queue: it may hold the beginning of a frame, which then is read.
 */
static int read_begun_frame(cm_response *r, cm_slice *bytes) {
  cm_slice frame = unread_bytes(r), rest;

  if (frame.len == 0) return 1;
  if (frame.len > SMALL_FRAME) return 0;
  rest.ptr = bytes->ptr;
  rest.len = rest_of_frame(r, *bytes);
  if (rest.len == 0 || append_to_queue(r, rest) != CM_OK) return 0;
  bytes->ptr += rest.len;
  bytes->len -= rest.len;
  frame = unread_bytes(r);
  read_deltas(r, &frame, frame.len);
  r->read = r->queue.len - frame.len;
  forget_read_bytes(r);
  return frame.len == 0;
}

/*
** While the reader holds nothing and has nothing older to read, deltas are read where they
** were received; what it is not sure of is left to the queue.
*/
static void read_ahead(cm_response *r, cm_slice *bytes) {
  r->looked_at = 0;
  if (r->told || r->late.len || !r->steady) return;
  if (read_begun_frame(r, bytes)) read_deltas(r, bytes, bytes->len);
}

cm_status cm_response_on_body(cm_response *r, cm_slice bytes) {
  if (r->failure.status != CM_OK) return r->failure.status;
  if (r->finished || bytes.len == 0) return CM_OK;
  r->body_bytes += bytes.len;
  if (r->form == UNDECIDED) return decide_form(r, bytes);
  if (r->form == PLAIN) return append_to_plain(r, bytes);
  if (r->message.ended) return CM_OK;
  read_ahead(r, &bytes);
  return bytes.len ? append_to_queue(r, bytes) : CM_OK;
}

size_t cm_response_unread(const cm_response *r) {
  if (r->form == UNDECIDED) return 0; /* nobody could read it */
  return r->queue.len - r->read - r->looked_at + r->late.len +
         (r->ahead.left ? cm_ahead_unread(&r->ahead) : 0);
}

/* The end */

static cm_status fail_incomplete(cm_response *r) {
  char text[sizeof r->failure.text];

  if (r->message.started)
    return fail(r, CM_ERR_INCOMPLETE, cm_sse_position(&r->sse),
                "the stream ended before the message did");
  if (r->unnamed.skipped == 0)
    return fail(r, CM_ERR_INCOMPLETE, cm_sse_position(&r->sse),
                "the stream ended before a message began");
  snprintf(
      text, sizeof text,
      "the stream ended before a message began (%lu frames had no event name and were skipped)",
      r->unnamed.skipped);
  return fail(r, CM_ERR_INCOMPLETE, cm_sse_position(&r->sse), text);
}

static cm_status fail_api(cm_response *r, cm_slice data, size_t offset) {
  cm_status status;

  cm_buffer_clear(&r->body);
  status = cm_buffer_append(&r->body, data);
  if (status != CM_OK) return fail_by(r, status, offset, "the error is larger than max_body_bytes");
  return fail(r, CM_ERR_API, offset, "the API reported an error in the stream");
}

static cm_status judge_stream(cm_response *r) {
  if (cm_message_is_complete(&r->message)) return CM_END;
  if (r->unnamed.error.len)
    return fail_api(r, cm_slice_in(&r->unnamed.error), cm_sse_position(&r->sse));
  if (r->transport.status != CM_OK)
    return fail(r, r->transport.status, cm_sse_position(&r->sse), r->transport.text);
  return fail_incomplete(r);
}

static void judge_plain(cm_response *r) {
  cm_status status;

  if (!is_success(r)) {
    fail_by_status(r);
  } else if (r->transport.status != CM_OK) {
    fail(r, r->transport.status, r->body.len, r->transport.text);
  } else {
    r->whole = r->body.len;
    status = cm_message_load(&r->message, &r->body);
    if (status < 0) fail_by(r, status, 0, "the message is larger than max_body_bytes");
  }
}

/* Of a body that is too short to tell. */
static body_form form_at_end(const cm_response *r) {
  if (!is_success(r) || r->keeps_body) return PLAIN;
  if (r->streams_body) return BYTES;
  if (is_named_stream(r)) return STREAM;
  return cm_headers_get(&r->headers, "content-type").len > 0 ? PLAIN : STREAM;
}

int cm_response_is_finished(const cm_response *response) {
  return response->finished;
}

int cm_response_has_begun(const cm_response *r) {
  return r->finished || r->form != UNDECIDED || r->queue.len > 0;
}

/* Reading */

static cm_status next_frame(cm_response *r) {
  cm_slice unread = unread_bytes(r);
  cm_status status;

  if (r->form == UNDECIDED) return CM_WANT_MORE;
  status = cm_sse_next(&r->sse, &unread, &r->frame);
  r->read = r->queue.len - unread.len;
  if (status >= 0) return status;
  return fail_by(r, status, cm_sse_position(&r->sse), "an event is larger than max_event_bytes");
}

/* What waited for its end will not get it: it is no event, but it has come. */
static void read_beginning(cm_response *r) {
  if (r->looked_at == 0) return;
  r->looked_at = 0;
  next_frame(r);
}

void cm_response_finish(cm_response *r, cm_status transport, const char *text) {
  if (r->finished) return;
  r->finished = 1;
  r->transport.status = transport;
  cm_failure_say(&r->transport, text ? text : "");
  if (r->form == UNDECIDED) set_form(r, form_at_end(r));
  if (r->failure.status != CM_OK) return;
  read_beginning(r);
  if (r->form == PLAIN)
    judge_plain(r);
  else if (r->form == STREAM && cm_response_unread(r) == 0 && !r->event_waits && !r->unnamed.waits)
    judge_stream(r);
}

/* Servers that name no event say an error without its type, too. */
static int is_error(const cm_response *r) {
  cm_api_error error;

  if (r->event.kind == CM_EVENT_ERROR) return 1;
  if (r->event.kind != CM_EVENT_UNKNOWN || r->frame.name.len) return 0;
  return cm_api_error_read(&error, r->frame.data);
}

static cm_status read_event(cm_response *r) {
  cm_failure failure;
  cm_status status;

  if (cm_slice_is(r->frame.name, "error")) return fail_api(r, r->frame.data, r->frame.offset);
  if (cm_slice_is(r->frame.name, "ping")) {
    memset(&r->event, 0, sizeof r->event);
    r->event.kind = CM_EVENT_PING;
    r->event.index = -1;
    r->event.raw = r->frame.data;
    return CM_OK;
  }
  status = cm_event_read(&r->event, cm_event_kind_of(r->frame.name), r->frame.data, &failure);
  if (status != CM_OK) return fail_by(r, status, r->frame.offset + failure.offset, failure.text);
  if (r->event.kind != CM_EVENT_PING) r->content_frames++;
  if (is_error(r)) return fail_api(r, r->frame.data, r->frame.offset);
  return CM_OK;
}

/* The next frame that is to be read. */
static cm_status next_that_counts(cm_response *r) {
  cm_status status;

  if (cm_unnamed_take(&r->unnamed, &r->frame)) return CM_OK;
  do {
    status = next_frame(r);
    if (status != CM_OK) return status;
    status = cm_unnamed_judge(&r->unnamed, &r->frame);
  } while (status == CM_END);
  return fail_by(r, status, r->frame.offset, "an event is larger than max_event_bytes");
}

/* Fills event, unless one waits already. */
static cm_status await_event(cm_response *r) {
  cm_status status;

  if (r->event_waits) return CM_OK;
  status = next_that_counts(r);
  if (status == CM_OK) {
    status = read_event(r);
    r->event_waits = status == CM_OK;
    return status;
  }
  return status == CM_WANT_MORE && r->finished ? judge_stream(r) : status;
}

static cm_status flush(cm_response *r, int64_t index) {
  cm_status status = cm_message_flush(&r->message, index, &r->delivery);

  r->raw = cm_slice_of(""); /* not that of an event that was refused */
  return status < 0 ? fail_by(r, status, 0, "the message is larger than max_body_bytes") : status;
}

/* The event must outlive the queue that it was read from. */
static cm_status hold_event(cm_response *r) {
  cm_failure failure;
  cm_status status = CM_OK;

  if (!lies_in(r->event.raw, &r->held)) {
    cm_buffer_clear(&r->held);
    status = cm_buffer_append(&r->held, r->event.raw);
    if (status == CM_OK && r->event.kind == CM_EVENT_PING)
      r->event.raw = cm_slice_in(&r->held); /* nobody has looked into it */
    else if (status == CM_OK)
      status = cm_event_read(&r->event, r->event.kind, cm_slice_in(&r->held), &failure);
  }
  r->raw = cm_slice_of("");
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

static int goes_on(const cm_delivery *piece, cm_delta_kind kind, int64_t index) {
  return piece->kind == cm_kind_of_delta(kind) && piece->index == index;
}

static int event_goes_on(const cm_response *r) {
  return r->event.kind == CM_EVENT_BLOCK_DELTA &&
         goes_on(r->piece_begun, r->event.delta, r->event.index);
}

static cm_status take_what_goes_on(cm_response *r) {
  cm_status status;

  if (!r->piece_begun || event_goes_on(r)) return take_event(r);
  status = flush_before_event(r);
  if (status != CM_END) return status;
  status = hold_event(r);
  return status == CM_OK ? CM_WANT_MORE : status;
}

/* Whether the piece that has begun, if any, may go on with the frame that unread begins with. */
static int may_go_on(cm_response *r, cm_slice unread) {
  if (!r->piece_begun) return 1;
  return cm_delta_begins(&r->ahead.head, unread) &&
         goes_on(r->piece_begun, r->ahead.head.kind, r->ahead.head.index);
}

/* Nearly every frame is one more delta to the same block: those that are next in the queue are
   read together, as whole frames that nobody cuts into lines and fields. */
static int read_queue_ahead(cm_response *r) {
  cm_slice unread = unread_bytes(r);
  int any;

  if (!may_go_on(r, unread)) return 0;
  any = read_deltas(r, &unread, MOST_AT_ONCE);
  r->read = r->queue.len - unread.len;
  return any;
}

static cm_status next_of_stream(cm_response *r) {
  cm_status status;

  if (r->failure.status == CM_OK && !r->message.ended) {
    status = await_event(r);
    if (status == CM_OK) status = take_what_goes_on(r);
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
  cm_buffer_deinit(&r->late);
  cm_buffer_deinit(&r->held);
  cm_ahead_deinit(&r->ahead);
  cm_sse_deinit(&r->sse);
  cm_unnamed_deinit(&r->unnamed);
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

/* What was handed out before is no longer borrowed. */
static void begin_next(cm_response *r) {
  if (r->told) forget_read_bytes(r);
  r->told = 0;
  r->raw = cm_slice_of("");
  take_late_bytes(r);
}

/* Whether all that is left may be the beginning of a delta's frame: it waits for its end. */
static int waits_for_rest(const cm_response *r) {
  cm_slice unread = unread_bytes(r);

  if (r->finished || unread.len == 0 || !r->steady) return 0;
  return unread.len <= SMALL_FRAME && unread.len <= r->limits.max_event_bytes &&
         cm_delta_may_begin(unread);
}

/* Apart from the short cut, whose way it would make longer. */
__attribute__((noinline)) static cm_status next_delivery(cm_response *r) {
  cm_status status;

  begin_next(r);
  if (waits_for_rest(r)) {
    move_to_front(r);
    r->looked_at = r->queue.len;
    return CM_WANT_MORE;
  }
  status = r->form == PLAIN ? next_of_plain(r) : next_of_stream(r);
  if (status == CM_WANT_MORE) forget_read_bytes(r);
  if (status == CM_END || status < 0) release_working_memory(r);
  r->steady = status >= 0 && status != CM_END && is_between_frames(r);
  return status;
}

static inline cm_status tell_ahead(cm_response *r, size_t most, cm_delivery *delivery) {
  cm_ahead_next(&r->ahead, &r->message, most, delivery);
  r->delivery = *delivery;
  r->raw = UNTOLD;
  r->told = r->pending = 1;
  return CM_OK;
}

/* Between frames, which are deltas nearly always. CM_END: what is next is none, or cut. */
static cm_status next_between_frames(cm_response *r) {
  begin_next(r);
  if (r->read == r->queue.len) return r->finished ? CM_END : CM_WANT_MORE;
  return read_queue_ahead(r) ? CM_OK : CM_END;
}

static cm_status next_joined(cm_response *r, size_t most, cm_delivery *delivery) {
  cm_status status;

  if (r->form == BYTES) return r->finished ? CM_END : CM_WANT_MORE; /* next_bytes reads it */
  if (!r->pending) {
    status = r->steady ? next_between_frames(r) : CM_END;
    if (status == CM_OK) return tell_ahead(r, most, delivery);
    if (status == CM_END) status = next_delivery(r);
    if (status != CM_OK) return status;
    r->told = r->pending = 1;
  }
  *delivery = r->delivery;
  return CM_OK;
}

cm_status cm_response_next_joined(cm_response *r, size_t most, cm_delivery *delivery) {
  if (!r->pending && r->ahead.left > 0) return tell_ahead(r, most, delivery);
  return next_joined(r, most, delivery);
}

cm_status cm_response_next(cm_response *r, cm_delivery *delivery) {
  if (!r->pending && r->ahead.left > 0) return tell_ahead(r, 0, delivery);
  return next_joined(r, 0, delivery);
}

cm_status cm_response_go_on_joined(cm_response *r, size_t most, cm_delivery *delivery) {
  cm_delivery next;
  cm_status status;

  if (!r->pending && r->ahead.left > 0 && !goes_on(delivery, r->ahead.kind, r->ahead.block->index))
    return CM_WANT_MORE;
  r->piece_begun = delivery;
  status = cm_response_next_joined(r, most, &next);
  r->piece_begun = NULL;
  if (status != CM_OK) return status;
  if (next.kind != delivery->kind || next.index != delivery->index) return CM_WANT_MORE;
  *delivery = next;
  return CM_OK;
}

/* A streamed body */

/* So many of the unread bytes are the reader's, and the ones behind them are done with. */
static cm_status hand_out(cm_response *r, size_t length, size_t behind) {
  r->piece = unread_bytes(r);
  r->piece.len = length;
  r->read += length + behind;
  r->handed += length + behind;
  r->scanned = 0;
  r->told = r->pending = 1;
  return CM_OK;
}

/* Nothing more can be handed out of what has come. */
static cm_status judge_bytes(cm_response *r) {
  forget_read_bytes(r);
  if (!r->finished) return CM_WANT_MORE;
  if (r->transport.status == CM_OK) return CM_END;
  return fail(r, r->transport.status, r->handed, r->transport.text);
}

static cm_status next_bytes(cm_response *r, size_t most) {
  size_t unread = unread_bytes(r).len;

  if (unread == 0) return judge_bytes(r);
  return hand_out(r, unread < most ? unread : most, 0);
}

static cm_status fail_line(cm_response *r) {
  return fail(r, CM_ERR_LIMIT, r->handed, "a line is longer than max_line_bytes");
}

static cm_status hand_out_line(cm_response *r, size_t length, size_t end) {
  const char *line = unread_bytes(r).ptr;

  if (length > 0 && line[length - 1] == '\r') length--, end++;
  return length > r->limits.max_line_bytes ? fail_line(r) : hand_out(r, length, end);
}

static cm_status next_line(cm_response *r) {
  cm_slice unread = unread_bytes(r);
  const char *end = memchr(unread.ptr + r->scanned, '\n', unread.len - r->scanned);

  if (end) return hand_out_line(r, (size_t)(end - unread.ptr), 1);
  r->scanned = unread.len;
  /* One byte more may be the "\r" of the line's end. */
  if (unread.len > 0 && unread.len - 1 > r->limits.max_line_bytes) return fail_line(r);
  if (unread.len > 0 && r->finished && r->transport.status == CM_OK)
    return hand_out_line(r, unread.len, 0);
  return judge_bytes(r);
}

/* most = 0: a line. */
static cm_status next_piece(cm_response *r, size_t most, cm_slice *piece) {
  cm_status status = CM_OK;

  if (!r->pending) {
    begin_next(r);
    if (r->failure.status != CM_OK) return r->failure.status;
    if (r->form != BYTES) return r->finished ? CM_END : CM_WANT_MORE;
    status = most > 0 ? next_bytes(r, most) : next_line(r);
    if (status == CM_END || status < 0) release_working_memory(r);
    if (status != CM_OK) return status;
  }
  *piece = r->piece;
  return CM_OK;
}

cm_status cm_response_next_bytes(cm_response *response, size_t most, cm_slice *bytes) {
  return next_piece(response, most > 0 ? most : 1, bytes);
}

cm_status cm_response_next_line(cm_response *response, cm_slice *line) {
  return next_piece(response, 0, line);
}

void cm_response_taken(cm_response *response) {
  response->pending = 0;
}

/* What has come */

cm_status cm_response_frame(cm_response *r, cm_slice *frame) {
  cm_status status = CM_OK;

  if (!r->raw.ptr && r->ahead.block) {
    cm_buffer_clear(&r->held);
    status = cm_ahead_tell_event(&r->ahead, &r->delivery, &r->held);
    r->raw = cm_slice_in(&r->held);
  }
  *frame = r->raw;
  return status;
}

const cm_delivery *cm_response_plain_delta(const cm_response *response) {
  return response->raw.ptr ? NULL : &response->delivery;
}

const cm_failure *cm_response_failure(const cm_response *response) {
  return &response->failure;
}

int cm_response_api_error(const cm_response *response, cm_api_error *error) {
  memset(error, 0, sizeof *error);
  if (response->failure.status != CM_ERR_API) return 0;
  return cm_api_error_read(error, cm_slice_in(&response->body));
}

cm_slice cm_response_body(const cm_response *response) {
  cm_slice body = cm_slice_in(&response->body);

  if (body.len > 0 || !response->message.loaded) return body;
  body.ptr = response->message.start.ptr;
  body.len = response->whole;
  return body;
}

const cm_message *cm_response_message(const cm_response *response) {
  return &response->message;
}

int cm_response_has_head(const cm_response *response) {
  return cm_headers_are_complete(&response->headers) || cm_response_has_begun(response);
}

unsigned long cm_response_content_count(const cm_response *response) {
  if (response->form == STREAM) return response->content_frames;
  return (unsigned long)(response->body_bytes / CONTENT_UNIT);
}

int cm_response_in_text_or_tool(const cm_response *response) {
  return response->message.open_talk > 0;
}
