/*
** version.h - the version of this library; lua/claude/version.lua has the same, and the
** C modules refuse Lua files of another (bind/loading.h).
*/
#ifndef CM_VERSION_H
#define CM_VERSION_H

#ifndef CM_VERSION
#define CM_VERSION "0.1.0"
#endif

#endif
