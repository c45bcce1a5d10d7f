/*
** retell.h - tells a whole message as the events it could have come in, so that
** whoever reads a stream need not know that the server did not stream.
**
** Way in:  one JSON body -> message -> [retell] in response -> Lua
*/
#ifndef CM_RETELL_H
#define CM_RETELL_H

#include "core/base.h"
#include "core/buffer.h"
#include "core/message.h"

/* Embed by value; all fields are private to retell.c. */
typedef struct cm_retell {
  cm_buffer frame; /* the JSON text of the event told last */
  cm_buffer text;  /* what it says, unescaped */
  size_t block;    /* whose turn it is */
  int step;        /* within the message or the block */
  int begun;       /* message_start has been told */
  int ended;       /* message_stop has been told */
} cm_retell;

void cm_retell_init(cm_retell *retell, const cm_alloc *alloc, size_t max_bytes);
void cm_retell_deinit(cm_retell *retell);

/*
** The next event of message, which was loaded whole: *delivery as a stream would
** tell it, *frame the event's text; both borrowed until the next call. Every text,
** thinking, signature and input comes as one delta.
**
** CM_OK, CM_END after message_stop, CM_ERR_NOMEM, CM_ERR_LIMIT; after an error the
** same event can be asked for again.
*/
cm_status cm_retell_next(cm_retell *retell, const cm_message *message, cm_delivery *delivery,
                         cm_slice *frame);

#endif
