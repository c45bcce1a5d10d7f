/*
** json_slots.h - what the API expects where: whether an empty table is [] or {},
** and where a JSON Schema begins. Names only; knows nothing of values.
*/
#ifndef CM_JSON_SLOTS_H
#define CM_JSON_SLOTS_H

#include "core/base.h"

/* What the members of a value mean. Elements of an array mean what the array does. */
typedef enum cm_json_slot {
  CM_SLOT_FREE,       /* the user's own data: tool input, defaults, examples */
  CM_SLOT_API,        /* parameters, messages, blocks, tools */
  CM_SLOT_SCHEMA,     /* a JSON Schema */
  CM_SLOT_PROPERTIES, /* the schemas of an object's properties, by their names */
  CM_SLOT_SCHEMAS,    /* other schemas by names the user chose */
  CM_SLOT_NAME_LISTS  /* lists of names, by names the user chose */
} cm_json_slot;

/* What the value of key is in parent; *is_list: when empty, it is an array. */
cm_json_slot cm_json_slot_of(cm_json_slot parent, cm_slice key, int *is_list);

#endif
