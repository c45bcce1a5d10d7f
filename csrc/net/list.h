/*
** list.h - an array that grows and never shrinks, of whatever its user says.
*/
#ifndef CM_NET_LIST_H
#define CM_NET_LIST_H

#include "core/base.h"

/* Embed by value; all zero is empty. Read freely; count up to what was reserved. */
typedef struct cm_list {
  void *items;
  size_t count;
  size_t capacity;
} cm_list;

/* Makes room for count items of that size. CM_OK or CM_ERR_NOMEM. */
cm_status cm_list_reserve(cm_list *list, const cm_alloc *alloc, size_t count, size_t size);

/* Frees it; then it is empty. */
void cm_list_drop(cm_list *list, const cm_alloc *alloc, size_t size);

#endif
