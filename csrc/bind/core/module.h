/*
** module.h - the parts of claude.core. Each adds its functions to the module
** table on top of the stack and leaves the stack as it was.
*/
#ifndef CM_BIND_CORE_MODULE_H
#define CM_BIND_CORE_MODULE_H

#include "bind/compat.h"
#include "core/base.h"

int luaopen_claude_core(lua_State *L);

void cm_open_base64(lua_State *L);
void cm_open_body(lua_State *L);
void cm_open_file(lua_State *L);
void cm_open_headers(lua_State *L);
void cm_open_http1(lua_State *L);
void cm_open_journal(lua_State *L);
void cm_open_journal_file(lua_State *L);
void cm_open_json(lua_State *L);
void cm_open_mark(lua_State *L);
void cm_open_rate_limit(lua_State *L);
void cm_open_response(lua_State *L);
void cm_open_same(lua_State *L);
void cm_open_segment(lua_State *L);
void cm_open_sha256(lua_State *L);
void cm_open_sse(lua_State *L);
void cm_open_texts(lua_State *L);
void cm_open_transcript(lua_State *L);
void cm_open_tree(lua_State *L);

/* Pushes headers, "name:value\n" each, as a table; values of one name are joined by ", ". */
void cm_push_headers(lua_State *L, cm_slice lines);

/* How many members the table at index (not relative to the top) has. Raises nothing. */
size_t cm_count_members(lua_State *L, int index);

#endif
