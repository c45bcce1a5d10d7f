/*
** json_decode.c - core.decode over core/json_reader.h: JSON text to Lua values.
*/
#include <math.h>
#include <string.h>

#include "bind/core/json.h"
#include "core/json_number.h"
#include "core/json_partial.h"
#include "core/json_reader.h"
#include "core/utf8.h"

/* How objects come out: tables without or with null members, or pairs in the text's order. */
enum members { PLAIN, WITH_NULLS, IN_ORDER, OUTLINE };

enum { FEW_MEMBERS = 4 }; /* room that is made at once: as a rule as many or more come */

typedef struct decoder {
  cm_json_reader reader;
  cm_buffer *scratch;               /* for strings with escapes; NULL until one comes */
  int scratch_slot;                 /* where on the stack it is kept */
  int keeps_nulls;                  /* null members are core.null instead of absent */
  int is_object[CM_JSON_MAX_DEPTH]; /* by depth: what is open there */
  int elements[CM_JSON_MAX_DEPTH];  /* by depth: how many elements a list has so far */
  int ordered;                      /* objects become lists of { key, value } pairs */
  int outline;                      /* of long texts only the beginning */
} decoder;

static void use_scratch(lua_State *L, decoder *d) {
  if (!d->scratch) {
    d->scratch = cm_json_push_buffer(L);
    lua_replace(L, d->scratch_slot);
  }
  cm_buffer_clear(d->scratch);
}

static void push_escaped(lua_State *L, decoder *d, cm_slice body) {
  unsigned carry = 0;

  use_scratch(L, d);
  if (cm_json_string_unescape(body, &carry, d->scratch) != CM_OK ||
      cm_json_string_finish(&carry, d->scratch) != CM_OK)
    luaL_error(L, "not enough memory");
  lua_pushlstring(L, d->scratch->ptr, d->scratch->len);
}

static void push_string(lua_State *L, decoder *d, cm_json_string string) {
  if (string.escaped)
    push_escaped(L, d, string.body);
  else
    lua_pushlstring(L, string.body.ptr, string.body.len);
}

/* Outlines: what long texts are members of, and what is left of them. */

enum { LONG_TEXT = 1024, BEGINNING = 256 };

/* Whether the key on top of the stack is that of a text. */
static int is_key_of_text(lua_State *L, const decoder *d) {
  static const char *const keys[] = { "text", "content", "thinking", "signature", "data", NULL };
  const char *key;
  int i;

  if (d->reader.depth == 0 || !d->is_object[d->reader.depth - 1]) return 0;
  key = lua_tostring(L, -1);
  for (i = 0; keys[i] && strcmp(keys[i], key) != 0; i++) continue;
  return keys[i] != NULL;
}

static int is_blank(const cm_buffer *text) {
  size_t i = 0;

  while (i < text->len && text->ptr[i] && strchr(" \t\n\v\f\r", text->ptr[i])) i++;
  return i == text->len;
}

/* Pushes the beginning of a long text, unless it is blank. What is cut in two at its end is left
   out. */
static int push_beginning(lua_State *L, decoder *d, cm_slice body) {
  cm_slice text;
  unsigned carry = 0;

  body.len = BEGINNING;
  use_scratch(L, d);
  if (cm_json_string_unescape(body, &carry, d->scratch) == CM_ERR_NOMEM)
    luaL_error(L, "not enough memory");
  if (is_blank(d->scratch)) return 0;
  text.ptr = d->scratch->ptr;
  text.len = d->scratch->len;
  lua_pushlstring(L, text.ptr, cm_utf8_valid_prefix(text));
  return 1;
}

static void push_text(lua_State *L, decoder *d, cm_json_string string) {
  if (d->outline && string.body.len > LONG_TEXT && is_key_of_text(L, d) &&
      push_beginning(L, d, string.body))
    return;
  push_string(L, d, string);
}

