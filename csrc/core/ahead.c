#include "core/ahead.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/json_short.h"
#include "core/json_string.h"
#include "core/slice.h"

enum {
  MORE = 16, /* what a delta costs besides its text, about */
  MOST_DOUBTS = 32,
  SEVERAL = 1024, /* bytes of input: there is more than one delta in it */
  KEPT = 4 * 1024 /* room for what is seldom so much: thousands may wait, each after a burst */
};

typedef cm_ahead_lengths lengths;

/* Strings whose characters beyond ASCII are checked together, once they are many or the last: until
   then the deltas that have them are not certain. */
typedef struct uncertain {
  cm_json_others of[MOST_DOUBTS + 1];
  size_t count;
} uncertain;

/* What is changed by deltas that are read with doubts. */
typedef struct state {
  size_t text, lengths, left, part, block_ahead, kept;
} state;

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

static void empty(cm_buffer *buffer) {
  if (buffer->capacity > KEPT && buffer->len < buffer->capacity / 8)
    cm_buffer_deinit(buffer);
  else
    cm_buffer_clear(buffer);
}

static void begin_anew(cm_ahead *ahead, cm_block *block) {
  empty(&ahead->text);
  empty(&ahead->lengths);
  ahead->at = ahead->next = 0;
  ahead->block = block;
  ahead->kind = ahead->head.kind;
  ahead->told_as = cm_kind_of_delta(ahead->kind);
  ahead->part = cm_block_part_of(ahead->kind);
}

/* Whether a delta that begins as head says may be added to what is left, or be the first. */
static int may_add(cm_ahead *ahead, cm_block *block) {
  const cm_delta_head *head = &ahead->head;
  int part = cm_block_part_of(head->kind);

  if (!block || block->index != head->index || block->stopped) return 0;
  if (!(block->given >> part & 1) || block->carry[part]) return 0;
  if (ahead->left > 0) return ahead->block == block && ahead->kind == head->kind;
  begin_anew(ahead, block);
  return 1;
}

static inline int make_room(cm_ahead *ahead, size_t text) {
  return cm_buffer_reserve(&ahead->text, text) == CM_OK &&
         cm_buffer_reserve(&ahead->lengths, sizeof(lengths)) == CM_OK;
}

/* There is room for it, and its text is there already. */
static inline void note(cm_ahead *ahead, size_t text, size_t kept) {
  lengths both = { (uint32_t)text, (uint32_t)kept };

  memcpy(ahead->lengths.ptr + ahead->lengths.len, &both, sizeof both);
  ahead->lengths.len += sizeof both;
  ahead->text.len += text;
  ahead->block->ahead += kept;
  ahead->left++;
}

/* A delta with this string. Returns how far its frame goes on from there; 0: it has to be read by
   take_any, which then says why. */
__attribute__((always_inline)) static inline size_t
add_short(cm_ahead *ahead, cm_message *message, const cm_json_short *string, size_t max_length) {
  cm_buffer *part = &ahead->block->parts[ahead->part];
  const char *pos = string->body.ptr, *end;
  cm_slice kept = string->body;
  size_t length;
  char *text;

  end = cm_delta_skip_end(pos + kept.len + 1, pos + CM_JSON_READABLE);
  if (!end || (size_t)(end - pos) > max_length) return 0;
  if (kept.len > message->ceiling - message->kept) return 0;
  if (!make_room(ahead, CM_JSON_WRITABLE)) return 0;
  if (cm_buffer_reserve(part, CM_JSON_SHORT) != CM_OK) return 0;
  text = ahead->text.ptr + ahead->text.len;
  if (!cm_json_short_unescape(text, string, &length)) return 0;
  message->kept += kept.len;
  if (ahead->kind == CM_DELTA_INPUT_JSON) {
    kept.ptr = text;
    kept.len = length;
  }
  cm_json_copy_short(part->ptr + part->len, kept.ptr);
  part->len += kept.len;
  note(ahead, length, kept.len);
  return (size_t)(end - pos);
}

/* A delta whose string, from pos on, is short, and of which enough may be read. Returns what
   add_short does. */
