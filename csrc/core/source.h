/*
** source.h - bytes that are read when they are asked for and not before, such as a
** file's: what a request body can hold beside bytes in memory.
**
** Way out:  csrc/os/file_source -> [source] -> body -> net/transfer -> socket
**
** Knows only how to count references; who makes a source brings the functions.
*/
#ifndef CM_SOURCE_H
#define CM_SOURCE_H

#include "core/base.h"

typedef struct cm_source cm_source;

/* Embedded as the first member of what a maker allocates. */
struct cm_source {
  size_t references;
  size_t length; /* bytes it has; does not change */
  /* Copies size bytes from offset on, both within length. CM_OK, or CM_ERR_READ and problem. */
  cm_status (*read)(cm_source *source, size_t offset, char *out, size_t size);
  void (*free)(cm_source *source);
  char problem[160]; /* why the last read failed; "" when none has */
};

/* Returns source, with one reference more. */
cm_source *cm_source_retain(cm_source *source);

/* Gives one reference back; the last one frees. Accepts NULL. */
void cm_source_release(cm_source *source);

#endif
