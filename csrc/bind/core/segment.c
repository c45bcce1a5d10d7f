/*
** segment.c - the Lua class claude.core.Segment over core/segment.h: bytes that
** many request bodies share.
*/
#include "bind/class.h"
#include "bind/collector.h"
#include "bind/core/module.h"
#include "bind/handles.h"

static cm_segment *check_segment(lua_State *L) {
  cm_segment_handle *handle = luaL_checkudata(L, 1, CM_SEGMENT_CLASS);

  luaL_argcheck(L, handle->segment, 1, "segment was collected");
  return handle->segment;
}

/* core.segment(text) -> segment */
static int segment_new(lua_State *L) {
  cm_segment_handle *handle;
  cm_slice bytes;

  bytes.ptr = luaL_checklstring(L, 1, &bytes.len);
  handle = lua_newuserdatauv(L, sizeof *handle, 0);
  handle->segment = NULL;
  luaL_setmetatable(L, CM_SEGMENT_CLASS);
  handle->segment = cm_segment_new(&cm_libc_alloc, bytes);
  if (!handle->segment) return luaL_error(L, "not enough memory");
  cm_collector_tell(L, bytes.len);
  return 1;
}

static int segment_gc(lua_State *L) {
  cm_segment_handle *handle = luaL_checkudata(L, 1, CM_SEGMENT_CLASS);

  cm_segment_release(handle->segment);
  handle->segment = NULL;
  return 0;
}

/* segment:tostring() -> the bytes */
static int segment_tostring(lua_State *L) {
  cm_slice bytes = cm_segment_bytes(check_segment(L));

  lua_pushlstring(L, bytes.ptr, bytes.len);
  return 1;
}

/* segment:length(), #segment */
static int segment_length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cm_segment_bytes(check_segment(L)).len);
  return 1;
}

void cm_open_segment(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "tostring", segment_tostring },
    { "length", segment_length },
    { NULL, NULL },
  };
  static const luaL_Reg metamethods[] = {
    { "__gc", segment_gc },
    { "__len", segment_length },
    { NULL, NULL },
  };

  cm_class_register(L, CM_SEGMENT_CLASS, metamethods, methods);
  lua_pushcfunction(L, segment_new);
  lua_setfield(L, -2, "segment");
}
