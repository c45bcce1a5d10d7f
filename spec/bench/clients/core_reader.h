/*
** core_reader.h - a stream through the core: each delivery is counted and taken.
**
** What the core does not take ends the program: there is nothing to measure then.
*/
#ifndef BENCH_CORE_READER_H
#define BENCH_CORE_READER_H
#include "../event_stream.h"
#include "core/response.h"

typedef struct core_counts {
  size_t events;
  event_stream_totals totals; /* spelled stays 0 */
} core_counts;

/* A response whose headers have come. */
cm_response *core_reader_begin(void);
void core_reader_take(cm_response *response, const char *bytes, size_t len, core_counts *counts);

/* Releases the response, whose stream is whole. */
void core_reader_end(cm_response *response, core_counts *counts);

/* Members of a line of JSON. */
void core_reader_print(const core_counts *counts);

#endif
