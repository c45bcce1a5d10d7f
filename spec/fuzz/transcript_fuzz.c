/*
** transcript_fuzz.c - each byte of the first line of the input is a step: append, undo,
** fork, go back to the fork. The other lines are messages, beside some of ours, as far as a
** transcript takes them. The rendered body is always the messages with commas between, byte
** for byte, in whatever pieces it is read; and a body stays as it was rendered. With cache
** breakpoints it is as many messages still.
*/
#include "fuzz.h"
#include "record.h"

#include "core/json_reader.h"
#include "core/mark.h"
#include "core/slice.h"
#include "core/transcript.h"

enum { LINES = 64, MOST_STEPS = 256, OURS = 4, MOST_MESSAGES = OURS + 12 };

static const char *const ours[OURS] = {
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

/* What can be appended: ours, and those of the input. */
static cm_slice messages[MOST_MESSAGES];
static unsigned message_count;

static cm_slice message_of(unsigned index) {
  return messages[index];
}

/* Moves the next line, without its end, from *input to *line. */
static int next_line(cm_slice *input, cm_slice *line) {
  const char *lf = input->len ? memchr(input->ptr, '\n', input->len) : NULL;

  *line = *input;
  if (lf) line->len = (size_t)(lf - input->ptr);
  input->ptr += line->len + (lf != NULL);
  input->len -= line->len + (lf != NULL);
  return line->len > 0 || lf;
}

/* A message that is taken is JSON with content; one that is not says why. */
static int is_message(cm_slice line) {
  cm_failure failure = { CM_OK, 0, "" };
  cm_role role;

  if (cm_transcript_check(line, &role, &failure) == CM_OK) {
    REQUIRE(cm_json_check(line, NULL) == CM_OK);
    REQUIRE(cm_json_check(cm_transcript_content(line), NULL) == CM_OK);
    return 1;
  }
  REQUIRE(failure.offset <= line.len && failure.text[0]);
  return 0;
}

static void gather_messages(cm_slice input) {
  cm_slice line;

  for (message_count = 0; message_count < OURS; message_count++)
    messages[message_count] = cm_slice_of(ours[message_count]);
  while (message_count < MOST_MESSAGES && next_line(&input, &line))
    if (is_message(line)) messages[message_count++] = line;
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

static void check_body(const cm_body *body, const model *m, size_t step) {
  record expected, got;

  expected_bytes(m, &expected);
  REQUIRE(cm_body_length(body) == expected.bytes.len);
  read_in_pieces(body, step, &got);
  REQUIRE(record_equal(&expected, &got));
  record_deinit(&got);
  record_deinit(&expected);
}

static cm_body *render(const cm_transcript *transcript) {
  cm_body *body = cm_body_new(&cm_libc_alloc);

  REQUIRE(body && cm_transcript_render(transcript, body) == CM_OK);
  return body;
}

/* Room for a breakpoint in the first block of each message that has one. */
static size_t find_marks(const model *m, cm_transcript_mark *marks) {
  static const cm_slice control = { "{\"type\":\"ephemeral\"}", 20 };
  size_t i, count = 0;
  cm_mark mark;

  for (i = 0; i < m->count; i++) {
    if (cm_mark_find(cm_transcript_content(message_of(m->lines[i])), 0, &mark) != CM_OK) continue;
    marks[count].message = i;
    marks[count].block = 0;
    marks[count++].control = control;
  }
  return count;
}

/* As many messages as that; with the list around them they may be nested too deep to read. */
static void check_list(cm_slice list, size_t count) {
  cm_json_reader reader;
  cm_slice raw;
  cm_status status;
  size_t found = 0;

  cm_json_reader_init(&reader, list, CM_JSON_MAX_DEPTH);
  cm_json_reader_begin_array(&reader);
  while (cm_json_reader_next_element(&reader) == CM_OK)
    if (cm_json_reader_read_value(&reader, &raw) == CM_OK) {
      REQUIRE(is_message(raw));
      found++;
    }
  status = cm_json_reader_finish(&reader);
  REQUIRE(status == CM_ERR_LIMIT || (status == CM_OK && found == count));
}

static void check_marked(const cm_transcript *transcript, const model *m) {
  cm_transcript_mark marks[LINES];
  size_t count = find_marks(m, marks);
  cm_body *body = cm_body_new(&cm_libc_alloc);
  record list, inside;

  REQUIRE(body && cm_transcript_render_marked(transcript, marks, count, body) == CM_OK);
  record_init(&list);
  read_in_pieces(body, 64, &inside);
  REQUIRE(cm_buffer_append_text(&list.bytes, "[") == CM_OK);
  REQUIRE(cm_buffer_append(&list.bytes, cm_slice_in(&inside.bytes)) == CM_OK);
  REQUIRE(cm_buffer_append_text(&list.bytes, "]") == CM_OK);
  check_list(cm_slice_in(&list.bytes), m->count);
  record_deinit(&list);
  record_deinit(&inside);
  cm_body_release(body);
}

static void append(cm_transcript *transcript, model *m, unsigned index) {
  cm_slice text = message_of(index);
  cm_failure failure;
  cm_role role;

  if (m->count == LINES) return;
  REQUIRE(cm_transcript_check(text, &role, &failure) == CM_OK);
  REQUIRE(cm_transcript_append(transcript, role, text) == CM_OK);
  m->lines[m->count++] = (unsigned char)index;
}

static void undo(cm_transcript *transcript, model *m, size_t steps) {
  size_t left = m->count < steps ? 0 : m->count - steps;

  cm_transcript_truncate(transcript, left);
  m->count = left;
}

/* What is done to it, and what must be in it then. */
typedef struct conversation {
  cm_transcript now, kept;
  model now_model, kept_model, body_model;
  cm_body *body;
} conversation;

static void begin(conversation *c) {
  cm_transcript_init(&c->now, &cm_libc_alloc);
  cm_transcript_init(&c->kept, &cm_libc_alloc);
  c->now_model.count = c->kept_model.count = 0;
  c->body_model = c->now_model;
  c->body = render(&c->now);
}

static void fork_from(const cm_transcript *from, const model *from_model, cm_transcript *to,
                      model *to_model) {
  cm_transcript_deinit(to);
  cm_transcript_fork(from, to);
  *to_model = *from_model;
}

/* A request in flight sees nothing of what follows. */
static void render_again(conversation *c) {
  check_body(c->body, &c->body_model, 64);
  cm_body_release(c->body);
  c->body = render(&c->now);
  c->body_model = c->now_model;
}

static void step(conversation *c, unsigned what) {
  if (what < 128)
    append(&c->now, &c->now_model, what % message_count);
  else if (what < 192)
    undo(&c->now, &c->now_model, what % 8);
  else if (what < 224)
    fork_from(&c->now, &c->now_model, &c->kept, &c->kept_model);
  else if (what < 240)
    fork_from(&c->kept, &c->kept_model, &c->now, &c->now_model);
  else
    render_again(c);
  REQUIRE(cm_transcript_count(&c->now) == c->now_model.count);
}

static void end(conversation *c) {
  check_marked(&c->now, &c->now_model);
  check_body(c->body, &c->body_model, 1);
  cm_transcript_deinit(&c->now);
  cm_transcript_deinit(&c->kept);
  check_body(c->body, &c->body_model, 7);
  cm_body_release(c->body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cm_slice input = record_input(data, size), steps;
  conversation c;
  size_t i;

  if (!next_line(&input, &steps)) return 0;
  gather_messages(input);
  begin(&c);
  for (i = 0; i < steps.len && i < MOST_STEPS; i++) step(&c, (unsigned char)steps.ptr[i]);
  end(&c);
  return 0;
}
