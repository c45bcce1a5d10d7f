#include "core/utf8.h"

#include <stdint.h>
#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD";

static size_t tail_length(unsigned char lead) {
  if (lead < 0xC2) return 0; /* a continuation byte, or overlong */
  if (lead < 0xE0) return 1;
  if (lead < 0xF0) return 2;
  return lead < 0xF5 ? 3 : 0;
}

int cm_utf8_sequence(cm_slice text, size_t *step) {
  const unsigned char *byte = (const unsigned char *)text.ptr;
  size_t tail = tail_length(byte[0]), i;
  unsigned low = 0x80, high = 0xBF;

  *step = 1;
  if (tail == 0) return byte[0] < 0x80;
  /* Only the second byte tells overlong forms, surrogates and too large codes. */
  if (byte[0] == 0xE0) low = 0xA0;
  if (byte[0] == 0xED) high = 0x9F;
  if (byte[0] == 0xF0) low = 0x90;
  if (byte[0] == 0xF4) high = 0x8F;
  for (i = 1; i <= tail; i++) {
    if (i >= text.len || byte[i] < low || byte[i] > high) return 0;
    *step = i + 1;
    low = 0x80;
    high = 0xBF;
  }
  return 1;
}

static inline uint64_t word_at(const char *pos) {
  uint64_t word;

  memcpy(&word, pos, sizeof word);
  return word;
}

static size_t ascii_prefix(cm_slice text) {
  static const uint64_t beyond = 0x8080808080808080u;
  const char *pos = text.ptr, *end = text.ptr + text.len;

  for (; end - pos >= 32; pos += 32)
    if ((word_at(pos) | word_at(pos + 8) | word_at(pos + 16) | word_at(pos + 24)) & beyond) break;
  while (end - pos >= 8 && !(word_at(pos) & beyond)) pos += 8;
  while (pos < end && (unsigned char)*pos < 0x80) pos++;
  return (size_t)(pos - text.ptr);
}

size_t cm_utf8_valid_prefix(cm_slice text) {
  cm_slice rest = text;
  size_t step;

  for (;;) {
    step = ascii_prefix(rest);
    rest.ptr += step;
    rest.len -= step;
    while (rest.len && (unsigned char)*rest.ptr >= 0x80) {
      step = cm_utf8_length(rest.ptr, rest.len);
      if (step == 0) return text.len - rest.len;
      rest.ptr += step;
      rest.len -= step;
    }
    if (rest.len == 0) return text.len;
  }
}

cm_status cm_utf8_scrub(cm_slice text, cm_buffer *out, size_t *replaced) {
  const cm_slice mark = { replacement, sizeof replacement - 1 };
  cm_slice valid;
  cm_status status = CM_OK;
  size_t step;

  *replaced = 0;
  while (text.len && status == CM_OK) {
    valid.ptr = text.ptr;
    valid.len = cm_utf8_valid_prefix(text);
    text.ptr += valid.len;
    text.len -= valid.len;
    status = cm_buffer_append(out, valid);
    if (text.len == 0 || status != CM_OK) break;
    cm_utf8_sequence(text, &step);
    text.ptr += step;
    text.len -= step;
    ++*replaced;
    status = cm_buffer_append(out, mark);
  }
  return status;
}

static char tail_byte(unsigned long code, unsigned shift) {
  return (char)(0x80 | ((code >> shift) & 0x3F));
}

size_t cm_utf8_put(char out[4], unsigned long code) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (char)(0xC0 | (code >> 6));
    out[1] = tail_byte(code, 0);
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (char)(0xE0 | (code >> 12));
    out[1] = tail_byte(code, 6);
    out[2] = tail_byte(code, 0);
    return 3;
  }
  out[0] = (char)(0xF0 | (code >> 18));
  out[1] = tail_byte(code, 12);
  out[2] = tail_byte(code, 6);
  out[3] = tail_byte(code, 0);
  return 4;
}
