#include "core/transcript.h"

#include <string.h>

#include "core/json_reader.h"
#include "core/mark.h"

enum { FIRST_CAPACITY = 8 };

typedef struct cm_transcript_entry {
  cm_segment *message; /* one reference */
  cm_role role;
} entry;

static cm_status fail(cm_failure *failure, cm_status status, size_t offset, const char *text) {
  failure->status = status;
  failure->offset = offset;
  strncpy(failure->text, text, sizeof failure->text - 1);
  failure->text[sizeof failure->text - 1] = '\0';
  return status;
}

static int is(cm_json_string string, const char *plain) {
  cm_slice bytes = { plain, strlen(plain) };
  return cm_json_string_equals(string, bytes);
}

/* The role that a JSON string names; -1 for another one. */
static int role_named(cm_json_string name) {
  if (is(name, "user")) return CM_ROLE_USER;
  if (is(name, "assistant")) return CM_ROLE_ASSISTANT;
  if (is(name, "system")) return CM_ROLE_SYSTEM;
  return -1;
}

typedef struct found {
  int role;        /* a cm_role, or -1 */
  int has_content; /* of a type that content may have */
} found;

/* Members may come twice: as everywhere the last one counts. */
static cm_status read_members(cm_json_reader *reader, found *members) {
  cm_json_string key, name;
  cm_status status;

  while ((status = cm_json_reader_next_member(reader, &key)) == CM_OK) {
    cm_json_type type = cm_json_reader_peek(reader);
    if (is(key, "role")) {
      members->role = -1;
      if (type != CM_JSON_STRING) continue;
      if (cm_json_reader_read_string(reader, &name) == CM_OK) members->role = role_named(name);
    } else if (is(key, "content")) {
      members->has_content = type == CM_JSON_STRING || type == CM_JSON_ARRAY;
    }
  }
  return status == CM_END ? CM_OK : status;
}

cm_status cm_transcript_check(cm_slice message, cm_role *role, cm_failure *failure) {
  found members = { -1, 0 };
  cm_json_reader reader;
  cm_status status;

  cm_json_reader_init(&reader, message, CM_JSON_MAX_DEPTH);
  status = cm_json_reader_begin_object(&reader);
  if (status == CM_OK) status = read_members(&reader, &members);
  if (status == CM_OK) status = cm_json_reader_finish(&reader);
  if (status != CM_OK) {
    return fail(failure, status, cm_json_reader_offset(&reader), cm_json_reader_reason(&reader));
  }
  if (members.role < 0) {
    return fail(failure, CM_ERR_PROTOCOL, 0, "a message needs a role: user, assistant or system");
  }
  if (!members.has_content) {
    return fail(failure, CM_ERR_PROTOCOL, 0, "a message needs content: text or a list of blocks");
  }
  if (cm_json_string_has_lone_surrogate(message)) {
    return fail(failure, CM_ERR_PROTOCOL, 0, "a string holds half a surrogate pair");
  }
  *role = (cm_role)members.role;
  return CM_OK;
}

cm_slice cm_transcript_content(cm_slice message) {
  cm_slice content = { "", 0 }, value;
  cm_json_string key;
  cm_json_reader reader;

  cm_json_reader_init(&reader, message, CM_JSON_MAX_DEPTH);
  cm_json_reader_begin_object(&reader);
  while (cm_json_reader_next_member(&reader, &key) == CM_OK) {
    if (!is(key, "content")) continue;
    if (cm_json_reader_read_value(&reader, &value) == CM_OK) content = value;
  }
  return content;
}

void cm_transcript_init(cm_transcript *transcript, const cm_alloc *alloc) {
  memset(transcript, 0, sizeof *transcript);
  transcript->alloc = alloc;
}

void cm_transcript_deinit(cm_transcript *transcript) {
  const cm_alloc *alloc = transcript->alloc;

  cm_transcript_truncate(transcript, 0);
  alloc->resize(alloc->ud, transcript->entries, transcript->capacity * sizeof(entry), 0);
  cm_transcript_init(transcript, alloc);
}

static cm_status grow_to(cm_transcript *transcript, size_t capacity) {
  entry *grown;

  if (capacity > (size_t)-1 / sizeof *grown) return CM_ERR_LIMIT;
  grown = transcript->alloc->resize(transcript->alloc->ud, transcript->entries,
                                    transcript->capacity * sizeof *grown, capacity * sizeof *grown);
  if (!grown) return CM_ERR_NOMEM;
  transcript->entries = grown;
  transcript->capacity = capacity;
  return CM_OK;
}

static cm_status reserve_one(cm_transcript *transcript) {
  if (transcript->count < transcript->capacity) return CM_OK;
  return grow_to(transcript, transcript->capacity ? transcript->capacity * 2 : FIRST_CAPACITY);
}

