/*
** response.c - the Lua class claude.core.Response over core/response.h.
*/
#include <stdint.h>
#include <string.h>

#include "bind/class.h"
#include "bind/collector.h"
#include "bind/core/module.h"
#include "bind/core/response_object.h"
#include "core/slice.h"

enum { NEXT_METATABLE = 1, NEXT_KINDS }; /* upvalues of response_next and its like */
enum { MOST_IN_A_ROW = 63, MOST_JOINED = 64 * 1024 };

/* In the order of cm_kind. */
static const char *const KINDS[CM_KIND_COUNT] = { "message_start", "block_start",  "text",
                                                  "thinking",      "signature",    "input_json",
                                                  "citation",      "compaction",   "block_stop",
                                                  "message_delta", "message_stop", "ping",
                                                  "unknown" };

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
  cm_seal_init(&object->seal, &cm_libc_alloc, (size_t)-1);
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
  cm_seal_deinit(&object->seal);
  cm_response_release(object->handle.response);
  object->handle.response = NULL;
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

/* A message that is whole is told of whatever its size; one that grows, now and then. */
enum { WHOLE = 1, GROWING = 256 * 1024 };

/* Tells the collector of the bytes that it does not see, once they are so many more. */
static void tell_collector(lua_State *L, response_object *object, size_t least) {
  const cm_response *response = object->handle.response;
  size_t bytes = cm_response_message(response)->kept + cm_response_body(response).len +
                 cm_response_unread(response);

  if (bytes < object->told + least) return;
  bytes -= object->told;
  object->told += bytes;
  cm_collector_tell(L, bytes);
}

/* response:feed(bytes) -> true | nil, text */
static int response_feed(lua_State *L) {
  response_object *object = check_object(L);
  cm_response *response = check_response(L);
  cm_status status = cm_response_on_body(response, check_bytes(L, 2));

  if (status == CM_OK) tell_collector(L, object, GROWING);
  return push_status(L, status, response);
}

/* response:finish([text]): with a text, that is how the connection failed */
static int response_finish(lua_State *L) {
  cm_response *response = check_response(L);
  const char *text = luaL_optstring(L, 2, NULL);

  cm_response_finish(response, text ? CM_ERR_TRANSPORT : CM_OK, text);
  return 0;
}

/* Reading */

static int push_no_event(lua_State *L, response_object *object, cm_status status) {
  if (status == CM_ERR_NOMEM) return raise_nomem(L);
  lua_pushnil(L);
  lua_pushstring(L, status == CM_WANT_MORE ? "more" : status == CM_END ? "end" : "error");
  tell_collector(L, object, status == CM_WANT_MORE ? GROWING : WHOLE);
  return 2;
}

static response_object *check_next(lua_State *L) {
  response_object *object = lua_touserdata(L, 1);

  if (!object || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(NEXT_METATABLE)))
    return check_object(L); /* raises */
  lua_settop(L, 1);
  return object;
}

static int has_text(const cm_delivery *delivery) {
  switch (delivery->kind) {
  case CM_KIND_MESSAGE_START:
  case CM_KIND_MESSAGE_DELTA:
  case CM_KIND_MESSAGE_STOP:
  case CM_KIND_PING:
    return 0;
  default:
    return 1;
  }
}

static int push_values(lua_State *L, const cm_delivery *delivery) {
  lua_pushvalue(L, lua_upvalueindex(NEXT_KINDS + (int)delivery->kind));
  if (has_text(delivery))
    push_slice(L, delivery->text);
  else
    lua_pushnil(L);
  if (delivery->index >= 0)
    cm_push_integer(L, delivery->index);
  else
    lua_pushnil(L);
  return 3;
}

static int push_delivery(lua_State *L, response_object *object, const cm_delivery *delivery) {
  int count = push_values(L, delivery);

  cm_response_taken(object->handle.response); /* nothing can raise any more */
  return count;
}

/* What next_joined had read when there was no memory for its string. */
static int push_joined_piece(lua_State *L, response_object *object) {
  int count;

  object->joined.text = cm_slice_in(&object->joined_text);
  count = push_values(L, &object->joined);
  object->joined_waits = 0;
  return count;
}

/* response:next() -> kind, text | nil, index | nil;  nil, "more" | "end" | "error" */
static int response_next(lua_State *L) {
  response_object *object = check_next(L);
  cm_delivery delivery;
  cm_status status;

  luaL_argcheck(L, object->handle.response, 1, "the response is closed");
  object->in_a_row = 0;
  if (object->joined_waits) return push_joined_piece(L, object);
  status = cm_response_next(object->handle.response, &delivery);
  if (status != CM_OK) return push_no_event(L, object, status);
  return push_delivery(L, object, &delivery);
}

static int is_delta(const cm_delivery *delivery) {
  return delivery->kind == CM_KIND_TEXT || delivery->kind == CM_KIND_THINKING ||
         delivery->kind == CM_KIND_INPUT_JSON;
}

/*
** response:next_delta() -> kind, text, index; nothing when next has something else to say,
** or after so many in a row: whoever reads looks up then.
*/
static int response_next_delta(lua_State *L) {
  response_object *object = check_next(L);
  cm_delivery delivery;

  if (!object->handle.response || object->in_a_row == MOST_IN_A_ROW || object->joined_waits)
    return 0;
  if (cm_response_next(object->handle.response, &delivery) != CM_OK) return 0;
  if (!is_delta(&delivery)) return 0;
  object->in_a_row++;
  return push_delivery(L, object, &delivery);
}

