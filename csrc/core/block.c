#include "core/block.h"

#include <string.h>

#include "core/json_reader.h"
#include "core/object.h"
#include "core/repair.h"
#include "core/slice.h"
#include "core/splice.h"

static const char *const PART_NAMES[CM_PART_COUNT] = {
  "text", "thinking", "signature", "input", "citations", "content", "encrypted_content"
};

static const cm_slice NOTHING = { "", 0 };

/* Between the brackets or quotes of a value. */
static cm_slice inside(cm_slice value) {
  value.ptr++;
  value.len -= 2;
  return value;
}

/* Reading the start */

static int ends_in(cm_slice s, const char *tail) {
  size_t n = strlen(tail);
  return s.len >= n && memcmp(s.ptr + s.len - n, tail, n) == 0;
}

static cm_block_kind kind_of(cm_slice type) {
  if (cm_slice_is(type, "text")) return CM_BLOCK_TEXT;
  if (cm_slice_is(type, "thinking") || cm_slice_is(type, "redacted_thinking"))
    return CM_BLOCK_THINKING;
  if (cm_slice_is(type, "tool_use")) return CM_BLOCK_TOOL_USE;
  if (cm_slice_is(type, "fallback")) return CM_BLOCK_FALLBACK;
  if (cm_slice_is(type, "compaction")) return CM_BLOCK_COMPACTION;
  return ends_in(type, "tool_use") ? CM_BLOCK_SERVER_TOOL : CM_BLOCK_OTHER;
}

static cm_status spell_out(cm_block *block) {
  unsigned carry = 0;
  cm_status status;

  if (!memchr(block->type.ptr, '\\', block->type.len)) return CM_OK;
  status = cm_json_string_unescape(block->type, &carry, &block->spelled);
  if (status == CM_OK) status = cm_json_string_finish(&carry, &block->spelled);
  block->type = cm_slice_in(&block->spelled);
  return status;
}

static void take_member(cm_block *block, cm_json_string key, cm_slice value) {
  size_t i;

  if (cm_object_says(key, "type"))
    block->type = cm_object_is_string(value) ? inside(value) : NOTHING;
  if (cm_object_says(key, "id")) block->id = value;
  if (cm_object_says(key, "tool_use_id")) block->tool_use_id = value;
  if (cm_object_says(key, "to")) block->target = value;
  for (i = 0; i < CM_PART_COUNT; i++)
    if (cm_object_says(key, PART_NAMES[i])) block->initial[i] = value;
}

static cm_status read_start(cm_block *block) {
  cm_status status;
  cm_json_reader reader;
  cm_json_string key;
  cm_slice value;

  cm_json_reader_init(&reader, block->start, CM_JSON_MAX_DEPTH);
  cm_json_reader_begin_object(&reader);
  while (cm_json_reader_next_member(&reader, &key) == CM_OK)
    if (cm_json_reader_read_value(&reader, &value) == CM_OK) take_member(block, key, value);
  status = spell_out(block);
  block->kind = kind_of(block->type);
  return status;
}

static void make_empty(cm_block *block, const cm_alloc *alloc, int64_t index) {
  size_t i;

  memset(block, 0, sizeof *block);
  block->index = index;
  block->type = block->start = NOTHING;
  cm_buffer_init(&block->copy, alloc, (size_t)-1);
  cm_buffer_init(&block->spelled, alloc, (size_t)-1);
  for (i = 0; i < CM_PART_COUNT; i++) cm_buffer_init(&block->parts[i], alloc, (size_t)-1);
}

cm_status cm_block_init(cm_block *block, const cm_alloc *alloc, int64_t index, cm_slice start) {
  cm_status status;

  make_empty(block, alloc, index);
  status = cm_buffer_append(&block->copy, start);
  block->start = cm_slice_in(&block->copy);
  return status == CM_OK ? read_start(block) : status;
}

cm_status cm_block_init_within(cm_block *block, const cm_alloc *alloc, int64_t index,
                               cm_slice start) {
  make_empty(block, alloc, index);
  block->start = start;
  return read_start(block);
}

