/*
** run.c - the library while memory fails: the objects of the core (core_objects.c), then the
** scenarios of Lua files, each again and again with its first, second, third … allocation
** refused: of Lua, of the core and of libcurl; that one alone, and that one and all behind
** it. What has to come of it is said in attempt.lua; and when the state is closed, nothing
** may be left of its memory and its descriptors.
**
**   [ONLY=scenario] [AFTER=allocations] run MOST FILE …
**
** Of each scenario and kind at most so many are refused, evenly chosen; 0: all. Each refusal
** is tried in a process of its own, forked when everything is loaded. Prints the counts.
** ONLY and AFTER try one scenario, and one place of it, again.
*/
#include <curl/curl.h>
#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#ifdef LUA_JITLIBNAME
#include <luajit.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bind/core/module.h"
#include "bind/net/module.h"
#include "core_objects.h"
#include "memory.h"

enum { SECONDS = 60 }; /* that one attempt may take */

static const char *const KINDS[] = { "lua", "core", "curl", NULL };

/* Lua from 5.2 on collects garbage and asks once more before it raises. */
enum { IN_A_ROW = LUA_VERSION_NUM < 502 ? 1 : 2 };

typedef struct figures {
  long scenarios, refused, passed, failed, crashed, leaked;
} figures;

typedef struct trial {
  const char *name; /* of the scenario */
  memory_kind kind;
  long after, in_a_row;
} trial;

/* What a child tells its parent. */
typedef struct report {
  long asked, refused, leaked;
  char problem[2000];
} report;

static figures all;

/* Where the code was that found no memory. */
static struct {
  char file[LUA_IDSIZE];
  int line;
} at;

static void note_line(lua_State *L, lua_Debug *ar) {
  lua_getinfo(L, "S", ar);
  strcpy(at.file, ar->short_src);
  at.line = ar->currentline;
}

static void tell_line(void) {
  fprintf(stderr, "refused in %s:%d\n", at.file, at.line);
}

/* memory.refuse(kind, after, in_a_row) */
static int lua_refuse(lua_State *L) {
  memory_kind kind = (memory_kind)luaL_checkoption(L, 1, NULL, KINDS);

  memory_refuse(kind, (long)luaL_checkinteger(L, 2), (long)luaL_checkinteger(L, 3));
  return 0;
}

/* memory.refused(kind) -> how many were; from here on none is. Allocates nothing. */
static int lua_refused(lua_State *L) {
  memory_kind kind = (memory_kind)luaL_checkoption(L, 1, NULL, KINDS);
  long asked = memory[kind].asked, refused = memory[kind].refused;

  memory_refuse(kind, -1, 0);
  memory[kind].asked = asked;
  memory[kind].refused = refused;
  lua_pushinteger(L, refused);
  return 1;
}

static void must(lua_State *L, int status) {
  if (status == 0) return;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  exit(2);
}

static void preload(lua_State *L, const char *name, lua_CFunction open) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
  lua_pop(L, 2);
}

/* A state with the scenarios at 1 and attempt.lua's function at 2. */
static lua_State *new_state(const char *file) {
  static const luaL_Reg functions[] = { { "refuse", lua_refuse },
                                        { "refused", lua_refused },
                                        { NULL, NULL } };
  lua_State *L = lua_newstate(memory_lua, NULL);

  if (!L) exit(2);
  luaL_openlibs(L);
#ifdef LUA_JITLIBNAME
  /* Where memory fails in what LuaJIT has compiled, its stack is not what its handlers think:
     see interpreters/memory.c. Before anything is loaded, for what was compiled stays in use. */
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
#endif
  preload(L, "claude.core", luaopen_claude_core);
  preload(L, "claude.net", luaopen_claude_net);
  must(L, luaL_loadfile(L, file) || lua_pcall(L, 0, 1, 0));
  must(L, luaL_loadfile(L, "spec/alloc/attempt.lua") || lua_pcall(L, 0, 1, 0));
  luaL_newlib(L, functions);
  if (getenv("AFTER")) {
    lua_sethook(L, note_line, LUA_MASKLINE, 0);
    memory_told = tell_line;
  }
  lua_checkstack(L, 100);
  return L;
}

static long open_descriptors(void) {
  DIR *listing = opendir("/proc/self/fd");
  long count = 0;

  while (listing && readdir(listing)) count++;
  if (listing) closedir(listing);
  return count;
}

