#include "core/segment.h"

#include <string.h>

struct cm_segment {
  const cm_alloc *alloc;
  size_t references;
  size_t len;
  size_t capacity;
  char bytes[]; /* one allocation: header and bytes live and die together */
};

cm_segment *cm_segment_with_room(const cm_alloc *alloc, size_t capacity) {
  cm_segment *segment;

  if (capacity > (size_t)-1 - sizeof *segment) return NULL;
  segment = alloc->resize(alloc->ud, NULL, 0, sizeof *segment + capacity);
  if (!segment) return NULL;
  segment->alloc = alloc;
  segment->references = 1;
  segment->len = 0;
  segment->capacity = capacity;
  return segment;
}

cm_segment *cm_segment_new(const cm_alloc *alloc, cm_slice bytes) {
  cm_segment *segment = cm_segment_with_room(alloc, bytes.len);

  if (segment) cm_segment_extend(segment, bytes);
  return segment;
}

size_t cm_segment_room(const cm_segment *segment) {
  return segment->capacity - segment->len;
}

const char *cm_segment_extend(cm_segment *segment, cm_slice bytes) {
  char *added = segment->bytes + segment->len;

  if (bytes.len) memcpy(added, bytes.ptr, bytes.len);
  segment->len += bytes.len;
  return added;
}

cm_segment *cm_segment_retain(cm_segment *segment) {
  segment->references++;
  return segment;
}

void cm_segment_release(cm_segment *segment) {
  const cm_alloc *alloc;

  if (!segment || --segment->references) return;
  alloc = segment->alloc;
  alloc->resize(alloc->ud, segment, sizeof *segment + segment->capacity, 0);
}

cm_slice cm_segment_bytes(const cm_segment *segment) {
  cm_slice bytes;
  bytes.ptr = segment->bytes;
  bytes.len = segment->len;
  return bytes;
}
