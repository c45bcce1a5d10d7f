/*
** body.c - the Lua class claude.core.Body over core/body.h.
*/
#include "bind/class.h"
#include "bind/collector.h"
#include "bind/core/digest.h"
#include "bind/core/module.h"
#include "bind/handles.h"

enum {
  BYTES_PER_RUN = 8 * sizeof(void *), /* its slice, about */
  DEFAULT_PIECE = 64 * 1024,
  ROOM = 16 * 1024, /* for what is read from a source, on the stack */
  MOST_MARKS = 4    /* as the API has it */
};

static cm_body *check_body(lua_State *L) {
  cm_body_handle *handle = luaL_checkudata(L, 1, CM_BODY_CLASS);

  luaL_argcheck(L, handle->body, 1, "body was collected");
  return handle->body;
}

/* The cache breakpoints of a body: `{ { message =, block =, control = }, … }` at index 2. */
typedef struct mark_list {
  cm_transcript_mark items[MOST_MARKS];
  size_t count;
} mark_list;

/* Raw: what a metamethod made up could be collected while its bytes are in use. */
static void push_field(lua_State *L, const char *field) {
  lua_pushstring(L, field);
  lua_rawget(L, -2);
}

static size_t check_number(lua_State *L, const char *field) {
  lua_Integer number;

  push_field(L, field);
  number = luaL_checkinteger(L, -1);
  luaL_argcheck(L, number >= 1, 2, "marks are numbered from 1");
  lua_pop(L, 1);
  return (size_t)number - 1;
}

/* What control says stays in its table meanwhile. */
static void check_mark(lua_State *L, cm_transcript_mark *mark) {
  luaL_checktype(L, -1, LUA_TTABLE);
  mark->message = check_number(L, "message");
  mark->block = check_number(L, "block");
  push_field(L, "control");
  luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2, "a mark's control must be JSON text");
  mark->control.ptr = lua_tolstring(L, -1, &mark->control.len);
  lua_pop(L, 1);
}

static void check_marks(lua_State *L, mark_list *marks) {
  size_t i;

  marks->count = 0;
  if (lua_isnoneornil(L, 2)) return;
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_argcheck(L, lua_rawlen(L, 2) <= MOST_MARKS, 2, "too many marks");
  marks->count = lua_rawlen(L, 2);
  for (i = 0; i < marks->count; i++) {
    lua_rawgeti(L, 2, (int)i + 1);
    check_mark(L, &marks->items[i]);
    lua_pop(L, 1);
  }
}

/* A body that is being made. */
typedef struct making {
  cm_body *body;
  mark_list marks;
  size_t copied; /* bytes that the body alone holds */
} making;

static cm_status append_string(lua_State *L, making *m) {
  cm_slice bytes;

  bytes.ptr = lua_tolstring(L, -1, &bytes.len);
  m->copied += bytes.len;
  return cm_body_append_copy(m->body, bytes);
}

static cm_status append_transcript(making *m, const cm_transcript *transcript) {
  m->copied += cm_transcript_runs(transcript) * BYTES_PER_RUN;
  return cm_transcript_render_marked(transcript, m->marks.items, m->marks.count, m->body);
}

/* Adds part i, on top of the stack; raises when it is none. */
static cm_status append_part(lua_State *L, making *m, int i) {
  cm_segment_handle *segment;
  cm_source_handle *file;
  cm_transcript_handle *transcript;

  if (lua_type(L, -1) == LUA_TSTRING) return append_string(L, m);
  segment = cm_class_test(L, -1, CM_SEGMENT_CLASS);
  if (segment && segment->segment) return cm_body_append_segment(m->body, segment->segment);
  transcript = cm_class_test(L, -1, CM_TRANSCRIPT_CLASS);
  if (transcript) return append_transcript(m, &transcript->transcript);
  file = cm_class_test(L, -1, CM_FILE_CLASS);
  if (file && file->source) return cm_body_append_source(m->body, file->source);
  luaL_error(L,
             "part %d of a body must be a string, a segment, a transcript or an open file, "
             "not a %s",
             i, luaL_typename(L, -1));
  return CM_OK;
}

static cm_status append_parts(lua_State *L, making *m, int count) {
  cm_status status = cm_body_reserve(m->body, (size_t)count);
  int i;

  for (i = 1; status == CM_OK && i <= count; i++) {
    lua_rawgeti(L, 1, i);
    status = append_part(L, m, i);
    lua_pop(L, 1);
  }
  return status;
}

/* core.body({ string | segment | transcript | file, … }[, marks]) -> body; marks are put into the
   transcript on the way, one for each message at most, in their order */
