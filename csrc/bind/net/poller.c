/*
** poller.c - the Lua class claude.net.Poller over os/poller.h: what the blocking
** driver waits with.
*/
#include "bind/net/poller.h"

#include "bind/net/module.h"
#include "os/process.h"

#define CLASS "claude.net.Poller"

Poller *cm_check_poller(lua_State *L, int arg) {
  Poller *p = luaL_checkudata(L, arg, CLASS);

  luaL_argcheck(L, p->poller != NULL, arg, "closed");
  return p;
}

int cm_check_milliseconds(lua_State *L, int arg) {
  lua_Number milliseconds = luaL_checknumber(L, arg);

  if (milliseconds > 1e9) return 1000000000;
  return milliseconds < 0 ? -1 : (int)milliseconds;
}

/* net.poller() -> poller | nil, text */
static int poller_new(lua_State *L) {
  Poller *p = lua_newuserdatauv(L, sizeof *p, 0);

  p->poller = NULL;
  p->pid = cm_process_id();
  p->count = 0;
  luaL_setmetatable(L, CLASS);
  p->poller = cm_poller_new(&cm_libc_alloc);
  if (p->poller) return 1;
  lua_pushnil(L);
  lua_pushliteral(L, "the system has no descriptor or no memory left to wait with");
  return 2;
}

static int poller_gc(lua_State *L) {
  Poller *p = luaL_checkudata(L, 1, CLASS);

  cm_poller_free(p->poller);
  p->poller = NULL;
  return 0;
}

/* poller:watch(fd, mask) -> true | nil, text: Lua's own where there is no memory */
static int poller_watch(lua_State *L) {
  Poller *p = cm_check_poller(L, 1);
  int fd = (int)luaL_checkinteger(L, 2);
  int mask = (int)luaL_checkinteger(L, 3);
  cm_status status = cm_poller_watch(p->poller, fd, mask);

  if (status == CM_OK) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L,
                 status == CM_ERR_NOMEM ? "not enough memory" : "a descriptor cannot be watched");
  return 2;
}

/* poller:descriptor() -> fd | nil */
static int poller_descriptor(lua_State *L) {
  int fd = cm_poller_descriptor(cm_check_poller(L, 1)->poller);

  if (fd < 0) return 0;
  lua_pushinteger(L, fd);
  return 1;
}

/* poller:forked() -> whether this process is a copy of the one that made it */
static int poller_forked(lua_State *L) {
  lua_pushboolean(L, cm_check_poller(L, 1)->pid != cm_process_id());
  return 1;
}

/* poller:wait(milliseconds) -> number of events; -1 waits for ever */
static int poller_wait(lua_State *L) {
  Poller *p = cm_check_poller(L, 1);
  int milliseconds = cm_check_milliseconds(L, 2);

  p->count = cm_poller_wait(p->poller, milliseconds, p->events, CM_POLLER_CAPACITY);
  lua_pushinteger(L, p->count);
  return 1;
}

/* poller:event(i) -> fd, mask; 1-based, of the last wait */
static int poller_event(lua_State *L) {
  Poller *p = cm_check_poller(L, 1);
  lua_Integer i = luaL_checkinteger(L, 2);

  luaL_argcheck(L, i >= 1 && i <= p->count, 2, "no such event");
  lua_pushinteger(L, p->events[i - 1].fd);
  lua_pushinteger(L, p->events[i - 1].mask);
  return 2;
}

static const luaL_Reg methods[] = {
  { "watch", poller_watch }, { "descriptor", poller_descriptor }, { "forked", poller_forked },
  { "wait", poller_wait },   { "event", poller_event },           { NULL, NULL },
};

void cm_open_poller(lua_State *L) {
  luaL_newmetatable(L, CLASS);
  lua_pushcfunction(L, poller_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, poller_new);
  lua_setfield(L, -2, "poller");
}
