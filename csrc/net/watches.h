/*
** watches.h - which descriptors libcurl wants watched, told to a driver as changes in
** order, and which it is done with.
**
** A closed descriptor's number may come back as another connection's in the same
** breath: so changes are never merged past a removal, and descriptors are closed only
** when the driver has applied the changes. What is taken back before it was told is never
** told. Knows nothing of libcurl.
*/
#ifndef CM_NET_WATCHES_H
#define CM_NET_WATCHES_H

#include "net/list.h"

/* Embed by value; all fields are private to watches.c. */
typedef struct cm_watches {
  const cm_alloc *alloc;
  cm_list watched;
  cm_list places;  /* by descriptor: where in watched, counted from 1; 0: it is not */
  cm_list changes; /* the first `told` of them were told */
  size_t told;
  cm_list closing;
  size_t expected; /* closes that room was made for */
} cm_watches;

void cm_watches_init(cm_watches *watches, const cm_alloc *alloc);

/* Closes what is to be closed, and frees. */
void cm_watches_deinit(cm_watches *watches);

/*
** From now on fd is to be watched for mask; 0 stops, which never fails. CM_ERR_NOMEM: it is
** not watched, and nobody is told of it.
*/
cm_status cm_watches_note(cm_watches *watches, int fd, int mask);

/* The next change; 0: no more. */
int cm_watches_change(cm_watches *watches, int *fd, int *mask);

/* Whether there is nothing to tell and nothing to close. */
int cm_watches_is_settled(const cm_watches *watches);

/* Makes room for one call of cm_watches_close, which then cannot fail. */
cm_status cm_watches_expect_close(cm_watches *watches);

/*
** Closes fd when cm_watches_release is called. CM_ERR_NOMEM, if it was not expected: it was
** closed at once, which is too early, and better than never.
*/
cm_status cm_watches_close(cm_watches *watches, int fd);
void cm_watches_release(cm_watches *watches);

/* What fd is watched for; 0: it is not. */
int cm_watches_mask(const cm_watches *watches, int fd);

/* The i-th descriptor that is watched, in no order; 0: there are not so many. */
int cm_watches_at(const cm_watches *watches, size_t i, int *fd, int *mask);

size_t cm_watches_count(const cm_watches *watches);

#endif
