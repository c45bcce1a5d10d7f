#include "core/json_writer.h"

#include <math.h>
#include <string.h>

#include "check.h"
#include "core/json_slots.h"
#include "exact.h"
#include "failing_alloc.h"

void json_writer_tests(void);

static cm_slice slice_of(const char *text) {
  cm_slice slice;

  slice.ptr = text;
  slice.len = strlen(text);
  return slice;
}

static int holds(const cm_buffer *buffer, const char *expected) {
  cm_slice slice;

  slice.ptr = buffer->ptr;
  slice.len = buffer->len;
  return exact_equal(slice, expected);
}

static cm_status write_everything(cm_json_writer *w) {
  cm_json_writer_begin_object(w);
  cm_json_writer_key(w, slice_of("empty"));
  cm_json_writer_begin_array(w);
  cm_json_writer_end_array(w);
  cm_json_writer_key(w, slice_of("\"\xC3\xA9\n"));
  cm_json_writer_begin_array(w);
  cm_json_writer_int64(w, INT64_MIN);
  cm_json_writer_double(w, 0.5);
  cm_json_writer_string(w, slice_of("a\\b"));
  cm_json_writer_begin_object(w);
  cm_json_writer_end_object(w);
  cm_json_writer_bool(w, 1);
  cm_json_writer_bool(w, 0);
  cm_json_writer_null(w);
  cm_json_writer_raw(w, slice_of("[ 1 ]"));
  cm_json_writer_end_array(w);
  cm_json_writer_key(w, slice_of(""));
  cm_json_writer_string(w, slice_of(""));
  return cm_json_writer_end_object(w);
}

static const char everything[] =
    "{\"empty\":[],\"\\\"\xC3\xA9\\n\":[-9223372036854775808,0.5,\"a\\\\b\",{},true,false,null,[ 1 "
    "]],\"\":\"\"}";

static void puts_commas_where_they_belong(void) {
  cm_json_writer writer;
  cm_buffer out;

  cm_buffer_init(&out, &cm_libc_alloc, 1000);
  cm_json_writer_init(&writer, &out);
  CHECK(write_everything(&writer) == CM_OK);
  CHECK(holds(&out, everything));
  cm_buffer_deinit(&out);
}

static void stays_failed(void) {
  cm_json_writer writer;
  cm_buffer out;

  cm_buffer_init(&out, &cm_libc_alloc, 1000);
  cm_json_writer_init(&writer, &out);
  CHECK(cm_json_writer_string(&writer, slice_of("\xC3")) == CM_ERR_UTF8);
  CHECK(cm_json_writer_null(&writer) == CM_ERR_UTF8);
  CHECK(cm_json_writer_double(&writer, 1) == CM_ERR_UTF8);
  CHECK(out.len == 0);

  cm_json_writer_init(&writer, &out);
  CHECK(cm_json_writer_double(&writer, NAN) == CM_ERR_SYNTAX);
  CHECK(cm_json_writer_begin_array(&writer) == CM_ERR_SYNTAX);
  cm_json_writer_init(&writer, &out);
  CHECK(cm_json_writer_double(&writer, -INFINITY) == CM_ERR_SYNTAX);
  CHECK(out.len == 0);
  cm_buffer_deinit(&out);
}

static void stops_at_every_ceiling(void) {
  cm_json_writer writer;
  cm_buffer out;
  size_t limit;

  for (limit = 0; limit < sizeof everything; limit++) {
    cm_buffer_init(&out, &cm_libc_alloc, limit);
    cm_json_writer_init(&writer, &out);
    CHECK(write_everything(&writer) == (limit < sizeof everything - 1 ? CM_ERR_LIMIT : CM_OK));
    CHECK(out.len <= limit && (out.len == 0 || memcmp(out.ptr, everything, out.len) == 0));
    cm_buffer_deinit(&out);
  }
}

static void survives_any_failed_allocation(void) {
  failing_alloc books;
  cm_json_writer writer;
  cm_alloc alloc;
  cm_buffer out;
  size_t allowed;
  cm_status status;

  for (allowed = 0;; allowed++) {
    alloc = failing_alloc_over(&books, allowed);
    cm_buffer_init(&out, &alloc, 1000);
    cm_json_writer_init(&writer, &out);
    status = write_everything(&writer);
    cm_buffer_deinit(&out);
    CHECK(books.blocks == 0);
    if (status == CM_OK) break;
    CHECK(status == CM_ERR_NOMEM);
  }
  CHECK(allowed == 2);
}

static int is_slot(cm_json_slot parent, const char *key, cm_json_slot expected, int list) {
  cm_slice name = exact_copy(key, strlen(key));
  int is_list = -1;
  cm_json_slot slot = cm_json_slot_of(parent, name, &is_list);

  exact_free(name);
  return slot == expected && is_list == list;
}

static void knows_the_slots_of_the_api(void) {
  CHECK(is_slot(CM_SLOT_API, "messages", CM_SLOT_API, 1));
  CHECK(is_slot(CM_SLOT_API, "allowed_callers", CM_SLOT_FREE, 1));
  CHECK(is_slot(CM_SLOT_API, "tools", CM_SLOT_API, 1));
  CHECK(is_slot(CM_SLOT_API, "metadata", CM_SLOT_API, 0));
  CHECK(is_slot(CM_SLOT_API, "input", CM_SLOT_FREE, 0));
  CHECK(is_slot(CM_SLOT_API, "input_schema", CM_SLOT_SCHEMA, 0));
  CHECK(is_slot(CM_SLOT_API, "inpu", CM_SLOT_API, 0));
  CHECK(is_slot(CM_SLOT_API, "", CM_SLOT_API, 0));
  CHECK(is_slot(CM_SLOT_FREE, "messages", CM_SLOT_FREE, 0));
}

static void knows_the_slots_of_schemas(void) {
  CHECK(is_slot(CM_SLOT_SCHEMA, "properties", CM_SLOT_PROPERTIES, 0));
  CHECK(is_slot(CM_SLOT_SCHEMA, "items", CM_SLOT_SCHEMA, 0));
  CHECK(is_slot(CM_SLOT_SCHEMA, "anyOf", CM_SLOT_SCHEMA, 1));
  CHECK(is_slot(CM_SLOT_SCHEMA, "$defs", CM_SLOT_SCHEMAS, 0));
  CHECK(is_slot(CM_SLOT_SCHEMA, "type", CM_SLOT_FREE, 1));
  CHECK(is_slot(CM_SLOT_PROPERTIES, "required", CM_SLOT_SCHEMA, 0));
  CHECK(is_slot(CM_SLOT_SCHEMAS, "enum", CM_SLOT_SCHEMA, 0));
  CHECK(is_slot(CM_SLOT_NAME_LISTS, "anything", CM_SLOT_FREE, 1));
}

void json_writer_tests(void) {
  puts_commas_where_they_belong();
  stays_failed();
  stops_at_every_ceiling();
  survives_any_failed_allocation();
  knows_the_slots_of_the_api();
  knows_the_slots_of_schemas();
}
