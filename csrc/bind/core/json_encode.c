/*
** json_encode.c - core.encode over core/json_writer.h: Lua values to JSON text.
**
** Writes what a value says or refuses it by its path; nothing is left out, and no
** Lua code runs in between. Tables are read raw.
*/
#include "bind/core/json_encode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bind/core/json.h"
#include "core/json_reader.h"
#include "core/slice.h"
#include "core/utf8.h"

#define ENCODER_CLASS "claude.core.Encoder"
#define SPARE_CLASS "claude.core.EncoderSpare"

enum {
  FEW_KEYS = 8,    /* of all objects around a place: a table that grows is built anew */
  KEPT = 64 * 1024 /* bytes: room that one value leaves to the next */
};

int cm_encode_fail(encoder *e, const encode_place *place, const char *format, ...) {
  va_list args;

  va_start(args, format);
  vsnprintf(e->message, sizeof e->message, format, args);
  va_end(args);
  e->failed = cm_encode_write_path(e, place) == CM_OK; /* without a path: no memory */
  return 0;
}

/* Turns the writer's answer into go on (1) or stop (0). */
static int written(encoder *e, const encode_place *place, cm_status status) {
  if (status == CM_OK) return 1;
  if (status == CM_ERR_LIMIT)
    return cm_encode_fail(e, place, "more than %zu bytes of JSON", e->out.limit);
  return 0; /* no memory: raised at the end, as Lua does */
}

/* Each encode_… below writes the value on top of the stack, leaves it there, and returns go on. */
static int encode_value(lua_State *L, encoder *e, encode_place *place);

static int encode_text(lua_State *L, encoder *e, const encode_place *place) {
  cm_slice text;
  cm_status status;

  text.ptr = lua_tolstring(L, -1, &text.len);
  status = cm_json_writer_string(&e->writer, text);
  if (status != CM_ERR_UTF8) return written(e, place, status);
  return cm_encode_fail(e, place, "invalid UTF-8 at byte %zu", cm_utf8_valid_prefix(text) + 1);
}

static int encode_number(lua_State *L, encoder *e, const encode_place *place) {
  double value = (double)lua_tonumber(L, -1);

  if (lua_isinteger(L, -1))
    return written(e, place, cm_json_writer_int64(&e->writer, (int64_t)lua_tointeger(L, -1)));
  if (value != value) return cm_encode_fail(e, place, "NaN is no number in JSON");
  if (value - value != 0) return cm_encode_fail(e, place, "infinity is no number in JSON");
  return written(e, place, cm_json_writer_double(&e->writer, value));
}

static int encode_userdata(lua_State *L, encoder *e, const encode_place *place) {
  int index = lua_gettop(L);
  cm_slice raw, empty = { "[]", 2 };

  if (cm_json_is_raw(L, index, &raw)) return written(e, place, cm_json_writer_raw(&e->writer, raw));
  if (cm_json_is_null(L, index)) return written(e, place, cm_json_writer_null(&e->writer));
  if (cm_json_is_empty_array(L, index))
    return written(e, place, cm_json_writer_raw(&e->writer, empty));
  return cm_encode_fail(e, place, "a userdata cannot be written as JSON");
}

static void enter(encode_place *inner, const encode_place *outer) {
  inner->up = outer;
  inner->depth = outer->depth + 1;
  inner->element = 0;
  inner->slot = outer->slot;
  inner->is_list = 0;
}

/* Fails at the member of place whose key is the string on top of the stack. */
static int fail_at_key(lua_State *L, encoder *e, const encode_place *place, const char *why) {
  encode_place inner;

  enter(&inner, place);
  inner.key.ptr = lua_tolstring(L, -1, &inner.key.len);
  return cm_encode_fail(e, &inner, "%s", why);
}

/* Arrays */

/*
** Counts the elements; every key of the table on top must be one of 1, 2, 3 … without
** a gap. Returns 0 and says why if not.
*/
static int count_elements(lua_State *L, encoder *e, const encode_place *place, size_t *count) {
  double highest = 0;

  *count = 0;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    double key = lua_type(L, -2) == LUA_TNUMBER ? (double)lua_tonumber(L, -2) : 0;

    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) return fail_at_key(L, e, place, "a key beside elements");
    if (key < 1 || key > 1e9 || (double)(long)key != key)
      return cm_encode_fail(e, place, "a key is neither a string nor a position");
    if (key > highest) highest = key;
    ++*count;
  }
  if ((double)*count == highest) return 1;
  return cm_encode_fail(e, place, "an array with gaps: %zu elements, the last at %.0f", *count,
                        highest);
}

