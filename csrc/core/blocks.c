#include "core/blocks.h"

#include <string.h>

enum { FIRST_CAPACITY = 8 };

void cm_blocks_init(cm_blocks *blocks, const cm_alloc *alloc) {
  memset(blocks, 0, sizeof *blocks);
  blocks->alloc = alloc;
}

static void free_block(const cm_alloc *alloc, cm_block *block) {
  cm_block_deinit(block);
  alloc->resize(alloc->ud, block, sizeof *block, 0);
}

void cm_blocks_deinit(cm_blocks *blocks) {
  const cm_alloc *alloc = blocks->alloc;
  size_t i;

  for (i = 0; i < blocks->count; i++) free_block(alloc, blocks->items[i]);
  alloc->resize(alloc->ud, blocks->items, blocks->capacity * sizeof *blocks->items, 0);
  cm_blocks_init(blocks, alloc);
}

/* The position of the first block whose index is not below. */
static size_t position_of(const cm_blocks *blocks, int64_t index) {
  size_t low = 0, high = blocks->count, middle;

  while (low < high) {
    middle = low + (high - low) / 2;
    if (blocks->items[middle]->index < index)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

cm_block *cm_blocks_find(cm_blocks *blocks, int64_t index) {
  size_t at;

  if (blocks->latest && blocks->latest->index == index) return blocks->latest;
  at = position_of(blocks, index);
  if (at == blocks->count || blocks->items[at]->index != index) return NULL;
  blocks->latest = blocks->items[at];
  return blocks->latest;
}

static cm_status make_room(cm_blocks *blocks) {
  size_t capacity = blocks->capacity ? blocks->capacity * 2 : FIRST_CAPACITY;
  size_t size = sizeof *blocks->items;
  cm_block **grown;

  if (blocks->count == CM_BLOCKS_MAX) return CM_ERR_LIMIT;
  if (blocks->count < blocks->capacity) return CM_OK;
  grown = blocks->alloc->resize(blocks->alloc->ud, blocks->items, blocks->capacity * size,
                                capacity * size);
  if (!grown) return CM_ERR_NOMEM;
  blocks->items = grown;
  blocks->capacity = capacity;
  return CM_OK;
}

static void insert(cm_blocks *blocks, cm_block *block) {
  size_t at = position_of(blocks, block->index);

  memmove(blocks->items + at + 1, blocks->items + at, (blocks->count - at) * sizeof *blocks->items);
  blocks->items[at] = block;
  blocks->count++;
  blocks->latest = block;
}

typedef cm_status init_function(cm_block *block, const cm_alloc *alloc, int64_t index,
                                cm_slice start);

static cm_status add(cm_blocks *blocks, int64_t index, cm_slice start, init_function *init,
                     cm_block **added) {
  cm_status status = make_room(blocks);
  cm_block *block;

  if (status != CM_OK) return status;
  block = blocks->alloc->resize(blocks->alloc->ud, NULL, 0, sizeof *block);
  if (!block) return CM_ERR_NOMEM;
  status = init(block, blocks->alloc, index, start);
  if (status != CM_OK) {
    free_block(blocks->alloc, block);
    return status;
  }
  insert(blocks, block);
  *added = block;
  return CM_OK;
}

cm_status cm_blocks_add(cm_blocks *blocks, int64_t index, cm_slice start, cm_block **added) {
  return add(blocks, index, start, cm_block_init, added);
}

cm_status cm_blocks_add_within(cm_blocks *blocks, int64_t index, cm_slice start, cm_block **added) {
  return add(blocks, index, start, cm_block_init_within, added);
}
