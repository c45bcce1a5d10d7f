#include "core/ahead.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "core/response.h"
#include "core/slice.h"
#include "exact.h"
#include "failing_alloc.h"

void ahead_tests(void);

#ifndef TRIES
#define TRIES 2000
#endif

static const char beginning[] =
    "event: message_start\n"
    "data: {\"type\":\"message_start\",\"message\":{\"type\":\"message\",\"content\":[]}}\n\n"
    "event: content_block_start\n"
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
    "\"text\":\"\"}}\n\n"
    "event: content_block_start\n"
    "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\","
    "\"id\":\"t\",\"name\":\"n\",\"input\":{}}}\n\n";

#define DELTA(index, member, text)                                                                 \
  "event: content_block_delta\n"                                                                   \
  "data: {\"type\":\"content_block_delta\",\"index\":" index ",\"delta\":{\"type\":\"" member      \
  "\":\"" text "\"}   }\n\n"
#define TEXT(text) DELTA("0", "text_delta\",\"text", text)
#define INPUT(text) DELTA("1", "input_json_delta\",\"partial_json", text)

static void feed(cm_response *r, const char *bytes) {
  CHECK(cm_response_on_body(r, cm_slice_of(bytes)) == CM_OK);
}

static int next_is(cm_response *r, cm_kind kind, const char *text) {
  cm_delivery delivery;

  if (cm_response_next(r, &delivery) != CM_OK || delivery.kind != kind) return 0;
  cm_response_taken(r);
  return exact_equal(delivery.text, text);
}

static int wants_more(cm_response *r) {
  cm_delivery delivery;

  return cm_response_next(r, &delivery) == CM_WANT_MORE;
}

/* A reader that has been told of all up to the first delta of a block. */
static cm_response *waiting_reader(const char *first) {
  cm_response *r = cm_response_new(&cm_libc_alloc, NULL);
  cm_delivery delivery;

  feed(r, beginning);
  feed(r, first);
  while (cm_response_next(r, &delivery) == CM_OK) cm_response_taken(r);
  CHECK(cm_response_unread(r) == 0);
  return r;
}

static int text_so_far_is(const cm_response *r, size_t block, const char *text) {
  cm_buffer out;
  int same;

  cm_buffer_init(&out, &cm_libc_alloc, (size_t)-1);
  CHECK(cm_block_render(cm_response_message(r)->blocks.items[block], 0, &out) == CM_OK);
  same = exact_equal(cm_slice_in(&out), text);
  cm_buffer_deinit(&out);
  return same;
}

static void what_was_read_ahead_is_told_one_by_one(void) {
  cm_response *r = waiting_reader(TEXT("a"));
  cm_slice frame;

  feed(r, TEXT("b\\n") TEXT("\\u0063") TEXT("d"));
  CHECK(cm_response_unread(r) > 0);
  CHECK(text_so_far_is(r, 0, "{\"type\":\"text\",\"text\":\"a\"}"));
  CHECK(next_is(r, CM_KIND_TEXT, "b\n"));
  CHECK(cm_response_frame(r, &frame) == CM_OK);
  CHECK(exact_equal(frame, "{\"type\":\"content_block_delta\",\"index\":0,"
                           "\"delta\":{\"type\":\"text_delta\",\"text\":\"b\\n\"}}"));
  CHECK(text_so_far_is(r, 0, "{\"type\":\"text\",\"text\":\"ab\\n\"}"));
  CHECK(next_is(r, CM_KIND_TEXT, "c"));
  CHECK(text_so_far_is(r, 0, "{\"type\":\"text\",\"text\":\"ab\\n\\u0063\"}"));
  CHECK(next_is(r, CM_KIND_TEXT, "d"));
  CHECK(wants_more(r) && cm_response_unread(r) == 0);
  cm_response_release(r);
}

static void tool_input_is_read_ahead_too(void) {
  cm_response *r = waiting_reader(INPUT("{\\\"a\\\":"));
  cm_slice frame;

  feed(r, INPUT("\\\"\\u0062") INPUT("\\ud83d") INPUT("\\ude00\\\"}"));
  CHECK(next_is(r, CM_KIND_INPUT_JSON, "\"b"));
  CHECK(cm_response_frame(r, &frame) == CM_OK);
  CHECK(exact_equal(frame,
                    "{\"type\":\"content_block_delta\",\"index\":1,"
                    "\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\\\"b\"}}"));
  CHECK(next_is(r, CM_KIND_INPUT_JSON, ""));
  CHECK(next_is(r, CM_KIND_INPUT_JSON, "\xF0\x9F\x98\x80\"}"));
  CHECK(wants_more(r));
  cm_response_release(r);
}

