/* Preloaded: the first FAILING descriptors cannot be watched, for the error WHY. For specs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

typedef int control(int epoll, int operation, int fd, struct epoll_event *event);

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  static int left = -1;
  control *real;

  *(void **)&real = dlsym(RTLD_NEXT, "epoll_ctl");
  if (left < 0) left = atoi(getenv("FAILING"));
  if (operation != EPOLL_CTL_ADD || left == 0) return real(epoll, operation, fd, event);
  left--;
  errno = atoi(getenv("WHY"));
  return -1;
}
