/*
** core_work.c - fixed inputs through the core alone: what `make bench-instructions` counts.
**
**   core_work list        the names of the inputs
**   core_work compiler    what this was compiled with
**   core_work run NAME    takes an input through the core; prints how many events that were
**
** Inputs are made from numbers that are the same everywhere. The way in ends where a binding
** would begin: each delivery is looked at and taken, nothing of it is kept.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/body.h"
#include "core/response.h"
#include "core/slice.h"
#include "core/transcript.h"

enum {
  EVENTS = 20000,
  ANSWERS = 50,
  ANSWER_EVENTS = 300,
  TURNS = 400,
  ONE_READ = 64 * 1024,
  BY_FRAME = 0,
  MESSAGE_BYTES = 1024 * 1024
};

/* What an input is written to. */
static cm_buffer written;

static void write_text(const char *text) {
  if (cm_buffer_append_text(&written, text) != CM_OK) abort();
}

static unsigned long chance;

/* 0 to below most, the same sequence in every run. */
static unsigned pick(unsigned most) {
  chance = (chance * 1103515245ul + 12345ul) & 0x7FFFFFFFul;
  return (unsigned)(chance >> 12) % most;
}

static const char *const WORDS[] = { "the ",   "stream ", "of ",    "a ",     "parser ",  "reads ",
                                     "until ", "line ",   "which ", "ends ",  "without ", "more ",
                                     "bytes ", "and ",    "then ",  "checks " };
static const char *const ODD_WORDS[] = { "\\n",      "\\\"name\\\" ", "\xC3\xA9t\xC3\xA9 ",
                                         "\\t",      "\\\\ ",         "\xE6\x97\xA5\xE6\x9C\xAC ",
                                         "\\u00e9 ", "\\ud83d\\ude00" };
static const char *const INPUT_WORDS[] = {
  "{\\\"path\\\": \\\"", "src/main", ".lua\\\", ", "\\\"text\\\": \\\"",
  "local x = 1\\\\n",    "end\\\\n", "\\\"}, ",    "[1, 2, 3]"
};

#define ONE_OF(words) words[pick(sizeof(words) / sizeof *(words))]

static void write_words(const char *const *words, unsigned count, unsigned least) {
  unsigned n = least + pick(4);

  while (n-- > 0) write_text(words[pick(count)]);
}

/* The streams' frames, as the API spells and pads them. */

static void write_frame_end(void) {
  static const char blanks[] = "             ";

  write_text("}");
  write_text(blanks + pick(sizeof blanks));
  write_text("}\n\n");
}

static void write_block_start(unsigned index, const char *block) {
  char text[300];

  snprintf(text, sizeof text,
           "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%u,"
           "\"content_block\":%s }\n\n",
           index, block);
  write_text(text);
}

static void write_block_stop(unsigned index) {
  char text[120];

  snprintf(text, sizeof text,
           "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":%u }\n\n",
           index);
  write_text(text);
}

static void write_delta_head(unsigned index, const char *type, const char *member) {
  char text[200];

  snprintf(text, sizeof text,
           "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%u,"
           "\"delta\":{\"type\":\"%s\",\"%s\":\"",
           index, type, member);
  write_text(text);
}

static void write_message_start(void) {
  write_text("event: message_start\n"
             "data: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5\","
             "\"id\":\"msg_01BenchBenchBenchBench\",\"type\":\"message\",\"role\":\"assistant\","
             "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{"
             "\"input_tokens\":472,\"cache_creation_input_tokens\":0,"
             "\"cache_read_input_tokens\":2048,\"output_tokens\":2}}   }\n\n"
             "event: ping\ndata: {\"type\": \"ping\"}\n\n");
}

static void write_message_stop(void) {
  write_text("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"
             "\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"input_tokens\":472,"
             "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":2048,"
             "\"output_tokens\":6210}}\n\n"
             "event: message_stop\ndata: {\"type\":\"message_stop\"     }\n\n");
}

#define WORDS_OF(words) words, sizeof(words) / sizeof *(words)

