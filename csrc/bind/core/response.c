/*
** response.c - the Lua class claude.core.Response over core/response.h: made, fed, and asked
** for all but its pieces and its message.
*/
#include <stdint.h>
#include <string.h>

#include "bind/class.h"
#include "bind/core/module.h"
#include "bind/core/response_object.h"

/* Making and feeding */

static cm_slice check_bytes(lua_State *L, int arg) {
  cm_slice bytes;

  bytes.ptr = luaL_checklstring(L, arg, &bytes.len);
  return bytes;
}

static size_t option(lua_State *L, const char *name) {
  lua_Number value;

  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return 0;
  }
  value = lua_tonumber(L, -1);
  if (!(value >= 1 && value <= 1e15)) luaL_error(L, "%s must be a number of bytes", name);
  lua_pop(L, 1);
  return (size_t)value;
}

static int flag(lua_State *L, const char *name) {
  int set;

  lua_getfield(L, 1, name);
  set = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return set;
}

/* core.response{ max_event_bytes=, max_body_bytes=, max_header_bytes=, max_line_bytes=,
   stream_body=, keep_body=, expects_message= } -> response; with stream_body, read and
   read_line take a success's body, with keep_body it is kept whatever its type */
static int response_new(lua_State *L) {
  cm_response_limits limits = { 0, 0, 0, 0 };
  int expects_message = 0;
  response_object *object;
  int stream_body = 0, keep_body = 0;

  if (!lua_isnoneornil(L, 1)) {
    luaL_checktype(L, 1, LUA_TTABLE);
    limits.max_event_bytes = option(L, "max_event_bytes");
    limits.max_body_bytes = option(L, "max_body_bytes");
    limits.max_header_bytes = option(L, "max_header_bytes");
    limits.max_line_bytes = option(L, "max_line_bytes");
    stream_body = flag(L, "stream_body");
    keep_body = flag(L, "keep_body");
    expects_message = flag(L, "expects_message");
  }
  object = lua_newuserdatauv(L, sizeof *object, 0);
  memset(object, 0, sizeof *object);
  cm_buffer_init(&object->out, &cm_libc_alloc, (size_t)-1);
  cm_buffer_init(&object->joined_text, &cm_libc_alloc, (size_t)-1);
  luaL_setmetatable(L, CM_RESPONSE_CLASS);
  object->handle.response = cm_response_new(&cm_libc_alloc, &limits);
  if (!object->handle.response) return raise_nomem(L);
  if (stream_body) cm_response_stream_body(object->handle.response);
  if (keep_body) cm_response_keep_body(object->handle.response);
  if (expects_message) cm_response_expect_message(object->handle.response);
  return 1;
}

static int response_gc(lua_State *L) {
  response_object *object = check_object(L);

  cm_buffer_deinit(&object->out);
  cm_buffer_deinit(&object->joined_text);
  cm_response_release(object->handle.response);
  object->handle.response = NULL;
  object->short_cut = 0;
  return 0;
}

static int push_status(lua_State *L, cm_status status, const cm_response *response) {
  if (status == CM_ERR_NOMEM) return raise_nomem(L);
  lua_pushboolean(L, status == CM_OK);
  if (status == CM_OK) return 1;
  lua_pushnil(L);
  lua_replace(L, -2);
  lua_pushstring(L, cm_response_failure(response)->text);
  return 2;
}

/* response:feed_header(line) -> true | nil, text */
static int response_feed_header(lua_State *L) {
  cm_response *response = check_response(L);

  return push_status(L, cm_response_on_header(response, check_bytes(L, 2)), response);
}

/* response:feed(bytes) -> true | nil, text */
static int response_feed(lua_State *L) {
  response_object *object = check_object(L);
  cm_response *response = check_response(L);
  cm_status status = cm_response_on_body(response, check_bytes(L, 2));

  if (status == CM_OK) cm_response_tell_collector(L, object, CM_RESPONSE_GROWING);
  return push_status(L, status, response);
}

/* response:finish([text]): with a text, that is how the connection failed */
static int response_finish(lua_State *L) {
  cm_response *response = check_response(L);
  const char *text = luaL_optstring(L, 2, NULL);

  cm_response_finish(response, text ? CM_ERR_TRANSPORT : CM_OK, text);
  return 0;
}

/* response:event() -> JSON text of the frame that next returned last | nil */
static int response_event(lua_State *L) {
  cm_slice frame;

  if (cm_response_frame(check_response(L), &frame) != CM_OK) return raise_nomem(L);
  if (frame.len == 0) return 0;
  push_slice(L, frame);
  return 1;
}

/* response:status() -> number | nil */
static int response_status(lua_State *L) {
  int status = cm_response_status(check_response(L));

  if (status == 0) return 0;
  lua_pushinteger(L, status);
  return 1;
}

static int same_ignoring_case(cm_slice lower, cm_slice name) {
  size_t i;

  if (lower.len != name.len) return 0;
  for (i = 0; i < name.len; i++) {
    char c = name.ptr[i];
    if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
    if (c != lower.ptr[i]) return 0;
  }
  return 1;
}

/* response:header(name) -> value of the last header of that name | nil */
static int response_header(lua_State *L) {
  cm_response *response = check_response(L);
  cm_slice wanted = check_bytes(L, 2), name, value, found = { NULL, 0 };
  size_t position = 0;

  while (cm_response_next_header(response, &position, &name, &value))
    if (same_ignoring_case(name, wanted)) found = value;
  if (!found.ptr) return 0;
  push_slice(L, found);
  return 1;
}

