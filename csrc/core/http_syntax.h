/*
** http_syntax.h - the smallest words of HTTP's grammar (RFC 9110 §5.5 and §5.6).
**
** Way in:  http1 -> [http_syntax]
**
** Knows characters, and no header by name. Slices point into those given.
*/
#ifndef CM_HTTP_SYNTAX_H
#define CM_HTTP_SYNTAX_H

#include <stdint.h>

#include "core/base.h"

/* The bytes of s from one place up to another, both within it. */
static inline cm_slice cm_http_cut(cm_slice s, size_t from, size_t to) {
  s.ptr += from;
  s.len = to - from;
  return s;
}

/* A blank or a tab: what the grammar calls optional white space. */
static inline int cm_http_is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* Without blanks at both ends. */
cm_slice cm_http_trim(cm_slice s);

/* A header's name, a coding, an option: letters, digits and some marks, at least one. */
int cm_http_is_token(cm_slice s);

/* A control character other than a tab: NUL, CR and LF are among them. */
int cm_http_has_control(cm_slice s);

/* Whether s is that word, given in lower case, in whatever case. */
int cm_http_is_word(cm_slice s, const char *in_lower_case);

/*
** Moves the first element of a comma-separated list to *element, trimmed and perhaps
** empty; 0 behind the last. What is left of the list is in *list.
*/
int cm_http_next_element(cm_slice *list, cm_slice *element);

/* Of '0' to '9', 'a' to 'f' and 'A' to 'F'; 16 for any other character. */
int cm_http_digit(char c);

/*
** The number that the digits of base 10 or 16 write, or -1: they are none, or not all
** of that base, or make more than CM_HTTP_MOST_BYTES.
*/
#define CM_HTTP_MOST_BYTES (INT64_MAX - 2) /* a CRLF behind them can still be counted */
int64_t cm_http_number(cm_slice digits, int base);

#endif
