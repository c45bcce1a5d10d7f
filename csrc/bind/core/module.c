/*
** module.c - the C module claude.core: everything that needs no libcurl.
*/
#include "bind/core/module.h"

#include "bind/loading.h"

__attribute__((visibility("default"))) int luaopen_claude_core(lua_State *L) {
  cm_loading_check(L, "claude.core");
  lua_newtable(L);
  cm_loading_sign(L);
  cm_open_base64(L);
  cm_open_body(L);
  cm_open_file(L);
  cm_open_http1(L);
  cm_open_journal(L);
  cm_open_journal_file(L);
  cm_open_json(L);
  cm_open_mark(L);
  cm_open_rate_limit(L);
  cm_open_response(L);
  cm_open_segment(L);
  cm_open_sha256(L);
  cm_open_sse(L);
  cm_open_transcript(L);
  cm_open_tree(L);
  return 1;
}
