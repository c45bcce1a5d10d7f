#include "core/message.h"

#include <stdio.h>
#include <string.h>

#include "core/json_reader.h"
#include "core/object.h"
#include "core/slice.h"

void cm_message_init(cm_message *message, const cm_alloc *alloc, size_t ceiling) {
  memset(message, 0, sizeof *message);
  message->alloc = alloc;
  message->ceiling = ceiling;
  cm_buffer_init(&message->start, alloc, ceiling);
  cm_buffer_init(&message->scratch, alloc, ceiling);
  cm_overlay_init(&message->top, alloc);
  cm_overlay_init(&message->usage, alloc);
  cm_blocks_init(&message->blocks, alloc);
}

void cm_message_deinit(cm_message *message) {
  cm_blocks_deinit(&message->blocks);
  cm_buffer_deinit(&message->start);
  cm_buffer_deinit(&message->scratch);
  cm_overlay_deinit(&message->top);
  cm_overlay_deinit(&message->usage);
  cm_message_init(message, message->alloc, message->ceiling);
}

static cm_status refuse(cm_failure *failure, const char *rule, int64_t index) {
  failure->status = CM_ERR_PROTOCOL;
  failure->offset = 0;
  snprintf(failure->text, sizeof failure->text, rule, (long long)index);
  return CM_ERR_PROTOCOL;
}

static cm_status account(cm_message *message, size_t bytes) {
  if (bytes > message->ceiling - message->kept) return CM_ERR_LIMIT;
  message->kept += bytes;
  return CM_OK;
}

static cm_status add_block(cm_message *message, int64_t index, cm_slice start, cm_block **block) {
  cm_status status = account(message, sizeof **block + start.len);

  return status == CM_OK ? cm_blocks_add(&message->blocks, index, start, block) : status;
}

static int is_talk(const cm_block *block) {
  return block->kind == CM_BLOCK_TEXT || block->kind == CM_BLOCK_TOOL_USE ||
         block->kind == CM_BLOCK_SERVER_TOOL;
}

static void stop_block(cm_message *message, cm_block *block) {
  if (!block->stopped && is_talk(block)) message->open_talk--;
  cm_block_stop(block);
}

/* A whole message's members */

/* Blocks that are whole already, within what the message keeps. CM_END: an element is no object. */
static cm_status add_whole_blocks(cm_message *message, cm_slice content) {
  cm_json_reader reader;
  cm_slice value;
  cm_block *block;
  cm_status status = CM_OK;
  int64_t index = 0;

  cm_json_reader_init(&reader, content, CM_JSON_MAX_DEPTH);
  cm_json_reader_begin_array(&reader);
  while (status == CM_OK && cm_json_reader_next_element(&reader) == CM_OK) {
    cm_json_reader_read_value(&reader, &value);
    if (!cm_object_is_object(value)) return CM_END;
    status = account(message, sizeof *block);
    if (status == CM_OK) status = cm_blocks_add_within(&message->blocks, index++, value, &block);
    if (status == CM_OK) block->stopped = 1;
  }
  return status;
}

static cm_stop stop_of(cm_json_string reason) {
  if (reason.body.len == 0) return CM_STOP_NONE;
  if (cm_object_says(reason, "max_tokens")) return CM_STOP_CUT;
  if (cm_object_says(reason, "model_context_window_exceeded")) return CM_STOP_CUT;
  return cm_object_says(reason, "refusal") ? CM_STOP_REFUSAL : CM_STOP_OTHER;
}

static cm_status keep_start(cm_message *message, cm_slice object) {
  cm_status status = account(message, object.len);
  return status == CM_OK ? cm_buffer_append(&message->start, object) : status;
}

/* Some servers leave the type away. */
static int is_message(cm_slice type, cm_slice role) {
  if (type.len == 0) return cm_object_says(cm_object_string(role), "assistant");
  return cm_object_says(cm_object_string(type), "message");
}

