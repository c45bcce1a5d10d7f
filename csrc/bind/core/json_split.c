/*
** json_split.c - core.split over core/json_reader.h: one level of a JSON text, with
** what is in it left as the bytes it came in.
*/
#include "bind/core/json.h"
#include "core/json_reader.h"

static void push_key(lua_State *L, cm_json_string key, cm_buffer *scratch) {
  unsigned carry = 0;

  if (!key.escaped) {
    lua_pushlstring(L, key.body.ptr, key.body.len);
    return;
  }
  cm_buffer_clear(scratch);
  if (cm_json_string_unescape(key.body, &carry, scratch) != CM_OK ||
      cm_json_string_finish(&carry, scratch) != CM_OK)
    luaL_error(L, "not enough memory");
  lua_pushlstring(L, scratch->ptr, scratch->len);
}

/* Puts the members into the table on top of the stack, by their names; the last one counts. */
static cm_status split_object(lua_State *L, cm_json_reader *reader, cm_buffer *scratch) {
  cm_status status = cm_json_reader_begin_object(reader);
  cm_json_string key;
  cm_slice raw;

  while (status == CM_OK && (status = cm_json_reader_next_member(reader, &key)) == CM_OK) {
    push_key(L, key, scratch);
    status = cm_json_reader_read_value(reader, &raw);
    if (status != CM_OK) return status;
    lua_pushlstring(L, raw.ptr, raw.len);
    lua_rawset(L, -3);
  }
  return status;
}

static cm_status split_array(lua_State *L, cm_json_reader *reader) {
  cm_status status = cm_json_reader_begin_array(reader);
  cm_slice raw;
  int count = 0;

  while (status == CM_OK && (status = cm_json_reader_next_element(reader)) == CM_OK) {
    status = cm_json_reader_read_value(reader, &raw);
    if (status != CM_OK) return status;
    lua_pushlstring(L, raw.ptr, raw.len);
    lua_rawseti(L, -2, ++count);
  }
  return status;
}

static int push_failure(lua_State *L, const cm_json_reader *reader) {
  int position = (int)cm_json_reader_offset(reader) + 1;

  lua_pushnil(L);
  lua_pushfstring(L, "%s%s at byte %d", reader->failure == CM_ERR_UTF8 ? "" : "invalid JSON: ",
                  cm_json_reader_reason(reader), position);
  lua_pushinteger(L, (lua_Integer)position);
  return 3;
}

/*
** core.split(text) -> { name = JSON text, … } of an object, { JSON text, … } of an
** array | nil, message, position of the byte
*/
static int split(lua_State *L) {
  cm_json_reader reader;
  cm_buffer *scratch;
  cm_slice text;

  luaL_checktype(L, 1, LUA_TSTRING);
  text.ptr = lua_tolstring(L, 1, &text.len);
  luaL_argcheck(L, text.len < CM_JSON_MAX_BYTES, 1, "a JSON text is less than 1 GiB");
  scratch = cm_json_push_buffer(L);
  lua_newtable(L);
  cm_json_reader_init(&reader, text, CM_JSON_MAX_DEPTH);
  if (cm_json_reader_peek(&reader) == CM_JSON_ARRAY)
    split_array(L, &reader);
  else
    split_object(L, &reader, scratch);
  cm_buffer_deinit(scratch);
  return cm_json_reader_finish(&reader) == CM_OK ? 1 : push_failure(L, &reader);
}

void cm_json_open_split(lua_State *L) {
  lua_pushcfunction(L, split);
  lua_setfield(L, -2, "split");
}
