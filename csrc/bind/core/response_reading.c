/*
** response_reading.c - the reader's side of the class claude.core.Response: what has come,
** piece by piece, and the iterator of a loop over deltas.
*/
#include "bind/collector.h"
#include "bind/core/response_object.h"
#include "core/slice.h"

/* Upvalues of what hands out pieces. A loop has its response where methods have the metatable, and
   of the kinds only those up to the last that it hands out by itself: each stream has its own. */
enum { METATABLE = 1, KINDS, LOOP_RESPONSE = METATABLE, LOOP_KINDS = CM_KIND_MESSAGE_DELTA + 1 };
enum { LOOP_STEP = KINDS + LOOP_KINDS, LOOP_EXCHANGE, LOOP_WAIT, LOOP_TICKET, LOOP_THREAD };
enum { MOST_IN_A_ROW = 63, MOST_JOINED = 64 * 1024, MOST_TO_PASS = 1000 };

/* In the order of cm_kind. */
static const char *const NAMES[CM_KIND_COUNT] = { "message_start", "block_start",  "text",
                                                  "thinking",      "signature",    "input_json",
                                                  "citation",      "compaction",   "block_stop",
                                                  "message_delta", "message_stop", "ping",
                                                  "unknown" };

void cm_response_tell_collector(lua_State *L, response_object *object, size_t least) {
  const cm_response *response = object->handle.response;
  const cm_message *message = cm_response_message(response);
  size_t body = message->loaded ? 0 : cm_response_body(response).len;
  size_t bytes = message->kept + body + cm_response_unread(response);

  /* Of what has doubled, as the collector's own pace would have it. */
  if (bytes < object->told + least || (least > CM_RESPONSE_WHOLE && bytes < 2 * object->told))
    return;
  bytes -= object->told;
  object->told += bytes;
  cm_collector_tell(L, bytes);
}

static int push_no_event(lua_State *L, response_object *object, cm_status status) {
  if (status == CM_ERR_NOMEM) return raise_nomem(L);
  lua_pushnil(L);
  lua_pushstring(L, status == CM_WANT_MORE ? "more" : status == CM_END ? "end" : "error");
  cm_response_tell_collector(L, object,
                             status == CM_WANT_MORE ? CM_RESPONSE_GROWING : CM_RESPONSE_WHOLE);
  return 2;
}

static response_object *check_next(lua_State *L) {
  response_object *object = lua_touserdata(L, 1);

  if (!object || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(METATABLE)))
    object = check_object(L); /* raises */
  lua_settop(L, 1);
  luaL_argcheck(L, object->handle.response, 1, "the response is closed");
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
  lua_pushvalue(L, lua_upvalueindex(KINDS + (int)delivery->kind));
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

  if (object->joined_waits) return push_joined_piece(L, object);
  status = cm_response_next(object->handle.response, &delivery);
  if (status != CM_OK) return push_no_event(L, object, status);
  return push_delivery(L, object, &delivery);
}

/* ---- plain pieces, which are nearly all there is ---- */

static int is_delta(const cm_delivery *delivery) {
  return delivery->kind == CM_KIND_TEXT || delivery->kind == CM_KIND_THINKING ||
         delivery->kind == CM_KIND_INPUT_JSON;
}

/* What push_delivery does, for less where it is a delta, which has all three values. */
static inline int push_plain(lua_State *L, response_object *object, const cm_delivery *delivery) {
  if (!is_delta(delivery)) return push_delivery(L, object, delivery);
  lua_pushvalue(L, lua_upvalueindex(KINDS + (int)delivery->kind));
  push_slice(L, delivery->text);
  cm_push_integer(L, delivery->index);
  cm_response_taken(object->handle.response);
  return 3;
}

/* Thinking without text is more than the reader's business. */
static int ends_silence(response_object *object, const cm_delivery *delivery) {
  return delivery->kind == CM_KIND_BLOCK_STOP && cm_slice_is(delivery->text, "thinking") &&
         cm_response_block_is_silent(object->handle.response, delivery->index);
}

/* Whether nobody but the reader looks at it. */
static inline int is_plain(response_object *object, const cm_delivery *delivery) {
  if (is_delta(delivery)) return 1;
  return delivery->kind > CM_KIND_MESSAGE_START && delivery->kind < CM_KIND_MESSAGE_STOP &&
         !ends_silence(object, delivery);
}

/*
** CM_OK: a plain piece is next, and the reader need not look up. CM_WANT_MORE: all that came has
** been read. CM_END: something else is next, if anything.
*/
static inline cm_status find_plain(response_object *object, cm_delivery *delivery) {
  cm_status status;

  if (!object->short_cut || object->in_a_row == MOST_IN_A_ROW || object->joined_waits)
    return CM_END;
  status = cm_response_next(object->handle.response, delivery);
  if (status != CM_OK) return status == CM_WANT_MORE ? CM_WANT_MORE : CM_END;
  if (!is_plain(object, delivery)) return CM_END;
  object->in_a_row++;
  return CM_OK;
}

