#include "net/watches.h"

#include <string.h>

#include "os/socket.h"

enum { FIRST_PLACES = 256 };

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
  cm_list_drop(&watches->places, watches->alloc, sizeof(size_t));
  cm_list_drop(&watches->changes, watches->alloc, sizeof(watch));
  cm_list_drop(&watches->closing, watches->alloc, sizeof(int));
}

static void add(cm_list *list, int fd, int mask) {
  watch *added = watch_at(list, list->count++);

  added->fd = fd;
  added->mask = mask;
}

static size_t *place_of(const cm_watches *watches, int fd) {
  return (size_t *)watches->places.items + fd;
}

static watch *find_watched(const cm_watches *watches, int fd) {
  size_t place;

  if (fd < 0 || (size_t)fd >= watches->places.count) return NULL;
  place = *place_of(watches, fd);
  return place ? watch_at(&watches->watched, place - 1) : NULL;
}

static void set_watched(cm_watches *watches, int fd, int mask) {
  watch *known = find_watched(watches, fd);

  if (known) {
    known->mask = mask;
    return;
  }
  add(&watches->watched, fd, mask);
  *place_of(watches, fd) = watches->watched.count;
}

static void forget_watched(cm_watches *watches, watch *known) {
  const watch *last = watch_at(&watches->watched, --watches->watched.count);

  *place_of(watches, last->fd) = *place_of(watches, known->fd);
  *place_of(watches, known->fd) = 0;
  *known = *last;
}

/* Descriptors are small numbers: the system gives the lowest that is free. Most programs never
   have more of them than there is room for at once. */
static cm_status make_place(cm_watches *watches, int fd) {
  size_t count = (size_t)fd + 1, room = count > FIRST_PLACES ? count : FIRST_PLACES;
  cm_status status = cm_list_reserve(&watches->places, watches->alloc, room, sizeof(size_t));

  if (status != CM_OK) return status;
  while (watches->places.count < count) *place_of(watches, (int)watches->places.count++) = 0;
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

static void add_change(cm_watches *watches, int fd, int mask) {
  watch *last;

  if (watches->changes.count > watches->told) {
    last = watch_at(&watches->changes, watches->changes.count - 1);
    if (last->fd == fd && last->mask != 0 && mask != 0) {
      last->mask = mask;
      return;
    }
  }
  add(&watches->changes, fd, mask);
}

/*
** A descriptor that is watched must not be closed before its driver has been told: beside
** the change there is room for the end of everything that is watched.
*/
static cm_status make_room(cm_watches *watches, int fd) {
  size_t watched = watches->watched.count + 1;
  cm_status status = make_place(watches, fd);

  if (status == CM_OK)
    status = cm_list_reserve(&watches->watched, watches->alloc, watched, sizeof(watch));
  if (status != CM_OK) return status;
  return cm_list_reserve(&watches->changes, watches->alloc, watches->changes.count + 1 + watched,
                         sizeof(watch));
}

cm_status cm_watches_note(cm_watches *watches, int fd, int mask) {
  watch *known = find_watched(watches, fd);

  if (mask == 0 && !known) return CM_OK;
  if (mask != 0) {
    cm_status status = make_room(watches, fd);
    if (status != CM_OK) return status;
    set_watched(watches, fd, mask);
  } else {
    forget_watched(watches, known);
    forget_untold(watches, fd);
  }
  add_change(watches, fd, mask);
  return CM_OK;
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

int cm_watches_is_settled(const cm_watches *watches) {
  return watches->told == watches->changes.count && watches->closing.count == 0;
}

static cm_status make_room_to_close(cm_watches *watches, size_t count) {
  cm_list *closing = &watches->closing;

  return cm_list_reserve(closing, watches->alloc, closing->count + count, sizeof(int));
}

cm_status cm_watches_expect_close(cm_watches *watches) {
  cm_status status = make_room_to_close(watches, watches->expected + 1);

  if (status == CM_OK) watches->expected++;
  return status;
}

cm_status cm_watches_close(cm_watches *watches, int fd) {
  cm_list *closing = &watches->closing;
  cm_status status = make_room_to_close(watches, 1);

  if (watches->expected > 0) watches->expected--;
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

int cm_watches_mask(const cm_watches *watches, int fd) {
  const watch *known = find_watched(watches, fd);

  return known ? known->mask : 0;
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
