/* Of a stream: each frame becomes an event, and each event a part of the message. */
#include "core/response_state.h"

#include <string.h>

#include "core/slice.h"

static int lies_in(cm_slice s, const cm_buffer *buf) {
  return s.len > 0 && buf->len > 0 && s.ptr >= buf->ptr && s.ptr < buf->ptr + buf->len;
}

cm_status cm_response_next_frame(cm_response *r) {
  cm_slice unread = cm_queue_unread(&r->queue);
  cm_status status;

  if (r->form == CM_FORM_UNDECIDED) return CM_WANT_MORE;
  status = cm_sse_next(&r->sse, &unread, &r->frame);
  cm_queue_leave(&r->queue, unread.len);
  if (status >= 0) return status;
  return cm_response_fail_by(r, status, cm_sse_position(&r->sse),
                             "an event is larger than max_event_bytes");
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

  if (cm_slice_is(r->frame.name, "error"))
    return cm_response_fail_by_error(r, r->frame.data, r->frame.offset);
  if (cm_slice_is(r->frame.name, "ping")) {
    memset(&r->event, 0, sizeof r->event);
    r->event.kind = CM_EVENT_PING;
    r->event.index = -1;
    r->event.raw = r->frame.data;
    return CM_OK;
  }
  status = cm_event_read(&r->event, cm_event_kind_of(r->frame.name), r->frame.data, &failure);
  if (status != CM_OK)
    return cm_response_fail_by(r, status, r->frame.offset + failure.offset, failure.text);
  if (r->event.kind != CM_EVENT_PING) r->content_frames++;
  if (is_error(r)) return cm_response_fail_by_error(r, r->frame.data, r->frame.offset);
  return CM_OK;
}

/* The next frame that is to be read. */
static cm_status next_that_counts(cm_response *r) {
  cm_status status;

  if (cm_unnamed_take(&r->unnamed, &r->frame)) return CM_OK;
  do {
    status = cm_response_next_frame(r);
    if (status != CM_OK) return status;
    status = cm_unnamed_judge(&r->unnamed, &r->frame);
  } while (status == CM_END);
  return cm_response_fail_by(r, status, r->frame.offset, "an event is larger than max_event_bytes");
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
  return status == CM_WANT_MORE && r->finished ? cm_response_judge_stream(r) : status;
}

static cm_status flush(cm_response *r, int64_t index) {
  cm_status status = cm_message_flush(&r->message, index, &r->delivery);

  r->raw = cm_slice_of(""); /* not that of an event that was refused */
  return status < 0 ? cm_response_fail_by(r, status, 0, "the message is larger than max_body_bytes")
                    : status;
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
  return cm_response_fail_by(r, status, 0, "an event is larger than max_event_bytes");
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
  if (status != CM_OK) return cm_response_fail_by(r, status, r->frame.offset, failure.text);
  if (r->message.ended) cm_queue_leave(&r->queue, 0);
  return CM_OK;
}

static int event_goes_on(const cm_response *r) {
  return r->event.kind == CM_EVENT_BLOCK_DELTA &&
         cm_response_goes_on(r->piece_begun, r->event.delta, r->event.index);
}

static cm_status take_what_goes_on(cm_response *r) {
  cm_status status;

  if (!r->piece_begun || event_goes_on(r)) return take_event(r);
  status = flush_before_event(r);
  if (status != CM_END) return status;
  status = hold_event(r);
  return status == CM_OK ? CM_WANT_MORE : status;
}

cm_status cm_response_next_event(cm_response *r) {
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
