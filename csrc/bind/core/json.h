/*
** json.h - what the parts of core's JSON share: json_values.c (the special
** values), json_encode.c, json_decode.c, json_split.c, and json.c, which opens them all.
*/
#ifndef CM_BIND_CORE_JSON_H
#define CM_BIND_CORE_JSON_H

#include "bind/compat.h"
#include "core/base.h"
#include "core/buffer.h"

/* No text or value that Lua gives or gets is larger than this. */
#define CM_JSON_MAX_BYTES ((size_t)1 << 30)

/* What a table's metatable says it is. */
typedef enum cm_json_mark {
  CM_MARK_NONE,
  CM_MARK_ARRAY,
  CM_MARK_OBJECT,
  CM_MARK_UNREADABLE /* __pairs or __mode: its raw fields are not all of it, or may vanish */
} cm_json_mark;

/* Ours, lua-cjson's, Neovim's, and whatever says __jsontype. Never raises, calls no Lua. */
cm_json_mark cm_json_mark_of(lua_State *L, int index);

/* Whether the userdata at index is null, here or in lua-cjson or Neovim. */
int cm_json_is_null(lua_State *L, int index);

/* Whether the userdata at index stands for [] in lua-cjson. */
int cm_json_is_empty_array(lua_State *L, int index);

/* Whether the value at index is one of core.raw; *text is borrowed from it. */
int cm_json_is_raw(lua_State *L, int index, cm_slice *text);

/*
** Pushes what core.decode gives of a text: one value, or three where it is none. Returns how many;
** there may be something below them. May raise.
*/
int cm_json_push_decoded(lua_State *L, cm_slice text);

/* Pushes JSON text, already checked, as a value that is written as it is. May raise. */
void cm_json_push_raw(lua_State *L, cm_slice text);

/* Marks the table on top of the stack. */
void cm_json_mark_array(lua_State *L);
void cm_json_mark_object(lua_State *L);

/* Pushes a userdata that holds an empty buffer and frees it when collected. May raise. */
cm_buffer *cm_json_push_buffer(lua_State *L);

/*
** Pushes text decoded as core.decode does it, but of long texts (members named text, content,
** thinking, signature or data) only their beginning, unless that is blank. It has been checked
** before. Returns 1. May raise. The text must stay meanwhile.
*/
int cm_json_push_outline(lua_State *L, cm_slice text);

/* Each adds its functions to the table on top of the stack. */
void cm_json_open_values(lua_State *L);
void cm_json_open_encode(lua_State *L);
void cm_json_open_decode(lua_State *L);
void cm_json_open_split(lua_State *L);

#endif
