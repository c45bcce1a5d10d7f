#include "core/source.h"

cm_source *cm_source_retain(cm_source *source) {
  source->references++;
  return source;
}

void cm_source_release(cm_source *source) {
  if (source && --source->references == 0) source->free(source);
}
