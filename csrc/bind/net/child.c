/*
** child.c - the Lua class claude.net.Child over os/child.h: a child process and the
** three descriptors that lead to it. What waits for them is claude.loop.
*/
#include "os/child.h"

#include <signal.h>
#include <string.h>

#include "bind/net/module.h"

#define CLASS "claude.net.Child"

enum { CAPACITY = 1 << 16 };

static const char *const CHANNELS[] = { "input", "output", "error", NULL };

static cm_child *check_child(lua_State *L) {
  return luaL_checkudata(L, 1, CLASS);
}

static int *check_channel(lua_State *L, cm_child *child) {
  int *fds[3];

  fds[0] = &child->input;
  fds[1] = &child->output;
  fds[2] = &child->error;
  return fds[luaL_checkoption(L, 2, NULL, CHANNELS)];
}

/*
** Turns the list at index into texts, in a userdata that is left on the stack; the list,
** which keeps the strings, is below it.
*/
static const char **check_texts(lua_State *L, const char *name) {
  size_t i, n, len;
  const char **texts;

  lua_getfield(L, 1, name);
  luaL_checktype(L, -1, LUA_TTABLE);
  n = lua_rawlen(L, -1);
  texts = lua_newuserdatauv(L, (n + 1) * sizeof *texts, 0);
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, -2, (int)i + 1);
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s[%d]: string expected", name, (int)i + 1);
    texts[i] = lua_tolstring(L, -1, &len);
    if (strlen(texts[i]) != len)
      luaL_error(L, "%s[%d]: a NUL byte is not allowed", name, (int)i + 1);
    lua_pop(L, 1);
  }
  texts[n] = NULL;
  return texts;
}

/* net.spawn{ arguments=, environment=, directory=, keep_error= } -> child | nil, text */
static int child_spawn(lua_State *L) {
  cm_child_options options;
  cm_child *child;
  int failure;

  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  options.arguments = check_texts(L, "arguments");
  luaL_argcheck(L, options.arguments[0], 1, "arguments: a program is missing");
  options.environment = check_texts(L, "environment");
  lua_getfield(L, 1, "directory");
  options.directory = lua_isnil(L, -1) ? NULL : luaL_checkstring(L, -1);
  lua_getfield(L, 1, "keep_error");
  options.keep_error = lua_toboolean(L, -1);
  child = lua_newuserdatauv(L, sizeof *child, 0);
  cm_child_init(child);
  luaL_setmetatable(L, CLASS);
  failure = cm_child_start(child, &options);
  if (!failure) return 1;
  lua_pushnil(L);
  lua_pushstring(L, strerror(failure));
  return 2;
}

/* A child that runs on sees the end of its input. */
static int child_gc(lua_State *L) {
  cm_child *child = check_child(L);
  int status, by_signal;

  cm_child_deinit(child);
  cm_child_has_ended(child, 1, &status, &by_signal);
  return 0;
}

/* child:pid() -> integer | nothing once it was reaped */
static int child_pid(lua_State *L) {
  cm_child *child = check_child(L);

  if (child->pid == 0) return 0;
  lua_pushinteger(L, (lua_Integer)child->pid);
  return 1;
}

/* child:descriptor("input" | "output" | "error") -> fd | nothing when it is closed */
static int child_descriptor(lua_State *L) {
  int fd = *check_channel(L, check_child(L));

  if (fd < 0) return 0;
  lua_pushinteger(L, fd);
  return 1;
}

static int push_reason(lua_State *L, cm_child_io io) {
  lua_pushnil(L);
  lua_pushstring(L, io == CM_CHILD_WAIT ? "more" : "end");
  return 2;
}

/* child:read("output" | "error") -> bytes | nil, "more" | nil, "end" */
static int child_read(lua_State *L) {
  int fd = *check_channel(L, check_child(L));
  char bytes[CAPACITY];
  size_t done;
  cm_child_io io = fd < 0 ? CM_CHILD_END : cm_child_read(fd, bytes, sizeof bytes, &done);

  if (io != CM_CHILD_DONE) return push_reason(L, io);
  lua_pushlstring(L, bytes, done);
  return 1;
}

/* child:write(bytes [, from]) -> how many were written | nil, "more" | nil, "end" */
static int child_write(lua_State *L) {
  cm_child *child = check_child(L);
  size_t size, done;
  const char *bytes = luaL_checklstring(L, 2, &size);
  lua_Integer from = luaL_optinteger(L, 3, 1);
  cm_child_io io;

  luaL_argcheck(L, from >= 1 && (size_t)from <= size, 3, "no such byte");
  if (child->input < 0) return push_reason(L, CM_CHILD_END);
  io = cm_child_write(child->input, bytes + from - 1, size - (size_t)from + 1, &done);
  if (io != CM_CHILD_DONE) return push_reason(L, io);
  lua_pushinteger(L, (lua_Integer)done);
  return 1;
}

/* child:close("input" | "output" | "error"); nobody may be watching it any more */
static int child_close(lua_State *L) {
  cm_child_close(check_channel(L, check_child(L)));
  return 0;
}

/* child:signal("TERM" | "KILL"), to all of its process group */
static int child_signal(lua_State *L) {
  static const char *const names[] = { "TERM", "KILL", NULL };
  cm_child *child = check_child(L);

  cm_child_signal(child, luaL_checkoption(L, 2, NULL, names) ? SIGKILL : SIGTERM);
  return 0;
}

/*
** child:has_ended([reap]) -> false | true, exit status or nil, signal or nil; with reap
** there is no process any more
*/
static int child_has_ended(lua_State *L) {
  cm_child *child = check_child(L);
  int status, by_signal;
  int ended = cm_child_has_ended(child, lua_toboolean(L, 2), &status, &by_signal);

  lua_pushboolean(L, ended);
  if (!ended) return 1;
  lua_pushnil(L);
  lua_pushnil(L);
  if (status >= 0) {
    lua_pushinteger(L, status);
    lua_replace(L, -3);
  }
  if (by_signal > 0) {
    lua_pushinteger(L, by_signal);
    lua_replace(L, -2);
  }
  return 3;
}

static const luaL_Reg methods[] = {
  { "pid", child_pid },
  { "descriptor", child_descriptor },
  { "read", child_read },
  { "write", child_write },
  { "close", child_close },
  { "signal", child_signal },
  { "has_ended", child_has_ended },
  { NULL, NULL },
};

void cm_open_child(lua_State *L) {
  luaL_newmetatable(L, CLASS);
  lua_pushcfunction(L, child_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, child_spawn);
  lua_setfield(L, -2, "spawn");
}