void cm_block_deinit(cm_block *block) {
  size_t i;

  cm_buffer_deinit(&block->copy);
  cm_buffer_deinit(&block->spelled);
  for (i = 0; i < CM_PART_COUNT; i++) cm_buffer_deinit(&block->parts[i]);
}

/* Adding deltas */

static int has_given(const cm_block *block, int part) {
  return (block->given >> part & 1) != 0;
}

static int has_initial(const cm_block *block, int part) {
  return block->initial[part].len > 0;
}

int cm_block_is_tool(const cm_block *block) {
  return block->kind == CM_BLOCK_TOOL_USE || block->kind == CM_BLOCK_SERVER_TOOL;
}

int cm_block_accepts(const cm_block *block, const cm_event *delta) {
  switch (delta->delta) {
  case CM_DELTA_TEXT:
    return block->kind == CM_BLOCK_TEXT || cm_object_is_string(block->initial[CM_PART_TEXT]);
  case CM_DELTA_THINKING:
    return cm_object_is_string(block->initial[CM_PART_THINKING]) ||
           cm_slice_is(block->type, "thinking");
  case CM_DELTA_SIGNATURE:
    return has_initial(block, CM_PART_SIGNATURE) || cm_slice_is(block->type, "thinking");
  case CM_DELTA_INPUT_JSON:
    return cm_block_is_tool(block);
  case CM_DELTA_CITATION:
    return block->kind == CM_BLOCK_TEXT || has_initial(block, CM_PART_CITATIONS);
  case CM_DELTA_COMPACTION:
    return block->kind == CM_BLOCK_COMPACTION;
  default:
    return 0;
  }
}

static cm_status unescape(cm_json_string string, unsigned *carry, cm_buffer *scratch,
                          cm_slice *text) {
  cm_status status;

  *text = string.body;
  if (!string.escaped && !*carry) return CM_OK;
  cm_buffer_clear(scratch);
  status = string.body.len ? cm_json_string_unescape(string.body, carry, scratch) : CM_OK;
  *text = cm_slice_in(scratch);
  return status;
}

static cm_status replace(cm_block *block, int part, cm_slice value) {
  block->given |= 1u << part;
  cm_buffer_clear(&block->parts[part]);
  return cm_buffer_append(&block->parts[part], value);
}

/* The start's own text comes first; a half character at its end counts too. */
static cm_status begin_text(cm_block *block, int part, cm_buffer *scratch) {
  cm_slice initial = block->initial[part];
  cm_status status;

  if (has_given(block, part)) return CM_OK;
  if (!cm_object_is_string(initial)) return replace(block, part, NOTHING);
  status = replace(block, part, inside(initial));
  cm_buffer_clear(scratch);
  if (status != CM_OK || initial.len == 2) return status;
  return cm_json_string_unescape(inside(initial), &block->carry[part], scratch);
}

static cm_status add_text(cm_block *block, int part, const cm_event *delta, cm_buffer *scratch,
                          cm_slice *text) {
  cm_status status = begin_text(block, part, scratch);

  if (status == CM_OK) status = cm_buffer_append(&block->parts[part], delta->text.body);
  if (status != CM_OK) return status;
  return unescape(delta->text, &block->carry[part], scratch, text);
}

/* Empty fragments give no input: they often come first and may be all there is. */
static cm_status add_input(cm_block *block, const cm_event *delta, cm_buffer *scratch,
                           cm_slice *text) {
  cm_status status = unescape(delta->text, &block->carry[CM_PART_INPUT], scratch, text);

  if (status != CM_OK) return status;
  if (delta->text.body.len) block->given |= 1u << CM_PART_INPUT;
  return cm_buffer_append(&block->parts[CM_PART_INPUT], *text);
}

/* What the start's list holds; nothing of one that has only blanks in it, or is none. */
static cm_slice initial_citations(const cm_block *block) {
  cm_slice list = block->initial[CM_PART_CITATIONS];

  if (list.len < 2 || list.ptr[0] != '[') return NOTHING;
  list = inside(list);
  while (list.len && memchr(" \t\r\n", list.ptr[0], 4)) list.ptr++, list.len--;
  return list;
}

