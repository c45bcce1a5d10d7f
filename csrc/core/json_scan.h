/*
** json_scan.h - JSON text looked through many bytes at a time.
**
** Way in:  ... json_reader, delta, json_string -> [json_scan]
**
** Each question has twins that answer the same: one that takes 16 bytes at a time where the
** machine can (SSE2), one that takes 8 on any machine with little-endian words, and one that
** takes them singly. The names without an ending are the fastest that there is. Nothing is
** read or written outside of what is said.
*/
#ifndef CM_JSON_SCAN_H
#define CM_JSON_SCAN_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static inline size_t cm_scan_lowest(uint64_t marks) {
  return (size_t)__builtin_ctzll(marks);
}

/* Plain: the bytes of a string that are ASCII and mean themselves. */
static inline int cm_json_is_plain(char c) {
  unsigned char byte = (unsigned char)c;

  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* Marks: a bit for each of the 64 bytes at pos, the first the lowest; set: not plain. */
static inline uint64_t cm_json_marks_singly(const char *pos) {
  uint64_t marks = 0;
  unsigned i;

  for (i = 0; i < 64; i++) marks |= (uint64_t)!cm_json_is_plain(pos[i]) << i;
  return marks;
}

/* The same for the 16 bytes at pos only. */
static inline uint64_t cm_json_marks16_singly(const char *pos) {
  uint64_t marks = 0;
  unsigned i;

  for (i = 0; i < 16; i++) marks |= (uint64_t)!cm_json_is_plain(pos[i]) << i;
  return marks;
}

/* What a string must have escaped: the bytes that are not plain, but for those beyond ASCII. */
static inline int cm_json_is_escaped(char c) {
  return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

/* Escapes: a bit for each of the 64 bytes at pos, the first the lowest; set: it must be escaped. */
static inline uint64_t cm_json_escapes_singly(const char *pos) {
  uint64_t marks = 0;
  unsigned i;

  for (i = 0; i < 64; i++) marks |= (uint64_t)cm_json_is_escaped(pos[i]) << i;
  return marks;
}

/* Signs: the 64 bytes at pos that may mean something in a string, a bit for each as in marks. */
typedef struct cm_json_signs {
  uint64_t quotes;
  uint64_t backslashes;
  uint64_t others; /* control characters, and all that is beyond ASCII */
} cm_json_signs;

static inline void cm_json_read_signs_singly(const char *pos, cm_json_signs *signs) {
  unsigned i;

  memset(signs, 0, sizeof *signs);
  for (i = 0; i < 64; i++) {
    signs->quotes |= (uint64_t)(pos[i] == '"') << i;
    signs->backslashes |= (uint64_t)(pos[i] == '\\') << i;
    signs->others |= (uint64_t)((unsigned char)pos[i] < 0x20 || (unsigned char)pos[i] >= 0x80) << i;
  }
}

static inline const char *cm_json_skip_blanks_singly(const char *pos, const char *end) {
  while (pos < end && *pos == ' ') pos++;
  return pos;
}

/* Copies up to the first backslash, or length bytes; returns how many that were. So many bytes
   before pos may be read. Up to length bytes may have been written, and 8 more. */
static inline size_t cm_json_copy_unescaped_singly(char *out, const char *pos, size_t length,
                                                   size_t before) {
  size_t i;

  (void)before;
  for (i = 0; i < length && pos[i] != '\\'; i++) out[i] = pos[i];
  return i;
}

#define CM_SCAN_BYTES(byte) ((uint64_t)(byte)*UINT64_C(0x0101010101010101))

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

static inline uint64_t cm_scan_word(const char *pos) {
  uint64_t word;

  memcpy(&word, pos, sizeof word);
  return word;
}

static inline size_t cm_scan_first(uint64_t tops) {
  return cm_scan_lowest(tops) >> 3;
}

/* The top bit of each byte says whether that byte is 0: no sum carries over into the next. */
static inline uint64_t cm_scan_zeros(uint64_t word) {
  return ~(((word & CM_SCAN_BYTES(0x7F)) + CM_SCAN_BYTES(0x7F)) | word) & CM_SCAN_BYTES(0x80);
}

/* Of 8 bytes: the control characters and those beyond ASCII have their top bit set. */
static inline uint64_t cm_json_other_tops(uint64_t word) {
  uint64_t controls = ~((word & CM_SCAN_BYTES(0x7F)) + CM_SCAN_BYTES(0x60));

  return (word | controls) & CM_SCAN_BYTES(0x80);
}

/* The same for all that are not plain. */
static inline uint64_t cm_json_tops(uint64_t word) {
  return cm_json_other_tops(word) | cm_scan_zeros(word ^ CM_SCAN_BYTES('"')) |
         cm_scan_zeros(word ^ CM_SCAN_BYTES('\\'));
}

/* The top bits of 8 bytes, the first the lowest. */
static inline uint64_t cm_scan_gather(uint64_t tops) {
  return ((tops >> 7) * UINT64_C(0x0102040810204080)) >> 56;
}

static inline uint64_t cm_json_marks_words(const char *pos) {
  uint64_t marks = 0;
  unsigned i;

  for (i = 0; i < 64; i += 8) marks |= cm_scan_gather(cm_json_tops(cm_scan_word(pos + i))) << i;
  return marks;
}

static inline uint64_t cm_json_escapes_words(const char *pos) {
  uint64_t marks = 0, word, beyond_ascii;
  unsigned i;

  for (i = 0; i < 64; i += 8) {
    word = cm_scan_word(pos + i);
    beyond_ascii = word & CM_SCAN_BYTES(0x80);
    marks |= cm_scan_gather(cm_json_tops(word) & ~beyond_ascii) << i;
  }
  return marks;
}

static inline uint64_t cm_json_marks16_words(const char *pos) {
  return cm_scan_gather(cm_json_tops(cm_scan_word(pos))) |
         cm_scan_gather(cm_json_tops(cm_scan_word(pos + 8))) << 8;
}

static inline void cm_json_read_signs_words(const char *pos, cm_json_signs *signs) {
  uint64_t word;
  unsigned i;

  memset(signs, 0, sizeof *signs);
  for (i = 0; i < 64; i += 8) {
    word = cm_scan_word(pos + i);
    signs->quotes |= cm_scan_gather(cm_scan_zeros(word ^ CM_SCAN_BYTES('"'))) << i;
    signs->backslashes |= cm_scan_gather(cm_scan_zeros(word ^ CM_SCAN_BYTES('\\'))) << i;
    signs->others |= cm_scan_gather(cm_json_other_tops(word)) << i;
  }
}

static inline const char *cm_json_skip_blanks_words(const char *pos, const char *end) {
  uint64_t others;

  while (end - pos >= 8) {
    others = cm_scan_word(pos) ^ CM_SCAN_BYTES(' ');
    if (others) return pos + cm_scan_first(others);
    pos += 8;
  }
  return cm_json_skip_blanks_singly(pos, end);
}

static inline size_t cm_json_copy_unescaped_words(char *out, const char *pos, size_t length,
                                                  size_t before) {
  size_t i, left;
  uint64_t word, tops;

  for (i = 0; length - i >= 8; i += 8) {
    word = cm_scan_word(pos + i);
    memcpy(out + i, &word, sizeof word);
    tops = cm_scan_zeros(word ^ CM_SCAN_BYTES('\\'));
    if (tops) return i + cm_scan_first(tops);
  }
  left = length - i;
  if (left == 0) return i;
  if (before + length < 8)
    return i + cm_json_copy_unescaped_singly(out + i, pos + i, left, before + i);
  word = cm_scan_word(pos + length - 8) >> (64 - 8 * left); /* the last, and zeros */
  memcpy(out + i, &word, sizeof word);
  tops = cm_scan_zeros(word ^ CM_SCAN_BYTES('\\'));
  return i + (tops ? cm_scan_first(tops) : left);
}

#else
#define cm_json_marks_words cm_json_marks_singly
#define cm_json_escapes_words cm_json_escapes_singly
#define cm_json_marks16_words cm_json_marks16_singly
#define cm_json_read_signs_words cm_json_read_signs_singly
#define cm_json_skip_blanks_words cm_json_skip_blanks_singly
#define cm_json_copy_unescaped_words cm_json_copy_unescaped_singly
#endif

#if defined(__SSE2__)

static inline __m128i cm_scan_load16(const char *pos) {
  return _mm_loadu_si128((const __m128i *)(const void *)pos);
}

/* Signed, what is below a blank are the control characters and all that is beyond ASCII. */
static inline uint64_t cm_json_marks16(const char *pos) {
  __m128i bytes = cm_scan_load16(pos);
  __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  __m128i others = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));

  return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others));
}

