/*
** module.c - the C module claude.net: HTTP over libcurl, loaded at the first request.
*/
#include "bind/net/module.h"

#include "core/version.h"
#include "net/multi.h"
#include "os/clock.h"
#include "os/process.h"

/* net.now() -> seconds that only grow */
static int net_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)cm_clock_now());
  return 1;
}

/* net.library() -> "libcurl/7.88.1 OpenSSL/3.0.22 …" */
static int net_library(lua_State *L) {
  lua_pushstring(L, cm_multi_library());
  return 1;
}

static const luaL_Reg functions[] = {
  { "now", net_now },
  { "library", net_library },
  { NULL, NULL },
};

/* Only an address in this module; what it does is of no interest. */
static void somewhere_in_here(void) {}

__attribute__((visibility("default"))) int luaopen_claude_net(lua_State *L) {
  cm_process_pin_module(somewhere_in_here);
  luaL_newlib(L, functions);
  lua_pushliteral(L, CM_VERSION);
  lua_setfield(L, -2, "version");
  cm_open_engine(L);
  cm_open_file(L);
  cm_open_poller(L);
  return 1;
}
