/*
** event.h - reads one frame's JSON into a typed event.
**
** Way in:  socket -> response -> sse -> [event] -> block, message -> Lua
**
** Knows the shapes of the API's events and not their order. Every frame is read
** strictly (RFC 8259, UTF-8), also the parts nothing looks at: what is handed on
** as raw JSON is valid JSON. Names and types may be spelled with escapes; of a
** name that occurs twice the last value counts.
*/
#ifndef CM_EVENT_H
#define CM_EVENT_H

#include <stdint.h>

#include "core/base.h"
#include "core/json_string.h"

typedef enum cm_event_kind {
  CM_EVENT_UNKNOWN = 0, /* a type this library does not know; raw says it all */
  CM_EVENT_MESSAGE_START,
  CM_EVENT_BLOCK_START,
  CM_EVENT_BLOCK_DELTA,
  CM_EVENT_BLOCK_STOP,
  CM_EVENT_MESSAGE_DELTA,
  CM_EVENT_MESSAGE_STOP,
  CM_EVENT_PING,
  CM_EVENT_ERROR
} cm_event_kind;

typedef enum cm_delta_kind {
  CM_DELTA_UNKNOWN = 0,
  CM_DELTA_TEXT,
  CM_DELTA_THINKING,
  CM_DELTA_SIGNATURE,
  CM_DELTA_INPUT_JSON,
  CM_DELTA_CITATION,
  CM_DELTA_COMPACTION
} cm_delta_kind;

/* All slices are parts of the text that was read. A slice that is absent has length 0. */
typedef struct cm_event {
  cm_event_kind kind;
  int64_t index;                  /* of the block, from 0; -1: the event has none */
  cm_slice raw;                   /* the whole text */
  cm_slice object;                /* message, content_block or delta: an object's text */
  cm_slice usage;                 /* message_delta: an object's text */
  cm_slice context_management;    /* message_delta: a value's text */
  cm_slice input_transformations; /* likewise */
  cm_delta_kind delta;            /* content_block_delta only, as are the following */
  cm_json_string text;            /* text, thinking, signature or partial_json */
  cm_slice value;                 /* signature with its quotes, citation, compaction's content */
  cm_slice encrypted;             /* compaction's encrypted_content */
} cm_event;

/* The kind that a frame's name says; CM_EVENT_UNKNOWN if it is none of those above. */
cm_event_kind cm_event_kind_of(cm_slice name);

/*
** Fills *event from one frame's data. named is what the frame's name says: the API says it
** twice, and a frame whose type is another was damaged on its way. Without a name that is
** known the type counts alone, and without a type the name.
**
**   CM_OK
**   CM_ERR_SYNTAX, CM_ERR_UTF8, CM_ERR_LIMIT  not strict JSON       } *failure says what
**   CM_ERR_PROTOCOL  a member the type needs is missing or another type,  } and where in
**                    or type and name contradict each other               } text
*/
cm_status cm_event_read(cm_event *event, cm_event_kind named, cm_slice text, cm_failure *failure);

/* What an error event, or an error body of the API, says. Absent members have length 0. */
typedef struct cm_api_error {
  cm_json_string type;
  cm_json_string message;
  cm_json_string request_id;
} cm_api_error;

/*
** Reads {"type":"error","error":{"type","message"},"request_id"} out of text, as
** far as it is that. Returns whether text is JSON with an object "error" in it.
*/
int cm_api_error_read(cm_api_error *error, cm_slice text);

#endif
