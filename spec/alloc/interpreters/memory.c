/*
** memory.c - what Lua interpreters do where memory fails, without anything of ours: three
** programs, each run with its first, second, third … allocation refused, in a process each.
**
**   cc -o memory memory.c $(pkg-config --cflags --libs luajit) -lm && ./memory
**
** A table that loses what it had (Lua 5.1, LuaJIT): its array has grown already when there is
** no memory for the rest. A process that ends (LuaJIT before July 2023): where what was
** compiled asks for memory, the error looks for its function in a frame that is long gone.
** Long texts that cannot be built any more (Lua 5.4, at least up to 5.4.4): the metatable of long
** buffers was made by the first of them, when there was no memory to fill it.
*/
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static long left; /* allocations until the one that is refused */

/* From 5.2 on Lua collects garbage and asks once more: then that is refused, too. */
static const long LAST = LUA_VERSION_NUM < 502 ? 0 : -1;
static int refusing;

static void *allocate(void *ud, void *ptr, size_t old_size, size_t size) {
  (void)ud;
  if (!size) {
    free(ptr);
    return NULL;
  }
  if (refusing && (!ptr || size > old_size) && left-- <= 0) {
    refusing = left >= LAST;
    return NULL;
  }
  return realloc(ptr, size);
}

/* refuse(after); a negative number: none */
static int refuse(lua_State *L) {
  left = (long)luaL_checkinteger(L, 1);
  refusing = left >= 0;
  return 0;
}

static const char *const TABLE =
    "local t = { a = 1, b = 2, c = 3, d = 4, e = 5 }\n"
    "for _, i in ipairs { 12, 13, 14, 15, 16 } do t[i] = i end\n"
    "local function fill() for i = 1, 11 do t[i] = i end end\n"
    "refuse(...)\n"
    "pcall(fill)\n"
    "refuse(-1)\n"
    "for i = 12, 16 do if t[i] ~= i then return i .. ' is lost' end end\n";

static const char *const COMPILED =
    "local keys, clock = {}, os.clock\n"
    "for i = 1, 64 do keys[i] = 'k' .. i end\n"
    "local function fill(t) for i = 1, 64 do t[keys[i]] = i end end\n"
    "for _ = 1, 100 do fill({}) end -- it is compiled\n"
    "local function deep(n) if n == 0 then return clock() end return 1 + deep(n - 1) end\n"
    "local after = ...\n"
    "pcall(function()\n"
    "  local t = {}\n"
    "  refuse(after)\n"
    "  deep(6) -- a C function far up; numbers take the place of its frame\n"
    "  local a, b, c, d, e, f, g, h = 1, 2, 3, 4, 5, 6, 7, 8\n"
    "  local i, j, k, l, m, n, o, p = 1, 2, 3, 4, 5, 6, 7, 8\n"
    "  local q, r, s, u, v, w, x, y = 1, 2, 3, 4, 5, 6, 7, 8\n"
    "  local a1, b1, c1, d1, e1, f1, g1, h1 = 1, 2, 3, 4, 5, 6, 7, 8\n"
    "  local i1, j1, k1, l1, m1, n1, o1, p1 = 1, 2, 3, 4, 5, 6, 7, 8\n"
    "  local q1, r1, s1, u1, v1, w1, x1, y1 = 1, 2, 3, 4, 5, 6, 7, 8\n"
    "  fill(t)\n"
    "end)\n"
    "refuse(-1)\n";

static const char *const BUFFER = "local x, long = string.rep('x', 600)\n"
                                  "local function join() long = table.concat { x, x, x } end\n"
                                  "refuse(...)\n"
                                  "pcall(join)\n"
                                  "refuse(-1)\n"
                                  "join()\n";

static void run(const char *program, long after) {
  lua_State *L = lua_newstate(allocate, NULL);

  if (!L) exit(2);
  luaL_openlibs(L);
  lua_register(L, "refuse", refuse);
  if (luaL_loadstring(L, program)) exit(2);
  lua_pushinteger(L, after);
  if (lua_pcall(L, 1, 1, 0) || lua_isstring(L, -1))
    printf("  after %ld allocations: %s\n", after, lua_tostring(L, -1));
  lua_close(L);
  fflush(stdout);
  _exit(0);
}

static void try(const char *name, const char *program) {
  long after;

  puts(name);
  for (after = 0; after < 10; after++) {
    int status = 0;
    fflush(stdout);
    if (fork() == 0) run(program, after);
    wait(&status);
    if (status) printf("  after %ld allocations: the process ended with %d\n", after, status);
  }
}

int main(void) {
  try("a table that grows", TABLE);
  try("what was compiled", COMPILED);
  try("a text that is long", BUFFER);
  return 0;
}
