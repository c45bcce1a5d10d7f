/*
** class.h - what every userdata class needs, the same on all Lua versions.
*/
#ifndef CM_BIND_CLASS_H
#define CM_BIND_CLASS_H

#include "bind/compat.h"

/* Registers the class: its metamethods, and methods as __index. Leaves the stack as it was. */
static inline void cm_class_register(lua_State *L, const char *name, const luaL_Reg *metamethods,
                                     const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  luaL_setfuncs(L, metamethods, 0);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

/* The userdata at index if it is of that class, else NULL. Never raises for its type. */
static inline void *cm_class_test(lua_State *L, int index, const char *name) {
  void *userdata = lua_touserdata(L, index);
  int same;

  if (!userdata || !lua_getmetatable(L, index)) return NULL;
  luaL_getmetatable(L, name);
  same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? userdata : NULL;
}

#endif
