#include "core/response.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "core/seal.h"
#include "exact.h"
#include "failing_alloc.h"

void response_tests(void);

static const char stream[] =
    "event: message_start\n"
    "data: "
    "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"content\":[],"
    "\"stop_reason\":null,\"usage\":{\"input_tokens\":1}}}\n\n"
    "event: content_block_start\n"
    "data: "
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"te\\u0078t\","
    "\"text\":\"\"}}\n\n"
    "event: content_block_delta\n"
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
    "\"text\":\"a\\n\\ud83d\"}}\n\n"
    "event: ping\ndata: {\"type\":\"ping\"}\n\n"
    "event: content_block_delta\n"
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"citations_delta\","
    "\"citation\":{\"c\":1}}}\n\n"
    "event: content_block_stop\n"
    "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
    "event: content_block_start\n"
    "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\","
    "\"id\":\"t\",\"name\":\"n\",\"input\":{}}}\n\n"
    "event: content_block_delta\n"
    "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\","
    "\"partial_json\":\"{\\\"a\\\":[1,\"}}\n\n"
    "event: content_block_stop\n"
    "data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
    "event: message_delta\n"
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"new\":1},"
    "\"usage\":{\"output_tokens\":9}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

static const char message_text[] =
    "{\"id\":\"m\",\"type\":\"message\",\"content\":["
    "{\"type\":\"te\\u0078t\",\"text\":\"a\\n\\ud83d\",\"citations\":[{\"c\":1}]},"
    "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{\"a\":[1]}}],"
    "\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":1,\"output_tokens\":9},\"new\":1}";

static const char turn_text[] =
    "{\"content\":["
    "{\"type\":\"te\\u0078t\",\"text\":\"a\\n\\ufffd\",\"citations\":[{\"c\":1}]},"
    "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{\"INVALID_JSON\":\"{\\\"a\\\":["
    "1,\"}}"
    "],\"role\":\"assistant\"}";

static cm_slice slice(const char *text) {
  cm_slice s;
  s.ptr = text;
  s.len = strlen(text);
  return s;
}

/* The same without names: their lines become comments. */
static const char *unnamed_stream(void) {
  static char text[sizeof stream];
  char *at;

  memcpy(text, stream, sizeof stream);
  for (at = strstr(text, "event: "); at; at = strstr(at, "event: ")) *at = ':';
  return text;
}

static cm_status write_all(cm_response *r, const char *bytes, size_t step) {
  size_t from, len = sizeof stream - 1;
  cm_status status = cm_response_on_header(r, slice("HTTP/1.1 200 OK\r\n"));
  cm_slice piece;

  if (status == CM_OK)
    status = cm_response_on_header(r, slice("Content-Type: Text/Event-Stream\r\n"));
  for (from = 0; from < len && status == CM_OK; from += step) {
    piece = exact_copy(bytes + from, len - from < step ? len - from : step);
    status = cm_response_on_body(r, piece);
    exact_free(piece);
  }
  cm_response_finish(r, CM_OK, NULL);
  return status;
}

static cm_status read_all(cm_response *r, unsigned *kinds) {
  cm_delivery delivery;
  cm_status status;

  *kinds = 0;
  while ((status = cm_response_next(r, &delivery)) == CM_OK) {
    *kinds |= 1u << delivery.kind;
    cm_response_taken(r);
  }
  return status;
}

static cm_status check_texts(cm_response *r, const cm_alloc *alloc) {
  cm_buffer out;
  cm_seal seal;
  cm_status status;

  cm_buffer_init(&out, alloc, 10000);
  cm_seal_init(&seal, alloc, 10000);
  status = cm_message_render(cm_response_message(r), &out);
  if (status == CM_OK) {
    CHECK(exact_equal((cm_slice){ out.ptr, out.len }, message_text));
    status = cm_seal_message(&seal, cm_response_message(r), CM_SEAL_WHOLE);
  }
  if (status == CM_OK) {
    CHECK(exact_equal((cm_slice){ seal.bytes.ptr, seal.bytes.len }, turn_text));
    CHECK(seal.count == 2 && seal.changes[0].rule == CM_RULE_LONE_SURROGATE);
  }
  cm_buffer_deinit(&out);
  cm_seal_deinit(&seal);
  return status;
}

