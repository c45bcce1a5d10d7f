/*
** host.c - a program that embeds Lua and lives on after lua_close: runs the script
** named first and then says "alive". Looking up a name takes HOST_LOOKUP seconds in
** it, scripts get the function fork(), and after lua_close it
** waits HOST_LINGER seconds, in which a library's forgotten threads may show up.
*/
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned seconds(const char *name) {
  const char *value = getenv(name);

  return value ? (unsigned)atoi(value) : 0;
}

/* The program's own comes before libc's, also for the libraries that it loads. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  (void)node, (void)service, (void)hints;
  sleep(seconds("HOST_LOOKUP"));
  *result = NULL;
  return EAI_NONAME;
}

/* fork() -> 0 in the child, true in the parent once the child has ended well */
static int host_fork(lua_State *L) {
  int status = 0;
  pid_t pid = fork();

  if (pid == 0) {
    lua_pushinteger(L, 0);
    return 1;
  }
  waitpid(pid, &status, 0);
  lua_pushboolean(L, WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return 1;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();

  (void)argc;
  luaL_openlibs(L);
  lua_register(L, "fork", host_fork);
  if (luaL_loadfile(L, argv[1]) || lua_pcall(L, 0, 0, 0)) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return 1;
  }
  lua_close(L);
  sleep(seconds("HOST_LINGER"));
  puts("alive");
  return 0;
}
