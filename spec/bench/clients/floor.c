/*
** floor.c - the least that a program can do which hands each delta to Lua as a string.
**
** libcurl receives as in bare.c, texts are cut out of what comes (cut.h), and an iterator hands
** them out one by one. Nothing is decoded and nothing is checked.
**
**   floor.new(url, buffer) -> reader; url is asked anew by each reader:deltas()
**   reader:deltas()        -> iterator over kind, text of one reply
*/
#include "cut.h"
#include "request.h"
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char CLASS[] = "bench.floor";

/* A text waits with its length and kind before it. */
typedef struct mark {
  uint32_t kind, len;
} mark;

typedef struct reader {
  CURLM *multi;
  CURL *easy;
  cut cut;
  char *queue;
  size_t len, room, taken;
} reader;

static void add_text(reader *r, const cut_text *text) {
  mark head = { (uint32_t)text->kind, (uint32_t)text->len };

  if (r->room - r->len < sizeof head + text->len) {
    r->room = 2 * r->room + sizeof head + text->len;
    r->queue = must(realloc(r->queue, r->room));
  }
  memcpy(r->queue + r->len, &head, sizeof head);
  memcpy(r->queue + r->len + sizeof head, text->bytes, text->len);
  r->len += sizeof head + text->len;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ud) {
  reader *r = ud;
  cut_text text;

  cut_begin(&r->cut, bytes, size * n);
  while (cut_next(&r->cut, &text)) add_text(r, &text);
  return size * n;
}

/* Whether the reply goes on. */
static int receive(lua_State *L, reader *r) {
  CURLMsg *message;
  int running, left;

  r->len = r->taken = 0;
  curl_multi_perform(r->multi, &running);
  if (running && r->len == 0) curl_multi_poll(r->multi, NULL, 0, 1000, NULL);
  if (running) return 1;
  message = curl_multi_info_read(r->multi, &left);
  if (!message) return 0;
  if (message->data.result != CURLE_OK)
    luaL_error(L, "%s", curl_easy_strerror(message->data.result));
  curl_multi_remove_handle(r->multi, r->easy);
  return r->len > 0;
}

/* Upvalues: the reader, and the kinds' names. */
static int next_delta(lua_State *L) {
  reader *r = lua_touserdata(L, lua_upvalueindex(1));
  mark head;

  while (r->taken == r->len)
    if (!receive(L, r)) return 0;
  memcpy(&head, r->queue + r->taken, sizeof head);
  lua_pushvalue(L, lua_upvalueindex(2 + (int)head.kind));
  lua_pushlstring(L, r->queue + r->taken + sizeof head, head.len);
  r->taken += sizeof head + head.len;
  return 2;
}

static int reader_deltas(lua_State *L) {
  reader *r = luaL_checkudata(L, 1, CLASS);

  curl_multi_add_handle(r->multi, r->easy);
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

  curl_multi_remove_handle(r->multi, r->easy);
  curl_easy_cleanup(r->easy);
  curl_multi_cleanup(r->multi);
  cut_drop(&r->cut);
  free(r->queue);
  return 0;
}

static int floor_new(lua_State *L) {
  const char *url = luaL_checkstring(L, 1);
  long buffer = (long)luaL_checkinteger(L, 2);
  reader *r = lua_newuserdata(L, sizeof *r);

  memset(r, 0, sizeof *r);
  r->multi = must(curl_multi_init());
  r->easy = request_new(url, buffer);
  curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
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