static cm_status run(const cm_alloc *alloc, const char *bytes, size_t step) {
  cm_response *r = cm_response_new(alloc, NULL);
  unsigned kinds = 0;
  cm_status status;

  if (!r) return CM_ERR_NOMEM;
  status = write_all(r, bytes, step);
  if (status == CM_OK) status = read_all(r, &kinds);
  if (status == CM_END) {
    CHECK(kinds ==
          ((1u << CM_KIND_COUNT) - 1) - (1u << CM_KIND_THINKING | 1u << CM_KIND_SIGNATURE |
                                         1u << CM_KIND_COMPACTION | 1u << CM_KIND_UNKNOWN));
    status = check_texts(r, alloc);
  } else {
    CHECK(cm_response_failure(r)->status == status);
    CHECK(read_all(r, &kinds) == status && cm_response_on_body(r, slice("x")) == status);
  }
  cm_response_release(r);
  return status;
}

static void survives_every_failing_allocation(const char *bytes) {
  size_t allowed, step;
  failing_alloc books;
  cm_alloc alloc;
  cm_status status;

  for (step = 1; step < sizeof stream; step = step * 7 + 1) {
    for (allowed = 0;; allowed++) {
      alloc = failing_alloc_over(&books, allowed);
      status = run(&alloc, bytes, step);
      CHECK(status == (books.failed ? CM_ERR_NOMEM : CM_OK));
      CHECK(books.blocks == 0 && books.live_bytes == 0);
      if (!books.failed) break;
    }
  }
}

static cm_status run_plain(const cm_alloc *alloc) {
  cm_response *r = cm_response_new(alloc, NULL);
  unsigned kinds = 0;
  cm_status status;

  if (!r) return CM_ERR_NOMEM;
  status = cm_response_on_header(r, slice("content-type: application/json"));
  if (status == CM_OK) status = cm_response_on_body(r, slice(message_text));
  cm_response_finish(r, CM_OK, NULL);
  if (status == CM_OK) status = read_all(r, &kinds);
  CHECK(status == (cm_response_failure(r)->status == CM_OK ? CM_END : CM_ERR_NOMEM));
  CHECK(status != CM_END ||
        kinds == (1u << CM_KIND_MESSAGE_START | 1u << CM_KIND_BLOCK_START | 1u << CM_KIND_TEXT |
                  1u << CM_KIND_INPUT_JSON | 1u << CM_KIND_BLOCK_STOP |
                  1u << CM_KIND_MESSAGE_DELTA | 1u << CM_KIND_MESSAGE_STOP));
  cm_response_release(r);
  return status;
}

static void a_whole_message_survives_every_failing_allocation(void) {
  size_t allowed;
  failing_alloc books;
  cm_alloc alloc;

  for (allowed = 0;; allowed++) {
    alloc = failing_alloc_over(&books, allowed);
    CHECK(run_plain(&alloc) == (books.failed ? CM_ERR_NOMEM : CM_END));
    CHECK(books.blocks == 0 && books.live_bytes == 0);
    if (!books.failed) break;
  }
}

/* What next has given stays where it is while more bytes arrive: on Lua 5.1 pushing it may
   run a finalizer that drives the connections. */
static void a_delivery_outlives_a_growing_queue(void) {
  cm_response *r = cm_response_new(&cm_libc_alloc, NULL);
  cm_delivery delivery, before;
  cm_slice frame;
  size_t i;

  CHECK(cm_response_on_body(r, slice("event: x\ndata: {\"type\":\"news\"}\n\nevent: ping")) ==
        CM_OK);
  CHECK(cm_response_next(r, &delivery) == CM_OK && delivery.kind == CM_KIND_UNKNOWN);
  before = delivery;
  for (i = 0; i < 5000; i++) CHECK(cm_response_on_body(r, slice(": a comment\n")) == CM_OK);
  CHECK(exact_equal(before.text, "{\"type\":\"news\"}"));
  CHECK(cm_response_unread(r) == 5000 * 12 + strlen("event: ping"));
  CHECK(cm_response_next(r, &delivery) == CM_OK); /* the same again: it was not taken */
  CHECK(delivery.text.ptr == before.text.ptr);
  CHECK(exact_equal(delivery.text, "{\"type\":\"news\"}"));
  CHECK(cm_response_frame(r, &frame) == CM_OK && exact_equal(frame, "{\"type\":\"news\"}"));
  cm_response_taken(r);
  CHECK(cm_response_next(r, &delivery) == CM_WANT_MORE && cm_response_unread(r) == 0);
  cm_response_release(r);
}

