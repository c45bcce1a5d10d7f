/*
** engine.c - the Lua class claude.net.Engine over net/multi.h. claude.loop makes one,
** whose connections all clients share. A claude.loop that is loaded anew (a plugin is
** reloaded, say) has an engine of its own: nobody would tell it of the other's transfers.
**
** Lua knows transfers by their ids, which are numbers: whatever order a closing
** state collects things in, nothing dangles.
*/
#include <string.h>

#include "bind/collector.h"
#include "bind/handles.h"
#include "bind/net/engine.h"
#include "bind/net/module.h"

#define CLASS "claude.net.Engine"
#define FORKED                                                                                     \
  "this process was forked after its first request: the connections belong to the parent. "        \
  "Make requests only after fork, or start another program"

enum { MANY = 48 }; /* transfers whose number the collector is told of */

/* Asked for several times in each event: methods have the class's metatable as their upvalue. */
cm_engine *cm_check_engine(lua_State *L) {
  cm_engine *e = lua_touserdata(L, 1);
  int same;

  if (!e || !lua_getmetatable(L, 1)) return luaL_checkudata(L, 1, CLASS); /* raises */
  same = lua_rawequal(L, -1, lua_upvalueindex(1));
  lua_pop(L, 1);
  return same ? e : luaL_checkudata(L, 1, CLASS);
}

cm_multi *cm_engine_multi(const cm_engine *engine) {
  return engine->multi && !cm_multi_is_foreign(engine->multi) ? engine->multi : NULL;
}

static cm_multi *usable(lua_State *L) {
  return cm_engine_multi(cm_check_engine(L));
}

/* engine:forked() -> text: this process is a copy of the one that made it | nothing */
static int engine_forked(lua_State *L) {
  cm_engine *e = cm_check_engine(L);

  if (!e->multi || !cm_multi_is_foreign(e->multi)) return 0;
  lua_pushstring(L, FORKED);
  return 1;
}

cm_transfer_id cm_check_transfer_id(lua_State *L, int arg) {
  lua_Number id = luaL_checknumber(L, arg);

  return id > 0 && id < 1e18 ? (cm_transfer_id)id : 0;
}

static int fail(lua_State *L, const char *text) {
  lua_pushnil(L);
  lua_pushstring(L, text);
  return 2;
}

static int engine_gc(lua_State *L) {
  cm_engine *e = luaL_checkudata(L, 1, CLASS);

  cm_multi_free(e->multi);
  e->multi = NULL;
  return 0;
}

/* net.engine() -> engine | nil, text */
static int engine_new(lua_State *L) {
  cm_engine *e = lua_newuserdatauv(L, sizeof *e, 0);
  cm_status status;

  e->multi = NULL;
  e->collected = 0;
  luaL_setmetatable(L, CLASS);
  status = cm_multi_new(&e->multi, &cm_libc_alloc);
  if (status == CM_ERR_NOMEM) return fail(L, "libcurl cannot start: not enough memory");
  return status == CM_OK ? 1 : fail(L, "libcurl cannot start");
}

/* ---- starting: every check that may raise comes before anything is acquired ---- */

/* Leaves the value on the stack: a metamethod may have made it, and the text is borrowed. */
static const char *text_option(lua_State *L, const char *name) {
  const char *text = NULL;
  size_t len;

  lua_getfield(L, 2, name);
  if (lua_type(L, -1) == LUA_TSTRING) {
    text = lua_tolstring(L, -1, &len);
    if (strlen(text) != len) luaL_error(L, "%s: a NUL byte is not allowed", name);
  } else if (!lua_isnil(L, -1)) {
    luaL_error(L, "%s: string expected, got %s", name, luaL_typename(L, -1));
  }
  return text;
}

static int flag_option(lua_State *L, const char *name) {
  int flag;

  lua_getfield(L, 2, name);
  flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

static size_t size_option(lua_State *L, const char *name) {
  lua_Number size;

  lua_getfield(L, 2, name);
  size = lua_isnil(L, -1) ? 0 : luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return size > 0 && size < 1e15 ? (size_t)size : 0;
}

static cm_slice header_part(lua_State *L, int i, int part) {
  cm_slice text;

  lua_rawgeti(L, -1, part);
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "headers[%d]: { name, value } expected, both strings", i);
  text.ptr = lua_tolstring(L, -1, &text.len);
  lua_pop(L, 1);
  return text;
}