/* response:headers() -> { [lower-case name] = value }, several of one name joined by ", " */
static int response_headers(lua_State *L) {
  cm_push_headers(L, cm_response_header_lines(check_response(L)));
  return 1;
}

/* response:header_lines() -> the same as text, from which core.headers makes the table */
static int response_header_lines(lua_State *L) {
  push_slice(L, cm_response_header_lines(check_response(L)));
  return 1;
}

static int response_is_event_stream(lua_State *L) {
  lua_pushboolean(L, cm_response_is_event_stream(check_response(L)));
  return 1;
}

static int response_finished(lua_State *L) {
  lua_pushboolean(L, cm_response_is_finished(check_response(L)));
  return 1;
}

/* response:begun() -> whether status and headers are all there */
static int response_begun(lua_State *L) {
  lua_pushboolean(L, cm_response_has_begun(check_response(L)));
  return 1;
}

static int response_unread(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cm_response_unread(check_response(L)));
  return 1;
}

/* response:progress() -> content so far (frames that were more than pings, or KiB of a body that
   is no stream), whether a text or tool block is open, whether the headers have ended: what the
   limits on silence look at */
static int response_progress(lua_State *L) {
  cm_response *response = check_response(L);

  cm_push_integer(L, cm_response_content_count(response));
  lua_pushboolean(L, cm_response_in_text_or_tool(response));
  lua_pushboolean(L, cm_response_has_head(response));
  return 3;
}

/* response:streams_body() -> whether read and read_line take the body of this success */
static int response_streams_body(lua_State *L) {
  cm_response *response = check_response(L);
  int status = cm_response_status(response);

  lua_pushboolean(L, cm_response_streams_body(response) && status >= 200 && status < 300);
  return 1;
}

/* response:body() -> the body that is no stream; of a stream, the data of its error event */
static int response_body(lua_State *L) {
  push_slice(L, cm_response_body(check_response(L)));
  return 1;
}

/* Failure */

static const char *kind_of_failure(cm_status status) {
  switch (status) {
  case CM_ERR_API:
    return "api";
  case CM_ERR_INCOMPLETE:
    return "incomplete";
  case CM_ERR_TRANSPORT:
    return "network";
  default:
    return "protocol";
  }
}

static cm_status set_text(lua_State *L, response_object *object, const char *field,
                          cm_json_string string) {
  unsigned carry = 0;
  cm_status status = CM_OK;

  if (string.body.len == 0) return CM_OK;
  cm_buffer_clear(&object->out);
  status = cm_json_string_unescape(string.body, &carry, &object->out);
  if (status == CM_OK) status = cm_json_string_finish(&carry, &object->out);
  if (status != CM_OK) return status;
  lua_pushlstring(L, object->out.ptr, object->out.len);
  lua_setfield(L, -2, field);
  return CM_OK;
}

static cm_status set_api_error(lua_State *L, response_object *object) {
  cm_api_error error;
  cm_status status;

  if (!cm_response_api_error(object->handle.response, &error)) {
    if (cm_response_is_event_stream(object->handle.response))
      set_slice(L, "message", cm_response_body(object->handle.response));
    return CM_OK;
  }
  status = set_text(L, object, "type", error.type);
  if (status == CM_OK) status = set_text(L, object, "message", error.message);
  if (status == CM_OK) status = set_text(L, object, "request_id", error.request_id);
  return status;
}

static void set_request_id(lua_State *L, const cm_response *response) {
  cm_slice name, value;
  size_t position = 0;

  while (cm_response_next_header(response, &position, &name, &value))
    if (name.len == 10 && memcmp(name.ptr, "request-id", 10) == 0)
      set_slice(L, "request_id", value);
}

/* response:failure() -> nil | { kind, message, offset, type, request_id, status } */
static int response_failure(lua_State *L) {
  cm_response *response = check_response(L);
  const cm_failure *failure = cm_response_failure(response);
  int status = cm_response_status(response);

  if (failure->status == CM_OK) return 0;
  lua_createtable(L, 0, 6);
  set_string(L, "kind", kind_of_failure(failure->status));
  set_string(L, "message", failure->text);
  cm_push_integer(L, (int64_t)failure->offset);
  lua_setfield(L, -2, "offset");
  set_request_id(L, response);
  if (status) {
    lua_pushinteger(L, status);
    lua_setfield(L, -2, "status");
  }
  if (failure->status == CM_ERR_API && set_api_error(L, check_object(L)) != CM_OK)
    return raise_nomem(L);
  return 1;
}

void cm_open_response(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "feed_header", response_feed_header },
    { "feed", response_feed },
    { "finish", response_finish },
    { "event", response_event },
    { "status", response_status },
    { "header", response_header },
    { "headers", response_headers },
    { "header_lines", response_header_lines },
    { "is_event_stream", response_is_event_stream },
    { "streams_body", response_streams_body },
    { "body", response_body },
    { "finished", response_finished },
    { "begun", response_begun },
    { "unread", response_unread },
    { "progress", response_progress },
    { "failure", response_failure },
    { NULL, NULL },
  };
  static const luaL_Reg metamethods[] = {
    { "__gc", response_gc },
    { NULL, NULL },
  };

  cm_class_register(L, CM_RESPONSE_CLASS, metamethods, methods);
  cm_open_response_reading(L);
  cm_open_response_message(L);
  lua_pushcfunction(L, response_new);
  lua_setfield(L, -2, "response");
}
