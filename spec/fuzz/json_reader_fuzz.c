/*
** json_reader_fuzz.c - for any bytes:
**   - they are JSON if the grammar of RFC 8259, read a second time, says so; all ways to read
**     them (value by value, skipping some, at once) come to the same;
**   - what is read and written again is JSON, and stays as it is the next time;
**   - what is said of a text cut off anywhere is JSON as far as the text was;
**   - content with a cache breakpoint is JSON, and without it what it was.
*/
#include "fuzz.h"
#include "json_copy.h"
#include "plain_json.h"
#include "record.h"

#include "core/json_partial.h"
#include "core/json_reader.h"
#include "core/mark.h"
#include "core/slice.h"

static int same(cm_slice a, cm_slice b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Opens the value that is due, reads it, or leaves it to be passed over: by a bit each. */
static cm_status read_or_skip(cm_json_reader *reader, unsigned *choice) {
  cm_json_type type = cm_json_reader_peek(reader);
  cm_slice raw;
  unsigned bits = *choice & 3;

  *choice = *choice >> 1 | (*choice & 1) << 15;
  if (type == CM_JSON_OBJECT && bits & 1) return cm_json_reader_begin_object(reader);
  if (type == CM_JSON_ARRAY && bits & 1) return cm_json_reader_begin_array(reader);
  if (reader->depth > 0 && bits & 2) return CM_OK;
  return cm_json_reader_read_value(reader, &raw);
}

static cm_status next_item(cm_json_reader *reader) {
  cm_json_string key;

  if (!reader->objects[reader->depth - 1]) return cm_json_reader_next_element(reader);
  return cm_json_reader_next_member(reader, &key);
}

/* Whatever is read and whatever is passed over, the verdict is the same. */
static cm_status wander(cm_slice text, unsigned choice) {
  cm_json_reader reader;
  cm_status status;

  cm_json_reader_init(&reader, text, CM_JSON_MAX_DEPTH);
  status = read_or_skip(&reader, &choice);
  while (status >= 0 && reader.depth > 0) {
    status = next_item(&reader);
    if (status == CM_OK) status = read_or_skip(&reader, &choice);
  }
  return status < 0 ? status : cm_json_reader_finish(&reader);
}

/* The value's bytes are the text without the blanks around it. */
static void check_raw(cm_slice text) {
  cm_json_reader reader;
  cm_slice raw;

  cm_json_reader_init(&reader, text, CM_JSON_MAX_DEPTH);
  REQUIRE(cm_json_reader_read_value(&reader, &raw) == CM_OK);
  REQUIRE(cm_json_reader_finish(&reader) == CM_OK);
  while (text.len && strchr(" \t\r\n", text.ptr[0])) text.ptr++, text.len--;
  while (text.len && strchr(" \t\r\n", text.ptr[text.len - 1])) text.len--;
  REQUIRE(same(raw, text));
}

static void check_verdict(cm_slice text, unsigned choice) {
  cm_failure failure = { CM_OK, 0, "" };
  cm_status status = cm_json_check(text, &failure);
  int too_deep, is = plain_json_is(text.ptr, text.len, CM_JSON_MAX_DEPTH, &too_deep);

  REQUIRE((status == CM_OK) == is);
  REQUIRE((status == CM_ERR_LIMIT) == too_deep);
  REQUIRE(is || (failure.offset <= text.len && failure.text[0]));
  REQUIRE(wander(text, choice) == status);
  if (is) check_raw(text);
}

static void check_copy(cm_slice text, cm_status status) {
  record once, twice;

  record_init(&once);
  record_init(&twice);
  REQUIRE(json_copy_text(text, &once.bytes) == status);
  if (status == CM_OK) {
    REQUIRE(cm_json_check(cm_slice_in(&once.bytes), NULL) == CM_OK);
    REQUIRE(json_copy_text(cm_slice_in(&once.bytes), &twice.bytes) == CM_OK);
    REQUIRE(record_equal(&once, &twice));
  }
  record_deinit(&once);
  record_deinit(&twice);
}

/* Of a valid text every cut can be completed. */
static void check_cuts(cm_slice text, int valid) {
  record out;
  cm_status status;
  size_t offset, cut;

  for (cut = text.len; cut > 0; cut = cut * 2 / 3) {
    cm_slice start = { text.ptr, cut };
    record_init(&out);
    status = cm_json_partial_complete(start, &out.bytes, &offset);
    REQUIRE(offset <= cut);
    REQUIRE(!valid || status == CM_OK || status == CM_WANT_MORE);
    if (valid && status == CM_OK) REQUIRE(cm_json_check(cm_slice_in(&out.bytes), NULL) == CM_OK);
    record_deinit(&out);
  }
}

static void append_all(record *out, const cm_slice *pieces, size_t count) {
  size_t i;

  for (i = 0; i < count; i++) REQUIRE(cm_buffer_append(&out->bytes, pieces[i]) == CM_OK);
}

static void check_mark(cm_slice content, size_t block) {
  static const cm_slice control = { "{}", 2 };
  record marked, plain;
  cm_mark mark;

  if (cm_mark_find(content, block, &mark) != CM_OK) return;
  record_init(&marked);
  record_init(&plain);
  {
    cm_slice with[] = { mark.before, mark.open,  mark.text, mark.name,
                        control,     mark.close, mark.after };
    cm_slice without[] = { mark.before, mark.text, mark.after };
    append_all(&marked, with, sizeof with / sizeof *with);
    append_all(&plain, without, sizeof without / sizeof *without);
  }
  REQUIRE(cm_json_check(cm_slice_in(&marked.bytes), NULL) == CM_OK);
  REQUIRE(cm_mark_count(cm_slice_in(&marked.bytes)) == cm_mark_count(content));
  REQUIRE(same(cm_slice_in(&plain.bytes), content));
  record_deinit(&marked);
  record_deinit(&plain);
}

static void check_marks(cm_slice content) {
  size_t block, count = cm_mark_count(content);

  for (block = 0; block <= count && block < 4; block++) check_mark(content, block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cm_slice text = record_input(data, size);
  cm_status status = cm_json_check(text, NULL);

  if (size > 1 << 16) return 0;
  check_verdict(text, size ? data[size / 2] * 257u : 0);
  check_copy(text, status);
  check_cuts(text, status == CM_OK);
  if (status == CM_OK) check_marks(text);
  return 0;
}
