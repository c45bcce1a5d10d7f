/*
** block.h - one content block of a reply: its start as it came, and what its
** deltas added.
**
** Way in:  ... sse -> event -> [block] in message -> response -> Lua
**
** Text and thinking are kept as the wire's own escaped bytes: the fragments one
** after the other are the inside of the finished JSON string. Tool input is kept
** unescaped: its fragments are JSON text. Knows nothing of other blocks.
*/
#ifndef CM_BLOCK_H
#define CM_BLOCK_H

#include <stdint.h>

#include "core/base.h"
#include "core/buffer.h"
#include "core/delta.h"
#include "core/event.h"

typedef enum cm_block_kind {
  CM_BLOCK_OTHER = 0,
  CM_BLOCK_TEXT,
  CM_BLOCK_THINKING,    /* thinking and redacted_thinking */
  CM_BLOCK_TOOL_USE,    /* tool_use: ours to run */
  CM_BLOCK_SERVER_TOOL, /* any other type that ends in tool_use */
  CM_BLOCK_FALLBACK,
  CM_BLOCK_COMPACTION
} cm_block_kind;

/* What is wrong with a block, the worst first. */
typedef enum cm_flaw {
  CM_FLAW_NONE = 0,
  CM_FLAW_CUT_INPUT,      /* tool input that ends too early */
  CM_FLAW_INVALID_INPUT,  /* tool input that is not JSON */
  CM_FLAW_NOT_OBJECT,     /* tool input that is JSON, but no object */
  CM_FLAW_LONE_SURROGATE, /* an escape for half a character somewhere in it */
  CM_FLAW_UNKNOWN_DELTA   /* a delta that this library could not place was left out */
} cm_flaw;

/* What deltas add to: each replaces, or adds, the member of that name. */
enum {
  CM_PART_TEXT,      /* inside of a JSON string */
  CM_PART_THINKING,  /* likewise */
  CM_PART_SIGNATURE, /* a value's text */
  CM_PART_INPUT,     /* a value's text, if it is valid */
  CM_PART_CITATIONS, /* values' texts with commas between them */
  CM_PART_CONTENT,   /* a value's text */
  CM_PART_ENCRYPTED, /* likewise */
  CM_PART_COUNT
};

/* Read freely what is not marked private; write only through these functions. */
typedef struct cm_block {
  int64_t index; /* on the wire */
  cm_block_kind kind;
  cm_slice type; /* plain: a slice of start or of spelled */
  cm_slice id;   /* raw value, as is the next */
  cm_slice tool_use_id;
  cm_slice target;                 /* fallback: the raw "to" */
  cm_slice start;                  /* the object of content_block_start */
  cm_buffer copy;                  /* private: where start lies, unless it is the owner's */
  cm_buffer spelled;               /* private: the type, if it was written with escapes */
  int stopped;                     /* its content_block_stop came */
  int unplaced;                    /* deltas that were left out */
  cm_slice initial[CM_PART_COUNT]; /* private: raw values in start */
  cm_buffer parts[CM_PART_COUNT];  /* private */
  unsigned given;                  /* private: a bit per part that deltas have given */
  unsigned carry[CM_PART_COUNT];   /* private: half a character at the end of what came */
  size_t ahead;                    /* bytes at the end of a part that nobody has been told of */
  int ahead_part;                  /* which part that is; both are for core/ahead.h to set */
} cm_block;

/* Copies start, a valid object. CM_OK or CM_ERR_NOMEM; deinit is safe after both. */
cm_status cm_block_init(cm_block *block, const cm_alloc *alloc, int64_t index, cm_slice start);

/* The same without a copy: start must stay as long as the block. */
cm_status cm_block_init_within(cm_block *block, const cm_alloc *alloc, int64_t index,
                               cm_slice start);
void cm_block_deinit(cm_block *block);

/* Whether it is a call, of ours or of the server's. */
int cm_block_is_tool(const cm_block *block);

