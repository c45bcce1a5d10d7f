/*
** record_frame.h - what the frame says that a response has told of last.
**
** A delta that was read as it came is spelled anew (core/ahead.h): what it says counts, and
** of all others their bytes.
*/
#ifndef CM_RECORD_FRAME_H
#define CM_RECORD_FRAME_H

#include "core/event.h"
#include "core/response.h"
#include "record.h"

static inline void record_delta(record *r, cm_slice frame) {
  cm_buffer text;
  cm_failure failure;
  cm_event event;
  unsigned carry = 0;

  /* Half a character that stays one is told beside a frame of another kind. */
  if (cm_event_read(&event, CM_EVENT_BLOCK_DELTA, frame, &failure) != CM_OK) {
    record_bytes(r, frame);
    return;
  }
  cm_buffer_init(&text, &cm_libc_alloc, RECORD_LIMIT);
  REQUIRE(cm_json_string_unescape(event.text.body, &carry, &text) == CM_OK);
  REQUIRE(cm_json_string_finish(&carry, &text) == CM_OK);
  record_number(r, event.index);
  record_number(r, event.delta);
  record_number(r, (int64_t)text.len);
  if (text.len) REQUIRE(cm_buffer_append(&r->bytes, (cm_slice){ text.ptr, text.len }) == CM_OK);
  cm_buffer_deinit(&text);
}

static inline void record_frame(record *r, cm_response *response, const cm_delivery *delivery) {
  int is_delta = delivery->kind == CM_KIND_TEXT || delivery->kind == CM_KIND_THINKING ||
                 delivery->kind == CM_KIND_INPUT_JSON;
  cm_slice frame;

  REQUIRE(cm_response_frame(response, &frame) == CM_OK);
  if (is_delta && frame.len)
    record_delta(r, frame);
  else
    record_bytes(r, frame);
}

#endif
