/*
** base64.c - core.base64 over core/base64.h.
*/
#include "core/base64.h"
#include "bind/core/module.h"

enum { PIECE = LUAL_BUFFERSIZE / 4 * 3 }; /* bytes that fill one piece of a luaL_Buffer */

/* core.base64(bytes) -> text */
static int base64(lua_State *L) {
  luaL_Buffer text;
  cm_slice bytes, piece;

  bytes.ptr = luaL_checklstring(L, 1, &bytes.len);
  luaL_buffinit(L, &text);
  while (bytes.len) {
    piece.ptr = bytes.ptr;
    piece.len = bytes.len < PIECE ? bytes.len : PIECE;
    cm_base64_encode(piece, luaL_prepbuffer(&text));
    luaL_addsize(&text, cm_base64_length(piece.len));
    bytes.ptr += piece.len;
    bytes.len -= piece.len;
  }
  luaL_pushresult(&text);
  return 1;
}

void cm_open_base64(lua_State *L) {
  lua_pushcfunction(L, base64);
  lua_setfield(L, -2, "base64");
}