static void a_frame_that_was_cut_is_put_together(void) {
  static const char frame[] = TEXT("b") TEXT("c");
  size_t cut;

  for (cut = 1; cut < sizeof frame - 1; cut++) {
    cm_response *r = waiting_reader(TEXT("a"));
    cm_delivery delivery;
    cm_slice head = { frame, cut };

    CHECK(cm_response_on_body(r, head) == CM_OK);
    if (cut % 2 && cm_response_next(r, &delivery) == CM_OK) cm_response_taken(r);
    feed(r, frame + cut);
    while (cm_response_next(r, &delivery) == CM_OK) cm_response_taken(r);
    CHECK(text_so_far_is(r, 0, "{\"type\":\"text\",\"text\":\"abc\"}"));
    cm_response_release(r);
  }
}

/* What waits for its end is no reason to believe that the reader is late. */
static void the_beginning_of_a_frame_is_not_unread(void) {
  static const char frame[] = TEXT("b");
  cm_response *r = waiting_reader(TEXT("a"));
  cm_slice half = { frame, 70 };

  CHECK(cm_response_on_body(r, half) == CM_OK && cm_response_unread(r) == 70);
  CHECK(wants_more(r) && cm_response_unread(r) == 0);
  feed(r, frame + 70);
  CHECK(cm_response_unread(r) > 0 && next_is(r, CM_KIND_TEXT, "b"));
  CHECK(wants_more(r) && cm_response_unread(r) == 0);
  cm_response_release(r);
}

static void adjacent_ones_are_joined_up_to_a_size(void) {
  cm_response *r = waiting_reader(TEXT("a"));
  cm_delivery delivery;

  feed(r, TEXT("bb") TEXT("") TEXT("cc") TEXT("dd") TEXT("ee"));
  CHECK(cm_response_next_joined(r, 5, &delivery) == CM_OK && exact_equal(delivery.text, "bbcc"));
  CHECK(text_so_far_is(r, 0, "{\"type\":\"text\",\"text\":\"abbcc\"}"));
  cm_response_taken(r);
  CHECK(next_is(r, CM_KIND_TEXT, "dd"));
  CHECK(cm_response_next_joined(r, 1, &delivery) == CM_OK && exact_equal(delivery.text, "ee"));
  cm_response_taken(r);
  CHECK(cm_response_next_joined(r, 5, &delivery) == CM_WANT_MORE);
  cm_response_release(r);
}

/* What does not go on with the piece is looked at, and waits. */
static void what_ends_a_piece_is_not_in_the_message_before_it_is_told(void) {
  static const char *const others[] = { "event: content_block_stop\n"
                                        "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
                                        "event: ping\ndata: no JSON\n\n", INPUT("t") };
  static const cm_kind kinds[] = { CM_KIND_BLOCK_STOP, CM_KIND_PING, CM_KIND_INPUT_JSON };
  cm_delivery delivery;
  cm_response *r;
  size_t i;

  for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    r = waiting_reader(TEXT("a"));
    feed(r, TEXT("b"));
    feed(r, others[i]);
    CHECK(cm_response_next_joined(r, 9, &delivery) == CM_OK && exact_equal(delivery.text, "b"));
    cm_response_taken(r);
    CHECK(cm_response_go_on_joined(r, 9, &delivery) == CM_WANT_MORE);
    CHECK(!cm_response_message(r)->blocks.items[0]->stopped);
    CHECK(cm_block_input(cm_response_message(r)->blocks.items[1]).len == 0);
    CHECK(cm_response_go_on_joined(r, 9, &delivery) == CM_WANT_MORE);
    feed(r, TEXT("c"));
    CHECK(cm_response_next(r, &delivery) == CM_OK && delivery.kind == kinds[i]);
    cm_response_release(r);
  }
}

static void the_order_is_kept_where_not_all_can_be_read_ahead(void) {
  cm_response *r = waiting_reader(TEXT("a"));

  feed(r, TEXT("b") INPUT("{}") TEXT("c"));
  feed(r, TEXT("d"));
  CHECK(next_is(r, CM_KIND_TEXT, "b"));
  feed(r, TEXT("e"));
  CHECK(next_is(r, CM_KIND_INPUT_JSON, "{}"));
  CHECK(next_is(r, CM_KIND_TEXT, "c") && next_is(r, CM_KIND_TEXT, "d"));
  CHECK(next_is(r, CM_KIND_TEXT, "e") && wants_more(r));
  cm_response_release(r);
}

