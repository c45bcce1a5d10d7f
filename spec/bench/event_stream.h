/*
** event_stream.h - the replies that are measured: made up, but the same ones every time.
**
** A reply thinks, answers and calls a tool, in as many events as are asked for. Seven of ten
** deltas are thinking, two are text and one is input of the tool; their texts are words, some of
** them with characters that JSON escapes and some in UTF-8, and as many spaces as chance says
** stand before an event's last brace, as in the real API's.
**
** event_stream_make() fills the stream; it aborts where memory runs out, as there would be nothing
** to measure. event_stream_drop() frees it.
*/
#ifndef BENCH_EVENT_STREAM_H
#define BENCH_EVENT_STREAM_H
#include <stddef.h>

enum { STAMP_DIGITS = 19, LEAST_EVENTS = 16 };

typedef struct event_stream_plan {
  size_t events;      /* all of them; at least LEAST_EVENTS */
  size_t delta_bytes; /* of a delta's text, more or less */
  int stamped;        /* texts of thinking and text begin with "@", STAMP_DIGITS zeros and "@" */
  int tool_only;      /* every delta but one is input of the tool */
} event_stream_plan;

/* Of the texts, as who decodes them must count them: bytes. Of all of them, as JSON spells them. */
typedef struct event_stream_totals {
  size_t thinking, text, input_json, signature;
  size_t spelled;
} event_stream_totals;

typedef struct event_stream {
  char *bytes;
  size_t len, room;
  size_t count;   /* events */
  size_t *ends;   /* where in the bytes each ends */
  size_t *stamps; /* where in the bytes its digits are; 0: it has none */
  event_stream_totals totals;
} event_stream;

void event_stream_make(event_stream *stream, const event_stream_plan *plan);
void event_stream_drop(event_stream *stream);

#endif
