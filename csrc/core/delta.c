#include "core/delta.h"

#include <string.h>

#include "core/json_scan.h"

enum { MOST_DIGITS = 9 };

static const struct {
  const char *spelling;
  size_t length;
  cm_delta_kind kind;
} KINDS[] = {
#define SPELLED(text) text, sizeof(text) - 1
  { SPELLED("text_delta\",\"text\":\""), CM_DELTA_TEXT },
  { SPELLED("thinking_delta\",\"thinking\":\""), CM_DELTA_THINKING },
  { SPELLED("input_json_delta\",\"partial_json\":\""), CM_DELTA_INPUT_JSON },
#undef SPELLED
};

#define FRAME_HEAD "event: content_block_delta\ndata: "
#define DATA_HEAD "{\"type\":\"content_block_delta\",\"index\":"

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

/* Everything from the beginning of the data to the string, its quote too. */
static int read_data_head(cm_slice *text, int64_t *index, cm_delta_kind *kind) {
  static const char middle[] = ",\"delta\":{\"type\":\"";

  return skip(text, DATA_HEAD, sizeof DATA_HEAD - 1) && read_index(text, index) &&
         skip(text, middle, sizeof middle - 1) && read_kind(text, kind);
}

/*
** Goes over the ends of the two objects behind a string's quote. The API pads its frames with
** blanks, so that their length tells nothing. Returns what is behind, or NULL.
*/
static inline const char *skip_ends(const char *quote, const char *end) {
  const char *pos;

  if (!quote || end - quote < 3 || quote[1] != '}') return NULL;
  pos = cm_json_skip_blanks(quote + 2, end);
  return pos < end && *pos == '}' ? pos + 1 : NULL;
}

int cm_delta_read(cm_event *event, cm_slice text) {
  cm_slice rest = text;
  const char *end = text.ptr + text.len;

  if (!read_data_head(&rest, &event->index, &event->delta)) return 0;
  if (skip_ends(cm_json_string_read(text.ptr, rest.ptr, end, &event->text), end) != end) return 0;
  event->kind = CM_EVENT_BLOCK_DELTA;
  event->raw = text;
  return 1;
}

/* Looks for a beginning that is not the last one's, and remembers it. */
static int read_frame_head(cm_delta_head *head, cm_slice input) {
  cm_slice rest = input;
  cm_delta_kind kind;
  int64_t index;

  if (!skip(&rest, FRAME_HEAD, sizeof FRAME_HEAD - 1)) return 0;
  if (!read_data_head(&rest, &index, &kind)) return 0;
  head->kind = kind;
  head->index = index;
  head->length = input.len - rest.len;
  memcpy(head->bytes, input.ptr, head->length);
  return 1;
}

int cm_delta_begins(cm_delta_head *head, cm_slice input) {
  return (head->length > 0 && cm_delta_repeats(head, input)) || read_frame_head(head, input);
}

size_t cm_delta_read_frame(const cm_delta_head *head, cm_delta *delta, cm_slice input) {
  const char *end = input.ptr + input.len, *pos;

  delta->kind = head->kind;
  delta->index = head->index;
  delta->readable = input.len - head->length;
  pos = cm_json_string_find(input.ptr, input.ptr + head->length, end, &delta->text);
  pos = pos ? cm_delta_skip_end(pos + 1, end) : NULL;
  return pos ? (size_t)(pos - input.ptr) : 0;
}

int cm_delta_may_begin(cm_slice input) {
  static const char head[] = FRAME_HEAD DATA_HEAD;
  size_t n = input.len < sizeof head - 1 ? input.len : sizeof head - 1;
  const char *pos = input.ptr + n, *end = input.ptr + input.len;

  if (memcmp(input.ptr, head, n) != 0) return 0;
  /* The only line end in such a frame is the one in its head, and those at its end. */
  pos = memchr(pos, '\n', (size_t)(end - pos));
  return (!pos || pos + 1 == end) && !memchr(input.ptr, '\r', input.len);
}
