/*
** core.c - the core alone: a stream from memory, cut as reads cut it, becomes typed events.
**
** No Lua and no libcurl is in it. Prints what the texts come to and the nanoseconds of CPU for each
** event, as JSON.
**
**   core EVENTS REPEATS PIECE-BYTES
*/
#include "core_reader.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_seconds(void) {
  struct timespec now;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void read_once(const event_stream *stream, size_t piece, core_counts *counts) {
  cm_response *response = core_reader_begin();
  size_t at;

  for (at = 0; at < stream->len; at += piece) {
    size_t length = stream->len - at < piece ? stream->len - at : piece;

    core_reader_take(response, stream->bytes + at, length, counts);
  }
  core_reader_end(response, counts);
}

int main(int argc, char **argv) {
  event_stream_plan plan = { 0 };
  event_stream stream;
  core_counts counts = { 0 };
  long i, repeats;
  double began;

  if (argc != 4) return 2;
  plan.events = strtoul(argv[1], NULL, 10);
  plan.delta_bytes = 32;
  repeats = atol(argv[2]);
  event_stream_make(&stream, &plan);
  began = cpu_seconds();
  for (i = 0; i < repeats; i++) read_once(&stream, strtoul(argv[3], NULL, 10), &counts);
  printf("{\"ns_per_event\":%.2f,",
         counts.events ? (cpu_seconds() - began) * 1e9 / (double)counts.events : 0);
  core_reader_print(&counts);
  puts("}");
  event_stream_drop(&stream);
  return 0;
}
