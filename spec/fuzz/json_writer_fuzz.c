/*
** json_writer_fuzz.c - the input is a list of steps that write a document: containers, keys,
** texts, numbers.
**   - what is written is JSON, and reading it gives every value that was written, bit by bit;
**   - it is canonical: what is read of it and written again is the same bytes;
**   - what cannot be said (text that is no UTF-8, NaN) is an error from then on;
**   - with less room, what stands there is its beginning.
*/
#include "fuzz.h"
#include "json_copy.h"
#include "record.h"

#include "core/json_reader.h"
#include "core/json_writer.h"
#include "core/slice.h"
#include "core/utf8.h"

enum { DEEPEST = 40, MOST_TOKENS = 512 };

typedef enum token_kind {
  OBJECT,
  ARRAY,
  END,
  KEY,
  TEXT,
  INTEGER,
  DOUBLE,
  WORD,
  RAW,
  TOKEN_KINDS
} token_kind;

typedef struct token {
  token_kind kind;
  cm_slice text; /* key, text, raw JSON */
  int64_t integer;
  double number;
} token;

/* What is written: the tokens of one array, every container closed. */
typedef struct document {
  token tokens[MOST_TOKENS];
  size_t count;
} document;

/* The steps that are left. */
typedef struct steps {
  const uint8_t *at;
  size_t left;
} steps;

static unsigned take_byte(steps *s) {
  if (s->left == 0) return 0;
  s->left--;
  return *s->at++;
}

static cm_slice take_text(steps *s) {
  size_t length = take_byte(s) % 64;
  cm_slice text;

  if (length > s->left) length = s->left;
  text.ptr = (const char *)s->at;
  text.len = length;
  s->at += length;
  s->left -= length;
  return text;
}

static uint64_t take_word(steps *s) {
  uint64_t word = 0;
  int i;

  for (i = 0; i < 8; i++) word = word << 8 | take_byte(s);
  return word;
}

static cm_slice take_raw(steps *s) {
  static const char *const texts[] = { "1e400", "{\"a\":[1,null]}", "123456789012345678901" };
  return cm_slice_of(texts[take_byte(s) % 3]);
}

static token *add(document *d, token_kind kind) {
  token *t = &d->tokens[d->count++];

  memset(t, 0, sizeof *t);
  t->kind = kind;
  return t;
}

static void add_value(document *d, steps *s, token_kind kind) {
  token *t = add(d, kind);
  uint64_t word;

  if (kind == TEXT) t->text = take_text(s);
  if (kind == RAW) t->text = take_raw(s);
  if (kind == WORD) t->integer = take_byte(s) % 3;
  if (kind == INTEGER) t->integer = (int64_t)take_word(s);
  if (kind != DOUBLE) return;
  word = take_word(s);
  memcpy(&t->number, &word, sizeof word);
}

/* Members get a key first; how the steps end and how deep they go is seen to here. */
static void compose(document *d, steps *s) {
  token_kind open[DEEPEST + 1], kind;
  size_t depth = 0;

  d->count = 0;
  add(d, open[depth++] = ARRAY);
  while (s->left && d->count < MOST_TOKENS - DEEPEST - 3) {
    kind = (token_kind)(take_byte(s) % TOKEN_KINDS);
    if (kind == KEY) continue;
    if (kind == END && depth == 1) continue;
    if (kind == END) {
      add(d, END);
      depth--;
      continue;
    }
    if (open[depth - 1] == OBJECT) add(d, KEY)->text = take_text(s);
    if ((kind == OBJECT || kind == ARRAY) && depth == DEEPEST) kind = WORD;
    add_value(d, s, kind);
    if (kind == OBJECT || kind == ARRAY) open[depth++] = kind;
  }
  while (depth-- > 0) add(d, END);
}

static cm_status write_word(cm_json_writer *writer, int64_t word) {
  return word == 2 ? cm_json_writer_null(writer) : cm_json_writer_bool(writer, (int)word);
}

/* object: whether the innermost open container is one. */
static cm_status write_token(cm_json_writer *writer, const token *t, int object) {
  switch (t->kind) {
  case OBJECT:
    return cm_json_writer_begin_object(writer);
  case ARRAY:
    return cm_json_writer_begin_array(writer);
  case END:
    return object ? cm_json_writer_end_object(writer) : cm_json_writer_end_array(writer);
  case KEY:
    return cm_json_writer_key(writer, t->text);
  case TEXT:
    return cm_json_writer_string(writer, t->text);
  case INTEGER:
    return cm_json_writer_int64(writer, t->integer);
  case DOUBLE:
    return cm_json_writer_double(writer, t->number);
  case WORD:
    return write_word(writer, t->integer);
  default:
    return cm_json_writer_raw(writer, t->text);
  }
}

