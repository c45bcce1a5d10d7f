/*
** loading.h - what a C module finds out as it is opened, before it makes anything: which
** file it is, and whether Lua, the Lua files and the other C module are those it fits.
** A module that does not fit would cast userdata of one layout to another.
*/
#ifndef CM_BIND_LOADING_H
#define CM_BIND_LOADING_H

#include <dlfcn.h>
#include <string.h>

#include "bind/compat.h"
#include "core/version.h"

#define CM_LOADING_HINT                                                                            \
  "\n  hint: build C and Lua parts from one tree (make, make nvim, or luarocks make) and "         \
  "start the program again; of two installations take one off package.path and package.cpath"

/* The file this code was loaded from; "?" where the system does not tell. */
static inline const char *cm_loading_file(void) {
  static const char here = 0;
  Dl_info info;

  return dladdr(&here, &info) && info.dli_fname ? info.dli_fname : "?";
}

/* Pushes who requires this module: the next Lua file up the stack, but for c_part.lua. */
static inline const char *cm_loading_push_asker(lua_State *L) {
  lua_Debug frame;
  int level;

  for (level = 1; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "S", &frame);
    if (*frame.source == '@' && !strstr(frame.source, "claude/c_part.lua"))
      return lua_pushfstring(L, " (asked for by %s)", frame.source + 1);
  }
  return lua_pushfstring(L, "");
}

/* Raises if this was compiled for another Lua: what the loader lets pass may still crash. */
static inline void cm_loading_check_lua(lua_State *L, const char *name) {
  const char *running;

  lua_getglobal(L, "_VERSION");
  running = lua_tostring(L, -1);
  /* Some hosts call themselves otherwise, and are one of these all the same. */
  if (running && strncmp(running, "Lua 5.", 6) == 0 && strcmp(running, LUA_VERSION) != 0)
    luaL_error(L,
               "%s: %s was built for %s, but this is %s\n  hint: build it for this one, "
               "such as by make LUA=lua%s, or take it off package.cpath",
               name, cm_loading_file(), LUA_VERSION, running, running + 4);
  lua_pop(L, 1);
}

/* Raises if the version on top of the stack is a string and not this one. Pops it. */
static inline void cm_loading_check_version(lua_State *L, const char *name, const char *whose) {
  const char *version = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : CM_VERSION;

  if (strcmp(version, CM_VERSION) != 0)
    luaL_error(L, "%s: %s is version %s, but %s version %s%s" CM_LOADING_HINT, name,
               cm_loading_file(), CM_VERSION, whose, version, cm_loading_push_asker(L));
  lua_pop(L, 1);
}

/*
** Raises unless the Lua files are of this version. Where there are none (a host that uses
** the C module alone) there is nothing to compare.
*/
static inline void cm_loading_check_files(lua_State *L, const char *name) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "claude.version");
  if (lua_pcall(L, 1, 1, 0) == 0)
    cm_loading_check_version(L, name, "the Lua files are");
  else
    lua_pop(L, 1);
}

/* To be called first in luaopen_…; raises if the module would not fit. */
static inline void cm_loading_check(lua_State *L, const char *name) {
  cm_loading_check_lua(L, name);
  cm_loading_check_files(L, name);
}

/* Adds what every module has to the table on top of the stack: version and file. */
static inline void cm_loading_sign(lua_State *L) {
  lua_pushliteral(L, CM_VERSION);
  lua_setfield(L, -2, "version");
  lua_pushstring(L, cm_loading_file());
  lua_setfield(L, -2, "file");
}

#endif
