/*
** json_short.h - the inside of short JSON strings, found, checked and unescaped without a look at
** each of their bytes.
**
** Way in:  ... ahead -> [json_short]
**
** A short cut: what these functions do not know of a string is for json_string.h to find out. Few
** branches depend on what the text says, since no processor can foretell those.
*/
#ifndef CM_JSON_SHORT_H
#define CM_JSON_SHORT_H

#include <string.h>

#include "core/base.h"
#include "core/json_scan.h"

enum {
  CM_JSON_SHORT = 64,                   /* a string, with its quote, has at most so many bytes */
  CM_JSON_READABLE = 2 * CM_JSON_SHORT, /* so many may be read from its first byte on */
  CM_JSON_WRITABLE = 2 * CM_JSON_SHORT  /* so many may be written where its text goes */
};

typedef struct cm_json_short {
  cm_slice body;    /* between the quotes, as it came: valid UTF-8, no control characters */
  uint64_t escapes; /* a bit for each byte of body: a backslash that begins an escape */
} cm_json_short;

/*
** Of backslashes: those that begin an escape. In a run of them that is each second one, from the
** first on. A run that begins at an even place ends, for a sum, in the carry behind it.
*/
static inline uint64_t cm_json_short_escapes(uint64_t backslashes) {
  const uint64_t even = CM_SCAN_BYTES(0x55);
  uint64_t starts = backslashes & ~(backslashes << 1) & even;
  uint64_t of_even = backslashes & ~(backslashes + starts);

  return (of_even & even) | (backslashes & ~of_even & ~even);
}

/* Bytes that are no plain ASCII: a bit for each of those from pos on. */
typedef struct cm_json_others {
  const char *pos;
  uint64_t bytes;
} cm_json_others;

/*
** Whether the bytes in each of the list are characters beyond ASCII, each of them whole. Of each
** there are some; one more behind them may be read. Many at once, since whether a text has any no
** processor can foretell.
*/
int cm_json_short_check_all(const cm_json_others *list, size_t count);

/* The same of one. */
static inline int cm_json_short_check(const char *pos, uint64_t others) {
  cm_json_others list[2] = { { pos, others }, { NULL, 0 } };

  return cm_json_short_check_all(list, 1);
}

/* Finds the end of a string whose opening quote is before pos; 0 if there is none so soon. What
   others says has to be checked yet. */
__attribute__((always_inline)) static inline int
cm_json_short_find_end(const char *pos, cm_json_short *string, uint64_t *others) {
  cm_json_signs signs;
  uint64_t quotes, inside;

  cm_json_read_signs(pos, &signs);
  string->escapes = cm_json_short_escapes(signs.backslashes);
  quotes = signs.quotes & ~(string->escapes << 1);
  if (!quotes) return 0;
  inside = (quotes & -quotes) - 1;
  string->body.ptr = pos;
  string->body.len = cm_scan_lowest(quotes);
  string->escapes &= inside;
  *others = signs.others & inside;
  return 1;
}

/* The same with the check; 0 if this cannot tell. */
static inline int cm_json_short_find(const char *pos, cm_json_short *string) {
  uint64_t others;

  if (!cm_json_short_find_end(pos, string, &others)) return 0;
  return !others || cm_json_short_check(pos, others);
}

/*
** The same of a string that is longer: its first bytes, 54 at least, so that no escape and no
** character in UTF-8 is cut. *ends: they are all of it. 0 if this cannot tell.
*/
int cm_json_short_find_piece(const char *pos, cm_json_short *piece, int *ends);

/* What an escape of two bytes means, by the second; 0: there is none. */
extern const char cm_json_meanings[256];

static inline void cm_json_copy_short(char *out, const char *pos) {
  memcpy(out, pos, CM_JSON_SHORT);
}

/*
** Private to unescape: goes on where the first of escapes is not one of two bytes, with so many
** bytes written less than read.
*/
int cm_json_short_unescape_on(char *out, const cm_json_short *string, uint64_t escapes,
                              size_t shorter, size_t *length);

/*
** Writes the plain text to out. 0 if an escape is wrong or half a pair: then what was written says
** nothing. Behind each escape all the rest is copied anew.
*/
static inline int cm_json_short_unescape(char *out, const cm_json_short *string, size_t *length) {
  uint64_t escapes = string->escapes;
  const char *pos = string->body.ptr;
  size_t at, shorter = 0;
  char meaning;

  cm_json_copy_short(out, pos);
  for (; escapes; escapes &= escapes - 1) {
    at = cm_scan_lowest(escapes);
    meaning = cm_json_meanings[(unsigned char)pos[at + 1]];
    if (!meaning) return cm_json_short_unescape_on(out, string, escapes, shorter, length);
    out[at - shorter] = meaning;
    cm_json_copy_short(out + at - shorter + 1, pos + at + 2);
    shorter++;
  }
  *length = string->body.len - shorter;
  return 1;
}

#endif
