/*
** repair.h - what becomes of JSON that cannot go back to the API as it came.
**
** Way in:  ... block -> [repair]
**
** Knows JSON and which form stands in for which fault; nothing of messages.
*/
#ifndef CM_REPAIR_H
#define CM_REPAIR_H

#include "core/base.h"
#include "core/buffer.h"

typedef enum cm_input_state {
  CM_INPUT_OBJECT = 0,  /* as it should be */
  CM_INPUT_OTHER_VALUE, /* valid JSON, but no object */
  CM_INPUT_CUT,         /* ends too early */
  CM_INPUT_INVALID      /* no JSON, however it went on */
} cm_input_state;

/*
** What the fragments of a tool's input are worth together. CM_OK, or CM_ERR_NOMEM:
** seeing whether text was cut needs room.
*/
cm_status cm_repair_judge(cm_slice input, const cm_alloc *alloc, cm_input_state *state);

/* Appends what is complete of an input that was cut, with what is open closed. */
cm_status cm_repair_close(cm_slice input, cm_buffer *out);

/* Appends {"INVALID_JSON":"<input>"}, which the API takes in place of an input. */
cm_status cm_repair_wrap(cm_slice input, cm_buffer *out);

/* Appends valid JSON, with U+FFFD in place of every escape for half a surrogate pair. */
cm_status cm_repair_halves(cm_slice json, cm_buffer *out);

#endif
