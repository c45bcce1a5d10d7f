/*
** journal_file.c - the Lua class claude.core.JournalFile over os/journal_file.h.
*/
#include <errno.h>
#include <string.h>

#include "bind/class.h"
#include "bind/core/module.h"
#include "os/journal_file.h"

#define CLASS "claude.core.JournalFile"

static cm_journal_file *check(lua_State *L) {
  return luaL_checkudata(L, 1, CLASS);
}

static const char *text_of(int failure) {
  switch (failure) {
  case EWOULDBLOCK:
    return "it is in use: another process or conversation has it open";
  case ELOOP:
    return "it is a symbolic link";
  case EISDIR:
    return "it is a directory";
  case EINVAL:
    return "it is no regular file";
  case EPERM:
    return "it belongs to the process that opened it, and this one was forked from it";
  case EBADF:
    return "it is closed";
  case ESTALE:
    return "it is not at its path any more: it was deleted, moved or replaced";
  default:
    return strerror(failure);
  }
}

static int push_outcome(lua_State *L, int failure) {
  if (!failure) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, text_of(failure));
  return 2;
}

/* core.journal_file(path) -> file | nil, text */
static int file_open(lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  cm_journal_file *file = lua_newuserdatauv(L, sizeof *file, 0);
  int failure;

  luaL_argcheck(L, strlen(path) == length, 1, "path holds a zero byte");
  file->fd = file->folder = -1;
  file->place = NULL;
  luaL_setmetatable(L, CLASS);
  failure = cm_journal_file_open(file, path);
  return failure ? push_outcome(L, failure) : 1;
}

/* file:present() -> true | nil, text: whether it is still where it was opened */
static int file_present(lua_State *L) {
  return push_outcome(L, cm_journal_file_present(check(L)));
}

/* file:read() -> all bytes | nil, text */
static int file_read(lua_State *L) {
  cm_journal_file *file = check(L);
  size_t size = (size_t)file->end, got;
  char *bytes;
  int failure;

  if ((unsigned long long)file->end > (size_t)-1 / 2) return push_outcome(L, EFBIG);
  bytes = lua_newuserdatauv(L, size + 1, 0); /* Lua's own: what follows may raise */
  failure = cm_journal_file_read(file, bytes, size, &got);
  if (failure) return push_outcome(L, failure);
  lua_pushlstring(L, bytes, got);
  return 1;
}

/* file:append(bytes) -> true | nil, text */
static int file_append(lua_State *L) {
  size_t size;
  const char *bytes = luaL_checklstring(L, 2, &size);

  return push_outcome(L, cm_journal_file_append(check(L), bytes, size));
}

/* file:rewrite(offset, bytes) -> true | nil, text */
static int file_rewrite(lua_State *L) {
  long long at = (long long)luaL_checknumber(L, 2);
  size_t size;
  const char *bytes = luaL_checklstring(L, 3, &size);

  return push_outcome(L, cm_journal_file_rewrite(check(L), at, bytes, size));
}

/* file:truncate(size) -> true | nil, text */
static int file_truncate(lua_State *L) {
  return push_outcome(L, cm_journal_file_truncate(check(L), (long long)luaL_checknumber(L, 2)));
}

/* file:sync() -> true | nil, text; blocks */
static int file_sync(lua_State *L) {
  return push_outcome(L, cm_journal_file_sync(check(L)));
}

/* file:descriptors() -> of the file, and of its folder if that is to be synced */
static int file_descriptors(lua_State *L) {
  int fd, folder;

  cm_journal_file_descriptors(check(L), &fd, &folder);
  lua_pushinteger(L, fd);
  if (folder < 0) return 1;
  lua_pushinteger(L, folder);
  return 2;
}

/* file:synced(): both were synced by other means */
static int file_synced(lua_State *L) {
  cm_journal_file_synced(check(L));
  return 0;
}

/* file:close(): gives the lock back; may be called again */
static int file_close(lua_State *L) {
  cm_journal_file_close(check(L));
  return 0;
}

void cm_open_journal_file(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "read", file_read },       { "append", file_append },
    { "rewrite", file_rewrite }, { "truncate", file_truncate },
    { "sync", file_sync },       { "descriptors", file_descriptors },
    { "synced", file_synced },   { "close", file_close },
    { "present", file_present }, { NULL, NULL }
  };
  static const luaL_Reg metamethods[] = { { "__gc", file_close }, { NULL, NULL } };

  cm_class_register(L, CLASS, metamethods, methods);
  lua_pushcfunction(L, file_open);
  lua_setfield(L, -2, "journal_file");
}
