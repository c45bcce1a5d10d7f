#include "core/http_syntax.h"

#include <string.h>

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

cm_slice cm_http_trim(cm_slice s) {
  while (s.len && cm_http_is_blank(s.ptr[0])) s.ptr++, s.len--;
  while (s.len && cm_http_is_blank(s.ptr[s.len - 1])) s.len--;
  return s;
}

static int is_token_character(char c) {
  static const char marks[] = "!#$%&'*+-.^_`|~";

  c = lower(c);
  return is_digit(c) || (c >= 'a' && c <= 'z') || memchr(marks, c, sizeof marks - 1);
}

int cm_http_is_token(cm_slice s) {
  size_t i;

  for (i = 0; i < s.len; i++)
    if (!is_token_character(s.ptr[i])) return 0;
  return s.len > 0;
}

int cm_http_has_control(cm_slice s) {
  size_t i;

  for (i = 0; i < s.len; i++) {
    unsigned char c = (unsigned char)s.ptr[i];
    if ((c < 0x20 && c != '\t') || c == 0x7F) return 1;
  }
  return 0;
}

int cm_http_is_word(cm_slice s, const char *in_lower_case) {
  size_t i;

  if (s.len != strlen(in_lower_case)) return 0;
  for (i = 0; i < s.len; i++)
    if (lower(s.ptr[i]) != in_lower_case[i]) return 0;
  return 1;
}

int cm_http_next_element(cm_slice *list, cm_slice *element) {
  const char *comma;
  size_t size;

  if (!list->ptr) return 0;
  comma = memchr(list->ptr, ',', list->len);
  size = comma ? (size_t)(comma - list->ptr) : list->len;
  *element = cm_http_trim(cm_http_cut(*list, 0, size));
  if (comma)
    *list = cm_http_cut(*list, size + 1, list->len);
  else
    list->ptr = NULL;
  return 1;
}

int cm_http_digit(char c) {
  c = lower(c);
  if (is_digit(c)) return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

int64_t cm_http_number(cm_slice digits, int base) {
  int64_t number = 0;
  size_t i;

  for (i = 0; i < digits.len; i++) {
    int digit = cm_http_digit(digits.ptr[i]);
    if (digit >= base || number > (CM_HTTP_MOST_BYTES - digit) / base) return -1;
    number = number * base + digit;
  }
  return digits.len ? number : -1;
}
