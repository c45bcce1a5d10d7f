/*
** compat.h - the Lua C API as 5.4 has it, on 5.1, LuaJIT, 5.2, 5.3 and 5.5.
** The only file that looks at LUA_VERSION_NUM.
*/
#ifndef CM_BIND_COMPAT_H
#define CM_BIND_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM < 502
#ifndef luaL_setmetatable /* LuaJIT's headers already have some of these */
#define luaL_setmetatable(L, name) (luaL_getmetatable(L, name), lua_setmetatable(L, -2))
#endif
/* PUC 5.1 and LuaJIT look into the same folders: what is built for one serves the other. */
#undef luaL_setfuncs
#undef luaL_newlib
#define luaL_setfuncs(L, funcs, nup) luaL_register(L, NULL, funcs)
#define luaL_newlib(L, funcs) (lua_newtable(L), luaL_setfuncs(L, funcs, 0))
#define lua_rawlen(L, i) lua_objlen(L, i)
#endif

/*
** The integers a number of this Lua holds exactly are those of size up to
** CM_LUA_EXACT_INTEGER (2^53 could also be 2^53 + 1, rounded); cm_push_integer pushes
** one of them.
*/
#if LUA_VERSION_NUM < 503
#define lua_isinteger(L, i) 0
#define CM_LUA_EXACT_INTEGER (((int64_t)1 << 53) - 1)
#define cm_push_integer(L, value) lua_pushnumber(L, (lua_Number)(value))
#else
#define CM_LUA_EXACT_INTEGER INT64_MAX
#define cm_push_integer(L, value) lua_pushinteger(L, (lua_Integer)(value))
#endif

/* The size of a collector's step: an int of kilobytes, from 5.5 on a size_t of bytes. */
#if LUA_VERSION_NUM < 505
#define cm_step_collector(L, kilobytes) lua_gc(L, LUA_GCSTEP, (int)(kilobytes))
#else
#define cm_step_collector(L, kilobytes) lua_gc(L, LUA_GCSTEP, (size_t)(kilobytes)*1024)
#endif

/* Steps of 5.2 and 5.3 run finalizers, one inside the other where these make steps themselves. */
#if LUA_VERSION_NUM == 502 || LUA_VERSION_NUM == 503
#define cm_may_step_collector(L) lua_gc(L, LUA_GCISRUNNING, 0)
#else
#define cm_may_step_collector(L) 1
#endif

/* 5.2's generational mode was an experiment, and does not say that it is on. */
#define CM_LUA_GENERATIONAL (LUA_VERSION_NUM >= 504)

/*
** What goes on after lua_callk, whose context it ignores: CM_CONTINUATION(name) { … } begins
** with CM_CONTINUATION_ARGUMENTS; CM_CONTINUE(name, L) calls it where nothing has waited. Not
** defined where what C calls cannot wait.
*/
#if LUA_VERSION_NUM >= 503
#define CM_CONTINUATION(name) int name(lua_State *L, int status, lua_KContext context)
#define CM_CONTINUATION_ARGUMENTS (void)status, (void)context
#define CM_CONTINUE(name, L) name(L, LUA_OK, 0)
#elif LUA_VERSION_NUM == 502
#define CM_CONTINUATION(name) int name(lua_State *L)
#define CM_CONTINUATION_ARGUMENTS (void)0
#define CM_CONTINUE(name, L) name(L)
#endif

/* Resumes a coroutine with nothing, and tells how many values it yielded or returned. */
#if LUA_VERSION_NUM >= 504
#define cm_resume(co, L, count) lua_resume(co, L, 0, count)
#elif LUA_VERSION_NUM >= 502
static inline int cm_resume(lua_State *co, lua_State *L, int *count) {
  int status = lua_resume(co, L, 0);

  *count = lua_gettop(co);
  return status;
}
#endif

#if LUA_VERSION_NUM < 504
#define lua_newuserdatauv(L, size, nuv) lua_newuserdata(L, size)
#endif

#endif
