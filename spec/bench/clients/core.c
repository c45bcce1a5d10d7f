/*
** core.c - the core alone: a stream from memory, cut as reads cut it, becomes typed events.
**
** No Lua and no libcurl is in it. Prints what the texts come to and the nanoseconds of CPU for each
** event, as JSON.
**
**   core EVENTS REPEATS PIECE-BYTES
*/
#include "core/response.h"
#include "../event_stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct counts {
  size_t events;
  event_stream_totals totals;
} counts;

static double cpu_seconds(void) {
  struct timespec now;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(cm_status status) {
  if (status == CM_OK) return;
  fprintf(stderr, "the core says %d\n", (int)status);
  exit(1);
}

static void add(counts *c, const cm_delivery *delivery) {
  switch (delivery->kind) {
  case CM_KIND_THINKING:
    c->totals.thinking += delivery->text.len;
    break;
  case CM_KIND_TEXT:
    c->totals.text += delivery->text.len;
    break;
  case CM_KIND_INPUT_JSON:
    c->totals.input_json += delivery->text.len;
    break;
  case CM_KIND_SIGNATURE:
    c->totals.signature += delivery->text.len;
    break;
  default:
    break;
  }
  c->events++;
}

static void deliver(cm_response *response, counts *c) {
  cm_delivery delivery;
  cm_status status;

  while ((status = cm_response_next(response, &delivery)) == CM_OK) {
    add(c, &delivery);
    cm_response_taken(response);
  }
  if (status != CM_WANT_MORE && status != CM_END) must(status);
}

static void read_once(const event_stream *stream, size_t piece, counts *c) {
  cm_response *response = cm_response_new(&cm_libc_alloc, NULL);
  static const char STATUS[] = "HTTP/1.1 200 OK", TYPE[] = "content-type: text/event-stream";
  size_t at;

  if (!response) abort();
  must(cm_response_on_header(response, (cm_slice){ STATUS, sizeof STATUS - 1 }));
  must(cm_response_on_header(response, (cm_slice){ TYPE, sizeof TYPE - 1 }));
  for (at = 0; at < stream->len; at += piece) {
    size_t length = stream->len - at < piece ? stream->len - at : piece;

    must(cm_response_on_body(response, (cm_slice){ stream->bytes + at, length }));
    deliver(response, c);
  }
  cm_response_finish(response, CM_OK, NULL);
  deliver(response, c);
  cm_response_release(response);
}

int main(int argc, char **argv) {
  event_stream_plan plan = { 0 };
  event_stream stream;
  counts c = { 0 };
  long i, repeats;
  double began;

  if (argc != 4) return 2;
  plan.events = strtoul(argv[1], NULL, 10);
  plan.delta_bytes = 32;
  repeats = atol(argv[2]);
  event_stream_make(&stream, &plan);
  began = cpu_seconds();
  for (i = 0; i < repeats; i++) read_once(&stream, strtoul(argv[3], NULL, 10), &c);
  printf("{\"pieces\":%zu,\"ns_per_event\":%.2f,\"thinking\":%zu,\"text\":%zu,"
         "\"input_json\":%zu,\"signature\":%zu}\n",
         c.events, c.events ? (cpu_seconds() - began) * 1e9 / (double)c.events : 0,
         c.totals.thinking, c.totals.text, c.totals.input_json, c.totals.signature);
  event_stream_drop(&stream);
  return 0;
}
