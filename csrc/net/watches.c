#include "net/watches.h"

#include <string.h>

#include "os/socket.h"

typedef struct watch {
  int fd;
  int mask;
} watch;

static watch *watch_at(const cm_list *list, size_t i) {
  return (watch *)list->items + i;
}

void cm_watches_init(cm_watches *watches, const cm_alloc *alloc) {
  memset(watches, 0, sizeof *watches);
  watches->alloc = alloc;
}

void cm_watches_deinit(cm_watches *watches) {
  cm_watches_release(watches);
  cm_list_drop(&watches->watched, watches->alloc, sizeof(watch));
  cm_list_drop(&watches->changes, watches->alloc, sizeof(watch));
  cm_list_drop(&watches->closing, watches->alloc, sizeof(int));
}

static cm_status append(cm_watches *watches, cm_list *list, int fd, int mask) {
  cm_status status = cm_list_reserve(list, watches->alloc, list->count + 1, sizeof(watch));
  watch *added;

  if (status != CM_OK) return status;
  added = watch_at(list, list->count++);
  added->fd = fd;
  added->mask = mask;
  return CM_OK;
}

static watch *find_watched(const cm_watches *watches, int fd) {
  size_t i;

  for (i = 0; i < watches->watched.count; i++)
    if (watch_at(&watches->watched, i)->fd == fd) return watch_at(&watches->watched, i);
  return NULL;
}

static cm_status set_watched(cm_watches *watches, int fd, int mask) {
  cm_list *list = &watches->watched;
  watch *known = find_watched(watches, fd);

  if (known && mask)
    known->mask = mask;
  else if (known)
    *known = *watch_at(list, --list->count);
  else if (mask)
    return append(watches, list, fd, mask);
  return CM_OK;
}

/*
** libcurl closes its resolver's descriptor itself, right after taking it back: a driver
** must not be told to watch it once that is known.
*/
static void forget_untold(cm_watches *watches, int fd) {
  cm_list *list = &watches->changes;
  size_t i = list->count;

  while (i-- > watches->told) {
    watch *change = watch_at(list, i);
    if (change->fd != fd) continue;
    if (change->mask == 0) return;
    memmove(change, change + 1, (--list->count - i) * sizeof *change);
  }
}

static cm_status add_change(cm_watches *watches, int fd, int mask) {
  watch *last;

  if (mask == 0) forget_untold(watches, fd);
  if (watches->changes.count > watches->told) {
    last = watch_at(&watches->changes, watches->changes.count - 1);
    if (last->fd == fd && last->mask != 0 && mask != 0) {
      last->mask = mask;
      return CM_OK;
    }
  }
  return append(watches, &watches->changes, fd, mask);
}

cm_status cm_watches_note(cm_watches *watches, int fd, int mask) {
  cm_status status = set_watched(watches, fd, mask);
  cm_status told = add_change(watches, fd, mask);

  return status != CM_OK ? status : told;
}

int cm_watches_change(cm_watches *watches, int *fd, int *mask) {
  const watch *change;

  if (watches->told == watches->changes.count) {
    watches->told = watches->changes.count = 0;
    return 0;
  }
  change = watch_at(&watches->changes, watches->told++);
  *fd = change->fd;
  *mask = change->mask;
  return 1;
}

cm_status cm_watches_close(cm_watches *watches, int fd) {
  cm_list *closing = &watches->closing;
  cm_status status = cm_list_reserve(closing, watches->alloc, closing->count + 1, sizeof fd);

  if (status == CM_OK)
    ((int *)closing->items)[closing->count++] = fd;
  else
    cm_socket_close(fd);
  return status;
}

void cm_watches_release(cm_watches *watches) {
  size_t i;

  for (i = 0; i < watches->closing.count; i++) cm_socket_close(((int *)watches->closing.items)[i]);
  watches->closing.count = 0;
}

int cm_watches_at(const cm_watches *watches, size_t i, int *fd, int *mask) {
  if (i >= watches->watched.count) return 0;
  *fd = watch_at(&watches->watched, i)->fd;
  *mask = watch_at(&watches->watched, i)->mask;
  return 1;
}

size_t cm_watches_count(const cm_watches *watches) {
  return watches->watched.count;
}
