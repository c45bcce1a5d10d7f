/*
** message.h - puts a reply together from its events, or takes a whole one apart.
**
** Way in:  ... sse -> event -> block in [message] -> response -> Lua
**
** Knows the order of events and which block each belongs to; nothing of HTTP.
** usage is what the last event said of each number: totals, never added up.
*/
#ifndef CM_MESSAGE_H
#define CM_MESSAGE_H

#include "core/base.h"
#include "core/blocks.h"
#include "core/buffer.h"
#include "core/delta.h"
#include "core/event.h"
#include "core/splice.h"

/* What a reader is told of an event. */
typedef enum cm_kind {
  CM_KIND_MESSAGE_START,
  CM_KIND_BLOCK_START,
  CM_KIND_TEXT,
  CM_KIND_THINKING,
  CM_KIND_SIGNATURE,
  CM_KIND_INPUT_JSON,
  CM_KIND_CITATION,
  CM_KIND_COMPACTION,
  CM_KIND_BLOCK_STOP,
  CM_KIND_MESSAGE_DELTA,
  CM_KIND_MESSAGE_STOP,
  CM_KIND_PING,
  CM_KIND_UNKNOWN,
  CM_KIND_COUNT
} cm_kind;

/*
** text: what a delta says, unescaped; the block's type for block_start and
** block_stop; raw JSON for citation, compaction and unknown; else
** empty. Borrowed from the event or the message until the next event.
*/
typedef struct cm_delivery {
  cm_kind kind;
  cm_slice text;
  int64_t index; /* -1: belongs to no block */
} cm_delivery;

typedef enum cm_stop {
  CM_STOP_NONE = 0, /* no stop_reason yet, or null */
  CM_STOP_CUT,      /* max_tokens, model_context_window_exceeded */
  CM_STOP_REFUSAL,
  CM_STOP_OTHER /* end_turn, tool_use, … and those not known yet */
} cm_stop;

cm_kind cm_kind_of_delta(cm_delta_kind delta);

/* Embed by value. Read freely; write only through these functions. */
typedef struct cm_message {
  const cm_alloc *alloc;
  size_t ceiling; /* of all bytes kept together */
  size_t kept;
  cm_buffer start;  /* the message object as it came first */
  cm_overlay top;   /* members that later events have set */
  cm_overlay usage; /* likewise, of usage */
  cm_blocks blocks;
  size_t flushed;    /* blocks before have no half character left to tell */
  cm_buffer scratch; /* the text of a delta that had escapes */
  cm_stop stop;
  int started;      /* message_start came */
  int ended;        /* message_stop came, or the message was loaded whole */
  int broken;       /* reading has failed: what is here is not all */
  int loaded;       /* start is the whole message */
  size_t open_talk; /* text and tool blocks started and not stopped */
} cm_message;

void cm_message_init(cm_message *message, const cm_alloc *alloc, size_t ceiling);
void cm_message_deinit(cm_message *message);

/*
** Takes one event; *delivery says what to tell the reader. Events before
** message_start and deltas that fit no member of their block are told as unknown
** and change nothing else (the block is marked). Call cm_message_flush before
** block_stop and message_stop until it says CM_END. Not for error events, nor after
** message_stop.
**
**   CM_OK
**   CM_ERR_PROTOCOL  an order that loses something: a second message_start, a block
**                    started twice, a delta for a block that has not started or has
**                    stopped  } *failure says which
**   CM_ERR_LIMIT     the ceiling, or more than CM_BLOCKS_MAX
**   CM_ERR_NOMEM
*/
cm_status cm_message_take(cm_message *message, const cm_event *event, cm_delivery *delivery,
                          cm_failure *failure);

/*
** The short cut of cm_message_take for one more delta to the block that the last one was for:
** does and says the same. Returns 0, and the message is as it was, if the delta has to be taken
** the long way.
*/
static inline int cm_message_continue(cm_message *message, const cm_delta *delta,
                                      cm_delivery *delivery) {
  cm_block *block = message->blocks.latest;
  cm_slice text;

  if (!block || block->index != delta->index) return 0;
  if (delta->text.body.len > message->ceiling - message->kept) return 0;
  text = cm_block_continue(block, delta, &message->scratch);
  if (!text.ptr) return 0;
  delivery->text = text;
  message->kept += delta->text.body.len;
  message->flushed = 0;
  delivery->kind = delta->kind == CM_DELTA_TEXT       ? CM_KIND_TEXT
                   : delta->kind == CM_DELTA_THINKING ? CM_KIND_THINKING
                                                      : CM_KIND_INPUT_JSON;
  delivery->index = delta->index;
  return 1;
}

/*
** What half a character at the end of a block's text turns into when nothing
** follows. index < 0 looks at all blocks. CM_OK with *delivery, CM_END when there is
** nothing (more), CM_ERR_NOMEM.
*/
cm_status cm_message_flush(cm_message *message, int64_t index, cm_delivery *delivery);

/*
** Takes a whole message apart, text being strict JSON. CM_END if it is not an
** object with "type":"message" (or without a type and with "role":"assistant") and
** an array "content" of objects.
**
** After CM_OK, where nothing stands before the object, its memory is start's and text is
** empty: messages may be large. What stood behind the object is still there, behind start.
** After anything else text has what it had, and must stay as long as the message.
*/
cm_status cm_message_load(cm_message *message, cm_buffer *text);

/* Nothing more can be read, for good: the message will not be complete. */
void cm_message_break(cm_message *message);

/*
** Whether this is all there is to come: message_stop, or a stop_reason and every
** block that was started has stopped. Not if reading has failed before message_stop.
*/
int cm_message_is_complete(const cm_message *message);

/* The raw value of a member of the first object; length 0 if it has none. Borrowed. */
cm_slice cm_message_member(const cm_message *message, const char *name);

/* The string stop_reason, as it stands now; an empty body if null. Borrowed. */
cm_json_string cm_message_stop_reason(const cm_message *message);

/*
** Appends the message so far, complete or not, as its exact bytes: the first
** object with what came later put in. CM_OK, CM_END before message_start,
** CM_ERR_NOMEM, CM_ERR_LIMIT.
*/
cm_status cm_message_render(const cm_message *message, cm_buffer *out);

/* The same without its blocks, content being []: for who wants to know the usage. */
cm_status cm_message_render_head(const cm_message *message, cm_buffer *out);

/* An object of those of its members that say what it used: id, model, usage, and
   input_transformations. For each reply that is read to its end, hence no more than that. */
cm_status cm_message_render_account(const cm_message *message, cm_buffer *out);

#endif
