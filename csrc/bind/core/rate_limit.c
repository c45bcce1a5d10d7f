/*
** rate_limit.c - core.rate_limits and core.rfc3339 over core/rate_limit.h and core/date.h.
*/
#include "core/rate_limit.h"

#include <stdint.h>

#include "bind/core/module.h"
#include "core/date.h"
#include "core/headers.h"
#include "core/slice.h"

static cm_slice string_at(lua_State *L, int index) {
  cm_slice text;

  text.ptr = lua_tolstring(L, index, &text.len);
  return text;
}

/* A whole number is an integer, where Lua has integers. */
static void push_count(lua_State *L, double value) {
  if (value < 1e15 && (double)(int64_t)value == value)
    cm_push_integer(L, (int64_t)value);
  else
    lua_pushnumber(L, (lua_Number)value);
}

/* Seconds from the answer at *at on, which the function at 2 makes of its date, once. */
static double seconds_from_answer(lua_State *L, cm_slice lines, double value, double *at) {
  cm_slice name, text;
  size_t position = 0;

  if (*at < 0) {
    lua_pushvalue(L, 2);
    lua_pushnil(L);
    while (cm_headers_next_line(lines, &position, &name, &text)) {
      if (!cm_slice_is(name, "date")) continue;
      lua_pushlstring(L, text.ptr, text.len);
      lua_replace(L, -2);
    }
    lua_call(L, 1, 1);
    *at = (double)luaL_checknumber(L, -1);
    lua_pop(L, 1);
  }
  return value > *at ? value - *at : 0;
}

/* Pushes the table of what is limited, which is made where there is none. */
static void push_limit(lua_State *L, const char *what) {
  if (lua_isnil(L, 3)) {
    lua_createtable(L, 0, 4);
    lua_replace(L, 3);
  }
  lua_getfield(L, 3, what);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 3);
  lua_pushvalue(L, -1);
  lua_setfield(L, 3, what);
}

static void keep(lua_State *L, cm_slice lines, const cm_rate_limit *found, double *at) {
  static const char *const members[] = { "limit", "remaining", "reset" };
  double value = found->value;

  if (found->member == CM_RATE_LIMIT_RESET) value = seconds_from_answer(L, lines, value, at);
  push_limit(L, found->what);
  push_count(L, value);
  lua_setfield(L, -2, members[found->member]);
  lua_pop(L, 1);
}

/*
** core.rate_limits(lines, answered_at) -> { requests = { limit =, remaining =, reset = }, … }
** | nil, of headers as response:header_lines() gives them; of two of one name the last counts.
** answered_at(date) gives the time of the answer, from the text of its date | nil.
*/
static int rate_limits(lua_State *L) {
  cm_slice lines, name, value;
  cm_rate_limit found;
  size_t position = 0;
  double at = -1;

  luaL_checktype(L, 1, LUA_TSTRING);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_pushnil(L); /* the limits, once there are any */
  lines = string_at(L, 1);
  while (cm_headers_next_line(lines, &position, &name, &value))
    if (cm_rate_limit_read(name, value, &found)) keep(L, lines, &found, &at);
  return 1;
}

/* core.rfc3339(text) -> seconds since 1970 | nil */
static int rfc3339(lua_State *L) {
  cm_slice text;
  double seconds;

  luaL_checkstring(L, 1);
  text = string_at(L, 1);
  if (cm_date_read(text, &seconds))
    push_count(L, seconds);
  else
    lua_pushnil(L);
  return 1;
}

void cm_open_rate_limit(lua_State *L) {
  lua_pushcfunction(L, rate_limits);
  lua_setfield(L, -2, "rate_limits");
  lua_pushcfunction(L, rfc3339);
  lua_setfield(L, -2, "rfc3339");
}
