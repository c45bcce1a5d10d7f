#include "core/body.h"

#include <string.h>

enum { FIRST_CAPACITY = 8 };

typedef struct part {
  cm_slice bytes;      /* never empty; of a source only its length */
  size_t start;        /* its offset in the whole body, for seek */
  cm_segment *segment; /* where bytes lie, one reference; NULL for static bytes */
  cm_source *source;   /* where they are read from instead, one reference */
} part;

struct cm_body {
  const cm_alloc *alloc;
  size_t references;
  part *parts;
  size_t count;
  size_t capacity;
  size_t length;
};

cm_body *cm_body_new(const cm_alloc *alloc) {
  cm_body *body = alloc->resize(alloc->ud, NULL, 0, sizeof *body);

  if (!body) return NULL;
  memset(body, 0, sizeof *body);
  body->alloc = alloc;
  body->references = 1;
  return body;
}

cm_body *cm_body_retain(cm_body *body) {
  body->references++;
  return body;
}

void cm_body_release(cm_body *body) {
  const cm_alloc *alloc;
  size_t i;

  if (!body || --body->references) return;
  alloc = body->alloc;
  for (i = 0; i < body->count; i++) {
    cm_segment_release(body->parts[i].segment);
    cm_source_release(body->parts[i].source);
  }
  alloc->resize(alloc->ud, body->parts, body->capacity * sizeof *body->parts, 0);
  alloc->resize(alloc->ud, body, sizeof *body, 0);
}

static cm_status grow_to(cm_body *body, size_t capacity) {
  part *grown;

  if (capacity > (size_t)-1 / sizeof *grown) return CM_ERR_LIMIT;
  grown = body->alloc->resize(body->alloc->ud, body->parts, body->capacity * sizeof *grown,
                              capacity * sizeof *grown);
  if (!grown) return CM_ERR_NOMEM;
  body->parts = grown;
  body->capacity = capacity;
  return CM_OK;
}

static cm_status reserve_one(cm_body *body) {
  if (body->count < body->capacity) return CM_OK;
  return grow_to(body, body->capacity ? body->capacity * 2 : FIRST_CAPACITY);
}

cm_status cm_body_reserve(cm_body *body, size_t parts) {
  if (parts <= body->capacity - body->count) return CM_OK;
  return parts > (size_t)-1 - body->count ? CM_ERR_LIMIT : grow_to(body, body->count + parts);
}

/* Takes over the caller's reference to segment or source when it succeeds. */
static cm_status append_part(cm_body *body, cm_slice bytes, cm_segment *segment,
                             cm_source *source) {
  cm_status status;
  part *added;

  if (bytes.len > (size_t)-1 - body->length) return CM_ERR_LIMIT;
  status = reserve_one(body);
  if (status != CM_OK) return status;
  added = &body->parts[body->count++];
  added->bytes = bytes;
  added->start = body->length;
  added->segment = segment;
  added->source = source;
  body->length += bytes.len;
  return CM_OK;
}

cm_status cm_body_append_static(cm_body *body, cm_slice bytes) {
  return bytes.len ? append_part(body, bytes, NULL, NULL) : CM_OK;
}

cm_status cm_body_append_segment(cm_body *body, cm_segment *segment) {
  return cm_body_append_within(body, segment, cm_segment_bytes(segment));
}

cm_status cm_body_append_within(cm_body *body, cm_segment *segment, cm_slice bytes) {
  cm_status status;

  if (!bytes.len) return CM_OK;
  status = append_part(body, bytes, segment, NULL);
  if (status == CM_OK) cm_segment_retain(segment);
  return status;
}

cm_status cm_body_append_source(cm_body *body, cm_source *source) {
  cm_slice bytes = { "", source->length };
  cm_status status;

  if (!bytes.len) return CM_OK;
  status = append_part(body, bytes, NULL, source);
  if (status == CM_OK) cm_source_retain(source);
  return status;
}

cm_status cm_body_append_copy(cm_body *body, cm_slice bytes) {
  cm_segment *segment;
  cm_status status;

  if (!bytes.len) return CM_OK;
  segment = cm_segment_new(body->alloc, bytes);
  if (!segment) return CM_ERR_NOMEM;
  status = append_part(body, cm_segment_bytes(segment), segment, NULL);
  if (status != CM_OK) cm_segment_release(segment);
  return status;
}

int cm_body_is_at_hand(const cm_body *body) {
  size_t i;

  for (i = 0; i < body->count; i++)
    if (body->parts[i].source) return 0;
  return 1;
}

size_t cm_body_length(const cm_body *body) {
  return body->length;
}

static void move_on(const cm_body *body, cm_body_cursor *cursor, size_t bytes) {
  cursor->offset += bytes;
  if (cursor->offset < body->parts[cursor->part].bytes.len) return;
  cursor->part++; /* resting at the end of a part, next() would hand out nothing */
  cursor->offset = 0;
}

cm_status cm_body_next(const cm_body *body, cm_body_cursor *cursor, char *room, size_t size,
                       cm_slice *bytes) {
  cm_status status = CM_OK;
  const part *current = body->parts + cursor->part;

  bytes->ptr = "";
  bytes->len = 0;
  if (cursor->part >= body->count) return CM_OK;
  bytes->len = current->bytes.len - cursor->offset;
  if (current->source) {
    if (bytes->len > size) bytes->len = size;
    bytes->ptr = room;
    status = current->source->read(current->source, cursor->offset, room, bytes->len);
  } else {
    bytes->ptr = current->bytes.ptr + cursor->offset;
  }
  if (status == CM_OK) move_on(body, cursor, bytes->len);
  return status;
}

/* Copies within the current part; size is no more than what is left of it. */
static cm_status copy(const part *from, size_t offset, char *out, size_t size) {
  if (from->source) return from->source->read(from->source, offset, out, size);
  memcpy(out, from->bytes.ptr + offset, size);
  return CM_OK;
}

size_t cm_body_read(const cm_body *body, cm_body_cursor *cursor, char *out, size_t size) {
  size_t done = 0;

  while (done < size && cursor->part < body->count) {
    const part *current = &body->parts[cursor->part];
    size_t left = current->bytes.len - cursor->offset;
    size_t take = left < size - done ? left : size - done;

    if (copy(current, cursor->offset, out + done, take) != CM_OK)
      return done ? done : CM_BODY_UNREADABLE;
    done += take;
    move_on(body, cursor, take);
  }
  return done;
}

const char *cm_body_problem(const cm_body *body) {
  size_t i;

  for (i = 0; i < body->count; i++)
    if (body->parts[i].source && body->parts[i].source->problem[0])
      return body->parts[i].source->problem;
  return "";
}

size_t cm_body_tell(const cm_body *body, const cm_body_cursor *cursor) {
  if (cursor->part >= body->count) return body->length;
  return body->parts[cursor->part].start + cursor->offset;
}

/* Index of the part that byte offset lies in; offset < length. */
static size_t find_part(const cm_body *body, size_t offset) {
  size_t low = 0;
  size_t high = body->count;

  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (body->parts[middle].start <= offset)
      low = middle;
    else
      high = middle;
  }
  return low;
}

cm_status cm_body_seek(const cm_body *body, cm_body_cursor *cursor, size_t offset) {
  if (offset > body->length) return CM_ERR_LIMIT;
  if (offset == body->length) {
    cursor->part = body->count;
    cursor->offset = 0;
    return CM_OK;
  }
  cursor->part = find_part(body, offset);
  cursor->offset = offset - body->parts[cursor->part].start;
  return CM_OK;
}
