/*
** transcript.c - the Lua class claude.core.Transcript over core/transcript.h.
*/
#include <string.h>

#include "bind/class.h"
#include "bind/collector.h"
#include "bind/core/json.h"
#include "bind/core/module.h"
#include "bind/handles.h"
#include "core/json_reader.h"
#include "core/mark.h"

static cm_transcript *check_transcript(lua_State *L) {
  cm_transcript_handle *handle = luaL_checkudata(L, 1, CM_TRANSCRIPT_CLASS);

  return &handle->transcript;
}

/* The 1-based index at arg, as the 0-based one of a message that is there. */
static size_t check_index(lua_State *L, int arg, const cm_transcript *transcript) {
  lua_Integer index = luaL_checkinteger(L, arg);

  luaL_argcheck(L, index >= 1 && (size_t)index <= cm_transcript_count(transcript), arg,
                "no message has that number");
  return (size_t)index - 1;
}

static cm_transcript *push_empty(lua_State *L) {
  cm_transcript_handle *handle = lua_newuserdatauv(L, sizeof *handle, 0);

  cm_transcript_init(&handle->transcript, &cm_libc_alloc);
  handle->removals = 0;
  luaL_setmetatable(L, CM_TRANSCRIPT_CLASS);
  return &handle->transcript;
}

/* core.transcript() -> transcript */
static int transcript_new(lua_State *L) {
  push_empty(L);
  return 1;
}

static int transcript_gc(lua_State *L) {
  cm_transcript_handle *handle = luaL_checkudata(L, 1, CM_TRANSCRIPT_CLASS);

  cm_transcript_deinit(&handle->transcript);
  return 0;
}

static int push_refusal(lua_State *L, const cm_failure *failure) {
  lua_pushnil(L);
  lua_pushfstring(L, "%s (at byte %d)", failure->text, (int)failure->offset);
  return 2;
}

/* The length of all strings of the list at 2 together. */
static size_t check_pieces(lua_State *L, int count) {
  size_t length = 0;
  int i;

  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, 2, i);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2, "pieces of a message must be strings");
    length += lua_rawlen(L, -1);
    lua_pop(L, 1);
  }
  return length;
}

/* The pieces of the list at 2 as one message behind a comma. Raises nothing; NULL: no memory. */
static cm_segment *join_pieces(lua_State *L, int count, size_t length) {
  static const cm_slice comma = { ",", 1 };
  cm_segment *joined = cm_segment_with_room(&cm_libc_alloc, length + 1);
  cm_slice piece;
  int i;

  if (joined) cm_segment_extend(joined, comma);
  for (i = 1; i <= count && joined; i++) {
    lua_rawgeti(L, 2, i);
    piece.ptr = lua_tolstring(L, -1, &piece.len);
    cm_segment_extend(joined, piece);
    lua_pop(L, 1);
  }
  return joined;
}

static int push_appended(lua_State *L, cm_status status, size_t bytes) {
  if (status != CM_OK) return luaL_error(L, "not enough memory");
  lua_pushboolean(L, 1);
  cm_collector_tell(L, bytes);
  return 1;
}

static int append_pieces(lua_State *L, cm_transcript *transcript) {
  int count = (int)lua_rawlen(L, 2);
  size_t length = check_pieces(L, count);
  cm_segment *joined = join_pieces(L, count, length);
  cm_slice message;
  cm_status checked, added = CM_ERR_NOMEM;
  cm_failure failure;
  cm_role role;

  if (!joined) return push_appended(L, added, 0);
  message.ptr = cm_segment_bytes(joined).ptr + 1;
  message.len = length;
  checked = cm_transcript_check(message, &role, &failure);
  if (checked == CM_OK) added = cm_transcript_adopt(transcript, role, joined);
  cm_segment_release(joined);
  return checked == CM_OK ? push_appended(L, added, length) : push_refusal(L, &failure);
}

/* transcript:append(message JSON, or a list of its pieces) -> true | nil, text */
static int transcript_append(lua_State *L) {
  cm_transcript *transcript = check_transcript(L);
  cm_failure failure;
  cm_slice bytes;
  cm_role role;

  if (lua_istable(L, 2)) return append_pieces(L, transcript);
  bytes.ptr = luaL_checklstring(L, 2, &bytes.len);
  if (cm_transcript_check(bytes, &role, &failure) != CM_OK) return push_refusal(L, &failure);
  return push_appended(L, cm_transcript_append(transcript, role, bytes), bytes.len);
}

/* transcript:count(), #transcript */
static int transcript_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cm_transcript_count(check_transcript(L)));
  return 1;
}

/* transcript:shared(other) -> how many messages, from the first on, are the same in both */
static int transcript_shared(lua_State *L) {
  cm_transcript_handle *other = luaL_checkudata(L, 2, CM_TRANSCRIPT_CLASS);

  lua_pushinteger(L, (lua_Integer)cm_transcript_shared(check_transcript(L), &other->transcript));
  return 1;
}

/* transcript:bytes() -> length of all messages together */
static int transcript_bytes(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cm_transcript_bytes(check_transcript(L)));
  return 1;
}

/* transcript:get(i) -> the exact bytes of message i */
static int transcript_get(lua_State *L) {
  cm_transcript *transcript = check_transcript(L);
  cm_slice bytes = cm_transcript_get(transcript, check_index(L, 2, transcript));

  lua_pushlstring(L, bytes.ptr, bytes.len);
  return 1;
}

