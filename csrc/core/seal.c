#include "core/seal.h"

#include <string.h>

#include "core/pairs.h"
#include "core/slice.h"

enum { FRAME = 64 }; /* bytes around a block, and around the turn */

/* What becomes of a block. */
typedef enum fate { STAYS = 0, GOES, CHANGES } fate;

typedef struct work {
  cm_seal *seal;
  const cm_message *message;
  unsigned char *fates; /* one per block */
  cm_pairs pairs;
} work;

static const struct {
  const char *name;
  const char *text;
} RULES[] = {
  { "incomplete", "the reply is not complete: it adds nothing to the conversation" },
  { "refusal", "the model refused: the reply adds nothing to the conversation" },
  { "empty_content", "the reply has no content that could be sent back: it adds nothing" },
  { "unsealable", "content that thinking signatures cover could only be sent back changed: "
                  "the reply adds nothing" },
  { "repeated_call_id", "a tool call has the id of one before it, which could not be sent back: "
                        "the reply adds nothing" },
  { "cut_tail", "the reply was cut: thinking and tool calls at its end are left out" },
  { "last_thinking", "a turn cannot end in thinking: it is left out" },
  { "unfinished", "a block of a broken reply that did not finish, or stands behind one: left out" },
  { "empty_text", "an empty text block is left out" },
  { "before_fallback", "thinking and unpaired tool blocks before a fallback are left out" },
  { "invalid_input", "tool input that is not valid JSON goes back as {\"INVALID_JSON\":\"…\"}" },
  { "cut_input", "tool input that ends too early goes back as {\"INVALID_JSON\":\"…\"}" },
  { "not_object", "tool input that is no object goes back as {\"INVALID_JSON\":\"…\"}" },
  { "lone_surrogate", "half of a surrogate pair goes back as U+FFFD" },
  { "unknown_delta", "a delta that this version does not know is missing from the block" },
};

const char *cm_rule_name(cm_rule rule) {
  return RULES[rule].name;
}

const char *cm_rule_text(cm_rule rule) {
  return RULES[rule].text;
}

void cm_seal_init(cm_seal *seal, const cm_alloc *alloc, size_t max_bytes) {
  memset(seal, 0, sizeof *seal);
  seal->alloc = alloc;
  cm_buffer_init(&seal->bytes, alloc, max_bytes);
}

void cm_seal_deinit(cm_seal *seal) {
  cm_buffer_deinit(&seal->bytes);
  seal->alloc->resize(seal->alloc->ud, seal->changes, seal->capacity * sizeof *seal->changes, 0);
  seal->changes = NULL;
  seal->count = seal->capacity = 0;
}

static cm_status note(cm_seal *seal, cm_rule rule, int64_t index) {
  size_t capacity = seal->capacity ? seal->capacity * 2 : 4, size = sizeof *seal->changes;
  cm_change *grown;

  if (seal->count == seal->capacity) {
    grown =
        seal->alloc->resize(seal->alloc->ud, seal->changes, seal->capacity * size, capacity * size);
    if (!grown) return CM_ERR_NOMEM;
    seal->changes = grown;
    seal->capacity = capacity;
  }
  seal->changes[seal->count].rule = rule;
  seal->changes[seal->count++].index = index;
  return CM_OK;
}

static const cm_block *block_at(const work *w, size_t i) {
  return w->message->blocks.items[i];
}

static int stays(const work *w, size_t i) {
  return w->fates[i] != GOES;
}

static cm_status leave_out(work *w, size_t i, cm_rule rule) {
  w->fates[i] = GOES;
  return note(w->seal, rule, (int64_t)i);
}

/*
** Only text says something without its end; thinking needs its signature, a call of the
** server's own its result.
*/
static int is_unfinished(const work *w, const cm_block *block) {
  if (block->kind == CM_BLOCK_THINKING && !cm_block_is_signed(block)) return 1;
  if (block->kind == CM_BLOCK_TOOL_USE) return 1;
  if (block->kind == CM_BLOCK_SERVER_TOOL &&
      !cm_pairs_has(&w->pairs, block, w->message->blocks.count))
    return 1;
  return !block->stopped && block->kind != CM_BLOCK_TEXT;
}

