/*
** mark.c - core.mark over core/mark.h.
*/
#include "bind/core/module.h"
#include "core/json_reader.h"
#include "core/mark.h"

enum { PIECES = 7 };

static void push_slice(lua_State *L, cm_slice bytes) {
  lua_pushlstring(L, bytes.len ? bytes.ptr : "", bytes.len);
}

/* core.mark(JSON of a text or of a list of blocks, i, JSON of a cache_control)
   -> the same with it in block i, every other byte as it was | nil, text */
static int mark(lua_State *L) {
  lua_Integer block = luaL_checkinteger(L, 2);
  cm_slice content, control;
  cm_mark found;

  content.ptr = luaL_checklstring(L, 1, &content.len);
  control.ptr = luaL_checklstring(L, 3, &control.len);
  if (block < 1 || cm_json_check(content, NULL) != CM_OK ||
      cm_mark_find(content, (size_t)block - 1, &found) != CM_OK) {
    lua_pushnil(L);
    lua_pushliteral(L, "there is no such block");
    return 2;
  }
  luaL_checkstack(L, PIECES, NULL);
  push_slice(L, found.before);
  push_slice(L, found.open);
  push_slice(L, found.text);
  push_slice(L, found.name);
  push_slice(L, control);
  push_slice(L, found.close);
  push_slice(L, found.after);
  lua_concat(L, PIECES);
  return 1;
}

void cm_open_mark(lua_State *L) {
  lua_pushcfunction(L, mark);
  lua_setfield(L, -2, "mark");
}
