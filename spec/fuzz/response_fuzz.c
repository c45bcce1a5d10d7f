/*
** response_fuzz.c - a response body as a whole, in pieces and byte by byte: the same
** deliveries, the same message, the same end. The first byte of the input chooses
** the kind of response; the rest is its body, or what its frames of deltas say.
**
** Once the short cuts for deltas (core/delta.h, core/ahead.h) are left aside, and each byte goes
** through sse, event and json_reader. As a whole and in pieces they are taken wherever they
** can be: so the two ways are held against each other.
**
** Besides: what was handed out of a text is what its block says in the end; a message that
** is rendered is JSON, and what is sealed may be sent.
*/
#include "fuzz.h"
#include "record.h"
#include "record_frame.h"

#include "core/json_reader.h"
#include "core/response.h"
#include "core/seal.h"
#include "core/slice.h"
#include "core/transcript.h"

enum { ANSWER = 1, REFUSAL = 2, BROKEN_OFF = 4, SMALL_LIMITS = 8, LINES = 16, EITHER_FORM = 32 };
enum { DELTAS = 64 };                 /* the input is told as deltas, see spell_stream */
enum { LONG_WAY = 256, PAIRS = 512 }; /* no short cuts; two pieces at once */
enum { JOINED = 1024 };               /* what goes on with a delta is asked for */
enum { PIECE = 150 };                 /* about a delta's frame: some are cut, and some are not */

/* The texts that were handed out, by their block's index, of the first blocks. */
enum { HEARD = 8, WAYS = 7 };

typedef struct heard {
  record texts[HEARD];
} heard;

static cm_response *start(unsigned how) {
  /* Of a body that is read as it comes the limit on it bounds what waits unread: that depends on
     the pieces. */
  static const cm_response_limits events = { 256, 0, 256, 256 }, answer = { 256, 512, 256, 256 },
                                  usual = { 0, 0, 0, 0 };
  const cm_response_limits *small =
      (how & (ANSWER | EITHER_FORM | LINES)) == ANSWER ? &answer : &events;
  cm_response *response = cm_response_new(&cm_libc_alloc, how & SMALL_LIMITS ? small : &usual);

  REQUIRE(response);
  if (how & LINES) cm_response_stream_body(response);
  if (how & EITHER_FORM) cm_response_expect_message(response);
  if (how & LONG_WAY) cm_response_take_no_short_cut(response);
  cm_response_on_header(response, cm_slice_of(how & REFUSAL ? "HTTP/1.1 400 Bad Request\r\n"
                                                            : "HTTP/1.1 200 OK\r\n"));
  cm_response_on_header(response,
                        cm_slice_of(how & ANSWER ? "content-type: application/json\r\n"
                                                 : "Content-Type: text/event-stream\r\n"));
  return response;
}

static void hear(heard *h, const cm_delivery *delivery) {
  if (delivery->kind != CM_KIND_TEXT || delivery->index < 0 || delivery->index >= HEARD) return;
  REQUIRE(cm_buffer_append(&h->texts[delivery->index].bytes, delivery->text) == CM_OK);
}

static void note_delivery(cm_response *response, const cm_delivery *delivery, record *r, heard *h) {
  record_number(r, delivery->kind);
  record_number(r, delivery->index);
  record_bytes(r, delivery->text);
  record_frame(r, response, delivery);
  hear(h, delivery);
}

/* The same where each delta is followed by those that go on with it, and nothing else comes to
   the message before it is told. */
static cm_status drain_joined(cm_response *response, record *r, heard *h) {
  const cm_message *message = cm_response_message(response);
  cm_delivery delivery;
  cm_status status;
  size_t kept;

  while ((status = cm_response_next(response, &delivery)) == CM_OK) {
    note_delivery(response, &delivery, r, h);
    cm_response_taken(response);
    if (delivery.kind != CM_KIND_TEXT && delivery.kind != CM_KIND_THINKING &&
        delivery.kind != CM_KIND_INPUT_JSON)
      continue;
    for (kept = message->kept; cm_response_go_on_joined(response, 0, &delivery) == CM_OK;
         kept = message->kept) {
      note_delivery(response, &delivery, r, h);
      cm_response_taken(response);
    }
    REQUIRE(message->kept == kept);
  }
  return status;
}

