/*
** response_message.c - of the Lua class claude.core.Response, what has come of the
** message so far, and what it adds to a conversation.
*/
#include "bind/class.h"
#include "bind/collector.h"
#include "bind/core/json.h"
#include "bind/core/response_object.h"
#include "core/seal.h"
#include "core/slice.h"

#define SEAL_CLASS "claude.core.Seal"

static const cm_message *check_message(lua_State *L) {
  return cm_response_message(check_response(L));
}

static int response_complete(lua_State *L) {
  lua_pushboolean(L, cm_message_is_complete(check_message(L)));
  return 1;
}

static int push_json_string(lua_State *L, response_object *object, cm_json_string string) {
  unsigned carry = 0;

  cm_buffer_clear(&object->out);
  if (cm_json_string_unescape(string.body, &carry, &object->out) != CM_OK ||
      cm_json_string_finish(&carry, &object->out) != CM_OK)
    return raise_nomem(L);
  lua_pushlstring(L, object->out.len ? object->out.ptr : "", object->out.len);
  return 1;
}

/* response:stop_reason() -> string | nil */
static int response_stop_reason(lua_State *L) {
  cm_json_string reason = cm_message_stop_reason(check_message(L));

  return reason.body.len ? push_json_string(L, check_object(L), reason) : 0;
}

/* Pushes what was rendered, and gives the memory back: messages can be large. */
static int push_rendered(lua_State *L, response_object *object, cm_status status) {
  if (status == CM_END) return 0;
  if (status != CM_OK) return raise_nomem(L);
  lua_pushlstring(L, object->out.len ? object->out.ptr : "", object->out.len);
  cm_buffer_deinit(&object->out);
  return 1;
}

/* response:message_json() -> exact bytes of the message so far | nil */
static int response_message_json(lua_State *L) {
  const cm_message *message = check_message(L);
  response_object *object = check_object(L);

  cm_buffer_clear(&object->out);
  return push_rendered(L, object, cm_message_render(message, &object->out));
}

/* response:head_json() -> the same without its blocks | nil */
static int response_head_json(lua_State *L) {
  const cm_message *message = check_message(L);
  response_object *object = check_object(L);

  cm_buffer_clear(&object->out);
  return push_rendered(L, object, cm_message_render_head(message, &object->out));
}

/* Renders a block, and stores its bytes in the list at 4. */
static void keep_raw(lua_State *L, cm_buffer *out, const cm_block *block, size_t i) {
  cm_buffer_clear(out);
  if (cm_block_render(block, 0, out) != CM_OK) raise_nomem(L);
  push_slice(L, cm_slice_in(out));
  lua_rawseti(L, 4, (int)i + 1);
}

/* Puts the blocks into the message at 3. 1, or as many results as tell why one is none. */
static int add_blocks(lua_State *L, cm_buffer *out, const cm_blocks *blocks) {
  size_t i;
  int results;

  if (blocks->count == 0) return 1; /* the head has a list without any */
  lua_createtable(L, (int)blocks->count, 0);
  for (i = 0; i < blocks->count; i++) {
    keep_raw(L, out, blocks->items[i], i);
    results = cm_json_push_decoded(L, cm_slice_in(out));
    if (results != 1) return results;
    lua_rawseti(L, 5, (int)i + 1);
    lua_settop(L, 5);
  }
  lua_setfield(L, 3, "content");
  return 1;
}

/* Pushes what a message that came in one piece says, or the head of one that did not. */
static int push_outer(lua_State *L, cm_buffer *out, const cm_message *message) {
  if (message->loaded) return cm_json_push_decoded(L, cm_slice_in(&message->start));
  if (cm_message_render_head(message, out) != CM_OK) return raise_nomem(L);
  return cm_json_push_decoded(L, cm_slice_in(out));
}

