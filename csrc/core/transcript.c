#include "core/transcript.h"

#include <string.h>

#include "core/json_reader.h"
#include "core/mark.h"

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
  if (cm_json_reader_has_lone_surrogate(&reader)) {
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
  cm_message_list_release(transcript->list);
  cm_transcript_init(transcript, transcript->alloc);
}

/* A list that ends where this transcript does, to add to: what others have added behind it is
   theirs. */
static cm_status make_appendable(cm_transcript *transcript) {
  cm_message_list *list = transcript->list;

  if (list && list->count == transcript->count) return CM_OK;
  if (list && list->references == 1) {
    cm_message_list_truncate(list, transcript->count);
    return CM_OK;
  }
  list = cm_message_list_begin(transcript->alloc, list, transcript->count);
  if (!list) return CM_ERR_NOMEM;
  cm_message_list_release(transcript->list);
  transcript->list = list;
  return CM_OK;
}

cm_status cm_transcript_append(cm_transcript *transcript, cm_role role, cm_slice message) {
  cm_status status = make_appendable(transcript);

  if (status == CM_OK) status = cm_message_list_append(transcript->list, role, message);
  if (status != CM_OK) return status;
  transcript->count++;
  transcript->bytes += message.len;
  return CM_OK;
}

cm_status cm_transcript_adopt(cm_transcript *transcript, cm_role role, cm_segment *segment) {
  cm_status status = make_appendable(transcript);

  if (status == CM_OK) status = cm_message_list_adopt(transcript->list, role, segment);
  if (status != CM_OK) return status;
  transcript->bytes += cm_transcript_get(transcript, transcript->count++).len;
  return CM_OK;
}

void cm_transcript_truncate(cm_transcript *transcript, size_t count) {
  cm_message_list *list = transcript->list;

  if (count == 0) cm_transcript_deinit(transcript);
  if (count >= transcript->count) return;
  while (transcript->count > count)
    transcript->bytes -= list->entries[--transcript->count].bytes.len;
  if (list->references == 1) cm_message_list_truncate(list, count);
}

void cm_transcript_fork(const cm_transcript *transcript, cm_transcript *fork) {
  *fork = *transcript;
  if (fork->list) cm_message_list_retain(fork->list);
}

static int is_same(cm_slice a, cm_slice b) {
  return a.len == b.len && (a.ptr == b.ptr || memcmp(a.ptr, b.ptr, a.len) == 0);
}

size_t cm_transcript_shared(const cm_transcript *transcript, const cm_transcript *other) {
  size_t least = transcript->count < other->count ? transcript->count : other->count;
  size_t i = 0;

  if (transcript->list == other->list) return least;
  while (i < least && is_same(cm_transcript_get(transcript, i), cm_transcript_get(other, i))) i++;
  return i;
}

size_t cm_transcript_count(const cm_transcript *transcript) {
  return transcript->count;
}

size_t cm_transcript_bytes(const cm_transcript *transcript) {
  return transcript->bytes;
}

size_t cm_transcript_runs(const cm_transcript *transcript) {
  return transcript->list ? transcript->list->run_count : 0;
}

cm_slice cm_transcript_get(const cm_transcript *transcript, size_t index) {
  return transcript->list->entries[index].bytes;
}

cm_role cm_transcript_role(const cm_transcript *transcript, size_t index) {
  return transcript->list->entries[index].role;
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

/* What begins with the message at index, and the comma that lies before it. */
static cm_slice with_comma(cm_slice bytes, size_t index) {
  size_t comma = index > 0;

  bytes.ptr -= comma;
  bytes.len += comma;
  return bytes;
}

static cm_status render_marked(cm_segment *segment, cm_slice message,
                               const cm_transcript_mark *wanted, cm_body *body) {
  cm_mark mark;
  cm_status status = find_mark(message, wanted->block, &mark);

  if (status == CM_OK)
    status = cm_body_append_within(body, segment, with_comma(mark.before, wanted->message));
  if (status == CM_OK) status = cm_body_append_static(body, mark.open);
  if (status == CM_OK) status = cm_body_append_within(body, segment, mark.text);
  if (status == CM_OK) status = cm_body_append_static(body, mark.name);
  if (status == CM_OK) status = cm_body_append_copy(body, wanted->control);
  if (status == CM_OK) status = cm_body_append_static(body, mark.close);
  return status == CM_OK ? cm_body_append_within(body, segment, mark.after) : status;
}

/* What is rendered, and how far that has come. */
typedef struct rendering {
  const cm_transcript *transcript;
  const cm_transcript_mark *marks;
  size_t mark_count;
  size_t next_mark;
  cm_body *body;
} rendering;

/* Where the run ends, as far as this transcript goes. */
static size_t end_of_run(const cm_transcript *transcript, size_t run) {
  const cm_message_list *list = transcript->list;
  size_t end = run + 1 < list->run_count ? list->runs[run + 1].first : list->count;

  return end < transcript->count ? end : transcript->count;
}

/* Messages of a run from first on, up to last, which is not among them: one marked, or all that
   lie before the next marked one. Returns how far it went. */
static cm_status render_some(rendering *r, cm_segment *segment, size_t *first, size_t last) {
  size_t marked = r->next_mark < r->mark_count ? r->marks[r->next_mark].message : last;
  cm_slice bytes = cm_transcript_get(r->transcript, *first), end;
  size_t index = *first;

  if (marked == index) {
    ++*first;
    return render_marked(segment, bytes, &r->marks[r->next_mark++], r->body);
  }
  if (marked > index && marked < last) last = marked;
  end = cm_transcript_get(r->transcript, last - 1);
  bytes.len = (size_t)(end.ptr + end.len - bytes.ptr);
  *first = last;
  return cm_body_append_within(r->body, segment, with_comma(bytes, index));
}

static cm_status render_all(rendering *r) {
  cm_status status = CM_OK;
  size_t at = 0, run;

  for (run = 0; status == CM_OK && at < r->transcript->count; run++) {
    cm_segment *segment = r->transcript->list->runs[run].segment;
    size_t end = end_of_run(r->transcript, run);

    while (status == CM_OK && at < end) status = render_some(r, segment, &at, end);
  }
  return status;
}

cm_status cm_transcript_render_marked(const cm_transcript *transcript,
                                      const cm_transcript_mark *marks, size_t count,
                                      cm_body *body) {
  enum { OF_A_MARK = 8, OTHERS = 4 }; /* parts, at most or about */
  rendering r = { transcript, marks, count, 0, body };
  size_t parts = cm_transcript_runs(transcript) + count * OF_A_MARK + OTHERS;
  cm_status status = cm_body_reserve(body, parts);

  if (status == CM_OK) status = render_all(&r);
  if (status != CM_OK) return status;
  return r.next_mark == count ? CM_OK : CM_ERR_PROTOCOL;
}

cm_status cm_transcript_render(const cm_transcript *transcript, cm_body *body) {
  return cm_transcript_render_marked(transcript, NULL, 0, body);
}
