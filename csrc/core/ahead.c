#include "core/ahead.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/json_string.h"
#include "core/slice.h"

enum { MORE = 16 }; /* what a delta costs besides its text, about */

typedef struct lengths {
  uint32_t text;
  uint32_t kept;
} lengths;

void cm_ahead_init(cm_ahead *ahead, const cm_alloc *alloc) {
  memset(ahead, 0, sizeof *ahead);
  cm_buffer_init(&ahead->text, alloc, (size_t)-1);
  cm_buffer_init(&ahead->lengths, alloc, (size_t)-1);
}

void cm_ahead_deinit(cm_ahead *ahead) {
  cm_buffer_deinit(&ahead->text);
  cm_buffer_deinit(&ahead->lengths);
  cm_ahead_init(ahead, ahead->text.alloc);
}

static void begin_anew(cm_ahead *ahead, cm_block *block, cm_delta_kind kind) {
  cm_buffer_clear(&ahead->text);
  cm_buffer_clear(&ahead->lengths);
  ahead->at = ahead->next = 0;
  ahead->block = block;
  ahead->kind = kind;
}

static int make_room(cm_ahead *ahead, size_t text) {
  return cm_buffer_reserve(&ahead->text, text) == CM_OK &&
         cm_buffer_reserve(&ahead->lengths, sizeof(lengths)) == CM_OK;
}

/* There is room for it. */
static void note(cm_ahead *ahead, cm_slice text, size_t kept) {
  lengths both = { (uint32_t)text.len, (uint32_t)kept };

  if (text.len) memcpy(ahead->text.ptr + ahead->text.len, text.ptr, text.len);
  ahead->text.len += text.len;
  memcpy(ahead->lengths.ptr + ahead->lengths.len, &both, sizeof both);
  ahead->lengths.len += sizeof both;
  ahead->left++;
}

/* Half a character is not kept of input until the other half comes: it could not be told again. */
static int can_be_told(const cm_delta *delta) {
  if (delta->text.body.len > INT32_MAX) return 0;
  if (delta->kind != CM_DELTA_INPUT_JSON || !delta->text.escaped) return 1;
  return !cm_json_string_has_lone_surrogate(delta->text.body);
}

int cm_ahead_take(cm_ahead *ahead, cm_message *message, const cm_delta *delta) {
  cm_block *block = message->blocks.latest;
  int part = cm_block_part_of(delta->kind);
  cm_delivery delivery;
  size_t before;

  if (!block || !can_be_told(delta)) return 0;
  if (ahead->left == 0)
    begin_anew(ahead, block, delta->kind);
  else if (ahead->block != block || ahead->kind != delta->kind)
    return 0;
  if (!make_room(ahead, delta->text.body.len)) return 0;
  before = block->parts[part].len;
  if (!cm_message_continue(message, delta, &delivery)) return 0;
  note(ahead, delivery.text, block->parts[part].len - before);
  block->ahead_part = part;
  block->ahead += block->parts[part].len - before;
  return 1;
}

size_t cm_ahead_unread(const cm_ahead *ahead) {
  return ahead->left ? ahead->text.len - ahead->at + ahead->left * MORE : 0;
}

/* How much text is next: one delta, or as many as fit; counts them. */
static size_t take_lengths(cm_ahead *ahead, size_t most) {
  size_t total = 0, count = 0;
  lengths both;

  ahead->kept = 0;
  do {
    memcpy(&both, ahead->lengths.ptr + ahead->next, sizeof both);
    if (count > 0 && both.text > most - total) break;
    ahead->next += sizeof both;
    ahead->kept += both.kept;
    total += both.text;
    count++;
  } while (count < ahead->left && total < most);
  ahead->left -= count;
  return total;
}

int cm_ahead_next(cm_ahead *ahead, cm_message *message, size_t most, cm_delivery *delivery) {
  if (ahead->left == 0) return 0;
  delivery->kind = cm_kind_of_delta(ahead->kind);
  delivery->index = ahead->block->index;
  delivery->text.len = take_lengths(ahead, most);
  delivery->text.ptr = delivery->text.len ? ahead->text.ptr + ahead->at : "";
  ahead->at += delivery->text.len;
  ahead->block->ahead -= ahead->kept;
  message->flushed = 0;
  return 1;
}

static cm_status append_text(const cm_ahead *ahead, const cm_delivery *delivery, cm_buffer *out) {
  cm_slice part = cm_block_part(ahead->block, cm_block_part_of(ahead->kind));

  if (ahead->kind == CM_DELTA_INPUT_JSON) return cm_json_string_escape(delivery->text, out);
  part.ptr += part.len - ahead->kept;
  part.len = ahead->kept;
  return cm_buffer_append(out, part);
}

cm_status cm_ahead_tell_event(const cm_ahead *ahead, const cm_delivery *delivery, cm_buffer *out) {
  static const char *const names[] = { [CM_DELTA_TEXT] = "text_delta\",\"text",
                                       [CM_DELTA_THINKING] = "thinking_delta\",\"thinking",
                                       [CM_DELTA_INPUT_JSON] =
                                           "input_json_delta\",\"partial_json" };
  char head[CM_DELTA_HEAD_MAX];
  cm_status status;

  snprintf(head, sizeof head,
           "{\"type\":\"content_block_delta\",\"index\":%lld,\"delta\":{\"type\":\"%s\":\"",
           (long long)delivery->index, names[ahead->kind]);
  status = cm_buffer_append(out, cm_slice_of(head));
  if (status == CM_OK) status = append_text(ahead, delivery, out);
  return status == CM_OK ? cm_buffer_append(out, cm_slice_of("\"}}")) : status;
}
