#include "core_reader.h"
#include <stdio.h>
#include <stdlib.h>

static void succeed(cm_status status) {
  if (status == CM_OK) return;
  fprintf(stderr, "the core says %d\n", (int)status);
  exit(1);
}

static void add(core_counts *counts, const cm_delivery *delivery) {
  switch (delivery->kind) {
  case CM_KIND_THINKING:
    counts->totals.thinking += delivery->text.len;
    break;
  case CM_KIND_TEXT:
    counts->totals.text += delivery->text.len;
    break;
  case CM_KIND_INPUT_JSON:
    counts->totals.input_json += delivery->text.len;
    break;
  case CM_KIND_SIGNATURE:
    counts->totals.signature += delivery->text.len;
    break;
  default:
    break;
  }
  counts->events++;
}

static void deliver(cm_response *response, core_counts *counts) {
  cm_delivery delivery;
  cm_status status;

  while ((status = cm_response_next(response, &delivery)) == CM_OK) {
    add(counts, &delivery);
    cm_response_taken(response);
  }
  if (status != CM_WANT_MORE && status != CM_END) succeed(status);
}

cm_response *core_reader_begin(void) {
  static const char STATUS[] = "HTTP/1.1 200 OK", TYPE[] = "content-type: text/event-stream";
  cm_response *response = cm_response_new(&cm_libc_alloc, NULL);

  if (!response) abort();
  succeed(cm_response_on_header(response, (cm_slice){ STATUS, sizeof STATUS - 1 }));
  succeed(cm_response_on_header(response, (cm_slice){ TYPE, sizeof TYPE - 1 }));
  return response;
}

void core_reader_take(cm_response *response, const char *bytes, size_t len, core_counts *counts) {
  succeed(cm_response_on_body(response, (cm_slice){ bytes, len }));
  deliver(response, counts);
}

void core_reader_end(cm_response *response, core_counts *counts) {
  cm_response_finish(response, CM_OK, NULL);
  deliver(response, counts);
  cm_response_release(response);
}

void core_reader_print(const core_counts *counts) {
  printf("\"pieces\":%zu,\"thinking\":%zu,\"text\":%zu,\"input_json\":%zu,\"signature\":%zu",
         counts->events, counts->totals.thinking, counts->totals.text, counts->totals.input_json,
         counts->totals.signature);
}
