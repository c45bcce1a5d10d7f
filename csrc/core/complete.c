#include "core/complete.h"

#include <string.h>

#include "core/json_reader.h"

/* What may come next. */
typedef enum state {
  VALUE,          /* after a colon, a comma in an array, at the start */
  VALUE_OR_CLOSE, /* after '[' */
  KEY,            /* after a comma in an object */
  KEY_OR_CLOSE,   /* after '{' */
  COLON,
  COMMA_OR_CLOSE,
  BLANKS /* after the whole text */
} state;

typedef struct scan {
  const char *pos;
  const char *end;
  const char *whole;    /* behind the last whole value, or inside the container just opened */
  unsigned whole_depth; /* containers open there */
  unsigned depth;
  state next;
  char closers[CM_JSON_MAX_DEPTH];
} scan;

static int at_end(const scan *s) {
  return s->pos == s->end;
}

static void note_whole(scan *s) {
  s->whole = s->pos;
  s->whole_depth = s->depth;
}

static void after_value(scan *s) {
  s->next = s->depth ? COMMA_OR_CLOSE : BLANKS;
  note_whole(s);
}

static cm_status open_container(scan *s, char closer) {
  if (s->depth == CM_JSON_MAX_DEPTH) return CM_ERR_LIMIT;
  s->closers[s->depth++] = closer;
  s->pos++;
  s->next = closer == '}' ? KEY_OR_CLOSE : VALUE_OR_CLOSE;
  note_whole(s);
  return CM_OK;
}

static cm_status close_container(scan *s) {
  if (s->depth == 0 || s->closers[s->depth - 1] != *s->pos) return CM_ERR_SYNTAX;
  s->depth--;
  s->pos++;
  after_value(s);
  return CM_OK;
}

static int is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static cm_status scan_escape(scan *s) {
  int digits;

  s->pos++;
  if (at_end(s)) return CM_WANT_MORE;
  if (*s->pos != 'u') return memchr("\"\\/bfnrt", *s->pos++, 8) ? CM_OK : CM_ERR_SYNTAX;
  s->pos++;
  for (digits = 0; digits < 4; digits++, s->pos++) {
    if (at_end(s)) return CM_WANT_MORE;
    if (!is_hex(*s->pos)) return CM_ERR_SYNTAX;
  }
  return CM_OK;
}

static cm_status scan_string(scan *s) {
  cm_status status;

  s->pos++;
  while (!at_end(s)) {
    if (*s->pos == '"') {
      s->pos++;
      return CM_OK;
    }
    if ((unsigned char)*s->pos < 0x20) return CM_ERR_SYNTAX;
    if (*s->pos != '\\') {
      s->pos++;
    } else {
      status = scan_escape(s);
      if (status != CM_OK) return status;
    }
  }
  return CM_WANT_MORE;
}

static cm_status scan_word(scan *s, const char *word) {
  size_t length = strlen(word), here = (size_t)(s->end - s->pos);

  if (memcmp(s->pos, word, here < length ? here : length) != 0) return CM_ERR_SYNTAX;
  if (here < length) return CM_WANT_MORE;
  s->pos += length;
  return CM_OK;
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

static cm_status scan_digits(scan *s) {
  if (at_end(s)) return CM_WANT_MORE;
  if (!is_digit(*s->pos)) return CM_ERR_SYNTAX;
  while (!at_end(s) && is_digit(*s->pos)) s->pos++;
  return CM_OK;
}

static int skip_one_of(scan *s, char a, char b) {
  if (at_end(s) || (*s->pos != a && *s->pos != b)) return 0;
  s->pos++;
  return 1;
}

static cm_status scan_number(scan *s) {
  cm_status status = CM_OK;

  skip_one_of(s, '-', '-');
  if (!skip_one_of(s, '0', '0')) status = scan_digits(s);
  if (status == CM_OK && skip_one_of(s, '.', '.')) status = scan_digits(s);
  if (status == CM_OK && skip_one_of(s, 'e', 'E')) {
    skip_one_of(s, '+', '-');
    status = scan_digits(s);
  }
  if (status == CM_OK && at_end(s)) return CM_WANT_MORE;
  return status;
}

static cm_status scan_value(scan *s) {
  cm_status status;

  switch (*s->pos) {
  case '{':
    return open_container(s, '}');
  case '[':
    return open_container(s, ']');
  case '"':
    status = scan_string(s);
    break;
  case 't':
    status = scan_word(s, "true");
    break;
  case 'f':
    status = scan_word(s, "false");
    break;
  case 'n':
    status = scan_word(s, "null");
    break;
  default:
    status = scan_number(s);
    break;
  }
  if (status == CM_OK) after_value(s);
  return status;
}

static cm_status scan_key(scan *s) {
  cm_status status;

  if (*s->pos != '"') return CM_ERR_SYNTAX;
  status = scan_string(s);
  if (status == CM_OK) s->next = COLON;
  return status;
}

static cm_status scan_colon(scan *s) {
  if (*s->pos++ != ':') return CM_ERR_SYNTAX;
  s->next = VALUE;
  return CM_OK;
}

static cm_status scan_comma(scan *s) {
  if (*s->pos++ != ',') return CM_ERR_SYNTAX;
  s->next = s->closers[s->depth - 1] == '}' ? KEY : VALUE;
  return CM_OK;
}

static int is_closer(char c) {
  return c == '}' || c == ']';
}

static cm_status scan_token(scan *s) {
  switch (s->next) {
  case VALUE:
    return scan_value(s);
  case VALUE_OR_CLOSE:
    return is_closer(*s->pos) ? close_container(s) : scan_value(s);
  case KEY:
    return scan_key(s);
  case KEY_OR_CLOSE:
    return is_closer(*s->pos) ? close_container(s) : scan_key(s);
  case COLON:
    return scan_colon(s);
  case COMMA_OR_CLOSE:
    return is_closer(*s->pos) ? close_container(s) : scan_comma(s);
  default:
    return CM_ERR_SYNTAX;
  }
}

static void skip_blanks(scan *s) {
  while (!at_end(s) && memchr(" \n\r\t", *s->pos, 4)) s->pos++;
}

static cm_status scan_text(scan *s) {
  cm_status status = CM_OK;

  for (;;) {
    skip_blanks(s);
    if (at_end(s)) return s->next == BLANKS ? CM_OK : CM_WANT_MORE;
    status = scan_token(s);
    if (status != CM_OK) return status;
  }
}

static cm_status append_closed(const scan *s, cm_slice text, cm_buffer *out) {
  unsigned depth = s->whole_depth;
  cm_slice piece;
  cm_status status;

  piece.ptr = text.ptr;
  piece.len = (size_t)(s->whole - text.ptr);
  status = cm_buffer_append(out, piece);
  while (depth-- > 0 && status == CM_OK) {
    piece.ptr = &s->closers[depth];
    piece.len = 1;
    status = cm_buffer_append(out, piece);
  }
  return status == CM_OK ? CM_WANT_MORE : status;
}

cm_status cm_complete(cm_slice text, cm_buffer *out) {
  scan s;
  cm_status status;

  memset(&s, 0, sizeof s);
  if (text.len == 0) return CM_ERR_SYNTAX;
  s.pos = text.ptr;
  s.end = text.ptr + text.len;
  s.next = VALUE;
  status = scan_text(&s);
  if (status == CM_OK) return cm_buffer_append(out, text);
  if (status != CM_WANT_MORE) return status;
  return s.whole ? append_closed(&s, text, out) : CM_ERR_SYNTAX;
}
