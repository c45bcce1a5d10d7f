/*
** object.h - single members of JSON that has been checked already.
**
** Way in:  ... event, message -> [object] -> json_reader
*/
#ifndef CM_OBJECT_H
#define CM_OBJECT_H

#include "core/base.h"
#include "core/json_string.h"

/* What a value's text says it is. A slice of length 0 is no value: none of these. */
int cm_object_is_string(cm_slice value);
int cm_object_is_object(cm_slice value);
int cm_object_is_array(cm_slice value);
int cm_object_is_number(cm_slice value);

/* The inside of a string's text; an empty one if value is no string. */
cm_json_string cm_object_string(cm_slice value);

/* Whether a string says text. */
int cm_object_says(cm_json_string string, const char *text);

/* The raw value of the last member of that name; length 0 if there is none. */
cm_slice cm_object_member(cm_slice object, const char *name);

#endif
