#include "core/pairs.h"

#include <stdlib.h>
#include <string.h>

typedef struct cm_pairs_entry {
  cm_slice id;  /* raw value, never empty */
  size_t block; /* its position in the message */
} entry;

static int compare_ids(cm_slice a, cm_slice b) {
  if (a.len != b.len) return a.len < b.len ? -1 : 1;
  return memcmp(a.ptr, b.ptr, a.len);
}

static int compare_entries(const void *left, const void *right) {
  const entry *a = left, *b = right;
  int order = compare_ids(a->id, b->id);

  return order ? order : (a->block > b->block) - (a->block < b->block);
}

static size_t add(entry *list, size_t count, cm_slice id, size_t block) {
  if (id.len == 0) return count;
  list[count].id = id;
  list[count].block = block;
  return count + 1;
}

static void collect(cm_pairs *pairs, const cm_message *message, int unstopped_too) {
  const cm_block *block;
  size_t i;

  for (i = 0; i < message->blocks.count; i++) {
    block = message->blocks.items[i];
    if (cm_block_is_tool(block)) pairs->calls = add(pairs->entries, pairs->calls, block->id, i);
  }
  for (i = 0; i < message->blocks.count; i++) {
    block = message->blocks.items[i];
    if (block->stopped || unstopped_too)
      pairs->results = add(pairs->entries + pairs->calls, pairs->results, block->tool_use_id, i);
  }
}

cm_status cm_pairs_init(cm_pairs *pairs, const cm_alloc *alloc, const cm_message *message,
                        int unstopped_too) {
  memset(pairs, 0, sizeof *pairs);
  pairs->alloc = alloc;
  if (message->blocks.count == 0) return CM_OK;
  pairs->entries = alloc->resize(alloc->ud, NULL, 0, 2 * message->blocks.count * sizeof(entry));
  if (!pairs->entries) return CM_ERR_NOMEM;
  pairs->capacity = 2 * message->blocks.count;
  collect(pairs, message, unstopped_too);
  qsort(pairs->entries, pairs->calls, sizeof(entry), compare_entries);
  qsort(pairs->entries + pairs->calls, pairs->results, sizeof(entry), compare_entries);
  return CM_OK;
}

void cm_pairs_deinit(cm_pairs *pairs) {
  const cm_alloc *alloc = pairs->alloc;

  alloc->resize(alloc->ud, pairs->entries, pairs->capacity * sizeof(entry), 0);
  memset(pairs, 0, sizeof *pairs);
  pairs->alloc = alloc;
}

/* The first block that has the id: the list is sorted by id, then by block. */
static int is_listed(const entry *list, size_t count, cm_slice id, size_t end) {
  size_t low = 0, high = count, middle;

  while (low < high) {
    middle = low + (high - low) / 2;
    if (compare_ids(list[middle].id, id) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && compare_ids(list[low].id, id) == 0 && list[low].block < end;
}

int cm_pairs_has(const cm_pairs *pairs, const cm_block *block, size_t end) {
  if (cm_block_is_tool(block))
    return is_listed(pairs->entries + pairs->calls, pairs->results, block->id, end);
  return is_listed(pairs->entries, pairs->calls, block->tool_use_id, end);
}

size_t cm_pairs_call(const cm_pairs *pairs, size_t i, int *same_id) {
  *same_id = i > 0 && compare_ids(pairs->entries[i - 1].id, pairs->entries[i].id) == 0;
  return pairs->entries[i].block;
}
