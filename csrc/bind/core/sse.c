/*
** sse.c - the Lua class claude.core.EventStream over core/sse.h: any event stream,
** decoded as WHATWG's format says.
*/
#include <stdint.h>
#include <string.h>

#include "bind/class.h"
#include "bind/core/module.h"
#include "core/sse.h"
#include "core/utf8.h"

#define CLASS "claude.core.EventStream"

enum { DEFAULT_MAX_BYTES = 64 * 1024 * 1024 };

typedef struct event_stream {
  cm_sse sse;
  cm_buffer fed; /* bytes fed; those before read have been parsed */
  size_t read;
  cm_buffer text; /* data with U+FFFD for what is not UTF-8 */
  cm_sse_event event;
  int pending; /* event has been parsed and not yet been returned whole */
  int closed;  /* its finalizer ran: what it had is gone */
} event_stream;

static event_stream *check_stream(lua_State *L) {
  event_stream *stream = luaL_checkudata(L, 1, CLASS);

  luaL_argcheck(L, !stream->closed, 1, "event stream was collected");
  return stream;
}

/* core.sse([max_event_bytes]) -> event stream */
static int sse_new(lua_State *L) {
  lua_Number max = luaL_optnumber(L, 1, DEFAULT_MAX_BYTES);
  event_stream *stream;

  luaL_argcheck(L, max >= 1 && max <= 1e15, 1, "must be a number of bytes");
  stream = lua_newuserdatauv(L, sizeof *stream, 0);
  memset(stream, 0, sizeof *stream);
  cm_sse_init(&stream->sse, &cm_libc_alloc, (size_t)max);
  cm_buffer_init(&stream->fed, &cm_libc_alloc, (size_t)-1);
  cm_buffer_init(&stream->text, &cm_libc_alloc, (size_t)-1);
  luaL_setmetatable(L, CLASS);
  return 1;
}

static int sse_gc(lua_State *L) {
  event_stream *stream = luaL_checkudata(L, 1, CLASS);

  stream->closed = 1;
  cm_sse_deinit(&stream->sse);
  cm_buffer_deinit(&stream->fed);
  cm_buffer_deinit(&stream->text);
  return 0;
}

/* stream:feed(bytes) -> true; read every event before feeding more */
static int sse_feed(lua_State *L) {
  event_stream *stream = check_stream(L);
  cm_slice bytes;

  bytes.ptr = luaL_checklstring(L, 2, &bytes.len);
  if (stream->pending || stream->read < stream->fed.len)
    return luaL_error(L, "read with next until it returns nil before feeding more");
  cm_buffer_clear(&stream->fed);
  stream->read = 0;
  if (cm_buffer_append(&stream->fed, bytes) != CM_OK) return luaL_error(L, "not enough memory");
  lua_pushboolean(L, 1);
  return 1;
}

static cm_status parse_next(event_stream *stream) {
  cm_slice unread;
  cm_status status;

  unread.ptr = stream->fed.len ? stream->fed.ptr + stream->read : "";
  unread.len = stream->fed.len - stream->read;
  status = cm_sse_next(&stream->sse, &unread, &stream->event);
  stream->read = stream->fed.len - unread.len;
  stream->pending = status == CM_OK;
  return status;
}

static cm_status decode_data(event_stream *stream) {
  size_t replaced;

  cm_buffer_clear(&stream->text);
  return cm_utf8_scrub(stream->event.data, &stream->text, &replaced);
}

static int push_failure(lua_State *L, cm_status status) {
  if (status == CM_WANT_MORE) return 0;
  if (status == CM_ERR_NOMEM) return luaL_error(L, "not enough memory");
  lua_pushnil(L);
  lua_pushliteral(L, "an event is larger than the limit");
  return 2;
}

/* stream:next() -> name, data, offset;  nil: feed more;  nil, text: it has failed for good */
static int sse_next(lua_State *L) {
  event_stream *stream = check_stream(L);

  if (!stream->pending) {
    cm_status status = parse_next(stream);
    if (status != CM_OK) return push_failure(L, status);
  }
  if (decode_data(stream) != CM_OK) return luaL_error(L, "not enough memory");
  lua_pushlstring(L, stream->event.name.len ? stream->event.name.ptr : "", stream->event.name.len);
  lua_pushlstring(L, stream->text.len ? stream->text.ptr : "", stream->text.len);
  cm_push_integer(L, (int64_t)stream->event.offset);
  stream->pending = 0;
  return 3;
}

void cm_open_sse(lua_State *L) {
  static const luaL_Reg methods[] = { { "feed", sse_feed }, { "next", sse_next }, { NULL, NULL } };
  static const luaL_Reg metamethods[] = { { "__gc", sse_gc }, { NULL, NULL } };

  cm_class_register(L, CLASS, metamethods, methods);
  lua_pushcfunction(L, sse_new);
  lua_setfield(L, -2, "sse");
}
