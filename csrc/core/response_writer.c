/* The transport's side of a response: headers, bytes of the body, and that it is over. */
#include "core/response_state.h"

#include <string.h>

#include "core/slice.h"

enum { MAX_ERROR_BODY = 1024 * 1024 };

/* Headers */

cm_status cm_response_on_header(cm_response *r, cm_slice line) {
  cm_status status;

  if (r->failure.status != CM_OK) return r->failure.status;
  if (cm_response_has_begun(r)) return CM_OK; /* trailers */
  status = cm_headers_take(&r->headers, line);
  if (status == CM_ERR_PROTOCOL)
    return cm_response_fail(r, status, 0, "the status line or a header is not HTTP");
  if (cm_headers_status(&r->headers) == 101)
    return cm_response_fail(r, CM_ERR_PROTOCOL, 0,
                            "the server switches protocols (status 101), unasked");
  return cm_response_fail_by(r, status, 0, "the headers are larger than max_header_bytes");
}

size_t cm_response_max_header_bytes(const cm_response *response) {
  return response->limits.max_header_bytes;
}

/* Where bytes go */

static cm_status append_to_queue(cm_response *r, cm_slice bytes) {
  cm_status status = cm_queue_append(&r->queue, bytes);

  return cm_response_fail_by(r, status, 0, CM_RESPONSE_TOO_MUCH_WAITS);
}

static cm_status append_to_body(cm_response *r, cm_slice bytes) {
  cm_status status = cm_buffer_append(&r->body, bytes);

  return cm_response_fail_by(r, status, 0, "the body is larger than max_body_bytes");
}

/* What a page of an error has to say stands at its beginning: a longer one is not read on. */
static cm_status append_to_error_body(cm_response *r, cm_slice bytes) {
  size_t room = MAX_ERROR_BODY - r->body.len;
  cm_status status;

  if (bytes.len <= room) return append_to_body(r, bytes);
  bytes.len = room;
  status = append_to_body(r, bytes);
  return status == CM_OK ? cm_response_fail_by_status(r) : status;
}

static cm_status append_to_plain(cm_response *r, cm_slice bytes) {
  return cm_form_is_success(&r->headers) ? append_to_body(r, bytes)
                                         : append_to_error_body(r, bytes);
}

/* Until it is known what a body is, its beginning waits in the queue. */
static cm_status set_form(cm_response *r, cm_response_form form) {
  cm_slice waiting = cm_queue_unread(&r->queue);
  cm_status status;

  r->form = form;
  if (form != CM_FORM_PLAIN || waiting.len == 0) return CM_OK;
  status = append_to_body(r, waiting);
  cm_queue_deinit(&r->queue);
  return status;
}

static cm_status decide_form(cm_response *r, cm_slice bytes) {
  cm_status status;

  if (cm_queue_length(&r->queue) == 0) r->form = cm_form_of(&r->headers, &r->wishes, bytes);
  if (r->form == CM_FORM_PLAIN) return append_to_plain(r, bytes);
  status = append_to_queue(r, bytes);
  if (status != CM_OK || r->form == CM_FORM_STREAM) return status;
  return set_form(r, cm_form_of(&r->headers, &r->wishes, cm_queue_unread(&r->queue)));
}

/* Reading ahead */

/* How much of bytes the frame takes that begun is the beginning of; 0: more, or too much. */
static size_t rest_of_frame(cm_slice begun, cm_slice bytes) {
  size_t most = bytes.len < CM_RESPONSE_SMALL_FRAME ? bytes.len : CM_RESPONSE_SMALL_FRAME;
  const char *end;

  if (begun.ptr[begun.len - 1] == '\n' && bytes.ptr[0] == '\n') return 1;
  for (end = bytes.ptr; (end = memchr(end, '\n', most - (size_t)(end - bytes.ptr))) != NULL; end++)
    if ((size_t)(end - bytes.ptr) + 1 < most && end[1] == '\n')
      return (size_t)(end - bytes.ptr) + 2;
  return 0;
}

/* The queue may hold the beginning of a frame, which then is read: whether nothing is left. */
static int read_begun_frame(cm_response *r, cm_slice *bytes) {
  cm_slice frame = cm_queue_unread(&r->queue), rest;

  if (frame.len == 0) return 1;
  if (frame.len > CM_RESPONSE_SMALL_FRAME) return 0;
  rest.ptr = bytes->ptr;
  rest.len = rest_of_frame(frame, *bytes);
  if (rest.len == 0 || append_to_queue(r, rest) != CM_OK) return 0;
  bytes->ptr += rest.len;
  bytes->len -= rest.len;
  frame = cm_queue_unread(&r->queue);
  cm_response_read_deltas(r, &frame, frame.len);
  cm_queue_leave(&r->queue, frame.len);
  cm_queue_drop_read(&r->queue);
  return frame.len == 0;
}

/*
** While the reader holds nothing and has nothing older to read, deltas are read where they
** were received; what it is not sure of is left to the queue.
*/
static void read_ahead(cm_response *r, cm_slice *bytes) {
  r->looked_at = 0;
  if (r->queue.borrowed || r->queue.late.len || !r->steady) return;
  if (read_begun_frame(r, bytes)) cm_response_read_deltas(r, bytes, bytes->len);
}

cm_status cm_response_on_body(cm_response *r, cm_slice bytes) {
  if (r->failure.status != CM_OK) return r->failure.status;
  if (r->finished || bytes.len == 0) return CM_OK;
  r->body_bytes += bytes.len;
  if (r->form == CM_FORM_UNDECIDED) return decide_form(r, bytes);
  if (r->form == CM_FORM_PLAIN) return append_to_plain(r, bytes);
  if (r->message.ended) return CM_OK;
  read_ahead(r, &bytes);
  return bytes.len ? append_to_queue(r, bytes) : CM_OK;
}

size_t cm_response_unread(const cm_response *r) {
  if (r->form == CM_FORM_UNDECIDED) return 0; /* nobody could read it */
  return cm_queue_length(&r->queue) - r->looked_at +
         (r->ahead.left ? cm_ahead_unread(&r->ahead) : 0);
}

/* The end */

/* What waited for its end will not get it: it is no event, but it has come. */
static void read_beginning(cm_response *r) {
  if (r->looked_at == 0) return;
  r->looked_at = 0;
  cm_response_next_frame(r);
}

void cm_response_finish(cm_response *r, cm_status transport, const char *text) {
  if (r->finished) return;
  r->finished = 1;
  r->transport = transport;
  if (r->failure.status == CM_OK) cm_failure_say(&r->failure, text ? text : "");
  if (r->form == CM_FORM_UNDECIDED) set_form(r, cm_form_at_end(&r->headers, &r->wishes));
  if (r->failure.status != CM_OK) return;
  read_beginning(r);
  if (r->form == CM_FORM_PLAIN)
    cm_response_judge_plain(r);
  else if (r->form == CM_FORM_STREAM && cm_response_unread(r) == 0 && !r->event_waits &&
           !r->unnamed.waits)
    cm_response_judge_stream(r);
}
