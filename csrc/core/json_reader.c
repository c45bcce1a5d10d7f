#include "core/json_reader.h"

#include <stdio.h>
#include <string.h>

#include "core/json_number.h"
#include "core/json_scan.h"
#include "core/utf8.h"

enum {
  VALUE_DUE,   /* a value is next; after a comma or a colon there must be one */
  JUST_OPENED, /* the innermost container has no element yet */
  VALUE_READ   /* a comma or the end of the container is next */
};

static const char ended_early[] = "the text ends too early";

static cm_status fail(cm_json_reader *reader, cm_status status, const char *reason) {
  reader->failure = status;
  reader->reason = reason;
  return status;
}

static inline int is_blank(char c) {
  return (unsigned char)c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

/* Nearly always there are none. */
static inline void skip_blanks(cm_json_reader *reader) {
  const char *pos = reader->pos;

  while (pos < reader->end && is_blank(*pos)) pos++;
  reader->pos = pos;
}

void cm_json_reader_init(cm_json_reader *reader, cm_slice text, unsigned max_depth) {
  reader->pos = reader->start = text.ptr ? text.ptr : "";
  reader->end = reader->start + text.len;
  reader->reason = "";
  reader->failure = CM_OK;
  reader->depth = 0;
  reader->max_depth = max_depth < CM_JSON_MAX_DEPTH ? max_depth : CM_JSON_MAX_DEPTH;
  reader->state = VALUE_DUE;
  reader->escapes = 0;
}

static cm_json_type type_of(char first) {
  switch (first) {
  case '{':
    return CM_JSON_OBJECT;
  case '[':
    return CM_JSON_ARRAY;
  case '"':
    return CM_JSON_STRING;
  case 't':
    return CM_JSON_TRUE;
  case 'f':
    return CM_JSON_FALSE;
  case 'n':
    return CM_JSON_NULL;
  case '-':
    return CM_JSON_NUMBER;
  default:
    return first >= '0' && first <= '9' ? CM_JSON_NUMBER : CM_JSON_INVALID;
  }
}

cm_json_type cm_json_reader_peek(cm_json_reader *reader) {
  if (reader->failure != CM_OK || reader->state != VALUE_DUE) return CM_JSON_INVALID;
  skip_blanks(reader);
  return reader->pos < reader->end ? type_of(*reader->pos) : CM_JSON_INVALID;
}

/* What to say when the next value was found not to be what the caller asked for. */
static cm_status refuse_value(cm_json_reader *reader) {
  if (reader->failure != CM_OK) return reader->failure;
  if (reader->state != VALUE_DUE) return fail(reader, CM_ERR_PROTOCOL, "no value is due here");
  if (reader->pos == reader->end) return fail(reader, CM_ERR_SYNTAX, ended_early);
  if (type_of(*reader->pos) == CM_JSON_INVALID)
    return fail(reader, CM_ERR_SYNTAX, "a value was expected");
  return fail(reader, CM_ERR_PROTOCOL, "a value of another type was expected");
}

/* Containers */

static inline int in_object(const cm_json_reader *reader) {
  return reader->objects[reader->depth - 1];
}

static cm_status open_container(cm_json_reader *reader, int is_object) {
  if (reader->depth >= reader->max_depth) return fail(reader, CM_ERR_LIMIT, "nested too deep");
  reader->objects[reader->depth++] = (char)is_object;
  reader->pos++;
  reader->state = JUST_OPENED;
  return CM_OK;
}

cm_status cm_json_reader_begin_object(cm_json_reader *reader) {
  if (cm_json_reader_peek(reader) != CM_JSON_OBJECT) return refuse_value(reader);
  return open_container(reader, 1);
}

cm_status cm_json_reader_begin_array(cm_json_reader *reader) {
  if (cm_json_reader_peek(reader) != CM_JSON_ARRAY) return refuse_value(reader);
  return open_container(reader, 0);
}

static cm_status close_container(cm_json_reader *reader) {
  reader->pos++;
  reader->depth--;
  reader->state = VALUE_READ;
  return CM_END;
}

static cm_status skip_value(cm_json_reader *reader);

/* Moves to the next element or key, over an unread value, the comma and the blanks. */
static inline cm_status next_item(cm_json_reader *reader, int is_object) {
  cm_status status = reader->failure;

  if (status != CM_OK) return status;
  if (reader->depth == 0 || in_object(reader) != is_object)
    return fail(reader, CM_ERR_PROTOCOL, "no such container is open");
  if (reader->state == VALUE_DUE && (status = skip_value(reader)) != CM_OK) return status;
  skip_blanks(reader);
  if (reader->pos == reader->end) return fail(reader, CM_ERR_SYNTAX, ended_early);
  if (*reader->pos == (is_object ? '}' : ']')) return close_container(reader);
  if (reader->state == VALUE_READ) {
    if (*reader->pos != ',')
      return fail(reader, CM_ERR_SYNTAX, "a comma or the end of the container was expected");
    reader->pos++;
    skip_blanks(reader);
  }
  reader->state = VALUE_DUE;
  return CM_OK;
}

cm_status cm_json_reader_next_element(cm_json_reader *reader) {
  return next_item(reader, 0);
}

/* Strings */

static int is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static cm_status skip_escape(cm_json_reader *reader) {
  const char *pos = reader->pos + 1;
  size_t i;

  if (pos == reader->end) return fail(reader, CM_ERR_SYNTAX, ended_early);
  if (*pos == 'u') {
    for (i = 1; i <= 4; i++)
      if ((size_t)(reader->end - pos) <= i || !is_hex(pos[i]))
        return fail(reader, CM_ERR_SYNTAX, "four hexadecimal digits were expected");
    pos += 4;
  } else if (!memchr("\"\\/bfnrt", *pos, 8)) {
    return fail(reader, CM_ERR_SYNTAX, "unknown escape");
  }
  reader->pos = pos + 1;
  return CM_OK;
}

static cm_status skip_beyond_ascii(cm_json_reader *reader) {
  cm_slice rest;
  size_t step;

  do {
    rest.ptr = reader->pos;
    rest.len = (size_t)(reader->end - reader->pos);
    if (!cm_utf8_sequence(rest, &step)) return fail(reader, CM_ERR_UTF8, "invalid UTF-8");
    reader->pos += step;
  } while (reader->pos < reader->end && (unsigned char)*reader->pos >= 0x80);
  return CM_OK;
}

static cm_status skip_special(cm_json_reader *reader) {
  if (*reader->pos == '\\') return skip_escape(reader);
  if ((unsigned char)*reader->pos >= 0x80) return skip_beyond_ascii(reader);
  return fail(reader, CM_ERR_SYNTAX, "a control character in a string must be escaped");
}

/* Goes to what is wrong with the string whose opening quote is at pos. */
static cm_status refuse_string(cm_json_reader *reader) {
  cm_status status = CM_OK;

  reader->pos++;
  while (status == CM_OK) {
    while (reader->pos < reader->end && cm_json_is_plain(*reader->pos)) reader->pos++;
    if (reader->pos == reader->end) return fail(reader, CM_ERR_SYNTAX, "the string does not end");
    status = skip_special(reader);
  }
  return status;
}

/* Reads the string whose opening quote is at pos. */
static inline cm_status scan_string(cm_json_reader *reader, cm_json_string *string) {
  const char *quote = cm_json_string_read(reader->start, reader->pos + 1, reader->end, string);

  if (!quote) return refuse_string(reader);
  reader->escapes |= string->escaped;
  reader->pos = quote + 1;
  return CM_OK;
}

cm_status cm_json_reader_read_string(cm_json_reader *reader, cm_json_string *string) {
  if (cm_json_reader_peek(reader) != CM_JSON_STRING) return refuse_value(reader);
  reader->state = VALUE_READ;
  return scan_string(reader, string);
}

cm_status cm_json_reader_skip_string(cm_json_reader *reader, cm_json_string *string) {
  const char *quote;

  if (cm_json_reader_peek(reader) != CM_JSON_STRING) return refuse_value(reader);
  quote = cm_json_string_skip(reader->pos + 1, reader->end, string);
  if (!quote) return refuse_string(reader);
  reader->state = VALUE_READ;
  reader->pos = quote + 1;
  return CM_OK;
}

cm_status cm_json_reader_next_member(cm_json_reader *reader, cm_json_string *key) {
  cm_status status = next_item(reader, 1);

  if (status != CM_OK) return status;
  if (reader->pos == reader->end) return fail(reader, CM_ERR_SYNTAX, ended_early);
  if (*reader->pos != '"') return fail(reader, CM_ERR_SYNTAX, "a string for a key was expected");
  status = scan_string(reader, key);
  if (status != CM_OK) return status;
  skip_blanks(reader);
  if (reader->pos == reader->end) return fail(reader, CM_ERR_SYNTAX, ended_early);
  if (*reader->pos != ':') return fail(reader, CM_ERR_SYNTAX, "a colon was expected");
  reader->pos++;
  return CM_OK;
}

/* Other values */

/* Moves over digits; there must be at least one. */
static cm_status skip_digits(cm_json_reader *reader) {
  const char *start = reader->pos;

  while (reader->pos < reader->end && *reader->pos >= '0' && *reader->pos <= '9') reader->pos++;
  return reader->pos > start ? CM_OK : fail(reader, CM_ERR_SYNTAX, "a digit was expected");
}

static int skip_one_of(cm_json_reader *reader, char a, char b) {
  if (reader->pos == reader->end || (*reader->pos != a && *reader->pos != b)) return 0;
  reader->pos++;
  return 1;
}

static cm_status scan_number(cm_json_reader *reader) {
  cm_status status = CM_OK;

  skip_one_of(reader, '-', '-');
  if (!skip_one_of(reader, '0', '0')) status = skip_digits(reader);
  if (status == CM_OK && skip_one_of(reader, '.', '.')) status = skip_digits(reader);
  if (status == CM_OK && skip_one_of(reader, 'e', 'E')) {
    skip_one_of(reader, '+', '-');
    status = skip_digits(reader);
  }
  return status;
}

cm_status cm_json_reader_read_number(cm_json_reader *reader, cm_slice *digits) {
  cm_status status;

  if (cm_json_reader_peek(reader) != CM_JSON_NUMBER) return refuse_value(reader);
  digits->ptr = reader->pos;
  reader->state = VALUE_READ;
  status = scan_number(reader);
  digits->len = (size_t)(reader->pos - digits->ptr);
  return status;
}

cm_status cm_json_reader_read_int(cm_json_reader *reader, int64_t *value) {
  cm_slice digits;
  cm_status status = cm_json_reader_read_number(reader, &digits);

  if (status != CM_OK || cm_json_number_to_int64(digits, value)) return status;
  reader->pos = digits.ptr;
  return fail(reader, CM_ERR_PROTOCOL, "an integer was expected");
}

static cm_status scan_word(cm_json_reader *reader, const char *word, size_t length) {
  if ((size_t)(reader->end - reader->pos) < length || memcmp(reader->pos, word, length) != 0)
    return fail(reader, CM_ERR_SYNTAX, "a value was expected");
  reader->pos += length;
  reader->state = VALUE_READ;
  return CM_OK;
}

cm_status cm_json_reader_read_bool(cm_json_reader *reader, int *value) {
  cm_json_type type = cm_json_reader_peek(reader);

  if (type != CM_JSON_TRUE && type != CM_JSON_FALSE) return refuse_value(reader);
  *value = type == CM_JSON_TRUE;
  return *value ? scan_word(reader, "true", 4) : scan_word(reader, "false", 5);
}

cm_status cm_json_reader_read_null(cm_json_reader *reader) {
  if (cm_json_reader_peek(reader) != CM_JSON_NULL) return refuse_value(reader);
  return scan_word(reader, "null", 4);
}

/* Reads the value that is due; of a container only the opening. */
static cm_status enter_value(cm_json_reader *reader) {
  cm_json_string string;
  cm_slice digits;

  switch (cm_json_reader_peek(reader)) {
  case CM_JSON_OBJECT:
    return open_container(reader, 1);
  case CM_JSON_ARRAY:
    return open_container(reader, 0);
  case CM_JSON_STRING:
    return cm_json_reader_read_string(reader, &string);
  case CM_JSON_NUMBER:
    return cm_json_reader_read_number(reader, &digits);
  case CM_JSON_TRUE:
    return scan_word(reader, "true", 4);
  case CM_JSON_FALSE:
    return scan_word(reader, "false", 5);
  case CM_JSON_NULL:
    return scan_word(reader, "null", 4);
  default:
    return refuse_value(reader);
  }
}

static cm_status skip_value(cm_json_reader *reader) {
  unsigned outside = reader->depth;
  cm_json_string key;
  cm_status status;

  do {
    if (reader->state == VALUE_DUE)
      status = enter_value(reader);
    else if (in_object(reader))
      status = cm_json_reader_next_member(reader, &key);
    else
      status = next_item(reader, 0);
    if (status < 0) return status;
  } while (reader->depth > outside);
  return CM_OK;
}

cm_status cm_json_reader_read_value(cm_json_reader *reader, cm_slice *raw) {
  cm_status status;

  if (cm_json_reader_peek(reader) == CM_JSON_INVALID) return refuse_value(reader);
  raw->ptr = reader->pos;
  status = skip_value(reader);
  raw->len = (size_t)(reader->pos - raw->ptr);
  return status;
}

cm_status cm_json_reader_finish(cm_json_reader *reader) {
  if (reader->failure != CM_OK) return reader->failure;
  skip_blanks(reader);
  if (reader->depth > 0 || reader->state != VALUE_READ)
    return fail(reader, reader->pos == reader->end ? CM_ERR_SYNTAX : CM_ERR_PROTOCOL,
                "the value has not been read to its end");
  if (reader->pos < reader->end)
    return fail(reader, CM_ERR_SYNTAX, "nothing was expected after the value");
  return CM_OK;
}

int cm_json_reader_has_lone_surrogate(const cm_json_reader *reader) {
  cm_slice text = { reader->start, (size_t)(reader->end - reader->start) };

  return (reader->escapes & CM_JSON_HAS_UNITS) && cm_json_string_has_lone_surrogate(text);
}

size_t cm_json_reader_offset(const cm_json_reader *reader) {
  return (size_t)(reader->pos - reader->start);
}

const char *cm_json_reader_reason(const cm_json_reader *reader) {
  return reader->reason;
}

cm_status cm_json_check(cm_slice text, cm_failure *failure) {
  return cm_json_check_to(text, CM_JSON_MAX_DEPTH, failure);
}

cm_status cm_json_check_to(cm_slice text, unsigned max_depth, cm_failure *failure) {
  cm_json_reader reader;
  cm_slice raw;
  cm_status status;

  cm_json_reader_init(&reader, text, max_depth);
  status = cm_json_reader_read_value(&reader, &raw);
  if (status == CM_OK) status = cm_json_reader_finish(&reader);
  if (status != CM_OK && failure) {
    failure->status = status;
    failure->offset = cm_json_reader_offset(&reader);
    snprintf(failure->text, sizeof failure->text, "%s", reader.reason);
  }
  return status;
}
