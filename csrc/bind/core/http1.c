/*
** http1.c - the Lua class claude.core.Http1 over core/http1.h: the bytes of a
** connection, decoded into a response.
*/
#include <string.h>

#include "bind/class.h"
#include "bind/core/module.h"
#include "bind/core/response_object.h"
#include "core/http1.h"

#define CLASS "claude.core.Http1"

typedef struct http1_object {
  cm_http1 http1; /* its response is NULL once the finalizer ran */
} http1_object;

static cm_http1 *check_http1(lua_State *L) {
  http1_object *object = luaL_checkudata(L, 1, CLASS);

  luaL_argcheck(L, object->http1.response, 1, "the decoder was collected");
  return &object->http1;
}

/* core.http1(response) -> decoder; the response is fresh, and lives as long as the decoder */
static int http1_new(lua_State *L) {
  cm_response *response = check_response(L);
  http1_object *object;

  if (cm_response_status(response) || cm_response_is_finished(response))
    return luaL_argerror(L, 1, "the response has been used before");
  object = lua_newuserdatauv(L, sizeof *object, 0);
  cm_http1_init(&object->http1, &cm_libc_alloc, response);
  luaL_setmetatable(L, CLASS);
  return 1;
}

static int http1_gc(lua_State *L) {
  http1_object *object = luaL_checkudata(L, 1, CLASS);

  cm_http1_deinit(&object->http1);
  return 0;
}

static int push_status(lua_State *L, const cm_http1 *http1, cm_status status) {
  if (status == CM_ERR_NOMEM) return raise_nomem(L);
  if (status == CM_OK) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, cm_http1_failure(http1)->text);
  return 2;
}

/* decoder:feed(bytes) -> true, whether the message has come to its end | nil, text */
static int http1_feed(lua_State *L) {
  cm_http1 *http1 = check_http1(L);
  cm_slice bytes;
  cm_status status;

  bytes.ptr = luaL_checklstring(L, 2, &bytes.len);
  status = cm_http1_feed(http1, bytes);
  if (status != CM_OK) return push_status(L, http1, status);
  lua_pushboolean(L, 1);
  lua_pushboolean(L, cm_http1_is_done(http1));
  return 2;
}

/* decoder:finish([text]) -> true | nil, text; with a text, that is how the connection failed */
static int http1_finish(lua_State *L) {
  cm_http1 *http1 = check_http1(L);

  return push_status(L, http1, cm_http1_end(http1, luaL_optstring(L, 2, NULL)));
}

/* decoder:done() -> whether the message has come to its end */
static int http1_done(lua_State *L) {
  lua_pushboolean(L, cm_http1_is_done(check_http1(L)));
  return 1;
}

/* decoder:keeps_alive() -> whether the connection may serve another request */
static int http1_keeps_alive(lua_State *L) {
  lua_pushboolean(L, cm_http1_keeps_alive(check_http1(L)));
  return 1;
}

/* decoder:wants() -> "line" | number of bytes; 0: nothing more */
static int http1_wants(lua_State *L) {
  int64_t wanted = cm_http1_wants(check_http1(L));

  if (wanted == CM_HTTP1_LINE)
    lua_pushliteral(L, "line");
  else
    cm_push_integer(L, wanted);
  return 1;
}

void cm_open_http1(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "feed", http1_feed },   { "finish", http1_finish },
    { "done", http1_done },   { "keeps_alive", http1_keeps_alive },
    { "wants", http1_wants }, { NULL, NULL },
  };
  static const luaL_Reg metamethods[] = {
    { "__gc", http1_gc },
    { NULL, NULL },
  };

  cm_class_register(L, CLASS, metamethods, methods);
  lua_pushcfunction(L, http1_new);
  lua_setfield(L, -2, "http1");
}
