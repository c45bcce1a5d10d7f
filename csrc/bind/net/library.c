/*
** library.c - net.library, net.features and net.authorities over net/library.h.
*/
#include "net/library.h"

#include "bind/net/module.h"

/* net.library() -> "libcurl/7.88.1 OpenSSL/3.0.22 …" */
static int library_text(lua_State *L) {
  lua_pushstring(L, cm_library_text());
  return 1;
}

static void put_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text); /* nil for NULL */
  lua_setfield(L, -2, name);
}

static void put_flag(lua_State *L, const char *name, int value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, name);
}

/* net.features() -> { version =, number =, host =, tls =, http2 =, gzip =, brotli =, zstd = } */
static int library_features(lua_State *L) {
  cm_library_features features;

  cm_library_ask(&features);
  lua_newtable(L);
  put_text(L, "version", features.version);
  cm_push_integer(L, features.number);
  lua_setfield(L, -2, "number");
  put_text(L, "host", features.host);
  put_text(L, "tls", features.tls);
  put_flag(L, "http2", features.http2);
  put_flag(L, "gzip", features.gzip);
  put_flag(L, "brotli", features.brotli);
  put_flag(L, "zstd", features.zstd);
  return 1;
}

static void push_path(lua_State *L, const char *path) {
  lua_pushstring(L, *path ? path : NULL);
}

/* net.authorities() -> file or nil, folder or nil: what libcurl trusts by itself */
static int library_authorities(lua_State *L) {
  char file[4096], path[4096];

  if (cm_library_authorities(file, path, sizeof file) != CM_OK) return 0;
  push_path(L, file);
  push_path(L, path);
  return 2;
}

static const luaL_Reg functions[] = {
  { "library", library_text },
  { "features", library_features },
  { "authorities", library_authorities },
  { NULL, NULL },
};

void cm_open_library(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