static cm_status add_citation(cm_block *block, const cm_event *delta) {
  cm_buffer *list = &block->parts[CM_PART_CITATIONS];
  int first = !has_given(block, CM_PART_CITATIONS);
  cm_status status = CM_OK;

  if (first) status = replace(block, CM_PART_CITATIONS, initial_citations(block));
  block->given |= 1u << CM_PART_CITATIONS;
  if (status == CM_OK && list->len) status = cm_buffer_append(list, cm_slice_of(","));
  return status == CM_OK ? cm_buffer_append(list, delta->value) : status;
}

static cm_status add_compaction(cm_block *block, const cm_event *delta) {
  cm_status status = CM_OK;

  if (delta->value.len) status = replace(block, CM_PART_CONTENT, delta->value);
  if (status == CM_OK && delta->encrypted.len)
    status = replace(block, CM_PART_ENCRYPTED, delta->encrypted);
  return status;
}

cm_status cm_block_add(cm_block *block, const cm_event *delta, cm_buffer *scratch, cm_slice *text) {
  unsigned none = 0;
  cm_status status;

  switch (delta->delta) {
  case CM_DELTA_TEXT:
    return add_text(block, CM_PART_TEXT, delta, scratch, text);
  case CM_DELTA_THINKING:
    return add_text(block, CM_PART_THINKING, delta, scratch, text);
  case CM_DELTA_INPUT_JSON:
    return add_input(block, delta, scratch, text);
  case CM_DELTA_SIGNATURE:
    status = replace(block, CM_PART_SIGNATURE, delta->value);
    return status == CM_OK ? unescape(delta->text, &none, scratch, text) : status;
  case CM_DELTA_CITATION:
    *text = delta->value;
    return add_citation(block, delta);
  default:
    *text = delta->object;
    return add_compaction(block, delta);
  }
}

static int continue_text(cm_buffer *part, unsigned *carry, const cm_delta *delta,
                         cm_buffer *scratch, cm_slice *text) {
  cm_slice body = delta->text.body;

  if (cm_buffer_reserve(part, body.len) != CM_OK) return 0;
  cm_buffer_clear(scratch);
  if (cm_json_string_unescape(body, carry, scratch) != CM_OK) return 0;
  *text = cm_slice_in(scratch);
  return cm_buffer_append_among(part, body, delta->readable) == CM_OK; /* there is room */
}

static int continue_input(cm_buffer *input, unsigned *carry, cm_slice body, cm_slice *text) {
  size_t before = input->len;

  if (cm_json_string_unescape(body, carry, input) != CM_OK) {
    input->len = before;
    return 0;
  }
  text->ptr = input->ptr + before;
  text->len = input->len - before;
  return 1;
}

cm_slice cm_block_continue_escaped(cm_block *block, int part, const cm_delta *delta,
                                   cm_buffer *scratch) {
  cm_buffer *kept = &block->parts[part];
  unsigned carry = 0;
  cm_slice text = { NULL, 0 };
  int added = part == CM_PART_INPUT ? continue_input(kept, &carry, delta->text.body, &text)
                                    : continue_text(kept, &carry, delta, scratch, &text);

  if (added)
    block->carry[part] = carry;
  else
    text.ptr = NULL;
  return text;
}

cm_status cm_block_flush(cm_block *block, cm_delta_kind *delta, cm_slice *text) {
  static const cm_delta_kind deltas[CM_PART_COUNT] = { [CM_PART_TEXT] = CM_DELTA_TEXT,
                                                       [CM_PART_THINKING] = CM_DELTA_THINKING,
                                                       [CM_PART_INPUT] = CM_DELTA_INPUT_JSON };
  int part = 0;

  while (part < CM_PART_COUNT && !block->carry[part]) part++;
  if (part == CM_PART_COUNT) return CM_END;
  block->carry[part] = 0;
  *delta = deltas[part];
  *text = cm_slice_of("\xEF\xBF\xBD");
  /* Text keeps the escape that came; input is kept unescaped. */
  return part == CM_PART_INPUT ? cm_buffer_append(&block->parts[part], *text) : CM_OK;
}

