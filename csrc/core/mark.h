/*
** mark.h - where a cache breakpoint goes into sealed content: found and put in
** between, so that every byte around it stays what it is and where it is.
**
** Way out:  transcript -> [mark] -> body
**
** Knows that content is a text or a list of blocks; nothing of what they mean.
*/
#ifndef CM_MARK_H
#define CM_MARK_H

#include "core/base.h"

/*
** Content with a breakpoint in one of its blocks, as the pieces it is made of in this
** order, the breakpoint itself between name and close. before, text and after are
** borrowed from the content, the others are constant.
*/
typedef struct cm_mark {
  cm_slice before;
  cm_slice open; /* of a block around a content that is a text; else empty */
  cm_slice text; /* that content; else empty */
  cm_slice name;
  cm_slice close;
  cm_slice after;
} cm_mark;

/*
** Finds the place in the block with that number, from 0; a content that is a text is
** its block 0. content is JSON that has been checked.
**
**   CM_OK            *mark is filled in
**   CM_ERR_PROTOCOL  there is no such block, or it is no object with members
*/
cm_status cm_mark_find(cm_slice content, size_t block, cm_mark *mark);

/* How many blocks a content has: a text is one. */
size_t cm_mark_count(cm_slice content);

#endif
