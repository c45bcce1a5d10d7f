#include "core/json_reader.h"

#include <string.h>

#include "check.h"
#include "exact.h"

void json_reader_tests(void);

static cm_status check_text(const char *bytes, size_t len, cm_failure *failure) {
  cm_slice text = exact_copy(bytes, len);
  cm_status status;

  memset(failure, 0, sizeof *failure);
  status = cm_json_check(text, failure);
  exact_free(text);
  return status;
}

static cm_status check_json(const char *json) {
  cm_failure failure;
  return check_text(json, strlen(json), &failure);
}

static void accepts_every_kind_of_value(void) {
  static const char *const good[] = {
    "0",
    "-0",
    "10",
    "-1.5e+10",
    "0.0E-0",
    "1e400",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\"",
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "{\"a\":{}}",
    " [ ] ",
    "\t\r\n1",
    "[1 , 2]",
    "[1,2,3]",
    "{\"\":0}",
    "\"\\ud83d\"",
    "\"\xC3\xA9\"",
    "\"\x7F\"",
    "{ \"a\" : 1 , \"b\" : [ true , null ] }",
  };
  size_t i;

  for (i = 0; i < sizeof good / sizeof *good; i++) CHECK(check_json(good[i]) == CM_OK);
}

/* A caret stands under the byte that is named. */
static void names_the_byte_where_it_stops(void) {
  static const char *const bad[][2] = {
    { "", "^" },
    { "  ", "  ^" },
    { "nul", "^" },
    { "nulL", "^" },
    { "truee", "    ^" },
    { "01", " ^" },
    { "+1", "^" },
    { "-", " ^" },
    { "-a", " ^" },
    { ".5", "^" },
    { "1.", "  ^" },
    { "1.e1", "  ^" },
    { "1e", "  ^" },
    { "1e+", "   ^" },
    { "0x1", " ^" },
    { "NaN", "^" },
    { "Infinity", "^" },
    { "'a'", "^" },
    { "\"a", "  ^" },
    { "\"a\n\"", "  ^" },
    { "\"\t\"", " ^" },
    { "\"\\", " ^" },
    { "\"\\x\"", " ^" },
    { "\"\\u12\"", " ^" },
    { "\"\\u12", " ^" },
    { "[", " ^" },
    { "[1", "  ^" },
    { "[1,", "   ^" },
    { "[1,]", "   ^" },
    { "[,1]", " ^" },
    { "[1 2]", "   ^" },
    { "[1}", "  ^" },
    { "[1]]", "   ^" },
    { "{", " ^" },
    { "{1:2}", " ^" },
    { "{a:1}", " ^" },
    { "{\"a\"", "    ^" },
    { "{\"a\" 1}", "     ^" },
    { "{\"a\":", "     ^" },
    { "{\"a\":}", "     ^" },
    { "{\"a\":1", "      ^" },
    { "{\"a\":1,}", "       ^" },
    { "{\"a\":1,,", "       ^" },
    { "{\"a\":1]", "      ^" },
    { "{,}", " ^" },
    { "1 2", "  ^" },
    { "[] x", "   ^" },
    { "/**/1", "^" },
    { "\xEF\xBB\xBF{}", "^" },
  };
  cm_failure failure;
  size_t i;

  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK(check_text(bad[i][0], strlen(bad[i][0]), &failure) == CM_ERR_SYNTAX);
    CHECK(failure.offset == strlen(bad[i][1]) - 1);
    CHECK(failure.status == CM_ERR_SYNTAX && failure.text[0] != '\0');
  }
}

static void refuses_a_nul_in_any_place(void) {
  cm_failure failure;

  CHECK(check_text("\0", 1, &failure) == CM_ERR_SYNTAX);
  CHECK(check_text("1\0", 2, &failure) == CM_ERR_SYNTAX && failure.offset == 1);
  CHECK(check_text("\"\0\"", 3, &failure) == CM_ERR_SYNTAX && failure.offset == 1);
}

static void names_the_byte_that_is_not_utf8(void) {
  cm_failure failure;

  CHECK(check_text("\"ab\xFF\"", 5, &failure) == CM_ERR_UTF8 && failure.offset == 3);
  CHECK(check_text("\"\xE2\x82\"", 4, &failure) == CM_ERR_UTF8 && failure.offset == 1);
  CHECK(check_text("\"\xE2\x82", 3, &failure) == CM_ERR_UTF8 && failure.offset == 1);
  CHECK(check_text("\"\xED\xA0\x80\"", 5, &failure) == CM_ERR_UTF8 && failure.offset == 1);
  CHECK(check_text("{\"\xC0\x80\":1}", 8, &failure) == CM_ERR_UTF8 && failure.offset == 2);
}

