#include "core/transcript.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "failing_alloc.h"

void transcript_tests(void);

static cm_status append(cm_transcript *transcript, cm_role role, const char *bytes) {
  cm_slice text = { bytes, strlen(bytes) };

  return cm_transcript_append(transcript, role, text);
}

static int renders_as(const cm_transcript *transcript, const char *expected) {
  cm_body *body = cm_body_new(&cm_libc_alloc);
  cm_body_cursor cursor = { 0, 0 };
  char out[256];
  size_t len;

  CHECK(cm_transcript_render(transcript, body) == CM_OK);
  len = cm_body_read(body, &cursor, out, sizeof out);
  cm_body_release(body);
  return len == strlen(expected) && memcmp(out, expected, len) == 0;
}

static void renders_messages_with_commas_between(void) {
  cm_transcript transcript;

  cm_transcript_init(&transcript, &cm_libc_alloc);
  CHECK(renders_as(&transcript, ""));
  CHECK(append(&transcript, CM_ROLE_USER, "{1}") == CM_OK);
  CHECK(renders_as(&transcript, "{1}"));
  CHECK(append(&transcript, CM_ROLE_ASSISTANT, "{2}") == CM_OK);
  CHECK(append(&transcript, CM_ROLE_SYSTEM, "{3}") == CM_OK);
  CHECK(renders_as(&transcript, "{1},{2},{3}"));
  CHECK(cm_transcript_bytes(&transcript) == 9);
  CHECK(cm_transcript_role(&transcript, 1) == CM_ROLE_ASSISTANT);
  CHECK(cm_transcript_role(&transcript, 2) == CM_ROLE_SYSTEM);
  cm_transcript_deinit(&transcript);
  cm_transcript_deinit(&transcript);
}

static void a_fork_goes_its_own_way(void) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_transcript base, fork;

  cm_transcript_init(&base, &alloc);
  CHECK(append(&base, CM_ROLE_USER, "{1}") == CM_OK);
  CHECK(append(&base, CM_ROLE_ASSISTANT, "{2}") == CM_OK);
  cm_transcript_fork(&base, &fork);
  CHECK(cm_transcript_get(&base, 1).ptr == cm_transcript_get(&fork, 1).ptr); /* not copied */
  cm_transcript_truncate(&base, 1);
  CHECK(append(&base, CM_ROLE_ASSISTANT, "{b}") == CM_OK);
  CHECK(append(&fork, CM_ROLE_USER, "{f}") == CM_OK);
  CHECK(renders_as(&base, "{1},{b}"));
  CHECK(renders_as(&fork, "{1},{2},{f}"));
  cm_transcript_deinit(&base);
  CHECK(renders_as(&fork, "{1},{2},{f}"));
  cm_transcript_deinit(&fork);
  CHECK(books.blocks == 0 && books.live_bytes == 0);
}

static void truncate_removes_from_the_end_only(void) {
  cm_transcript transcript;

  cm_transcript_init(&transcript, &cm_libc_alloc);
  CHECK(append(&transcript, CM_ROLE_USER, "{1}") == CM_OK);
  CHECK(append(&transcript, CM_ROLE_ASSISTANT, "{22}") == CM_OK);
  cm_transcript_truncate(&transcript, 5);
  CHECK(cm_transcript_count(&transcript) == 2);
  cm_transcript_truncate(&transcript, 1);
  CHECK(cm_transcript_count(&transcript) == 1 && cm_transcript_bytes(&transcript) == 3);
  CHECK(renders_as(&transcript, "{1}"));
  cm_transcript_truncate(&transcript, 0);
  CHECK(cm_transcript_count(&transcript) == 0 && cm_transcript_bytes(&transcript) == 0);
  cm_transcript_deinit(&transcript);
}

/* What undo and close do while an upload is half way. */
static void undo_and_free_do_not_disturb_a_reader(void) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_transcript transcript;
  cm_body *body = cm_body_new(&alloc);
  cm_body_cursor cursor = { 0, 0 };
  char out[16];

  cm_transcript_init(&transcript, &alloc);
  CHECK(append(&transcript, CM_ROLE_USER, "{one}") == CM_OK);
  CHECK(append(&transcript, CM_ROLE_ASSISTANT, "{two}") == CM_OK);
  CHECK(cm_transcript_render(&transcript, body) == CM_OK);
  CHECK(cm_body_read(body, &cursor, out, 3) == 3);
  cm_transcript_truncate(&transcript, 1);
  CHECK(append(&transcript, CM_ROLE_ASSISTANT, "{TWO}") == CM_OK);
  CHECK(cm_body_read(body, &cursor, out + 3, 5) == 5);
  cm_transcript_deinit(&transcript);
  CHECK(cm_body_read(body, &cursor, out + 8, 8) == 3);
  CHECK(memcmp(out, "{one},{two}", 11) == 0);
  CHECK(cm_body_seek(body, &cursor, 0) == CM_OK);
  CHECK(cm_body_read(body, &cursor, out, sizeof out) == 11);
  cm_body_release(body);
  CHECK(books.blocks == 0 && books.live_bytes == 0);
}

