/*
** version.h - the version of this library; lua/claude/version.lua has the same.
*/
#ifndef CM_VERSION_H
#define CM_VERSION_H

#define CM_VERSION "0.1.0"

#endif