static int encode_array(lua_State *L, encoder *e, const encode_place *place) {
  encode_place inner;
  size_t count;

  if (!count_elements(L, e, place, &count)) return 0;
  enter(&inner, place);
  cm_json_writer_begin_array(&e->writer);
  for (inner.element = 1; inner.element <= count; inner.element++) {
    lua_rawgeti(L, place->stack_index, (int)inner.element);
    if (!encode_value(L, e, &inner)) return 0;
    lua_pop(L, 1);
  }
  return written(e, place, cm_json_writer_end_array(&e->writer));
}

/* Objects */

static int collect_keys(lua_State *L, encoder *e, const encode_place *place) {
  lua_pushnil(L);
  while (lua_next(L, place->stack_index)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TNUMBER) return cm_encode_fail(e, place, "an object with elements");
    if (lua_type(L, -1) != LUA_TSTRING)
      return cm_encode_fail(e, place, "a key is a %s, not a string", luaL_typename(L, -1));
    cm_encode_add_key(L, e);
  }
  return 1;
}

/* Writes key and the value on top of the stack, which it pops. */
static int encode_member(lua_State *L, encoder *e, const encode_place *place, cm_slice key) {
  size_t valid = cm_utf8_valid_prefix(key);
  encode_place inner;

  enter(&inner, place);
  inner.key = key;
  inner.slot = cm_json_slot_of(place->slot, key, &inner.is_list);
  if (valid < key.len)
    return cm_encode_fail(e, &inner, "invalid UTF-8 in the key at byte %zu", valid + 1);
  cm_json_writer_key(&e->writer, key);
  if (!encode_value(L, e, &inner)) return 0;
  lua_pop(L, 1);
  if (place->depth == 0 && e->around && cm_slice_is(key, e->around)) e->cut = e->out.len - 1;
  return 1;
}

/*
** In a schema the properties that "required" names come first, in that order: a
** plain table can so say what is to be written first.
*/
static void order_properties(lua_State *L, encoder *e, const encode_place *place, size_t first) {
  if (!e->request || place->slot != CM_SLOT_PROPERTIES || !place->up) return;
  lua_pushliteral(L, "required");
  lua_rawget(L, place->up->stack_index);
  if (lua_istable(L, -1)) cm_encode_move_required(L, e, first);
  lua_pop(L, 1);
}

static int encode_sorted(lua_State *L, encoder *e, const encode_place *place) {
  size_t first = e->key_count, last, i;

  if (!collect_keys(L, e, place)) return 0;
  last = e->key_count;
  cm_encode_sort_keys(e, first);
  order_properties(L, e, place, first);
  cm_json_writer_begin_object(&e->writer);
  for (i = first; i < last; i++) {
    lua_rawgeti(L, e->anchor_index, (int)e->keys[i].anchor);
    lua_rawget(L, place->stack_index);
    if (!encode_member(L, e, place, e->keys[i].text)) return 0;
  }
  e->key_count = first;
  return written(e, place, cm_json_writer_end_object(&e->writer));
}

/* Pushes key and value of the pair at position; says why if it is no such pair. */
static int push_pair(lua_State *L, encoder *e, const encode_place *place, size_t position) {
  lua_rawgeti(L, place->stack_index, (int)position);
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    lua_remove(L, -3);
    if (lua_type(L, -2) == LUA_TSTRING && !lua_isnil(L, -1)) return 1;
  }
  return cm_encode_fail(e, place, "element %zu of an object is no { key, value } pair", position);
}

static int check_pairs(lua_State *L, encoder *e, const encode_place *place, size_t count) {
  size_t first = e->key_count, i;
  const encode_key *twice;

  for (i = 1; i <= count; i++) {
    if (!push_pair(L, e, place, i)) return 0;
    lua_pop(L, 1);
    cm_encode_add_key(L, e);
    lua_pop(L, 1);
  }
  cm_encode_sort_keys(e, first);
  twice = cm_encode_find_twice(e, first);
  if (twice) {
    lua_rawgeti(L, e->anchor_index, (int)twice->anchor);
    return fail_at_key(L, e, place, "the same key twice");
  }
  e->key_count = first;
  return 1;
}

/* An object given as { {key, value}, … }: in this order. */
static int encode_pairs(lua_State *L, encoder *e, const encode_place *place) {
  size_t count, i;
  cm_slice key;

  if (!count_elements(L, e, place, &count) || !check_pairs(L, e, place, count)) return 0;
  cm_json_writer_begin_object(&e->writer);
  for (i = 1; i <= count; i++) {
    if (!push_pair(L, e, place, i)) return 0;
    key.ptr = lua_tolstring(L, -2, &key.len);
    if (!encode_member(L, e, place, key)) return 0;
    lua_pop(L, 1);
  }
  return written(e, place, cm_json_writer_end_object(&e->writer));
}

/* Tables */

/* The type of the first key of the table on top, LUA_TNIL when it is empty. */
static int first_key_type(lua_State *L) {
  int type;

  lua_pushnil(L);
  if (!lua_next(L, -2)) return LUA_TNIL;
  type = lua_type(L, -2);
  lua_pop(L, 2);
  return type;
}

