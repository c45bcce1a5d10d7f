/*
** journal.c - core.journal_first, core.journal_head and core.journal_read over
** core/journal.h.
*/
#include "core/journal.h"

#include <string.h>

#include "bind/collector.h"
#include "bind/core/module.h"

static const unsigned char *check_salt(lua_State *L, int arg) {
  size_t length;
  const char *salt = luaL_checklstring(L, arg, &length);

  luaL_argcheck(L, length == CM_JOURNAL_SALT, arg, "a salt has 8 bytes");
  return (const unsigned char *)salt;
}

static uint64_t check_offset(lua_State *L, int arg) {
  lua_Number number = luaL_checknumber(L, arg);

  luaL_argcheck(L, number >= 0 && number <= 9007199254740992.0, arg, "no offset in a file");
  return (uint64_t)number;
}

/* core.journal_first(salt) -> the first line of a journal */
static int journal_first(lua_State *L) {
  char line[CM_JOURNAL_FIRST];

  cm_journal_write_first(check_salt(L, 1), line);
  lua_pushlstring(L, line, sizeof line);
  return 1;
}

/* core.journal_head(salt, offset, synced, kind, payload, before) -> what stands before the
   payload, and what the next record has as its before */
static int journal_head(lua_State *L) {
  const unsigned char *salt = check_salt(L, 1);
  char head[CM_JOURNAL_HEAD];
  cm_journal_record record;

  record.offset = check_offset(L, 2);
  record.synced = check_offset(L, 3);
  record.kind = (uint32_t)luaL_checkinteger(L, 4);
  record.payload.ptr = luaL_checklstring(L, 5, &record.payload.len);
  luaL_argcheck(L, record.payload.len <= CM_JOURNAL_LONGEST, 5, "a record holds at most 1 GiB");
  record.before = (uint32_t)check_offset(L, 6);
  cm_journal_write_head(&record, salt, head);
  lua_pushlstring(L, head, sizeof head);
  cm_push_integer(L, cm_journal_mark(head));
  return 2;
}

static void set_number(lua_State *L, const char *field, uint64_t value) {
  cm_push_integer(L, value);
  lua_setfield(L, -2, field);
}

/* Appends {offset=, synced=, kind=, payload=} to the list on top of the stack. */
static void add_record(lua_State *L, int number, const cm_journal_record *record) {
  lua_createtable(L, 0, 4);
  set_number(L, "offset", record->offset);
  set_number(L, "synced", record->synced);
  lua_pushinteger(L, (lua_Integer)record->kind);
  lua_setfield(L, -2, "kind");
  lua_pushlstring(L, record->payload.ptr, record->payload.len);
  lua_setfield(L, -2, "payload");
  lua_rawseti(L, -2, number);
}

/* Leaves the list of records on top of the stack. */
static cm_status read_records(lua_State *L, cm_journal_reader *reader, cm_failure *failure) {
  cm_journal_record record;
  cm_status status;
  int count = 0;

  while ((status = cm_journal_next(reader, &record, failure)) == CM_OK)
    add_record(L, ++count, &record);
  return status;
}

/*
** core.journal_read(bytes) -> records, { kept = bytes that are good, torn = whether more
** follow, mark = before of the next record, salt = 8 bytes | nil } | nil, text, offset
*/
static int journal_read(lua_State *L) {
  cm_journal_reader reader;
  cm_failure failure;
  cm_slice file;
  cm_status status;

  file.ptr = luaL_checklstring(L, 1, &file.len);
  lua_newtable(L);
  status = cm_journal_open(&reader, file, &failure);
  if (status == CM_OK) status = read_records(L, &reader, &failure);
  if (status == CM_ERR_SYNTAX || status == CM_ERR_PROTOCOL) {
    lua_pushnil(L);
    lua_pushstring(L, failure.text);
    cm_push_integer(L, failure.offset);
    return 3;
  }
  lua_createtable(L, 0, 4);
  set_number(L, "kept", reader.kept);
  set_number(L, "mark", reader.mark);
  lua_pushboolean(L, status == CM_ERR_INCOMPLETE);
  lua_setfield(L, -2, "torn");
  if (reader.kept > 0) {
    lua_pushlstring(L, (const char *)reader.salt, CM_JOURNAL_SALT);
    lua_setfield(L, -2, "salt");
  }
  return 2;
}

void cm_open_journal(lua_State *L) {
  static const luaL_Reg functions[] = { { "journal_first", journal_first },
                                        { "journal_head", journal_head },
                                        { "journal_read", journal_read },
                                        { NULL, NULL } };

  luaL_setfuncs(L, functions, 0);
}
