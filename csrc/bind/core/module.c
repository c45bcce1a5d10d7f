/*
** module.c - the C module claude.core: everything that needs no libcurl.
*/
#include "bind/core/module.h"

#include "core/version.h"

__attribute__((visibility("default"))) int luaopen_claude_core(lua_State *L) {
  lua_newtable(L);
  lua_pushliteral(L, CM_VERSION);
  lua_setfield(L, -2, "version");
  cm_open_body(L);
  cm_open_http1(L);
  cm_open_json(L);
  cm_open_response(L);
  cm_open_segment(L);
  cm_open_sha256(L);
  cm_open_sse(L);
  cm_open_transcript(L);
  return 1;
}
