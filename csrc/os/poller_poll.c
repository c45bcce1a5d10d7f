#include "os/poller.h"

#ifdef CM_POLLER_POLL

#include <poll.h>

struct cm_poller {
  const cm_alloc *alloc;
  struct pollfd *watched;
  size_t count;
  size_t capacity;
};

cm_poller *cm_poller_new(const cm_alloc *alloc) {
  cm_poller *poller = alloc->resize(alloc->ud, NULL, 0, sizeof *poller);

  if (!poller) return NULL;
  poller->alloc = alloc;
  poller->watched = NULL;
  poller->count = poller->capacity = 0;
  return poller;
}

void cm_poller_free(cm_poller *poller) {
  const cm_alloc *alloc;

  if (!poller) return;
  alloc = poller->alloc;
  alloc->resize(alloc->ud, poller->watched, poller->capacity * sizeof *poller->watched, 0);
  alloc->resize(alloc->ud, poller, sizeof *poller, 0);
}

static cm_status reserve(cm_poller *poller) {
  size_t size = sizeof *poller->watched;
  size_t capacity = poller->capacity ? poller->capacity * 2 : 16;
  struct pollfd *grown;

  if (poller->count < poller->capacity) return CM_OK;
  grown = poller->alloc->resize(poller->alloc->ud, poller->watched, poller->capacity * size,
                                capacity * size);
  if (!grown) return CM_ERR_NOMEM;
  poller->watched = grown;
  poller->capacity = capacity;
  return CM_OK;
}

static size_t find(const cm_poller *poller, int fd) {
  size_t i;

  for (i = 0; i < poller->count; i++)
    if (poller->watched[i].fd == fd) break;
  return i;
}

cm_status cm_poller_watch(cm_poller *poller, int fd, int mask) {
  size_t at = find(poller, fd);
  short events = 0;

  if (mask == 0) {
    if (at < poller->count) poller->watched[at] = poller->watched[--poller->count];
    return CM_OK;
  }
  if (at == poller->count) {
    if (reserve(poller) != CM_OK) return CM_ERR_NOMEM;
    poller->count++;
  }
  if (mask & CM_POLLER_READ) events = (short)(events | POLLIN);
  if (mask & CM_POLLER_WRITE) events = (short)(events | POLLOUT);
  poller->watched[at].fd = fd;
  poller->watched[at].events = events;
  poller->watched[at].revents = 0;
  return CM_OK;
}

int cm_poller_descriptor(const cm_poller *poller) {
  (void)poller;
  return -1;
}

static int mask_of(short events) {
  int mask = 0;

  if (events & POLLIN) mask |= CM_POLLER_READ;
  if (events & POLLOUT) mask |= CM_POLLER_WRITE;
  if (events & (POLLERR | POLLHUP | POLLNVAL)) mask |= CM_POLLER_READ | CM_POLLER_ERROR;
  return mask;
}

int cm_poller_wait(cm_poller *poller, int milliseconds, cm_poller_event *events, int capacity) {
  size_t i;
  int n = 0;

  if (poll(poller->watched, (nfds_t)poller->count, milliseconds) <= 0) return 0;
  for (i = 0; i < poller->count && n < capacity; i++) {
    if (poller->watched[i].revents == 0) continue;
    events[n].fd = poller->watched[i].fd;
    events[n++].mask = mask_of(poller->watched[i].revents);
  }
  return n;
}

#endif