static int is_whole_object(cm_slice text, cm_slice *object) {
  cm_json_reader reader;

  cm_json_reader_init(&reader, text, CM_JSON_MAX_REPLY_DEPTH);
  if (cm_json_reader_peek(&reader) != CM_JSON_OBJECT) return 0;
  if (cm_json_reader_read_value(&reader, object) != CM_OK) return 0;
  return cm_json_reader_finish(&reader) == CM_OK;
}

/* The slice of one text in another with the same bytes. */
static cm_slice moved(cm_slice slice, const char *from, const char *to) {
  slice.ptr = to + (slice.ptr - from);
  return slice;
}

/* The blocks lie in text, or in start where that is a copy. */
static cm_status load_blocks(cm_message *message, cm_buffer *text, cm_slice object,
                             cm_slice content) {
  int in_place = object.ptr == text->ptr;
  cm_status status = in_place ? account(message, object.len) : keep_start(message, object);

  if (status != CM_OK) return status;
  if (!in_place) content = moved(content, object.ptr, message->start.ptr);
  status = add_whole_blocks(message, content);
  if (status != CM_OK || !in_place) return status;
  message->start = *text;
  message->start.len = object.len;
  cm_buffer_init(text, text->alloc, text->limit);
  return CM_OK;
}

cm_status cm_message_load(cm_message *message, cm_buffer *text) {
  enum { TYPE, ROLE, CONTENT, STOP_REASON, MEMBERS };
  cm_object_wanted members[MEMBERS] = { { "type", { "", 0 } },
                                        { "role", { "", 0 } },
                                        { "content", { "", 0 } },
                                        { "stop_reason", { "", 0 } } };
  cm_slice object;
  cm_status status;
  cm_stop stop;

  if (!is_whole_object(cm_slice_in(text), &object)) return CM_END;
  cm_object_find(object, members, MEMBERS);
  if (!is_message(members[TYPE].value, members[ROLE].value)) return CM_END;
  if (!cm_object_is_array(members[CONTENT].value)) return CM_END;

  stop = stop_of(cm_object_string(members[STOP_REASON].value));
  status = load_blocks(message, text, object, members[CONTENT].value);
  if (status == CM_END) cm_message_deinit(message);
  if (status != CM_OK) return status;
  message->stop = stop;
  message->started = message->ended = message->loaded = 1;
  return CM_OK;
}

/* Events */

static cm_status take_message_start(cm_message *message, const cm_event *event,
                                    cm_failure *failure) {
  cm_slice content;
  cm_status status;

  if (message->started) return refuse(failure, "message_start came twice, before message_stop", 0);
  status = keep_start(message, event->object);
  content = cm_object_member(cm_slice_in(&message->start), "content");
  if (status == CM_OK && cm_object_is_array(content)) status = add_whole_blocks(message, content);
  if (status == CM_END) return refuse(failure, "message.content must hold objects", 0);
  message->started = message->start.len > 0; /* else there was no memory for it */
  return status;
}

static cm_status set_model(cm_message *message, cm_slice target) {
  cm_slice model = cm_object_is_object(target) ? cm_object_member(target, "model") : target;

  if (!cm_object_is_object(target) || cm_object_string(model).body.len == 0) return CM_OK;
  return cm_overlay_set_named(&message->top, "model", model);
}

static cm_status take_block_start(cm_message *message, const cm_event *event, cm_delivery *delivery,
                                  cm_failure *failure) {
  cm_block *block;
  cm_status status;

  if (cm_blocks_find(&message->blocks, event->index))
    return refuse(failure, "content block %lld was started twice", event->index);
  status = add_block(message, event->index, event->object, &block);
  if (status != CM_OK) return status;
  delivery->text = block->type;
  if (is_talk(block)) message->open_talk++;
  return block->kind == CM_BLOCK_FALLBACK ? set_model(message, block->target) : CM_OK;
}

