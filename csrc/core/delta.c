#include "core/delta.h"

#include <string.h>

#include "core/json_reader.h"

enum { MOST_DIGITS = 9 };

static const struct {
  const char *spelling;
  size_t length;
  cm_delta_kind kind;
} KINDS[] = {
#define SPELLED(text) text, sizeof(text) - 1
  { SPELLED("text_delta\",\"text\":"), CM_DELTA_TEXT },
  { SPELLED("thinking_delta\",\"thinking\":"), CM_DELTA_THINKING },
  { SPELLED("input_json_delta\",\"partial_json\":"), CM_DELTA_INPUT_JSON },
#undef SPELLED
};

static inline int skip(cm_slice *text, const char *expected, size_t length) {
  if (text->len < length || memcmp(text->ptr, expected, length) != 0) return 0;
  text->ptr += length;
  text->len -= length;
  return 1;
}

/* A number of few digits; one with a zero in front is left to who can refuse it. */
static int read_index(cm_slice *text, int64_t *index) {
  size_t digits = 0;

  *index = 0;
  while (digits < text->len && digits <= MOST_DIGITS && text->ptr[digits] >= '0' &&
         text->ptr[digits] <= '9')
    *index = *index * 10 + (text->ptr[digits++] - '0');
  if (digits == 0 || digits > MOST_DIGITS || (text->ptr[0] == '0' && digits > 1)) return 0;
  text->ptr += digits;
  text->len -= digits;
  return 1;
}

static int read_kind(cm_slice *text, cm_delta_kind *kind) {
  size_t i;

  for (i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
    *kind = KINDS[i].kind;
    if (skip(text, KINDS[i].spelling, KINDS[i].length)) return 1;
  }
  return 0;
}

static int read_string(cm_slice *text, cm_json_string *string) {
  cm_json_reader reader;
  size_t length;

  cm_json_reader_init(&reader, *text, CM_JSON_MAX_DEPTH);
  if (cm_json_reader_read_string(&reader, string) != CM_OK) return 0;
  length = cm_json_reader_offset(&reader);
  text->ptr += length;
  text->len -= length;
  return 1;
}

/* The API pads its frames with blanks, so that their length tells nothing. */
static int skip_ends(cm_slice *text) {
  if (text->len == 0 || text->ptr[0] != '}') return 0;
  do {
    text->ptr++;
    text->len--;
  } while (text->len && text->ptr[0] == ' ');
  return skip(text, "}", 1);
}

/* Everything from the index on. */
static int read_members(cm_event *event, cm_slice *text) {
  static const char middle[] = ",\"delta\":{\"type\":\"";

  return read_index(text, &event->index) && skip(text, middle, sizeof middle - 1) &&
         read_kind(text, &event->delta) && read_string(text, &event->text) && skip_ends(text);
}

#define DATA_HEAD "{\"type\":\"content_block_delta\",\"index\":"

int cm_delta_read(cm_event *event, cm_slice text) {
  cm_slice rest = text;

  if (!skip(&rest, DATA_HEAD, sizeof DATA_HEAD - 1)) return 0;
  if (!read_members(event, &rest) || rest.len > 0) return 0;
  event->kind = CM_EVENT_BLOCK_DELTA;
  event->raw = text;
  return 1;
}

size_t cm_delta_read_frame(cm_event *event, cm_sse_event *frame, cm_slice input) {
  static const char head[] = "event: content_block_delta\ndata: " DATA_HEAD;
  enum { NAME = sizeof "event: " - 1, DATA = sizeof head - sizeof DATA_HEAD };
  cm_slice rest = input;

  if (!skip(&rest, head, sizeof head - 1)) return 0;
  memset(event, 0, sizeof *event);
  if (!read_members(event, &rest)) return 0;
  event->kind = CM_EVENT_BLOCK_DELTA;
  event->raw.ptr = input.ptr + DATA;
  event->raw.len = (size_t)(rest.ptr - event->raw.ptr);
  if (!skip(&rest, "\n\n", 2)) return 0;
  frame->name.ptr = input.ptr + NAME;
  frame->name.len = DATA - NAME - (sizeof "\ndata: " - 1);
  frame->data = event->raw;
  frame->offset = DATA;
  return input.len - rest.len;
}
