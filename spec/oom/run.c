/*
** run.c - the bindings while memory fails. Each scenario of scenarios.lua runs
** with its n-th allocation and all after it refused, for n = 0, 1, 2 … until it
** gets through; once for Lua's allocations, once for the core's. It must raise "not
** enough memory", and run well afterwards in the same state. That nothing leaks is
** for the sanitizer to say at the end.
*/
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/core/module.h"

enum { UNLIMITED = -1, MOST_ALLOCATIONS = 20000 };

static long lua_left = UNLIMITED, core_left = UNLIMITED;
static int passed, failed;

/* The linker sends the core's calls of realloc to the second of these. */
void *__real_realloc(void *ptr, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

static int refuse(long *left) {
  if (*left == 0) return 1;
  if (*left > 0) --*left;
  return 0;
}

void *__wrap_realloc(void *ptr, size_t size) {
  return refuse(&core_left) ? NULL : __real_realloc(ptr, size);
}

static void *lua_resize(void *ud, void *ptr, size_t old_size, size_t new_size) {
  (void)ud;
  if (new_size == 0) {
    free(ptr);
    return NULL;
  }
  /* Lua relies on it that shrinking cannot fail. */
  if ((!ptr || new_size > old_size) && refuse(&lua_left)) return NULL;
  return __real_realloc(ptr, new_size);
}

static void complain(const char *name, const char *what, long allowed, const char *text) {
  failed++;
  fprintf(stderr, "%s: after %ld allocations %s: %s\n", name, allowed, what, text);
}

static void must(lua_State *L, int status) {
  if (status == 0) return;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  exit(2);
}

/* A state with the scenarios at 1 and claude.core at 2. */
static lua_State *new_state(const char *scenarios) {
  lua_State *L = lua_newstate(lua_resize, NULL);

  if (!L) exit(2);
  luaL_openlibs(L);
  must(L, luaL_loadfile(L, scenarios) || lua_pcall(L, 0, 1, 0));
  lua_pushcfunction(L, luaopen_claude_core);
  must(L, lua_pcall(L, 0, 1, 0));
  return L;
}

static int run(lua_State *L, const char *name) {
  lua_settop(L, 2);
  lua_getfield(L, 1, name);
  lua_pushvalue(L, 2);
  return lua_pcall(L, 1, 0, 0);
}

/* Returns 1 when the scenario got through with so many allocations. */
static int try_with(const char *scenarios, const char *name, long *left, long allowed) {
  lua_State *L = new_state(scenarios);
  int status, refused;

  lua_checkstack(L, 100);
  *left = allowed;
  status = run(L, name);
  refused = *left == 0;
  *left = UNLIMITED;
  if (status == 0)
    passed++;
  else if (!refused || !lua_tostring(L, -1) || !strstr(lua_tostring(L, -1), "not enough memory"))
    complain(name, "it ended with", allowed, lua_tostring(L, -1));
  else if (run(L, name) != 0)
    complain(name, "it does not recover", allowed, lua_tostring(L, -1));
  else
    passed++;
  lua_close(L);
  return status == 0;
}

static void run_scenario(const char *scenarios, const char *name) {
  long allowed;

  for (allowed = 0; allowed < MOST_ALLOCATIONS; allowed++)
    if (try_with(scenarios, name, &lua_left, allowed)) break;
  for (allowed = 0; allowed < MOST_ALLOCATIONS; allowed++)
    if (try_with(scenarios, name, &core_left, allowed)) break;
}

int main(int argc, char **argv) {
  lua_State *L;

  if (argc != 2) return 2;
  L = new_state(argv[1]);
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    lua_pop(L, 1);
    run_scenario(argv[1], lua_tostring(L, -1));
  }
  lua_close(L);
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