/* Each special byte at each distance from the quote: words of eight must not hide it. */
static void finds_special_bytes_at_any_place_of_a_string(void) {
  char text[64];
  cm_failure failure;
  size_t len, at;

  for (len = 1; len <= 40; len++) {
    memset(text, 'x', sizeof text);
    text[0] = text[len + 1] = '"';
    CHECK(check_text(text, len + 2, &failure) == CM_OK);
    for (at = 1; at <= len; at++) {
      text[at] = '\x1F';
      CHECK(check_text(text, len + 2, &failure) == CM_ERR_SYNTAX && failure.offset == at);
      text[at] = '\x80';
      CHECK(check_text(text, len + 2, &failure) == CM_ERR_UTF8 && failure.offset == at);
      text[at] = '"';
      CHECK(check_text(text, len + 2, &failure) == CM_ERR_SYNTAX && failure.offset == at + 1);
      text[at] = '\x7F';
      CHECK(check_text(text, len + 2, &failure) == CM_OK);
      text[at] = 'x';
    }
  }
}

static void counts_depth(void) {
  enum { DEEP = CM_JSON_MAX_DEPTH };
  char text[2 * DEEP + 2];
  cm_failure failure;

  memset(text, '[', DEEP);
  memset(text + DEEP, ']', DEEP);
  CHECK(check_text(text, 2 * DEEP, &failure) == CM_OK);
  memset(text, '[', DEEP + 1);
  memset(text + DEEP + 1, ']', DEEP + 1);
  CHECK(check_text(text, 2 * DEEP + 2, &failure) == CM_ERR_LIMIT);
  CHECK(failure.offset == DEEP);
}

static void obeys_a_lower_depth(void) {
  cm_slice text = EXACT("[{\"a\":[]}]"), raw;
  cm_json_reader reader;

  cm_json_reader_init(&reader, text, 3);
  CHECK(cm_json_reader_read_value(&reader, &raw) == CM_OK);
  cm_json_reader_init(&reader, text, 2);
  CHECK(cm_json_reader_read_value(&reader, &raw) == CM_ERR_LIMIT);
  CHECK(cm_json_reader_offset(&reader) == 6);
  exact_free(text);
}

static void reads_members_in_order(void) {
  cm_slice text =
      EXACT(" { \"a\" : 12 , \"b\\n\" : \"x\\ty\" , \"c\" : [ 1 , { } ] , \"d\" : false } ");
  cm_slice plain = { "b\n", 2 }, raw;
  cm_json_reader reader;
  cm_json_string key, value;
  int64_t number = 0;
  int flag = 1;

  cm_json_reader_init(&reader, text, 8);
  CHECK(cm_json_reader_begin_object(&reader) == CM_OK);
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_OK && exact_equal(key.body, "a"));
  CHECK(!key.escaped && cm_json_reader_peek(&reader) == CM_JSON_NUMBER);
  CHECK(cm_json_reader_read_int(&reader, &number) == CM_OK && number == 12);
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_OK && exact_equal(key.body, "b\\n"));
  CHECK(key.escaped && cm_json_string_equals(key, plain));
  CHECK(cm_json_reader_read_string(&reader, &value) == CM_OK && exact_equal(value.body, "x\\ty"));
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_OK);
  CHECK(cm_json_reader_read_value(&reader, &raw) == CM_OK && exact_equal(raw, "[ 1 , { } ]"));
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_OK);
  CHECK(cm_json_reader_read_bool(&reader, &flag) == CM_OK && flag == 0);
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_END);
  CHECK(cm_json_reader_finish(&reader) == CM_OK);
  exact_free(text);
}

static void reads_elements_in_order(void) {
  cm_slice text = EXACT("[1.5,[],null,\"\"]"), digits;
  cm_json_reader reader;
  cm_json_string value;

  cm_json_reader_init(&reader, text, 8);
  CHECK(cm_json_reader_begin_array(&reader) == CM_OK);
  CHECK(cm_json_reader_next_element(&reader) == CM_OK);
  CHECK(cm_json_reader_read_number(&reader, &digits) == CM_OK && exact_equal(digits, "1.5"));
  CHECK(cm_json_reader_next_element(&reader) == CM_OK);
  CHECK(cm_json_reader_begin_array(&reader) == CM_OK);
  CHECK(cm_json_reader_next_element(&reader) == CM_END);
  CHECK(cm_json_reader_next_element(&reader) == CM_OK);
  CHECK(cm_json_reader_read_null(&reader) == CM_OK);
  CHECK(cm_json_reader_next_element(&reader) == CM_OK);
  CHECK(cm_json_reader_read_string(&reader, &value) == CM_OK && value.body.len == 0);
  CHECK(cm_json_reader_next_element(&reader) == CM_END);
  CHECK(cm_json_reader_finish(&reader) == CM_OK);
  exact_free(text);
}

