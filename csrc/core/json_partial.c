#include "core/json_partial.h"

#include <string.h>

#include "core/json_reader.h"

enum { VALUE, FIRST_ELEMENT, KEY, FIRST_KEY, COLON, COMMA };

typedef struct scan {
  const char *pos;
  const char *end;
  const char *complete; /* all before this counts; NULL while nothing does */
  unsigned depth;
  int expected;                     /* the next token */
  char brackets[CM_JSON_MAX_DEPTH]; /* that close what is open, outermost first */
} scan;

static cm_status finish_value(scan *s, const char *end) {
  s->pos = s->complete = end;
  s->expected = COMMA;
  return CM_OK;
}

static cm_status open_container(scan *s) {
  int is_object = *s->pos == '{';

  if (s->depth == CM_JSON_MAX_DEPTH) return CM_ERR_LIMIT;
  s->brackets[s->depth++] = is_object ? '}' : ']';
  s->complete = ++s->pos;
  s->expected = is_object ? FIRST_KEY : FIRST_ELEMENT;
  return CM_OK;
}

/* The end of the string at pos, or NULL if that has not come. */
static const char *string_end(const scan *s) {
  const char *pos;

  for (pos = s->pos + 1; pos < s->end; pos++) {
    if (*pos == '"') return pos + 1;
    if (*pos == '\\' && ++pos == s->end) break;
  }
  return NULL;
}

static cm_status take_string(scan *s) {
  const char *end = string_end(s);

  return end ? finish_value(s, end) : CM_WANT_MORE;
}

static cm_status take_key(scan *s) {
  const char *end;

  if (*s->pos != '"') return CM_ERR_SYNTAX;
  end = string_end(s);
  if (!end) return CM_WANT_MORE;
  s->pos = end;
  s->expected = COLON;
  return CM_OK;
}

static int in_number(char c) {
  return (c >= '0' && c <= '9') || (c && strchr("+-.eE", c));
}

static cm_status take_number(scan *s) {
  const char *pos = s->pos;

  while (pos < s->end && in_number(*pos)) pos++;
  return pos < s->end ? finish_value(s, pos) : CM_WANT_MORE;
}

static cm_status take_word(scan *s, const char *word) {
  size_t len = strlen(word), here = (size_t)(s->end - s->pos);

  if (memcmp(s->pos, word, here < len ? here : len) != 0) return CM_ERR_SYNTAX;
  return here < len ? CM_WANT_MORE : finish_value(s, s->pos + len);
}

static cm_status take_value(scan *s) {
  switch (*s->pos) {
  case '{':
  case '[':
    return open_container(s);
  case '"':
    return take_string(s);
  case 't':
    return take_word(s, "true");
  case 'f':
    return take_word(s, "false");
  case 'n':
    return take_word(s, "null");
  case '+':
  case 'e':
  case 'E':
    return CM_ERR_SYNTAX;
  default:
    return in_number(*s->pos) ? take_number(s) : CM_ERR_SYNTAX;
  }
}

/* Whether the container may end here, and does. */
static int closes(scan *s) {
  if (s->expected != COMMA && s->expected != FIRST_KEY && s->expected != FIRST_ELEMENT) return 0;
  if (s->depth == 0 || *s->pos != s->brackets[s->depth - 1]) return 0;
  s->depth--;
  return 1;
}

static cm_status take_token(scan *s) {
  if (closes(s)) return finish_value(s, s->pos + 1);
  switch (s->expected) {
  case KEY:
  case FIRST_KEY:
    return take_key(s);
  case COLON:
    if (*s->pos != ':') return CM_ERR_SYNTAX;
    s->pos++;
    s->expected = VALUE;
    return CM_OK;
  case COMMA:
    if (s->depth == 0 || *s->pos != ',') return CM_ERR_SYNTAX;
    s->pos++;
    s->expected = s->brackets[s->depth - 1] == '}' ? KEY : VALUE;
    return CM_OK;
  default:
    return take_value(s);
  }
}

static int is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Takes tokens until the text or the last whole token ends. */
static cm_status take_all(scan *s) {
  cm_status status = CM_OK;

  while (status == CM_OK) {
    while (s->pos < s->end && is_blank(*s->pos)) s->pos++;
    if (s->pos == s->end) return CM_OK;
    status = take_token(s);
  }
  return status == CM_WANT_MORE ? CM_OK : status;
}

cm_status cm_json_partial_complete(cm_slice cut, cm_buffer *out, size_t *offset) {
  scan s;
  cm_slice bytes;
  cm_status status;

  s.pos = cut.ptr;
  s.end = cut.ptr + cut.len;
  s.complete = NULL;
  s.depth = 0;
  s.expected = VALUE;
  status = take_all(&s);
  *offset = (size_t)(s.pos - cut.ptr);
  if (status != CM_OK) return status;
  if (!s.complete) return CM_WANT_MORE;
  bytes.ptr = cut.ptr;
  bytes.len = (size_t)(s.complete - cut.ptr);
  status = cm_buffer_append(out, bytes);
  for (bytes.len = 1; s.depth > 0 && status == CM_OK; s.depth--) {
    bytes.ptr = s.brackets + s.depth - 1;
    status = cm_buffer_append(out, bytes);
  }
  return status;
}