static void write_thinking(unsigned index, unsigned events) {
  write_block_start(index, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
  while (events-- > 0) {
    write_delta_head(index, "thinking_delta", "thinking");
    write_words(WORDS_OF(WORDS), 4);
    write_text("\"");
    write_frame_end();
  }
  write_delta_head(index, "signature_delta", "signature");
  write_text("RXJlIGlzIGEgc2lnbmF0dXJl\"");
  write_frame_end();
  write_block_stop(index);
}

static void write_prose(unsigned index, unsigned events) {
  write_block_start(index, "{\"type\":\"text\",\"text\":\"\"}");
  while (events-- > 0) {
    write_delta_head(index, "text_delta", "text");
    write_words(WORDS_OF(WORDS), 4);
    if (pick(10) == 0) write_text(ONE_OF(ODD_WORDS));
    write_text("\"");
    write_frame_end();
  }
  write_block_stop(index);
}

static void write_odd_text(unsigned index, unsigned events, unsigned times) {
  unsigned i;

  write_block_start(index, "{\"type\":\"text\",\"text\":\"\"}");
  while (events-- > 0) {
    write_delta_head(index, "text_delta", "text");
    for (i = 0; i < times; i++) {
      write_words(WORDS_OF(ODD_WORDS), 2);
      write_words(WORDS_OF(WORDS), 1);
    }
    write_text("\"");
    write_frame_end();
  }
  write_block_stop(index);
}

static void write_call(unsigned index, unsigned events) {
  write_block_start(index, "{\"type\":\"tool_use\",\"id\":\"toolu_01Bench\",\"name\":\"write\","
                           "\"input\":{}}");
  while (events-- > 0) {
    write_delta_head(index, "input_json_delta", "partial_json");
    write_words(WORDS_OF(INPUT_WORDS), 1);
    write_text("\"");
    write_frame_end();
  }
  write_block_stop(index);
}

static void write_long_answer(void) {
  write_message_start();
  write_thinking(0, EVENTS / 2);
  write_prose(1, EVENTS / 2);
  write_message_stop();
}

static void write_odd_answer(void) {
  write_message_start();
  write_odd_text(0, EVENTS, 1);
  write_message_stop();
}

static void write_long_deltas(void) {
  write_message_start();
  write_odd_text(0, EVENTS, 5);
  write_message_stop();
}

static void write_long_call(void) {
  write_message_start();
  write_call(0, EVENTS);
  write_message_stop();
}

static void write_short_answer(void) {
  write_message_start();
  write_thinking(0, ANSWER_EVENTS / 3);
  write_prose(1, ANSWER_EVENTS / 3);
  write_call(2, ANSWER_EVENTS / 3);
  write_message_stop();
}

static void write_whole_message(void) {
  write_text("{\"id\":\"msg_01Bench\",\"type\":\"message\",\"role\":\"assistant\","
             "\"model\":\"claude-sonnet-4-5\",\"content\":[{\"type\":\"text\",\"text\":\"");
  while (written.len < MESSAGE_BYTES / 2) {
    write_words(WORDS_OF(WORDS), 8);
    write_text(ONE_OF(ODD_WORDS));
  }
  write_text(
      "\"},{\"type\":\"tool_use\",\"id\":\"toolu_01\",\"name\":\"list\",\"input\":{\"rows\":["
      "{\"n\":0}");
  while (written.len < MESSAGE_BYTES) write_text(",{\"n\":-12.5e3,\"name\":\"row\",\"on\":true}");
  write_text("]}}],\"stop_reason\":\"tool_use\",\"stop_sequence\":null,"
             "\"usage\":{\"input_tokens\":10,\"output_tokens\":100000}}");
}

static void write_turn(void) {
  write_text(
      "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"toolu_01\","
      "\"content\":\"");
  while (written.len < 2000) write_words(WORDS_OF(WORDS), 8);
  write_text("\"}]}");
}

/* What is done with them. Each returns how many events, or turns, that were. */

static cm_response *start_response(const char *type) {
  static const char *const others[] = { "HTTP/1.1 200 OK\r\n",
                                        "date: Sun, 22 Nov 2026 10:00:00 GMT\r\n",
                                        "request-id: req_011CBench\r\n",
                                        "cache-control: no-cache\r\n" };
  cm_response *response = cm_response_new(&cm_libc_alloc, NULL);
  size_t i;

  if (!response) abort();
  for (i = 0; i < sizeof others / sizeof *others; i++)
    cm_response_on_header(response, cm_slice_of(others[i]));
  cm_response_on_header(response, cm_slice_of(type));
  cm_response_on_header(response, cm_slice_of("\r\n"));
  return response;
}

static unsigned long drain(cm_response *response) {
  cm_delivery delivery;
  unsigned long events = 0;

  while (cm_response_next(response, &delivery) == CM_OK) {
    events++;
    cm_response_taken(response);
  }
  return events;
}

static void end_response(cm_response *response) {
  cm_delivery delivery;

  cm_response_finish(response, CM_OK, NULL);
  while (cm_response_next(response, &delivery) == CM_OK) cm_response_taken(response);
  if (!cm_message_is_complete(cm_response_message(response))) abort();
  cm_response_release(response);
}

/* How far the next read goes: so many bytes, or to the end of a frame. */
static cm_slice next_read(cm_slice *rest, size_t most) {
  cm_slice read = *rest;

  if (most == BY_FRAME) {
    for (most = 2; most < rest->len && memcmp(rest->ptr + most - 2, "\n\n", 2) != 0;) most++;
  }
  if (read.len > most) read.len = most;
  rest->ptr += read.len;
  rest->len -= read.len;
  return read;
}

static cm_slice *reads; /* an input, cut */
static size_t read_count;

static void cut_into_reads(cm_slice bytes, size_t most) {
  reads = malloc(sizeof *reads * (bytes.len / 16 + 1));
  if (!reads) abort();
  for (read_count = 0; bytes.len > 0; read_count++) reads[read_count] = next_read(&bytes, most);
}

static unsigned long read_stream(void) {
  cm_response *response = start_response("content-type: text/event-stream; charset=utf-8\r\n");
  unsigned long events = 0;
  size_t i;

  for (i = 0; i < read_count; i++) {
    if (cm_response_on_body(response, reads[i]) != CM_OK) abort();
    events += drain(response);
  }
  end_response(response);
  return events;
}

static unsigned long read_answers(void) {
  unsigned long events = 0;
  int i;

  for (i = 0; i < ANSWERS; i++) events += read_stream();
  return events;
}

/* Counted by the KiB: of events there are few. */
static unsigned long read_message(void) {
  cm_response *response = start_response("content-type: application/json\r\n");
  size_t i;

  for (i = 0; i < read_count; i++)
    if (cm_response_on_body(response, reads[i]) != CM_OK) abort();
  end_response(response);
  return (unsigned long)(written.len / 1024);
}

static void send_turns(const cm_transcript *transcript) {
  cm_body *body = cm_body_new(&cm_libc_alloc);
  cm_body_cursor cursor = { 0, 0 };
  cm_slice bytes;

  if (!body) abort();
  cm_body_append_static(body, cm_slice_of("{\"model\":\"m\",\"messages\":["));
  if (cm_transcript_render(transcript, body) != CM_OK) abort();
  cm_body_append_static(body, cm_slice_of("]}"));
  do {
    if (cm_body_next(body, &cursor, NULL, 0, &bytes) != CM_OK) abort();
  } while (bytes.len > 0);
  cm_body_release(body);
}

/* A turn is checked and added, and all turns so far are sent. Counted by the turn. */
static unsigned long send_conversation(void) {
  cm_transcript transcript;
  cm_failure failure;
  cm_role role;
  unsigned long turns;

  cm_transcript_init(&transcript, &cm_libc_alloc);
  for (turns = 0; turns < TURNS; turns++) {
    if (cm_transcript_check(cm_slice_in(&written), &role, &failure) != CM_OK) abort();
    if (cm_transcript_append(&transcript, role, cm_slice_in(&written)) != CM_OK) abort();
    send_turns(&transcript);
  }
  cm_transcript_deinit(&transcript);
  return turns;
}

static const struct input {
  const char *name;
  void (*write)(void);
  size_t read; /* bytes at a time */
  unsigned long (*work)(void);
} INPUTS[] = {
  { "answer", write_long_answer, ONE_READ, read_stream },
  { "answer-by-event", write_long_answer, BY_FRAME, read_stream },
  { "tool-input", write_long_call, ONE_READ, read_stream },
  { "escapes", write_odd_answer, ONE_READ, read_stream },
  { "long-deltas", write_long_deltas, ONE_READ, read_stream },
  { "short-answers", write_short_answer, ONE_READ, read_answers },
  { "whole-message", write_whole_message, ONE_READ, read_message },
  { "conversation", write_turn, ONE_READ, send_conversation },
};

enum { INPUT_COUNT = sizeof INPUTS / sizeof *INPUTS };

/* A function of its own: only what happens inside is counted. */
unsigned long counted_work(const struct input *input);

__attribute__((noinline)) unsigned long counted_work(const struct input *input) {
  return input->work();
}

static const struct input *find(const char *name) {
  size_t i;

  for (i = 0; i < INPUT_COUNT; i++)
    if (strcmp(INPUTS[i].name, name) == 0) return &INPUTS[i];
  return NULL;
}

static const struct input *prepare(const char *name) {
  const struct input *input = find(name);

  if (!input) return NULL;
  cm_buffer_init(&written, &cm_libc_alloc, (size_t)-1);
  input->write();
  cut_into_reads(cm_slice_in(&written), input->read);
  return input;
}

static int list(void) {
  size_t i;

  for (i = 0; i < INPUT_COUNT; i++) puts(INPUTS[i].name);
  return 0;
}

static int name_compiler(void) {
#if defined(__clang__)
  printf("clang %d.%d", __clang_major__, __clang_minor__);
#elif defined(__GNUC__)
  printf("gcc %d.%d", __GNUC__, __GNUC_MINOR__);
#endif
#if defined(__OPTIMIZE__)
  fputs(", optimizing", stdout);
#endif
#if defined(__GLIBC__)
  printf(", glibc %d.%d", __GLIBC__, __GLIBC_MINOR__);
#endif
#if defined(__x86_64__)
  fputs(", x86-64", stdout);
#endif
  putchar('\n');
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  const struct input *input = argc > 2 ? prepare(argv[2]) : NULL;

  if (strcmp(what, "list") == 0) return list();
  if (strcmp(what, "compiler") == 0) return name_compiler();
  if (!input || strcmp(what, "run") != 0) {
    fputs("usage: core_work list | compiler | run NAME\n", stderr);
    return 2;
  }
  printf("%lu\n", counted_work(input));
  return 0;
}