cm_status cm_transcript_append(cm_transcript *transcript, cm_role role, cm_segment *message) {
  size_t len = cm_segment_bytes(message).len;
  cm_status status;
  entry *added;

  if (len > (size_t)-1 - transcript->bytes) return CM_ERR_LIMIT;
  status = reserve_one(transcript);
  if (status != CM_OK) return status;
  added = &transcript->entries[transcript->count++];
  added->message = cm_segment_retain(message);
  added->role = role;
  transcript->bytes += len;
  return CM_OK;
}

void cm_transcript_truncate(cm_transcript *transcript, size_t count) {
  while (transcript->count > count) {
    cm_segment *last = transcript->entries[--transcript->count].message;
    transcript->bytes -= cm_segment_bytes(last).len;
    cm_segment_release(last);
  }
}

cm_status cm_transcript_fork(const cm_transcript *transcript, cm_transcript *fork) {
  cm_status status;
  size_t i;

  cm_transcript_init(fork, transcript->alloc);
  if (!transcript->count) return CM_OK;
  status = grow_to(fork, transcript->count);
  if (status != CM_OK) return status;
  memcpy(fork->entries, transcript->entries, transcript->count * sizeof(entry));
  for (i = 0; i < transcript->count; i++) cm_segment_retain(fork->entries[i].message);
  fork->count = transcript->count;
  fork->bytes = transcript->bytes;
  return CM_OK;
}

static int is_same(const cm_segment *one, const cm_segment *other) {
  cm_slice a = cm_segment_bytes(one), b = cm_segment_bytes(other);

  return one == other || (a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0);
}

size_t cm_transcript_shared(const cm_transcript *transcript, const cm_transcript *other) {
  size_t least = transcript->count < other->count ? transcript->count : other->count;
  size_t i = 0;

  while (i < least && is_same(transcript->entries[i].message, other->entries[i].message)) i++;
  return i;
}

size_t cm_transcript_count(const cm_transcript *transcript) {
  return transcript->count;
}

size_t cm_transcript_bytes(const cm_transcript *transcript) {
  return transcript->bytes;
}

cm_segment *cm_transcript_get(const cm_transcript *transcript, size_t index) {
  return transcript->entries[index].message;
}

cm_role cm_transcript_role(const cm_transcript *transcript, size_t index) {
  return transcript->entries[index].role;
}

/* Widens what was found in the content of a message to the whole of it. */
static cm_status find_mark(cm_slice message, size_t block, cm_mark *mark) {
  cm_slice content = cm_transcript_content(message);
  cm_status status = cm_mark_find(content, block, mark);

  if (status != CM_OK) return status;
  mark->before.len += (size_t)(content.ptr - message.ptr);
  mark->before.ptr = message.ptr;
  mark->after.len = (size_t)(message.ptr + message.len - mark->after.ptr);
  return CM_OK;
}

static cm_status render_marked(cm_segment *message, const cm_transcript_mark *wanted,
                               cm_body *body) {
  cm_mark mark;
  cm_status status = find_mark(cm_segment_bytes(message), wanted->block, &mark);

  if (status == CM_OK) status = cm_body_append_within(body, message, mark.before);
  if (status == CM_OK) status = cm_body_append_static(body, mark.open);
  if (status == CM_OK) status = cm_body_append_within(body, message, mark.text);
  if (status == CM_OK) status = cm_body_append_static(body, mark.name);
  if (status == CM_OK) status = cm_body_append_copy(body, wanted->control);
  if (status == CM_OK) status = cm_body_append_static(body, mark.close);
  return status == CM_OK ? cm_body_append_within(body, message, mark.after) : status;
}

cm_status cm_transcript_render_marked(const cm_transcript *transcript,
                                      const cm_transcript_mark *marks, size_t count,
                                      cm_body *body) {
  enum { OF_A_MESSAGE = 2, OF_A_MARK = 4, OTHERS = 4 }; /* parts, at most or about */
  static const cm_slice comma = { ",", 1 };
  size_t i, next = 0;
  cm_status status =
      cm_body_reserve(body, transcript->count * OF_A_MESSAGE + count * OF_A_MARK + OTHERS);

  for (i = 0; status == CM_OK && i < transcript->count; i++) {
    cm_segment *message = transcript->entries[i].message;
    int marked = next < count && marks[next].message == i;

    status = i ? cm_body_append_static(body, comma) : CM_OK;
    if (status == CM_OK)
      status = marked ? render_marked(message, &marks[next++], body)
                      : cm_body_append_segment(body, message);
  }
  if (status != CM_OK) return status;
  return next == count ? CM_OK : CM_ERR_PROTOCOL;
}

cm_status cm_transcript_render(const cm_transcript *transcript, cm_body *body) {
  return cm_transcript_render_marked(transcript, NULL, 0, body);
}