/* An empty table whose fields a metatable invents would lose them. */
static int is_proxy(lua_State *L) {
  int has;

  if (!lua_getmetatable(L, -1)) return 0;
  lua_pushliteral(L, "__index");
  lua_rawget(L, -2);
  has = !lua_isnil(L, -1);
  lua_pop(L, 2);
  return has;
}

static int encode_by_shape(lua_State *L, encoder *e, const encode_place *place) {
  int first = first_key_type(L);

  switch (cm_json_mark_of(L, place->stack_index)) {
  case CM_MARK_ARRAY:
    return encode_array(L, e, place);
  case CM_MARK_OBJECT:
    return first == LUA_TNUMBER ? encode_pairs(L, e, place) : encode_sorted(L, e, place);
  case CM_MARK_UNREADABLE:
    return cm_encode_fail(e, place, "a table with __pairs or __mode; pass a plain copy");
  default:
    break;
  }
  if (first == LUA_TNIL && is_proxy(L))
    return cm_encode_fail(e, place, "an empty table with __index; pass a plain copy");
  if (first == LUA_TNUMBER || (first == LUA_TNIL && e->request && place->is_list))
    return encode_array(L, e, place);
  return encode_sorted(L, e, place);
}

static int refuse_depth(encoder *e, const encode_place *place) {
  const encode_place *outer, *inner;

  /* The place nearest to the root at which a table is inside itself. */
  for (outer = place; outer; outer = outer->up)
    for (inner = outer->up; inner; inner = inner->up)
      if (inner->table == outer->table) place = outer;
  for (inner = place->up; inner; inner = inner->up)
    if (inner->table == place->table) return cm_encode_fail(e, place, "contains itself");
  return cm_encode_fail(e, place, "nested deeper than %d levels", CM_JSON_MAX_DEPTH);
}

static int encode_table(lua_State *L, encoder *e, encode_place *place) {
  place->table = lua_topointer(L, -1);
  place->stack_index = lua_gettop(L);
  if (place->depth >= CM_JSON_MAX_DEPTH) return refuse_depth(e, place);
  if (!lua_checkstack(L, 16)) return cm_encode_fail(e, place, "nested too deep for this Lua stack");
  return encode_by_shape(L, e, place);
}

static int encode_value(lua_State *L, encoder *e, encode_place *place) {
  switch (lua_type(L, -1)) {
  case LUA_TSTRING:
    return encode_text(L, e, place);
  case LUA_TNUMBER:
    return encode_number(L, e, place);
  case LUA_TTABLE:
    return encode_table(L, e, place);
  case LUA_TBOOLEAN:
    return written(e, place, cm_json_writer_bool(&e->writer, lua_toboolean(L, -1)));
  case LUA_TUSERDATA:
  case LUA_TLIGHTUSERDATA:
    return encode_userdata(L, e, place);
  case LUA_TNIL:
    return cm_encode_fail(e, place, "nil cannot be written as JSON");
  default:
    return cm_encode_fail(e, place, "a %s cannot be written as JSON", luaL_typename(L, -1));
  }
}

/* core.encode */

static encoder *push_encoder(lua_State *L) {
  static const encoder none;
  encoder *e = lua_newuserdatauv(L, sizeof *e, 0);

  *e = none;
  cm_buffer_init(&e->out, &cm_libc_alloc, CM_JSON_MAX_BYTES);
  cm_buffer_init(&e->path, &cm_libc_alloc, CM_JSON_MAX_BYTES);
  cm_json_writer_init(&e->writer, &e->out);
  luaL_setmetatable(L, ENCODER_CLASS);
  return e;
}