/* Leaves the array, in a userdata, and the table that its texts are from on the stack. */
static void check_headers(lua_State *L, cm_transfer_options *options) {
  cm_transfer_header *headers;
  size_t i, n;

  lua_getfield(L, 2, "headers");
  if (lua_isnil(L, -1)) return;
  luaL_checktype(L, -1, LUA_TTABLE);
  n = lua_rawlen(L, -1);
  headers = lua_newuserdatauv(L, (n ? n : 1) * sizeof *headers, 0);
  lua_insert(L, -2); /* below the table */
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, -1, (int)i + 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    headers[i].name = header_part(L, (int)i + 1, 1);
    headers[i].value = header_part(L, (int)i + 1, 2);
    lua_pop(L, 1);
  }
  options->headers = headers;
  options->header_count = n;
}

static void check_ends(lua_State *L, cm_transfer_options *options) {
  lua_getfield(L, 2, "body");
  if (!lua_isnil(L, -1)) {
    options->body = ((cm_body_handle *)luaL_checkudata(L, lua_gettop(L), CM_BODY_CLASS))->body;
    if (!options->body) luaL_error(L, "body: collected");
  }
  lua_getfield(L, 2, "response");
  options->response =
      ((cm_response_handle *)luaL_checkudata(L, lua_gettop(L), CM_RESPONSE_CLASS))->response;
  if (!options->response) luaL_error(L, "response: closed");
}

static void check_options(lua_State *L, cm_transfer_options *options) {
  memset(options, 0, sizeof *options);
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checkstack(L, 24, NULL);
  options->url = text_option(L, "url");
  if (!options->url) luaL_error(L, "url: missing");
  options->method = text_option(L, "method");
  options->proxy = text_option(L, "proxy");
  options->no_proxy = text_option(L, "no_proxy");
  options->ca_file = text_option(L, "ca_file");
  options->ca_path = text_option(L, "ca_path");
  options->http2 = flag_option(L, "http2");
  options->allow_http = flag_option(L, "allow_http");
  options->tells_sent = flag_option(L, "tells_sent");
  options->slow_connect = flag_option(L, "slow_connect");
  options->high_water = size_option(L, "high_water");
  check_ends(L, options);
  check_headers(L, options);
}

/*
** What each of many transfers has in Lua stays as long as it. To a generational collector such
** growth says that to look at what is young does not pay, and then it waits until all there is has
** doubled, by nothing but what is young. So it begins anew whenever they are half as many more.
** Before one starts, and not after: finalizers may wait, and would take its news before anybody
** listens to them.
*/
static void collect_for_one_more(lua_State *L, cm_engine *e) {
  size_t live = cm_multi_live(e->multi) + 1;

  if (live < e->collected / 2) e->collected = live;
  if (live < MANY || live < e->collected + e->collected / 2) return;
  e->collected = live;
  cm_collector_begin_anew(L);
}

/* engine:start{ url=, response=, … } -> id | nil, text, "syntax" | "memory" | "transport" */
static int engine_start(lua_State *L) {
  cm_multi *multi = usable(L);
  cm_transfer_options options;
  cm_transfer_id id;
  cm_failure failure;
  cm_status status;

  if (!multi) {
    int forked = ((cm_engine *)lua_touserdata(L, 1))->multi != NULL;
    fail(L, forked ? FORKED : "this Lua state is being closed");
    lua_pushstring(L, forked ? "forked" : "transport");
    return 3;
  }
  collect_for_one_more(L, lua_touserdata(L, 1));
  check_options(L, &options);
  status = cm_multi_start(multi, &options, &id, &failure);
  if (status == CM_OK) {
    lua_pushnumber(L, (lua_Number)id);
    return 1;
  }
  fail(L, failure.text);
  lua_pushstring(L, status == CM_ERR_SYNTAX  ? "syntax"
                    : status == CM_ERR_NOMEM ? "memory"
                                             : "transport");
  return 3;
}

