#include "core/json_string.h"

#include <string.h>

#include "core/json_scan.h"
#include "core/utf8.h"

enum { REPLACEMENT = 0xFFFD, LONGEST_PIECE = 8 };

static int is_high(unsigned unit) {
  return (unit & 0xFC00u) == 0xD800u;
}

static int is_low(unsigned unit) {
  return (unit & 0xFC00u) == 0xDC00u;
}

static int hex_digit(char c, unsigned *value) {
  if (c >= '0' && c <= '9')
    *value = (unsigned)(c - '0');
  else if (c >= 'a' && c <= 'f')
    *value = (unsigned)(c - 'a') + 10;
  else if (c >= 'A' && c <= 'F')
    *value = (unsigned)(c - 'A') + 10;
  else
    return 0;
  return 1;
}

static int read_hex4(const char *pos, unsigned *unit) {
  unsigned digit, i;

  *unit = 0;
  for (i = 0; i < 4; i++) {
    if (!hex_digit(pos[i], &digit)) return 0;
    *unit = *unit << 4 | digit;
  }
  return 1;
}

/* Reading */

static int is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* What an escape of two bytes means, by the second; 0: there is none. */
static const char MEANINGS[256] = { ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t' };

static inline char meaning_of(char name) {
  return MEANINGS[(unsigned char)name];
}

/* Past the escape whose backslash is at pos; NULL: it is none. */
static inline const char *skip_escape(const char *pos, const char *end) {
  if (end - pos < 2) return NULL;
  if (meaning_of(pos[1])) return pos + 2;
  if (pos[1] != 'u' || end - pos < 6) return NULL;
  return is_hex(pos[2]) && is_hex(pos[3]) && is_hex(pos[4]) && is_hex(pos[5]) ? pos + 6 : NULL;
}

static inline const char *skip_beyond_ascii(const char *pos, const char *end) {
  size_t length;

  do {
    length = cm_utf8_length(pos, (size_t)(end - pos));
    pos += length;
  } while (length > 0 && pos < end && (unsigned char)*pos >= 0x80);
  return length > 0 ? pos : NULL;
}

const char *cm_json_string_read(const char *pos, const char *end, cm_json_string *string) {
  string->body.ptr = pos;
  string->escaped = 0;
  while ((pos = cm_json_skip_plain(pos, end)) < end && *pos != '"') {
    if ((unsigned char)*pos >= 0x80) {
      pos = skip_beyond_ascii(pos, end);
    } else if (*pos == '\\') {
      string->escaped = 1;
      pos = skip_escape(pos, end);
    } else {
      return NULL;
    }
    if (!pos) return NULL;
  }
  if (pos == end) return NULL;
  string->body.len = (size_t)(pos - string->body.ptr);
  return pos;
}

/* Unescaping */

/* Reads the escape whose backslash body begins with; *unit is a UTF-16 unit. */
static cm_status read_escape(cm_slice *body, unsigned *unit) {
  size_t length = 2;

  if (body->len < 2) return CM_ERR_SYNTAX;
  if (body->ptr[1] == 'u') {
    if (body->len < 6 || !read_hex4(body->ptr + 2, unit)) return CM_ERR_SYNTAX;
    length = 6;
  } else {
    *unit = (unsigned char)meaning_of(body->ptr[1]);
    if (*unit == 0) return CM_ERR_SYNTAX;
  }
  body->ptr += length;
  body->len -= length;
  return CM_OK;
}

/* The bytes that become final when unit follows *carry: none, one or two characters. */
static size_t settle(unsigned *carry, unsigned unit, char piece[LONGEST_PIECE]) {
  unsigned first = *carry;
  size_t length = 0;

  *carry = 0;
  if (first && is_low(unit))
    return cm_utf8_put(piece, 0x10000ul + ((first & 0x3FFul) << 10) + (unit & 0x3FFu));
  if (first) length = cm_utf8_put(piece, REPLACEMENT);
  if (is_high(unit))
    *carry = unit;
  else
    length += cm_utf8_put(piece + length, is_low(unit) ? REPLACEMENT : unit);
  return length;
}

static cm_status append_escape(cm_slice *body, unsigned *carry, cm_buffer *out) {
  char piece[LONGEST_PIECE];
  cm_slice bytes;
  unsigned unit;
  cm_status status = read_escape(body, &unit);

  if (status != CM_OK) return status;
  bytes.len = settle(carry, unit, piece);
  bytes.ptr = piece;
  return cm_buffer_append(out, bytes);
}

static size_t run_without_escapes(cm_slice body) {
  const char *backslash = memchr(body.ptr, '\\', body.len);
  return backslash ? (size_t)(backslash - body.ptr) : body.len;
}

/* Escapes are never shorter than what they mean; only a half before may add to it. */
static cm_status unescape_at_once(cm_slice body, unsigned *carry, cm_buffer *out) {
  char *to = out->ptr + out->len;
  const char *end = body.ptr + body.len;
  cm_status status = CM_OK;
  unsigned unit;
  size_t run;

  while (body.len) {
    if (*body.ptr == '\\') {
      if (!*carry && body.len >= 2 && meaning_of(body.ptr[1])) {
        *to++ = meaning_of(body.ptr[1]);
        body.ptr += 2, body.len -= 2;
        continue;
      }
      status = read_escape(&body, &unit);
      if (status != CM_OK) break;
      to += settle(carry, unit, to);
      continue;
    }
    if (*carry) to += cm_utf8_put(to, REPLACEMENT);
    *carry = 0;
    run = cm_json_copy_unescaped(to, body.ptr, end);
    to += run;
    body.ptr += run, body.len -= run;
  }
  out->len = (size_t)(to - out->ptr);
  return status;
}

static cm_status unescape_in_pieces(cm_slice body, unsigned *carry, cm_buffer *out) {
  cm_slice run;
  cm_status status = CM_OK;

  while (body.len && status == CM_OK) {
    run.ptr = body.ptr;
    run.len = run_without_escapes(body);
    if (run.len == 0) {
      status = append_escape(&body, carry, out);
      continue;
    }
    status = cm_json_string_finish(carry, out);
    if (status == CM_OK) status = cm_buffer_append(out, run);
    body.ptr += run.len;
    body.len -= run.len;
  }
  return status;
}

cm_status cm_json_string_unescape(cm_slice body, unsigned *carry, cm_buffer *out) {
  if (body.len <= (size_t)-1 - LONGEST_PIECE &&
      cm_buffer_reserve(out, body.len + LONGEST_PIECE) == CM_OK)
    return unescape_at_once(body, carry, out);
  return unescape_in_pieces(body, carry, out);
}

cm_status cm_json_string_finish(unsigned *carry, cm_buffer *out) {
  char piece[4];
  cm_slice bytes;

  if (!*carry) return CM_OK;
  *carry = 0;
  bytes.ptr = piece;
  bytes.len = cm_utf8_put(piece, REPLACEMENT);
  return cm_buffer_append(out, bytes);
}

static int needs_escape(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\';
}

static cm_status append_escaped(unsigned char c, cm_buffer *out) {
  static const char plain[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt",
                    digits[] = "0123456789abcdef";
  const char *known = memchr(plain, c, sizeof plain - 1);
  char text[6] = "\\u00";
  cm_slice bytes;

  bytes.ptr = text;
  bytes.len = sizeof text;
  if (known) {
    text[1] = names[known - plain];
    bytes.len = 2;
  } else {
    text[4] = digits[c >> 4];
    text[5] = digits[c & 15];
  }
  return cm_buffer_append(out, bytes);
}

cm_status cm_json_string_escape(cm_slice text, cm_buffer *out) {
  const char *pos = text.ptr, *end = text.ptr + text.len;
  cm_slice run;
  cm_status status = CM_OK;

  while (pos < end && status == CM_OK) {
    run.ptr = pos;
    while (pos < end && !needs_escape((unsigned char)*pos)) pos++;
    run.len = (size_t)(pos - run.ptr);
    status = cm_buffer_append(out, run);
    if (status == CM_OK && pos < end) status = append_escaped((unsigned char)*pos++, out);
  }
  return status;
}

static int take_prefix(cm_slice *plain, const char *bytes, size_t length) {
  if (length > plain->len || memcmp(plain->ptr, bytes, length) != 0) return 0;
  plain->ptr += length;
  plain->len -= length;
  return 1;
}

/* The next piece of the string's text; more than one byte only after an escape. */
static cm_status next_piece(cm_slice *body, unsigned *carry, char *piece, size_t *length) {
  unsigned unit;
  cm_status status;

  if (*body->ptr == '\\') {
    status = read_escape(body, &unit);
    if (status == CM_OK) *length = settle(carry, unit, piece);
    return status;
  }
  *length = *carry ? cm_utf8_put(piece, REPLACEMENT) : 0;
  *carry = 0;
  piece[(*length)++] = *body->ptr++;
  body->len--;
  return CM_OK;
}

int cm_json_string_equals(cm_json_string string, cm_slice plain) {
  char piece[LONGEST_PIECE];
  cm_slice body = string.body;
  unsigned carry = 0;
  size_t length;

  if (!string.escaped)
    return body.len == plain.len && (plain.len == 0 || memcmp(body.ptr, plain.ptr, plain.len) == 0);
  while (body.len) {
    if (next_piece(&body, &carry, piece, &length) != CM_OK) return 0;
    if (!take_prefix(&plain, piece, length)) return 0;
  }
  if (carry && !take_prefix(&plain, piece, cm_utf8_put(piece, REPLACEMENT))) return 0;
  return plain.len == 0;
}

int cm_json_string_has_lone_surrogate(cm_slice body) {
  unsigned first = 0, unit;
  size_t run;

  for (;;) {
    run = body.len ? run_without_escapes(body) : 0;
    if (first && run) return 1;
    body.ptr += run;
    body.len -= run;
    if (body.len == 0) return first != 0;
    if (read_escape(&body, &unit) != CM_OK) return 1;
    if ((first != 0) != is_low(unit)) return 1;
    first = is_high(unit) ? unit : 0;
  }
}
