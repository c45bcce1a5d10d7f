/*
** json_string.h - the inside of JSON strings: from the wire's escaped form to
** plain UTF-8 and back.
**
** Works on what stands between the quotes. Whether that is a valid string at
** all is for json_reader to say.
*/
#ifndef CM_JSON_STRING_H
#define CM_JSON_STRING_H

#include "core/base.h"
#include "core/buffer.h"
#include "core/json_scan.h"

/* What a string was seen to have. */
enum { CM_JSON_ESCAPED = 1, CM_JSON_HAS_UNITS = 2 /* one of its escapes is four digits */ };

typedef struct cm_json_string {
  cm_slice body; /* between the quotes, escaped as it came */
  int escaped;   /* body has a backslash: not the same bytes as its text */
} cm_json_string;

/* Private to find: goes on where marks, those of the window at pos, has its first one. */
const char *cm_json_string_find_on(const char *begin, const char *pos, const char *end,
                                   uint64_t marks, cm_json_string *string);

/*
** Finds the end of a string whose opening quote is before pos, in a text from begin to end.
** Returns where its closing quote is, or NULL if there is no valid string (RFC 8259, UTF-8) between
** pos and end. Only whether its escapes are what escapes may be has not been looked at: who is
** going to unescape it learns that there.
*/
static inline const char *cm_json_string_find(const char *begin, const char *pos, const char *end,
                                              cm_json_string *string) {
  uint64_t marks = cm_json_window(begin, pos, end);
  const char *special = pos + (marks ? cm_scan_lowest(marks) : 0);

  string->body.ptr = pos;
  string->body.len = (size_t)(special - pos);
  string->escaped = 0;
  if (marks && *special == '"') return special;
  return cm_json_string_find_on(begin, pos, end, marks, string);
}

/* The same, and the escapes are valid, too; escaped says then whether there are UTF-16 units. */
const char *cm_json_string_read(const char *begin, const char *pos, const char *end,
                                cm_json_string *string);

/* The same of a string that has been read before, and was valid: only its end is looked for, and
   escaped does not say whether there are UTF-16 units. */
const char *cm_json_string_skip(const char *pos, const char *end, cm_json_string *string);

/*
** Appends the plain text of body to out. *carry (0 to begin with) is the first
** half of a surrogate pair that body ended in: give it to the call for the next
** fragment of the same text, and to cm_json_string_finish after the last. A half
** whose other half does not follow becomes U+FFFD.
**
**   CM_OK
**   CM_ERR_SYNTAX               an escape is wrong or cut off
**   CM_ERR_NOMEM, CM_ERR_LIMIT  out may hold a part
*/
cm_status cm_json_string_unescape(cm_slice body, unsigned *carry, cm_buffer *out);

/* Ends a text: appends U+FFFD for a half still in *carry, and clears it. */
cm_status cm_json_string_finish(unsigned *carry, cm_buffer *out);

/*
** Appends text, valid UTF-8, as a string's inside: \" \\ \b \f \n \r \t, \u00XX
** for the other control characters, everything else as it is.
*/
cm_status cm_json_string_escape(cm_slice text, cm_buffer *out);

/* Whether the string's text is exactly plain. Allocates nothing. */
int cm_json_string_equals(cm_json_string string, cm_slice plain);

/*
** Whether an escape for half a surrogate pair stands alone. Takes the inside of
** a string or a whole valid JSON text: backslashes stand only inside strings.
*/
int cm_json_string_has_lone_surrogate(cm_slice body);

#endif
