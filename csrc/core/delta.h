/*
** delta.h - the deltas that make up nearly all of a stream, in the one spelling
** that the API uses for them.
**
** Way in:  ... response -> ahead, which asks [delta], or sse -> event, which does -> message
**
** A short cut: says the same as reading the JSON member by member, for less.
*/
#ifndef CM_DELTA_H
#define CM_DELTA_H

#include <stdint.h>
#include <string.h>

#include "core/base.h"
#include "core/event.h"
#include "core/json_scan.h"

/* The longest beginning of a delta's frame: what is spelled, and an index. */
enum { CM_DELTA_HEAD_MAX = 160 };

/* What a delta of text, thinking or tool input says. Its slices are parts of what was read. */
typedef struct cm_delta {
  cm_delta_kind kind;
  int64_t index;       /* of the block */
  cm_json_string text; /* if it is escaped, that is valid JSON only if it can be unescaped */
  size_t readable;     /* bytes of the input from text on */
} cm_delta;

/*
** How the last delta's frame of a stream began, up to its string: the next begins the same
** nearly always. Embed by value, all zeros to begin with; private to delta.c.
*/
typedef struct cm_delta_head {
  size_t length; /* 0: none yet */
  cm_delta_kind kind;
  int64_t index;
  char bytes[CM_DELTA_HEAD_MAX];
} cm_delta_head;

/* Whether input begins as the last frame did, up to its string. */
static inline int cm_delta_repeats(const cm_delta_head *head, cm_slice input) {
  return input.len >= head->length && memcmp(input.ptr, head->bytes, head->length) == 0;
}

/*
** Whether a frame of server-sent events that says a delta of text, thinking or tool input, spelled
** exactly as the API does, may begin input: then head says how. 0 says nothing about the input but
** that it has to be read the long way.
*/
int cm_delta_begins(cm_delta_head *head, cm_slice input);

/*
** Fills *delta, if the rest of the frame that begins input as head says is strict JSON in UTF-8.
** Returns how many bytes of input the frame is, its empty line too; or 0, as above.
*/
size_t cm_delta_read_frame(const cm_delta_head *head, cm_delta *delta, cm_slice input);

/*
** Goes over the end of a frame, of which that many bytes may be read, from behind its string's
** quote on. The API pads its frames with blanks, so that their length tells nothing. Returns what
** is behind, or NULL.
*/
static inline const char *cm_delta_skip_end(const char *pos, const char *end) {
  if (end - pos < 4 || pos[0] != '}') return NULL;
  pos = cm_json_skip_blanks(pos + 1, end);
  return end - pos >= 3 && pos[0] == '}' && pos[1] == '\n' && pos[2] == '\n' ? pos + 3 : NULL;
}

/* Whether input, which holds no whole frame, may be the beginning of one that the above reads. */
int cm_delta_may_begin(cm_slice input);

/* The same for the data of a frame. Fills *event, which is all zeros, or returns 0. */
int cm_delta_read(cm_event *event, cm_slice text);

#endif