/*
** response:message() -> what message_json says, decoded, and the exact bytes of its blocks in a
** list | nil: none began | nil, text. What it is decoded from no finalizer can take away that
** runs meanwhile and asks the same response.
*/
static int response_message(lua_State *L) {
  const cm_message *message = check_message(L);
  cm_buffer *out;
  size_t i;
  int results;

  lua_settop(L, 1);
  if (!message->started) return 0;
  out = cm_json_push_buffer(L);
  results = push_outer(L, out, message);
  if (results != 1) return results;
  lua_replace(L, 3);
  lua_createtable(L, (int)message->blocks.count, 0);
  if (message->loaded)
    for (i = 0; i < message->blocks.count; i++) keep_raw(L, out, message->blocks.items[i], i);
  else
    results = add_blocks(L, out, &message->blocks);
  cm_buffer_deinit(out);
  if (results != 1) return results;
  lua_settop(L, 4);
  return 2;
}

static int push_part(lua_State *L, cm_status (*render)(const cm_message *, cm_buffer *)) {
  const cm_message *message = check_message(L);
  cm_buffer *out;
  int results;

  if (!message->started) return 0;
  out = cm_json_push_buffer(L);
  if (render(message, out) != CM_OK) return raise_nomem(L);
  results = cm_json_push_decoded(L, cm_slice_in(out));
  cm_buffer_deinit(out);
  return results;
}

/* response:head() -> what head_json says, decoded | nil: none began | nil, text */
static int response_head(lua_State *L) {
  return push_part(L, cm_message_render_head);
}

/* response:account() -> the members of it that say what it used, and for whom | nil | nil, text */
static int response_account(lua_State *L) {
  return push_part(L, cm_message_render_account);
}

static int response_block_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_message(L)->blocks.count);
  return 1;
}

static const cm_block *check_block(lua_State *L) {
  const cm_message *message = check_message(L);
  lua_Integer i = luaL_checkinteger(L, 2);

  if (i < 1 || (size_t)i > message->blocks.count) return NULL;
  return message->blocks.items[i - 1];
}

/* response:block_is_silent(index): whether that block, as the wire counts, is thinking without text
 */
static int response_block_is_silent(lua_State *L) {
  cm_response *response = check_response(L);
  lua_Number index = luaL_checknumber(L, 2);
  int known = index >= 0 && index < 9007199254740992.0;

  lua_pushboolean(L, known && cm_response_block_is_silent(response, (int64_t)index));
  return 1;
}

/* response:block_raw(i) -> exact bytes | nil */
static int response_block_raw(lua_State *L) {
  const cm_block *block = check_block(L);
  response_object *object = check_object(L);

  if (!block) return 0;
  cm_buffer_clear(&object->out);
  return push_rendered(L, object, cm_block_render(block, 0, &object->out));
}

/* response:tool_input_raw(i) -> the input as it was streamed | nil if nothing was */
static int response_tool_input_raw(lua_State *L) {
  const cm_block *block = check_block(L);

  if (!block || cm_block_input(block).len == 0) return 0;
  push_slice(L, cm_block_input(block));
  return 1;
}

static const char *name_of_flaw(cm_flaw flaw) {
  static const char *const names[] = { NULL,         "cut_input",      "invalid_input",
                                       "not_object", "lone_surrogate", "unknown_delta" };
  return names[flaw];
}

/* response:block(i) -> { type, raw, index, stopped, flaw, input_raw } | nil */
static int response_block(lua_State *L) {
  const cm_block *block = check_block(L);
  cm_flaw flaw;

  if (!block) return 0;
  if (cm_block_find_flaw(block, &flaw) != CM_OK) return raise_nomem(L);
  lua_createtable(L, 0, 6);
  set_slice(L, "type", block->type);
  response_block_raw(L);
  lua_setfield(L, -2, "raw");
  cm_push_integer(L, block->index);
  lua_setfield(L, -2, "index");
  lua_pushboolean(L, block->stopped);
  lua_setfield(L, -2, "stopped");
  if (flaw != CM_FLAW_NONE) set_string(L, "flaw", name_of_flaw(flaw));
  if (cm_block_input(block).len) set_slice(L, "input_raw", cm_block_input(block));
  return 1;
}

