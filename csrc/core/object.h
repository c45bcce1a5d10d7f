/*
** object.h - single members of JSON that has been checked already.
**
** Way in:  ... event, message -> [object] -> json_reader
*/
#ifndef CM_OBJECT_H
#define CM_OBJECT_H

#include "core/base.h"
#include "core/json_string.h"
#include "core/slice.h"

/* What a value's text says it is. A slice of length 0 is no value: none of these. */
int cm_object_is_string(cm_slice value);
int cm_object_is_object(cm_slice value);
int cm_object_is_array(cm_slice value);
int cm_object_is_number(cm_slice value);

/* The inside of a string's text; an empty one if value is no string. */
cm_json_string cm_object_string(cm_slice value);

/* Whether a string says text. Inline: the length of a literal is known, and most differ in it. */
static inline int cm_object_says(cm_json_string string, const char *text) {
  cm_slice plain = cm_slice_of(text);

  if (string.escaped) return cm_json_string_equals(string, plain);
  return string.body.len == plain.len &&
         (plain.len == 0 || memcmp(string.body.ptr, text, plain.len) == 0);
}

/* A member that is looked for. */
typedef struct cm_object_wanted {
  const char *name;
  cm_slice value; /* raw, of the last member of that name; length 0 if there is none */
} cm_object_wanted;

/* Finds values of several names in one go over the object. */
void cm_object_find(cm_slice object, cm_object_wanted *wanted, size_t count);

/* The raw value of the last member of that name; length 0 if there is none. */
cm_slice cm_object_member(cm_slice object, const char *name);

#endif
