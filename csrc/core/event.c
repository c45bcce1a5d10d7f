#include "core/event.h"

#include <stdio.h>
#include <string.h>

#include "core/delta.h"
#include "core/json_number.h"
#include "core/json_reader.h"
#include "core/object.h"
#include "core/slice.h"

/* The members of a frame, as far as any event has a use for them. */
typedef struct frame {
  cm_json_string type;
  cm_slice index;
  cm_slice message;
  cm_slice content_block;
  cm_slice delta;
  cm_slice usage;
  cm_slice context_management;
  cm_slice input_transformations;
} frame;

/* The members of a content_block_delta's delta, likewise. */
typedef struct delta_members {
  cm_json_string type;
  cm_slice text;
  cm_slice thinking;
  cm_slice signature;
  cm_slice partial_json;
  cm_slice citation;
  cm_slice content;
  cm_slice encrypted_content;
} delta_members;

static cm_status refuse(cm_failure *failure, cm_slice text, const char *at, const char *rule) {
  failure->status = CM_ERR_PROTOCOL;
  failure->offset = at ? (size_t)(at - text.ptr) : 0;
  snprintf(failure->text, sizeof failure->text, "%s", rule);
  return CM_ERR_PROTOCOL;
}

static cm_status report(const cm_json_reader *reader, cm_status status, cm_failure *failure) {
  failure->status = status;
  failure->offset = cm_json_reader_offset(reader);
  snprintf(failure->text, sizeof failure->text, "event data: %s", cm_json_reader_reason(reader));
  return status;
}

static void take_frame_member(frame *f, cm_json_string key, cm_slice value) {
  if (cm_object_says(key, "type"))
    f->type = cm_object_string(value);
  else if (cm_object_says(key, "index"))
    f->index = value;
  else if (cm_object_says(key, "delta"))
    f->delta = value;
  else if (cm_object_says(key, "content_block"))
    f->content_block = value;
  else if (cm_object_says(key, "message"))
    f->message = value;
  else if (cm_object_says(key, "usage"))
    f->usage = value;
  else if (cm_object_says(key, "context_management"))
    f->context_management = value;
  else if (cm_object_says(key, "input_transformations"))
    f->input_transformations = value;
}

static cm_status read_frame(frame *f, cm_slice text, cm_failure *failure) {
  cm_json_reader reader;
  cm_json_string key;
  cm_slice value;
  cm_status status;

  memset(f, 0, sizeof *f);
  cm_json_reader_init(&reader, text, CM_JSON_MAX_REPLY_DEPTH);
  if (cm_json_reader_peek(&reader) != CM_JSON_OBJECT) {
    cm_json_reader_read_value(&reader, &value);
    status = cm_json_reader_finish(&reader);
    if (status == CM_OK) return refuse(failure, text, NULL, "event data must be an object");
    return report(&reader, status, failure);
  }
  cm_json_reader_begin_object(&reader);
  while (cm_json_reader_next_member(&reader, &key) == CM_OK)
    if (cm_json_reader_read_value(&reader, &value) == CM_OK) take_frame_member(f, key, value);
  status = cm_json_reader_finish(&reader);
  return status == CM_OK ? CM_OK : report(&reader, status, failure);
}

static void take_delta_member(delta_members *d, cm_json_string key, cm_slice value) {
  if (cm_object_says(key, "type"))
    d->type = cm_object_string(value);
  else if (cm_object_says(key, "text"))
    d->text = value;
  else if (cm_object_says(key, "thinking"))
    d->thinking = value;
  else if (cm_object_says(key, "partial_json"))
    d->partial_json = value;
  else if (cm_object_says(key, "signature"))
    d->signature = value;
  else if (cm_object_says(key, "citation"))
    d->citation = value;
  else if (cm_object_says(key, "content"))
    d->content = value;
  else if (cm_object_says(key, "encrypted_content"))
    d->encrypted_content = value;
}