static void what_the_reader_holds_does_not_move(void) {
  cm_response *r = waiting_reader(TEXT("a"));
  cm_delivery delivery;
  int i;

  feed(r, TEXT("held"));
  CHECK(cm_response_next(r, &delivery) == CM_OK);
  for (i = 0; i < 1000; i++) feed(r, TEXT("more"));
  CHECK(exact_equal(delivery.text, "held"));
  cm_response_taken(r);
  for (i = 0; i < 1000; i++) CHECK(next_is(r, CM_KIND_TEXT, "more"));
  CHECK(wants_more(r));
  cm_response_release(r);
}

static void an_end_does_not_come_before_what_was_read_ahead(void) {
  cm_response *r = waiting_reader(TEXT("a"));
  cm_delivery delivery;

  feed(r, TEXT("b"));
  cm_response_finish(r, CM_ERR_TRANSPORT, "lost");
  CHECK(cm_response_failure(r)->status == CM_OK);
  CHECK(next_is(r, CM_KIND_TEXT, "b"));
  CHECK(cm_response_next(r, &delivery) == CM_ERR_TRANSPORT);
  CHECK(text_so_far_is(r, 0, "{\"type\":\"text\",\"text\":\"ab\"}"));
  cm_response_release(r);
}

enum { BURST = 1000 };

/* What the reader holds, if anything, it gives back once all has come. */
static void take_burst(cm_response *r, int holds) {
  int i;

  for (i = 0; i < BURST; i++) feed(r, TEXT("more"));
  if (holds) cm_response_taken(r);
  for (i = 0; i < BURST; i++) CHECK(next_is(r, CM_KIND_TEXT, "more"));
  for (i = 0; i < 2; i++) {
    feed(r, TEXT("one"));
    CHECK(next_is(r, CM_KIND_TEXT, "one"));
  }
  CHECK(wants_more(r));
}

/* Of a text of 4 kB there is a buffer of 8; a burst takes ten times as much meanwhile. */
static void after_a_burst_a_stream_that_waits_holds_little_more_than_its_text(void) {
  enum { MOST = 24 * 1024 };
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_response *r = cm_response_new(&alloc, NULL);
  cm_delivery delivery;

  feed(r, beginning);
  feed(r, TEXT("a"));
  while (cm_response_next(r, &delivery) == CM_OK) cm_response_taken(r);
  take_burst(r, 0);
  CHECK(books.live_bytes < MOST);
  feed(r, TEXT("held"));
  CHECK(cm_response_next(r, &delivery) == CM_OK);
  take_burst(r, 1); /* which waits in the queue, then */
  CHECK(books.live_bytes < MOST);
  cm_response_release(r);
  CHECK(books.blocks == 0 && books.live_bytes == 0);
}

/* Its buffer has doubled to 16 KiB when 10 kB have come. */
static void a_block_that_has_stopped_holds_no_room_behind_its_text(void) {
  static const char stop[] = "event: content_block_stop\n"
                             "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_response *r = cm_response_new(&alloc, NULL);
  cm_delivery delivery;
  size_t before;
  int i;

  feed(r, beginning);
  for (i = 0; i < 1000; i++) {
    feed(r, TEXT("ten bytes."));
    while (cm_response_next(r, &delivery) == CM_OK) cm_response_taken(r);
  }
  before = books.live_bytes;
  feed(r, stop);
  CHECK(cm_response_next(r, &delivery) == CM_OK && delivery.kind == CM_KIND_BLOCK_STOP);
  CHECK(books.live_bytes < before - 5000);
  cm_response_release(r);
  CHECK(books.blocks == 0 && books.live_bytes == 0);
}

/* Everything that was told before memory failed is right, and nothing leaks. */
static cm_status read_with(const cm_alloc *alloc) {
  cm_response *r = cm_response_new(alloc, NULL);
  cm_status status = CM_OK;
  cm_delivery delivery;
  char told[4096] = "";
  int i;

  if (!r) return CM_ERR_NOMEM;
  status = cm_response_on_body(r, cm_slice_of(beginning));
  for (i = 0; i < 30 && status >= 0; i++) {
    status = cm_response_on_body(r, cm_slice_of(TEXT("some text\\n") TEXT("and more")));
    if (status != CM_OK) break;
    while ((status = cm_response_next(r, &delivery)) == CM_OK) {
      if (delivery.kind == CM_KIND_TEXT) strncat(told, delivery.text.ptr, delivery.text.len);
      cm_response_taken(r);
    }
  }
  CHECK(status == CM_ERR_NOMEM || strlen(told) == (size_t)30 * strlen("some text\nand more"));
  cm_response_release(r);
  return status;
}