/* All that came has been read: who reads waits for more. */
static int push_more(lua_State *L, response_object *object) {
  object->in_a_row = 0;
  return push_no_event(L, object, CM_WANT_MORE);
}

/*
** response:next_plain() -> kind, text | nil, index | nil: what next says, where nobody but the
** reader looks at it; nil, "more" when all that came has been read; nil, "look" after so many,
** whatever came between them: others may be due their turn then; nothing when next has something
** else to say (a message that begins or ends, a ping, the end of thinking without text), and while
** the short cut is closed.
*/
static int response_next_plain(lua_State *L) {
  response_object *object = check_next(L);
  int in_a_row = object->in_a_row;
  cm_delivery delivery;
  cm_status status = find_plain(object, &delivery);

  if (status == CM_OK) return push_plain(L, object, &delivery);
  if (status == CM_END && (!object->short_cut || in_a_row < MOST_IN_A_ROW)) return 0;
  if (status == CM_WANT_MORE) return push_more(L, object);
  object->in_a_row = 0;
  lua_pushnil(L);
  lua_pushliteral(L, "look");
  return 2;
}

static void push_kinds(lua_State *L, int count) {
  int kind;

  luaL_checkstack(L, count + 4, NULL);
  for (kind = 0; kind < count; kind++) lua_pushstring(L, NAMES[kind]);
}

/* What plain_reader makes. */
static int read_plain(lua_State *L) {
  response_object *object = lua_touserdata(L, lua_upvalueindex(LOOP_RESPONSE));
  cm_delivery delivery;
  cm_status status = find_plain(object, &delivery);

  if (status == CM_OK) return push_plain(L, object, &delivery);
  return status == CM_WANT_MORE ? push_more(L, object) : 0;
}

/*
** response:plain_reader() -> function() -> what next_plain says of a piece; nil, "more" as that
** says it; nothing where that would say anything else. For loops: it need not look at what it is
** called with.
*/
static int response_plain_reader(lua_State *L) {
  check_response(L);
  lua_settop(L, 1);
  push_kinds(L, LOOP_KINDS);
  lua_pushcclosure(L, read_plain, METATABLE + LOOP_KINDS);
  return 1;
}

/* response:open_short_cut(open): whether next_plain and loops of core.deltas give anything */
static int response_open_short_cut(lua_State *L) {
  response_object *object = check_object(L);

  object->short_cut = lua_toboolean(L, 2) && object->handle.response; /* loops do not look */
  return 0;
}

#ifdef CM_CONTINUATION

/* The exchange that the response is of, and what waits for more of it. */
static void keep_exchange(lua_State *L) {
  if (lua_rawequal(L, -1, lua_upvalueindex(LOOP_EXCHANGE))) return;
  if (lua_isnil(L, -1))
    lua_pushnil(L);
  else
    lua_getfield(L, -1, "wait");
  lua_replace(L, lua_upvalueindex(LOOP_WAIT));
  lua_pushvalue(L, -1);
  lua_replace(L, lua_upvalueindex(LOOP_EXCHANGE));
}

/* What step has returned: its first three are the loop's, the others are for the next time. */
static CM_CONTINUATION(finish_step) {
  CM_CONTINUATION_ARGUMENTS;
  keep_exchange(L);
  lua_pop(L, 1);
  lua_replace(L, lua_upvalueindex(LOOP_RESPONSE));
  return 3;
}

/* Where a block has begun or ended other limits hold: whoever waits has to say so. */
static void drop_ticket(lua_State *L) {
  lua_pushnil(L);
  lua_replace(L, lua_upvalueindex(LOOP_THREAD));
}

static int call_step(lua_State *L) {
  lua_settop(L, 0);
  drop_ticket(L);
  lua_pushvalue(L, lua_upvalueindex(LOOP_STEP));
  lua_callk(L, 0, 5, 0, finish_step);
  return CM_CONTINUE(finish_step, L);
}

static int loop_next(lua_State *L);

/* What exchange:wait has returned: whether there may be more, and the ticket to wait for that. */
static int keep_ticket(lua_State *L) {
  int going = lua_toboolean(L, -2), lasts = going && lua_istable(L, -1);

  if (lasts)
    lua_pushlightuserdata(L, L);
  else
    lua_pushnil(L);
  lua_replace(L, lua_upvalueindex(LOOP_THREAD));
  lua_replace(L, lua_upvalueindex(LOOP_TICKET));
  return going;
}

