/*
** digest.h - a finished hash as a Lua string.
*/
#ifndef CM_BIND_CORE_DIGEST_H
#define CM_BIND_CORE_DIGEST_H

#include "bind/compat.h"
#include "core/sha256.h"

/* Finishes the hash and pushes 64 hex digits, or the 32 bytes when raw. */
void cm_digest_push(lua_State *L, cm_sha256 *hash, int raw);

#endif