/* From the first one on: thinking behind a block that is missing would not go back either. */
static cm_status leave_out_unfinished(work *w) {
  cm_status status = CM_OK;
  int cut = 0;
  size_t i;

  for (i = 0; i < w->message->blocks.count && status == CM_OK; i++) {
    cut = cut || is_unfinished(w, block_at(w, i));
    if (cut) status = leave_out(w, i, CM_RULE_UNFINISHED);
  }
  return status;
}

/* Before a fallback */

static int is_lost_by_fallback(const work *w, size_t i, size_t end) {
  const cm_block *block = block_at(w, i);

  if (block->kind == CM_BLOCK_THINKING) return 1;
  return (cm_block_is_tool(block) || block->tool_use_id.len > 0) &&
         !cm_pairs_has(&w->pairs, block, end);
}

static cm_status leave_out_before_fallback(work *w) {
  size_t last = w->message->blocks.count, i;
  cm_status status = CM_OK;

  while (last > 0 && block_at(w, last - 1)->kind != CM_BLOCK_FALLBACK) last--;
  for (i = 0; i + 1 < last && status == CM_OK; i++)
    if (stays(w, i) && is_lost_by_fallback(w, i, last - 1))
      status = leave_out(w, i, CM_RULE_BEFORE_FALLBACK);
  return status;
}

/* Empty text, and the end of the turn */

static cm_status leave_out_empty_text(work *w) {
  cm_status status = CM_OK;
  size_t i;

  for (i = 0; i < w->message->blocks.count && status == CM_OK; i++)
    if (stays(w, i) && block_at(w, i)->kind == CM_BLOCK_TEXT &&
        cm_block_text(block_at(w, i)).len == 0)
      status = leave_out(w, i, CM_RULE_EMPTY_TEXT);
  return status;
}

/* Changes are told in the order of the blocks, though the end is looked at backwards. */
static cm_status leave_out_tail(work *w, int tools_too, cm_rule rule) {
  size_t tail = w->message->blocks.count, i;
  cm_status status = CM_OK;

  while (tail > 0) {
    const cm_block *block = block_at(w, tail - 1);
    if (stays(w, tail - 1) && block->kind != CM_BLOCK_THINKING &&
        !(tools_too && cm_block_is_tool(block)))
      break;
    tail--;
  }
  for (i = tail; i < w->message->blocks.count && status == CM_OK; i++)
    if (stays(w, i)) status = leave_out(w, i, rule);
  return status;
}

static cm_status leave_out_end(work *w) {
  if (w->message->stop == CM_STOP_CUT) return leave_out_tail(w, 1, CM_RULE_CUT_TAIL);
  return leave_out_tail(w, 0, CM_RULE_LAST_THINKING);
}

/* What has to be changed in the blocks that stay */

static int changes_bytes(cm_flaw flaw) {
  return flaw != CM_FLAW_NONE && flaw != CM_FLAW_UNKNOWN_DELTA;
}

static cm_rule rule_of(cm_flaw flaw) {
  switch (flaw) {
  case CM_FLAW_CUT_INPUT:
    return CM_RULE_CUT_INPUT;
  case CM_FLAW_INVALID_INPUT:
    return CM_RULE_INVALID_INPUT;
  case CM_FLAW_NOT_OBJECT:
    return CM_RULE_NOT_OBJECT;
  case CM_FLAW_LONE_SURROGATE:
    return CM_RULE_LONE_SURROGATE;
  default:
    return CM_RULE_UNKNOWN_DELTA;
  }
}

/* Behind the last thinking block that stays: from here on no signature covers anything. */
static size_t first_uncovered(const work *w) {
  size_t i = w->message->blocks.count;

  while (i > 0 && !(stays(w, i - 1) && block_at(w, i - 1)->kind == CM_BLOCK_THINKING)) i--;
  return i;
}

static cm_status note_flaws(work *w, int *unsealable) {
  size_t uncovered = first_uncovered(w), i;
  cm_status status = CM_OK;
  cm_flaw flaw;

  for (i = 0; i < w->message->blocks.count && status == CM_OK; i++) {
    if (!stays(w, i)) continue;
    status = cm_block_find_flaw(block_at(w, i), &flaw);
    if (status != CM_OK || flaw == CM_FLAW_NONE) continue;
    status = note(w->seal, rule_of(flaw), (int64_t)i);
    if (!changes_bytes(flaw)) continue;
    w->fates[i] = CHANGES;
    if (i < uncovered) *unsealable = 1;
  }
  return status;
}

