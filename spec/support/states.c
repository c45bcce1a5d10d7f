/*
** states.c - a program with many Lua states, in threads and one after the other.
**
**   states THREADS ROUNDS MODULE SCRIPT
**
** Each thread makes a state, runs the script in it (with the globals `thread` and `round`)
** and closes it, so many times; between two rounds it loads and unloads the file MODULE. At
** the end the program says how its memory and its descriptors have grown since a quarter of
** the rounds: "alive, N kB, M descriptors".
*/
#include <dirent.h>
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *script, *module;
static int rounds;
static pthread_barrier_t together;

typedef struct worker {
  pthread_t thread;
  int number;
  int failed;
  long memory, descriptors; /* after a quarter of the rounds */
} worker;

static long resident_kilobytes(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");

  if (!file) return 0;
  if (fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long open_descriptors(void) {
  long count = 0;
  DIR *directory = opendir("/proc/self/fd");

  if (!directory) return 0;
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

/* What a plugin manager does: the file comes and goes, whoever else has it. */
static int load_and_unload(void) {
  void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);

  if (!handle) {
    fprintf(stderr, "%s\n", dlerror());
    return 0;
  }
  return dlclose(handle) == 0;
}

/*
** ThreadSanitizer does not see the lock of the dynamic linker: for it, what the linker writes
** down when a thread is the first to load a module (its path, say) races with who reads that.
*/
static int load_before_threads(void) {
#ifdef __SANITIZE_THREAD__
  lua_State *L = luaL_newstate();
  int failed;

  luaL_openlibs(L);
  failed = luaL_dostring(L, "require('claude.core') require('claude.net')");
  if (failed) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return !failed;
#else
  return 1;
#endif
}

static int run_state(int thread, int round) {
  lua_State *L = luaL_newstate();
  int ok;

  luaL_openlibs(L);
  lua_pushinteger(L, thread);
  lua_setglobal(L, "thread");
  lua_pushinteger(L, round);
  lua_setglobal(L, "round");
  ok = !luaL_loadfile(L, script) && !lua_pcall(L, 0, 0, 0);
  if (!ok) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return ok;
}

static void *work(void *argument) {
  worker *me = argument;
  int round;

  pthread_barrier_wait(&together);
  for (round = 1; round <= rounds && !me->failed; round++) {
    if (!run_state(me->number, round) || !load_and_unload()) me->failed = 1;
    if (round == (rounds + 3) / 4) {
      me->memory = resident_kilobytes();
      me->descriptors = open_descriptors();
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  int count = argc > 4 ? atoi(argv[1]) : 0, i, failed = 0;
  worker *workers = calloc((size_t)count + 1, sizeof *workers);

  if (count < 1 || !workers) return 2;
  rounds = atoi(argv[2]);
  module = argv[3];
  script = argv[4];
  if (!load_before_threads()) return 1;
  pthread_barrier_init(&together, NULL, (unsigned)count);
  for (i = 0; i < count; i++) {
    workers[i].number = i + 1;
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) return 2;
  }
  for (i = 0; i < count; i++) {
    pthread_join(workers[i].thread, NULL);
    failed |= workers[i].failed;
  }
  if (failed) return 1;
  printf("alive, %ld kB, %ld descriptors\n", resident_kilobytes() - workers[0].memory,
         open_descriptors() - workers[0].descriptors);
  free(workers);
  return 0;
}