/* engine:cancel(id [, text]) */
static int engine_cancel(lua_State *L) {
  cm_multi *multi = usable(L);
  cm_transfer_id id = cm_check_transfer_id(L, 2);
  const char *text = luaL_optstring(L, 3, "cancelled");

  if (multi) cm_multi_cancel(multi, id, text);
  return 0;
}

/* engine:pause(id) */
static int engine_pause(lua_State *L) {
  cm_multi *multi = usable(L);
  cm_transfer_id id = cm_check_transfer_id(L, 2);

  if (multi) cm_multi_pause(multi, id);
  return 0;
}

/* engine:resume(id) */
static int engine_resume(lua_State *L) {
  cm_multi *multi = usable(L);
  cm_transfer_id id = cm_check_transfer_id(L, 2);

  if (multi) cm_multi_resume(multi, id);
  return 0;
}

/* engine:await(id) -> whether a text or tool block has opened or closed meanwhile */
static int engine_await(lua_State *L) {
  cm_multi *multi = usable(L);
  cm_transfer_id id = cm_check_transfer_id(L, 2);

  lua_pushboolean(L, multi && cm_multi_await(multi, id));
  return 1;
}

/* engine:let_in(id) */
static int engine_let_in(lua_State *L) {
  cm_multi *multi = usable(L);
  cm_transfer_id id = cm_check_transfer_id(L, 2);

  if (multi) cm_multi_let_in(multi, id);
  return 0;
}

/* ---- driving ---- */

/* engine:socket_action(fd, mask); fd -1: the time is up */
static int engine_socket_action(lua_State *L) {
  cm_multi *multi = usable(L);
  int fd = (int)luaL_checkinteger(L, 2);
  int mask = (int)luaL_optinteger(L, 3, 0);

  if (multi) cm_multi_act(multi, fd, mask);
  return 0;
}

/* engine:read_now(id) */
static int engine_read_now(lua_State *L) {
  cm_multi *multi = usable(L);
  cm_transfer_id id = cm_check_transfer_id(L, 2);

  if (multi) cm_multi_read_now(multi, id);
  return 0;
}

int cm_engine_wait(const cm_engine *engine, Poller *p, int milliseconds) {
  cm_multi *multi = cm_engine_multi(engine);

  if (!multi) {
    p->count = cm_poller_wait(p->poller, milliseconds, p->events, CM_POLLER_CAPACITY);
    return p->count;
  }
  return cm_multi_turn(multi, p->poller, milliseconds, p->events, CM_POLLER_CAPACITY, &p->count);
}

/*
** engine:turn(poller, milliseconds) -> events, others: waits with it, and acts on the events
** that are the engine's. The others are poller:event(1…others).
*/
static int engine_turn(lua_State *L) {
  const cm_engine *e = cm_check_engine(L);
  Poller *p = cm_check_poller(L, 2);
  int n = cm_engine_wait(e, p, cm_check_milliseconds(L, 3));

  lua_pushinteger(L, n);
  lua_pushinteger(L, p->count);
  return 2;
}

/*
** engine:change() -> fd, mask, in order, each once | nil, milliseconds: no more, as timeout says.
** Whoever asks again has applied the one before: what libcurl is done with is closed after the
** last.
*/
static int engine_change(lua_State *L) {
  cm_multi *multi = usable(L);
  int fd, mask;

  if (multi && cm_multi_change(multi, &fd, &mask)) {
    lua_pushinteger(L, fd);
    lua_pushinteger(L, mask);
    return 2;
  }
  lua_pushnil(L);
  lua_pushinteger(L, multi ? (lua_Integer)cm_multi_timeout(multi) : -1);
  return 2;
}

/*
** engine:tell(poller) -> nothing: it watches what is to be watched, and what libcurl is done with
** is closed | fd, mask, whether there was no memory: this it cannot do, and it does not know of
** what follows. Nothing is made here for Lua: whoever takes a change must not lose it.
*/
static int engine_tell(lua_State *L) {
  cm_multi *multi = usable(L);
  const Poller *p = cm_check_poller(L, 2);
  int fd, mask;

  while (multi && cm_multi_change(multi, &fd, &mask)) {
    cm_status status = cm_poller_watch(p->poller, fd, mask);
    if (status == CM_OK) continue;
    lua_pushinteger(L, fd);
    lua_pushinteger(L, mask);
    lua_pushboolean(L, status == CM_ERR_NOMEM);
    return 3;
  }
  return 0;
}

