/*
** poller.h - the class claude.net.Poller, for the engine, which waits with one.
*/
#ifndef CM_BIND_NET_POLLER_H
#define CM_BIND_NET_POLLER_H

#include "bind/compat.h"
#include "os/poller.h"

enum { CM_POLLER_CAPACITY = 256 }; /* events of one wait */

typedef struct Poller {
  cm_poller *poller; /* NULL before it is made and after collection */
  long pid;          /* of the process that made it: a copy of that shares it with its parent */
  int count;         /* of events, of the last wait */
  cm_poller_event events[CM_POLLER_CAPACITY];
} Poller;

/* Raises for what is no poller, and for one that was closed. */
Poller *cm_check_poller(lua_State *L, int arg);

/* How long to wait: -1 is for ever. */
int cm_check_milliseconds(lua_State *L, int arg);

#endif