/* Reads all there is, looking at each delivery twice: only taken moves on. */
static cm_status drain(cm_response *response, record *r, heard *h) {
  cm_delivery first, again;
  cm_status status;

  while ((status = cm_response_next(response, &first)) == CM_OK) {
    note_delivery(response, &first, r, h);
    REQUIRE(cm_response_next(response, &again) == CM_OK);
    REQUIRE(again.kind == first.kind && again.index == first.index);
    cm_response_taken(response);
  }
  return status;
}

/* The same for the lines of a streamed body. */
static cm_status drain_lines(cm_response *response, record *r, heard *h) {
  cm_slice first, again;
  cm_status status;

  (void)h;
  while ((status = cm_response_next_line(response, &first)) == CM_OK) {
    record_bytes(r, first);
    REQUIRE(cm_response_next_line(response, &again) == CM_OK && again.ptr == first.ptr);
    cm_response_taken(response);
  }
  return status;
}

static void check_block_heard(const cm_block *block, const record *text) {
  record said;
  unsigned carry = 0;

  record_init(&said);
  REQUIRE(cm_json_string_unescape(cm_block_text(block), &carry, &said.bytes) == CM_OK);
  REQUIRE(cm_json_string_finish(&carry, &said.bytes) == CM_OK);
  REQUIRE(record_equal(&said, text));
  record_deinit(&said);
}

/* What a block's start holds already was not handed out, unless the message came whole. */
static void check_heard(const cm_message *message, const heard *h) {
  size_t i;

  for (i = 0; i < message->blocks.count; i++) {
    const cm_block *block = message->blocks.items[i];
    int is_text = block->kind == CM_BLOCK_TEXT && block->index < HEARD;
    if (is_text && (message->loaded || cm_block_initial(block, CM_PART_TEXT).len == 2))
      check_block_heard(block, &h->texts[block->index]);
  }
}

static void note_message(const cm_message *message, record *r) {
  cm_buffer out;
  cm_status status;

  cm_buffer_init(&out, &cm_libc_alloc, (size_t)1 << 26);
  status = cm_message_render(message, &out);
  if (status == CM_OK) REQUIRE(cm_json_check(cm_slice_in(&out), NULL) == CM_OK);
  record_number(r, status);
  record_bytes(r, cm_slice_in(&out));
  cm_buffer_deinit(&out);
}

static void note_seal(const cm_message *message, cm_seal_mode mode, record *r) {
  cm_seal seal;
  cm_failure failure;
  cm_role role;
  size_t i;

  cm_seal_init(&seal, &cm_libc_alloc, (size_t)1 << 26);
  REQUIRE(cm_seal_message(&seal, message, mode) == CM_OK);
  if (seal.bytes.len) {
    REQUIRE(cm_transcript_check(cm_slice_in(&seal.bytes), &role, &failure) == CM_OK);
    REQUIRE(role == CM_ROLE_ASSISTANT);
  }
  record_bytes(r, cm_slice_in(&seal.bytes));
  for (i = 0; i < seal.count; i++) {
    record_number(r, seal.changes[i].rule);
    record_number(r, seal.changes[i].index);
  }
  cm_seal_deinit(&seal);
}

static void note_end(cm_response *response, record *r) {
  const cm_failure *failure = cm_response_failure(response);
  const cm_message *message = cm_response_message(response);

  record_number(r, failure->status);
  /* Too long a line is noticed at its start if all of it is there, else on the way. */
  if (failure->status != CM_ERR_LIMIT) record_number(r, (int64_t)failure->offset);
  record_bytes(r, cm_slice_of(failure->text));
  record_number(r, cm_message_is_complete(message));
  note_message(message, r);
  note_seal(message, CM_SEAL_WHOLE, r);
  note_seal(message, CM_SEAL_KEEP, r);
}

/* A text, a thought and a call have started. */
static const char BEGINNING[] =
    "event: message_start\n"
    "data: {\"type\":\"message_start\",\"message\":{\"type\":\"message\",\"content\":[]}}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,"
    "\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,"
    "\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"b\",\"input\":{}}}\n\n";

