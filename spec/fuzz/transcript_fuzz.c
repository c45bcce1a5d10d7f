/*
** transcript_fuzz.c - each byte of the input is a step: append, undo, fork, go back
** to the fork. The rendered body is always the messages with commas between, byte
** for byte, in whatever pieces it is read; and a body stays as it was rendered.
*/
#include "fuzz.h"
#include "record.h"

#include "core/transcript.h"

enum { LINES = 64 };

static const char *const messages[] = {
  "{\"role\":\"user\",\"content\":\"a\"}",
  "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"b\"}]}",
  "{\"content\":\"\\ud83d\\ude00\",\"role\":\"user\"}",
  "{\"role\":\"system\",\"content\":[]}",
};

/* What must be in the transcript: indices of messages. */
typedef struct model {
  unsigned char lines[LINES];
  size_t count;
} model;

static cm_slice message_of(unsigned index) {
  cm_slice slice;

  slice.ptr = messages[index];
  slice.len = strlen(slice.ptr);
  return slice;
}

static void expected_bytes(const model *m, record *r) {
  static const cm_slice comma = { ",", 1 };
  size_t i;

  record_init(r);
  for (i = 0; i < m->count; i++) {
    if (i) REQUIRE(cm_buffer_append(&r->bytes, comma) == CM_OK);
    REQUIRE(cm_buffer_append(&r->bytes, message_of(m->lines[i])) == CM_OK);
  }
}

static void read_in_pieces(const cm_body *body, size_t step, record *r) {
  cm_body_cursor cursor = { 0, 0 };
  char piece[64];
  cm_slice slice;

  record_init(r);
  slice.ptr = piece;
  while ((slice.len = cm_body_read(body, &cursor, piece, step)) > 0)
    REQUIRE(cm_buffer_append(&r->bytes, slice) == CM_OK);
}

static void check_body(const cm_body *body, const model *m) {
  static const size_t steps[] = { 1, 7, 64 };
  record expected, got;
  size_t i;

  expected_bytes(m, &expected);
  REQUIRE(cm_body_length(body) == expected.bytes.len);
  for (i = 0; i < sizeof steps / sizeof *steps; i++) {
    read_in_pieces(body, steps[i], &got);
    REQUIRE(record_equal(&expected, &got));
    record_deinit(&got);
  }
  record_deinit(&expected);
}

static cm_body *render(const cm_transcript *transcript) {
  cm_body *body = cm_body_new(&cm_libc_alloc);

  REQUIRE(body && cm_transcript_render(transcript, body) == CM_OK);
  return body;
}

static void append(cm_transcript *transcript, model *m, unsigned index) {
  cm_slice text = message_of(index);
  cm_segment *segment;
  cm_failure failure;
  cm_role role;

  if (m->count == LINES) return;
  REQUIRE(cm_transcript_check(text, &role, &failure) == CM_OK);
  segment = cm_segment_new(&cm_libc_alloc, text);
  REQUIRE(segment && cm_transcript_append(transcript, role, segment) == CM_OK);
  cm_segment_release(segment);
  m->lines[m->count++] = (unsigned char)index;
}

static void undo(cm_transcript *transcript, model *m, size_t steps) {
  size_t left = m->count < steps ? 0 : m->count - steps;

  cm_transcript_truncate(transcript, left);
  m->count = left;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cm_transcript now, kept;
  model now_model, kept_model, body_model;
  cm_body *body;
  size_t i;

  cm_transcript_init(&now, &cm_libc_alloc);
  cm_transcript_init(&kept, &cm_libc_alloc);
  now_model.count = kept_model.count = 0;
  body_model = now_model;
  body = render(&now);
  for (i = 0; i < size; i++) {
    if (data[i] < 128) append(&now, &now_model, data[i] % 4);
    if (data[i] >= 128 && data[i] < 192) undo(&now, &now_model, data[i] % 8);
    if (data[i] >= 192 && data[i] < 224) { /* a fork to come back to */
      cm_transcript_deinit(&kept);
      REQUIRE(cm_transcript_fork(&now, &kept) == CM_OK);
      kept_model = now_model;
    }
    if (data[i] >= 224 && data[i] < 240) {
      cm_transcript_deinit(&now);
      REQUIRE(cm_transcript_fork(&kept, &now) == CM_OK);
      now_model = kept_model;
    }
    if (data[i] >= 240) { /* a request in flight sees nothing of what follows */
      check_body(body, &body_model);
      cm_body_release(body);
      body = render(&now);
      body_model = now_model;
    }
    REQUIRE(cm_transcript_count(&now) == now_model.count);
  }
  check_body(body, &body_model);
  cm_transcript_deinit(&now);
  cm_transcript_deinit(&kept);
  check_body(body, &body_model);
  cm_body_release(body);
  return 0;
}