static void it_survives_every_failing_allocation(void) {
  size_t allowed;
  failing_alloc books;
  cm_alloc alloc;

  for (allowed = 0;; allowed++) {
    cm_status status;

    alloc = failing_alloc_over(&books, allowed);
    status = read_with(&alloc);
    /* What cannot be read ahead for want of memory may yet be read in its turn. */
    CHECK(status == CM_WANT_MORE || (status == CM_ERR_NOMEM && books.failed));
    CHECK(books.blocks == 0 && books.live_bytes == 0);
    if (!books.failed) break;
  }
}

/* ---- strings of any length, whatever is in them ---- */

static const char *const WHOLE[] = { "plain words, and more of them ",
                                     "x",
                                     "caf\xC3\xA9 ",
                                     "\xE6\x9D\xB1\xE4\xBA\xAC",
                                     "\xF0\x9F\x9A\x80",
                                     "\\n",
                                     "\\\"",
                                     "\\\\",
                                     "\\u00e9",
                                     "\\ud55c",
                                     "\\ud83d\\ude00",
                                     "\\uD83D\\uDE00\\n" };
static const char *const BROKEN[] = { "\\ud83d", "\\ude00", "\\x",      "\\u12", "\x01",
                                      "\x80",    "\xC3",    "\xF0\x9F", "\"" };

static unsigned next_random(unsigned *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 16;
}

static void append(cm_buffer *out, const char *text) {
  cm_buffer_append(out, cm_slice_of(text));
}

/* Some pieces that are whole, and in one string of eight one that is not. */
static void append_string(cm_buffer *out, unsigned *seed) {
  size_t pieces = next_random(seed) % 40, i;
  size_t broken = next_random(seed) % 8 ? pieces : next_random(seed) % (pieces + 1);

  for (i = 0; i < pieces; i++) {
    append(out, WHOLE[next_random(seed) % (sizeof WHOLE / sizeof *WHOLE)]);
    if (i == broken) append(out, BROKEN[next_random(seed) % (sizeof BROKEN / sizeof *BROKEN)]);
  }
}

/* Three of the text, then three of the input. */
static cm_slice deltas_at_random(cm_buffer *out, unsigned *seed) {
  int i;

  for (i = 0; i < 6; i++) {
    append(out, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",");
    append(out, i < 3 ? "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\""
                      : "\"index\":1,\"delta\":{\"type\":\"input_json_delta\","
                        "\"partial_json\":\"");
    append_string(out, seed);
    append(out, "\"}   }\n\n");
  }
  return cm_slice_in(out);
}

/* What a reader is told of deltas, the message then, and how it failed. */
static void read_all(cm_slice deltas, size_t longest, int short_cuts, cm_buffer *out) {
  cm_response_limits limits = { longest, 0, 0, 0 };
  cm_response *r = cm_response_new(&cm_libc_alloc, &limits);
  cm_delivery delivery;
  size_t i;

  if (!short_cuts) cm_response_take_no_short_cut(r);
  cm_response_on_body(r, cm_slice_of(beginning));
  cm_response_on_body(r, cm_slice_of(INPUT("{") TEXT("a")));
  for (i = 0; i < 2; i++) {
    while (cm_response_next(r, &delivery) == CM_OK) {
      append(out, delivery.kind == CM_KIND_TEXT ? "\nT" : "\nI");
      cm_buffer_append(out, delivery.text);
      cm_response_taken(r);
    }
    if (i == 0) cm_response_on_body(r, deltas);
  }
  append(out, cm_response_failure(r)->text);
  for (i = 0; i < 2; i++) cm_block_render(cm_response_message(r)->blocks.items[i], 0, out);
  cm_response_release(r);
}

