/*
** module.h - the parts of claude.net. Each adds its functions to the module table
** on top of the stack and leaves the stack as it was.
*/
#ifndef CM_BIND_NET_MODULE_H
#define CM_BIND_NET_MODULE_H

#include "bind/compat.h"

void cm_open_child(lua_State *L);
void cm_open_engine(lua_State *L);
void cm_open_library(lua_State *L);
void cm_open_poller(lua_State *L);

int luaopen_claude_net(lua_State *L);

#endif
