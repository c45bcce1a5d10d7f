/*
** file.c - core.replace_file over os/file.h.
*/
#include <string.h>

#include "bind/core/module.h"
#include "os/file.h"

/* core.replace_file(path, bytes) -> true | nil, text */
static int replace_file(lua_State *L) {
  size_t path_length, size;
  const char *path = luaL_checklstring(L, 1, &path_length);
  const char *bytes = luaL_checklstring(L, 2, &size);
  int failure;

  luaL_argcheck(L, strlen(path) == path_length, 1, "path holds a zero byte");
  failure = cm_file_replace(path, bytes, size);
  if (!failure) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, strerror(failure));
  return 2;
}

void cm_open_file(lua_State *L) {
  lua_pushcfunction(L, replace_file);
  lua_setfield(L, -2, "replace_file");
}
