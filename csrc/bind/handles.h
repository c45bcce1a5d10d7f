/*
** handles.h - the userdata that both C modules know: claude.core makes them,
** claude.net takes them as arguments.
*/
#ifndef CM_BIND_HANDLES_H
#define CM_BIND_HANDLES_H

#include "core/body.h"
#include "core/response.h"

#define CM_RESPONSE_CLASS "claude.core.Response"
#define CM_BODY_CLASS "claude.core.Body"

typedef struct cm_response_handle {
  cm_response *response;  /* owns one reference; NULL before it is made and after close */
} cm_response_handle;

typedef struct cm_body_handle {
  cm_body *body;  /* owns one reference */
} cm_body_handle;

#endif
