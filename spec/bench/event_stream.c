#include "event_stream.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SPACES = 12, SIGNATURE = 420, FRAME_EVENTS = 11 };

static const char *const WORDS[] = { "we",
                                     "should",
                                     "first",
                                     "read",
                                     "the",
                                     "file",
                                     "and",
                                     "count",
                                     "its",
                                     "lines",
                                     "before",
                                     "anything",
                                     "is",
                                     "written",
                                     "back",
                                     "because",
                                     "an",
                                     "error",
                                     "here",
                                     "would",
                                     "be",
                                     "hard",
                                     "to",
                                     "find",
                                     "later",
                                     "if",
                                     "that",
                                     "fails",
                                     "return",
                                     "nil",
                                     "otherwise",
                                     "go",
                                     "on",
                                     "with",
                                     "next",
                                     "value",
                                     "caf\xc3\xa9",
                                     "\xe2\x80\x93",
                                     "\xe2\x88\x91",
                                     "\xe6\x9d\xb1\xe4\xba\xac",
                                     "\xf0\x9f\x9a\x80",
                                     "fu\xc3\x9f",
                                     "\"so\"",
                                     "a[i]",
                                     "f(x)",
                                     "D:\\data",
                                     "\n",
                                     "end\n\n",
                                     "\tlocal",
                                     "src/main.lua" };
enum { WORD_COUNT = sizeof WORDS / sizeof *WORDS };

typedef struct writer {
  event_stream *to;
  const event_stream_plan *plan;
  uint32_t state; /* of chance */
} writer;

static uint32_t chance(writer *w, uint32_t below) {
  w->state = w->state * 1664525u + 1013904223u;
  return (w->state >> 8) % below;
}

static void *must(void *memory) {
  if (!memory) abort();
  return memory;
}

static void put(writer *w, const char *bytes, size_t length) {
  event_stream *to = w->to;

  if (to->len + length > to->room) {
    to->room = (to->len + length) * 2;
    to->bytes = must(realloc(to->bytes, to->room));
  }
  memcpy(to->bytes + to->len, bytes, length);
  to->len += length;
}

static void say(writer *w, const char *format, ...) {
  char text[1024];
  va_list args;
  int length;

  va_start(args, format);
  length = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (length < 0 || (size_t)length >= sizeof text) abort();
  put(w, text, (size_t)length);
}

static void end_event(writer *w) {
  put(w, "\n\n", 2);
  w->to->ends[w->to->count++] = w->to->len;
}

static void say_event(writer *w, const char *name, const char *data) {
  say(w, "event: %s\ndata: %s", name, data);
  end_event(w);
}

static size_t escape(char *to, const char *from, size_t length) {
  size_t i, n = 0;

  for (i = 0; i < length; i++) {
    char letter = from[i];

    if (letter == '\n' || letter == '\t' || letter == '"' || letter == '\\') to[n++] = '\\';
    to[n++] = (char)(letter == '\n' ? 'n' : letter == '\t' ? 't' : letter);
  }
  return n;
}

/* As many words as make up a delta. */
static size_t words(writer *w, char *to) {
  size_t mean = w->plan->delta_bytes, length = 0;
  size_t wanted = mean * 3 / 4 + chance(w, (uint32_t)(mean / 2 + 1));

  while (length < wanted) {
    const char *word = WORDS[chance(w, WORD_COUNT)];
    size_t n = strlen(word);

    memcpy(to + length, word, n);
    to[length + n] = ' ';
    length += n + 1;
  }
  return length;
}

static void say_delta(writer *w, int index, const char *type, const char *member, const char *text,
                      size_t length, int stamped) {
  char *escaped = must(malloc(length * 2 + 1));
  size_t spelled = escape(escaped, text, length);
  size_t spaces = chance(w, MOST_SPACES + 1);

  say(w, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%d,",
      index);
  say(w, "\"delta\":{\"type\":\"%s\",\"%s\":\"", type, member);
  if (stamped) {
    w->to->stamps[w->to->count] = w->to->len + 1;
    say(w, "@%0*d@", STAMP_DIGITS, 0);
  }
  put(w, escaped, spelled);
  say(w, "\"}%*s}", (int)spaces, "");
  w->to->totals.spelled += spelled + (stamped ? STAMP_DIGITS + 2 : 0);
  end_event(w);
  free(escaped);
}

