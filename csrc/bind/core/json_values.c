/*
** json_values.c - the values JSON has and Lua has not: null, marked arrays and
** objects, raw text; and those by which other libraries say the same.
*/
#include <string.h>

#include "bind/class.h"
#include "bind/core/json.h"
#include "core/json_reader.h"

#define RAW_CLASS "claude.core.Raw"
#define BUFFER_CLASS "claude.core.Buffer"
#define ARRAY_MARK "claude.core.array"
#define OBJECT_MARK "claude.core.object"

/* A userdata of this size and len bytes more. */
typedef struct raw_value {
  size_t len;
  char bytes[1];
} raw_value;

/* Other libraries */

/* Pushes package.loaded[module][field], or nil; without metamethods. */
static void push_from_module(lua_State *L, const char *module, const char *field) {
  const char *const path[] = { "_LOADED", module, field };
  size_t i;

  lua_pushvalue(L, LUA_REGISTRYINDEX);
  for (i = 0; i < sizeof path / sizeof *path; i++) {
    if (lua_istable(L, -1)) {
      lua_pushstring(L, path[i]);
      lua_rawget(L, -2);
    } else {
      lua_pushnil(L);
    }
    lua_remove(L, -2);
  }
}

/* Pushes vim[field], or nil; vim is a global that package.loaded may not list. */
static void push_from_vim(lua_State *L, const char *field) {
  push_from_module(L, "vim", field);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  push_from_module(L, "_G", "vim");
  if (lua_istable(L, -1)) {
    lua_pushstring(L, field);
    lua_rawget(L, -2);
  } else {
    lua_pushnil(L);
  }
  lua_remove(L, -2);
}

/* Whether the value at index is the one on top of the stack, and not nil; pops that. */
static int is_top(lua_State *L, int index) {
  int same = !lua_isnil(L, -1) && lua_rawequal(L, index, -1);

  lua_pop(L, 1);
  return same;
}

static int is_of_module(lua_State *L, int index, const char *module, const char *field) {
  push_from_module(L, module, field);
  return is_top(L, index);
}

static int is_of_cjson(lua_State *L, int index, const char *field) {
  return is_of_module(L, index, "cjson", field) || is_of_module(L, index, "cjson.safe", field);
}

static int is_of_vim(lua_State *L, int index, const char *field) {
  push_from_vim(L, field);
  return is_top(L, index);
}

int cm_json_is_null(lua_State *L, int index) {
  if (lua_islightuserdata(L, index) && !lua_touserdata(L, index)) return 1;
  return is_of_cjson(L, index, "null") || is_of_vim(L, index, "NIL");
}

int cm_json_is_empty_array(lua_State *L, int index) {
  return is_of_cjson(L, index, "empty_array");
}

/* Marks */

static int has_field(lua_State *L, int table, const char *field) {
  int has;

  lua_pushstring(L, field);
  lua_rawget(L, table);
  has = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return has;
}

static cm_json_mark mark_by_jsontype(lua_State *L, int metatable) {
  cm_json_mark mark = CM_MARK_NONE;
  const char *type;

  lua_pushliteral(L, "__jsontype");
  lua_rawget(L, metatable);
  type = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  if (strcmp(type, "array") == 0) mark = CM_MARK_ARRAY;
  if (strcmp(type, "object") == 0) mark = CM_MARK_OBJECT;
  lua_pop(L, 1);
  return mark;
}

static int is_registered(lua_State *L, int index, const char *name) {
  luaL_getmetatable(L, name);
  return is_top(L, index);
}

static cm_json_mark mark_by_metatable(lua_State *L, int metatable) {
  if (is_registered(L, metatable, ARRAY_MARK)) return CM_MARK_ARRAY;
  if (is_registered(L, metatable, OBJECT_MARK)) return CM_MARK_OBJECT;
  if (is_of_cjson(L, metatable, "array_mt")) return CM_MARK_ARRAY;
  if (is_of_cjson(L, metatable, "empty_array_mt")) return CM_MARK_ARRAY;
  if (is_of_vim(L, metatable, "_empty_dict_mt")) return CM_MARK_OBJECT;
  if (has_field(L, metatable, "__pairs")) return CM_MARK_UNREADABLE;
  if (has_field(L, metatable, "__mode")) return CM_MARK_UNREADABLE;
  return mark_by_jsontype(L, metatable);
}

cm_json_mark cm_json_mark_of(lua_State *L, int index) {
  cm_json_mark mark;

  if (!lua_getmetatable(L, index)) return CM_MARK_NONE;
  mark = mark_by_metatable(L, lua_gettop(L));
  lua_pop(L, 1);
  return mark;
}

void cm_json_mark_array(lua_State *L) {
  luaL_setmetatable(L, ARRAY_MARK);
}

void cm_json_mark_object(lua_State *L) {
  luaL_setmetatable(L, OBJECT_MARK);
}