/* transcript:blocks(i) -> the exact bytes of each block of message i; {} when it is a text */
static int transcript_blocks(lua_State *L) {
  cm_json_reader reader;
  cm_slice message, raw;
  int count = 0;

  transcript_get(L); /* a string of Lua's own: what follows may run finalizers */
  message.ptr = lua_tolstring(L, -1, &message.len);
  lua_newtable(L);
  cm_json_reader_init(&reader, cm_transcript_content(message), CM_JSON_MAX_DEPTH);
  if (cm_json_reader_begin_array(&reader) != CM_OK) return 1;
  while (cm_json_reader_next_element(&reader) == CM_OK) {
    if (cm_json_reader_read_value(&reader, &raw) != CM_OK) break;
    lua_pushlstring(L, raw.ptr, raw.len);
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

/* transcript:outline(i) -> message i decoded, of long texts only the beginning: for who looks at
   its form. What happens meanwhile cannot take the bytes away: a fork holds them. */
static int transcript_outline(lua_State *L) {
  cm_transcript *transcript = check_transcript(L), *held = push_empty(L);

  cm_transcript_fork(transcript, held); /* now: making room for it may have run a finalizer */
  return cm_json_push_outline(L, cm_transcript_get(held, check_index(L, 2, held)));
}

/* transcript:contains(i, bytes) -> whether they are somewhere in message i */
static int transcript_contains(lua_State *L) {
  cm_transcript *transcript = check_transcript(L);
  cm_slice message = cm_transcript_get(transcript, check_index(L, 2, transcript)), bytes;

  bytes.ptr = luaL_checklstring(L, 3, &bytes.len);
  lua_pushboolean(L, memmem(message.ptr, message.len, bytes.ptr, bytes.len) != NULL);
  return 1;
}

/* transcript:block_count(i) -> how many blocks message i has; a text is one */
static int transcript_block_count(lua_State *L) {
  cm_transcript *transcript = check_transcript(L);
  cm_slice bytes = cm_transcript_get(transcript, check_index(L, 2, transcript));

  lua_pushinteger(L, (lua_Integer)cm_mark_count(cm_transcript_content(bytes)));
  return 1;
}

/* In the order of cm_role. */
static const char *const NAMES[] = { "user", "assistant", "system", NULL };

/* transcript:first(role) -> number of the first message of that role | nil */
static int transcript_first(lua_State *L) {
  cm_transcript *transcript = check_transcript(L);
  cm_role role = (cm_role)luaL_checkoption(L, 2, NULL, NAMES);
  size_t i, count = cm_transcript_count(transcript);

  for (i = 0; i < count && cm_transcript_role(transcript, i) != role; i++) continue;
  if (i == count) return 0;
  lua_pushinteger(L, (lua_Integer)i + 1);
  return 1;
}

/* transcript:role(i) -> "user" | "assistant" | "system" */
static int transcript_role(lua_State *L) {
  cm_transcript *transcript = check_transcript(L);

  lua_pushstring(L, NAMES[cm_transcript_role(transcript, check_index(L, 2, transcript))]);
  return 1;
}

/* transcript:removals() -> how often messages have left it: as long as that and the count stay what
   they are, so do its messages */
static int transcript_removals(lua_State *L) {
  cm_transcript_handle *handle = luaL_checkudata(L, 1, CM_TRANSCRIPT_CLASS);

  lua_pushinteger(L, (lua_Integer)handle->removals);
  return 1;
}

static void keep_first(lua_State *L, size_t count) {
  cm_transcript_handle *handle = luaL_checkudata(L, 1, CM_TRANSCRIPT_CLASS);

  handle->removals++;
  cm_transcript_truncate(&handle->transcript, count);
}

/* transcript:truncate(n): keeps the first n messages */
static int transcript_truncate(lua_State *L) {
  lua_Integer count = luaL_checkinteger(L, 2);

  luaL_argcheck(L, count >= 0, 2, "must not be negative");
  keep_first(L, (size_t)count);
  return 0;
}

/* transcript:pop() -> the bytes of the last message, which leaves | nil */
static int transcript_pop(lua_State *L) {
  cm_transcript *transcript = check_transcript(L);
  size_t count = cm_transcript_count(transcript);
  cm_slice bytes;

  if (!count) return 0;
  bytes = cm_transcript_get(transcript, count - 1);
  lua_pushlstring(L, bytes.ptr, bytes.len); /* may raise: only then is it removed */
  keep_first(L, count - 1);
  return 1;
}

/* transcript:fork() -> transcript that shares every message */
static int transcript_fork(lua_State *L) {
  cm_transcript *transcript = check_transcript(L);

  cm_transcript_fork(transcript, push_empty(L));
  return 1;
}

void cm_open_transcript(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "append", transcript_append },
    { "count", transcript_count },
    { "shared", transcript_shared },
    { "bytes", transcript_bytes },
    { "get", transcript_get },
    { "blocks", transcript_blocks },
    { "outline", transcript_outline },
    { "contains", transcript_contains },
    { "role", transcript_role },
    { "first", transcript_first },
    { "truncate", transcript_truncate },
    { "removals", transcript_removals },
    { "pop", transcript_pop },
    { "fork", transcript_fork },
    { "block_count", transcript_block_count },
    { NULL, NULL },
  };
  static const luaL_Reg metamethods[] = {
    { "__gc", transcript_gc },
    { "__len", transcript_count },
    { NULL, NULL },
  };

  cm_class_register(L, CM_TRANSCRIPT_CLASS, metamethods, methods);
  lua_pushcfunction(L, transcript_new);
  lua_setfield(L, -2, "transcript");
}
