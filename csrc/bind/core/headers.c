/*
** headers.c - core.headers over core/headers.h: an answer's headers as a table.
*/
#include "core/headers.h"

#include "bind/core/module.h"

static void push_slice(lua_State *L, cm_slice s) {
  lua_pushlstring(L, s.len ? s.ptr : "", s.len);
}

/* Adds the string on top of the stack to the list of that name in the table at headers; pops it. */
static void add_header(lua_State *L, int headers, cm_slice name) {
  push_slice(L, name);
  lua_pushvalue(L, -1);
  lua_rawget(L, headers);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, headers);
  }
  lua_pushvalue(L, -3);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
  lua_pop(L, 3);
}

/* Pushes the strings of the list at that index, in one go: a server may send a great many. */
static void push_joined(lua_State *L, int list) {
  int count = (int)lua_rawlen(L, list), i;
  luaL_Buffer all;

  luaL_buffinit(L, &all);
  for (i = 1; i <= count; i++) {
    if (i > 1) luaL_addlstring(&all, ", ", 2);
    lua_rawgeti(L, list, i);
    luaL_addvalue(&all);
  }
  luaL_pushresult(&all);
}

/* As a table, its names being joined where there are several. */
static void push_headers_joined(lua_State *L, cm_slice lines) {
  cm_slice name, value;
  size_t position = 0;
  int headers;

  lua_newtable(L);
  headers = lua_gettop(L);
  while (cm_headers_next_line(lines, &position, &name, &value)) {
    push_slice(L, value);
    add_header(L, headers, name);
  }
  for (lua_pushnil(L); lua_next(L, headers); lua_pop(L, 1)) {
    push_joined(L, headers + 2);
    lua_pushvalue(L, headers + 1);
    lua_insert(L, -2);
    lua_rawset(L, headers);
  }
}

/* The same where no name comes twice, as a rule; else 0 and nothing. */
static int push_headers(lua_State *L, cm_slice lines) {
  cm_slice name, value;
  size_t position = 0;
  int is_new;

  lua_createtable(L, 0, 16);
  while (cm_headers_next_line(lines, &position, &name, &value)) {
    push_slice(L, name);
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    is_new = lua_isnil(L, -1);
    lua_pop(L, 1);
    push_slice(L, value);
    lua_rawset(L, -3);
    if (is_new) continue;
    lua_pop(L, 1);
    return 0;
  }
  return 1;
}

void cm_push_headers(lua_State *L, cm_slice lines) {
  luaL_checkstack(L, 10, NULL);
  if (!push_headers(L, lines)) push_headers_joined(L, lines);
}

/* core.headers(lines) -> { [lower-case name] = value }; lines are what response:header_lines()
   gave */
static int headers_of(lua_State *L) {
  cm_slice lines;

  lines.ptr = luaL_checklstring(L, 1, &lines.len);
  cm_push_headers(L, lines);
  return 1;
}

void cm_open_headers(lua_State *L) {
  lua_pushcfunction(L, headers_of);
  lua_setfield(L, -2, "headers");
}