static inline uint64_t cm_json_marks(const char *pos) {
  return cm_json_marks16(pos) | cm_json_marks16(pos + 16) << 16 | cm_json_marks16(pos + 32) << 32 |
         cm_json_marks16(pos + 48) << 48;
}

/* Of 16 bytes: unsigned, what is below a blank is the least of itself and the byte before that. */
static inline uint64_t cm_json_escapes16(const char *pos) {
  __m128i bytes = cm_scan_load16(pos);
  __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  __m128i controls = _mm_cmpeq_epi8(bytes, _mm_min_epu8(bytes, _mm_set1_epi8(0x1F)));

  return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), controls));
}

static inline uint64_t cm_json_escapes(const char *pos) {
  return cm_json_escapes16(pos) | cm_json_escapes16(pos + 16) << 16 |
         cm_json_escapes16(pos + 32) << 32 | cm_json_escapes16(pos + 48) << 48;
}

static inline uint64_t cm_scan_mask16(__m128i found) {
  return (unsigned)_mm_movemask_epi8(found);
}

/* Less a blank, without a sum that wraps: what is below one, as signed numbers, is negative. */
static inline void cm_json_read_signs(const char *pos, cm_json_signs *signs) {
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'),
                blank = _mm_set1_epi8(0x20);
  __m128i a = cm_scan_load16(pos), b = cm_scan_load16(pos + 16), c = cm_scan_load16(pos + 32),
          d = cm_scan_load16(pos + 48);

  signs->quotes = cm_scan_mask16(_mm_cmpeq_epi8(a, quote)) |
                  cm_scan_mask16(_mm_cmpeq_epi8(b, quote)) << 16 |
                  cm_scan_mask16(_mm_cmpeq_epi8(c, quote)) << 32 |
                  cm_scan_mask16(_mm_cmpeq_epi8(d, quote)) << 48;
  signs->backslashes = cm_scan_mask16(_mm_cmpeq_epi8(a, backslash)) |
                       cm_scan_mask16(_mm_cmpeq_epi8(b, backslash)) << 16 |
                       cm_scan_mask16(_mm_cmpeq_epi8(c, backslash)) << 32 |
                       cm_scan_mask16(_mm_cmpeq_epi8(d, backslash)) << 48;
  signs->others =
      cm_scan_mask16(_mm_subs_epi8(a, blank)) | cm_scan_mask16(_mm_subs_epi8(b, blank)) << 16 |
      cm_scan_mask16(_mm_subs_epi8(c, blank)) << 32 | cm_scan_mask16(_mm_subs_epi8(d, blank)) << 48;
}