/* Whether what is next goes on with the piece; then it is a part of it. */
static int join_next(response_object *object) {
  cm_response *response = object->handle.response;
  cm_delivery delivery;

  if (object->joined_text.len >= MOST_JOINED) return 0;
  if (cm_response_next(response, &delivery) != CM_OK) return 0;
  if (delivery.kind != object->joined.kind || delivery.index != object->joined.index) return 0;
  if (cm_buffer_append(&object->joined_text, delivery.text) != CM_OK) return 0;
  cm_response_taken(response);
  return 1;
}

/*
** response:next_joined() -> as next, but adjacent deltas of one block and kind that have come
** are one; as a rule no longer than MOST_JOINED, so that this takes not long.
*/
static int response_next_joined(lua_State *L) {
  response_object *object = check_next(L);
  cm_response *response = object->handle.response;
  cm_status status;

  luaL_argcheck(L, response, 1, "the response is closed");
  object->in_a_row = 0;
  if (object->joined_waits) return push_joined_piece(L, object);
  status = cm_response_next(response, &object->joined);
  if (status != CM_OK) {
    cm_buffer_deinit(&object->joined_text); /* who waits keeps none */
    return push_no_event(L, object, status);
  }
  if (!is_delta(&object->joined)) return push_delivery(L, object, &object->joined);
  cm_buffer_clear(&object->joined_text);
  if (cm_buffer_append(&object->joined_text, object->joined.text) != CM_OK) return raise_nomem(L);
  cm_response_taken(response);
  object->joined_waits = 1;
  while (join_next(object)) continue;
  return push_joined_piece(L, object);
}

static int push_piece(lua_State *L, response_object *object, cm_status status, cm_slice piece) {
  if (status != CM_OK) return push_no_event(L, object, status);
  push_slice(L, piece);
  cm_response_taken(object->handle.response);
  return 1;
}

/* response:read(most) -> bytes | nil, "more" | "end" | "error" */
static int response_read(lua_State *L) {
  response_object *object = check_object(L);
  cm_response *response = check_response(L);
  lua_Number most = luaL_checknumber(L, 2);
  cm_slice bytes;
  cm_status status;

  luaL_argcheck(L, most >= 1 && most <= 1e15, 2, "a number of bytes from 1 expected");
  status = cm_response_next_bytes(response, (size_t)most, &bytes);
  return push_piece(L, object, status, bytes);
}

/* response:read_line() -> line without its end | nil, "more" | "end" | "error" */
static int response_read_line(lua_State *L) {
  response_object *object = check_object(L);
  cm_response *response = check_response(L);
  cm_slice line;
  cm_status status = cm_response_next_line(response, &line);

  return push_piece(L, object, status, line);
}

/* response:event() -> JSON text of the frame that next returned last | nil */
static int response_event(lua_State *L) {
  cm_slice frame = cm_response_frame(check_response(L));

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

/* Adds the string on top of the stack to the list of that name in the table at 2; pops it. */
static void add_header(lua_State *L, cm_slice name) {
  push_slice(L, name);
  lua_pushvalue(L, -1);
  lua_rawget(L, 2);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
  }
  lua_pushvalue(L, -3);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
  lua_pop(L, 3);
}

/* Pushes the strings of the list at 4, in one go: a server may send a great many. */
static void push_joined(lua_State *L) {
  int count = (int)lua_rawlen(L, 4), i;
  luaL_Buffer all;

  luaL_buffinit(L, &all);
  for (i = 1; i <= count; i++) {
    if (i > 1) luaL_addlstring(&all, ", ", 2);
    lua_rawgeti(L, 4, i);
    luaL_addvalue(&all);
  }
  luaL_pushresult(&all);
}

/* response:headers() -> { [lower-case name] = value }, several of one name joined by ", " */
static int response_headers(lua_State *L) {
  cm_response *response = check_response(L);
  cm_slice name, value;
  size_t position = 0;

  lua_settop(L, 1);
  lua_newtable(L);
  while (cm_response_next_header(response, &position, &name, &value)) {
    push_slice(L, value);
    add_header(L, name);
  }
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
    push_joined(L);
    lua_pushvalue(L, 3);
    lua_insert(L, -2);
    lua_rawset(L, 2);
  }
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

/* A closure: it finds the class's metatable and the names of the kinds in upvalues. */
static void add_next(lua_State *L, const char *name, lua_CFunction next) {
  int kind;

  luaL_getmetatable(L, CM_RESPONSE_CLASS);
  lua_getfield(L, -1, "__index");
  lua_pushvalue(L, -2);
  for (kind = 0; kind < CM_KIND_COUNT; kind++) lua_pushstring(L, KINDS[kind]);
  lua_pushcclosure(L, next, 1 + CM_KIND_COUNT);
  lua_setfield(L, -2, name);
  lua_pop(L, 2);
}

void cm_open_response(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "feed_header", response_feed_header },
    { "feed", response_feed },
    { "finish", response_finish },
    { "read", response_read },
    { "read_line", response_read_line },
    { "event", response_event },
    { "status", response_status },
    { "header", response_header },
    { "headers", response_headers },
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
  add_next(L, "next", response_next);
  add_next(L, "next_delta", response_next_delta);
  add_next(L, "next_joined", response_next_joined);
  cm_open_response_message(L);
  lua_pushcfunction(L, response_new);
  lua_setfield(L, -2, "response");
}