/* One delta of words; returns how many bytes of text it has. */
static size_t say_words(writer *w, int index, const char *type, const char *member) {
  char text[4096];
  size_t length = words(w, text);

  say_delta(w, index, type, member, text, length, w->plan->stamped);
  return length + (w->plan->stamped ? STAMP_DIGITS + 2 : 0);
}

static void say_start(writer *w) {
  say_event(w, "message_start",
            "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_01BenchBenchBenchBenchBe\","
            "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-6\","
            "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{"
            "\"input_tokens\":310,\"cache_creation_input_tokens\":0,"
            "\"cache_read_input_tokens\":1024,\"cache_creation\":{"
            "\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},"
            "\"output_tokens\":3,\"service_tier\":\"standard\"}}}");
}

static void say_block_start(writer *w, int index, const char *block) {
  say(w,
      "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%d,"
      "\"content_block\":%s}",
      index, block);
  end_event(w);
}

static void say_block_stop(writer *w, int index) {
  say(w, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":%d}", index);
  end_event(w);
}

static void say_thinking(writer *w, size_t deltas) {
  char signature[SIGNATURE];
  size_t i;

  say_block_start(w, 0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
  say_event(w, "ping", "{\"type\": \"ping\"}");
  for (i = 0; i < deltas; i++)
    w->to->totals.thinking += say_words(w, 0, "thinking_delta", "thinking");
  for (i = 0; i < SIGNATURE; i++) signature[i] = (char)('A' + chance(w, 26));
  say_delta(w, 0, "signature_delta", "signature", signature, SIGNATURE, 0);
  w->to->totals.signature += SIGNATURE;
  say_block_stop(w, 0);
}

static void say_text(writer *w, size_t deltas) {
  size_t i;

  say_block_start(w, 1, "{\"type\":\"text\",\"text\":\"\"}");
  for (i = 0; i < deltas; i++) w->to->totals.text += say_words(w, 1, "text_delta", "text");
  say_block_stop(w, 1);
}

static void say_input(writer *w, const char *text, size_t length) {
  say_delta(w, 2, "input_json_delta", "partial_json", text, length, 0);
  w->to->totals.input_json += length;
}

/* The input is an object with one long string, valid only as a whole. */
static void say_call(writer *w, size_t deltas) {
  static const char BEGIN[] = "{\"path\": \"notes.md\", \"content\": \"", END[] = "\"}";
  char text[4096], escaped[sizeof text * 2];
  size_t i;

  say_block_start(w, 2,
                  "{\"type\":\"tool_use\",\"id\":\"toolu_01BenchBenchBenchBenchB\","
                  "\"name\":\"write_file\",\"input\":{}}");
  say_input(w, BEGIN, sizeof BEGIN - 1);
  for (i = 2; i < deltas; i++) {
    size_t length = words(w, text);
    say_input(w, escaped, escape(escaped, text, length));
  }
  say_input(w, END, sizeof END - 1);
  say_block_stop(w, 2);
}

static void say_end(writer *w) {
  say_event(w, "message_delta",
            "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\","
            "\"stop_sequence\":null},\"usage\":{\"input_tokens\":310,"
            "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":1024,"
            "\"output_tokens\":2048}}");
  say_event(w, "message_stop", "{\"type\":\"message_stop\"}");
}

void event_stream_make(event_stream *stream, const event_stream_plan *plan) {
  writer w = { 0 };
  size_t deltas = plan->events - FRAME_EVENTS, of_tool, of_text;

  memset(stream, 0, sizeof *stream);
  if (plan->events < LEAST_EVENTS || plan->delta_bytes > 1024) abort();
  w.to = stream;
  w.plan = plan;
  stream->ends = must(calloc(plan->events, sizeof *stream->ends));
  stream->stamps = must(calloc(plan->events, sizeof *stream->stamps));
  of_tool = plan->tool_only ? deltas - 1 : deltas / 10 < 2 ? 2 : deltas / 10;
  of_text = plan->tool_only ? 0 : deltas / 5;
  say_start(&w);
  say_thinking(&w, deltas - of_text - of_tool);
  say_text(&w, of_text);
  say_call(&w, of_tool);
  say_end(&w);
  if (stream->count != plan->events) abort();
}

void event_stream_drop(event_stream *stream) {
  free(stream->bytes);
  free(stream->ends);
  free(stream->stamps);
}
