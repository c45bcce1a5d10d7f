#include "core/transcript.h"

#include <string.h>

enum { FIRST_CAPACITY = 8 };

typedef struct cm_transcript_entry {
  cm_segment *message; /* one reference */
  cm_role role;
} entry;

void cm_transcript_init(cm_transcript *transcript, const cm_alloc *alloc) {
  memset(transcript, 0, sizeof *transcript);
  transcript->alloc = alloc;
}

void cm_transcript_deinit(cm_transcript *transcript) {
  const cm_alloc *alloc = transcript->alloc;

  cm_transcript_truncate(transcript, 0);
  alloc->resize(alloc->ud, transcript->entries, transcript->capacity * sizeof(entry), 0);
  cm_transcript_init(transcript, alloc);
}

static cm_status grow_to(cm_transcript *transcript, size_t capacity) {
  entry *grown;

  if (capacity > (size_t)-1 / sizeof *grown) return CM_ERR_LIMIT;
  grown = transcript->alloc->resize(transcript->alloc->ud, transcript->entries,
                                    transcript->capacity * sizeof *grown, capacity * sizeof *grown);
  if (!grown) return CM_ERR_NOMEM;
  transcript->entries = grown;
  transcript->capacity = capacity;
  return CM_OK;
}

static cm_status reserve_one(cm_transcript *transcript) {
  if (transcript->count < transcript->capacity) return CM_OK;
  return grow_to(transcript, transcript->capacity ? transcript->capacity * 2 : FIRST_CAPACITY);
}

cm_status cm_transcript_append(cm_transcript *transcript, cm_role role, cm_segment *message) {
  size_t len = cm_segment_bytes(message).len;
  cm_status status;
  entry *added;

  if (len > (size_t)-1 - transcript->bytes) return CM_ERR_LIMIT;
  status = reserve_one(transcript);
  if (status != CM_OK) return status;
  added = &transcript->entries[transcript->count++];
  added->message = cm_segment_retain(message);
  added->role = role;
  transcript->bytes += len;
  return CM_OK;
}

void cm_transcript_truncate(cm_transcript *transcript, size_t count) {
  while (transcript->count > count) {
    cm_segment *last = transcript->entries[--transcript->count].message;
    transcript->bytes -= cm_segment_bytes(last).len;
    cm_segment_release(last);
  }
}

cm_status cm_transcript_fork(const cm_transcript *transcript, cm_transcript *fork) {
  cm_status status;
  size_t i;

  cm_transcript_init(fork, transcript->alloc);
  if (!transcript->count) return CM_OK;
  status = grow_to(fork, transcript->count);
  if (status != CM_OK) return status;
  memcpy(fork->entries, transcript->entries, transcript->count * sizeof(entry));
  for (i = 0; i < transcript->count; i++) cm_segment_retain(fork->entries[i].message);
  fork->count = transcript->count;
  fork->bytes = transcript->bytes;
  return CM_OK;
}

size_t cm_transcript_count(const cm_transcript *transcript) {
  return transcript->count;
}

size_t cm_transcript_bytes(const cm_transcript *transcript) {
  return transcript->bytes;
}

cm_segment *cm_transcript_get(const cm_transcript *transcript, size_t index) {
  return transcript->entries[index].message;
}

cm_role cm_transcript_role(const cm_transcript *transcript, size_t index) {
  return transcript->entries[index].role;
}

cm_status cm_transcript_render(const cm_transcript *transcript, cm_body *body) {
  static const cm_slice comma = { ",", 1 };
  size_t i;

  for (i = 0; i < transcript->count; i++) {
    cm_status status = i ? cm_body_append_static(body, comma) : CM_OK;
    if (status == CM_OK) status = cm_body_append_segment(body, transcript->entries[i].message);
    if (status != CM_OK) return status;
  }
  return CM_OK;
}