/* Some of a page, some that are large: many runs, of one message and of more. */
static size_t length_of(size_t i) {
  return i % 7 == 3 ? 20000 : 20 + 131 * (i % 5);
}

static cm_status append_of_length(cm_transcript *transcript, size_t i, char *room) {
  cm_slice message = { room, length_of(i) };

  memset(room, 'a' + (int)(i % 26), message.len);
  return cm_transcript_append(transcript, CM_ROLE_USER, message);
}

static void check_lengths(const cm_transcript *transcript, size_t from, size_t to) {
  cm_body *body = cm_body_new(&cm_libc_alloc);
  cm_body_cursor cursor = { 0, 0 };
  static char out[20001];
  size_t i;

  CHECK(cm_transcript_render(transcript, body) == CM_OK);
  CHECK(cm_body_length(body) == cm_transcript_bytes(transcript) + to - 1);
  for (i = from; i < to; i++) {
    cm_slice message = cm_transcript_get(transcript, i);
    size_t offset = i ? 1 : 0;
    CHECK(message.len == length_of(i) && message.ptr[0] == 'a' + (int)(i % 26));
    CHECK(cm_body_read(body, &cursor, out, message.len + offset) == message.len + offset);
    CHECK(memcmp(out + offset, message.ptr, message.len) == 0 && (i == 0 || out[0] == ','));
  }
  cm_body_release(body);
}

/* What lies side by side is one piece; a body keeps what it was rendered from. */
static void many_messages_are_few_pieces(void) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  static char room[20000];
  cm_transcript transcript, fork;
  size_t i;

  cm_transcript_init(&transcript, &alloc);
  for (i = 0; i < 700; i++) CHECK(append_of_length(&transcript, i, room) == CM_OK);
  check_lengths(&transcript, 0, 700);
  CHECK(cm_transcript_runs(&transcript) < 2 * 100 + 50);
  cm_transcript_fork(&transcript, &fork);
  cm_transcript_truncate(&transcript, 333);
  for (i = 333; i < 500; i++) CHECK(append_of_length(&transcript, i, room) == CM_OK);
  for (i = 700; i < 800; i++) CHECK(append_of_length(&fork, i, room) == CM_OK);
  check_lengths(&transcript, 0, 500);
  check_lengths(&fork, 0, 800);
  CHECK(cm_transcript_shared(&transcript, &fork) == 500);
  cm_transcript_deinit(&fork);
  cm_transcript_truncate(&transcript, 100);
  check_lengths(&transcript, 0, 100);
  cm_transcript_deinit(&transcript);
  CHECK(books.blocks == 0 && books.live_bytes == 0);
}

enum { LARGE = 20000, SMALL = 100 };

/* A message of so many of a letter, behind a comma in a segment of its own. */
static cm_segment *segment_of(const cm_alloc *alloc, char letter, size_t length) {
  static const cm_slice comma = { ",", 1 };
  char letters[LARGE];
  cm_slice message = { letters, length };
  cm_segment *segment = cm_segment_with_room(alloc, length + 1);

  memset(letters, letter, sizeof letters);
  if (!segment) return NULL;
  cm_segment_extend(segment, comma);
  cm_segment_extend(segment, message);
  return segment;
}

/* CM_END: the message was not copied. */
static cm_status adopt(cm_transcript *transcript, char letter, size_t length) {
  cm_segment *segment = segment_of(transcript->alloc, letter, length);
  cm_status status =
      segment ? cm_transcript_adopt(transcript, CM_ROLE_USER, segment) : CM_ERR_NOMEM;
  size_t count = cm_transcript_count(transcript);

  if (status == CM_OK &&
      cm_transcript_get(transcript, count - 1).ptr == cm_segment_bytes(segment).ptr + 1)
    status = CM_END;
  cm_segment_release(segment);
  return status;
}