/* CM_END: there is one, and it is noted. */
static cm_status find_repeated_id(work *w) {
  cm_status status;
  size_t i, block;
  int same_id, has_stayed = 0;

  for (i = 0; i < w->pairs.calls; i++) {
    block = cm_pairs_call(&w->pairs, i, &same_id);
    has_stayed = has_stayed && same_id;
    if (!stays(w, block)) continue;
    if (has_stayed) {
      status = note(w->seal, CM_RULE_REPEATED_ID, (int64_t)block);
      return status == CM_OK ? CM_END : status;
    }
    has_stayed = 1;
  }
  return CM_OK;
}

/* Writing */

static size_t staying(const work *w) {
  size_t i, count = 0;

  for (i = 0; i < w->message->blocks.count; i++) count += (size_t)stays(w, i);
  return count;
}

/* About how much will be written; a buffer that doubles until it is enough copies all of it. */
static size_t expected_size(const work *w) {
  size_t size = FRAME, i, part;

  for (i = 0; i < w->message->blocks.count; i++) {
    const cm_block *block = block_at(w, i);
    if (!stays(w, i)) continue;
    size += block->start.len + FRAME;
    for (part = 0; part < CM_PART_COUNT; part++) size += block->parts[part].len;
  }
  return size;
}

static cm_status write_turn(const work *w, cm_buffer *out) {
  cm_status status = cm_buffer_reserve(out, expected_size(w));
  size_t i, written = 0;

  if (status == CM_OK) status = cm_buffer_append_text(out, "{\"content\":[");
  for (i = 0; i < w->message->blocks.count && status == CM_OK; i++) {
    if (!stays(w, i)) continue;
    if (written++ > 0) status = cm_buffer_append_text(out, ",");
    /* Without a flaw it is valid to send as it came. */
    if (status == CM_OK) status = cm_block_render(block_at(w, i), w->fates[i] == CHANGES, out);
  }
  return status == CM_OK ? cm_buffer_append_text(out, "],\"role\":\"assistant\"}") : status;
}

static cm_status decide(work *w, int complete) {
  cm_status status = complete ? CM_OK : leave_out_unfinished(w);

  if (status == CM_OK) status = leave_out_before_fallback(w);
  if (status == CM_OK) status = leave_out_empty_text(w);
  return status == CM_OK ? leave_out_end(w) : status;
}

static cm_status seal_blocks(work *w, int complete) {
  int unsealable = 0;
  cm_status status = decide(w, complete);

  if (status == CM_OK) status = note_flaws(w, &unsealable);
  if (status != CM_OK) return status;
  if (staying(w) == 0) return note(w->seal, CM_RULE_EMPTY_CONTENT, -1);
  if (unsealable) return note(w->seal, CM_RULE_UNSEALABLE, -1);
  status = find_repeated_id(w);
  if (status != CM_OK) return status == CM_END ? CM_OK : status;
  return write_turn(w, &w->seal->bytes);
}

cm_status cm_seal_message(cm_seal *seal, const cm_message *message, cm_seal_mode mode) {
  int complete = cm_message_is_complete(message);
  size_t size = message->blocks.count ? message->blocks.count : 1;
  cm_status status;
  work w;

  if (!complete && mode == CM_SEAL_WHOLE) return note(seal, CM_RULE_INCOMPLETE, -1);
  if (message->stop == CM_STOP_REFUSAL) return note(seal, CM_RULE_REFUSAL, -1);
  w.seal = seal;
  w.message = message;
  w.fates = seal->alloc->resize(seal->alloc->ud, NULL, 0, size);
  if (!w.fates) return CM_ERR_NOMEM;
  memset(w.fates, STAYS, size);
  status = cm_pairs_init(&w.pairs, seal->alloc, message, complete);
  if (status == CM_OK) status = seal_blocks(&w, complete);
  cm_pairs_deinit(&w.pairs);
  seal->alloc->resize(seal->alloc->ud, w.fates, size, 0);
  return status;
}