/*
** An integer that this Lua holds exactly, else the nearest double; what a number
** of this Lua cannot say (a longer integer, more than the largest double) stays text.
*/
static void push_number(lua_State *L, cm_slice digits) {
  int64_t integer;
  double value;

  if (cm_json_number_is_integer(digits)) {
    if (!cm_json_number_to_int64(digits, &integer) || integer > CM_LUA_EXACT_INTEGER ||
        integer < -CM_LUA_EXACT_INTEGER - (CM_LUA_EXACT_INTEGER == INT64_MAX))
      cm_json_push_raw(L, digits);
    else if (integer == 0 && digits.len > 1)
      lua_pushnumber(L, -0.0);
    else
      cm_push_integer(L, integer);
    return;
  }
  value = cm_json_number_to_double(digits);
  if (isinf(value))
    cm_json_push_raw(L, digits);
  else
    lua_pushnumber(L, (lua_Number)value);
}

static cm_status open_table(lua_State *L, decoder *d, int is_object) {
  unsigned level = d->reader.depth;
  cm_status status =
      is_object ? cm_json_reader_begin_object(&d->reader) : cm_json_reader_begin_array(&d->reader);

  if (status != CM_OK) return status;
  d->is_object[level] = is_object;
  d->elements[level] = 0;
  luaL_checkstack(L, 6, "JSON nested too deep");
  /* Pairs in order make a list: pairs() tells of them in turn. */
  lua_createtable(L, is_object && d->ordered ? FEW_MEMBERS : 0,
                  is_object && !d->ordered ? FEW_MEMBERS : 0);
  return CM_WANT_MORE;
}

/* Pushes the value that is due. CM_WANT_MORE: it is a container, still empty. */
static cm_status push_value(lua_State *L, decoder *d) {
  cm_json_reader *reader = &d->reader;
  cm_json_string string;
  cm_slice text;
  cm_status status;
  int flag;

  switch (cm_json_reader_peek(reader)) {
  case CM_JSON_OBJECT:
    return open_table(L, d, 1);
  case CM_JSON_ARRAY:
    return open_table(L, d, 0);
  case CM_JSON_STRING:
    status = d->outline ? cm_json_reader_skip_string(reader, &string)
                        : cm_json_reader_read_string(reader, &string);
    if (status == CM_OK) push_text(L, d, string);
    return status;
  case CM_JSON_NUMBER:
    status = cm_json_reader_read_number(reader, &text);
    if (status == CM_OK) push_number(L, text);
    return status;
  case CM_JSON_TRUE:
  case CM_JSON_FALSE:
    status = cm_json_reader_read_bool(reader, &flag);
    if (status == CM_OK) lua_pushboolean(L, flag);
    return status;
  default:
    status = cm_json_reader_read_null(reader);
    if (status == CM_OK) lua_pushlightuserdata(L, NULL);
    return status;
  }
}

/* Marks the container on top of the stack if it came out empty: {} and [] must stay apart. */
static void finish_table(lua_State *L, int is_object) {
  lua_pushnil(L);
  if (lua_next(L, -2)) {
    lua_pop(L, 2);
  } else if (is_object) {
    cm_json_mark_object(L);
  } else {
    cm_json_mark_array(L);
  }
}

/* Makes one value of the key and the value on top of the stack. */
static void join_pair(lua_State *L) {
  lua_createtable(L, 2, 0);
  lua_insert(L, -3);
  lua_rawseti(L, -3, 2);
  lua_rawseti(L, -2, 1);
}