cm_kind cm_kind_of_delta(cm_delta_kind delta) {
  switch (delta) {
  case CM_DELTA_TEXT:
    return CM_KIND_TEXT;
  case CM_DELTA_THINKING:
    return CM_KIND_THINKING;
  case CM_DELTA_SIGNATURE:
    return CM_KIND_SIGNATURE;
  case CM_DELTA_INPUT_JSON:
    return CM_KIND_INPUT_JSON;
  case CM_DELTA_CITATION:
    return CM_KIND_CITATION;
  case CM_DELTA_COMPACTION:
    return CM_KIND_COMPACTION;
  default:
    return CM_KIND_UNKNOWN;
  }
}

static void tell_unknown(cm_delivery *delivery, const cm_event *event) {
  delivery->kind = CM_KIND_UNKNOWN;
  delivery->text = event->raw;
}

static cm_status take_delta(cm_message *message, const cm_event *event, cm_delivery *delivery,
                            cm_failure *failure) {
  cm_block *block = cm_blocks_find(&message->blocks, event->index);
  cm_status status;

  if (!block)
    return refuse(failure, "a delta for content block %lld, which has not started", event->index);
  if (block->stopped)
    return refuse(failure, "a delta for content block %lld, which has stopped", event->index);
  if (!cm_block_accepts(block, event)) {
    block->unplaced++;
    tell_unknown(delivery, event);
    return CM_OK;
  }
  status = account(message, event->text.body.len + event->value.len + event->encrypted.len);
  if (status != CM_OK) return status;
  delivery->kind = cm_kind_of_delta(event->delta);
  message->flushed = 0;
  return cm_block_add(block, event, &message->scratch, &delivery->text);
}

static cm_status take_block_stop(cm_message *message, const cm_event *event, cm_delivery *delivery,
                                 cm_failure *failure) {
  cm_block *block = cm_blocks_find(&message->blocks, event->index);

  if (!block)
    return refuse(failure, "content block %lld stopped and had not started", event->index);
  stop_block(message, block);
  delivery->text = block->type;
  return CM_OK;
}

/* Never set by a message_delta's delta: they are put together here. */
static int is_ours(cm_json_string key) {
  return cm_object_says(key, "content") || cm_object_says(key, "usage");
}

static int is_null(cm_slice value) {
  return value.len == 0 || value.ptr[0] == 'n';
}

/* Null says nothing new: it does not take back what an earlier event said. */
static cm_status set_members(cm_message *message, cm_overlay *overlay, cm_slice object) {
  cm_json_reader reader;
  cm_json_string key;
  cm_slice value;
  cm_status status = CM_OK;

  if (object.len == 0) return CM_OK;
  cm_json_reader_init(&reader, object, CM_JSON_MAX_DEPTH);
  cm_json_reader_begin_object(&reader);
  while (status == CM_OK && cm_json_reader_next_member(&reader, &key) == CM_OK) {
    cm_json_reader_read_value(&reader, &value);
    if (is_null(value) || (overlay == &message->top && is_ours(key))) continue;
    status = account(message, key.body.len + value.len);
    if (status == CM_OK) status = cm_overlay_set(overlay, key, value);
  }
  return status;
}

static cm_status set_top(cm_message *message, const char *name, cm_slice value) {
  if (is_null(value)) return CM_OK;
  return cm_overlay_set_named(&message->top, name, value);
}

static cm_status take_message_delta(cm_message *message, const cm_event *event) {
  cm_status status = set_members(message, &message->top, event->object);

  if (status == CM_OK) status = set_members(message, &message->usage, event->usage);
  if (status == CM_OK) status = set_top(message, "context_management", event->context_management);
  if (status == CM_OK)
    status = set_top(message, "input_transformations", event->input_transformations);
  if (status == CM_OK)
    message->stop = stop_of(cm_object_string(cm_overlay_get(&message->top, "stop_reason")));
  return status;
}

