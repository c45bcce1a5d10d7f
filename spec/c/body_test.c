#include "core/body.h"

#include <string.h>

#include "check.h"
#include "failing_alloc.h"

void body_tests(void);

static cm_slice text(const char *s) {
  cm_slice bytes;
  bytes.ptr = s;
  bytes.len = strlen(s);
  return bytes;
}

static cm_body *sample(const cm_alloc *alloc) {
  cm_body *body = cm_body_new(alloc);
  cm_segment *segment = cm_segment_new(alloc, text("cdefg"));

  CHECK(cm_body_append_copy(body, text("ab")) == CM_OK);
  CHECK(cm_body_append_segment(body, segment) == CM_OK);
  CHECK(cm_body_append_copy(body, text("")) == CM_OK);
  CHECK(cm_body_append_static(body, text(",")) == CM_OK);
  CHECK(cm_body_append_segment(body, segment) == CM_OK);
  cm_segment_release(segment);
  return body;
}

static const char *const SAMPLE = "abcdefg,cdefg";

static void reads_the_same_at_every_piece_size(void) {
  cm_body *body = sample(&cm_libc_alloc);
  size_t size;

  CHECK(cm_body_length(body) == strlen(SAMPLE));
  for (size = 1; size <= strlen(SAMPLE) + 1; size++) {
    cm_body_cursor cursor = { 0, 0 };
    char all[32];
    size_t got, done = 0;
    while ((got = cm_body_read(body, &cursor, all + done, size)) > 0) done += got;
    CHECK(done == strlen(SAMPLE) && memcmp(all, SAMPLE, done) == 0);
    CHECK(cm_body_read(body, &cursor, all, size) == 0);
  }
  cm_body_release(body);
}

static void seeks_to_every_offset_and_replays(void) {
  cm_body *body = sample(&cm_libc_alloc);
  cm_body_cursor cursor = { 0, 0 };
  size_t length = strlen(SAMPLE), offset;
  char all[32];

  for (offset = 0; offset <= length; offset++) {
    CHECK(cm_body_seek(body, &cursor, offset) == CM_OK);
    CHECK(cm_body_read(body, &cursor, all, sizeof all) == length - offset);
    CHECK(memcmp(all, SAMPLE + offset, length - offset) == 0);
  }
  CHECK(cm_body_seek(body, &cursor, length + 1) == CM_ERR_LIMIT);
  CHECK(cm_body_read(body, &cursor, all, sizeof all) == 0); /* a refused seek moves nothing */
  CHECK(cm_body_seek(body, &cursor, 0) == CM_OK);
  CHECK(cm_body_read(body, &cursor, all, sizeof all) == length);
  cm_body_release(body);
}

static cm_slice next(const cm_body *body, cm_body_cursor *cursor) {
  char room[3];
  cm_slice bytes;

  CHECK(cm_body_next(body, cursor, room, sizeof room, &bytes) == CM_OK);
  return bytes;
}

static void hands_out_slices_without_a_copy(void) {
  cm_body *body = sample(&cm_libc_alloc);
  cm_body_cursor cursor = { 0, 0 };
  char first[3];
  cm_slice rest;

  CHECK(cm_body_read(body, &cursor, first, sizeof first) == 3);
  rest = next(body, &cursor);
  CHECK(rest.len == 4 && memcmp(rest.ptr, "defg", 4) == 0);
  CHECK(next(body, &cursor).len == 1);
  CHECK(next(body, &cursor).len == 5);
  CHECK(next(body, &cursor).len == 0);
  CHECK(next(body, &cursor).len == 0);
  cm_body_release(body);
}

/* A source in memory that fails when told to, and counts. */
typedef struct fake_source {
  cm_source source;
  size_t reads;
  size_t fails_from; /* offset from which on nothing can be read */
  int freed;
} fake_source;

static const char FAKE[] = "0123456789";

static cm_status fake_read(cm_source *source, size_t offset, char *out, size_t size) {
  fake_source *fake = (fake_source *)source;

  fake->reads++;
  CHECK(offset + size <= source->length);
  if (offset + size > fake->fails_from) {
    strcpy(source->problem, "the disk is gone");
    return CM_ERR_READ;
  }
  memcpy(out, FAKE + offset, size);
  return CM_OK;
}