/* Whether the body is a, b and c, so long, with commas between. */
static int renders_letters(const cm_transcript *transcript, size_t a, size_t b, size_t c) {
  static char out[3 * LARGE], expected[3 * LARGE];
  cm_body *body = cm_body_new(&cm_libc_alloc);
  cm_body_cursor cursor = { 0, 0 };
  size_t len;

  memset(expected, 'a', a);
  memset(expected + a, ',', 1);
  memset(expected + a + 1, 'b', b);
  memset(expected + a + 1 + b, ',', 1);
  memset(expected + a + 1 + b + 1, 'c', c);
  CHECK(cm_transcript_render(transcript, body) == CM_OK);
  len = cm_body_read(body, &cursor, out, sizeof out);
  cm_body_release(body);
  return len == a + b + c + 2 && memcmp(out, expected, len) == 0;
}

static void large_messages_stay_where_they_were_put_together(void) {
  static const size_t lengths[][3] = { { LARGE, SMALL, LARGE },
                                       { SMALL, LARGE, SMALL },
                                       { SMALL, SMALL, LARGE } };
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_transcript transcript;
  size_t i, k;

  for (i = 0; i < 3; i++) {
    cm_transcript_init(&transcript, &alloc);
    for (k = 0; k < 3; k++)
      CHECK(adopt(&transcript, "abc"[k], lengths[i][k]) ==
            (lengths[i][k] == LARGE ? CM_END : CM_OK));
    CHECK(cm_transcript_bytes(&transcript) == lengths[i][0] + lengths[i][1] + lengths[i][2]);
    CHECK(renders_letters(&transcript, lengths[i][0], lengths[i][1], lengths[i][2]));
    cm_transcript_truncate(&transcript, 2);
    CHECK(append(&transcript, CM_ROLE_USER, "ccc") == CM_OK);
    CHECK(renders_letters(&transcript, lengths[i][0], lengths[i][1], 3));
    cm_transcript_deinit(&transcript);
    CHECK(books.blocks == 0 && books.live_bytes == 0);
  }
}

static void every_failing_allocation_adopts_all_or_nothing(void) {
  failing_alloc books;
  cm_transcript transcript;
  cm_alloc alloc;
  cm_status status;
  size_t allowed;

  for (allowed = 0;; allowed++) {
    alloc = failing_alloc_over(&books, allowed);
    cm_transcript_init(&transcript, &alloc);
    status = adopt(&transcript, 'a', LARGE);
    CHECK(status == CM_END || status == CM_ERR_NOMEM);
    CHECK(cm_transcript_count(&transcript) == (status == CM_END));
    cm_transcript_deinit(&transcript);
    CHECK(books.blocks == 0 && books.live_bytes == 0);
    if (status == CM_END) break;
  }
  CHECK(allowed == 4); /* the segment, the list, its entries, its runs */
}

static cm_status render_with_marks(const cm_transcript *transcript, cm_body *body) {
  cm_transcript_mark marks[2] = { { 0, 0, { "{}", 2 } }, { 2, 1, { "{}", 2 } } };

  return cm_transcript_render_marked(transcript, marks, 2, body);
}

static cm_status fill_marked(cm_transcript *transcript) {
  cm_status status = append(transcript, CM_ROLE_USER, "{\"content\":\"a\"}");

  if (status == CM_OK) status = append(transcript, CM_ROLE_ASSISTANT, "{\"content\":[]}");
  if (status == CM_OK)
    status = append(transcript, CM_ROLE_USER, "{\"content\":[{\"b\":1},{\"c\":2}]}");
  return status;
}

/* Every allocation fails in turn; a body outlives the transcript whose bytes it shares. */
static void marks_are_put_in_between(void) {
  static const char expected[] =
      "{\"content\":[{\"text\":\"a\",\"type\":\"text\",\"cache_control\":{}}]},{\"content\":[]},"
      "{\"content\":[{\"b\":1},{\"c\":2,\"cache_control\":{}}]}";
  cm_status status = CM_ERR_NOMEM;
  size_t allowed;

  for (allowed = 0; status != CM_OK; allowed++) {
    failing_alloc books;
    cm_alloc alloc = failing_alloc_over(&books, allowed);
    cm_body_cursor cursor = { 0, 0 };
    cm_transcript transcript;
    cm_body *body = cm_body_new(&alloc);
    char out[256];

    cm_transcript_init(&transcript, &alloc);
    status = body ? fill_marked(&transcript) : CM_ERR_NOMEM;
    if (status == CM_OK) status = render_with_marks(&transcript, body);
    cm_transcript_deinit(&transcript);
    if (status == CM_OK) {
      CHECK(cm_body_read(body, &cursor, out, sizeof out) == sizeof expected - 1);
      CHECK(memcmp(out, expected, sizeof expected - 1) == 0);
    }
    cm_body_release(body);
    CHECK(books.blocks == 0 && books.live_bytes == 0);
  }
  CHECK(allowed > 5);
}

