/*
** body.c - the Lua class claude.core.Body over core/body.h.
*/
#include "bind/class.h"
#include "bind/collector.h"
#include "bind/core/digest.h"
#include "bind/core/module.h"
#include "bind/handles.h"

enum {
  BYTES_PER_MESSAGE = 8 * sizeof(void *), /* its slice and the comma's, about */
  DEFAULT_PIECE = 64 * 1024
};

static cm_body *check_body(lua_State *L) {
  cm_body_handle *handle = luaL_checkudata(L, 1, CM_BODY_CLASS);

  luaL_argcheck(L, handle->body, 1, "body was collected");
  return handle->body;
}

/* Raises unless every element of the list at 1 is something a body is made of. */
static void check_parts(lua_State *L, int count) {
  int i;

  for (i = 1; i <= count; i++) {
    cm_segment_handle *segment;

    lua_rawgeti(L, 1, i);
    segment = cm_class_test(L, -1, CM_SEGMENT_CLASS);
    if (lua_type(L, -1) != LUA_TSTRING && !(segment && segment->segment) &&
        !cm_class_test(L, -1, CM_TRANSCRIPT_CLASS)) {
      luaL_error(L, "part %d of a body must be a string, a segment or a transcript, not a %s", i,
                 luaL_typename(L, -1));
    }
    lua_pop(L, 1);
  }
}

/* Adds the checked part on top of the stack; *copied counts the bytes that the body alone holds. */
static cm_status append_part(lua_State *L, cm_body *body, size_t *copied) {
  cm_segment_handle *segment;
  cm_transcript_handle *transcript;
  cm_slice bytes;

  if (lua_type(L, -1) == LUA_TSTRING) {
    bytes.ptr = lua_tolstring(L, -1, &bytes.len);
    *copied += bytes.len;
    return cm_body_append_copy(body, bytes);
  }
  segment = cm_class_test(L, -1, CM_SEGMENT_CLASS);
  if (segment) return cm_body_append_segment(body, segment->segment);
  transcript = cm_class_test(L, -1, CM_TRANSCRIPT_CLASS);
  *copied += cm_transcript_count(&transcript->transcript) * BYTES_PER_MESSAGE;
  return cm_transcript_render(&transcript->transcript, body);
}

static cm_status append_parts(lua_State *L, cm_body *body, int count, size_t *copied) {
  cm_status status = CM_OK;
  int i;

  for (i = 1; status == CM_OK && i <= count; i++) {
    lua_rawgeti(L, 1, i);
    status = append_part(L, body, copied);
    lua_pop(L, 1);
  }
  return status;
}

/* core.body{ string | segment | transcript, … } -> body */
static int body_new(lua_State *L) {
  cm_body_handle *handle;
  cm_status status;
  size_t copied = 0;
  int count;

  luaL_checktype(L, 1, LUA_TTABLE);
  count = (int)lua_rawlen(L, 1);
  check_parts(L, count);
  handle = lua_newuserdatauv(L, sizeof *handle, 0);
  handle->body = NULL;
  luaL_setmetatable(L, CM_BODY_CLASS);
  handle->body = cm_body_new(&cm_libc_alloc);
  status = handle->body ? append_parts(L, handle->body, count, &copied) : CM_ERR_NOMEM;
  if (status == CM_ERR_LIMIT) return luaL_error(L, "body is too long");
  if (status != CM_OK) return luaL_error(L, "not enough memory");
  cm_collector_tell(L, copied);
  return 1;
}

static int body_gc(lua_State *L) {
  cm_body_handle *handle = luaL_checkudata(L, 1, CM_BODY_CLASS);

  cm_body_release(handle->body);
  handle->body = NULL;
  return 0;
}

/* body:length(), #body */
static int body_length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cm_body_length(check_body(L)));
  return 1;
}

/* body:tostring() -> all its bytes in one string */
static int body_tostring(lua_State *L) {
  cm_body *body = check_body(L);
  cm_body_cursor cursor = { 0, 0 };
  cm_slice bytes = cm_body_next(body, &cursor);
  luaL_Buffer all;

  luaL_buffinit(L, &all);
  for (; bytes.len; bytes = cm_body_next(body, &cursor))
    luaL_addlstring(&all, bytes.ptr, bytes.len);
  luaL_pushresult(&all);
  return 1;
}

/* One slice needs no buffer: it is copied once. */
static void push_piece(lua_State *L, const cm_body *body, cm_body_cursor *cursor, size_t size) {
  cm_slice bytes = cm_body_next(body, cursor);
  luaL_Buffer piece;

  if (bytes.len >= size) {
    lua_pushlstring(L, bytes.ptr, size);
    return;
  }
  luaL_buffinit(L, &piece);
  for (; bytes.len && size; bytes = cm_body_next(body, cursor)) {
    if (bytes.len > size) bytes.len = size;
    luaL_addlstring(&piece, bytes.ptr, bytes.len);
    size -= bytes.len;
  }
  luaL_pushresult(&piece);
}

/* body:read(offset[, max]) -> up to max bytes from that offset on; "" at the end */
static int body_read(lua_State *L) {
  cm_body *body = check_body(L);
  lua_Number offset = luaL_checknumber(L, 2);
  lua_Number max = luaL_optnumber(L, 3, DEFAULT_PIECE);
  cm_body_cursor cursor;

  luaL_argcheck(L, offset >= 0 && offset <= (lua_Number)cm_body_length(body), 2,
                "must be an offset from 0 to the body's length");
  luaL_argcheck(L, max >= 1 && max <= 1e15, 3, "must be a number of bytes");
  cm_body_seek(body, &cursor, (size_t)offset);
  push_piece(L, body, &cursor, (size_t)max);
  return 1;
}

/* body:sha256([raw]) -> the hash of its bytes, as core.sha256 gives it */
static int body_sha256(lua_State *L) {
  cm_body *body = check_body(L);
  cm_body_cursor cursor = { 0, 0 };
  cm_slice bytes = cm_body_next(body, &cursor);
  cm_sha256 hash;

  cm_sha256_init(&hash);
  for (; bytes.len; bytes = cm_body_next(body, &cursor)) cm_sha256_feed(&hash, bytes);
  cm_digest_push(L, &hash, lua_toboolean(L, 2));
  return 1;
}

void cm_open_body(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "length", body_length }, { "read", body_read }, { "tostring", body_tostring },
    { "sha256", body_sha256 }, { NULL, NULL },
  };
  static const luaL_Reg metamethods[] = {
    { "__gc", body_gc },
    { "__len", body_length },
    { NULL, NULL },
  };

  cm_class_register(L, CM_BODY_CLASS, metamethods, methods);
  lua_pushcfunction(L, body_new);
  lua_setfield(L, -2, "body");
}
