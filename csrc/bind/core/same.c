/*
** same.c - whether two values of Lua would be written as the same JSON.
*/
#include <string.h>

#include "bind/compat.h"
#include "bind/core/module.h"
#include "core/json_reader.h"

/* Each looks at the two values on top of the stack, and leaves them there. */
static int are_same(lua_State *L, unsigned depth);

/* 1 and 1.0 are written in two ways, 0.0 and -0.0 as well. */
static int are_same_numbers(lua_State *L) {
  double a = (double)lua_tonumber(L, -2), b = (double)lua_tonumber(L, -1);

  if (!lua_rawequal(L, -2, -1)) return 0;
  if (lua_isinteger(L, -2) || lua_isinteger(L, -1))
    return lua_isinteger(L, -2) && lua_isinteger(L, -1);
  return memcmp(&a, &b, sizeof a) == 0;
}

static int has_metatable(lua_State *L, int index) {
  int has = lua_getmetatable(L, index);

  if (has) lua_pop(L, 1);
  return has;
}

/* Whether each member of the table at a is the same in the one at b. */
static int holds_all(lua_State *L, int a, int b, unsigned depth) {
  int same = 1;

  lua_pushnil(L);
  while (same && lua_next(L, a)) {
    lua_pushvalue(L, -2);
    lua_rawget(L, b);
    same = are_same(L, depth);
    lua_pop(L, 2);
  }
  if (!same) lua_pop(L, 1);
  return same;
}

size_t cm_count_members(lua_State *L, int index) {
  size_t count = 0;

  lua_pushnil(L);
  for (; lua_next(L, index); count++) lua_pop(L, 1);
  return count;
}

/* Of tables with metatables nobody knows what they become. What is deeper is not written at all. */
static int are_same_tables(lua_State *L, unsigned depth) {
  int b = lua_gettop(L), a = b - 1;

  if (depth == CM_JSON_MAX_DEPTH || !lua_checkstack(L, 6)) return 0;
  if (has_metatable(L, a) || has_metatable(L, b)) return 0;
  return holds_all(L, a, b, depth + 1) && cm_count_members(L, a) == cm_count_members(L, b);
}

static int are_same(lua_State *L, unsigned depth) {
  int type = lua_type(L, -2);

  if (type != lua_type(L, -1)) return 0;
  if (type == LUA_TTABLE) return are_same_tables(L, depth);
  return type == LUA_TNUMBER ? are_same_numbers(L) : lua_rawequal(L, -2, -1);
}

/* core.same(a, b) -> whether they would be written as the same */
static int same(lua_State *L) {
  luaL_checkany(L, 1);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  lua_pushboolean(L, are_same(L, 0));
  return 1;
}

void cm_open_same(lua_State *L) {
  lua_pushcfunction(L, same);
  lua_setfield(L, -2, "same");
}