void cm_block_stop(cm_block *block) {
  size_t i;

  block->stopped = 1;
  for (i = 0; i < CM_PART_COUNT; i++) cm_buffer_trim(&block->parts[i]);
}

/* What has come of it */

cm_slice cm_block_input(const cm_block *block) {
  return cm_block_part(block, CM_PART_INPUT);
}

cm_slice cm_block_text(const cm_block *block) {
  if (has_given(block, CM_PART_TEXT)) return cm_block_part(block, CM_PART_TEXT);
  return cm_object_is_string(block->initial[CM_PART_TEXT]) ? inside(block->initial[CM_PART_TEXT])
                                                           : NOTHING;
}

cm_slice cm_block_initial(const cm_block *block, int part) {
  return block->initial[part];
}

int cm_block_is_silent(const cm_block *block) {
  cm_slice initial = block->initial[CM_PART_THINKING];

  if (!cm_slice_is(block->type, "thinking")) return 0;
  if (has_given(block, CM_PART_THINKING)) return block->parts[CM_PART_THINKING].len == 0;
  return cm_object_is_string(initial) && initial.len == 2;
}

int cm_block_is_signed(const cm_block *block) {
  cm_slice signature = has_given(block, CM_PART_SIGNATURE) ? cm_block_part(block, CM_PART_SIGNATURE)
                                                           : block->initial[CM_PART_SIGNATURE];

  if (cm_slice_is(block->type, "redacted_thinking")) return 1;
  return signature.len > 0 && !cm_slice_is(signature, "\"\"") && !cm_slice_is(signature, "null");
}

/* Null, and nothing at all, stand for an empty input. */
static int is_null(cm_slice value) {
  return value.len == 0 || value.ptr[0] == 'n';
}

static cm_status judge_input(const cm_block *block, cm_input_state *state) {
  cm_slice initial = block->initial[CM_PART_INPUT];

  *state = CM_INPUT_OBJECT;
  if (!cm_block_is_tool(block)) return CM_OK;
  if (has_given(block, CM_PART_INPUT))
    return cm_repair_judge(cm_block_input(block), block->copy.alloc, state);
  if (!is_null(initial) && initial.ptr[0] != '{') *state = CM_INPUT_OTHER_VALUE;
  return CM_OK;
}

/* Whether deltas have given a new value for the member that value belongs to. */
static int is_superseded(const cm_block *block, cm_slice value) {
  int i;

  for (i = 0; i < CM_PART_COUNT; i++)
    if (has_given(block, i) && block->initial[i].ptr == value.ptr) return 1;
  return 0;
}

static int start_has_lone_surrogate(const cm_block *block) {
  cm_json_reader reader;
  cm_json_string key;
  cm_slice value;

  if (!cm_json_string_has_lone_surrogate(block->start)) return 0;
  cm_json_reader_init(&reader, block->start, CM_JSON_MAX_DEPTH);
  cm_json_reader_begin_object(&reader);
  while (cm_json_reader_next_member(&reader, &key) == CM_OK) {
    if (cm_json_string_has_lone_surrogate(key.body)) return 1;
    if (cm_json_reader_read_value(&reader, &value) != CM_OK) return 1;
    if (!is_superseded(block, value) && cm_json_string_has_lone_surrogate(value)) return 1;
  }
  return 0;
}

static int has_lone_surrogate(const cm_block *block) {
  int i;

  for (i = 0; i < CM_PART_COUNT; i++)
    if (has_given(block, i) && cm_json_string_has_lone_surrogate(cm_block_part(block, i))) return 1;
  return start_has_lone_surrogate(block);
}

static cm_flaw flaw_of(cm_input_state state) {
  switch (state) {
  case CM_INPUT_CUT:
    return CM_FLAW_CUT_INPUT;
  case CM_INPUT_INVALID:
    return CM_FLAW_INVALID_INPUT;
  case CM_INPUT_OTHER_VALUE:
    return CM_FLAW_NOT_OBJECT;
  default:
    return CM_FLAW_NONE;
  }
}

