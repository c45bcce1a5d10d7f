#include "os/pin.h"

#include <dlfcn.h>
#include <string.h>

#ifndef RTLD_NODELETE
#define RTLD_NODELETE 0
#endif
#ifndef RTLD_NOLOAD
#define RTLD_NOLOAD 0
#endif

void cm_pin_module(void (*function)(void)) {
  Dl_info info;
  void *address;

  /* ISO C has no cast from a function to an object pointer; POSIX says the bits are the same. */
  memcpy(&address, &function, sizeof address);
  if (!dladdr(address, &info) || !info.dli_fname) return;
  dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
}
