#include "net/list.h"

enum { FIRST_CAPACITY = 16 };

cm_status cm_list_reserve(cm_list *list, const cm_alloc *alloc, size_t count, size_t size) {
  size_t capacity = list->capacity ? list->capacity : FIRST_CAPACITY;
  void *grown;

  if (count <= list->capacity) return CM_OK;
  while (capacity < count) capacity *= 2;
  grown = alloc->resize(alloc->ud, list->items, list->capacity * size, capacity * size);
  if (!grown) return CM_ERR_NOMEM;
  list->items = grown;
  list->capacity = capacity;
  return CM_OK;
}

void cm_list_drop(cm_list *list, const cm_alloc *alloc, size_t size) {
  alloc->resize(alloc->ud, list->items, list->capacity * size, 0);
  list->items = NULL;
  list->count = list->capacity = 0;
}
