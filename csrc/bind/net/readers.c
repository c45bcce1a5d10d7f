/*
** readers.c - methods of the class claude.net.Engine for coroutines that wait for nothing but more
** of a transfer: what there is more is no news, but their turn, and they are resumed here. Where
** nothing else happens, waiting and turns are one loop.
*/
#include <math.h>

#include "bind/net/engine.h"
#include "os/clock.h"

#ifdef CM_CONTINUATION

/* engine:read_for(id) -> the number of the reader that there is from now on | nil: it has ended */
static int engine_read_for(lua_State *L) {
  cm_multi *multi = cm_engine_multi(cm_check_engine(L));
  cm_transfer_id id = cm_check_transfer_id(L, 2);
  size_t number = multi ? cm_multi_read_for(multi, id) : 0;

  if (!number) return 0;
  lua_pushinteger(L, (lua_Integer)number);
  return 1;
}

/* The arguments of who gives turns, and what lies behind them. */
enum { READERS = 2, TURN, STOP_AT, POLLER, MILLISECONDS, GOES_ON, TOO_MANY, TICKET, COROUTINE };

static void check_readers(lua_State *L) {
  luaL_checktype(L, READERS, LUA_TTABLE);
  luaL_checktype(L, TURN, LUA_TTABLE);
  luaL_checkstack(L, 20, NULL);
  lua_settop(L, GOES_ON);
  lua_pushliteral(L, "too many results of a task");
}

static int ticket_has(lua_State *L, const char *field) {
  int is_true;

  lua_getfield(L, TICKET, field);
  is_true = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_true;
}

/* Whether somebody waits with this reader's ticket: puts that and the coroutine in their places. */
static int waits(lua_State *L, size_t number) {
  lua_settop(L, TOO_MANY);
  lua_rawgeti(L, READERS, (int)number);
  if (!lua_istable(L, TICKET) || ticket_has(L, "why") || !ticket_has(L, "lasts")) return 0;
  lua_getfield(L, TICKET, "co");
  return lua_isthread(L, COROUTINE);
}

/* 0: nobody's */
static void set_turn(lua_State *L, int ticket) {
  if (ticket)
    lua_pushvalue(L, ticket);
  else
    lua_pushboolean(L, 0);
  lua_rawseti(L, TURN, 1);
  lua_pushboolean(L, 0);
  lua_rawseti(L, TURN, 2);
}

/* What a coroutine came to, as coroutine.resume has it. There may be no memory for a message. */
static void take_results(lua_State *L, lua_State *co, int status, int count) {
  int went_well = status == LUA_OK || status == LUA_YIELD;

  if (!went_well) count = 1;          /* what was raised */
  if (lua_checkstack(L, count + 2)) { /* and how many turns were given */
    lua_pushboolean(L, went_well);
    lua_xmove(co, L, count);
  } else {
    lua_pop(co, count);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, TOO_MANY);
  }
}

/* Whether it waits once more with its ticket; else all that it came to is behind that. */
static int read_on(lua_State *L) {
  lua_State *co = lua_tothread(L, COROUTINE);
  int count, status;

  lua_settop(L, TICKET); /* which holds it */
  set_turn(L, TICKET);
  status = cm_resume(co, L, &count);
  if (status == LUA_YIELD && count == 1 && lua_topointer(co, -1) == lua_topointer(L, TICKET)) {
    lua_pop(co, 1);
    return 1;
  }
  take_results(L, co, status, count);
  return 0;
}

/*
** Resumes whoever waits for more, until the time, or until one does something else than to wait
** again: then its ticket is in its place, and behind that what it came to. Tells how many.
*/
static int give_turns(lua_State *L, const cm_engine *e, double stop_at) {
  int turns = 0;
  cm_multi *multi;
  cm_transfer_id id;
  size_t number;

  lua_settop(L, TOO_MANY);
  /* Asked anew each time: a task may fork. */
  while ((multi = cm_engine_multi(e)) != NULL && (number = cm_multi_next_turn(multi, &id)) != 0) {
    if (!waits(L, number)) {
      cm_multi_read_no_more(multi, id);
      continue;
    }
    turns++;
    if (!read_on(L)) return turns;
    if (cm_clock_now() >= stop_at) break;
  }
  set_turn(L, 0);
  lua_settop(L, TOO_MANY);
  return turns;
}

/*
** engine:give_turns(readers, turn, stop_at | nil) -> how many were given: resumes whoever waits for
** more, until the time. readers are tickets (claude.Ticket) by their numbers; while one has its
** turn it is turn[1], and turn[2] is false in the beginning. Where a task did something else than
** to wait for more: how many, its ticket, which is still turn[1], and what coroutine.resume
** returns; others may have to wait.
*/
static int engine_give_turns(lua_State *L) {
  const cm_engine *e = cm_check_engine(L);
  double stop_at = luaL_optnumber(L, STOP_AT, HUGE_VAL);
  int turns;

  check_readers(L);
  turns = give_turns(L, e, stop_at);
  if (lua_gettop(L) < TICKET) {
    lua_pushinteger(L, turns);
    return 1;
  }
  lua_pushinteger(L, turns);
  lua_replace(L, TOO_MANY);
  return lua_gettop(L) - GOES_ON;
}

/* Whether nothing but turns has come of what happened, and nothing of those. */
static int is_all_read(lua_State *L, const cm_engine *e, double seconds) {
  cm_multi *multi = cm_engine_multi(e);
  int goes_on;

  if (!multi || !cm_multi_has_turns(multi) || !cm_multi_is_quiet(multi)) return 0;
  give_turns(L, e, cm_clock_now() + seconds);
  multi = cm_engine_multi(e);
  if (lua_gettop(L) > TOO_MANY || !multi || cm_multi_has_turns(multi) || !cm_multi_is_quiet(multi))
    return 0;
  lua_pushvalue(L, GOES_ON);
  lua_call(L, 0, 1);
  goes_on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return goes_on;
}

/*
** engine:read(readers, turn, seconds, poller, milliseconds, goes_on) -> events, others: as turn,
** but where nothing else has happened than that there is more for those who wait for that, it gives
** turns for so many seconds at most and, if goes_on() says so, waits for the rest of the time.
** Where a task did something else: also its ticket and what coroutine.resume returns.
*/
static int engine_read(lua_State *L) {
  const cm_engine *e = cm_check_engine(L);
  double seconds = luaL_checknumber(L, STOP_AT), end;
  Poller *p = cm_check_poller(L, POLLER);
  int milliseconds = cm_check_milliseconds(L, MILLISECONDS), left = milliseconds, n;
  lua_Integer all = 0; /* of hours, perhaps */

  luaL_checktype(L, GOES_ON, LUA_TFUNCTION);
  check_readers(L);
  end = cm_clock_now() + milliseconds / 1000.0;
  do {
    n = cm_engine_wait(e, p, left);
    all += n;
    if (n == 0 || p->count > 0 || !is_all_read(L, e, seconds)) break;
    if (milliseconds > 0) left = cm_clock_milliseconds_until(end);
  } while (left != 0);
  lua_pushinteger(L, all);
  lua_replace(L, GOES_ON);
  lua_pushinteger(L, p->count);
  lua_replace(L, TOO_MANY);
  return lua_gettop(L) - MILLISECONDS;
}

#endif

const luaL_Reg cm_reader_methods[] = {
#ifdef CM_CONTINUATION
  { "read_for", engine_read_for },
  { "give_turns", engine_give_turns },
  { "read", engine_read },
#endif
  { NULL, NULL },
};