/* Twenty turns, a fork, a render; on failure everything that was there stays. */
static cm_status converse(cm_transcript *transcript, cm_transcript *fork, cm_body *body) {
  cm_status status = CM_OK;
  int i;

  for (i = 0; status == CM_OK && i < 20; i++) {
    size_t before = cm_transcript_count(transcript);
    status = append(transcript, i % 2 ? CM_ROLE_ASSISTANT : CM_ROLE_USER, "{}");
    CHECK(cm_transcript_count(transcript) == before + (status == CM_OK));
  }
  if (status == CM_OK) {
    cm_transcript_deinit(fork);
    cm_transcript_fork(transcript, fork);
    cm_transcript_truncate(fork, 10);
    status = append(fork, CM_ROLE_USER, "{}");
    CHECK(cm_transcript_count(fork) == (status == CM_OK ? 11u : 10u));
    CHECK(cm_transcript_count(transcript) == 20u);
  }
  return status == CM_OK ? cm_transcript_render(fork, body) : status;
}

static void every_failing_allocation_keeps_what_was_there(void) {
  size_t n;
  int finished = 0;

  for (n = 0; !finished && n < 100; n++) {
    failing_alloc books;
    cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
    cm_body *body = cm_body_new(&alloc);
    cm_transcript transcript, fork;

    cm_transcript_init(&transcript, &alloc);
    cm_transcript_init(&fork, &alloc);
    books.until_failure = n;
    CHECK(converse(&transcript, &fork, body) == (books.failed ? CM_ERR_NOMEM : CM_OK));
    finished = !books.failed;
    cm_transcript_deinit(&transcript);
    cm_transcript_deinit(&fork);
    cm_body_release(body);
    CHECK(books.blocks == 0 && books.live_bytes == 0);
  }
  CHECK(finished && n > 10);
}

/* 'u', 'a', 's' for a message of that role, 'x' for none; exact-size copy for ASan. */
static char role_of(const char *json) {
  size_t len = strlen(json);
  char *copy = malloc(len ? len : 1);
  cm_slice message = { copy, len };
  cm_failure failure;
  cm_role role;
  cm_status status;

  memcpy(copy, json, len);
  memset(failure.text, '?', sizeof failure.text);
  status = cm_transcript_check(message, &role, &failure);
  free(copy);
  if (status == CM_OK) return "uas"[role];
  CHECK(failure.status == status && strlen(failure.text) < sizeof failure.text);
  return 'x';
}

static void knows_a_message_from_anything_else(void) {
  CHECK(role_of("{\"role\":\"user\",\"content\":\"\"}") == 'u');
  CHECK(role_of(" {\"content\" : [ ] , \"role\":\"\\u0061ssistant\"}\n") == 'a');
  CHECK(role_of("{\"content\":[],\"x\":{\"role\":\"user\"},\"role\":\"system\"}") == 's');
  CHECK(role_of("{\"role\":\"user\",\"content\":\"\",\"role\":\"system\"}") == 's');
  CHECK(role_of("{\"role\":\"user\",\"content\":\"\",\"role\":1}") == 'x');
  CHECK(role_of("{\"role\":\"user\",\"content\":\"\",\"content\":null}") == 'x');
  CHECK(role_of("{\"role\":\"tool\",\"content\":\"\"}") == 'x');
  CHECK(role_of("{\"role\":\"user\"}") == 'x');
  CHECK(role_of("{\"content\":[]}") == 'x');
  CHECK(role_of("{\"role\":\"user\",\"content\":{}}") == 'x');
  CHECK(role_of("{\"role\":\"user\",\"content\":\"\\ud800\"}") == 'x');
  CHECK(role_of("{\"role\":\"user\",\"content\":\"\\ud83d\\ude00\"}") == 'u');
  CHECK(role_of("{\"role\":\"user\",\"content\":\"\xff\"}") == 'x');
  CHECK(role_of("{\"role\":\"user\",\"content\":[]},{}") == 'x');
  CHECK(role_of("{\"role\":\"user\",\"content\":[}") == 'x');
  CHECK(role_of("[]") == 'x');
  CHECK(role_of("") == 'x');
}

void transcript_tests(void) {
  knows_a_message_from_anything_else();
  renders_messages_with_commas_between();
  a_fork_goes_its_own_way();
  truncate_removes_from_the_end_only();
  many_messages_are_few_pieces();
  undo_and_free_do_not_disturb_a_reader();
  large_messages_stay_where_they_were_put_together();
  every_failing_allocation_adopts_all_or_nothing();
  marks_are_put_in_between();
  every_failing_allocation_keeps_what_was_there();
}