/* The error that a token must be, whatever stands before it. */
static cm_status error_of(const token *t) {
  int is_text = t->kind == TEXT || t->kind == KEY;

  if (is_text && cm_utf8_valid_prefix(t->text) < t->text.len) return CM_ERR_UTF8;
  if (t->kind == DOUBLE && t->number - t->number != 0) return CM_ERR_SYNTAX;
  return CM_OK;
}

static cm_status write_document(const document *d, cm_buffer *out) {
  char objects[DEEPEST + 1];
  cm_json_writer writer;
  cm_status status, expected = CM_OK;
  size_t i, depth = 0;

  cm_json_writer_init(&writer, out);
  for (i = 0; i < d->count; i++) {
    const token *t = &d->tokens[i];
    if (expected == CM_OK) expected = error_of(t);
    status = write_token(&writer, t, depth > 0 && objects[depth - 1]);
    REQUIRE(status == expected || (status == CM_ERR_LIMIT && out->limit < RECORD_LIMIT));
    if (status == CM_ERR_LIMIT) expected = status;
    if (t->kind == OBJECT || t->kind == ARRAY) objects[depth++] = t->kind == OBJECT;
    if (t->kind == END) depth--;
  }
  return expected;
}

static void check_text(cm_json_string string, cm_slice expected) {
  REQUIRE(cm_json_string_equals(string, expected));
}

static void check_number(cm_json_reader *reader, const token *t) {
  cm_slice digits;
  int64_t integer;
  double number;

  REQUIRE(cm_json_reader_read_number(reader, &digits) == CM_OK);
  if (t->kind == INTEGER) {
    REQUIRE(cm_json_number_to_int64(digits, &integer) && integer == t->integer);
  } else {
    number = cm_json_number_to_double(digits);
    REQUIRE(memcmp(&number, &t->number, sizeof number) == 0);
  }
}

static void check_word(cm_json_reader *reader, int64_t word) {
  int flag;

  if (word == 2) {
    REQUIRE(cm_json_reader_read_null(reader) == CM_OK);
  } else {
    REQUIRE(cm_json_reader_read_bool(reader, &flag) == CM_OK && flag == (int)word);
  }
}

static void check_value(cm_json_reader *reader, const token *t) {
  cm_json_string string;
  cm_slice raw;

  switch (t->kind) {
  case OBJECT:
    REQUIRE(cm_json_reader_begin_object(reader) == CM_OK);
    break;
  case ARRAY:
    REQUIRE(cm_json_reader_begin_array(reader) == CM_OK);
    break;
  case TEXT:
    REQUIRE(cm_json_reader_read_string(reader, &string) == CM_OK);
    check_text(string, t->text);
    break;
  case WORD:
    check_word(reader, t->integer);
    break;
  case RAW:
    REQUIRE(cm_json_reader_read_value(reader, &raw) == CM_OK);
    REQUIRE(raw.len == t->text.len && memcmp(raw.ptr, t->text.ptr, raw.len) == 0);
    break;
  default:
    check_number(reader, t);
  }
}

/* Reads token by token what must stand there. */
static void check_document(const document *d, cm_slice text) {
  cm_json_reader reader;
  cm_json_string key;
  cm_status status;
  size_t i;

  cm_json_reader_init(&reader, text, CM_JSON_MAX_DEPTH);
  for (i = 0; i < d->count; i++) {
    const token *t = &d->tokens[i];
    if (i > 0 && reader.objects[reader.depth - 1]) {
      status = cm_json_reader_next_member(&reader, &key);
      REQUIRE(status == (t->kind == END ? CM_END : CM_OK));
      if (status == CM_OK) check_text(key, t->text);
      if (status == CM_OK) t = &d->tokens[++i];
    } else if (i > 0) {
      REQUIRE(cm_json_reader_next_element(&reader) == (t->kind == END ? CM_END : CM_OK));
    }
    if (t->kind != END) check_value(&reader, t);
  }
  REQUIRE(cm_json_reader_finish(&reader) == CM_OK);
}

static void check_canonical(const record *written) {
  record again;

  record_init(&again);
  REQUIRE(json_copy_text(cm_slice_in(&written->bytes), &again.bytes) == CM_OK);
  REQUIRE(record_equal(written, &again));
  record_deinit(&again);
}

static void check_limit(const document *d, const record *whole, size_t limit) {
  cm_buffer part;

  cm_buffer_init(&part, &cm_libc_alloc, limit);
  REQUIRE(write_document(d, &part) == CM_ERR_LIMIT);
  REQUIRE(part.len <= limit);
  REQUIRE(part.len == 0 || memcmp(part.ptr, whole->bytes.ptr, part.len) == 0);
  cm_buffer_deinit(&part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static document d;
  steps s = { data, size };
  record written;

  compose(&d, &s);
  record_init(&written);
  if (write_document(&d, &written.bytes) == CM_OK) {
    check_document(&d, cm_slice_in(&written.bytes));
    check_canonical(&written);
    check_limit(&d, &written, written.bytes.len * (size % 7) / 7);
  }
  record_deinit(&written);
  return 0;
}
