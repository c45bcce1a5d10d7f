/*
** plain_utf8.h - UTF-8 by Unicode's table 3-7 of well-formed byte sequences, row by row: a
** second opinion on what core/utf8 says.
*/
#ifndef CM_PLAIN_UTF8_H
#define CM_PLAIN_UTF8_H

#include <stddef.h>

typedef struct plain_utf8_row {
  unsigned char ranges[4][2]; /* of each byte; 0, 0: the sequence has no such byte */
} plain_utf8_row;

static const plain_utf8_row plain_utf8_table[] = {
  { { { 0x00, 0x7F } } },
  { { { 0xC2, 0xDF }, { 0x80, 0xBF } } },
  { { { 0xE0, 0xE0 }, { 0xA0, 0xBF }, { 0x80, 0xBF } } },
  { { { 0xE1, 0xEC }, { 0x80, 0xBF }, { 0x80, 0xBF } } },
  { { { 0xED, 0xED }, { 0x80, 0x9F }, { 0x80, 0xBF } } },
  { { { 0xEE, 0xEF }, { 0x80, 0xBF }, { 0x80, 0xBF } } },
  { { { 0xF0, 0xF0 }, { 0x90, 0xBF }, { 0x80, 0xBF }, { 0x80, 0xBF } } },
  { { { 0xF1, 0xF3 }, { 0x80, 0xBF }, { 0x80, 0xBF }, { 0x80, 0xBF } } },
  { { { 0xF4, 0xF4 }, { 0x80, 0x8F }, { 0x80, 0xBF }, { 0x80, 0xBF } } },
};

/* How many of the row's bytes text begins with; *whole: all of them. */
static inline size_t plain_utf8_match(const plain_utf8_row *row, const unsigned char *text,
                                      size_t size, int *whole) {
  size_t at = 0;

  while (at < 4 && row->ranges[at][1] != 0) {
    *whole = 0;
    if (at == size || text[at] < row->ranges[at][0] || text[at] > row->ranges[at][1]) return at;
    at++;
  }
  *whole = 1;
  return at;
}

/*
** The length of the well-formed sequence that text, of at least one byte, begins with; 0 if
** there is none. *part is then how long the part is that one U+FFFD stands for: the longest
** beginning of any row's sequence, or one byte.
*/
static inline size_t plain_utf8_length(const unsigned char *text, size_t size, size_t *part) {
  size_t row, length;
  int whole = 0;

  *part = 1;
  for (row = 0; row < sizeof plain_utf8_table / sizeof *plain_utf8_table; row++) {
    length = plain_utf8_match(&plain_utf8_table[row], text, size, &whole);
    if (whole) return length;
    if (length > *part) *part = length;
  }
  return 0;
}

#endif
