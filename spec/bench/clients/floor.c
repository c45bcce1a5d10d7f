/*
** floor.c - the least that a program can do which hands each delta to Lua as a string.
**
** libcurl receives as in bare.c, or as in bare_multi.c; texts are cut out of what comes (cut.h),
*and
** when libcurl has returned an iterator hands them out one by one. Nothing is decoded, nothing is
** checked, and nothing is kept.
**
**   floor.new(url, buffer [, streams [, version]]) -> reader, of one stream over HTTP/1.1
**   reader:deltas() -> iterator over kind, text, number: asks for so many streams at once, and
*hands
**                      out false, nil, number at the end of each. Raises where one fails.
*/
#include "epoll_multi.h"
#include "request.h"
#include "text_queue.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

static const char CLASS[] = "bench.floor";

/* As the project: among so many, several events are worth a moment. */
enum { VERY_MANY = 64, SEVERAL = 16 };

typedef struct stream {
  struct reader *reader;
  CURL *easy;
  lua_Integer number;
  cutter cutter;
} stream;

typedef struct reader {
  epoll_multi multi;
  text_queue queue;
  stream *streams;
  lua_Integer count, running;
} reader;

static size_t on_body(char *bytes, size_t size, size_t n, void *ud) {
  stream *s = ud;

  text_queue_add(&s->reader->queue, s, &s->cutter, bytes, size * n);
  return size * n;
}

static int push_end(lua_State *L, reader *r, CURL *easy, CURLcode result) {
  stream *s = NULL;

  if (result != CURLE_OK) return luaL_error(L, "%s", curl_easy_strerror(result));
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &s);
  r->running--;
  lua_pushboolean(L, 0);
  lua_pushnil(L);
  lua_pushinteger(L, s->number);
  return 3;
}

/* Upvalues: the reader, and the kinds' names. */
static int next_delta(lua_State *L) {
  reader *r = lua_touserdata(L, lua_upvalueindex(1));
  cut_text text;
  void *from;
  CURL *easy;
  CURLcode result;

  while (!text_queue_next(&r->queue, &from, &text)) {
    if (r->running == 0) return 0;
    if ((easy = epoll_multi_ended(&r->multi, &result)) != NULL) return push_end(L, r, easy, result);
    epoll_multi_act(&r->multi, r->running < VERY_MANY ? 0 : SEVERAL);
  }
  lua_pushvalue(L, lua_upvalueindex(2 + (int)text.kind));
  lua_pushlstring(L, text.bytes, text.len);
  lua_pushinteger(L, ((stream *)from)->number);
  return 3;
}

static int reader_deltas(lua_State *L) {
  reader *r = luaL_checkudata(L, 1, CLASS);

  for (r->running = 0; r->running < r->count; r->running++)
    curl_multi_add_handle(r->multi.curl, r->streams[r->running].easy);
  lua_settop(L, 1);
  lua_pushliteral(L, "thinking");
  lua_pushliteral(L, "text");
  lua_pushliteral(L, "input_json");
  lua_pushliteral(L, "signature");
  lua_pushcclosure(L, next_delta, 1 + CUT_KINDS);
  return 1;
}

static int reader_gc(lua_State *L) {
  reader *r = luaL_checkudata(L, 1, CLASS);

  while (r->count-- > 0) {
    curl_multi_remove_handle(r->multi.curl, r->streams[r->count].easy);
    curl_easy_cleanup(r->streams[r->count].easy);
    cut_drop(&r->streams[r->count].cutter);
  }
  epoll_multi_close(&r->multi);
  text_queue_drop(&r->queue);
  free(r->streams);
  return 0;
}

static int floor_new(lua_State *L) {
  const char *url = luaL_checkstring(L, 1), *version = luaL_optstring(L, 4, "1.1");
  long buffer = (long)luaL_checkinteger(L, 2);
  lua_Integer i, count = luaL_optinteger(L, 3, 1);
  reader *r = lua_newuserdata(L, sizeof *r);

  memset(r, 0, sizeof *r);
  epoll_multi_open(&r->multi, (long)count);
  r->count = count;
  r->streams = must(calloc((size_t)count + 1, sizeof *r->streams));
  for (i = 0; i < count; i++) {
    stream *s = &r->streams[i];

    s->reader = r;
    s->number = i + 1;
    s->easy = request_new(url, buffer);
    request_use_http(s->easy, version);
    curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
  }
  luaL_getmetatable(L, CLASS);
  lua_setmetatable(L, -2);
  return 1;
}

int luaopen_bench_floor(lua_State *L);

__attribute__((visibility("default"))) int luaopen_bench_floor(lua_State *L) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  luaL_newmetatable(L, CLASS);
  lua_pushcfunction(L, reader_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, reader_deltas);
  lua_setfield(L, -2, "deltas");
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, floor_new);
  lua_setfield(L, -2, "new");
  return 1;
}