static const char *const MEMBERS[] = { "text_delta\",\"text", "thinking_delta\",\"thinking",
                                       "input_json_delta\",\"partial_json", "other\",\"text" };

/* One delta in the API's spelling. how: two bits of its kind, one that moves its block, blanks;
   text is the inside of its string, right or wrong. */
static void spell_delta(record *stream, unsigned how, cm_slice text) {
  char head[160], tail[16];

  snprintf(head, sizeof head,
           "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%u,"
           "\"delta\":{\"type\":\"%s\":\"",
           (how & 3) ^ (how >> 2 & 1), MEMBERS[how & 3]);
  snprintf(tail, sizeof tail, "\"}%*s}\n\n", (int)(how >> 3 & 7), "");
  REQUIRE(cm_buffer_append_text(&stream->bytes, head) == CM_OK);
  REQUIRE(cm_buffer_append(&stream->bytes, text) == CM_OK);
  REQUIRE(cm_buffer_append_text(&stream->bytes, tail) == CM_OK);
}

/* A delta of each part of input that ends in a byte 0xFF, which no text has, or at its end; the
   part's first byte says which. */
static void spell_stream(record *stream, cm_slice input) {
  const char *pos = input.ptr, *end = input.ptr + input.len, *next;
  cm_slice text;

  REQUIRE(cm_buffer_append_text(&stream->bytes, BEGINNING) == CM_OK);
  for (; pos < end; pos = next + 1) {
    next = memchr(pos, 0xFF, (size_t)(end - pos));
    if (!next) next = end;
    if (next == pos) continue;
    text.ptr = pos + 1;
    text.len = (size_t)(next - text.ptr);
    spell_delta(stream, (unsigned char)*pos, text);
  }
}

static void receive(cm_slice body, unsigned how, size_t step, record *r) {
  cm_response *response = start(how);
  cm_status (*drained)(cm_response *, record *, heard *) = how & LINES    ? drain_lines
                                                           : how & JOINED ? drain_joined
                                                                          : drain;
  cm_status status = CM_WANT_MORE;
  size_t at, i;
  heard h;

  for (i = 0; i < HEARD; i++) record_init(&h.texts[i]);
  for (at = 0; at < body.len && status == CM_WANT_MORE; at += step) {
    if (cm_response_on_body(response, record_piece(body, at, step)) != CM_OK) break;
    if (how & PAIRS && at / step % 2 == 0) continue;
    status = drained(response, r, &h);
  }
  if (how & BROKEN_OFF)
    cm_response_finish(response, CM_ERR_TRANSPORT, "the connection was lost");
  else
    cm_response_finish(response, CM_OK, "");
  record_number(r, drained(response, r, &h));
  note_end(response, r);
  if (!(how & LINES) && cm_response_failure(response)->status != CM_ERR_LIMIT)
    check_heard(cm_response_message(response), &h);
  for (i = 0; i < HEARD; i++) record_deinit(&h.texts[i]);
  cm_response_release(response);
}

static void compare_ways_to_receive(cm_slice body, unsigned how) {
  record ways[WAYS];
  size_t whole = body.len ? body.len : 1, i;

  for (i = 0; i < WAYS; i++) record_init(&ways[i]);
  receive(body, how | LONG_WAY, 1, &ways[0]);
  receive(body, how, whole, &ways[1]);
  receive(body, how, PIECE, &ways[2]);
  receive(body, how | PAIRS, PIECE, &ways[3]);
  receive(body, how, 1, &ways[4]);
  receive(body, how | JOINED, whole, &ways[5]);
  receive(body, how | JOINED | PAIRS, PIECE, &ways[6]);
  for (i = 1; i < WAYS; i++) REQUIRE(record_equal(&ways[0], &ways[i]));
  for (i = 0; i < WAYS; i++) record_deinit(&ways[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  record stream;
  cm_slice body;

  if (size < 1) return 0;
  body = record_input(data + 1, size - 1);
  record_init(&stream);
  if (data[0] & DELTAS) {
    spell_stream(&stream, body);
    body = cm_slice_in(&stream.bytes);
  }
  compare_ways_to_receive(body, data[0]);
  record_deinit(&stream);
  return 0;
}