/* In the child. */
static void attempt(lua_State *L, const trial *tried, report *told) {
  long live = memory[MEMORY_CURL].live, descriptors = open_descriptors();

  lua_pushvalue(L, 2);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 3);
  lua_pushstring(L, tried->name);
  lua_pushstring(L, KINDS[tried->kind]);
  lua_pushinteger(L, tried->after);
  lua_pushinteger(L, tried->in_a_row);
  if (lua_pcall(L, 6, 1, 0) != 0 || !lua_isnil(L, -1))
    snprintf(told->problem, sizeof told->problem, "%s",
             lua_isstring(L, -1) ? lua_tostring(L, -1) : "it raised no text");
  told->asked = memory[tried->kind].asked;
  told->refused = memory[tried->kind].refused;
  memory_refuse(tried->kind, -1, 0);
  lua_close(L);
  told->leaked =
      memory[MEMORY_LUA].live + memory[MEMORY_CORE].live + memory[MEMORY_CURL].live - live;
  if (!told->problem[0] && open_descriptors() != descriptors)
    snprintf(told->problem, sizeof told->problem, "a descriptor was left open");
}

/* In the form that .ci/suites tells of again at its end. */
static void complain(const trial *tried, const char *what) {
  all.failed++;
  fflush(stdout);
  fprintf(stderr, "FAILED %s: after %ld allocations of %s (ONLY=%s AFTER=%ld: it alone)\n%s\n",
          tried->name, tried->after, KINDS[tried->kind], tried->name, tried->after, what);
}

static void judge(const trial *tried, int status, const report *told) {
  char text[80];

  if (status != 0) {
    all.crashed++;
    snprintf(text, sizeof text, "the process ended with status %d", status);
    complain(tried, text);
  } else if (told->problem[0]) {
    complain(tried, told->problem);
  } else if (told->leaked) {
    snprintf(text, sizeof text, "%ld bytes were lost", told->leaked);
    complain(tried, text);
  } else {
    all.passed++;
  }
  all.refused += told->refused > 0;
  all.leaked += told->leaked;
}

/* Tries one refusal in a child; returns how many allocations were asked for. */
static long try_in_child(lua_State *L, const trial *tried) {
  report told;
  int ends[2], status = 0;
  pid_t pid;

  memset(&told, 0, sizeof told);
  if (pipe(ends)) exit(2);
  fflush(NULL);
  pid = fork();
  if (pid == 0) {
    close(ends[0]);
    alarm(SECONDS);
    attempt(L, tried, &told);
    _exit(write(ends[1], &told, sizeof told) == (ssize_t)sizeof told ? 0 : 1);
  }
  close(ends[1]);
  if (read(ends[0], &told, sizeof told) != (ssize_t)sizeof told) told.asked = 0;
  close(ends[0]);
  waitpid(pid, &status, 0);
  judge(tried, status, &told);
  return told.asked;
}

/* All behind it, too; and then it alone. */
static void refuse_at(lua_State *L, const char *name, memory_kind kind, long after) {
  trial tried = { name, kind, after, MEMORY_ALL };

  try_in_child(L, &tried);
  tried.in_a_row = kind == MEMORY_LUA ? IN_A_ROW : 1;
  try_in_child(L, &tried);
}

static void run_scenario(lua_State *L, const char *name, long most) {
  const char *only = getenv("AFTER");
  int kind;

  all.scenarios++;
  for (kind = 0; kind < MEMORY_KINDS; kind++) {
    trial whole = { name, (memory_kind)kind, -1, 0 };
    long asked = try_in_child(L, &whole), i;
    long tries = most && asked > most ? most : asked;

    if (only) refuse_at(L, name, (memory_kind)kind, atol(only));
    for (i = 0; i < tries && !only; i++)
      refuse_at(L, name, (memory_kind)kind, (long)((double)asked / (double)tries * (double)i));
  }
}

static void run_file(const char *file, long most) {
  lua_State *L = new_state(file);
  const char *only = getenv("ONLY");

  lua_pushnil(L);
  while (lua_next(L, 1)) {
    lua_pop(L, 1);
    if (!only || strcmp(only, lua_tostring(L, -1)) == 0) run_scenario(L, lua_tostring(L, -1), most);
  }
  lua_close(L);
}

static void run_core(void) {
  core_figures core;

  core_objects_run(&core);
  all.scenarios += core.scenarios;
  all.refused += core.refused;
  all.passed += core.refused - core.failed;
  all.failed += core.failed;
  all.leaked += core.leaked_bytes;
}

int main(int argc, char **argv) {
  int i;

  if (argc < 3) return 2;
  curl_global_init_mem(CURL_GLOBAL_DEFAULT, memory_curl_malloc, memory_curl_free,
                       memory_curl_realloc, memory_curl_strdup, memory_curl_calloc);
  if (!getenv("ONLY")) run_core();
  for (i = 2; i < argc; i++) run_file(argv[i], atol(argv[1]));
  printf("%ld passed, %ld failed\n", all.passed, all.failed);
  printf("alloc: %ld allocations failed in %ld scenarios, %ld crashes, %ld bytes leaked\n",
         all.refused, all.scenarios, all.crashed, all.leaked);
  return all.failed != 0;
}
