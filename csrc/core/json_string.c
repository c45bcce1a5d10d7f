#include "core/json_string.h"

#include <string.h>

#include "core/json_scan.h"
#include "core/json_short.h"
#include "core/utf8.h"

enum {
  REPLACEMENT = 0xFFFD,
  LONGEST_PIECE = 8,
  COPIED_BEYOND = 8,
  COPIED_AT_ONCE = 16,
  WINDOW = 64,
  LONGEST_ESCAPE = 6,
  LONGEST_CHARACTER = 4,
  ROOM_OF_WINDOW = WINDOW * LONGEST_ESCAPE + COPIED_AT_ONCE
};

static int is_high(unsigned unit) {
  return (unit & 0xFC00u) == 0xD800u;
}

static int is_low(unsigned unit) {
  return (unit & 0xFC00u) == 0xDC00u;
}

static unsigned long pair_of(unsigned high, unsigned low) {
  return 0x10000ul + ((high & 0x3FFul) << 10) + (low & 0x3FFu);
}

/* Reading */

const char cm_json_meanings[256] = { ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t' };

/* One more than the digit's value; 0: it is none. */
static const unsigned char DIGITS[256] = {
  ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
  ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static inline char meaning_of(char name) {
  return cm_json_meanings[(unsigned char)name];
}

static inline unsigned digit_of(char c) {
  return DIGITS[(unsigned char)c];
}

/* Past the escape whose backslash is at pos; NULL: it is none. */
static inline const char *skip_escape(const char *pos, const char *end) {
  if (end - pos < 2) return NULL;
  if (meaning_of(pos[1])) return pos + 2;
  if (pos[1] != 'u' || end - pos < 6) return NULL;
  return digit_of(pos[2]) && digit_of(pos[3]) && digit_of(pos[4]) && digit_of(pos[5]) ? pos + 6
                                                                                      : NULL;
}

static inline const char *skip_beyond_ascii(const char *pos, const char *end) {
  size_t length;

  do {
    length = cm_utf8_length(pos, (size_t)(end - pos));
    pos += length;
  } while (length > 0 && pos < end && (unsigned char)*pos >= 0x80);
  return length > 0 ? pos : NULL;
}

/* What is known of an escape as far as it was looked at: strict, all of it; NULL: it is none. */
static inline const char *pass_escape(const char *pos, const char *end, int strict, int *escaped) {
  if (!strict) {
    *escaped = CM_JSON_ESCAPED;
    return pos + 2;
  }
  *escaped |=
      end - pos > 1 && pos[1] == 'u' ? CM_JSON_ESCAPED | CM_JSON_HAS_UNITS : CM_JSON_ESCAPED;
  return skip_escape(pos, end);
}

/* Of a window of 64 bytes: goes over the marks up to a quote and returns that, or NULL, and *pos is
   where the next window begins; NULL too, if the string is none. */
static inline const char *find_in_window(const char **pos, const char *end, uint64_t marks,
                                         int strict, int *escaped) {
  const char *base = *pos, *next = end - base > 64 ? base + 64 : end;
  size_t at;

  while (marks) {
    at = cm_scan_lowest(marks);
    *pos = base + at;
    if (**pos == '"') return *pos;
    if (**pos == '\\') {
      marks &= ~(UINT64_C(3) << at); /* what is escaped says nothing here */
      *pos = pass_escape(*pos, end, strict, escaped);
      if (!*pos) return NULL;
    } else {
      *pos = (unsigned char)**pos >= 0x80 ? skip_beyond_ascii(*pos, end) : NULL;
      if (!*pos) return NULL;
      marks = cm_json_marks_from(marks, (size_t)(*pos - base));
    }
  }
  if (*pos < next) *pos = next;
  return NULL;
}

const char *cm_json_string_find_on(const char *begin, const char *pos, const char *end,
                                   uint64_t marks, cm_json_string *string) {
  const char *quote;

  for (;;) {
    quote = find_in_window(&pos, end, marks, 0, &string->escaped);
    if (quote) string->body.len = (size_t)(quote - string->body.ptr);
    if (quote || !pos || pos >= end) return quote;
    marks = cm_json_window(begin, pos, end);
  }
}

/* Whether what escapes marks of the window at pos are escapes. */
static inline int check_escapes(const char *pos, const char *end, uint64_t escapes, int *escaped) {
  if (escapes) *escaped |= CM_JSON_ESCAPED;
  for (; escapes; escapes &= escapes - 1) {
    const char *escape = pos + cm_scan_lowest(escapes);
    if (meaning_of(escape[1])) continue;
    if (!skip_escape(escape, end)) return 0;
    *escaped |= CM_JSON_HAS_UNITS;
  }
  return 1;
}

static inline int is_inside_character(char c) {
  return ((unsigned char)c & 0xC0) == 0x80;
}

/* Up to where the window at pos is looked at: what begins at its end, an escape or a character, is
   the next one's. Behind ASCII no character goes on, which the next one finds out. */
static inline size_t end_of_window(const char *pos, uint64_t escapes) {
  size_t end = WINDOW - (size_t)(escapes >> (WINDOW - 1)), begin = end;

  if (!is_inside_character(pos[end])) return end;
  while (is_inside_character(pos[begin])) begin--;
  return (unsigned char)pos[begin] >= 0x80 ? begin : end;
}

/* Goes over windows of which all is right, and known without a look at each of their bytes, up to
   a quote and returns that. NULL: *pos is where that ends. */
static inline const char *find_in_plain_windows(const char **pos, const char *end, int *escaped) {
  cm_json_signs signs;
  uint64_t escapes, quotes, inside;

  while (end - *pos >= WINDOW + LONGEST_CHARACTER) {
    cm_json_read_signs(*pos, &signs);
    escapes = cm_json_short_escapes(signs.backslashes);
    quotes = signs.quotes & ~(escapes << 1);
    inside = quotes ? (quotes & -quotes) - 1 : ~UINT64_C(0) >> (escapes >> (WINDOW - 1));
    signs.others &= inside;
    if (signs.others && !cm_json_short_check(*pos, signs.others)) return NULL;
    if (!check_escapes(*pos, end, escapes & inside, escaped)) return NULL;
    if (quotes) return *pos + cm_scan_lowest(quotes);
    *pos += end_of_window(*pos, escapes);
  }
  return NULL;
}

/* Keys are short, and so are most strings that are not deltas. */
static inline const char *find_soon(const char *pos, const char *end, cm_json_string *string) {
  uint64_t marks = end - pos >= 16 ? cm_json_marks16(pos) : 0;
  const char *special = pos + (marks ? cm_scan_lowest(marks) : 0);

  if (!marks || *special != '"') return NULL;
  string->body.ptr = pos;
  string->body.len = (size_t)(special - pos);
  string->escaped = 0;
  return special;
}

/* By itself: it has registers to save that short strings do without. */
__attribute__((noinline)) static const char *read_long(const char *begin, const char *pos,
                                                       const char *end, cm_json_string *string) {
  const char *quote;

  string->body.ptr = pos;
  string->body.len = 0;
  string->escaped = 0;
  do {
    quote = find_in_plain_windows(&pos, end, &string->escaped);
    if (!quote)
      quote = find_in_window(&pos, end, cm_json_window(begin, pos, end), 1, &string->escaped);
  } while (!quote && pos && pos < end);
  if (quote) string->body.len = (size_t)(quote - string->body.ptr);
  return quote;
}

const char *cm_json_string_read(const char *begin, const char *pos, const char *end,
                                cm_json_string *string) {
  const char *quote = find_soon(pos, end, string);

  return quote ? quote : read_long(begin, pos, end, string);
}

/* Of the window at pos; what is beyond end says nothing. */
static inline void read_signs_before(const char *pos, const char *end, cm_json_signs *signs) {
  char copy[WINDOW];

  if (end - pos < WINDOW) {
    memset(copy, 'x', sizeof copy);
    memcpy(copy, pos, (size_t)(end - pos));
    pos = copy;
  }
  cm_json_read_signs(pos, signs);
}

const char *cm_json_string_skip(const char *pos, const char *end, cm_json_string *string) {
  const char *begin = pos, *quote = find_soon(pos, end, string);
  uint64_t escapes, quotes;
  cm_json_signs signs;

  if (quote) return quote;
  string->body.ptr = begin;
  string->escaped = 0;
  do {
    read_signs_before(pos, end, &signs);
    escapes = cm_json_short_escapes(signs.backslashes);
    quotes = signs.quotes & ~(escapes << 1);
    if (quotes ? escapes & ((quotes & -quotes) - 1) : escapes) string->escaped = CM_JSON_ESCAPED;
    if (quotes) {
      string->body.len = cm_scan_lowest(quotes) + (size_t)(pos - begin);
      return begin + string->body.len;
    }
    pos += WINDOW - (escapes >> (WINDOW - 1)); /* an escape at its end is the next window's */
  } while (end - pos > 0);
  return NULL;
}

/* Unescaping */

static int read_hex4(const char *pos, unsigned *unit) {
  unsigned a = digit_of(pos[0]), b = digit_of(pos[1]), c = digit_of(pos[2]), d = digit_of(pos[3]);

  *unit = (a << 12) + (b << 8) + (c << 4) + d - 0x1111;
  return a && b && c && d;
}

/* The escape at pos, of whatever kind, or two that make a pair, in UTF-8. Returns how long that is,
   0 if it is none or half a pair; *read is how long the escape is. Of 12 bytes all may be read. */
static size_t read_character(const char *pos, char *out, size_t *read) {
  unsigned first, second;

  *out = meaning_of(pos[1]);
  *read = 2;
  if (*out) return 1;
  *read = 6;
  if (pos[1] != 'u' || !read_hex4(pos + 2, &first) || is_low(first)) return 0;
  if (!is_high(first)) return cm_utf8_put(out, first);
  *read = 12;
  if (pos[6] != '\\' || pos[7] != 'u' || !read_hex4(pos + 8, &second) || !is_low(second)) return 0;
  return cm_utf8_put(out, pair_of(first, second));
}

int cm_json_short_unescape_on(char *out, const cm_json_short *string, uint64_t escapes,
                              size_t shorter, size_t *length) {
  const char *pos = string->body.ptr;
  size_t at, read, written;

  while (escapes) {
    at = cm_scan_lowest(escapes);
    written = read_character(pos + at, out + at - shorter, &read);
    if (!written) return 0;
    cm_json_copy_short(out + at - shorter + written, pos + at + read);
    shorter += read - written;
    escapes = cm_json_marks_from(escapes, at + read);
  }
  *length = string->body.len - shorter;
  return 1;
}

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
  if (first && is_low(unit)) return cm_utf8_put(piece, pair_of(first, unit));
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

/* Writes what an escape means that is not one of two bytes, or comes after a half. Returns its
   length, 0 if it is none. */
static size_t write_unit(char **to, const char *pos, const char *end, unsigned *half) {
  cm_slice rest = { pos, (size_t)(end - pos) };
  unsigned unit;

  if (read_escape(&rest, &unit) != CM_OK) return 0;
  *to += settle(half, unit, *to);
  return (size_t)(rest.ptr - pos);
}

/* What body means, but for the half it may begin or end with. Returns how far it went: to the
   end, to the first escape that write_unit is for, or to one that is none. */
static inline const char *unescape_simple(char **out, const char *begin, const char *pos,
                                          const char *end) {
  char *to = *out;
  size_t run;

  for (;;) {
    run = cm_json_copy_unescaped(to, pos, (size_t)(end - pos), (size_t)(pos - begin));
    to += run;
    pos += run;
    if (end - pos < 2 || !meaning_of(pos[1])) break;
    *to++ = meaning_of(pos[1]);
    pos += 2;
  }
  *out = to;
  return pos;
}

/* An escape is never shorter than what it means; only a half before body may add to it. */
static cm_status unescape_at_once(cm_slice body, unsigned *carry, cm_buffer *out) {
  const char *pos = body.ptr, *end = body.ptr + body.len;
  char *to = out->ptr + out->len;
  size_t length = 1;

  while (pos < end && length > 0) {
    if (*carry && *pos != '\\') {
      to += cm_utf8_put(to, REPLACEMENT);
      *carry = 0;
    }
    if (!*carry) pos = unescape_simple(&to, body.ptr, pos, end);
    if (pos == end) break;
    length = write_unit(&to, pos, end, carry);
    pos += length;
  }
  out->len = (size_t)(to - out->ptr);
  return length > 0 ? CM_OK : CM_ERR_SYNTAX;
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
  enum { ROOM = LONGEST_PIECE + COPIED_BEYOND };

  if (body.len == 0) return CM_OK; /* its pointer may be null */
  if (body.len <= (size_t)-1 - ROOM && cm_buffer_reserve(out, body.len + ROOM) == CM_OK)
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

/* Escaping */

/* The second byte of an escape; 0: it takes four digits. */
static const char NAMES[256] = {
  ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
};

/* Writes the escape of a byte; returns past it. */
static inline char *put_escape(char *to, unsigned char c) {
  static const char digits[] = "0123456789abcdef";

  *to++ = '\\';
  if (NAMES[c]) {
    *to++ = NAMES[c];
    return to;
  }
  memcpy(to, "u00", 3);
  to[3] = digits[c >> 4];
  to[4] = digits[c & 15];
  return to + 5;
}

/* Copies a run of at most 64 bytes; more may be written, up to 16. Nothing from end on is read. */
static inline char *put_run(char *to, const char *from, size_t length, const char *end) {
  size_t done = 0;

  while (done < length && (size_t)(end - from) - done >= COPIED_AT_ONCE) {
    memcpy(to + done, from + done, COPIED_AT_ONCE);
    done += COPIED_AT_ONCE;
  }
  if (done < length) memcpy(to + done, from + done, length - done);
  return to + length;
}

/* So many bytes, at most 64, whose escapes are known. */
static inline char *escape_window(char *to, const char *pos, size_t length, uint64_t escapes,
                                  const char *end) {
  size_t at = 0, next;

  for (; escapes; escapes &= escapes - 1) {
    next = cm_scan_lowest(escapes);
    to = put_run(to, pos + at, next - at, end);
    to = put_escape(to, (unsigned char)pos[next]);
    at = next + 1;
  }
  return put_run(to, pos + at, length - at, end);
}

/* Of the last bytes, fewer than a window; begin is where the text begins. */
static uint64_t escapes_at_end(const char *begin, const char *pos, const char *end) {
  size_t left = (size_t)(end - pos);
  char copy[WINDOW];

  if (end - begin >= WINDOW) return cm_json_escapes(end - WINDOW) >> (WINDOW - left);
  memset(copy, 'x', sizeof copy);
  memcpy(copy, pos, left);
  return cm_json_escapes(copy);
}

/* Without more room than it needs. */
static cm_status escape_singly(const char *pos, const char *end, cm_buffer *out) {
  cm_status status = CM_OK;
  char escape[LONGEST_ESCAPE];
  cm_slice bytes;

  for (; pos < end && status == CM_OK; pos++) {
    bytes.ptr = cm_json_is_escaped(*pos) ? escape : pos;
    bytes.len = 1;
    if (bytes.ptr == escape) bytes.len = (size_t)(put_escape(escape, (unsigned char)*pos) - escape);
    status = cm_buffer_append(out, bytes);
  }
  return status;
}

/* For so many bytes, most of which stay as they are. */
static cm_status reserve_escaped(cm_buffer *out, size_t length) {
  if (length > (size_t)-1 / 2) return CM_ERR_LIMIT;
  return cm_buffer_reserve(out, length + length / 8 + ROOM_OF_WINDOW);
}

cm_status cm_json_string_escape(cm_slice text, cm_buffer *out) {
  const char *pos = text.ptr, *end = text.ptr + text.len;
  cm_status status = text.len ? reserve_escaped(out, text.len) : CM_OK;
  char *to;

  while (pos < end && status == CM_OK) {
    size_t length = end - pos < WINDOW ? (size_t)(end - pos) : WINDOW;
    uint64_t escapes = length < WINDOW ? escapes_at_end(text.ptr, pos, end) : cm_json_escapes(pos);

    to = escape_window(out->ptr + out->len, pos, length, escapes, end);
    out->len = (size_t)(to - out->ptr);
    pos += length;
    if (pos < end) status = cm_buffer_reserve(out, ROOM_OF_WINDOW);
  }
  return status == CM_ERR_LIMIT ? escape_singly(pos, end, out) : status;
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

/* The next escape that is four digits, or a backslash at the end; NULL: there is none. */
static const char *find_unit(const char *pos, const char *end) {
  while (pos < end && (pos = memchr(pos, '\\', (size_t)(end - pos)))) {
    if (end - pos < 2 || pos[1] == 'u') return pos;
    pos += 2;
  }
  return NULL;
}

int cm_json_string_has_lone_surrogate(cm_slice body) {
  const char *end = body.ptr + body.len, *pos = find_unit(body.ptr, end), *next = pos;
  unsigned first = 0, unit;
  cm_slice rest;

  for (; pos; pos = find_unit(next, end)) {
    if (first && pos != next) return 1;
    rest.ptr = pos;
    rest.len = (size_t)(end - pos);
    if (read_escape(&rest, &unit) != CM_OK) return 1;
    if ((first != 0) != is_low(unit)) return 1;
    first = is_high(unit) ? unit : 0;
    next = rest.ptr;
  }
  return first != 0;
}
