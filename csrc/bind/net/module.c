/*
** module.c - the C module claude.net: HTTP over libcurl, loaded at the first request.
*/
#include "bind/net/module.h"

#include "bind/loading.h"
#include "os/clock.h"
#include "os/pin.h"

/* net.now() -> seconds that only grow */
static int net_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)cm_clock_now());
  return 1;
}

static const luaL_Reg functions[] = {
  { "now", net_now },
  { NULL, NULL },
};

/* Only an address in this module; what it does is of no interest. */
static void somewhere_in_here(void) {}

/* claude.net is given claude.core's userdata: raises if it could not read them. */
static void check_core(lua_State *L) {
  const char *file;

  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_getfield(L, -1, "claude.core");
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "file");
    file = lua_tostring(L, -1);
    file = lua_pushfstring(L, "%s is", file ? file : "claude.core");
    lua_getfield(L, -3, "version");
    cm_loading_check_version(L, "claude.net", file);
    lua_pop(L, 2);
  }
  lua_pop(L, 2);
}

__attribute__((visibility("default"))) int luaopen_claude_net(lua_State *L) {
  cm_loading_check(L, "claude.net");
  check_core(L);
  cm_pin_module(somewhere_in_here);
  luaL_newlib(L, functions);
  cm_loading_sign(L);
  cm_open_child(L);
  cm_open_engine(L);
  cm_open_library(L);
  cm_open_poller(L);
  return 1;
}