static cm_status take_in_order(cm_message *message, const cm_event *event, cm_delivery *delivery,
                               cm_failure *failure) {
  switch (event->kind) {
  case CM_EVENT_MESSAGE_START:
    delivery->kind = CM_KIND_MESSAGE_START;
    return take_message_start(message, event, failure);
  case CM_EVENT_BLOCK_START:
    delivery->kind = CM_KIND_BLOCK_START;
    return take_block_start(message, event, delivery, failure);
  case CM_EVENT_BLOCK_DELTA:
    return take_delta(message, event, delivery, failure);
  case CM_EVENT_BLOCK_STOP:
    delivery->kind = CM_KIND_BLOCK_STOP;
    return take_block_stop(message, event, delivery, failure);
  case CM_EVENT_MESSAGE_DELTA:
    delivery->kind = CM_KIND_MESSAGE_DELTA;
    return take_message_delta(message, event);
  case CM_EVENT_MESSAGE_STOP:
    delivery->kind = CM_KIND_MESSAGE_STOP;
    message->ended = 1;
    return CM_OK;
  default:
    tell_unknown(delivery, event);
    return CM_OK;
  }
}

static cm_status name_limit(cm_status status, cm_failure *failure) {
  if (status != CM_ERR_LIMIT) return status;
  failure->status = status;
  snprintf(failure->text, sizeof failure->text, "the message is larger than the limits allow");
  return status;
}

cm_status cm_message_take(cm_message *message, const cm_event *event, cm_delivery *delivery,
                          cm_failure *failure) {
  delivery->text = cm_slice_of("");
  delivery->index = event->index;
  if (event->kind == CM_EVENT_PING) {
    delivery->kind = CM_KIND_PING;
    return CM_OK;
  }
  if (!message->started && event->kind != CM_EVENT_MESSAGE_START) {
    tell_unknown(delivery, event);
    return CM_OK;
  }
  return name_limit(take_in_order(message, event, delivery, failure), failure);
}

static cm_status flush_block(cm_block *block, cm_delivery *delivery) {
  cm_delta_kind delta;
  cm_status status = cm_block_flush(block, &delta, &delivery->text);

  if (status != CM_OK) return status;
  delivery->kind = cm_kind_of_delta(delta);
  delivery->index = block->index;
  return CM_OK;
}

cm_status cm_message_flush(cm_message *message, int64_t index, cm_delivery *delivery) {
  cm_block *block = index >= 0 ? cm_blocks_find(&message->blocks, index) : NULL;
  cm_status status = CM_END;

  if (index >= 0) return block ? flush_block(block, delivery) : CM_END;
  while (message->flushed < message->blocks.count && status == CM_END) {
    status = flush_block(message->blocks.items[message->flushed], delivery);
    if (status == CM_END) message->flushed++;
  }
  return status;
}

/* What has come of it */

void cm_message_break(cm_message *message) {
  message->broken = 1;
}

int cm_message_is_complete(const cm_message *message) {
  size_t i;

  if (message->ended) return 1;
  if (message->broken || !message->started || message->stop == CM_STOP_NONE) return 0;
  for (i = 0; i < message->blocks.count; i++)
    if (!message->blocks.items[i]->stopped) return 0;
  return 1;
}

cm_slice cm_message_member(const cm_message *message, const char *name) {
  return cm_object_member(cm_slice_in(&message->start), name);
}

cm_json_string cm_message_stop_reason(const cm_message *message) {
  cm_slice value = cm_overlay_get(&message->top, "stop_reason");

  if (value.len == 0 && message->start.len) value = cm_message_member(message, "stop_reason");
  return cm_object_string(value);
}

static cm_status render_content(const cm_message *message, cm_buffer *out) {
  cm_status status = cm_buffer_append(out, cm_slice_of("["));
  size_t i;

  for (i = 0; i < message->blocks.count && status == CM_OK; i++) {
    if (i > 0) status = cm_buffer_append(out, cm_slice_of(","));
    if (status == CM_OK) status = cm_block_render(message->blocks.items[i], 0, out);
  }
  return status == CM_OK ? cm_buffer_append(out, cm_slice_of("]")) : status;
}

/* What later events said of usage, put into what the first did; nothing where they said nothing. */
static cm_status render_usage(const cm_message *message, cm_slice usage, cm_buffer *out) {
  cm_member members[CM_OVERLAY_MAX];
  size_t count = cm_overlay_members(&message->usage, members);

  if (count == 0) return CM_OK;
  return cm_splice(cm_object_is_object(usage) ? usage : cm_slice_of("{}"), members, count, out);
}

