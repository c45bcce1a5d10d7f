#include "os/poller.h"

#ifdef CM_POLLER_KQUEUE

#include <errno.h>
#include <fcntl.h>
#include <sys/event.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

enum { BATCH = 256 };

struct cm_poller {
  const cm_alloc *alloc;
  int queue;
};

cm_poller *cm_poller_new(const cm_alloc *alloc) {
  cm_poller *poller = alloc->resize(alloc->ud, NULL, 0, sizeof *poller);

  if (!poller) return NULL;
  poller->alloc = alloc;
  poller->queue = kqueue();
  if (poller->queue >= 0) {
    fcntl(poller->queue, F_SETFD, FD_CLOEXEC);
    return poller;
  }
  alloc->resize(alloc->ud, poller, sizeof *poller, 0);
  return NULL;
}

void cm_poller_free(cm_poller *poller) {
  if (!poller) return;
  close(poller->queue);
  poller->alloc->resize(poller->alloc->ud, poller, sizeof *poller, 0);
}

/* Reading and writing are separate filters here: each is added or deleted by itself. */
static int set_filter(cm_poller *poller, int fd, int filter, int wanted) {
  struct kevent change;

  EV_SET(&change, (uintptr_t)fd, (short)filter, (unsigned short)(wanted ? EV_ADD : EV_DELETE), 0, 0,
         NULL);
  if (kevent(poller->queue, &change, 1, NULL, 0, NULL) == 0) return 0;
  return wanted ? errno : 0; /* deleting what is not there is what was asked for */
}

cm_status cm_poller_watch(cm_poller *poller, int fd, int mask) {
  int failed = set_filter(poller, fd, EVFILT_READ, mask & CM_POLLER_READ);

  if (!failed) failed = set_filter(poller, fd, EVFILT_WRITE, mask & CM_POLLER_WRITE);
  if (!failed) return CM_OK;
  return failed == ENOMEM ? CM_ERR_NOMEM : CM_ERR_TRANSPORT;
}

int cm_poller_descriptor(const cm_poller *poller) {
  return poller->queue;
}

int cm_poller_wait(cm_poller *poller, int milliseconds, cm_poller_event *events, int capacity) {
  struct kevent got[BATCH];
  struct timespec limit;
  int i, n;

  limit.tv_sec = milliseconds / 1000;
  limit.tv_nsec = (long)(milliseconds % 1000) * 1000000L;
  n = kevent(poller->queue, NULL, 0, got, capacity < BATCH ? capacity : BATCH,
             milliseconds < 0 ? NULL : &limit);
  for (i = 0; i < n; i++) {
    events[i].fd = (int)got[i].ident;
    events[i].mask = got[i].filter == EVFILT_WRITE ? CM_POLLER_WRITE : CM_POLLER_READ;
    if (got[i].flags & EV_ERROR) events[i].mask |= CM_POLLER_ERROR;
  }
  return n < 0 ? 0 : n;
}

#endif
