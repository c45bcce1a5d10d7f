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

static int skip(cm_slice *text, const char *expected, size_t length) {
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
static int ends(cm_slice text) {
  if (text.len < 2 || text.ptr[0] != '}' || text.ptr[text.len - 1] != '}') return 0;
  text.ptr++;
  text.len -= 2;
  while (text.len && text.ptr[0] == ' ') text.ptr++, text.len--;
  return text.len == 0;
}

int cm_delta_read(cm_event *event, cm_slice text) {
  static const char head[] = "{\"type\":\"content_block_delta\",\"index\":";
  static const char middle[] = ",\"delta\":{\"type\":\"";
  cm_slice rest = text;

  if (!skip(&rest, head, sizeof head - 1) || !read_index(&rest, &event->index)) return 0;
  if (!skip(&rest, middle, sizeof middle - 1) || !read_kind(&rest, &event->delta)) return 0;
  if (!read_string(&rest, &event->text) || !ends(rest)) return 0;
  event->kind = CM_EVENT_BLOCK_DELTA;
  event->raw = text;
  return 1;
}
