/* How a response ended: what failed first, or that nothing did. */
#include "core/response_state.h"

#include <stdio.h>
#include <string.h>

#include "core/slice.h"

static void fail(cm_response *r, cm_status status, size_t offset) {
  cm_message_break(&r->message);
  r->steady = 0;
  r->failure.status = status;
  r->failure.offset = offset;
}

cm_status cm_response_fail(cm_response *r, cm_status status, size_t offset, const char *text) {
  if (r->failure.status != CM_OK) return r->failure.status;
  fail(r, status, offset);
  snprintf(r->failure.text, sizeof r->failure.text, "%s", text);
  return status;
}

cm_status cm_response_fail_by_transport(cm_response *r, size_t offset) {
  if (r->failure.status == CM_OK) fail(r, r->transport, offset);
  return r->failure.status;
}

cm_status cm_response_fail_by(cm_response *r, cm_status status, size_t offset, const char *what) {
  char text[sizeof r->failure.text];

  if (status == CM_OK) return CM_OK;
  if (status == CM_ERR_NOMEM) return cm_response_fail(r, status, offset, "not enough memory");
  snprintf(text, sizeof text, "%s", what);
  return cm_response_fail(r, status, offset, text);
}

cm_status cm_response_fail_by_status(cm_response *r) {
  char text[64];

  snprintf(text, sizeof text, "the server answered with status %d", cm_headers_status(&r->headers));
  return cm_response_fail(r, CM_ERR_API, 0, text);
}

cm_status cm_response_fail_by_error(cm_response *r, cm_slice data, size_t offset) {
  cm_status status;

  cm_buffer_clear(&r->body);
  status = cm_buffer_append(&r->body, data);
  if (status != CM_OK)
    return cm_response_fail_by(r, status, offset, "the error is larger than max_body_bytes");
  return cm_response_fail(r, CM_ERR_API, offset, "the API reported an error in the stream");
}

static cm_status fail_incomplete(cm_response *r) {
  size_t offset = cm_sse_position(&r->sse);
  char text[sizeof r->failure.text];

  if (r->message.started)
    return cm_response_fail(r, CM_ERR_INCOMPLETE, offset,
                            "the stream ended before the message did");
  if (r->unnamed.skipped == 0)
    return cm_response_fail(r, CM_ERR_INCOMPLETE, offset,
                            "the stream ended before a message began");
  snprintf(
      text, sizeof text,
      "the stream ended before a message began (%lu frames had no event name and were skipped)",
      r->unnamed.skipped);
  return cm_response_fail(r, CM_ERR_INCOMPLETE, offset, text);
}

cm_status cm_response_judge_stream(cm_response *r) {
  size_t offset = cm_sse_position(&r->sse);

  if (cm_message_is_complete(&r->message)) return CM_END;
  if (r->unnamed.error.len)
    return cm_response_fail_by_error(r, cm_slice_in(&r->unnamed.error), offset);
  if (r->transport != CM_OK) return cm_response_fail_by_transport(r, offset);
  return fail_incomplete(r);
}

void cm_response_judge_plain(cm_response *r) {
  cm_status status;

  if (!cm_form_is_success(&r->headers)) {
    cm_response_fail_by_status(r);
  } else if (r->transport != CM_OK) {
    cm_response_fail_by_transport(r, r->body.len);
  } else {
    r->whole = r->body.len;
    status = cm_message_load(&r->message, &r->body);
    if (status < 0) cm_response_fail_by(r, status, 0, "the message is larger than max_body_bytes");
  }
}

const cm_failure *cm_response_failure(const cm_response *response) {
  return &response->failure;
}

int cm_response_api_error(const cm_response *response, cm_api_error *error) {
  memset(error, 0, sizeof *error);
  if (response->failure.status != CM_ERR_API) return 0;
  return cm_api_error_read(error, cm_slice_in(&response->body));
}
