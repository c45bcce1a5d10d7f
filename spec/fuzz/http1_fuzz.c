/*
** http1_fuzz.c - the bytes of a connection as a whole and byte by byte: the same
** response, the same end, the same use of the connection. The first byte of the input
** chooses limits and how the connection ends; the rest is what it brings.
**
** Besides: whoever reads only what the decoder wants gets the same answer, and not a
** byte of what follows it.
*/
#include "fuzz.h"
#include "record.h"
#include "record_frame.h"

#include "core/http1.h"
#include "core/slice.h"

enum { SMALL_LIMITS = 1, BROKEN_OFF = 2, STAYS_OPEN = 4 };

static void note_headers(const cm_response *response, record *r) {
  cm_slice name, value;
  size_t position = 0;

  record_number(r, cm_response_status(response));
  while (cm_response_next_header(response, &position, &name, &value)) {
    record_bytes(r, name);
    record_bytes(r, value);
  }
}

static void note_failure(const cm_failure *failure, record *r) {
  record_number(r, failure->status);
  record_bytes(r, cm_slice_of(failure->text));
}

/* What the reader of a stream gets: all its frames. */
static void note_stream(cm_response *response, record *r) {
  cm_delivery delivery;
  cm_status status;

  while ((status = cm_response_next(response, &delivery)) == CM_OK) {
    record_number(r, delivery.kind);
    record_frame(r, response, &delivery);
    cm_response_taken(response);
  }
  record_number(r, status);
}

/* Of a body over the limit, more or less is kept: the last piece is refused as a whole. */
static void note_body(const cm_response *response, record *r) {
  if (cm_response_failure(response)->status == CM_ERR_LIMIT) return;
  record_bytes(r, cm_response_body(response));
  record_number(r, (int64_t)cm_response_unread(response));
}

static void note_response(cm_response *response, record *r) {
  record_number(r, cm_response_is_finished(response));
  note_headers(response, r);
  note_body(response, r);
  note_stream(response, r);
  note_failure(cm_response_failure(response), r);
}

static void note_decoder(const cm_http1 *http1, record *r) {
  record_number(r, cm_http1_is_done(http1));
  record_number(r, cm_http1_keeps_alive(http1));
  record_number(r, cm_http1_wants(http1));
  note_failure(cm_http1_failure(http1), r);
}

/* What must hold of any decoder at any time. */
static void check(const cm_http1 *http1, const cm_response *response) {
  int failed = cm_http1_failure(http1)->status != CM_OK;
  int done = cm_http1_is_done(http1);

  REQUIRE(!(failed && done));
  REQUIRE(!cm_http1_keeps_alive(http1) || done);
  REQUIRE((failed || done) == cm_response_is_finished(response));
  REQUIRE((cm_http1_wants(http1) == 0) == (failed || done));
}

static cm_response *start(cm_http1 *http1, unsigned how) {
  static const cm_response_limits small = { 64, 64, 128, 64 };
  cm_response *response = cm_response_new(&cm_libc_alloc, how & SMALL_LIMITS ? &small : NULL);

  REQUIRE(response);
  cm_http1_init(http1, &cm_libc_alloc, response);
  return response;
}

static void finish(cm_http1 *http1, cm_response *response, unsigned how, record *r) {
  note_decoder(http1, r);
  if (!(how & STAYS_OPEN)) {
    cm_http1_end(http1, how & BROKEN_OFF ? "connection reset" : NULL);
    REQUIRE(cm_response_is_finished(response));
    REQUIRE(!cm_http1_keeps_alive(http1) && cm_http1_wants(http1) == 0);
    note_decoder(http1, r);
  }
  note_response(response, r);
  cm_http1_deinit(http1);
  cm_response_release(response);
}

static void receive(cm_slice input, unsigned how, size_t step, record *r) {
  cm_http1 http1;
  cm_response *response = start(&http1, how);
  cm_status status = CM_OK;
  size_t at;

  for (at = 0; at < input.len; at += step) {
    cm_status next = cm_http1_feed(&http1, record_piece(input, at, step));
    REQUIRE(status == CM_OK || next == status); /* an error stays */
    status = next;
    REQUIRE(status == cm_http1_failure(&http1)->status);
    check(&http1, response);
  }
  finish(&http1, response, how, r);
}

/* The next line of input, with its end, or so many bytes. */
static size_t wanted_size(cm_slice rest, int64_t wanted) {
  const char *lf;

  if (wanted != CM_HTTP1_LINE) return (uint64_t)wanted < rest.len ? (size_t)wanted : rest.len;
  lf = memchr(rest.ptr, '\n', rest.len);
  return lf ? (size_t)(lf - rest.ptr) + 1 : rest.len;
}

/* Reads as a socket would that must be told how much; returns what it left. */
static size_t receive_what_is_wanted(cm_slice input, unsigned how, record *r) {
  cm_http1 http1;
  cm_response *response = start(&http1, how);
  size_t at = 0;

  while (cm_http1_wants(&http1) != 0 && at < input.len) {
    cm_slice piece = record_piece(input, at, input.len);
    piece.len = wanted_size(piece, cm_http1_wants(&http1));
    cm_http1_feed(&http1, piece);
    check(&http1, response);
    at += piece.len;
  }
  finish(&http1, response, how, r);
  return input.len - at;
}

/* The whole input, up to the end of the message, as if nothing came behind it. */
static void compare_wanted(cm_slice input, unsigned how) {
  record wanted, whole;
  size_t left;

  record_init(&wanted);
  record_init(&whole);
  left = receive_what_is_wanted(input, how, &wanted);
  input.len -= left;
  receive(input, how, input.len + 1, &whole);
  REQUIRE(record_equal(&wanted, &whole));
  record_deinit(&wanted);
  record_deinit(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  record whole, single;
  cm_slice input;

  if (size < 1) return 0;
  input = record_input(data + 1, size - 1);
  record_init(&whole);
  record_init(&single);
  receive(input, data[0], input.len + 1, &whole);
  receive(input, data[0], 1, &single);
  REQUIRE(record_equal(&whole, &single));
  record_deinit(&whole);
  record_deinit(&single);
  compare_wanted(input, data[0]);
  return 0;
}
