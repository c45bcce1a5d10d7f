#include "core/retell.h"

#include <stdio.h>
#include <string.h>

#include "core/json_string.h"
#include "core/object.h"
#include "core/slice.h"
#include "core/splice.h"

/* What is told of each block, in this order; parts that say nothing are passed over. */
enum { BLOCK_START, TEXT, THINKING, SIGNATURE, INPUT, BLOCK_STOP, STEPS };

static const struct {
  cm_kind kind;
  int part;          /* CM_PART_… */
  const char *empty; /* what the start has in its place */
  const char *delta; /* up to the value */
} DELTAS[STEPS] = {
  [TEXT] = { CM_KIND_TEXT, CM_PART_TEXT, "\"\"", "\"text_delta\",\"text\":" },
  [THINKING] = { CM_KIND_THINKING, CM_PART_THINKING, "\"\"", "\"thinking_delta\",\"thinking\":" },
  [SIGNATURE] = { CM_KIND_SIGNATURE, CM_PART_SIGNATURE, "\"\"",
                  "\"signature_delta\",\"signature\":" },
  [INPUT] = { CM_KIND_INPUT_JSON, CM_PART_INPUT, "{}", "\"input_json_delta\",\"partial_json\":" },
};

static const char *const PART_NAMES[STEPS] = {
  NULL, "text", "thinking", "signature", "input", NULL
};

void cm_retell_init(cm_retell *retell, const cm_alloc *alloc, size_t max_bytes) {
  memset(retell, 0, sizeof *retell);
  cm_buffer_init(&retell->frame, alloc, max_bytes);
  cm_buffer_init(&retell->text, alloc, max_bytes);
}

void cm_retell_deinit(cm_retell *retell) {
  cm_buffer_deinit(&retell->frame);
  cm_buffer_deinit(&retell->text);
}

/* Whether the value can be told in a delta of the step. */
static int says_something(int step, cm_slice value) {
  if (step == INPUT) return value.len > 2 && value.ptr[0] == '{';
  return value.len > 2 && value.ptr[0] == '"';
}

static cm_slice value_of(const cm_block *block, int step) {
  return cm_block_initial(block, DELTAS[step].part);
}

static cm_status begin_frame(cm_retell *r, const char *type, size_t index) {
  char head[96];

  snprintf(head, sizeof head, "{\"type\":\"%s\",\"index\":%lu,", type, (unsigned long)index);
  return cm_buffer_append_text(&r->frame, head);
}

static cm_status write_message_start(cm_retell *r, const cm_message *message) {
  cm_member members[3];
  cm_status status = cm_buffer_append_text(&r->frame, "{\"type\":\"message_start\",\"message\":");

  cm_member_set(&members[0], "content", cm_slice_of("[]"));
  cm_member_set(&members[1], "stop_reason", cm_slice_of("null"));
  cm_member_set(&members[2], "stop_sequence", cm_slice_of("null"));
  if (status == CM_OK) status = cm_splice(cm_slice_in(&message->start), members, 3, &r->frame);
  return status == CM_OK ? cm_buffer_append_text(&r->frame, "}") : status;
}

static cm_status write_block_start(cm_retell *r, const cm_block *block, size_t index) {
  cm_member members[STEPS];
  size_t count = 0;
  cm_status status = begin_frame(r, "content_block_start", index);
  int step;

  for (step = TEXT; step <= INPUT; step++)
    if (says_something(step, value_of(block, step)))
      cm_member_set(&members[count++], PART_NAMES[step], cm_slice_of(DELTAS[step].empty));
  if (status == CM_OK) status = cm_buffer_append_text(&r->frame, "\"content_block\":");
  if (status == CM_OK) status = cm_splice(block->start, members, count, &r->frame);
  return status == CM_OK ? cm_buffer_append_text(&r->frame, "}") : status;
}

static cm_status write_string(cm_buffer *out, cm_slice text) {
  cm_status status = cm_buffer_append_text(out, "\"");

  if (status == CM_OK) status = cm_json_string_escape(text, out);
  return status == CM_OK ? cm_buffer_append_text(out, "\"") : status;
}

static cm_status unescape(cm_slice value, cm_buffer *out) {
  unsigned carry = 0;
  cm_slice body;
  cm_status status;

  body.ptr = value.ptr + 1;
  body.len = value.len - 2;
  status = cm_json_string_unescape(body, &carry, out);
  return status == CM_OK ? cm_json_string_finish(&carry, out) : status;
}

