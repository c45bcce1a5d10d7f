/*
** json_keys.c - the keys of the objects that core.encode writes: collected, kept
** alive, sorted; and the path that names a value by them.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/core/json_encode.h"

static void grow_keys(lua_State *L, encoder *e) {
  size_t capacity = e->key_capacity ? 2 * e->key_capacity : 32;
  encode_key *grown = realloc(e->keys, capacity * sizeof *grown);

  if (!grown) luaL_error(L, "not enough memory");
  e->keys = grown;
  e->key_capacity = capacity;
}

/*
** A finalizer may run while we write and take the key out of its table. So that
** its bytes stay where they are, each key is kept in a table of our own.
*/
void cm_encode_add_key(lua_State *L, encoder *e) {
  encode_key *key;

  if (e->key_count == e->key_capacity) grow_keys(L, e);
  lua_pushvalue(L, -1);
  lua_rawseti(L, e->anchor_index, (int)(e->key_count + 1));
  key = &e->keys[e->key_count++];
  key->text.ptr = lua_tolstring(L, -1, &key->text.len);
  key->anchor = e->key_count;
}

static int compare_keys(const void *left, const void *right) {
  const cm_slice *a = &((const encode_key *)left)->text, *b = &((const encode_key *)right)->text;
  size_t common = a->len < b->len ? a->len : b->len;
  int order = common ? memcmp(a->ptr, b->ptr, common) : 0;

  return order ? order : (a->len > b->len) - (a->len < b->len);
}

void cm_encode_sort_keys(encoder *e, size_t first) {
  if (e->key_count > first)
    qsort(e->keys + first, e->key_count - first, sizeof *e->keys, compare_keys);
}

const encode_key *cm_encode_find_twice(const encoder *e, size_t first) {
  size_t i;

  for (i = first + 1; i < e->key_count; i++)
    if (compare_keys(&e->keys[i - 1], &e->keys[i]) == 0) return &e->keys[i];
  return NULL;
}

static void move_to(encode_key *place, encode_key *from) {
  encode_key moved = *from;

  memmove(place + 1, place, (size_t)(from - place) * sizeof *place);
  *place = moved;
}

/* What is not moved stays sorted, so each name is found by halving. */
void cm_encode_move_required(lua_State *L, encoder *e, size_t first) {
  size_t count = lua_rawlen(L, -1), i;
  encode_key wanted, *found;

  wanted.anchor = 0;
  for (i = 1; i <= count && first < e->key_count; i++) {
    lua_rawgeti(L, -1, (int)i);
    if (lua_type(L, -1) == LUA_TSTRING) {
      wanted.text.ptr = lua_tolstring(L, -1, &wanted.text.len);
      found = bsearch(&wanted, e->keys + first, e->key_count - first, sizeof *found, compare_keys);
      if (found) move_to(e->keys + first++, found);
    }
    lua_pop(L, 1);
  }
}

/* Paths */

enum { LONGEST_KEY = 64, MOST_STEPS = 24, FIRST_STEPS = 12 };

static int is_name(cm_slice key) {
  size_t i;

  for (i = 0; i < key.len; i++) {
    char c = key.ptr[i];
    int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(i > 0 && c >= '0' && c <= '9')) return 0;
  }
  return key.len > 0 && key.len <= LONGEST_KEY;
}

static cm_status put(encoder *e, const char *text, size_t len) {
  cm_slice slice;

  slice.ptr = text;
  slice.len = len;
  return cm_buffer_append(&e->path, slice);
}

/* A key that is no name, readable whatever its bytes are, as ["…"]. */
static cm_status put_quoted(encoder *e, cm_slice key) {
  size_t shown = key.len < LONGEST_KEY ? key.len : LONGEST_KEY, i;
  cm_status status = put(e, "[\"", 2);
  char text[8];

  for (i = 0; i < shown && status == CM_OK; i++) {
    unsigned char c = (unsigned char)key.ptr[i];
    int plain = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
    int len = snprintf(text, sizeof text, plain ? "%c" : "\\%03u", c);
    status = put(e, text, (size_t)len);
  }
  if (status == CM_OK) status = put(e, shown < key.len ? "...\"]" : "\"]", shown < key.len ? 5 : 2);
  return status;
}

static cm_status put_step(encoder *e, const encode_place *place) {
  char text[32];
  int len;

  if (place->element) {
    len = snprintf(text, sizeof text, "[%zu]", place->element);
    return put(e, text, (size_t)len);
  }
  if (!is_name(place->key)) return put_quoted(e, place->key);
  if (e->path.len) put(e, ".", 1);
  return put(e, place->key.ptr, place->key.len);
}

/* Of a very long path the middle is left out. */
cm_status cm_encode_write_path(encoder *e, const encode_place *place) {
  const encode_place *steps[MOST_STEPS];
  unsigned depth = place->depth, count = 0, i;
  cm_status status = CM_OK;

  for (; place->up; place = place->up) {
    unsigned from_root = place->depth - 1, from_end = depth - place->depth;
    if (depth <= MOST_STEPS || from_root < FIRST_STEPS || from_end < MOST_STEPS - FIRST_STEPS)
      steps[count++] = place;
  }
  cm_buffer_clear(&e->path);
  if (place->key.len) status = put(e, place->key.ptr, place->key.len);
  for (i = count; i > 0 && status == CM_OK; i--) {
    if (depth > MOST_STEPS && count - i == FIRST_STEPS) status = put(e, " ... ", 5);
    if (status == CM_OK) status = put_step(e, steps[i - 1]);
  }
  return status;
}
