/*
** json_reader.h - a cursor over one complete JSON text, strict to RFC 8259.
**
** Way in:  socket -> response -> sse -> [event reads each frame with it] -> Lua
**
** Builds no tree, allocates nothing, looks at each byte once. What it hands out
** are slices of the text: strings still escaped (json_string.h), numbers as
** digits (json_number.h), any value as its raw bytes.
**
**   cm_json_reader_init(&reader, text, CM_JSON_MAX_DEPTH);
**   status = cm_json_reader_begin_object(&reader);
**   while ((status = cm_json_reader_next_member(&reader, &key)) == CM_OK) {
**     if (cm_json_string_equals(key, name)) cm_json_reader_read_string(&reader, &value);
**   }
**   status = cm_json_reader_finish(&reader);
**
** A failure stays: every later call returns it again, so the check at the end
** is enough. Values that are not read are checked and skipped.
*/
#ifndef CM_JSON_READER_H
#define CM_JSON_READER_H

#include <stdint.h>

#include "core/base.h"
#include "core/json_string.h"

/*
** What a reply brings is put into blocks, messages, requests and files, which have to be
** read again: so it may itself be nested a little less deep than what is read.
*/
enum { CM_JSON_MAX_DEPTH = 1024, CM_JSON_MAX_REPLY_DEPTH = 1000 };

typedef enum cm_json_type {
  CM_JSON_INVALID = 0, /* no value begins here */
  CM_JSON_OBJECT,
  CM_JSON_ARRAY,
  CM_JSON_STRING,
  CM_JSON_NUMBER,
  CM_JSON_TRUE,
  CM_JSON_FALSE,
  CM_JSON_NULL
} cm_json_type;

/* Embed by value; all fields are private to json_reader.c. Borrows the text. */
typedef struct cm_json_reader {
  const char *pos;
  const char *end;
  const char *start;
  const char *reason; /* of the failure, constant words */
  cm_status failure;  /* CM_OK, or what ended this reader; pos stays where it was noticed */
  unsigned depth;     /* open containers */
  unsigned max_depth;
  unsigned state;                  /* what may come next in the innermost container */
  int escapes;                     /* of all strings so far */
  char objects[CM_JSON_MAX_DEPTH]; /* by depth: the open container is an object */
} cm_json_reader;

/*
** All functions that return cm_status:
**
**   CM_OK            done
**   CM_END           next_member, next_element: the container has just been closed
**   CM_ERR_SYNTAX    not JSON, or it ended too early  }
**   CM_ERR_UTF8      a string is not UTF-8            }  and so does every later
**   CM_ERR_LIMIT     nested deeper than max_depth     }  call
**   CM_ERR_PROTOCOL  JSON, but not of the asked type  }
*/

/* Cannot fail. max_depth is at most CM_JSON_MAX_DEPTH. */
void cm_json_reader_init(cm_json_reader *reader, cm_slice text, unsigned max_depth);

/* What the next value is, by its first byte. Call where a value is due. */
cm_json_type cm_json_reader_peek(cm_json_reader *reader);

/* Opens the object that is the next value; next_member reads up to the value of its next one. */
cm_status cm_json_reader_begin_object(cm_json_reader *reader);
cm_status cm_json_reader_next_member(cm_json_reader *reader, cm_json_string *key);

/* The same for arrays; after CM_OK the element is the next value. */
cm_status cm_json_reader_begin_array(cm_json_reader *reader);
cm_status cm_json_reader_next_element(cm_json_reader *reader);

cm_status cm_json_reader_read_string(cm_json_reader *reader, cm_json_string *string);

/* The same in a text that has been read before and was valid: only the string's end is looked for,
   which takes a third of the time. has_lone_surrogate does not know of it. */
cm_status cm_json_reader_skip_string(cm_json_reader *reader, cm_json_string *string);

cm_status cm_json_reader_read_number(cm_json_reader *reader, cm_slice *digits);
cm_status cm_json_reader_read_bool(cm_json_reader *reader, int *value);
cm_status cm_json_reader_read_null(cm_json_reader *reader);

/* An integer within int64; anything else, 1.0 and 1e3 too, is CM_ERR_PROTOCOL. */
cm_status cm_json_reader_read_int(cm_json_reader *reader, int64_t *value);

/* Checks the next value, whatever it is, and gives its bytes without the blanks around it. */
cm_status cm_json_reader_read_value(cm_json_reader *reader, cm_slice *raw);

/* After the one top-level value: checks that nothing but blanks follows. */
cm_status cm_json_reader_finish(cm_json_reader *reader);

/* Of a whole text that has been read to its end: whether half of a surrogate pair stands alone in
   one of its strings. */
int cm_json_reader_has_lone_surrogate(const cm_json_reader *reader);

/* Where a failure was noticed, in bytes from the start of the text, and its words. */
size_t cm_json_reader_offset(const cm_json_reader *reader);
const char *cm_json_reader_reason(const cm_json_reader *reader);

/* Reads text as one whole value; *failure (may be NULL) is filled in on error. */
cm_status cm_json_check(cm_slice text, cm_failure *failure);

/* The same, and only to that depth. */
cm_status cm_json_check_to(cm_slice text, unsigned max_depth, cm_failure *failure);

#endif
