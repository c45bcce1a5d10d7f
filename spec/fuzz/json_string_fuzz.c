/*
** json_string_fuzz.c - the first byte of the input chooses how large pieces are, the rest is
** taken for a text, and for the inside of a JSON string:
**   - a text that is escaped is the inside of a string, and unescaped the text again;
**   - the inside of a string unescaped in pieces is what it is at once, and what its UTF-16
**     units say one by one; it says its own text and no other; its end is found without a look
**     at what is in it;
**   - whatever the bytes are, they are unescaped or refused.
*/
#include "fuzz.h"
#include "plain_json.h"
#include "record.h"

#include "core/json_reader.h"
#include "core/json_string.h"
#include "core/slice.h"
#include "core/utf8.h"

/* Of a string that is valid the end is where it is read to be, where only that is looked for. */
static void check_end(cm_slice quoted) {
  const char *begin = quoted.ptr + 1, *end = quoted.ptr + quoted.len, *quote;
  cm_json_string read, skipped;

  quote = cm_json_string_read(begin, begin, end, &read);
  REQUIRE(quote == end - 1 && cm_json_string_skip(begin, end, &skipped) == quote);
  REQUIRE(skipped.body.ptr == begin && skipped.body.len == read.body.len);
  REQUIRE(!skipped.escaped == !read.escaped);
}

/* The inside of a string as a second reader has it: valid, or not. */
static int is_inside(cm_slice body) {
  record quoted;
  int too_deep, is;

  record_init(&quoted);
  REQUIRE(cm_buffer_append_text(&quoted.bytes, "\"") == CM_OK);
  REQUIRE(cm_buffer_append(&quoted.bytes, body) == CM_OK);
  REQUIRE(cm_buffer_append_text(&quoted.bytes, "\"") == CM_OK);
  is = plain_json_is(quoted.bytes.ptr, quoted.bytes.len, 1, &too_deep);
  REQUIRE(is == (cm_json_check(cm_slice_in(&quoted.bytes), NULL) == CM_OK));
  if (is) check_end(cm_slice_in(&quoted.bytes));
  record_deinit(&quoted);
  return is;
}

/* One character or escape: fragments of a text end nowhere else. */
static size_t unit_length(cm_slice body) {
  size_t length = 1;

  if (body.ptr[0] == '\\') return body.ptr[1] == 'u' ? 6 : 2;
  cm_utf8_sequence(body, &length);
  return length;
}

/* So many units at a time. */
static size_t fragment_length(cm_slice body, unsigned units) {
  size_t length = 0;
  cm_slice rest = body;

  while (units-- > 0 && length < body.len) {
    rest.ptr = body.ptr + length;
    rest.len = body.len - length;
    length += unit_length(rest);
  }
  return length;
}

static void unescape_in_pieces(cm_slice body, unsigned units, record *out) {
  unsigned carry = 0;
  cm_slice piece = body;

  while (body.len) {
    piece.ptr = body.ptr;
    piece.len = fragment_length(body, units);
    REQUIRE(cm_json_string_unescape(piece, &carry, &out->bytes) == CM_OK);
    body.ptr += piece.len;
    body.len -= piece.len;
  }
  REQUIRE(cm_json_string_finish(&carry, &out->bytes) == CM_OK);
}

/* The plain way: the units' numbers, then pairs and what is left of them. */

static unsigned long escaped_unit(const char *escape) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  char digits[5] = "";

  if (escape[1] != 'u') return (unsigned char)to[strchr(from, escape[1]) - from];
  memcpy(digits, escape + 2, 4);
  return strtoul(digits, NULL, 16);
}

static unsigned long unit_at(cm_slice body, size_t at) {
  return at < body.len && body.ptr[at] == '\\' ? escaped_unit(body.ptr + at) : 0;
}

static int is_high(unsigned long unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}