static inline size_t take_short(cm_ahead *ahead, cm_message *message, const char *pos,
                                size_t max_length) {
  cm_json_short string;

  return cm_json_short_find(pos, &string) ? add_short(ahead, message, &string, max_length) : 0;
}

/* The same where input ends so soon that it is better read in a copy with more behind it. */
static size_t take_last(cm_ahead *ahead, cm_message *message, cm_slice rest, size_t max_length) {
  char copy[CM_JSON_READABLE];

  memset(copy, 'x', sizeof copy);
  memcpy(copy, rest.ptr, rest.len);
  return take_short(ahead, message, copy, max_length);
}

/* A delta whose string, of any length, goes on from pos in pieces that are short, of which so many
   bytes may be read. Returns what take_short does; nothing is kept before all of it is known. */
__attribute__((noinline)) static size_t take_long(cm_ahead *ahead, cm_message *message,
                                                  const char *pos, size_t readable,
                                                  size_t max_length) {
  cm_buffer *part = &ahead->block->parts[ahead->part];
  size_t read = 0, written = 0, length;
  int of_input = ahead->kind == CM_DELTA_INPUT_JSON, ends;
  cm_json_short piece;
  const char *end;
  char *text;

  do {
    if (readable - read < CM_JSON_READABLE || read > max_length) return 0;
    if (!cm_json_short_find_piece(pos + read, &piece, &ends)) return 0;
    if (!make_room(ahead, written + CM_JSON_WRITABLE)) return 0;
    if (cm_buffer_reserve(part, read + CM_JSON_SHORT) != CM_OK) return 0;
    text = ahead->text.ptr + ahead->text.len + written;
    if (!cm_json_short_unescape(text, &piece, &length)) return 0;
    cm_json_copy_short(part->ptr + part->len + (of_input ? written : read),
                       of_input ? text : piece.body.ptr);
    read += piece.body.len;
    written += length;
  } while (!ends);
  end = cm_delta_skip_end(pos + read + 1, pos + readable);
  if (!end || (size_t)(end - pos) > max_length || read > INT32_MAX) return 0;
  if (read > message->ceiling - message->kept) return 0;
  message->kept += read;
  part->len += of_input ? written : read;
  note(ahead, written, of_input ? written : read);
  return (size_t)(end - pos);
}

/* Half a character is not kept of input until the other half comes: it could not be told again.
   Of a text, what is told of it would not be what its event says. */
static int can_be_told(const cm_json_string *text) {
  if (text->body.len > INT32_MAX) return 0;
  return !text->escaped || !cm_json_string_has_lone_surrogate(text->body);
}

/* The delta that input begins with, of whatever length and with whatever escapes. */
static size_t take_any(cm_ahead *ahead, cm_message *message, cm_slice input, size_t max_length) {
  cm_buffer *part = &ahead->block->parts[ahead->part];
  cm_delivery delivery;
  cm_delta delta;
  size_t length = cm_delta_read_frame(&ahead->head, &delta, input), before = part->len;

  if (length == 0 || length > max_length || !can_be_told(&delta.text)) return 0;
  if (!make_room(ahead, delta.text.body.len + 1))
    return 0; /* so that there is some, for no text, too */
  if (!cm_message_continue(message, &delta, &delivery)) return 0;
  if (delivery.text.len)
    memcpy(ahead->text.ptr + ahead->text.len, delivery.text.ptr, delivery.text.len);
  note(ahead, delivery.text.len, part->len - before);
  return length;
}

static size_t take_delta(cm_ahead *ahead, cm_message *message, cm_slice input, size_t max_length) {
  size_t head = ahead->head.length, length;
  cm_slice rest = { input.ptr + head, input.len - head };

  if (max_length <= head) return 0;
  length = rest.len < CM_JSON_READABLE ? take_last(ahead, message, rest, max_length - head)
                                       : take_short(ahead, message, rest.ptr, max_length - head);
  if (!length) length = take_long(ahead, message, rest.ptr, rest.len, max_length - head);
  return length ? head + length : take_any(ahead, message, input, max_length);
}

/* Several at once */

