#include "core/response.h"

#include <string.h>

#include "core/response_state.h"
#include "core/slice.h"

enum {
  MEGABYTE = 1024 * 1024,
  DEFAULT_EVENT_MEGABYTES = 64,
  DEFAULT_BODY_MEGABYTES = 512,
  DEFAULT_HEADER_MEGABYTES = 1,
  DEFAULT_LINE_MEGABYTES = 64,
  CONTENT_UNIT = 1024 /* bytes: less of them is no sign that a body gets on */
};

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
  cm_queue_init(&r->queue, alloc, r->limits.max_body_bytes);
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
  response->wishes.bytes = 1;
}

int cm_response_streams_body(const cm_response *response) {
  return response->wishes.bytes;
}

void cm_response_keep_body(cm_response *response) {
  response->wishes.plain = 1;
}

void cm_response_expect_message(cm_response *response) {
  response->wishes.either = 1;
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
  cm_queue_deinit(&r->queue);
  cm_buffer_deinit(&r->body);
  cm_buffer_deinit(&r->held);
  cm_sse_deinit(&r->sse);
  cm_unnamed_deinit(&r->unnamed);
  cm_message_deinit(&r->message);
  cm_ahead_deinit(&r->ahead);
  cm_retell_deinit(&r->retell);
  r->alloc->resize(r->alloc->ud, r, sizeof *r, 0);
}

/* What has come */

int cm_response_status(const cm_response *response) {
  return cm_headers_status(&response->headers);
}

int cm_response_next_header(const cm_response *response, size_t *position, cm_slice *name,
                            cm_slice *value) {
  return cm_headers_next(&response->headers, position, name, value);
}

cm_slice cm_response_header_lines(const cm_response *response) {
  return cm_headers_lines(&response->headers);
}

int cm_response_is_event_stream(const cm_response *r) {
  if (r->form != CM_FORM_UNDECIDED) return r->form == CM_FORM_STREAM;
  return cm_form_announces_stream(&r->headers, &r->wishes);
}

int cm_response_is_finished(const cm_response *response) {
  return response->finished;
}

int cm_response_has_begun(const cm_response *r) {
  return r->finished || r->form != CM_FORM_UNDECIDED || cm_queue_length(&r->queue) > 0;
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
  if (response->form == CM_FORM_STREAM) return response->content_frames;
  return (unsigned long)(response->body_bytes / CONTENT_UNIT);
}

int cm_response_in_text_or_tool(const cm_response *response) {
  return response->message.open_talk > 0;
}