static void long_strings_say_what_the_long_way_says(void) {
  unsigned seed = 1, i;
  cm_buffer bytes, one, other;

  cm_buffer_init(&bytes, &cm_libc_alloc, (size_t)-1);
  cm_buffer_init(&one, &cm_libc_alloc, (size_t)-1);
  cm_buffer_init(&other, &cm_libc_alloc, (size_t)-1);
  for (i = 0; i < TRIES; i++) {
    cm_slice made = deltas_at_random(&bytes, &seed), exact = exact_copy(made.ptr, made.len);
    size_t longest = i % 2 ? 300 + next_random(&seed) % 500 : 0;

    read_all(exact, longest, 1, &one);
    read_all(exact, longest, 0, &other);
    CHECK(one.len == other.len && memcmp(one.ptr, other.ptr, one.len) == 0);
    exact_free(exact);
    cm_buffer_clear(&bytes);
    cm_buffer_clear(&one);
    cm_buffer_clear(&other);
  }
  cm_buffer_deinit(&bytes);
  cm_buffer_deinit(&one);
  cm_buffer_deinit(&other);
}

static void long_strings_count_for_the_limit_of_a_message(void) {
  cm_response_limits limits = { 0, 2500, 0, 0 };
  cm_response *r = cm_response_new(&cm_libc_alloc, &limits);
  cm_delivery delivery;
  char text[601] = { 0 }, both[1000];
  int i;

  memset(text, 'x', sizeof text - 1);
  snprintf(both, sizeof both, TEXT("%s") TEXT("b"), text);
  feed(r, beginning);
  feed(r, TEXT("a"));
  while (cm_response_next(r, &delivery) == CM_OK) cm_response_taken(r);
  for (i = 0; i < 2; i++) {
    feed(r, both);
    CHECK((next_is(r, CM_KIND_TEXT, text) && next_is(r, CM_KIND_TEXT, "b")) == (i == 0));
  }
  CHECK(cm_response_failure(r)->status == CM_ERR_LIMIT);
  cm_response_release(r);
}

/* Characters of many deltas are checked together, but each delta is right or wrong by itself. */
static void what_is_before_a_wrong_character_is_told_and_nothing_behind_it(void) {
  enum { COUNT = 80 };
  size_t wrong;

  for (wrong = 0; wrong < COUNT; wrong++) {
    cm_response *r = waiting_reader(TEXT("a"));
    cm_delivery delivery;
    cm_buffer all, text;
    size_t i;

    cm_buffer_init(&all, &cm_libc_alloc, (size_t)-1);
    cm_buffer_init(&text, &cm_libc_alloc, (size_t)-1);
    cm_buffer_append_text(&text, "{\"type\":\"text\",\"text\":\"a");
    for (i = 0; i < COUNT; i++)
      cm_buffer_append_text(&all, i == wrong  ? TEXT("b\xC3(")
                                  : i % 7 < 3 ? TEXT("c")
                                              : TEXT("\xC3\xA9\xE6\x97\xA5"));
    CHECK(cm_response_on_body(r, cm_slice_in(&all)) == CM_OK);
    for (i = 0; cm_response_next(r, &delivery) == CM_OK; i++) {
      CHECK(exact_equal(delivery.text, i % 7 < 3 ? "c" : "\xC3\xA9\xE6\x97\xA5"));
      cm_buffer_append(&text, delivery.text);
      cm_response_taken(r);
    }
    CHECK(i == wrong);
    CHECK(cm_response_next(r, &delivery) == CM_ERR_UTF8);
    cm_buffer_append(&text, (cm_slice){ "\"}", 3 });
    CHECK(text_so_far_is(r, 0, text.ptr));
    cm_buffer_deinit(&text);
    cm_buffer_deinit(&all);
    cm_response_release(r);
  }
}

void ahead_tests(void) {
  what_was_read_ahead_is_told_one_by_one();
  tool_input_is_read_ahead_too();
  a_frame_that_was_cut_is_put_together();
  the_beginning_of_a_frame_is_not_unread();
  adjacent_ones_are_joined_up_to_a_size();
  what_ends_a_piece_is_not_in_the_message_before_it_is_told();
  the_order_is_kept_where_not_all_can_be_read_ahead();
  what_the_reader_holds_does_not_move();
  an_end_does_not_come_before_what_was_read_ahead();
  after_a_burst_a_stream_that_waits_holds_little_more_than_its_text();
  a_block_that_has_stopped_holds_no_room_behind_its_text();
  it_survives_every_failing_allocation();
  long_strings_say_what_the_long_way_says();
  long_strings_count_for_the_limit_of_a_message();
  what_is_before_a_wrong_character_is_told_and_nothing_behind_it();
}
