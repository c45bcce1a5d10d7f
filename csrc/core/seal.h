/*
** seal.h - what a reply adds to the conversation: the bytes that go back to the
** API, and a list of what had to be left out or changed.
**
** Way in, its end:  ... message -> [seal] -> bind_response -> conversation
**
** doc/imperfect-replies.md is the table of the rules, row by row. Everything that
** is sealed is valid to send: strict JSON, no half of a surrogate pair, tool input an
** object, no empty text, no thinking at the end.
*/
#ifndef CM_SEAL_H
#define CM_SEAL_H

#include "core/base.h"
#include "core/buffer.h"
#include "core/message.h"

typedef enum cm_rule {
  CM_RULE_INCOMPLETE,    /* the reply is not whole: it adds nothing */
  CM_RULE_REFUSAL,       /* it adds nothing */
  CM_RULE_EMPTY_CONTENT, /* nothing is left to add */
  CM_RULE_UNSEALABLE,    /* a change would be needed where a signature covers: it adds nothing */
  CM_RULE_REPEATED_ID,   /* two tool calls have one id, which the API takes of nobody: nothing */
  CM_RULE_CUT_TAIL,      /* thinking and tools behind the last other block, left out */
  CM_RULE_LAST_THINKING, /* thinking at the end of a whole reply, left out */
  CM_RULE_UNFINISHED, /* of a broken reply: from the first block that did not finish on, left out */
  CM_RULE_EMPTY_TEXT, /* left out */
  CM_RULE_BEFORE_FALLBACK, /* thinking or unpaired tool before the last fallback, left out */
  CM_RULE_INVALID_INPUT,   /* tool input that is not JSON, put in as {"INVALID_JSON":…} */
  CM_RULE_CUT_INPUT,       /* tool input that ends too early, likewise */
  CM_RULE_NOT_OBJECT,      /* tool input that is no object, likewise */
  CM_RULE_LONE_SURROGATE,  /* half of a pair, replaced by U+FFFD */
  CM_RULE_UNKNOWN_DELTA    /* nothing changed, but what this library could not place is missing */
} cm_rule;

typedef struct cm_change {
  cm_rule rule;
  int64_t index; /* position of the block in the message's content, from 0; -1: the whole */
} cm_change;

typedef enum cm_seal_mode {
  CM_SEAL_WHOLE, /* only a complete message adds anything */
  CM_SEAL_KEEP   /* of an incomplete one: finished blocks and cut text, up to a tool call */
} cm_seal_mode;

/* Embed by value. Read freely. */
typedef struct cm_seal {
  const cm_alloc *alloc;
  cm_buffer bytes;    /* {"content":[…],"role":"assistant"}, or empty: it adds nothing */
  cm_change *changes; /* what was left out, then what was changed */
  size_t count;
  size_t capacity;
} cm_seal;

void cm_seal_init(cm_seal *seal, const cm_alloc *alloc, size_t max_bytes);
void cm_seal_deinit(cm_seal *seal);

/* Once per init. CM_OK, also if nothing is added; CM_ERR_NOMEM, CM_ERR_LIMIT. */
cm_status cm_seal_message(cm_seal *seal, const cm_message *message, cm_seal_mode mode);

/* The name of a rule, and one sentence about it. */
const char *cm_rule_name(cm_rule rule);
const char *cm_rule_text(cm_rule rule);

#endif