/* text has been checked with its frame. */
static void read_delta_members(delta_members *d, cm_slice text) {
  cm_json_reader reader;
  cm_json_string key;
  cm_slice value;

  memset(d, 0, sizeof *d);
  cm_json_reader_init(&reader, text, CM_JSON_MAX_DEPTH);
  cm_json_reader_begin_object(&reader);
  while (cm_json_reader_next_member(&reader, &key) == CM_OK)
    if (cm_json_reader_read_value(&reader, &value) == CM_OK) take_delta_member(d, key, value);
}

static cm_status read_text(cm_event *event, cm_slice value, cm_delta_kind kind, const char *rule,
                           cm_failure *failure) {
  if (!cm_object_is_string(value)) return refuse(failure, event->raw, event->object.ptr, rule);
  event->delta = kind;
  event->text = cm_object_string(value);
  return CM_OK;
}

/* Some gateways send a signature that is no string; it goes back as it came. */
static cm_status read_signature(cm_event *event, cm_slice value, cm_failure *failure) {
  if (value.len == 0)
    return refuse(failure, event->raw, event->object.ptr, "signature_delta needs a signature");
  event->delta = CM_DELTA_SIGNATURE;
  event->value = value;
  event->text = cm_object_string(value);
  if (!cm_object_is_string(value)) event->text.body = value;
  return CM_OK;
}

static cm_status read_citation(cm_event *event, cm_slice value, cm_failure *failure) {
  if (value.len == 0)
    return refuse(failure, event->raw, event->object.ptr, "citations_delta needs a citation");
  event->delta = CM_DELTA_CITATION;
  event->value = value;
  return CM_OK;
}

static cm_status read_delta(cm_event *event, cm_failure *failure) {
  delta_members d;

  read_delta_members(&d, event->object);
  if (cm_object_says(d.type, "text_delta"))
    return read_text(event, d.text, CM_DELTA_TEXT, "text_delta needs a string text", failure);
  if (cm_object_says(d.type, "thinking_delta"))
    return read_text(event, d.thinking, CM_DELTA_THINKING, "thinking_delta needs a string thinking",
                     failure);
  if (cm_object_says(d.type, "input_json_delta"))
    return read_text(event, d.partial_json, CM_DELTA_INPUT_JSON,
                     "input_json_delta needs a string partial_json", failure);
  if (cm_object_says(d.type, "signature_delta")) return read_signature(event, d.signature, failure);
  if (cm_object_says(d.type, "citations_delta")) return read_citation(event, d.citation, failure);
  if (!cm_object_says(d.type, "compaction_delta")) return CM_OK;
  event->delta = CM_DELTA_COMPACTION;
  event->value = d.content;
  event->encrypted = d.encrypted_content;
  return CM_OK;
}

static cm_event_kind kind_of(cm_json_string type) {
  if (cm_object_says(type, "content_block_delta")) return CM_EVENT_BLOCK_DELTA;
  if (cm_object_says(type, "content_block_start")) return CM_EVENT_BLOCK_START;
  if (cm_object_says(type, "content_block_stop")) return CM_EVENT_BLOCK_STOP;
  if (cm_object_says(type, "message_start")) return CM_EVENT_MESSAGE_START;
  if (cm_object_says(type, "message_delta")) return CM_EVENT_MESSAGE_DELTA;
  if (cm_object_says(type, "message_stop")) return CM_EVENT_MESSAGE_STOP;
  if (cm_object_says(type, "ping")) return CM_EVENT_PING;
  if (cm_object_says(type, "error")) return CM_EVENT_ERROR;
  return CM_EVENT_UNKNOWN;
}

cm_event_kind cm_event_kind_of(cm_slice name) {
  cm_json_string plain = { name, 0 };

  return kind_of(plain);
}

/* What the type says, which the name must not contradict. */
static cm_status settle_kind(cm_event *event, cm_event_kind named, cm_json_string type,
                             cm_failure *failure) {
  event->kind = type.body.len ? kind_of(type) : named;
  if (named == CM_EVENT_UNKNOWN || named == event->kind) return CM_OK;
  return refuse(failure, event->raw, type.body.ptr, "the event's type is not that of its name");
}