/* engine:timeout() -> milliseconds | -1 */
static int engine_timeout(lua_State *L) {
  cm_multi *multi = usable(L);

  lua_pushinteger(L, multi ? (lua_Integer)cm_multi_timeout(multi) : -1);
  return 1;
}

/*
** engine:next() -> id, false, paused | id, true, code, text, connected, first_byte_at,
** version, reused | nothing
*/
static int engine_next(lua_State *L) {
  cm_multi *multi = usable(L);
  cm_multi_news news;
  int count = 3;

  luaL_checkstack(L, 8, NULL);
  if (!multi || !cm_multi_peek(multi, &news)) return 0;
  lua_pushnumber(L, (lua_Number)news.id);
  lua_pushboolean(L, news.done);
  if (news.done) {
    lua_pushinteger(L, news.code);
    lua_pushstring(L, news.text); /* may raise: the news stay where they are */
    lua_pushboolean(L, news.connected);
    lua_pushnumber(L, (lua_Number)news.first_byte_at);
    lua_pushinteger(L, (lua_Integer)news.version);
    lua_pushboolean(L, news.reused);
    count = 8;
  } else {
    lua_pushboolean(L, news.paused);
  }
  cm_multi_take(multi);
  return count;
}

/*
** engine:activity(id) -> connected, sent_at, first_byte_at, heard_at, paused, content_at,
** in_text_or_tool, sent, has_unread | nothing
*/
static int engine_activity(lua_State *L) {
  cm_multi *multi = usable(L);
  cm_transfer_id id = cm_check_transfer_id(L, 2);
  cm_multi_activity now;

  luaL_checkstack(L, 9, NULL);
  if (!multi || !cm_multi_activity_of(multi, id, &now)) return 0;
  lua_pushboolean(L, now.connected);
  lua_pushnumber(L, (lua_Number)now.sent_at);
  lua_pushnumber(L, (lua_Number)now.first_byte_at);
  lua_pushnumber(L, (lua_Number)now.heard_at);
  lua_pushboolean(L, now.paused);
  lua_pushnumber(L, (lua_Number)now.content_at);
  lua_pushboolean(L, now.in_text_or_tool);
  lua_pushnumber(L, (lua_Number)now.sent);
  lua_pushboolean(L, now.unread > 0);
  return 9;
}

/* engine:counts() -> transfers that have not ended, descriptors being watched */
static int engine_counts(lua_State *L) {
  cm_multi *multi = usable(L);

  lua_pushinteger(L, multi ? (lua_Integer)cm_multi_live(multi) : 0);
  lua_pushinteger(L, multi ? (lua_Integer)cm_multi_watched(multi) : 0);
  return 2;
}

static const luaL_Reg methods[] = {
  { "start", engine_start },
  { "cancel", engine_cancel },
  { "pause", engine_pause },
  { "resume", engine_resume },
  { "await", engine_await },
  { "let_in", engine_let_in },
  { "forked", engine_forked },
  { "turn", engine_turn },
  { "socket_action", engine_socket_action },
  { "read_now", engine_read_now },
  { "change", engine_change },
  { "tell", engine_tell },
  { "timeout", engine_timeout },
  { "next", engine_next },
  { "activity", engine_activity },
  { "counts", engine_counts },
  { NULL, NULL },
};

/* To the table on top of the stack, which is behind the metatable. */
static void add_methods(lua_State *L, const luaL_Reg *method) {
  for (; method->name; method++) {
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, method->func, 1);
    lua_setfield(L, -2, method->name);
  }
}

void cm_open_engine(lua_State *L) {
  luaL_newmetatable(L, CLASS);
  lua_pushcfunction(L, engine_gc);
  lua_setfield(L, -2, "__gc");
  lua_newtable(L);
  add_methods(L, methods);
  add_methods(L, cm_reader_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, engine_new);
  lua_setfield(L, -2, "engine");
}