/* Where there can be no more the step finds out, and says, why. */
static CM_CONTINUATION(finish_wait) {
  CM_CONTINUATION_ARGUMENTS;
  return keep_ticket(L) ? loop_next(L) : call_step(L);
}

/* Whether this coroutine can wait for more by yielding the ticket of its last wait. */
static int has_ticket(lua_State *L) {
  int good;

  if (lua_touserdata(L, lua_upvalueindex(LOOP_THREAD)) != L) return 0;
  lua_getfield(L, lua_upvalueindex(LOOP_TICKET), "why");
  good = !lua_toboolean(L, -1);
  lua_pop(L, 1);
  return good;
}

static CM_CONTINUATION(go_on) {
  CM_CONTINUATION_ARGUMENTS;
  return loop_next(L);
}

/* A loop, and no call of itself: where waiting blocks there may be any number of pieces. Others may
   call it meanwhile: then it has another response, or none. */
static int loop_next(lua_State *L) {
  response_object *object;
  cm_delivery delivery;
  cm_status status;

  while ((object = lua_touserdata(L, lua_upvalueindex(LOOP_RESPONSE))) != NULL) {
    status = find_plain(object, &delivery);
    if (status == CM_OK) {
      if (!is_delta(&delivery)) drop_ticket(L);
      return push_plain(L, object, &delivery);
    }
    if (status != CM_WANT_MORE || lua_isnil(L, lua_upvalueindex(LOOP_WAIT))) break;
    object->in_a_row = 0;
    cm_response_tell_collector(L, object, CM_RESPONSE_GROWING);
    lua_settop(L, 0);
    if (has_ticket(L)) {
      lua_pushvalue(L, lua_upvalueindex(LOOP_TICKET));
      return lua_yieldk(L, 1, 0, go_on);
    }
    lua_pushvalue(L, lua_upvalueindex(LOOP_WAIT));
    lua_pushvalue(L, lua_upvalueindex(LOOP_EXCHANGE));
    lua_pushboolean(L, 1);
    lua_callk(L, 2, 2, 0, finish_wait);
    if (!keep_ticket(L)) break;
  }
  return call_step(L);
}

#endif

/* ---- the API's events, where they are deltas ---- */

/* Upvalues of delta_event, behind the metatable; from DELTAS on two for each kind of delta. */
enum { TYPE = METATABLE + 1, INDEX, DELTA, EVENT_NAME, DELTAS, EVENT_UPVALUES = DELTAS + 5 };

static const char *const EVENT_NAMES[] = {
  "type", "index",          "delta",    "content_block_delta", "text_delta",
  "text", "thinking_delta", "thinking", "input_json_delta",    "partial_json"
};

static void set_upvalue(lua_State *L, int key, int value) {
  lua_pushvalue(L, lua_upvalueindex(key));
  lua_pushvalue(L, lua_upvalueindex(value));
  lua_rawset(L, -3);
}

static void push_delta(lua_State *L, const cm_delivery *delivery) {
  static const int names[] = {
    [CM_KIND_TEXT] = DELTAS, [CM_KIND_THINKING] = DELTAS + 2, [CM_KIND_INPUT_JSON] = DELTAS + 4
  };
  int name = names[delivery->kind];

  lua_createtable(L, 0, 2);
  set_upvalue(L, TYPE, name);
  lua_pushvalue(L, lua_upvalueindex(name + 1));
  push_slice(L, delivery->text);
  lua_rawset(L, -3);
}

/*
** response:delta_event() -> the event that next returned last as the table that event() would be
** decoded to | nil, if it was no delta that says only what all do.
*/
static int response_delta_event(lua_State *L) {
  response_object *object = check_next(L);
  const cm_delivery *delivery = cm_response_plain_delta(object->handle.response);

  if (!delivery) return 0;
  lua_createtable(L, 0, 3);
  set_upvalue(L, TYPE, EVENT_NAME);
  lua_pushvalue(L, lua_upvalueindex(INDEX));
  cm_push_integer(L, delivery->index);
  lua_rawset(L, -3);
  lua_pushvalue(L, lua_upvalueindex(DELTA));
  push_delta(L, delivery);
  lua_rawset(L, -3);
  return 1;
}

/* ---- deltas that come as one ---- */

/* So long that it is not worth a copy to make it longer. */
static int is_long(const cm_delivery *delivery) {
  return delivery->text.len >= MOST_JOINED / 2;
}