static cm_status read_index(cm_event *event, const frame *f, cm_failure *failure) {
  if (cm_object_is_number(f->index) && cm_json_number_to_int64(f->index, &event->index) &&
      event->index >= 0)
    return CM_OK;
  event->index = -1;
  return refuse(failure, event->raw, f->index.ptr, "index must be an integer from 0");
}

static cm_status read_object(cm_event *event, cm_slice value, const char *rule,
                             cm_failure *failure) {
  if (!cm_object_is_object(value)) return refuse(failure, event->raw, value.ptr, rule);
  event->object = value;
  return CM_OK;
}

static cm_status read_block_start(cm_event *event, const frame *f, cm_failure *failure) {
  cm_status status = read_index(event, f, failure);

  if (status == CM_OK)
    status = read_object(event, f->content_block, "content_block must be an object", failure);
  if (status == CM_OK && cm_object_string(cm_object_member(event->object, "type")).body.len == 0)
    return refuse(failure, event->raw, event->object.ptr, "content_block needs a type");
  return status;
}

static cm_status read_block_delta(cm_event *event, const frame *f, cm_failure *failure) {
  cm_status status = read_index(event, f, failure);

  if (status == CM_OK) status = read_object(event, f->delta, "delta must be an object", failure);
  return status == CM_OK ? read_delta(event, failure) : status;
}

static cm_status read_message_delta(cm_event *event, const frame *f, cm_failure *failure) {
  event->context_management = f->context_management;
  event->input_transformations = f->input_transformations;
  if (f->usage.len && !cm_object_is_object(f->usage) && f->usage.ptr[0] != 'n')
    return refuse(failure, event->raw, f->usage.ptr, "usage must be an object");
  if (cm_object_is_object(f->usage)) event->usage = f->usage;
  if (f->delta.len == 0) return CM_OK;
  return read_object(event, f->delta, "delta must be an object", failure);
}

/* Most are: see delta.h. */
static int is_usual_delta(cm_event *event, cm_event_kind named, cm_slice text) {
  memset(event, 0, sizeof *event);
  if (named != CM_EVENT_UNKNOWN && named != CM_EVENT_BLOCK_DELTA) return 0;
  return cm_delta_read(event, text);
}

cm_status cm_event_read(cm_event *event, cm_event_kind named, cm_slice text, cm_failure *failure) {
  frame f;
  cm_status status;

  if (is_usual_delta(event, named, text)) return CM_OK;
  memset(event, 0, sizeof *event);
  event->index = -1;
  event->raw = text;
  status = read_frame(&f, text, failure);
  if (status == CM_OK) status = settle_kind(event, named, f.type, failure);
  if (status != CM_OK) return status;

  switch (event->kind) {
  case CM_EVENT_MESSAGE_START:
    return read_object(event, f.message, "message must be an object", failure);
  case CM_EVENT_BLOCK_START:
    return read_block_start(event, &f, failure);
  case CM_EVENT_BLOCK_DELTA:
    return read_block_delta(event, &f, failure);
  case CM_EVENT_BLOCK_STOP:
    return read_index(event, &f, failure);
  case CM_EVENT_MESSAGE_DELTA:
    return read_message_delta(event, &f, failure);
  default:
    return CM_OK;
  }
}

int cm_api_error_read(cm_api_error *error, cm_slice text) {
  cm_slice inner;

  memset(error, 0, sizeof *error);
  if (cm_json_check(text, NULL) != CM_OK) return 0;
  inner = cm_object_member(text, "error");
  if (!cm_object_is_object(inner)) return 0;
  error->type = cm_object_string(cm_object_member(inner, "type"));
  error->message = cm_object_string(cm_object_member(inner, "message"));
  error->request_id = cm_object_string(cm_object_member(text, "request_id"));
  return 1;
}
