/*
** json_scan.h - runs of bytes in JSON text, looked through many at a time.
**
** Way in:  ... json_reader, delta, json_string -> [json_scan]
**
** Each question has twins that answer the same: one that takes 16 bytes at a time where the
** machine can (SSE2), one that takes 8 on any machine with little-endian words, and one that
** takes them singly. The names without an ending are the fastest that there is. Nothing is
** read outside of pos to end.
*/
#ifndef CM_JSON_SCAN_H
#define CM_JSON_SCAN_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define CM_SCAN_BYTES(byte) ((uint64_t)(byte)*UINT64_C(0x0101010101010101))

/* Plain: the bytes of a string that are ASCII and mean themselves. */
static inline int cm_json_is_plain(char c) {
  unsigned char byte = (unsigned char)c;

  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static inline const char *cm_json_skip_plain_singly(const char *pos, const char *end) {
  while (pos < end && cm_json_is_plain(*pos)) pos++;
  return pos;
}

static inline const char *cm_json_skip_blanks_singly(const char *pos, const char *end) {
  while (pos < end && *pos == ' ') pos++;
  return pos;
}

/* Copies up to the first backslash, or to the end; returns how many bytes that were. */
static inline size_t cm_json_copy_unescaped_singly(char *out, const char *pos, const char *end) {
  const char *start = pos;

  while (pos < end && *pos != '\\') *out++ = *pos++;
  return (size_t)(pos - start);
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/*
** Bytes that are not plain have their top bit set in the result, exactly up to the first of
** them: a borrow can only spoil what comes after.
*/
static inline uint64_t cm_json_marks(uint64_t word) {
  return (word | (word - CM_SCAN_BYTES(0x20)) | ((word ^ CM_SCAN_BYTES('"')) - CM_SCAN_BYTES(1)) |
          ((word ^ CM_SCAN_BYTES('\\')) - CM_SCAN_BYTES(1))) &
         CM_SCAN_BYTES(0x80);
}

/* Backslashes, likewise; a byte beyond ASCII is none. */
static inline uint64_t cm_json_backslash_marks(uint64_t word) {
  uint64_t other = word ^ CM_SCAN_BYTES('\\');

  return (other - CM_SCAN_BYTES(1)) & ~other & CM_SCAN_BYTES(0x80);
}

static inline size_t cm_scan_first(uint64_t marks) {
  return (size_t)__builtin_ctzll(marks) >> 3;
}

static inline const char *cm_json_skip_plain_words(const char *pos, const char *end) {
  uint64_t word, marks;

  while ((size_t)(end - pos) >= sizeof word) {
    memcpy(&word, pos, sizeof word);
    marks = cm_json_marks(word);
    if (marks) return pos + cm_scan_first(marks);
    pos += sizeof word;
  }
  return cm_json_skip_plain_singly(pos, end);
}

static inline const char *cm_json_skip_blanks_words(const char *pos, const char *end) {
  uint64_t word;

  while ((size_t)(end - pos) >= sizeof word) {
    memcpy(&word, pos, sizeof word);
    word ^= CM_SCAN_BYTES(' ');
    if (word) return pos + cm_scan_first(word);
    pos += sizeof word;
  }
  return cm_json_skip_blanks_singly(pos, end);
}

static inline size_t cm_json_copy_unescaped_words(char *out, const char *pos, const char *end) {
  const char *start = pos;
  uint64_t word, marks;

  while ((size_t)(end - pos) >= sizeof word) {
    memcpy(&word, pos, sizeof word);
    memcpy(out, &word, sizeof word);
    marks = cm_json_backslash_marks(word);
    if (marks) return (size_t)(pos - start) + cm_scan_first(marks);
    pos += sizeof word;
    out += sizeof word;
  }
  return (size_t)(pos - start) + cm_json_copy_unescaped_singly(out, pos, end);
}

#else
#define cm_json_skip_plain_words cm_json_skip_plain_singly
#define cm_json_skip_blanks_words cm_json_skip_blanks_singly
#define cm_json_copy_unescaped_words cm_json_copy_unescaped_singly
#endif

#if defined(__SSE2__)

/* Signed, what is below a blank are the control characters and all that is beyond ASCII. */
static inline unsigned cm_json_marks16(__m128i bytes) {
  __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  __m128i others = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));

  return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others));
}

static inline __m128i cm_scan_load16(const char *pos) {
  return _mm_loadu_si128((const __m128i *)(const void *)pos);
}

static inline const char *cm_json_skip_plain(const char *pos, const char *end) {
  unsigned marks;

  while (end - pos >= 16) {
    marks = cm_json_marks16(cm_scan_load16(pos));
    if (marks) return pos + __builtin_ctz(marks);
    pos += 16;
  }
  return cm_json_skip_plain_words(pos, end);
}

static inline const char *cm_json_skip_blanks(const char *pos, const char *end) {
  unsigned others;

  while (end - pos >= 16) {
    others = 0xFFFFu ^
             (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(cm_scan_load16(pos), _mm_set1_epi8(' ')));
    if (others) return pos + __builtin_ctz(others);
    pos += 16;
  }
  return cm_json_skip_blanks_words(pos, end);
}

static inline size_t cm_json_copy_unescaped(char *out, const char *pos, const char *end) {
  const char *start = pos;
  __m128i bytes;
  unsigned marks;

  while (end - pos >= 16) {
    bytes = cm_scan_load16(pos);
    _mm_storeu_si128((__m128i *)(void *)out, bytes);
    marks = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    if (marks) return (size_t)(pos - start) + (size_t)__builtin_ctz(marks);
    pos += 16;
    out += 16;
  }
  return (size_t)(pos - start) + cm_json_copy_unescaped_words(out, pos, end);
}

#else
#define cm_json_skip_plain cm_json_skip_plain_words
#define cm_json_skip_blanks cm_json_skip_blanks_words
#define cm_json_copy_unescaped cm_json_copy_unescaped_words
#endif

#endif