static void fake_free(cm_source *source) {
  ((fake_source *)source)->freed = 1;
}

/* "<" source ">" */
static cm_body *with_source(fake_source *fake, size_t fails_from) {
  cm_body *body = cm_body_new(&cm_libc_alloc);

  memset(fake, 0, sizeof *fake);
  fake->source.references = 1;
  fake->source.length = sizeof FAKE - 1;
  fake->source.read = fake_read;
  fake->source.free = fake_free;
  fake->fails_from = fails_from;
  CHECK(cm_body_append_static(body, text("<")) == CM_OK);
  CHECK(cm_body_append_source(body, &fake->source) == CM_OK);
  CHECK(cm_body_append_static(body, text(">")) == CM_OK);
  cm_source_release(&fake->source);
  return body;
}

static void reads_a_source_when_it_is_its_turn(void) {
  fake_source fake;
  cm_body *body = with_source(&fake, 100);
  size_t size;

  CHECK(cm_body_length(body) == 12);
  CHECK(fake.reads == 0);
  for (size = 1; size <= 13; size++) {
    cm_body_cursor cursor = { 0, 0 };
    char all[16];
    size_t done = 0, got;

    while ((got = cm_body_read(body, &cursor, all + done, size)) > 0) {
      done += got;
      CHECK(cm_body_tell(body, &cursor) == done);
    }
    CHECK(done == 12 && memcmp(all, "<0123456789>", 12) == 0);
  }
  CHECK(!fake.freed);
  cm_body_release(body);
  CHECK(fake.freed);
}

static void seeks_into_a_source(void) {
  fake_source fake;
  cm_body *body = with_source(&fake, 100);
  cm_body_cursor cursor;
  char out[4];

  CHECK(cm_body_seek(body, &cursor, 9) == CM_OK);
  CHECK(cm_body_read(body, &cursor, out, sizeof out) == 3);
  CHECK(memcmp(out, "89>", 3) == 0);
  cm_body_release(body);
}

static void hands_out_a_source_in_the_room_given(void) {
  fake_source fake;
  cm_body *body = with_source(&fake, 100);
  cm_body_cursor cursor = { 0, 0 };
  char room[4];
  cm_slice bytes;
  size_t i;
  static const size_t lengths[] = { 1, 4, 4, 2, 1, 0 };

  for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    CHECK(cm_body_next(body, &cursor, room, sizeof room, &bytes) == CM_OK);
    CHECK(bytes.len == lengths[i]);
    CHECK((bytes.ptr == room) == (i >= 1 && i <= 3));
  }
  cm_body_release(body);
}

static void tells_of_a_source_that_fails_and_hands_out_what_came_before(void) {
  fake_source fake;
  cm_body *body = with_source(&fake, 4);
  cm_body_cursor cursor = { 0, 0 };
  char out[16];
  cm_slice bytes;

  CHECK(cm_body_problem(body)[0] == '\0');
  CHECK(cm_body_read(body, &cursor, out, 5) == 5);
  CHECK(memcmp(out, "<0123", 5) == 0);
  CHECK(cm_body_read(body, &cursor, out, sizeof out) == CM_BODY_UNREADABLE);
  CHECK(strcmp(cm_body_problem(body), "the disk is gone") == 0);
  CHECK(cm_body_next(body, &cursor, out, sizeof out, &bytes) == CM_ERR_READ);
  CHECK(cm_body_seek(body, &cursor, 0) == CM_OK);
  CHECK(cm_body_read(body, &cursor, out, 12) == 1); /* what stands before the source */
  cm_body_release(body);
  CHECK(fake.freed);
}

static void an_empty_source_is_no_part(void) {
  fake_source fake;
  cm_body *body = with_source(&fake, 100);

  fake.source.length = 0;
  CHECK(cm_body_append_source(body, &fake.source) == CM_OK);
  CHECK(fake.source.references == 1);
  cm_body_release(body);
}

