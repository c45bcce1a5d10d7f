#include "core/segment.h"

#include <string.h>

struct cm_segment {
  const cm_alloc *alloc;
  size_t references;
  size_t len;
  char bytes[]; /* one allocation: header and bytes live and die together */
};

cm_segment *cm_segment_new(const cm_alloc *alloc, cm_slice bytes) {
  cm_segment *segment;

  if (bytes.len > (size_t)-1 - sizeof *segment) return NULL;
  segment = alloc->resize(alloc->ud, NULL, 0, sizeof *segment + bytes.len);
  if (!segment) return NULL;
  segment->alloc = alloc;
  segment->references = 1;
  segment->len = bytes.len;
  if (bytes.len) memcpy(segment->bytes, bytes.ptr, bytes.len);
  return segment;
}

cm_segment *cm_segment_retain(cm_segment *segment) {
  segment->references++;
  return segment;
}

void cm_segment_release(cm_segment *segment) {
  const cm_alloc *alloc;

  if (!segment || --segment->references) return;
  alloc = segment->alloc;
  alloc->resize(alloc->ud, segment, sizeof *segment + segment->len, 0);
}

cm_slice cm_segment_bytes(const cm_segment *segment) {
  cm_slice bytes;
  bytes.ptr = segment->bytes;
  bytes.len = segment->len;
  return bytes;
}
