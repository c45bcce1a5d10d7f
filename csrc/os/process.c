#include "os/process.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#ifndef RTLD_NODELETE
#define RTLD_NODELETE 0
#endif
#ifndef RTLD_NOLOAD
#define RTLD_NOLOAD 0
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static long id;
static int is_told_of_forks;

static void note_id(void) {
  id = (long)getpid();
}

static void ask_to_be_told(void) {
  note_id();
  is_told_of_forks = pthread_atfork(NULL, NULL, note_id) == 0;
}

long cm_process_id(void) {
  pthread_once(&once, ask_to_be_told);
  return is_told_of_forks ? id : (long)getpid();
}

void cm_process_pin_module(void (*function)(void)) {
  Dl_info info;
  void *address;

  /* ISO C has no cast from a function to an object pointer; POSIX says the bits are the same. */
  memcpy(&address, &function, sizeof address);
  if (!dladdr(address, &info) || !info.dli_fname) return;
  dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
}
