/*
** sha256.c - core.sha256 over core/sha256.h.
*/
#include "bind/core/module.h"
#include "bind/core/digest.h"

void cm_digest_push(lua_State *L, cm_sha256 *hash, int raw) {
  unsigned char digest[CM_SHA256_BYTES];
  char text[2 * CM_SHA256_BYTES + 1];

  cm_sha256_finish(hash, digest);
  if (raw) {
    lua_pushlstring(L, (const char *)digest, sizeof digest);
  } else {
    cm_sha256_hex(digest, text);
    lua_pushstring(L, text);
  }
}

/* core.sha256(text [, raw]) -> 64 hex digits, or the 32 bytes when raw */
static int sha256(lua_State *L) {
  cm_sha256 hash;
  cm_slice bytes;

  bytes.ptr = luaL_checklstring(L, 1, &bytes.len);
  cm_sha256_init(&hash);
  cm_sha256_feed(&hash, bytes);
  cm_digest_push(L, &hash, lua_toboolean(L, 2));
  return 1;
}

void cm_open_sha256(lua_State *L) {
  lua_pushcfunction(L, sha256);
  lua_setfield(L, -2, "sha256");
}