/* Whether this block has a place for what the delta brings. */
int cm_block_accepts(const cm_block *block, const cm_event *delta);

/*
** Adds a delta that the block accepts. *text is what it says, unescaped: a slice of
** the event if it has no escapes, else of scratch, which is cleared first.
** CM_OK, CM_ERR_NOMEM, CM_ERR_LIMIT.
*/
cm_status cm_block_add(cm_block *block, const cm_event *delta, cm_buffer *scratch, cm_slice *text);

/* Nothing more comes, but perhaps a flush: it holds no room behind what it has. */
void cm_block_stop(cm_block *block);

/* The part that a delta of text, thinking or tool input adds to. */
static inline int cm_block_part_of(cm_delta_kind kind) {
  return kind == CM_DELTA_TEXT       ? CM_PART_TEXT
         : kind == CM_DELTA_THINKING ? CM_PART_THINKING
                                     : CM_PART_INPUT;
}

/* What deltas have added to a part, as far as the reader has been told. Never a null pointer. */
static inline cm_slice cm_block_part(const cm_block *block, int part) {
  cm_slice bytes = { block->parts[part].len ? block->parts[part].ptr : "", block->parts[part].len };

  if (part == block->ahead_part) bytes.len -= block->ahead;
  return bytes;
}

/* Private to continue. */
cm_slice cm_block_continue_escaped(cm_block *block, int part, const cm_delta *delta,
                                   cm_buffer *scratch);

/*
** The short cut of cm_block_add for a delta to what earlier ones have begun: does the same and
** returns what cm_block_add says, maybe as a slice of the block, borrowed until it changes. Its ptr
** is NULL, and the block as it was, if the delta has to be added the long way.
*/
static inline cm_slice cm_block_continue(cm_block *block, const cm_delta *delta,
                                         cm_buffer *scratch) {
  static const cm_slice none = { NULL, 0 };
  int part = cm_block_part_of(delta->kind);

  if (block->stopped || !(block->given >> part & 1) || block->carry[part]) return none;
  if (delta->text.escaped) return cm_block_continue_escaped(block, part, delta, scratch);
  if (cm_buffer_append_among(&block->parts[part], delta->text.body, delta->readable) != CM_OK)
    return none;
  return delta->text.body;
}

/*
** Gives what a half character at the end of the text so far turns into now that
** nothing follows; call until it returns 0. *delta is the part it belongs to.
** CM_OK with *text, CM_END when there is none (any more), CM_ERR_NOMEM, CM_ERR_LIMIT.
*/
cm_status cm_block_flush(cm_block *block, cm_delta_kind *delta, cm_slice *text);

/* The tool input as it was sent, complete or not, valid or not; length 0 if none was. */
cm_slice cm_block_input(const cm_block *block);

/* The string value of the text member so far, escaped, or an empty slice. */
cm_slice cm_block_text(const cm_block *block);

/* The raw value that the member of a part has in start; length 0 if it has none. */
cm_slice cm_block_initial(const cm_block *block, int part);

/* Whether it is a thinking block whose text is empty so far; redacted thinking has none to tell. */
int cm_block_is_silent(const cm_block *block);

/* Whether a thinking block has what makes it valid to send back. */
int cm_block_is_signed(const cm_block *block);

/* Looks at everything; meant for finished blocks. CM_OK with *flaw, or CM_ERR_NOMEM. */
cm_status cm_block_find_flaw(const cm_block *block, cm_flaw *flaw);

/*
** Appends the block's exact bytes to out. Tool input that is not valid JSON has to
** be told in another way: what is complete of it, if it was cut ({} while only blanks
** came); else, and always if strict, {"INVALID_JSON":"<what came>"}. strict also
** replaces halves of surrogate pairs by U+FFFD and input that is no object. CM_OK,
** CM_ERR_NOMEM, CM_ERR_LIMIT.
*/
cm_status cm_block_render(const cm_block *block, int strict, cm_buffer *out);

#endif
