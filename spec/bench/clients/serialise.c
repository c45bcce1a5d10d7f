/*
** serialise.c - the bytes of a conversation's requests, by the core alone: what serialise.lua does,
** without Lua.
**
** A turn writes the block of a tool's result and the message around it, checks that message, adds
** it to the transcript, makes the list of slices that libcurl would read, and seals the reply.
** Prints as JSON the CPU seconds after 10, 50, 100, 200 and 400 turns in all, and the bytes of all
** requests (`made`).
**
**   serialise TURNS RESULT-BYTES
*/
#include "core/json_writer.h"
#include "core/seal.h"
#include "core/slice.h"
#include "core/transcript.h"
#include "core_reader.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WARM = 3 /* turns */, REPLY_EVENTS = 40, REPLY_DELTA = 128 /* as the row asks for */ };

static const char LINE[] = "a line of text with \"quotes\"\n"; /* clients/conversation.lua */

static double cpu_seconds(void) {
  struct timespec now;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void succeed(cm_status status) {
  if (status != CM_OK) abort();
}

static void make_result(cm_buffer *text, size_t least) {
  cm_buffer_init(text, &cm_libc_alloc, (size_t)-1);
  while (text->len < least) succeed(cm_buffer_append_text(text, LINE));
}

static void write_member(cm_json_writer *writer, const char *key, cm_slice text) {
  cm_json_writer_key(writer, cm_slice_of(key));
  cm_json_writer_string(writer, text);
}

static void write_message(cm_buffer *out, cm_slice result) {
  cm_json_writer writer;

  cm_json_writer_init(&writer, out);
  cm_json_writer_begin_object(&writer);
  cm_json_writer_key(&writer, cm_slice_of("content"));
  cm_json_writer_begin_array(&writer);
  cm_json_writer_begin_object(&writer);
  write_member(&writer, "content", result);
  write_member(&writer, "tool_use_id", cm_slice_of("toolu_01BenchBenchBenchBenchB"));
  write_member(&writer, "type", cm_slice_of("tool_result"));
  cm_json_writer_end_object(&writer);
  cm_json_writer_end_array(&writer);
  write_member(&writer, "role", cm_slice_of("user"));
  succeed(cm_json_writer_end_object(&writer));
}

static void add_result(cm_transcript *transcript, cm_slice result) {
  cm_buffer message;
  cm_failure failure;
  cm_role role;

  cm_buffer_init(&message, &cm_libc_alloc, (size_t)-1);
  write_message(&message, result);
  succeed(cm_transcript_check(cm_slice_in(&message), &role, &failure));
  succeed(cm_transcript_append(transcript, role, cm_slice_in(&message)));
  cm_buffer_deinit(&message);
}

static void add_reply(cm_transcript *transcript, const cm_message *reply) {
  cm_seal seal;

  cm_seal_init(&seal, &cm_libc_alloc, (size_t)-1);
  succeed(cm_seal_message(&seal, reply, CM_SEAL_WHOLE));
  succeed(cm_transcript_append(transcript, CM_ROLE_ASSISTANT, cm_slice_in(&seal.bytes)));
  cm_seal_deinit(&seal);
}

/* Returns the request's bytes. */
static size_t make_list(const cm_transcript *transcript) {
  cm_body *body = cm_body_new(&cm_libc_alloc);
  size_t length;

  if (!body) abort();
  succeed(cm_body_append_static(body, cm_slice_of("{\"model\":\"m\",\"messages\":[")));
  succeed(cm_transcript_render(transcript, body));
  succeed(cm_body_append_static(body, cm_slice_of("],\"stream\":true}")));
  length = cm_body_length(body);
  cm_body_release(body);
  return length;
}

static int is_mark(long turn) {
  return turn == 10 || turn == 50 || turn == 100 || turn == 200 || turn == 400;
}

static size_t take_turns(long turns, cm_slice result, const cm_message *reply, int print) {
  double began = cpu_seconds();
  cm_transcript transcript;
  size_t made = 0;
  long turn;

  cm_transcript_init(&transcript, &cm_libc_alloc);
  for (turn = 1; turn <= turns; turn++) {
    add_result(&transcript, result);
    made += make_list(&transcript);
    add_reply(&transcript, reply);
    if (print && is_mark(turn)) printf("\"after_%ld\":%.6f,", turn, cpu_seconds() - began);
  }
  cm_transcript_deinit(&transcript);
  return made;
}

int main(int argc, char **argv) {
  event_stream_plan plan = { 0 };
  event_stream stream;
  core_counts counts = { 0 };
  cm_response *response = core_reader_begin();
  const cm_message *reply;
  cm_buffer result;

  if (argc != 3) return 2;
  plan.events = REPLY_EVENTS;
  plan.delta_bytes = REPLY_DELTA;
  event_stream_make(&stream, &plan);
  core_reader_take(response, stream.bytes, stream.len, &counts);
  reply = cm_response_message(response);
  make_result(&result, strtoul(argv[2], NULL, 10));
  take_turns(WARM, cm_slice_in(&result), reply, 0);
  putchar('{');
  printf("\"made\":%zu}\n", take_turns(atol(argv[1]), cm_slice_in(&result), reply, 1));
  cm_buffer_deinit(&result);
  core_reader_end(response, &counts);
  event_stream_drop(&stream);
  return 0;
}