/* The table that array and object mark: the argument, or a new one. */
static void take_table(lua_State *L) {
  int foreign;

  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
    return;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (!lua_getmetatable(L, 1)) return;
  foreign = !is_registered(L, 2, ARRAY_MARK) && !is_registered(L, 2, OBJECT_MARK);
  luaL_argcheck(L, !foreign, 1, "this table has a metatable of its own");
  lua_settop(L, 1);
}

/* core.array([table]) -> the table, marked: written as an array, also when empty */
static int values_array(lua_State *L) {
  take_table(L);
  cm_json_mark_array(L);
  return 1;
}

static int is_pair(lua_State *L) {
  int good = lua_istable(L, -1);

  if (!good) return 0;
  lua_rawgeti(L, -1, 1);
  lua_rawgeti(L, -2, 2);
  good = lua_type(L, -2) == LUA_TSTRING && !lua_isnil(L, -1);
  lua_pop(L, 2);
  return good;
}

/* core.object([table or { {key, value}, … }]) -> the table, marked: written as an object */
static int values_object(lua_State *L) {
  int i, count;

  take_table(L);
  count = (int)lua_rawlen(L, 1);
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, 1, i);
    if (!is_pair(L))
      return luaL_error(L, "element %d of an object must be a { key, value } pair", i);
    lua_pop(L, 1);
  }
  cm_json_mark_object(L);
  return 1;
}

/* Raw text */

int cm_json_is_raw(lua_State *L, int index, cm_slice *text) {
  raw_value *raw = cm_class_test(L, index, RAW_CLASS);

  if (!raw) return 0;
  text->ptr = raw->bytes;
  text->len = raw->len;
  return 1;
}

void cm_json_push_raw(lua_State *L, cm_slice text) {
  raw_value *raw = lua_newuserdatauv(L, sizeof *raw + text.len, 0);

  raw->len = text.len;
  memcpy(raw->bytes, text.ptr, text.len);
  luaL_setmetatable(L, RAW_CLASS);
}

/* core.raw(json) -> a value that is written as this text | nil, message, position */
static int values_raw(lua_State *L) {
  cm_failure failure;
  cm_slice text;

  luaL_checktype(L, 1, LUA_TSTRING);
  text.ptr = lua_tolstring(L, 1, &text.len);
  if (cm_json_check(text, &failure) == CM_OK) {
    cm_json_push_raw(L, text);
    return 1;
  }
  lua_pushnil(L);
  lua_pushfstring(L, "invalid JSON at byte %d: %s", (int)failure.offset + 1, failure.text);
  lua_pushinteger(L, (lua_Integer)failure.offset + 1);
  return 3;
}

/* core.is_raw(value) -> boolean */
static int values_is_raw(lua_State *L) {
  cm_slice text;

  luaL_checkany(L, 1);
  lua_pushboolean(L, cm_json_is_raw(L, 1, &text));
  return 1;
}

static int raw_tostring(lua_State *L) {
  raw_value *raw = luaL_checkudata(L, 1, RAW_CLASS);

  lua_pushlstring(L, raw->bytes, raw->len);
  return 1;
}

static int raw_eq(lua_State *L) {
  cm_slice left, right;

  lua_pushboolean(L, cm_json_is_raw(L, 1, &left) && cm_json_is_raw(L, 2, &right) &&
                         left.len == right.len && memcmp(left.ptr, right.ptr, left.len) == 0);
  return 1;
}

/* Buffers */

cm_buffer *cm_json_push_buffer(lua_State *L) {
  cm_buffer *buffer = lua_newuserdatauv(L, sizeof *buffer, 0);

  cm_buffer_init(buffer, &cm_libc_alloc, CM_JSON_MAX_BYTES);
  luaL_setmetatable(L, BUFFER_CLASS);
  return buffer;
}

static int buffer_gc(lua_State *L) {
  cm_buffer_deinit(luaL_checkudata(L, 1, BUFFER_CLASS));
  return 0;
}

static void register_mark(lua_State *L, const char *mark, const char *field) {
  luaL_newmetatable(L, mark);
  lua_pushstring(L, mark);
  lua_setfield(L, -2, "__name");
  lua_setfield(L, -2, field);
}

void cm_json_open_values(lua_State *L) {
  static const luaL_Reg functions[] = { { "array", values_array },
                                        { "object", values_object },
                                        { "raw", values_raw },
                                        { "is_raw", values_is_raw },
                                        { NULL, NULL } };
  static const luaL_Reg raw_meta[] = { { "__tostring", raw_tostring },
                                       { "__eq", raw_eq },
                                       { NULL, NULL } };
  static const luaL_Reg buffer_meta[] = { { "__gc", buffer_gc }, { NULL, NULL } };
  static const luaL_Reg no_methods[] = { { NULL, NULL } };

  cm_class_register(L, RAW_CLASS, raw_meta, no_methods);
  cm_class_register(L, BUFFER_CLASS, buffer_meta, no_methods);
  register_mark(L, ARRAY_MARK, "array_mt");
  register_mark(L, OBJECT_MARK, "object_mt");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  luaL_setfuncs(L, functions, 0);
}