static void push_changes(lua_State *L, const cm_seal *seal) {
  size_t i;

  lua_createtable(L, (int)seal->count, 0);
  for (i = 0; i < seal->count; i++) {
    lua_createtable(L, 0, 3);
    set_string(L, "rule", cm_rule_name(seal->changes[i].rule));
    set_string(L, "text", cm_rule_text(seal->changes[i].rule));
    if (seal->changes[i].index >= 0) {
      cm_push_integer(L, seal->changes[i].index);
      lua_setfield(L, -2, "index");
    }
    lua_rawseti(L, -2, (int)i + 1);
  }
}

/* Whether one of our tools is called without an id that could be named. */
static int has_unnamed_call(const cm_message *message) {
  size_t i;

  for (i = 0; i < message->blocks.count; i++) {
    const cm_block *block = message->blocks.items[i];
    if (block->kind == CM_BLOCK_TOOL_USE && (!block->id.len || block->id.ptr[0] != '"')) return 1;
  }
  return 0;
}

static int seal_gc(lua_State *L) {
  cm_seal_deinit(luaL_checkudata(L, 1, SEAL_CLASS));
  return 0;
}

/* Pushes a seal: one for each call, since a finalizer may run meanwhile that seals, too. */
static cm_seal *push_seal(lua_State *L) {
  cm_seal *seal = lua_newuserdatauv(L, sizeof *seal, 0);

  cm_seal_init(seal, &cm_libc_alloc, (size_t)-1);
  luaL_setmetatable(L, SEAL_CLASS);
  return seal;
}

/* What is sealed is valid to send, as seal.h has it: it is not checked again. */
static void add_sealed(lua_State *L, const cm_seal *seal, cm_transcript *transcript) {
  cm_slice bytes = { seal->bytes.ptr, seal->bytes.len };

  if (bytes.len && cm_transcript_append(transcript, CM_ROLE_ASSISTANT, bytes) != CM_OK)
    raise_nomem(L);
  lua_pushboolean(L, bytes.len > 0);
}

/*
** response:seal(["keep"]) -> bytes of the turn | nil, list of { rule, text, index }
** response:seal("whole"|"keep", transcript) -> whether it was added to the transcript, the same
** list, whether a call has no id
*/
static int response_seal(lua_State *L) {
  static const char *const modes[] = { "whole", "keep", NULL };
  const cm_message *message = check_message(L);
  cm_seal_mode mode = (cm_seal_mode)luaL_checkoption(L, 2, "whole", modes);
  cm_transcript_handle *to =
      lua_isnoneornil(L, 3) ? NULL : luaL_checkudata(L, 3, CM_TRANSCRIPT_CLASS);
  cm_seal *seal = push_seal(L);
  size_t added;

  if (cm_seal_message(seal, message, mode) != CM_OK) return raise_nomem(L);
  added = to ? seal->bytes.len : 0;
  if (!to && seal->bytes.len)
    push_slice(L, (cm_slice){ seal->bytes.ptr, seal->bytes.len });
  else if (!to)
    lua_pushnil(L);
  push_changes(L, seal);
  if (to) {
    add_sealed(L, seal, &to->transcript);
    lua_insert(L, -2);
  }
  cm_seal_deinit(seal);
  if (!to) return 2;
  lua_pushboolean(L, has_unnamed_call(message));
  cm_collector_tell(L, added);
  return 3;
}

void cm_open_response_message(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "complete", response_complete },
    { "stop_reason", response_stop_reason },
    { "message_json", response_message_json },
    { "head_json", response_head_json },
    { "message", response_message },
    { "head", response_head },
    { "account", response_account },
    { "block_count", response_block_count },
    { "block_is_silent", response_block_is_silent },
    { "block", response_block },
    { "block_raw", response_block_raw },
    { "tool_input_raw", response_tool_input_raw },
    { "seal", response_seal },
    { NULL, NULL },
  };
  static const luaL_Reg seal_metamethods[] = { { "__gc", seal_gc }, { NULL, NULL } };
  static const luaL_Reg no_methods[] = { { NULL, NULL } };

  cm_class_register(L, SEAL_CLASS, seal_metamethods, no_methods);
  luaL_getmetatable(L, CM_RESPONSE_CLASS);
  lua_getfield(L, -1, "__index");
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 2);
}
