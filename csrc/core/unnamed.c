#include "core/unnamed.h"

#include <string.h>

#include "core/event.h"
#include "core/slice.h"

void cm_unnamed_init(cm_unnamed *unnamed, const cm_alloc *alloc, size_t max_bytes) {
  memset(unnamed, 0, sizeof *unnamed);
  cm_buffer_init(&unnamed->start, alloc, max_bytes);
  cm_buffer_init(&unnamed->next, alloc, max_bytes);
  cm_buffer_init(&unnamed->error, alloc, max_bytes);
}

void cm_unnamed_deinit(cm_unnamed *unnamed) {
  cm_buffer_deinit(&unnamed->start);
  cm_buffer_deinit(&unnamed->next);
  cm_buffer_deinit(&unnamed->error);
}

static int is_message_start(cm_slice data) {
  cm_failure failure;
  cm_event event;

  if (cm_event_read(&event, CM_EVENT_UNKNOWN, data, &failure) != CM_OK) return 0;
  return event.kind == CM_EVENT_MESSAGE_START;
}

/* An error that ends the stream would otherwise be known as its early end only. */
static cm_status skip(cm_unnamed *unnamed, cm_slice data) {
  cm_api_error error;
  cm_status status = CM_OK;

  unnamed->skipped++;
  if (unnamed->error.len == 0 && cm_api_error_read(&error, data))
    status = cm_buffer_append(&unnamed->error, data);
  return status == CM_OK ? CM_END : status;
}

static cm_status keep_start(cm_unnamed *unnamed, cm_slice data) {
  cm_status status = cm_buffer_append(&unnamed->start, data);

  unnamed->skipped++;
  return status == CM_OK ? CM_END : status;
}

/* The second in a row: no name will come. */
static cm_status go_back(cm_unnamed *unnamed, cm_sse_event *frame) {
  cm_status status = cm_buffer_append(&unnamed->next, frame->data);

  if (status != CM_OK) return status;
  frame->data = cm_slice_in(&unnamed->start);
  unnamed->skipped--;
  unnamed->none = unnamed->waits = 1;
  return CM_OK;
}

static int begins_with(cm_slice name, const char *head) {
  size_t n = strlen(head);

  return name.len >= n && memcmp(name.ptr, head, n) == 0;
}

/* How other APIs end their streams; under one of our names it would stand for content. */
static int is_end_mark(const cm_sse_event *frame) {
  return cm_slice_is(frame->data, "[DONE]") && !begins_with(frame->name, "message_") &&
         !begins_with(frame->name, "content_block_");
}

cm_status cm_unnamed_judge(cm_unnamed *unnamed, cm_sse_event *frame) {
  if (is_end_mark(frame)) return CM_END;
  if (frame->name.len > 0) unnamed->named = 1;
  if (frame->name.len > 0 || unnamed->none) return CM_OK;
  if (unnamed->named) return skip(unnamed, frame->data);
  if (unnamed->start.len) return go_back(unnamed, frame);
  if (is_message_start(frame->data)) return keep_start(unnamed, frame->data);
  return skip(unnamed, frame->data);
}

int cm_unnamed_take(cm_unnamed *unnamed, cm_sse_event *frame) {
  if (!unnamed->waits) return 0;
  unnamed->waits = 0;
  frame->data = cm_slice_in(&unnamed->next);
  return 1;
}
