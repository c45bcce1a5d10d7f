/*
** collector.h - tells Lua's collector about bytes it cannot see: those that are
** reachable only through a userdata. Without it a few thousand dropped messages of
** a megabyte stay for a long time, because each looks like a few words to Lua.
*/
#ifndef CM_BIND_COLLECTOR_H
#define CM_BIND_COLLECTOR_H

#include "bind/compat.h"

/*
** Does the collector's work that allocating so many bytes in Lua would have caused.
** Call it last, with everything owned by a userdata that is complete: finalizers
** run here, and on some versions an error in one of them is raised from here; so is
** that there is no memory for a number.
** On 5.1 and LuaJIT a step restarts a collector that collectgarbage("stop") had
** stopped, as collectgarbage("step") itself does there.
*/
void cm_collector_tell(lua_State *L, size_t bytes);

/*
** Collects everything, old objects too, where the mode is generational: to enter it anew does
** that. From then on what is young is looked at as often as ever. It would not be at first: a heap
** that has grown for a while makes the collector wait until it has doubled, and that wait outlasts
** the change of the mode, but no step. Finalizers run here.
*/
static inline void cm_collector_begin_anew(lua_State *L) {
#if CM_LUA_GENERATIONAL
  if (!lua_gc(L, LUA_GCISRUNNING) || lua_gc(L, LUA_GCINC, 0, 0, 0) != LUA_GCGEN) return;
  lua_gc(L, LUA_GCGEN, 0, 0);
  cm_step_collector(L, 0);
#else
  (void)L;
#endif
}

#endif
