/*
** json_encode.h - what the two halves of core.encode share: json_encode.c walks
** the values, json_keys.c brings the keys of an object into order.
*/
#ifndef CM_BIND_CORE_JSON_ENCODE_H
#define CM_BIND_CORE_JSON_ENCODE_H

#include "bind/compat.h"
#include "core/buffer.h"
#include "core/json_slots.h"
#include "core/json_writer.h"

/* A value being written, and through up everything it stands in. */
typedef struct encode_place {
  const struct encode_place *up;
  const void *table; /* identity, to notice a table inside itself */
  int stack_index;   /* of the table, when the value is one */
  cm_slice key;      /* in an object */
  size_t element;    /* in an array, from 1; 0 in an object */
  unsigned depth;    /* 0 is the root */
  cm_json_slot slot; /* what its members mean to the API */
  int is_list;       /* written [] when it is an empty table */
} encode_place;

typedef struct encode_key {
  cm_slice text; /* kept alive by the anchor table */
  size_t anchor; /* its index there */
} encode_key;

/* All of it in one userdata: raising anywhere leaks nothing. */
typedef struct encoder {
  cm_buffer out;
  cm_json_writer writer;
  cm_buffer path;   /* of the failure */
  encode_key *keys; /* a stack: the keys of every object that is open */
  size_t key_count;
  size_t key_capacity;
  int anchor_index;   /* stack index of the table that keeps the keys alive */
  int request;        /* empty tables by slot, required properties first */
  int failed;         /* message and path say why; if stopped without: no memory */
  const char *around; /* the root's member, a list, at whose end the text is cut in two, or NULL */
  size_t cut;         /* where that is; 0: not met */
  char message[160];
} encoder;

/* Keeps the failure of the value at place; returns 0, "stop". */
int cm_encode_fail(encoder *e, const encode_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Remembers the string on top of the stack as a key of the innermost object. May raise. */
void cm_encode_add_key(lua_State *L, encoder *e);

/* The keys from first on: in byte order; two of the same; those in the list on top first. */
void cm_encode_sort_keys(encoder *e, size_t first);
const encode_key *cm_encode_find_twice(const encoder *e, size_t first);
void cm_encode_move_required(lua_State *L, encoder *e, size_t first);

/* Makes the path of place, such as messages[2].content[1].text, in e->path. */
cm_status cm_encode_write_path(encoder *e, const encode_place *place);

#endif