static int body_new(lua_State *L) {
  cm_body_handle *handle;
  cm_status status;
  making m = { NULL, { .count = 0 }, 0 };

  luaL_checktype(L, 1, LUA_TTABLE);
  check_marks(L, &m.marks);
  handle = lua_newuserdatauv(L, sizeof *handle, 0);
  handle->body = NULL;
  luaL_setmetatable(L, CM_BODY_CLASS);
  handle->body = m.body = cm_body_new(&cm_libc_alloc);
  status = m.body ? append_parts(L, &m, (int)lua_rawlen(L, 1)) : CM_ERR_NOMEM;
  if (status == CM_ERR_LIMIT) return luaL_error(L, "body is too long");
  if (status == CM_ERR_PROTOCOL) return luaL_error(L, "a mark names a block that is not there");
  if (status != CM_OK) return luaL_error(L, "not enough memory");
  cm_collector_tell(L, m.copied);
  return 1;
}

static int body_gc(lua_State *L) {
  cm_body_handle *handle = luaL_checkudata(L, 1, CM_BODY_CLASS);

  cm_body_release(handle->body);
  handle->body = NULL;
  return 0;
}

/* body:length(), #body */
static int body_length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cm_body_length(check_body(L)));
  return 1;
}

static int push_problem(lua_State *L, const cm_body *body) {
  lua_pushnil(L);
  lua_pushstring(L, cm_body_problem(body));
  return 2;
}

/* Adds up to size bytes from the cursor on to a buffer. */
static cm_status add_bytes(luaL_Buffer *all, const cm_body *body, cm_body_cursor *cursor,
                           size_t size) {
  cm_status status = CM_OK;
  char room[ROOM];
  cm_slice bytes;

  while (size) {
    status = cm_body_next(body, cursor, room, size < sizeof room ? size : sizeof room, &bytes);
    if (status != CM_OK || !bytes.len) break;
    if (bytes.len > size) bytes.len = size;
    luaL_addlstring(all, bytes.ptr, bytes.len);
    size -= bytes.len;
  }
  return status;
}

/* One slice needs no buffer: it is copied once. */
static int push_bytes(lua_State *L, const cm_body *body, cm_body_cursor *cursor, size_t size) {
  cm_body_cursor ahead = *cursor;
  cm_status status;
  luaL_Buffer all;
  cm_slice bytes;
  char none;

  status = cm_body_next(body, &ahead, &none, 0, &bytes);
  if (status == CM_OK && bytes.len >= size) {
    lua_pushlstring(L, bytes.ptr, size);
    return 1;
  }
  luaL_buffinit(L, &all);
  status = add_bytes(&all, body, cursor, size);
  luaL_pushresult(&all);
  return status == CM_OK ? 1 : push_problem(L, body);
}

/* body:tostring() -> all its bytes in one string | nil, text: a file could not be read */
static int body_tostring(lua_State *L) {
  cm_body *body = check_body(L);
  cm_body_cursor cursor = { 0, 0 };

  return push_bytes(L, body, &cursor, cm_body_length(body));
}

/* body:read(offset[, max]) -> up to max bytes from that offset on; "" at the end | nil, text */
static int body_read(lua_State *L) {
  cm_body *body = check_body(L);
  lua_Number offset = luaL_checknumber(L, 2);
  lua_Number max = luaL_optnumber(L, 3, DEFAULT_PIECE);
  cm_body_cursor cursor;

  luaL_argcheck(L, offset >= 0 && offset <= (lua_Number)cm_body_length(body), 2,
                "must be an offset from 0 to the body's length");
  luaL_argcheck(L, max >= 1 && max <= 1e15, 3, "must be a number of bytes");
  cm_body_seek(body, &cursor, (size_t)offset);
  return push_bytes(L, body, &cursor, (size_t)max);
}

/* body:sha256([raw]) -> the hash of its bytes, as core.sha256 gives it | nil, text */
static int body_sha256(lua_State *L) {
  cm_body *body = check_body(L);
  cm_body_cursor cursor = { 0, 0 };
  cm_slice bytes;
  cm_sha256 hash;
  char room[ROOM];

  cm_sha256_init(&hash);
  do {
    if (cm_body_next(body, &cursor, room, sizeof room, &bytes) != CM_OK)
      return push_problem(L, body);
    cm_sha256_feed(&hash, bytes);
  } while (bytes.len);
  cm_digest_push(L, &hash, lua_toboolean(L, 2));
  return 1;
}

void cm_open_body(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "length", body_length }, { "read", body_read }, { "tostring", body_tostring },
    { "sha256", body_sha256 }, { NULL, NULL },
  };
  static const luaL_Reg metamethods[] = {
    { "__gc", body_gc },
    { "__len", body_length },
    { NULL, NULL },
  };

  cm_class_register(L, CM_BODY_CLASS, metamethods, methods);
  lua_pushcfunction(L, body_new);
  lua_setfield(L, -2, "body");
}
