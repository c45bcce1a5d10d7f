/*
** file.c - files over os/file.h and os/file_source.h: core.read_file, core.replace_file, and
** the Lua classes claude.core.File (to be sent) and claude.core.FileSink (to be received).
*/
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bind/class.h"
#include "bind/core/module.h"
#include "bind/handles.h"
#include "os/file.h"
#include "os/file_source.h"

#define SINK_CLASS "claude.core.FileSink"
#define BYTES_CLASS "claude.core.FileBytes"

typedef struct sink_handle {
  cm_file_sink *sink; /* owned; NULL before it is made and once it has ended */
} sink_handle;

static const char *check_path(lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);

  luaL_argcheck(L, strlen(path) == length, 1, "path holds a zero byte");
  return path;
}

static int push_outcome(lua_State *L, int failure) {
  if (!failure) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, strerror(failure));
  return 2;
}

/* core.replace_file(path, bytes) -> true | nil, text */
static int replace_file(lua_State *L) {
  size_t size;
  const char *path = check_path(L);
  const char *bytes = luaL_checklstring(L, 2, &size);
  int failure = cm_file_replace(path, bytes, size);

  if (!failure) return push_outcome(L, 0);
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, strerror(failure));
  return 2;
}

/* ---- files read whole ---- */

typedef struct bytes_handle {
  char *bytes; /* owned; making a Lua string of them may raise */
} bytes_handle;

static int bytes_gc(lua_State *L) {
  bytes_handle *handle = luaL_checkudata(L, 1, BYTES_CLASS);

  free(handle->bytes);
  handle->bytes = NULL;
  return 0;
}

/* core.read_file(path) -> all bytes of a regular file | nil, text */
static int read_file(lua_State *L) {
  const char *path = check_path(L);
  bytes_handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
  size_t size;
  int failure;

  handle->bytes = NULL;
  luaL_setmetatable(L, BYTES_CLASS);
  failure = cm_file_read(path, &handle->bytes, &size);
  if (failure) {
    lua_pushnil(L);
    lua_pushstring(L, failure == EINVAL ? "it is no regular file" : strerror(failure));
    return 2;
  }
  lua_pushlstring(L, handle->bytes, size);
  free(handle->bytes);
  handle->bytes = NULL;
  return 1;
}

/* ---- files to be sent ---- */

/* core.open_file(path) -> file, to be a part of a body | nil, text */
static int file_open(lua_State *L) {
  const char *path = check_path(L);
  cm_source_handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
  int failure;

  handle->source = NULL;
  luaL_setmetatable(L, CM_FILE_CLASS);
  handle->source = cm_file_source_open(path, &failure);
  if (handle->source) return 1;
  lua_pushnil(L);
  lua_pushstring(L, failure ? strerror(failure) : "it is no regular file");
  return 2;
}

static cm_source_handle *check_file(lua_State *L) {
  cm_source_handle *handle = luaL_checkudata(L, 1, CM_FILE_CLASS);

  luaL_argcheck(L, handle->source, 1, "file is closed");
  return handle;
}

/* file:length(), #file: when it was opened */
static int file_length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_file(L)->source->length);
  return 1;
}

/* file:close(): at once, also for the bodies that hold it; may be called again */
static int file_close(lua_State *L) {
  cm_source_handle *handle = luaL_checkudata(L, 1, CM_FILE_CLASS);

  if (handle->source) cm_file_source_close(handle->source);
  cm_source_release(handle->source);
  handle->source = NULL;
  return 0;
}

/* A body may still need what nobody else holds. */
static int file_gc(lua_State *L) {
  cm_source_handle *handle = luaL_checkudata(L, 1, CM_FILE_CLASS);

  cm_source_release(handle->source);
  handle->source = NULL;
  return 0;
}

/* ---- files to be received ---- */

/* core.file_sink(path) -> sink | nil, text */
static int sink_open(lua_State *L) {
  const char *path = check_path(L);
  sink_handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);
  int failure;

  handle->sink = NULL;
  luaL_setmetatable(L, SINK_CLASS);
  handle->sink = cm_file_sink_open(path, &failure);
  return handle->sink ? 1 : push_outcome(L, failure);
}

static sink_handle *check_sink(lua_State *L) {
  sink_handle *handle = luaL_checkudata(L, 1, SINK_CLASS);

  luaL_argcheck(L, handle->sink, 1, "sink has ended");
  return handle;
}

/* sink:write(bytes) -> true | nil, text */
static int sink_write(lua_State *L) {
  sink_handle *handle = check_sink(L);
  size_t size;
  const char *bytes = luaL_checklstring(L, 2, &size);

  return push_outcome(L, cm_file_sink_write(handle->sink, bytes, size));
}

static int sink_discard(lua_State *L) {
  sink_handle *handle = luaL_checkudata(L, 1, SINK_CLASS);

  cm_file_sink_free(handle->sink);
  handle->sink = NULL;
  return 0;
}

/* sink:commit() -> true, the file is in its place | nil, text, nothing has changed */
static int sink_commit(lua_State *L) {
  int failure = cm_file_sink_commit(check_sink(L)->sink);

  sink_discard(L);
  return push_outcome(L, failure);
}

void cm_open_file(lua_State *L) {
  static const luaL_Reg file_methods[] = { { "length", file_length },
                                           { "close", file_close },
                                           { NULL, NULL } };
  static const luaL_Reg file_meta[] = { { "__gc", file_gc },
                                        { "__len", file_length },
                                        { NULL, NULL } };
  static const luaL_Reg sink_methods[] = {
    { "write", sink_write }, { "commit", sink_commit }, { "discard", sink_discard }, { NULL, NULL }
  };
  static const luaL_Reg sink_meta[] = { { "__gc", sink_discard }, { NULL, NULL } };
  static const luaL_Reg none[] = { { NULL, NULL } };
  static const luaL_Reg bytes_meta[] = { { "__gc", bytes_gc }, { NULL, NULL } };
  static const luaL_Reg functions[] = { { "read_file", read_file },
                                        { "replace_file", replace_file },
                                        { "open_file", file_open },
                                        { "file_sink", sink_open },
                                        { NULL, NULL } };

  cm_class_register(L, CM_FILE_CLASS, file_meta, file_methods);
  cm_class_register(L, BYTES_CLASS, bytes_meta, none);
  cm_class_register(L, SINK_CLASS, sink_meta, sink_methods);
  luaL_setfuncs(L, functions, 0);
}