static void skips_and_checks_values_that_are_not_read(void) {
  cm_slice good = EXACT("{\"a\":[1,{\"b\":2}],\"c\":3}"),
           bad = EXACT("{\"a\":[1,{\"b\":}],\"c\":3}");
  cm_json_reader reader;
  cm_json_string key;

  cm_json_reader_init(&reader, good, 8);
  cm_json_reader_begin_object(&reader);
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_OK);
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_OK && exact_equal(key.body, "c"));
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_END);
  CHECK(cm_json_reader_finish(&reader) == CM_OK);

  cm_json_reader_init(&reader, bad, 8);
  cm_json_reader_begin_object(&reader);
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_OK);
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_ERR_SYNTAX);
  CHECK(cm_json_reader_offset(&reader) == 13);
  exact_free(good);
  exact_free(bad);
}

static void refuses_another_type_than_asked_for_and_stays_failed(void) {
  cm_slice text = EXACT("[1.0]"), raw;
  cm_json_reader reader;
  cm_json_string string;
  int64_t number;
  int flag;

  cm_json_reader_init(&reader, text, 8);
  CHECK(cm_json_reader_begin_object(&reader) == CM_ERR_PROTOCOL);
  CHECK(cm_json_reader_begin_array(&reader) == CM_ERR_PROTOCOL);
  CHECK(cm_json_reader_read_value(&reader, &raw) == CM_ERR_PROTOCOL);
  CHECK(cm_json_reader_next_element(&reader) == CM_ERR_PROTOCOL);
  CHECK(cm_json_reader_finish(&reader) == CM_ERR_PROTOCOL);
  CHECK(cm_json_reader_peek(&reader) == CM_JSON_INVALID);

  cm_json_reader_init(&reader, text, 8);
  cm_json_reader_begin_array(&reader);
  cm_json_reader_next_element(&reader);
  CHECK(cm_json_reader_read_int(&reader, &number) == CM_ERR_PROTOCOL);
  CHECK(cm_json_reader_offset(&reader) == 1);
  CHECK(cm_json_reader_read_string(&reader, &string) == CM_ERR_PROTOCOL);
  CHECK(cm_json_reader_read_bool(&reader, &flag) == CM_ERR_PROTOCOL);
  CHECK(cm_json_reader_reason(&reader)[0] != '\0');
  exact_free(text);
}

static void refuses_calls_out_of_order(void) {
  cm_slice text = EXACT("{\"a\":[]}");
  cm_json_reader reader;
  cm_json_string key;

  cm_json_reader_init(&reader, text, 8);
  CHECK(cm_json_reader_next_member(&reader, &key) == CM_ERR_PROTOCOL);
  cm_json_reader_init(&reader, text, 8);
  cm_json_reader_begin_object(&reader);
  CHECK(cm_json_reader_read_string(&reader, &key) == CM_ERR_PROTOCOL);
  cm_json_reader_init(&reader, text, 8);
  cm_json_reader_begin_object(&reader);
  CHECK(cm_json_reader_next_element(&reader) == CM_ERR_PROTOCOL);
  cm_json_reader_init(&reader, text, 8);
  cm_json_reader_begin_object(&reader);
  CHECK(cm_json_reader_finish(&reader) == CM_ERR_PROTOCOL);
  exact_free(text);
}

/* Every proper prefix of a closed container is an error at its end, and reads nothing beyond. */
static void refuses_every_prefix(void) {
  static const char json[] =
      "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\xC3\xA9\"],\"b\":{\"c\":true,\"d\":false,\"e\":null}}";
  cm_failure failure;
  size_t len;

  for (len = 0; len < sizeof json - 1; len++) CHECK(check_text(json, len, &failure) < 0);
  CHECK(check_text(json, sizeof json - 1, &failure) == CM_OK);
}

void json_reader_tests(void) {
  accepts_every_kind_of_value();
  names_the_byte_where_it_stops();
  refuses_a_nul_in_any_place();
  names_the_byte_that_is_not_utf8();
  finds_special_bytes_at_any_place_of_a_string();
  counts_depth();
  obeys_a_lower_depth();
  reads_members_in_order();
  reads_elements_in_order();
  skips_and_checks_values_that_are_not_read();
  refuses_another_type_than_asked_for_and_stays_failed();
  refuses_calls_out_of_order();
  refuses_every_prefix();
}
