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

#endif
