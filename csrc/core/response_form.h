/*
** response_form.h - what the body of a response is: a stream of events, or something else.
**
** Way in:  headers and the body's first bytes -> [response_form] in response
*/
#ifndef CM_RESPONSE_FORM_H
#define CM_RESPONSE_FORM_H

#include "core/base.h"
#include "core/headers.h"

typedef enum cm_response_form {
  CM_FORM_UNDECIDED, /* the headers do not say, and what has come of the body does not yet */
  CM_FORM_STREAM,    /* of server-sent events */
  CM_FORM_PLAIN,     /* kept as it comes */
  CM_FORM_BYTES      /* handed out as it comes */
} cm_response_form;

/* What whoever asked wants to have of it. */
typedef struct cm_form_wishes {
  int bytes;  /* the form of a success is BYTES */
  int plain;  /* the form is PLAIN */
  int either; /* the headers may call it wrongly */
} cm_form_wishes;

/* Of an interim status (1xx) nothing is known yet, as before the status line. */
static inline int cm_form_is_success(const cm_headers *headers) {
  return cm_headers_status(headers) < 300;
}

/* The form of a body that begins with bytes, of which there is one at least. */
cm_response_form cm_form_of(const cm_headers *headers, const cm_form_wishes *wishes,
                            cm_slice bytes);

/* The same where the body ended before that could be told; never UNDECIDED. */
cm_response_form cm_form_at_end(const cm_headers *headers, const cm_form_wishes *wishes);

/* Whether the headers alone announce a stream, and one is wanted. */
int cm_form_announces_stream(const cm_headers *headers, const cm_form_wishes *wishes);

#endif