cm_status cm_block_find_flaw(const cm_block *block, cm_flaw *flaw) {
  cm_input_state state;
  cm_status status = judge_input(block, &state);

  *flaw = flaw_of(state);
  if (status != CM_OK || *flaw != CM_FLAW_NONE) return status;
  if (has_lone_surrogate(block))
    *flaw = CM_FLAW_LONE_SURROGATE;
  else if (block->unplaced)
    *flaw = CM_FLAW_UNKNOWN_DELTA;
  return CM_OK;
}

/* Exact bytes */

typedef struct rendering {
  cm_member members[CM_PART_COUNT];
  size_t count;
  cm_buffer made; /* input that had to be put in another form */
} rendering;

static void put_member(rendering *r, int part, const char *head, cm_slice body, const char *tail) {
  cm_member *member = &r->members[r->count++];

  cm_member_set(member, PART_NAMES[part], body);
  member->head = cm_slice_of(head);
  member->tail = cm_slice_of(tail);
}

static void put_part(rendering *r, const cm_block *block, int part) {
  cm_slice body = cm_block_part(block, part);

  if (!has_given(block, part)) return;
  if (part == CM_PART_TEXT || part == CM_PART_THINKING)
    put_member(r, part, "\"", body, "\"");
  else if (part == CM_PART_CITATIONS)
    put_member(r, part, "[", body, "]");
  else
    put_member(r, part, "", body, "");
}

/* Blanks before an input that is still to come are no input yet. */
static int is_still_blank(const cm_block *block, cm_slice input) {
  size_t i = 0;

  while (i < input.len && memchr(" \n\r\t", input.ptr[i], 4)) i++;
  return !block->stopped && i == input.len;
}

static cm_status put_input(rendering *r, const cm_block *block, int strict) {
  int given = has_given(block, CM_PART_INPUT);
  cm_slice initial = block->initial[CM_PART_INPUT];
  cm_slice input = given ? cm_block_input(block) : initial;
  cm_input_state state;
  cm_status status = judge_input(block, &state);

  if (status != CM_OK) return status;
  if (given && !strict && is_still_blank(block, input)) {
    input = cm_slice_of("{}");
  } else if (state == CM_INPUT_INVALID || (state != CM_INPUT_OBJECT && strict)) {
    status = cm_repair_wrap(input, &r->made);
    input = cm_slice_in(&r->made);
  } else if (state == CM_INPUT_CUT) {
    status = cm_repair_close(input, &r->made);
    input = cm_slice_in(&r->made);
  } else if (!given && is_null(initial)) {
    if (initial.len == 0 && block->kind != CM_BLOCK_TOOL_USE) return CM_OK;
    input = cm_slice_of("{}");
  }
  put_member(r, CM_PART_INPUT, "", input, "");
  return status;
}

static cm_status put_parts(rendering *r, const cm_block *block, int strict) {
  cm_status status = CM_OK;
  int i;

  for (i = 0; i < CM_PART_COUNT && status == CM_OK; i++) {
    if (i == CM_PART_INPUT && cm_block_is_tool(block))
      status = put_input(r, block, strict);
    else
      put_part(r, block, i);
  }
  return status;
}

static cm_status render_strict(const cm_block *block, const rendering *r, cm_buffer *out) {
  cm_buffer whole;
  cm_status status;

  cm_buffer_init(&whole, out->alloc, out->limit);
  status = cm_splice(block->start, r->members, r->count, &whole);
  if (status == CM_OK) status = cm_repair_halves(cm_slice_in(&whole), out);
  cm_buffer_deinit(&whole);
  return status;
}

cm_status cm_block_render(const cm_block *block, int strict, cm_buffer *out) {
  rendering r;
  cm_status status;

  memset(&r, 0, sizeof r);
  cm_buffer_init(&r.made, out->alloc, out->limit);
  status = put_parts(&r, block, strict);
  if (status == CM_OK && strict)
    status = render_strict(block, &r, out);
  else if (status == CM_OK)
    status = cm_splice(block->start, r.members, r.count, out);
  cm_buffer_deinit(&r.made);
  return status;
}
