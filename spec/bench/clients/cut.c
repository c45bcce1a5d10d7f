#include "cut.h"
#include "request.h"
#include <stdlib.h>
#include <string.h>

/* A frame with a text, up to the letter that tells its kind. The index has one digit. */
#define TO_LETTER                                                                                  \
  "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"               \
  "\"delta\":{\"type\":\"t"

enum { EVENT = sizeof "event: " - 1, DELTA = sizeof "event: content_block_" - 1 };
enum { LETTER = sizeof TO_LETTER - 1 };

/* From there to the text. */
static const unsigned char TO_TEXT[CUT_KINDS] = {
  sizeof "hinking_delta\",\"thinking\":\"" - 1, sizeof "ext_delta\",\"text\":\"" - 1,
  sizeof "nput_json_delta\",\"partial_json\":\"" - 1, sizeof "ignature_delta\",\"signature\":\"" - 1
};
enum { LONGEST_HEAD = LETTER + sizeof "nput_json_delta\",\"partial_json\":\"" };

static cut_kind kind_of(char letter) {
  return letter == 'h'   ? CUT_THINKING
         : letter == 'e' ? CUT_TEXT
         : letter == 'n' ? CUT_INPUT
                         : CUT_SIGNATURE;
}

static int has_text(const char *at, const char *end) {
  return end - at > LONGEST_HEAD && at[EVENT] == 'c' && at[DELTA] == 'd';
}

/* Where the line ends; NULL: not here. */
static const char *line_end(const char *at, const char *end) {
  return at ? memchr(at, '\n', (size_t)(end - at)) : NULL;
}

/* The line that a text is in has a quote behind it, and then no other. */
static const char *cut_line(const char *at, const char *end, cut_text *text) {
  const char *line;

  text->kind = kind_of(at[LETTER]);
  text->bytes = at + LETTER + TO_TEXT[text->kind];
  line = line_end(text->bytes, end);
  if (!line) return NULL;
  text->len =
      (size_t)((const char *)memrchr(text->bytes, '"', (size_t)(line - text->bytes)) - text->bytes);
  return line;
}

/* The length of the frame that begins here, of two lines and an empty one; 0 where its end has not
   come. Without a text text->bytes is NULL. */
static size_t cut_frame(const char *at, const char *end, cut_text *text) {
  const char *line;

  text->bytes = NULL;
  if (has_text(at, end)) {
    line = cut_line(at, end, text);
  } else {
    line = line_end(at, end);
    line = line_end(line ? line + 1 : NULL, end);
  }
  return line && line + 1 < end ? (size_t)(line + 2 - at) : 0;
}

static void keep_rest(cutter *c) {
  size_t len = (size_t)(c->end - c->at);

  if (c->rest_len + len > CUT_REST) abort();
  if (!c->rest) c->rest = must(malloc(CUT_REST));
  memcpy(c->rest + c->rest_len, c->at, len);
  c->rest_len += len;
  c->at = c->end;
}

/* The frame that began in earlier bytes. */
static size_t cut_rest(cutter *c, cut_text *text) {
  size_t before = c->rest_len, len = (size_t)(c->end - c->at);
  size_t more = len < CUT_REST - before ? len : CUT_REST - before, frame;

  memcpy(c->rest + before, c->at, more);
  frame = cut_frame(c->rest, c->rest + before + more, text);
  if (frame == 0) return 0;
  c->rest_len = 0;
  return frame - before;
}

void cut_begin(cutter *c, const char *bytes, size_t len) {
  c->at = bytes;
  c->end = bytes + len;
}

int cut_next(cutter *c, cut_text *text) {
  while (c->at < c->end) {
    size_t len = c->rest_len ? cut_rest(c, text) : cut_frame(c->at, c->end, text);

    if (len == 0) keep_rest(c);
    c->at += len;
    if (len > 0 && text->bytes) return 1;
  }
  return 0;
}

void cut_drop(cutter *c) {
  free(c->rest);
}
