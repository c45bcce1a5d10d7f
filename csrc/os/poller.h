/*
** poller.h - waits until one of several descriptors can be read or written.
**
** One implementation per system: poller_epoll.c (Linux), poller_kqueue.c (BSD,
** macOS), poller_poll.c (everywhere else, or with -DCM_POLLER_POLL).
** Knows nothing of curl or Lua.
*/
#ifndef CM_OS_POLLER_H
#define CM_OS_POLLER_H

#include "core/base.h"

#if defined(CM_POLLER_POLL)
#elif defined(__linux__)
#define CM_POLLER_EPOLL
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || \
    defined(__DragonFly__)
#define CM_POLLER_KQUEUE
#else
#define CM_POLLER_POLL
#endif

enum { CM_POLLER_READ = 1, CM_POLLER_WRITE = 2, CM_POLLER_ERROR = 4 };

typedef struct cm_poller cm_poller;

typedef struct cm_poller_event {
  int fd;
  int mask; /* CM_POLLER_READ, _WRITE, _ERROR together */
} cm_poller_event;

/* NULL: no memory, or the system has no more descriptors. The allocator must outlive it. */
cm_poller *cm_poller_new(const cm_alloc *alloc);
void cm_poller_free(cm_poller *poller);

/*
** Says what to wait for on fd from now on; 0 forgets it. Call with 0 before the
** descriptor is closed. CM_ERR_NOMEM, or CM_ERR_TRANSPORT for a descriptor that
** cannot be watched.
*/
cm_status cm_poller_watch(cm_poller *poller, int fd, int mask);

/*
** A descriptor that can be read whenever something is ready, for an event loop that
** would rather watch one than many; -1 where the system has no such thing.
*/
int cm_poller_descriptor(const cm_poller *poller);

/*
** Waits at most so many milliseconds (negative: for ever) and fills in at most
** capacity events. Returns how many; 0 after the time, and after a signal.
*/
int cm_poller_wait(cm_poller *poller, int milliseconds, cm_poller_event *events, int capacity);

#endif