static cm_status write_delta(cm_retell *r, cm_slice value, int step, size_t index) {
  cm_status status = begin_frame(r, "content_block_delta", index);

  if (status == CM_OK) status = cm_buffer_append_text(&r->frame, "\"delta\":{\"type\":");
  if (status == CM_OK) status = cm_buffer_append_text(&r->frame, DELTAS[step].delta);
  if (status == CM_OK)
    status = step == INPUT ? write_string(&r->frame, value) : cm_buffer_append(&r->frame, value);
  if (status == CM_OK) status = cm_buffer_append_text(&r->frame, "}}");
  if (status != CM_OK) return status;
  return step == INPUT ? cm_buffer_append(&r->text, value) : unescape(value, &r->text);
}

static cm_status write_member(cm_buffer *out, const char *head, cm_slice value) {
  cm_status status = cm_buffer_append_text(out, head);
  return status == CM_OK ? cm_buffer_append(out, value.len ? value : cm_slice_of("null")) : status;
}

static cm_status write_message_delta(cm_retell *r, const cm_message *message) {
  cm_object_wanted members[] = { { "stop_reason", { "", 0 } },
                                 { "stop_sequence", { "", 0 } },
                                 { "usage", { "", 0 } } };
  cm_status status = cm_buffer_append_text(&r->frame, "{\"type\":\"message_delta\",");

  cm_object_find(cm_slice_in(&message->start), members, sizeof members / sizeof *members);
  if (status == CM_OK)
    status = write_member(&r->frame, "\"delta\":{\"stop_reason\":", members[0].value);
  if (status == CM_OK) status = write_member(&r->frame, ",\"stop_sequence\":", members[1].value);
  if (status == CM_OK) status = write_member(&r->frame, "},\"usage\":", members[2].value);
  return status == CM_OK ? cm_buffer_append_text(&r->frame, "}") : status;
}

/* Before the blocks and behind them. Steps behind: 0 message_delta, 1 message_stop. */
static cm_status tell_outside(cm_retell *r, const cm_message *message, cm_delivery *delivery) {
  cm_status status;

  delivery->index = -1;
  if (!r->begun) {
    delivery->kind = CM_KIND_MESSAGE_START;
    status = write_message_start(r, message);
    if (status == CM_OK) r->begun = 1;
  } else if (r->step == 0) {
    delivery->kind = CM_KIND_MESSAGE_DELTA;
    status = write_message_delta(r, message);
    if (status == CM_OK) r->step = 1;
  } else {
    delivery->kind = CM_KIND_MESSAGE_STOP;
    status = cm_buffer_append_text(&r->frame, "{\"type\":\"message_stop\"}");
    if (status == CM_OK) r->ended = 1;
  }
  return status;
}

static cm_status write_step(cm_retell *r, const cm_block *block, cm_delivery *delivery) {
  cm_status status;

  if (r->step == BLOCK_START) {
    delivery->kind = CM_KIND_BLOCK_START;
    delivery->text = block->type;
    return write_block_start(r, block, r->block);
  }
  if (r->step == BLOCK_STOP) {
    delivery->kind = CM_KIND_BLOCK_STOP;
    delivery->text = block->type;
    status = begin_frame(r, "content_block_stop", r->block);
    if (status == CM_OK) r->frame.ptr[r->frame.len - 1] = '}'; /* for the comma */
    return status;
  }
  delivery->kind = DELTAS[r->step].kind;
  status = write_delta(r, value_of(block, r->step), r->step, r->block);
  delivery->text = cm_slice_in(&r->text);
  return status;
}

static void go_on(cm_retell *r) {
  r->step++;
  if (r->step < STEPS) return;
  r->step = 0;
  r->block++;
}

static cm_status tell_block(cm_retell *r, const cm_message *message, cm_delivery *delivery) {
  const cm_block *block = message->blocks.items[r->block];
  cm_status status;

  while (r->step > BLOCK_START && r->step < BLOCK_STOP &&
         !says_something(r->step, value_of(block, r->step)))
    r->step++;
  delivery->index = (int64_t)r->block;
  status = write_step(r, block, delivery);
  if (status == CM_OK) go_on(r);
  return status;
}

cm_status cm_retell_next(cm_retell *r, const cm_message *message, cm_delivery *delivery,
                         cm_slice *frame) {
  cm_status status;

  if (r->ended) return CM_END;
  cm_buffer_clear(&r->frame);
  cm_buffer_clear(&r->text);
  delivery->text = cm_slice_of("");
  if (r->begun && r->block < message->blocks.count)
    status = tell_block(r, message, delivery);
  else
    status = tell_outside(r, message, delivery);
  *frame = cm_slice_in(&r->frame);
  return status;
}