/* Puts the value on top of the stack into the container below it. */
static void store_value(lua_State *L, decoder *d) {
  unsigned level = d->reader.depth - 1;

  if (d->is_object[level] && d->ordered) join_pair(L);
  if (!d->is_object[level] || d->ordered) {
    lua_rawseti(L, -2, ++d->elements[level]);
    return;
  }
  if (!d->keeps_nulls && lua_islightuserdata(L, -1)) {
    /* null is absent, also where an earlier member was not */
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  lua_rawset(L, -3);
}

/* Moves on in the innermost container, up to the next value. CM_END: it is complete. */
static cm_status next_place(lua_State *L, decoder *d) {
  unsigned level = d->reader.depth - 1;
  cm_json_string key;
  cm_status status;

  if (d->is_object[level]) {
    status = cm_json_reader_next_member(&d->reader, &key);
    if (status == CM_OK) push_string(L, d, key);
  } else {
    status = cm_json_reader_next_element(&d->reader);
  }
  if (status == CM_END && d->is_object[level] && d->ordered)
    cm_json_mark_object(L);
  else if (status == CM_END)
    finish_table(L, d->is_object[level]);
  return status;
}

/* Pushes the whole value. Not recursive: depth costs stack of Lua's, not of C's. */
static cm_status push_document(lua_State *L, decoder *d) {
  cm_status status;

  do {
    status = push_value(L, d);
    if (status < 0) return status;
    if (status == CM_OK && d->reader.depth > 0) store_value(L, d);
    while (d->reader.depth > 0 && (status = next_place(L, d)) == CM_END)
      if (d->reader.depth > 0) store_value(L, d);
    if (status < 0) return status;
  } while (d->reader.depth > 0);
  return cm_json_reader_finish(&d->reader);
}

static int push_failure(lua_State *L, const char *what, const char *why, size_t offset) {
  lua_pushnil(L);
  lua_pushfstring(L, "%s%s at byte %d", what, why, (int)offset + 1);
  lua_pushinteger(L, (lua_Integer)offset + 1);
  return 3;
}

static int decode_slice(lua_State *L, cm_slice text, enum members members) {
  decoder d;
  int result = 1;

  lua_pushnil(L);
  d.scratch_slot = lua_gettop(L);
  d.scratch = NULL;
  d.ordered = members == IN_ORDER;
  d.keeps_nulls = members == WITH_NULLS;
  d.outline = members == OUTLINE;
  cm_json_reader_init(&d.reader, text, CM_JSON_MAX_DEPTH);
  if (push_document(L, &d) != CM_OK)
    result = push_failure(L, d.reader.failure == CM_ERR_UTF8 ? "" : "invalid JSON: ",
                          cm_json_reader_reason(&d.reader), cm_json_reader_offset(&d.reader));
  if (d.scratch) cm_buffer_deinit(d.scratch);
  return result;
}

int cm_json_push_decoded(lua_State *L, cm_slice text) {
  if (text.len >= CM_JSON_MAX_BYTES) luaL_error(L, "a JSON text is less than 1 GiB");
  return decode_slice(L, text, PLAIN);
}

int cm_json_push_outline(lua_State *L, cm_slice text) {
  return decode_slice(L, text, OUTLINE);
}

static cm_slice check_text(lua_State *L) {
  cm_slice text;

  luaL_checktype(L, 1, LUA_TSTRING);
  text.ptr = lua_tolstring(L, 1, &text.len);
  luaL_argcheck(L, text.len < CM_JSON_MAX_BYTES, 1, "a JSON text is less than 1 GiB");
  return text;
}

/* Whether the options, the second argument, ask for null members. */
static int check_nulls(lua_State *L) {
  int keeps = 0;

  if (lua_isnoneornil(L, 2)) return 0;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_getfield(L, 2, "nulls");
  keeps = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return keeps;
}

/* core.decode(text[, { nulls = true }]) -> value | nil, message, position of the byte */
static int decode(lua_State *L) {
  cm_slice text = check_text(L);

  return decode_slice(L, text, check_nulls(L) ? WITH_NULLS : PLAIN);
}

/*
** core.decode_ordered(text) -> the same, with every object as core.object makes it of
** { key, value } pairs: in the text's order, with null and repeated members
*/
static int decode_ordered(lua_State *L) {
  return decode_slice(L, check_text(L), IN_ORDER);
}

/* core.decode_partial(text) -> what is complete of the value | nil, message, position */
static int decode_partial(lua_State *L) {
  cm_slice text = check_text(L);
  cm_buffer *completed = cm_json_push_buffer(L);
  size_t offset;
  int results;

  switch (cm_json_partial_complete(text, completed, &offset)) {
  case CM_OK:
    break;
  case CM_WANT_MORE:
    lua_pushnil(L);
    lua_pushliteral(L, "nothing is complete yet");
    return 2;
  case CM_ERR_NOMEM:
    return luaL_error(L, "not enough memory");
  default:
    return push_failure(L, "invalid JSON", "", offset);
  }
  text.ptr = completed->ptr;
  text.len = completed->len;
  results = decode_slice(L, text, PLAIN);
  cm_buffer_deinit(completed);
  return results;
}

void cm_json_open_decode(lua_State *L) {
  lua_pushcfunction(L, decode);
  lua_setfield(L, -2, "decode");
  lua_pushcfunction(L, decode_ordered);
  lua_setfield(L, -2, "decode_ordered");
  lua_pushcfunction(L, decode_partial);
  lua_setfield(L, -2, "decode_partial");
}
