/*
** json.c - core's functions for JSON and UTF-8.
*/
#include "bind/core/json.h"

#include "bind/core/module.h"
#include "core/utf8.h"

/* core.utf8_valid(text) -> true | false, position of the first byte that is not UTF-8 */
static int utf8_valid(lua_State *L) {
  cm_slice text;
  size_t valid;

  text.ptr = luaL_checklstring(L, 1, &text.len);
  valid = cm_utf8_valid_prefix(text);
  lua_pushboolean(L, valid == text.len);
  if (valid == text.len) return 1;
  lua_pushinteger(L, (lua_Integer)(valid + 1));
  return 2;
}

/* core.utf8_scrub(text) -> text with each invalid part as U+FFFD, how many there were */
static int utf8_scrub(lua_State *L) {
  cm_slice text;
  cm_buffer *out;
  size_t replaced = 0;

  text.ptr = luaL_checklstring(L, 1, &text.len);
  lua_settop(L, 1);
  if (cm_utf8_valid_prefix(text) < text.len) {
    out = cm_json_push_buffer(L);
    if (cm_utf8_scrub(text, out, &replaced) != CM_OK) return luaL_error(L, "not enough memory");
    lua_pushlstring(L, out->ptr, out->len);
    cm_buffer_deinit(out);
  }
  lua_pushinteger(L, (lua_Integer)replaced);
  return 2;
}

void cm_open_json(lua_State *L) {
  lua_pushcfunction(L, utf8_valid);
  lua_setfield(L, -2, "utf8_valid");
  lua_pushcfunction(L, utf8_scrub);
  lua_setfield(L, -2, "utf8_scrub");
  cm_json_open_values(L);
  cm_json_open_encode(L);
  cm_json_open_decode(L);
  cm_json_open_split(L);
}