static int is_low(unsigned long unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

static void put_code(record *out, unsigned long code) {
  char bytes[4];
  cm_slice slice;

  slice.ptr = bytes;
  slice.len = cm_utf8_put(bytes, code);
  REQUIRE(cm_buffer_append(&out->bytes, slice) == CM_OK);
}

/* Returns whether half of a pair stands alone somewhere. */
static int unescape_plainly(cm_slice body, record *out) {
  size_t at = 0, length;
  unsigned long unit, next;
  int lone = 0;

  for (; at < body.len; at += length) {
    cm_slice rest = { body.ptr + at, body.len - at };
    length = unit_length(rest);
    unit = unit_at(body, at);
    next = is_high(unit) ? unit_at(body, at + length) : 0;
    if (body.ptr[at] != '\\') {
      rest.len = length;
      REQUIRE(cm_buffer_append(&out->bytes, rest) == CM_OK);
    } else if (is_low(next)) {
      put_code(out, 0x10000 + (unit - 0xD800) * 0x400 + (next - 0xDC00));
      length += 6;
    } else {
      lone |= is_high(unit) || is_low(unit);
      put_code(out, is_high(unit) || is_low(unit) ? 0xFFFD : unit);
    }
  }
  return lone;
}

static void check_equals(cm_slice body, const record *plain) {
  cm_json_string string = { body, body.len && memchr(body.ptr, '\\', body.len) != NULL };
  cm_slice text = cm_slice_in(&plain->bytes), other = text;
  record longer;

  REQUIRE(cm_json_string_equals(string, text));
  if (other.len) other.len--;
  REQUIRE(cm_json_string_equals(string, other) == (other.len == text.len));
  record_init(&longer);
  REQUIRE(cm_buffer_append(&longer.bytes, text) == CM_OK);
  REQUIRE(cm_buffer_append_text(&longer.bytes, "x") == CM_OK);
  REQUIRE(!cm_json_string_equals(string, cm_slice_in(&longer.bytes)));
  record_deinit(&longer);
}

static void check_inside(cm_slice body, unsigned units) {
  record whole, pieces, plain;
  unsigned carry = 0;

  record_init(&whole);
  record_init(&pieces);
  record_init(&plain);
  REQUIRE(cm_json_string_unescape(body, &carry, &whole.bytes) == CM_OK);
  REQUIRE(cm_json_string_finish(&carry, &whole.bytes) == CM_OK && carry == 0);
  unescape_in_pieces(body, units, &pieces);
  REQUIRE(record_equal(&whole, &pieces));
  REQUIRE(cm_json_string_has_lone_surrogate(body) == unescape_plainly(body, &plain));
  REQUIRE(record_equal(&whole, &plain));
  REQUIRE(cm_utf8_valid_prefix(cm_slice_in(&whole.bytes)) == whole.bytes.len);
  check_equals(body, &whole);
  record_deinit(&whole);
  record_deinit(&pieces);
  record_deinit(&plain);
}

/* Bytes that nobody has checked: an error is one from then on, or all is text. */
static void check_anything(cm_slice body) {
  record out;
  unsigned carry = 0;
  cm_status status;

  record_init(&out);
  status = cm_json_string_unescape(body, &carry, &out.bytes);
  REQUIRE(status == CM_OK || status == CM_ERR_SYNTAX);
  cm_json_string_has_lone_surrogate(body); /* of what is no string it may say either */
  record_deinit(&out);
}

static void check_text(cm_slice text) {
  record escaped, back;
  unsigned carry = 0;

  record_init(&escaped);
  record_init(&back);
  REQUIRE(cm_json_string_escape(text, &escaped.bytes) == CM_OK);
  REQUIRE(is_inside(cm_slice_in(&escaped.bytes)));
  REQUIRE(!cm_json_string_has_lone_surrogate(cm_slice_in(&escaped.bytes)));
  REQUIRE(cm_json_string_unescape(cm_slice_in(&escaped.bytes), &carry, &back.bytes) == CM_OK);
  REQUIRE(carry == 0 && back.bytes.len == text.len);
  REQUIRE(text.len == 0 || memcmp(back.bytes.ptr, text.ptr, text.len) == 0);
  record_deinit(&escaped);
  record_deinit(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cm_slice text;

  if (size < 1) return 0;
  text = record_input(data + 1, size - 1);
  check_anything(text);
  if (cm_utf8_valid_prefix(text) == text.len) check_text(text);
  if (is_inside(text)) check_inside(text, data[0] % 7 + 1u);
  return 0;
}
