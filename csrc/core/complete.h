/*
** complete.h - closes a JSON text that was cut off.
**
** Way in:  ... block -> [complete] -> what there is of a tool input
**
** Only whole tokens count: half strings and half words are left out, and so are a
** number that touches the end (more digits could follow), a key without its value,
** a comma and a colon with nothing behind them. What is open is closed.
*/
#ifndef CM_COMPLETE_H
#define CM_COMPLETE_H

#include "core/base.h"
#include "core/buffer.h"

/*
** text is valid UTF-8. Appends to out:
**
**   CM_OK          text as it is: it was whole
**   CM_WANT_MORE   the whole tokens of text, closed: it ended too early
**   CM_ERR_SYNTAX  nothing: text is not the beginning of any JSON text, or has no
**                  whole token
**   CM_ERR_LIMIT   nothing: nested deeper than CM_JSON_MAX_DEPTH, or out's ceiling
**   CM_ERR_NOMEM
*/
cm_status cm_complete(cm_slice text, cm_buffer *out);

#endif
