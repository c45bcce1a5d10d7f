/*
** plain_json.h - whether bytes are JSON, by the grammar of RFC 8259 written down as it stands
** there: a second opinion on what core/json_reader says. Slow, and recursive.
*/
#ifndef CM_PLAIN_JSON_H
#define CM_PLAIN_JSON_H

#include <string.h>

#include "plain_utf8.h"

typedef struct plain_json {
  const unsigned char *at;
  const unsigned char *end;
  unsigned depth_left;
  int too_deep;
} plain_json;

static inline int plain_json_value(plain_json *p);

static inline int plain_json_next(plain_json *p, const char *set) {
  if (p->at == p->end || *p->at == '\0' || !strchr(set, *p->at)) return 0;
  p->at++;
  return 1;
}

static inline void plain_json_blanks(plain_json *p) {
  while (plain_json_next(p, " \t\n\r")) continue;
}

static inline int plain_json_digits(plain_json *p) {
  int any = 0;

  while (plain_json_next(p, "0123456789")) any = 1;
  return any;
}

/* number = [ minus ] int [ frac ] [ exp ] */
static inline int plain_json_number(plain_json *p) {
  plain_json_next(p, "-");
  if (!plain_json_next(p, "0") && !plain_json_digits(p)) return 0;
  if (plain_json_next(p, ".") && !plain_json_digits(p)) return 0;
  if (!plain_json_next(p, "eE")) return 1;
  plain_json_next(p, "+-");
  return plain_json_digits(p);
}

static inline int plain_json_escape(plain_json *p) {
  int i;

  if (plain_json_next(p, "\"\\/bfnrt")) return 1;
  if (!plain_json_next(p, "u")) return 0;
  for (i = 0; i < 4; i++)
    if (!plain_json_next(p, "0123456789abcdefABCDEF")) return 0;
  return 1;
}

static inline int plain_json_string(plain_json *p) {
  size_t length, part;

  if (!plain_json_next(p, "\"")) return 0;
  while (!plain_json_next(p, "\"")) {
    if (p->at == p->end || *p->at < 0x20) return 0;
    if (plain_json_next(p, "\\")) {
      if (!plain_json_escape(p)) return 0;
      continue;
    }
    length = plain_utf8_length(p->at, (size_t)(p->end - p->at), &part);
    if (length == 0) return 0;
    p->at += length;
  }
  return 1;
}

static inline int plain_json_member(plain_json *p) {
  if (!plain_json_string(p)) return 0;
  plain_json_blanks(p);
  if (!plain_json_next(p, ":")) return 0;
  plain_json_blanks(p);
  return plain_json_value(p);
}

/* Elements up to the bracket that closes them; the open one has been read. */
static inline int plain_json_list(plain_json *p, const char *close, int (*element)(plain_json *p)) {
  if (p->depth_left-- == 0) {
    p->too_deep = 1;
    return 0;
  }
  plain_json_blanks(p);
  if (!plain_json_next(p, close)) {
    do {
      plain_json_blanks(p);
      if (!element(p)) return 0;
      plain_json_blanks(p);
    } while (plain_json_next(p, ","));
    if (!plain_json_next(p, close)) return 0;
  }
  p->depth_left++;
  return 1;
}

static inline int plain_json_word(plain_json *p, const char *word) {
  size_t length = strlen(word);

  if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0) return 0;
  p->at += length;
  return 1;
}

static inline int plain_json_value(plain_json *p) {
  if (plain_json_next(p, "{")) return plain_json_list(p, "}", plain_json_member);
  if (plain_json_next(p, "[")) return plain_json_list(p, "]", plain_json_value);
  if (p->at < p->end && *p->at == '"') return plain_json_string(p);
  return plain_json_word(p, "true") || plain_json_word(p, "false") || plain_json_word(p, "null") ||
         plain_json_number(p);
}

/* Whether the text is one value, nested at most so deep; *too_deep: that was the reason. */
static inline int plain_json_is(const char *text, size_t size, unsigned depth, int *too_deep) {
  plain_json p;
  int is;

  p.at = (const unsigned char *)text;
  p.end = p.at + size;
  p.depth_left = depth;
  p.too_deep = 0;
  plain_json_blanks(&p);
  is = plain_json_value(&p);
  plain_json_blanks(&p);
  *too_deep = p.too_deep;
  return is && p.at == p.end;
}

#endif