/* Whether what is next goes on with the piece; then it is a part of it. */
static int join_next(response_object *object) {
  cm_response *response = object->handle.response;
  cm_delivery delivery = object->joined;
  size_t length = object->joined_text.len;

  if (length >= MOST_JOINED) return 0;
  if (cm_response_go_on_joined(response, MOST_JOINED - length, &delivery) != CM_OK) return 0;
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

  object->in_a_row = 0;
  if (object->joined_waits) return push_joined_piece(L, object);
  status = cm_response_next_joined(response, MOST_JOINED, &object->joined);
  if (status != CM_OK) {
    cm_buffer_deinit(&object->joined_text); /* who waits keeps none */
    return push_no_event(L, object, status);
  }
  if (!is_delta(&object->joined) || is_long(&object->joined) || cm_response_unread(response) == 0)
    return push_delivery(L, object, &object->joined);
  cm_buffer_clear(&object->joined_text);
  if (cm_buffer_append(&object->joined_text, object->joined.text) != CM_OK) return raise_nomem(L);
  cm_response_taken(response);
  object->joined_waits = 1;
  while (join_next(object)) continue;
  return push_joined_piece(L, object);
}

/* ---- a message that is read whole ---- */

static int says_something(const cm_delivery *delivery) {
  return delivery->text.len > 0 && (is_delta(delivery) || delivery->kind == CM_KIND_SIGNATURE);
}

/*
** response:pass([to_first]) -> whether it spoke: reads past what is there, for who wants the
** message only. Before the end of thinking without text reading stops, and next then says it, as
** it says what else is left. With to_first it also stops behind the first delta that says
** something, which is what the answer is about.
*/
static int response_pass(lua_State *L) {
  int to_first = lua_toboolean(L, 2), spoke = 0;
  response_object *object = check_next(L);
  cm_response *response = object->joined_waits ? NULL : object->handle.response;
  cm_delivery delivery;
  int passed;

  for (passed = 0; response && !spoke && passed < MOST_TO_PASS; passed++) {
    if (cm_response_next_joined(response, MOST_JOINED, &delivery) != CM_OK) break;
    if (ends_silence(object, &delivery)) break;
    spoke = to_first && says_something(&delivery);
    cm_response_taken(response);
  }
  lua_pushboolean(L, spoke);
  return 1;
}

/* ---- a body that is handed out as it comes ---- */

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

/* ---- opening ---- */

#ifdef CM_CONTINUATION

/*
** core.deltas(step) -> iterator: what step() -> kind, text, index, response | nil, exchange | nil
** says. As long as the short cut of that response is open the iterator takes plain pieces from it,
** waits for more with exchange:wait(true) -> going, ticket | nil, and calls step when something
** else is next, when that returns nothing, or after so many in a row. With a ticket (claude.Ticket)
** the next waits of its coroutine are yields of that, until it has a `why` or what came was more
** than deltas. Absent where C cannot call what waits.
*/
static int new_loop(lua_State *L) {
  int i;

  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushnil(L);
  push_kinds(L, LOOP_KINDS);
  lua_pushvalue(L, 1);
  for (i = LOOP_STEP; i < LOOP_THREAD; i++) lua_pushnil(L);
  lua_pushcclosure(L, loop_next, LOOP_THREAD);
  return 1;
}

#endif

/* A closure: it finds the class's metatable and the names of the kinds in upvalues. */
static void add_next(lua_State *L, const char *name, lua_CFunction next) {
  luaL_getmetatable(L, CM_RESPONSE_CLASS);
  lua_getfield(L, -1, "__index");
  lua_pushvalue(L, -2);
  push_kinds(L, CM_KIND_COUNT);
  lua_pushcclosure(L, next, METATABLE + CM_KIND_COUNT);
  lua_setfield(L, -2, name);
  lua_pop(L, 2);
}

static void add_delta_event(lua_State *L) {
  size_t i;

  luaL_getmetatable(L, CM_RESPONSE_CLASS);
  lua_getfield(L, -1, "__index");
  lua_pushvalue(L, -2);
  luaL_checkstack(L, EVENT_UPVALUES, NULL);
  for (i = 0; i < sizeof EVENT_NAMES / sizeof *EVENT_NAMES; i++) lua_pushstring(L, EVENT_NAMES[i]);
  lua_pushcclosure(L, response_delta_event, EVENT_UPVALUES);
  lua_setfield(L, -2, "delta_event");
  lua_pop(L, 2);
}

void cm_open_response_reading(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "plain_reader", response_plain_reader },
    { "open_short_cut", response_open_short_cut },
    { "read", response_read },
    { "read_line", response_read_line },
    { NULL, NULL },
  };

  luaL_getmetatable(L, CM_RESPONSE_CLASS);
  lua_getfield(L, -1, "__index");
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 2);
  add_next(L, "next", response_next);
  add_next(L, "next_plain", response_next_plain);
  add_next(L, "next_joined", response_next_joined);
  add_next(L, "pass", response_pass);
  add_delta_event(L);
#ifdef CM_CONTINUATION
  lua_pushcfunction(L, new_loop);
  lua_setfield(L, -2, "deltas");
#endif
}
