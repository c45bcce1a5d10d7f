/*
** splice.h - an object's JSON text with some members replaced or added, every
** other byte as it was.
**
** Way in:  ... event -> block, message -> [splice] -> exact bytes
**
** Knows JSON objects and nothing of what they mean.
*/
#ifndef CM_SPLICE_H
#define CM_SPLICE_H

#include "core/base.h"
#include "core/buffer.h"
#include "core/json_string.h"

enum { CM_OVERLAY_MAX = 64, CM_SPLICE_MAX = CM_OVERLAY_MAX + 8 };

/* One member to put in. The value is head, body and tail, one after the other. */
typedef struct cm_member {
  cm_slice name;    /* its plain text */
  cm_slice spelled; /* the inside of the JSON string that says it */
  cm_slice head;
  cm_slice body;
  cm_slice tail;
} cm_member;

/* Sets a name made of plain ASCII without quotes or backslashes, and the value's body. */
void cm_member_set(cm_member *member, const char *name, cm_slice value);

/*
** Appends object, which is valid JSON, to out: members it has get their new values
** where they stand (the last one, if a name occurs twice: that is the one that
** counts), members it lacks are added at its end in the order given. count is at most
** CM_SPLICE_MAX.
**
**   CM_OK, or CM_ERR_NOMEM / CM_ERR_LIMIT of out, which then holds a part
*/
cm_status cm_splice(cm_slice object, const cm_member *members, size_t count, cm_buffer *out);

/* Members that later ones of the same name replace: owns its bytes. Embed by value. */
typedef struct cm_overlay {
  const cm_alloc *alloc;
  struct cm_overlay_entry *entries;
  size_t count;
  size_t capacity;
} cm_overlay;

void cm_overlay_init(cm_overlay *overlay, const cm_alloc *alloc);
void cm_overlay_deinit(cm_overlay *overlay);

/* CM_ERR_LIMIT: more than CM_OVERLAY_MAX names. */
cm_status cm_overlay_set(cm_overlay *overlay, cm_json_string name, cm_slice value);
cm_status cm_overlay_set_named(cm_overlay *overlay, const char *name, cm_slice value);

/* The value set last, or an empty slice. Borrowed until the next set. */
cm_slice cm_overlay_get(const cm_overlay *overlay, const char *name);

/* Fills members, which has room for CM_OVERLAY_MAX; returns how many. Borrowed likewise. */
size_t cm_overlay_members(const cm_overlay *overlay, cm_member *members);

#endif