static void a_reference_keeps_it_alive(void) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_response *r = cm_response_new(&alloc, NULL);

  CHECK(cm_response_retain(r) == r);
  cm_response_release(r);
  CHECK(books.blocks == 1 && cm_response_status(r) == 0);
  cm_response_release(r);
  CHECK(books.blocks == 0);
  cm_response_release(NULL);
}

static void counts_frames_and_open_talk_for_the_limits_on_silence(void) {
  static const char start[] =
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[]}}\n\n"
      "event: ping\ndata: {}\n\n"
      "event: content_block_start\n"
      "data: "
      "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\"}}\n\n";
  static const char unnamed_ping[] = "data: {\"type\":\"ping\"}\n\n";
  static const char stop[] =
      "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
  cm_response *r = cm_response_new(&cm_libc_alloc, NULL);
  unsigned kinds = 0;

  CHECK(cm_response_on_body(r, slice(start)) == CM_OK);
  CHECK(cm_response_unread(r) == sizeof start - 1 && cm_response_content_count(r) == 0);
  CHECK(read_all(r, &kinds) == CM_WANT_MORE);
  CHECK(cm_response_content_count(r) == 2 && cm_response_in_text_or_tool(r));
  CHECK(cm_response_on_body(r, slice(stop)) == CM_OK && read_all(r, &kinds) == CM_WANT_MORE);
  CHECK(cm_response_content_count(r) == 3 && !cm_response_in_text_or_tool(r));
  CHECK(cm_response_on_body(r, slice(unnamed_ping)) == CM_OK);
  CHECK(read_all(r, &kinds) == CM_WANT_MORE && cm_response_content_count(r) == 3);
  cm_response_release(r);
}

/* Two lines and the rest as bytes, with bytes that come while a line is held. */
static cm_status run_streamed(const cm_alloc *alloc) {
  cm_response *r = cm_response_new(alloc, NULL);
  cm_slice piece = { "", 0 };
  cm_status status;

  if (!r) return CM_ERR_NOMEM;
  cm_response_stream_body(r);
  status = cm_response_on_header(r, slice("HTTP/1.1 200 OK"));
  if (status == CM_OK) status = cm_response_on_body(r, slice("one\r\ntw"));
  if (status == CM_OK) status = cm_response_next_line(r, &piece);
  CHECK(status != CM_OK || exact_equal(piece, "one"));
  if (status == CM_OK) status = cm_response_on_body(r, slice("o\nthree"));
  if (status == CM_OK) {
    CHECK(exact_equal(piece, "one"));
    CHECK(cm_response_next_line(r, &piece) == CM_OK && exact_equal(piece, "one"));
    cm_response_taken(r);
    status = cm_response_next_line(r, &piece);
  }
  CHECK(status != CM_OK || exact_equal(piece, "two"));
  cm_response_taken(r);
  cm_response_finish(r, CM_OK, NULL);
  if (status == CM_OK) status = cm_response_next_bytes(r, 2, &piece);
  CHECK(status != CM_OK || exact_equal(piece, "th"));
  cm_response_taken(r);
  if (status == CM_OK) status = cm_response_next_line(r, &piece);
  CHECK(status != CM_OK || exact_equal(piece, "ree"));
  cm_response_taken(r);
  if (status == CM_OK) status = cm_response_next_line(r, &piece);
  cm_response_release(r);
  return status;
}

static void a_streamed_body_survives_every_failing_allocation(void) {
  size_t allowed;
  failing_alloc books;
  cm_alloc alloc;

  for (allowed = 0;; allowed++) {
    alloc = failing_alloc_over(&books, allowed);
    CHECK(run_streamed(&alloc) == (books.failed ? CM_ERR_NOMEM : CM_END));
    CHECK(books.blocks == 0 && books.live_bytes == 0);
    if (!books.failed) break;
  }
}

void response_tests(void) {
  survives_every_failing_allocation(stream);
  survives_every_failing_allocation(unnamed_stream());
  a_whole_message_survives_every_failing_allocation();
  a_streamed_body_survives_every_failing_allocation();
  a_delivery_outlives_a_growing_queue();
  a_reference_keeps_it_alive();
  counts_frames_and_open_talk_for_the_limits_on_silence();
}
