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
** run here, and on some versions an error in one of them is raised from here.
** On 5.1 and LuaJIT a step restarts a collector that collectgarbage("stop") had
** stopped, as collectgarbage("step") itself does there.
*/
static inline void cm_collector_tell(lua_State *L, size_t bytes) {
  enum { LARGEST_STEP_KB = 1 << 20 }; /* LuaJIT counts a step's bytes in 32 bits */
  size_t kilobytes = bytes / 1024;

  if (kilobytes == 0) return; /* a step of size 0 would be a step of Lua's own, larger, choice */
  cm_step_collector(L, kilobytes < LARGEST_STEP_KB ? kilobytes : LARGEST_STEP_KB);
}

#endif
