/*
** json_partial.h - what can be said already of a JSON text that is still coming
** in: for showing tool input while it streams.
**
** Only what is complete counts. A string without its end, a number that touches
** the end (more digits may follow), a word cut short and a key without a value
** are left out; open arrays and objects are closed. What would be wrong however
** the text went on is an error.
*/
#ifndef CM_JSON_PARTIAL_H
#define CM_JSON_PARTIAL_H

#include "core/base.h"
#include "core/buffer.h"

/*
** Appends to out the complete part of cut and the brackets it lacks. Whether the
** strings and numbers in it are valid is left to the reader of the result, where
** they stand at the same offsets as in cut.
**
**   CM_OK
**   CM_WANT_MORE     no value has begun that counts
**   CM_ERR_SYNTAX    *offset is where it went wrong
**   CM_ERR_LIMIT     nested too deep, at *offset; or out is at its ceiling
**   CM_ERR_NOMEM
*/
cm_status cm_json_partial_complete(cm_slice cut, cm_buffer *out, size_t *offset);

#endif
