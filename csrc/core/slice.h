/*
** slice.h - small words about borrowed bytes.
*/
#ifndef CM_SLICE_H
#define CM_SLICE_H

#include <string.h>

#include "core/base.h"
#include "core/buffer.h"

/* A NUL-terminated text, without its NUL. */
static inline cm_slice cm_slice_of(const char *text) {
  cm_slice s;

  s.ptr = text;
  s.len = strlen(text);
  return s;
}

/* What a buffer holds, until it changes. Never a null pointer. */
static inline cm_slice cm_slice_in(const cm_buffer *buf) {
  cm_slice s;

  s.ptr = buf->len ? buf->ptr : "";
  s.len = buf->len;
  return s;
}

static inline int cm_slice_is(cm_slice s, const char *text) {
  return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static inline cm_status cm_buffer_append_text(cm_buffer *buf, const char *text) {
  return cm_buffer_append(buf, cm_slice_of(text));
}

#endif
