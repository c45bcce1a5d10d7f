/*
** texts.c - core.is_text and core.are_texts: whether messages are nothing but texts. Most are, and
** all of a conversation go through each request.
*/
#include <string.h>

#include "bind/core/module.h"
#include "core/slice.h"

/* Upvalues of both functions: what a message's members are called. */
enum { ROLE = 1, CONTENT, NAMES = CONTENT };

static cm_slice string_member(lua_State *L, int message, int name) {
  cm_slice text = { "", 0 };

  lua_pushvalue(L, lua_upvalueindex(name));
  lua_rawget(L, message);
  if (lua_type(L, -1) == LUA_TSTRING) text.ptr = lua_tolstring(L, -1, &text.len);
  lua_pop(L, 1); /* the table keeps it */
  return text;
}

/* As the API counts blanks. */
static int says_something(cm_slice text) {
  size_t i = 0;

  while (i < text.len && text.ptr[i] && strchr(" \t\n\v\f\r", text.ptr[i])) i++;
  return i < text.len;
}

/* Whether a table may be more than its raw members, or is a list. */
static int is_special(lua_State *L, int table) {
  int special;

  if (lua_getmetatable(L, table)) {
    lua_pop(L, 1);
    return 1;
  }
  lua_rawgeti(L, table, 1);
  special = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return special;
}

static int is_text(lua_State *L, int message) {
  cm_slice role, text;

  if (!lua_istable(L, message) || is_special(L, message)) return 0;
  role = string_member(L, message, ROLE);
  text = string_member(L, message, CONTENT);
  if (text.len == 0) return 0;
  return cm_slice_is(role, "assistant") || (cm_slice_is(role, "user") && says_something(text));
}

static int are_texts(lua_State *L, int list) {
  size_t i, count;

  if (!lua_istable(L, list)) return 0;
  if (lua_getmetatable(L, list)) return 0;
  count = lua_rawlen(L, list);
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, list, (int)i);
    if (!is_text(L, lua_gettop(L))) return 0;
    lua_pop(L, 1);
  }
  return count > 0 && cm_count_members(L, list) == count;
}

/* core.is_text(message) -> whether it is one of a user or the assistant, a plain table whose
   content is a text, with which nothing is wrong */
static int text_is(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  lua_pushboolean(L, is_text(L, 1));
  return 1;
}

/* core.are_texts(messages) -> whether it is a plain list of such messages, and not empty */
static int texts_are(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  lua_pushboolean(L, are_texts(L, 1));
  return 1;
}

static void open_function(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushliteral(L, "role");
  lua_pushliteral(L, "content");
  lua_pushcclosure(L, function, NAMES);
  lua_setfield(L, -2, name);
}

void cm_open_texts(lua_State *L) {
  open_function(L, "is_text", text_is);
  open_function(L, "are_texts", texts_are);
}
