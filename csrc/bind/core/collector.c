#include "bind/collector.h"

enum { LARGEST_STEP_KB = 1 << 20 }; /* LuaJIT counts a step's bytes in 32 bits */

#if CM_LUA_GENERATIONAL

enum { LEAST_KB = 4 * 1024 }; /* or a small program would collect everything for each message */

/*
** A generational collector looks at what is young, and at all there is only when Lua's own memory
** has doubled: what a dropped message holds would stay. So bytes that Lua does not see count as its
** own would.
*/
static void collect_old(lua_State *L, size_t kilobytes) {
  static const char key = 0;
  lua_Integer told;

  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  told = lua_tointeger(L, -1) + (lua_Integer)kilobytes;
  lua_pop(L, 1);
  if (told >= LEAST_KB && told >= lua_gc(L, LUA_GCCOUNT)) told = 0;
  lua_pushinteger(L, told);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  if (told == 0) cm_collector_begin_anew(L);
}

#else
#define collect_old(L, kilobytes) (void)0
#endif

void cm_collector_tell(lua_State *L, size_t bytes) {
  size_t kilobytes = bytes / 1024;

  if (kilobytes == 0) return; /* a step of size 0 would be a step of Lua's own, larger, choice */
  if (kilobytes > LARGEST_STEP_KB) kilobytes = LARGEST_STEP_KB;
  if (cm_may_step_collector(L)) cm_step_collector(L, kilobytes);
  collect_old(L, kilobytes);
}
