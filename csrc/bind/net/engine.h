/*
** engine.h - the class claude.net.Engine, for the files that have its methods.
*/
#ifndef CM_BIND_NET_ENGINE_H
#define CM_BIND_NET_ENGINE_H

#include "bind/compat.h"
#include "bind/net/poller.h"
#include "net/multi.h"

typedef struct cm_engine {
  cm_multi *multi;  /* NULL before it is made and after collection */
  size_t collected; /* transfers that were live when all was collected last, or fewer since */
} cm_engine;

/* The first argument of a method; raises for what is no engine. */
cm_engine *cm_check_engine(lua_State *L);

/* NULL when there is nothing to work with: closed, or the property of a parent process. */
cm_multi *cm_engine_multi(const cm_engine *engine);

/* 0, which no transfer has, for a number that is no id; raises for what is no number. */
cm_transfer_id cm_check_transfer_id(lua_State *L, int arg);

/* Waits, and does what is ready for the engine; what is not its own is left in the poller. */
int cm_engine_wait(const cm_engine *engine, Poller *poller, int milliseconds);

/* In readers.c. */
extern const luaL_Reg cm_reader_methods[];

#endif
