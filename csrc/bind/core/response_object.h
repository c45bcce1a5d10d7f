/*
** response_object.h - what the files of the class claude.core.Response share: response.c
** makes and feeds it, response_reading.c hands out what comes, response_message.c asks what
** has come of it.
*/
#ifndef CM_BIND_CORE_RESPONSE_OBJECT_H
#define CM_BIND_CORE_RESPONSE_OBJECT_H

#include "bind/compat.h"
#include "bind/handles.h"
#include "core/response.h"

/*
** Behind what claude.net knows of the handle: the buffers that a push may leave behind
** when it raises.
*/
typedef struct response_object {
  cm_response_handle handle; /* first: claude.net casts to it */
  cm_buffer out;             /* what is being pushed */
  size_t told;               /* bytes the collector has been told of */
  int short_cut;             /* plain pieces are taken without asking */
  int in_a_row;              /* pieces given since next_plain said "more" or "look" */
  cm_delivery joined;        /* deltas as one; its text lies in joined_text */
  cm_buffer joined_text;
  int joined_waits; /* joined has been read and not been pushed yet */
} response_object;

/* Add the methods of their files to the class, which is registered. */
void cm_open_response_message(lua_State *L);
void cm_open_response_reading(lua_State *L); /* and functions to the module, on top of the stack */

/* A message that is whole is told of whatever its size; one that grows, now and then. */
enum { CM_RESPONSE_WHOLE = 1, CM_RESPONSE_GROWING = 256 * 1024 };

/* Tells the collector of the bytes that it does not see, once they are so many more. */
void cm_response_tell_collector(lua_State *L, response_object *object, size_t least);

static inline response_object *check_object(lua_State *L) {
  return luaL_checkudata(L, 1, CM_RESPONSE_CLASS);
}

static inline cm_response *check_response(lua_State *L) {
  response_object *object = check_object(L);

  if (!object->handle.response) luaL_argerror(L, 1, "the response is closed");
  return object->handle.response;
}

static inline void push_slice(lua_State *L, cm_slice s) {
  lua_pushlstring(L, s.len ? s.ptr : "", s.len);
}

static inline void set_slice(lua_State *L, const char *field, cm_slice value) {
  push_slice(L, value);
  lua_setfield(L, -2, field);
}

static inline void set_string(lua_State *L, const char *field, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, field);
}

static inline int raise_nomem(lua_State *L) {
  return luaL_error(L, "not enough memory");
}

#endif
