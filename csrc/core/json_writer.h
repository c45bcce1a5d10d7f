/*
** json_writer.h - appends JSON to a buffer, value by value.
**
** Way out:  Lua params -> [json_writer] -> segment -> body -> socket
**
** Puts commas and colons; that containers are closed in order is the caller's
** business. Output is canonical: no blanks, shortest escapes, shortest numbers.
*/
#ifndef CM_JSON_WRITER_H
#define CM_JSON_WRITER_H

#include <stdint.h>

#include "core/base.h"
#include "core/buffer.h"

/* Embed by value; all fields are private to json_writer.c. Borrows the buffer. */
typedef struct cm_json_writer {
  cm_buffer *out;
  cm_status failure; /* CM_OK, or what ended this writer */
  int comma_due;     /* a value stands before the place of the next one */
} cm_json_writer;

/* Cannot fail. Appends to what out already holds. */
void cm_json_writer_init(cm_json_writer *writer, cm_buffer *out);

/*
** All return CM_OK or, then and from every later call:
**
**   CM_ERR_NOMEM
**   CM_ERR_LIMIT   out is at its ceiling
**   CM_ERR_UTF8    text is not UTF-8
**   CM_ERR_SYNTAX  the double is infinite or NaN
*/
cm_status cm_json_writer_begin_object(cm_json_writer *writer);
cm_status cm_json_writer_end_object(cm_json_writer *writer);
cm_status cm_json_writer_begin_array(cm_json_writer *writer);
cm_status cm_json_writer_end_array(cm_json_writer *writer);
cm_status cm_json_writer_key(cm_json_writer *writer, cm_slice text);
cm_status cm_json_writer_string(cm_json_writer *writer, cm_slice text);
cm_status cm_json_writer_int64(cm_json_writer *writer, int64_t value);
cm_status cm_json_writer_double(cm_json_writer *writer, double value);
cm_status cm_json_writer_bool(cm_json_writer *writer, int value);
cm_status cm_json_writer_null(cm_json_writer *writer);

/* A value that is JSON already. It is not looked at. */
cm_status cm_json_writer_raw(cm_json_writer *writer, cm_slice json);

#endif
