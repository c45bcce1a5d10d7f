#include "os/poller.h"

#ifdef CM_POLLER_EPOLL

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BATCH = 256 };

struct cm_poller {
  const cm_alloc *alloc;
  int epoll;
};

cm_poller *cm_poller_new(const cm_alloc *alloc) {
  cm_poller *poller = alloc->resize(alloc->ud, NULL, 0, sizeof *poller);

  if (!poller) return NULL;
  poller->alloc = alloc;
  poller->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (poller->epoll >= 0) return poller;
  alloc->resize(alloc->ud, poller, sizeof *poller, 0);
  return NULL;
}

void cm_poller_free(cm_poller *poller) {
  if (!poller) return;
  close(poller->epoll);
  poller->alloc->resize(poller->alloc->ud, poller, sizeof *poller, 0);
}

cm_status cm_poller_watch(cm_poller *poller, int fd, int mask) {
  struct epoll_event event;

  memset(&event, 0, sizeof event);
  event.data.fd = fd;
  if (mask & CM_POLLER_READ) event.events |= EPOLLIN;
  if (mask & CM_POLLER_WRITE) event.events |= EPOLLOUT;
  if (mask == 0) {
    epoll_ctl(poller->epoll, EPOLL_CTL_DEL, fd, &event);
    return CM_OK; /* not being watched is what was asked for */
  }
  /* Most often it is new: a kept connection is watched while it serves a request. */
  if (epoll_ctl(poller->epoll, EPOLL_CTL_ADD, fd, &event) == 0) return CM_OK;
  if (errno == EEXIST && epoll_ctl(poller->epoll, EPOLL_CTL_MOD, fd, &event) == 0) return CM_OK;
  return errno == ENOMEM ? CM_ERR_NOMEM : CM_ERR_TRANSPORT;
}

int cm_poller_descriptor(const cm_poller *poller) {
  return poller->epoll;
}

static int mask_of(unsigned events) {
  int mask = 0;

  if (events & (EPOLLIN | EPOLLRDHUP)) mask |= CM_POLLER_READ;
  if (events & EPOLLOUT) mask |= CM_POLLER_WRITE;
  if (events & (EPOLLERR | EPOLLHUP)) mask |= CM_POLLER_READ | CM_POLLER_ERROR;
  return mask;
}

int cm_poller_wait(cm_poller *poller, int milliseconds, cm_poller_event *events, int capacity) {
  struct epoll_event got[BATCH];
  int i, n;

  n = epoll_wait(poller->epoll, got, capacity < BATCH ? capacity : BATCH, milliseconds);
  for (i = 0; i < n; i++) {
    events[i].fd = got[i].data.fd;
    events[i].mask = mask_of(got[i].events);
  }
  return n < 0 ? 0 : n;
}

#endif
