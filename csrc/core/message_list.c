#include "core/message_list.h"

#include <string.h>

enum {
  FIRST_CAPACITY = 8,
  LARGE = 16 * 1024, /* has a segment of its own, so that no other is left half empty */
  LEAST_SEGMENT = 1024,
  LARGEST_SEGMENT = 64 * 1024,
  PARTS = 8 /* a segment is at most such a part of what there is: what is free in it is little */
};

static const cm_slice comma = { ",", 1 };

/* Makes room for one more in an array of items of that size. */
static cm_status reserve_one(const cm_alloc *alloc, void **items, size_t size, size_t count,
                             size_t *capacity) {
  size_t wanted = *capacity ? *capacity * 2 : FIRST_CAPACITY;
  void *grown;

  if (count < *capacity) return CM_OK;
  if (wanted > (size_t)-1 / size) return CM_ERR_LIMIT;
  grown = alloc->resize(alloc->ud, *items, *capacity * size, wanted * size);
  if (!grown) return CM_ERR_NOMEM;
  *items = grown;
  *capacity = wanted;
  return CM_OK;
}

static cm_status reserve_entry(cm_message_list *list) {
  void *items = list->entries;
  cm_status status =
      reserve_one(list->alloc, &items, sizeof *list->entries, list->count, &list->capacity);

  list->entries = items;
  return status;
}

static cm_status reserve_run(cm_message_list *list) {
  void *items = list->runs;
  cm_status status =
      reserve_one(list->alloc, &items, sizeof *list->runs, list->run_count, &list->run_capacity);

  list->runs = items;
  return status;
}

static size_t size_of_segment(const cm_message_list *list, size_t least) {
  size_t size = list->bytes / PARTS;

  if (size < LEAST_SEGMENT) size = LEAST_SEGMENT;
  if (size > LARGEST_SEGMENT) size = LARGEST_SEGMENT;
  return size < least ? least : size;
}

/* Whether the last message lies at the end of the open segment, and a comma and one more of that
   length behind it. */
static int continues(const cm_message_list *list, size_t length) {
  cm_slice last, used;

  if (list->count == 0 || !list->open || list->runs[list->run_count - 1].segment != list->open)
    return 0;
  last = list->entries[list->count - 1].bytes;
  used = cm_segment_bytes(list->open);
  return last.ptr + last.len == used.ptr + used.len && cm_segment_room(list->open) > length;
}

/* Where a message that begins a run is to lie; NULL: no memory. */
static cm_segment *segment_for(cm_message_list *list, size_t length) {
  cm_segment *made;

  if (length >= LARGE) return cm_segment_with_room(list->alloc, length);
  if (list->open && cm_segment_room(list->open) >= length) return cm_segment_retain(list->open);
  made = cm_segment_with_room(list->alloc, size_of_segment(list, length));
  if (!made) return NULL;
  cm_segment_release(list->open);
  list->open = made;
  return cm_segment_retain(made);
}

static cm_status begin_run(cm_message_list *list, size_t length) {
  cm_status status = reserve_run(list);
  cm_message_run *run;
  cm_segment *segment;

  if (status != CM_OK) return status;
  segment = segment_for(list, length);
  if (!segment) return CM_ERR_NOMEM;
  run = &list->runs[list->run_count++];
  run->segment = segment;
  run->first = list->count;
  return CM_OK;
}

/* There is room for it. */
static void add_entry(cm_message_list *list, cm_role role, cm_slice message) {
  cm_message_entry *added = &list->entries[list->count++];

  added->bytes = message;
  added->role = role;
  list->bytes += message.len;
}

cm_status cm_message_list_append(cm_message_list *list, cm_role role, cm_slice message) {
  cm_segment *segment;
  cm_status status;

  if (message.len >= (size_t)-1 - list->bytes) return CM_ERR_LIMIT;
  status = reserve_entry(list);
  if (status == CM_OK && !continues(list, message.len)) status = begin_run(list, message.len + 1);
  if (status != CM_OK) return status;
  segment = list->runs[list->run_count - 1].segment;
  if (list->count > 0) cm_segment_extend(segment, comma);
  message.ptr = cm_segment_extend(segment, message);
  add_entry(list, role, message);
  return CM_OK;
}

cm_status cm_message_list_adopt(cm_message_list *list, cm_role role, cm_segment *segment) {
  cm_slice bytes = cm_segment_bytes(segment), message = { bytes.ptr + 1, bytes.len - 1 };
  cm_message_run *run;
  cm_status status;

  if (message.len < LARGE) return cm_message_list_append(list, role, message);
  if (message.len > (size_t)-1 - list->bytes) return CM_ERR_LIMIT;
  status = reserve_entry(list);
  if (status == CM_OK) status = reserve_run(list);
  if (status != CM_OK) return status;
  run = &list->runs[list->run_count++];
  run->segment = cm_segment_retain(segment);
  run->first = list->count;
  add_entry(list, role, message);
  return CM_OK;
}

void cm_message_list_truncate(cm_message_list *list, size_t count) {
  while (list->count > count) list->bytes -= list->entries[--list->count].bytes.len;
  while (list->run_count && list->runs[list->run_count - 1].first >= count)
    cm_segment_release(list->runs[--list->run_count].segment);
}

/* As many of the runs as the first messages lie in. */
static cm_status copy_runs(cm_message_list *list, const cm_message_list *from, size_t count) {
  cm_status status = CM_OK;
  size_t i;

  for (i = 0; i < from->run_count && from->runs[i].first < count; i++) {
    status = reserve_run(list);
    if (status != CM_OK) return status;
    list->runs[list->run_count] = from->runs[i];
    cm_segment_retain(list->runs[list->run_count++].segment);
  }
  return status;
}

static cm_status copy_entries(cm_message_list *list, const cm_message_list *from, size_t count) {
  size_t size = sizeof *list->entries;

  if (count > (size_t)-1 / 2 / size) return CM_ERR_LIMIT;
  list->entries = list->alloc->resize(list->alloc->ud, NULL, 0, (count + 1) * size);
  if (!list->entries) return CM_ERR_NOMEM;
  list->capacity = count + 1;
  memcpy(list->entries, from->entries, count * size);
  for (; list->count < count; list->count++) list->bytes += list->entries[list->count].bytes.len;
  return CM_OK;
}

cm_message_list *cm_message_list_begin(const cm_alloc *alloc, const cm_message_list *from,
                                       size_t count) {
  cm_message_list *list = alloc->resize(alloc->ud, NULL, 0, sizeof *list);
  cm_status status = CM_OK;

  if (!list) return NULL;
  memset(list, 0, sizeof *list);
  list->alloc = alloc;
  list->references = 1;
  if (count) status = copy_entries(list, from, count);
  if (count && status == CM_OK) status = copy_runs(list, from, count);
  if (status == CM_OK) return list;
  cm_message_list_release(list);
  return NULL;
}

cm_message_list *cm_message_list_retain(cm_message_list *list) {
  list->references++;
  return list;
}

void cm_message_list_release(cm_message_list *list) {
  const cm_alloc *alloc;

  if (!list || --list->references) return;
  alloc = list->alloc;
  cm_message_list_truncate(list, 0);
  cm_segment_release(list->open);
  alloc->resize(alloc->ud, list->entries, list->capacity * sizeof *list->entries, 0);
  alloc->resize(alloc->ud, list->runs, list->run_capacity * sizeof *list->runs, 0);
  alloc->resize(alloc->ud, list, sizeof *list, 0);
}
