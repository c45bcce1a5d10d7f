/*
** module.c - the C module claude.core: everything that needs no libcurl.
*/
#include "bind/core/module.h"

#include "bind/loading.h"
#include "os/pin.h"

/*
** Lua makes the metatable of its long buffers with the first of them. One that finds no memory
** for that leaves half a metatable: Lua 5.4 then raises "got a non-closable value" in every
** table.concat or string.rep of more than a kilobyte, and 5.3 leaks. So one is made here.
*/
static void make_first_long_buffer(lua_State *L) {
  static const char longer[2 * LUAL_BUFFERSIZE];
  luaL_Buffer buffer;

  luaL_buffinit(L, &buffer);
  luaL_addlstring(&buffer, longer, sizeof longer);
  luaL_pushresult(&buffer);
  lua_pop(L, 1);
}

/* Only an address in this module; what it does is of no interest. */
static void somewhere_in_here(void) {}

__attribute__((visibility("default"))) int luaopen_claude_core(lua_State *L) {
  cm_loading_check(L, "claude.core");
  cm_pin_module(somewhere_in_here);
  make_first_long_buffer(L);
  lua_newtable(L);
  cm_loading_sign(L);
  cm_open_base64(L);
  cm_open_body(L);
  cm_open_file(L);
  cm_open_headers(L);
  cm_open_http1(L);
  cm_open_journal(L);
  cm_open_journal_file(L);
  cm_open_json(L);
  cm_open_mark(L);
  cm_open_rate_limit(L);
  cm_open_response(L);
  cm_open_same(L);
  cm_open_segment(L);
  cm_open_sha256(L);
  cm_open_sse(L);
  cm_open_texts(L);
  cm_open_transcript(L);
  cm_open_tree(L);
  return 1;
}