static inline const char *cm_json_skip_blanks(const char *pos, const char *end) {
  const __m128i blanks = _mm_set1_epi8(' ');
  unsigned others;

  while (end - pos >= 16) {
    others = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(cm_scan_load16(pos), blanks)) ^ 0xFFFFu;
    if (others) return pos + cm_scan_lowest(others);
    pos += 16;
  }
  return cm_json_skip_blanks_words(pos, end);
}

static inline size_t cm_json_copy_unescaped(char *out, const char *pos, size_t length,
                                            size_t before) {
  const __m128i backslashes = _mm_set1_epi8('\\');
  __m128i bytes;
  unsigned marks;
  size_t i;

  for (i = 0; length - i >= 16; i += 16) {
    bytes = cm_scan_load16(pos + i);
    _mm_storeu_si128((__m128i *)(void *)(out + i), bytes);
    marks = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, backslashes));
    if (marks) return i + cm_scan_lowest(marks);
  }
  return i + cm_json_copy_unescaped_words(out + i, pos + i, length - i, before + i);
}

#else
#define cm_json_marks cm_json_marks_words
#define cm_json_escapes cm_json_escapes_words
#define cm_json_marks16 cm_json_marks16_words
#define cm_json_read_signs cm_json_read_signs_words
#define cm_json_skip_blanks cm_json_skip_blanks_words
#define cm_json_copy_unescaped cm_json_copy_unescaped_words
#endif

/* The marks that are not before the byte so far from the first. */
static inline uint64_t cm_json_marks_from(uint64_t marks, size_t distance) {
  return distance < 64 ? marks >> distance << distance : 0;
}

/*
** The marks of what there is from pos to end, at most 64 bytes; the bits of the others are 0.
** begin is before pos, or there: a window that would reach beyond end reaches before pos instead.
*/
static inline uint64_t cm_json_window(const char *begin, const char *pos, const char *end) {
  size_t left = (size_t)(end - pos);
  char copy[64];

  if (left >= 64) return cm_json_marks(pos);
  if (left == 0) return 0;
  if (end - begin >= 64) return cm_json_marks(end - 64) >> (64 - left);
  memset(copy, 'x', sizeof copy);
  memcpy(copy, pos, left);
  return cm_json_marks(copy);
}

#endif