/* The message around a content, the JSON of a list. */
static cm_status render_around(const cm_message *message, cm_slice content, cm_buffer *out) {
  cm_member members[CM_SPLICE_MAX];
  size_t count = cm_overlay_members(&message->top, members);
  cm_buffer usage;
  cm_status status;

  cm_buffer_init(&usage, message->alloc, out->limit);
  status = render_usage(message, cm_message_member(message, "usage"), &usage);
  cm_member_set(&members[count++], "content", content);
  if (usage.len) cm_member_set(&members[count++], "usage", cm_slice_in(&usage));
  if (status == CM_OK) status = cm_splice(cm_slice_in(&message->start), members, count, out);
  cm_buffer_deinit(&usage);
  return status;
}

/* About as much as there will be: buffers that grow on the way move what they hold. */
static cm_status reserve(const cm_message *message, cm_buffer *content, cm_buffer *out) {
  size_t room = out->limit - out->len < message->kept ? out->limit - out->len : message->kept;
  cm_status status = cm_buffer_reserve(content, room);

  return status == CM_OK ? cm_buffer_reserve(out, room) : status;
}

cm_status cm_message_render(const cm_message *message, cm_buffer *out) {
  cm_buffer content;
  cm_status status;

  if (!message->started) return CM_END;
  if (message->loaded) return cm_buffer_append(out, cm_slice_in(&message->start));
  cm_buffer_init(&content, message->alloc, out->limit);
  status = reserve(message, &content, out);
  if (status == CM_OK) status = render_content(message, &content);
  if (status == CM_OK) status = render_around(message, cm_slice_in(&content), out);
  cm_buffer_deinit(&content);
  return status;
}

cm_status cm_message_render_head(const cm_message *message, cm_buffer *out) {
  if (!message->started) return CM_END;
  return render_around(message, cm_slice_of("[]"), out);
}

static cm_status begin_member(cm_buffer *out, const char *name) {
  cm_status status = cm_buffer_append(out, cm_slice_of(out->len > 1 ? ",\"" : "\""));

  if (status == CM_OK) status = cm_buffer_append(out, cm_slice_of(name));
  return status == CM_OK ? cm_buffer_append(out, cm_slice_of("\":")) : status;
}

static cm_status render_member(const cm_object_wanted *at_first, const cm_message *message,
                               cm_buffer *out) {
  cm_slice later = cm_overlay_get(&message->top, at_first->name);
  cm_slice value = later.len ? later : at_first->value;
  cm_status status;

  if (value.len == 0) return CM_OK;
  status = begin_member(out, at_first->name);
  return status == CM_OK ? cm_buffer_append(out, value) : status;
}

static cm_status render_account_usage(const cm_message *message, cm_slice at_first,
                                      cm_buffer *out) {
  cm_status status = begin_member(out, "usage");
  size_t begun = out->len;

  if (status == CM_OK) status = render_usage(message, at_first, out);
  if (status != CM_OK || out->len > begun) return status;
  return cm_buffer_append(out, at_first.len ? at_first : cm_slice_of("null"));
}

cm_status cm_message_render_account(const cm_message *message, cm_buffer *out) {
  enum { ID, MODEL, TRANSFORMATIONS, USAGE, MEMBERS };
  cm_object_wanted members[MEMBERS] = { { "id", { "", 0 } },
                                        { "model", { "", 0 } },
                                        { "input_transformations", { "", 0 } },
                                        { "usage", { "", 0 } } };
  cm_status status;
  size_t i;

  if (!message->started) return CM_END;
  cm_object_find(cm_slice_in(&message->start), members, MEMBERS);
  status = cm_buffer_append(out, cm_slice_of("{"));
  for (i = 0; i < USAGE && status == CM_OK; i++) status = render_member(&members[i], message, out);
  if (status == CM_OK) status = render_account_usage(message, members[USAGE].value, out);
  return status == CM_OK ? cm_buffer_append(out, cm_slice_of("}")) : status;
}
