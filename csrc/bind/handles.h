/*
** handles.h - the userdata that more than one file of the binding knows. claude.core
** makes them; claude.net takes the first two as arguments.
*/
#ifndef CM_BIND_HANDLES_H
#define CM_BIND_HANDLES_H

#include "core/body.h"
#include "core/response.h"
#include "core/segment.h"
#include "core/source.h"
#include "core/transcript.h"

#define CM_RESPONSE_CLASS "claude.core.Response"
#define CM_BODY_CLASS "claude.core.Body"
#define CM_FILE_CLASS "claude.core.File"
#define CM_SEGMENT_CLASS "claude.core.Segment"
#define CM_TRANSCRIPT_CLASS "claude.core.Transcript"

typedef struct cm_response_handle {
  cm_response *response; /* owns one reference; NULL before it is made and after close */
} cm_response_handle;

typedef struct cm_body_handle {
  cm_body *body; /* owns one reference; NULL before it is made and after collection */
} cm_body_handle;

typedef struct cm_segment_handle {
  cm_segment *segment; /* likewise */
} cm_segment_handle;

typedef struct cm_source_handle {
  cm_source *source; /* owns one reference; NULL before it is opened and once it is closed */
} cm_source_handle;

typedef struct cm_transcript_handle {
  cm_transcript transcript; /* owned */
  size_t removals;          /* how often messages have left it */
} cm_transcript_handle;

#endif
