/*
** tree.c - the Lua class claude.core.Tree over os/tree.h: a directory that nothing leaves.
*/
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bind/class.h"
#include "bind/core/module.h"
#include "os/tree.h"

#define CM_TREE_CLASS "claude.core.Tree"

typedef struct handle {
  cm_tree tree;
  char *bytes; /* what was read, until Lua has it */
} handle;

static void drop(handle *h) {
  free(h->bytes);
  h->bytes = NULL;
}

static handle *check_tree(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, CM_TREE_CLASS);

  luaL_argcheck(L, h->tree.fd >= 0, 1, "tree is closed");
  drop(h);
  return h;
}

static const char *check_path(lua_State *L, int index) {
  size_t length;
  const char *path = luaL_checklstring(L, index, &length);

  luaL_argcheck(L, strlen(path) == length, index, "path holds a zero byte");
  return path;
}

/* The name of a failure that callers tell apart. */
static const char *code_of(int failure) {
  switch (failure) {
  case ENOENT:
    return "not_found";
  case EEXIST:
    return "exists";
  case ELOOP:
    return "link";
  case ENOTDIR:
    return "not_directory";
  case EISDIR:
    return "is_directory";
  case EFBIG:
    return "too_large";
  case EINVAL:
    return "invalid";
  default:
    return "system";
  }
}

/* nil, text, code; raises when memory was refused */
static int push_failure(lua_State *L, int failure) {
  if (failure == ENOMEM) return luaL_error(L, "not enough memory");
  lua_pushnil(L);
  lua_pushstring(L, strerror(failure));
  lua_pushstring(L, code_of(failure));
  return 3;
}

static int push_outcome(lua_State *L, int failure) {
  if (failure) return push_failure(L, failure);
  lua_pushboolean(L, 1);
  return 1;
}

/* core.tree(path) -> tree | nil, text, code; makes the directory when it is not there */
static int tree_new(lua_State *L) {
  const char *path = check_path(L, 1);
  handle *h = lua_newuserdatauv(L, sizeof *h, 0);
  int failure;

  h->tree.fd = -1;
  h->bytes = NULL;
  luaL_setmetatable(L, CM_TREE_CLASS);
  failure = cm_tree_open(&h->tree, path);
  return failure ? push_failure(L, failure) : 1;
}

static int tree_gc(lua_State *L) {
  handle *h = luaL_checkudata(L, 1, CM_TREE_CLASS);

  drop(h);
  cm_tree_close(&h->tree);
  return 0;
}

/* tree:look(path) -> "file"|"directory"|"other", size | nil, text, code */
static int tree_look(lua_State *L) {
  static const char *const kinds[] = { "file", "directory", "other" };
  handle *h = check_tree(L);
  cm_tree_entry entry;
  int failure = cm_tree_look(&h->tree, check_path(L, 2), &entry);

  if (failure) return push_failure(L, failure);
  lua_pushstring(L, kinds[entry.kind]);
  lua_pushinteger(L, (lua_Integer)entry.size);
  return 2;
}

/* tree:list(path) -> names, unsorted | nil, text, code */
static int tree_list(lua_State *L) {
  handle *h = check_tree(L);
  size_t size, at;
  int i = 0, failure = cm_tree_list(&h->tree, check_path(L, 2), &h->bytes, &size);

  if (failure) {
    h->bytes = NULL;
    return push_failure(L, failure);
  }
  lua_newtable(L);
  for (at = 0; at < size; at += strlen(h->bytes + at) + 1) {
    lua_pushstring(L, h->bytes + at);
    lua_rawseti(L, -2, ++i);
  }
  drop(h);
  return 1;
}

/* tree:read(path, most) -> bytes | nil, text, code */
static int tree_read(lua_State *L) {
  handle *h = check_tree(L);
  const char *path = check_path(L, 2);
  lua_Number most = luaL_checknumber(L, 3);
  size_t size;
  int failure;

  luaL_argcheck(L, most >= 0 && most <= 1e15, 3, "a number of bytes expected");
  failure = cm_tree_read(&h->tree, path, (size_t)most, &h->bytes, &size);
  if (failure) return push_failure(L, failure);
  lua_pushlstring(L, h->bytes, size);
  drop(h);
  return 1;
}

/* tree:create(path, bytes) -> true | nil, text, code */
static int tree_create(lua_State *L) {
  handle *h = check_tree(L);
  const char *path = check_path(L, 2);
  size_t size;
  const char *bytes = luaL_checklstring(L, 3, &size);

  return push_outcome(L, cm_tree_create(&h->tree, path, bytes, size));
}

/* tree:replace(path, bytes) -> true | nil, text, code */
static int tree_replace(lua_State *L) {
  handle *h = check_tree(L);
  const char *path = check_path(L, 2);
  size_t size;
  const char *bytes = luaL_checklstring(L, 3, &size);

  return push_outcome(L, cm_tree_replace(&h->tree, path, bytes, size));
}

/* tree:rename(from, to) -> true | nil, text, code */
static int tree_rename(lua_State *L) {
  handle *h = check_tree(L);
  const char *from = check_path(L, 2);

  return push_outcome(L, cm_tree_rename(&h->tree, from, check_path(L, 3)));
}

/* tree:remove(path) -> true | nil, text, code */
static int tree_remove(lua_State *L) {
  handle *h = check_tree(L);

  return push_outcome(L, cm_tree_remove(&h->tree, check_path(L, 2)));
}

void cm_open_tree(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "look", tree_look },       { "list", tree_list },
    { "read", tree_read },       { "create", tree_create },
    { "replace", tree_replace }, { "rename", tree_rename },
    { "remove", tree_remove },   { NULL, NULL },
  };
  static const luaL_Reg metamethods[] = {
    { "__gc", tree_gc },
    { NULL, NULL },
  };

  cm_class_register(L, CM_TREE_CLASS, metamethods, methods);
  lua_pushcfunction(L, tree_new);
  lua_setfield(L, -2, "tree");
}