/*
** What a value was written in is there for the next. To ask for so much each time, and to give it
** back, takes longer than small values do, and leaves gaps between what large ones become. Who
** encodes in between, in a finalizer, finds none.
*/
static cm_buffer *spare_room(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

static void exchange(cm_buffer *a, cm_buffer *b) {
  cm_buffer room = *a;

  a->ptr = b->ptr;
  a->capacity = b->capacity;
  b->ptr = room.ptr;
  b->capacity = room.capacity;
  a->len = b->len = 0;
}

/* Never more than the limit of what is to be written. */
static void take_spare(lua_State *L, encoder *e) {
  if (spare_room(L)->capacity <= e->out.limit) exchange(&e->out, spare_room(L));
}

static void leave_spare(lua_State *L, encoder *e) {
  cm_buffer *spare = spare_room(L);

  if (e->out.capacity > spare->capacity && e->out.capacity <= spare->limit)
    exchange(&e->out, spare);
}

/* Other finalizers may encode after it: they leave nothing in it. */
static int spare_gc(lua_State *L) {
  cm_buffer *spare = luaL_checkudata(L, 1, SPARE_CLASS);

  cm_buffer_deinit(spare);
  spare->limit = 0;
  return 0;
}

static void push_spare(lua_State *L) {
  cm_buffer_init(lua_newuserdatauv(L, sizeof(cm_buffer), 0), &cm_libc_alloc, KEPT);
  luaL_setmetatable(L, SPARE_CLASS);
}

static void free_encoder(encoder *e) {
  cm_buffer_deinit(&e->out);
  cm_buffer_deinit(&e->path);
  free(e->keys);
  e->keys = NULL;
}

static int encoder_gc(lua_State *L) {
  free_encoder(luaL_checkudata(L, 1, ENCODER_CLASS));
  return 0;
}

static void read_limit(lua_State *L, encoder *e) {
  lua_Number most;

  lua_getfield(L, 2, "max_bytes");
  most = lua_isnil(L, -1) ? (lua_Number)CM_JSON_MAX_BYTES : luaL_checknumber(L, -1);
  luaL_argcheck(L, most >= 1, 2, "max_bytes must be a number of bytes");
  if (most < (lua_Number)CM_JSON_MAX_BYTES) e->out.limit = (size_t)most;
  lua_pop(L, 1);
}

/* Leaves the name on the stack: it is borrowed. */
static void read_around(lua_State *L, encoder *e) {
  lua_getfield(L, 2, "around");
  luaL_argcheck(L, lua_isnil(L, -1) || lua_type(L, -1) == LUA_TSTRING, 2, "around must be a name");
  e->around = lua_tostring(L, -1);
}

/*
** Reads the options at 2: { request = boolean, slot = name of the root, max_bytes = number,
** around = name of a member }.
*/
static void read_options(lua_State *L, encoder *e, encode_place *root) {
  static const encode_place none;

  *root = none;
  if (lua_isnoneornil(L, 2)) return;
  luaL_checktype(L, 2, LUA_TTABLE);
  read_around(L, e);
  lua_getfield(L, 2, "request");
  e->request = lua_toboolean(L, -1);
  read_limit(L, e);
  if (e->request) root->slot = CM_SLOT_API;
  lua_getfield(L, 2, "slot"); /* ends up at 2: its bytes are borrowed */
  luaL_argcheck(L, lua_isnil(L, -1) || lua_type(L, -1) == LUA_TSTRING, 2, "slot must be a string");
  if (!lua_isnil(L, -1)) {
    root->key.ptr = lua_tolstring(L, -1, &root->key.len);
    root->slot = cm_json_slot_of(root->slot, root->key, &root->is_list);
  }
  lua_replace(L, 2);
  lua_pop(L, 1);
}

/* The message with the path before it, and the path. */
static int push_failure(lua_State *L, encoder *e) {
  if (!e->failed) return luaL_error(L, "not enough memory");
  lua_pushnil(L);
  lua_pushlstring(L, e->path.len ? e->path.ptr : "", e->path.len);
  lua_pushfstring(L, "%s%s%s", lua_tostring(L, -1), e->path.len ? ": " : "", e->message);
  lua_insert(L, -2);
  return 3;
}

/* The text, or what of it is before the end of a member that is a list, and the rest. */
static int push_text(lua_State *L, const encoder *e) {
  if (!e->around) {
    lua_pushlstring(L, e->out.ptr, e->out.len);
    return 1;
  }
  if (e->cut == 0 || e->out.ptr[e->cut] != ']')
    return luaL_error(L, "there is no list %s to write around", e->around);
  lua_pushlstring(L, e->out.ptr, e->cut);
  lua_pushlstring(L, e->out.ptr + e->cut, e->out.len - e->cut);
  return 2;
}

/*
** core.encode(value [, options]) -> JSON text | nil, message, path. With the option around, two
** texts: between them more elements can be put into the list that the value has by that name.
*/
static int encode(lua_State *L) {
  encode_place root;
  encoder *e;
  int results;

  luaL_checkany(L, 1);
  lua_settop(L, 2);
  e = push_encoder(L);
  read_options(L, e, &root);
  lua_createtable(L, lua_istable(L, 1) ? FEW_KEYS : 0, 0);
  e->anchor_index = lua_gettop(L);
  lua_pushvalue(L, 1);
  take_spare(L, e);
  results = encode_value(L, e, &root) ? push_text(L, e) : push_failure(L, e);
  leave_spare(L, e);
  free_encoder(e);
  return results;
}

static void add_class(lua_State *L, const char *name, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

void cm_json_open_encode(lua_State *L) {
  add_class(L, ENCODER_CLASS, encoder_gc);
  add_class(L, SPARE_CLASS, spare_gc);
  push_spare(L);
  lua_pushcclosure(L, encode, 1);
  lua_setfield(L, -2, "encode");
}