static state state_of(const cm_ahead *ahead, const cm_message *message) {
  state now;

  now.text = ahead->text.len;
  now.lengths = ahead->lengths.len;
  now.left = ahead->left;
  now.part = ahead->block->parts[ahead->part].len;
  now.block_ahead = ahead->block->ahead;
  now.kept = message->kept;
  return now;
}

static void go_back(cm_ahead *ahead, cm_message *message, const state *before) {
  ahead->text.len = before->text;
  ahead->lengths.len = before->lengths;
  ahead->left = before->left;
  ahead->block->parts[ahead->part].len = before->part;
  ahead->block->ahead = before->block_ahead;
  message->kept = before->kept;
}

/* One with a short string, whose characters beyond ASCII are left to be checked. */
static inline size_t take_uncertain(cm_ahead *ahead, cm_message *message, const char *pos,
                                    size_t max_length, uncertain *doubts) {
  cm_json_others others;
  cm_json_short string;
  size_t length;

  others.pos = pos;
  if (!cm_json_short_find_end(pos, &string, &others.bytes)) return 0;
  length = add_short(ahead, message, &string, max_length);
  if (!length) return 0;
  doubts->of[doubts->count] = others;
  doubts->count += others.bytes != 0;
  return length;
}

/* The short ones that input begins with, up to as many as may be in doubt together. Returns how
   many bytes they are; 0: there is none, or one of them is *wrong and nothing has changed. */
static size_t take_together(cm_ahead *ahead, cm_message *message, cm_slice input, size_t max_length,
                            size_t most, int *wrong) {
  size_t head = ahead->head.length, length;
  state before = state_of(ahead, message);
  cm_slice rest = input;
  uncertain doubts;

  if (max_length <= head) return 0;
  doubts.count = 0;
  do {
    if (rest.len < head + CM_JSON_READABLE) break;
    length = take_uncertain(ahead, message, rest.ptr + head, max_length - head, &doubts);
    if (!length) break;
    rest.ptr += head + length;
    rest.len -= head + length;
  } while (doubts.count < MOST_DOUBTS && input.len - rest.len < most &&
           cm_delta_repeats(&ahead->head, rest));
  doubts.of[doubts.count].bytes = 0;
  if (cm_json_short_check_all(doubts.of, doubts.count)) return input.len - rest.len;
  go_back(ahead, message, &before);
  *wrong = 1;
  return 0;
}

size_t cm_ahead_read(cm_ahead *ahead, cm_message *message, cm_slice *input, size_t max_length,
                     size_t most) {
  int together = input->len >= SEVERAL, wrong = 0;
  size_t left = ahead->left, done = 0, length;
  cm_slice rest = *input;

  if (!cm_delta_begins(&ahead->head, rest) || !may_add(ahead, message->blocks.latest)) return 0;
  do {
    length = together ? take_together(ahead, message, rest, max_length, most - done, &wrong) : 0;
    if (!length) {
      length = take_delta(ahead, message, rest, max_length);
      /* Behind a long one there is another, as a rule; up to what is wrong, one by one. */
      together = !wrong && rest.len >= SEVERAL && length < ahead->head.length + CM_JSON_READABLE;
    }
    rest.ptr += length;
    rest.len -= length;
    done += length;
  } while (length && done < most && cm_delta_repeats(&ahead->head, rest));
  ahead->block->ahead_part = ahead->part;
  *input = rest;
  return ahead->left - left;
}

size_t cm_ahead_unread(const cm_ahead *ahead) {
  return ahead->left ? ahead->text.len - ahead->at + ahead->left * MORE : 0;
}

static lengths next_lengths(const cm_ahead *ahead) {
  lengths both;

  memcpy(&both, ahead->lengths.ptr + ahead->next, sizeof both);
  return both;
}

size_t cm_ahead_join(cm_ahead *ahead, size_t total, size_t most) {
  while (ahead->left > 0 && total < most) {
    lengths both = next_lengths(ahead);

    if (both.text > most - total) break;
    ahead->next += sizeof both;
    ahead->kept += both.kept;
    ahead->left--;
    total += both.text;
  }
  return total;
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
