/*
** blocks.h - the content blocks of one message, in the order of their index,
** whatever the order they came in.
**
** Way in:  ... event -> block in [blocks] in message -> response -> Lua
*/
#ifndef CM_BLOCKS_H
#define CM_BLOCKS_H

#include "core/base.h"
#include "core/block.h"

/* So many that no reply has them, and so few that no order of them takes long to sort. */
enum { CM_BLOCKS_MAX = 100000 };

/* Embed by value. Read items and count freely; write only through these functions. */
typedef struct cm_blocks {
  const cm_alloc *alloc;
  cm_block **items; /* each allocated by itself: it stays where it is */
  size_t count;
  size_t capacity;
  cm_block *latest; /* found or added last: most often also the next */
} cm_blocks;

void cm_blocks_init(cm_blocks *blocks, const cm_alloc *alloc);
void cm_blocks_deinit(cm_blocks *blocks);

/* NULL: none has that index. */
cm_block *cm_blocks_find(cm_blocks *blocks, int64_t index);

/*
** Adds a block with an index that none has yet; start is a valid object, copied.
** CM_OK with *added, CM_ERR_NOMEM, CM_ERR_LIMIT (CM_BLOCKS_MAX): then nothing is added.
*/
cm_status cm_blocks_add(cm_blocks *blocks, int64_t index, cm_slice start, cm_block **added);

/* The same without a copy: start must stay as long as the blocks. */
cm_status cm_blocks_add_within(cm_blocks *blocks, int64_t index, cm_slice start, cm_block **added);

#endif