static void two_readers_do_not_disturb_each_other(void) {
  cm_body *body = sample(&cm_libc_alloc);
  cm_body_cursor one = { 0, 0 }, two = { 0, 0 };
  char a[4], b[8];

  CHECK(cm_body_read(body, &one, a, 4) == 4);
  CHECK(cm_body_read(body, &two, b, 8) == 8);
  CHECK(cm_body_read(body, &one, a, 4) == 4);
  CHECK(memcmp(a, "efg,", 4) == 0 && memcmp(b, "abcdefg,", 8) == 0);
  cm_body_release(body);
}

static void an_empty_body_ends_at_once(void) {
  cm_body *body = cm_body_new(&cm_libc_alloc);
  cm_body_cursor cursor = { 0, 0 };
  char byte;

  CHECK(cm_body_length(body) == 0);
  CHECK(cm_body_seek(body, &cursor, 0) == CM_OK);
  CHECK(cm_body_seek(body, &cursor, 1) == CM_ERR_LIMIT);
  CHECK(cm_body_read(body, &cursor, &byte, 1) == 0);
  cm_body_release(body);
  cm_body_release(NULL);
  cm_segment_release(NULL);
}

static void refuses_a_length_that_would_wrap(void) {
  cm_body *body = cm_body_new(&cm_libc_alloc);
  cm_slice huge = text("x");

  CHECK(cm_body_append_static(body, huge) == CM_OK);
  huge.len = (size_t)-1;
  CHECK(cm_body_append_static(body, huge) == CM_ERR_LIMIT);
  CHECK(cm_body_length(body) == 1);
  CHECK(cm_segment_new(&cm_libc_alloc, huge) == NULL);
  cm_body_release(body);
}

/* The producer drops its reference while a reader is half way. */
static void bytes_outlive_their_producer(void) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_segment *segment = cm_segment_new(&alloc, text("0123456789"));
  cm_body *body = cm_body_new(&alloc);
  cm_body *transfer;
  cm_body_cursor cursor = { 0, 0 };
  char out[10];

  CHECK(cm_body_append_segment(body, segment) == CM_OK);
  transfer = cm_body_retain(body);
  CHECK(cm_body_read(transfer, &cursor, out, 5) == 5);
  cm_segment_release(segment);
  cm_body_release(body);
  CHECK(cm_body_read(transfer, &cursor, out + 5, 5) == 5);
  CHECK(memcmp(out, "0123456789", 10) == 0);
  CHECK(books.blocks > 0);
  cm_body_release(transfer);
  CHECK(books.blocks == 0 && books.live_bytes == 0);
}

static cm_status build(const cm_alloc *alloc, cm_body **out) {
  cm_segment *segment = cm_segment_new(alloc, text("shared"));
  cm_body *body = segment ? cm_body_new(alloc) : NULL;
  cm_status status = body ? CM_OK : CM_ERR_NOMEM;
  int i;

  for (i = 0; status == CM_OK && i < 12; i++) {
    status =
        i % 2 ? cm_body_append_segment(body, segment) : cm_body_append_copy(body, text("copy"));
  }
  cm_segment_release(segment);
  *out = body;
  return status;
}

static void every_failing_allocation_leaks_nothing(void) {
  size_t n;
  int finished = 0;

  for (n = 0; !finished && n < 100; n++) {
    failing_alloc books;
    cm_alloc alloc = failing_alloc_over(&books, n);
    cm_body *body;
    cm_status status = build(&alloc, &body);

    finished = !books.failed;
    CHECK(status == (finished ? CM_OK : CM_ERR_NOMEM));
    if (body) CHECK(finished ? cm_body_length(body) == 60 : cm_body_length(body) < 60);
    cm_body_release(body);
    CHECK(books.blocks == 0 && books.live_bytes == 0);
  }
  CHECK(finished && n > 8);
}

void body_tests(void) {
  reads_the_same_at_every_piece_size();
  seeks_to_every_offset_and_replays();
  hands_out_slices_without_a_copy();
  reads_a_source_when_it_is_its_turn();
  seeks_into_a_source();
  hands_out_a_source_in_the_room_given();
  tells_of_a_source_that_fails_and_hands_out_what_came_before();
  an_empty_source_is_no_part();
  two_readers_do_not_disturb_each_other();
  an_empty_body_ends_at_once();
  refuses_a_length_that_would_wrap();
  bytes_outlive_their_producer();
  every_failing_allocation_leaks_nothing();
}
