#include "core/splice.h"

#include <string.h>

#include "core/json_reader.h"
#include "core/slice.h"

struct cm_overlay_entry {
  cm_buffer name;    /* plain text */
  cm_buffer spelled; /* as it came */
  cm_buffer value;
};

/* Where in the object a member's value stands; ptr is NULL while it was not met. */
typedef struct places {
  cm_slice value[CM_SPLICE_MAX];
  const char *last_end; /* behind the last value, whosever it is; NULL: the object is empty */
} places;

void cm_member_set(cm_member *member, const char *name, cm_slice value) {
  memset(member, 0, sizeof *member);
  member->name = member->spelled = cm_slice_of(name);
  member->body = value;
}

static void find_places(cm_slice object, const cm_member *members, size_t count, places *found) {
  cm_json_reader reader;
  cm_json_string key;
  cm_slice value;
  size_t i;

  memset(found, 0, sizeof *found);
  cm_json_reader_init(&reader, object, CM_JSON_MAX_DEPTH);
  if (cm_json_reader_begin_object(&reader) != CM_OK) return;
  while (cm_json_reader_next_member(&reader, &key) == CM_OK) {
    if (cm_json_reader_read_value(&reader, &value) != CM_OK) return;
    found->last_end = value.ptr + value.len;
    for (i = 0; i < count; i++)
      if (cm_json_string_equals(key, members[i].name)) found->value[i] = value;
  }
}

static cm_status append_all(cm_buffer *out, const cm_slice *pieces, size_t count) {
  cm_status status = CM_OK;
  size_t i;

  for (i = 0; i < count && status == CM_OK; i++) status = cm_buffer_append(out, pieces[i]);
  return status;
}

static cm_status append_value(cm_buffer *out, const cm_member *member) {
  cm_slice pieces[3];

  pieces[0] = member->head;
  pieces[1] = member->body;
  pieces[2] = member->tail;
  return append_all(out, pieces, 3);
}

static cm_status append_member(cm_buffer *out, const cm_member *member, int first) {
  cm_slice pieces[3];
  cm_status status;

  pieces[0] = cm_slice_of(first ? "\"" : ",\"");
  pieces[1] = member->spelled;
  pieces[2] = cm_slice_of("\":");
  status = append_all(out, pieces, 3);
  return status == CM_OK ? append_value(out, member) : status;
}

static cm_status append_up_to(cm_buffer *out, const char **from, const char *to) {
  cm_slice bytes;

  bytes.ptr = *from;
  bytes.len = (size_t)(to - *from);
  *from = to;
  return cm_buffer_append(out, bytes);
}

/* The member whose place comes next at or after from, or count. */
static size_t next_place(const places *found, size_t count, const char *from) {
  size_t i, best = count;

  for (i = 0; i < count; i++)
    if (found->value[i].ptr && found->value[i].ptr >= from &&
        (best == count || found->value[i].ptr < found->value[best].ptr))
      best = i;
  return best;
}

static cm_status replace_values(const places *found, const cm_member *members, size_t count,
                                const char **from, cm_buffer *out) {
  cm_status status = CM_OK;
  size_t i;

  while (status == CM_OK && (i = next_place(found, count, *from)) < count) {
    status = append_up_to(out, from, found->value[i].ptr);
    *from += found->value[i].len;
    if (status == CM_OK) status = append_value(out, &members[i]);
  }
  return status;
}

cm_status cm_splice(cm_slice object, const cm_member *members, size_t count, cm_buffer *out) {
  places found;
  const char *from = object.ptr;
  const char *end = object.ptr + object.len;
  cm_status status;
  size_t i;
  int empty;

  find_places(object, members, count, &found);
  empty = found.last_end == NULL;
  if (empty) found.last_end = (const char *)memchr(object.ptr, '{', object.len) + 1;

  status = replace_values(&found, members, count, &from, out);
  if (status == CM_OK) status = append_up_to(out, &from, found.last_end);
  for (i = 0; i < count && status == CM_OK; i++) {
    if (found.value[i].ptr) continue;
    status = append_member(out, &members[i], empty);
    empty = 0;
  }
  return status == CM_OK ? append_up_to(out, &from, end) : status;
}

void cm_overlay_init(cm_overlay *overlay, const cm_alloc *alloc) {
  memset(overlay, 0, sizeof *overlay);
  overlay->alloc = alloc;
}

void cm_overlay_deinit(cm_overlay *overlay) {
  size_t i;

  for (i = 0; i < overlay->count; i++) {
    cm_buffer_deinit(&overlay->entries[i].name);
    cm_buffer_deinit(&overlay->entries[i].spelled);
    cm_buffer_deinit(&overlay->entries[i].value);
  }
  overlay->alloc->resize(overlay->alloc->ud, overlay->entries,
                         overlay->capacity * sizeof *overlay->entries, 0);
  cm_overlay_init(overlay, overlay->alloc);
}

static cm_status grow(cm_overlay *overlay) {
  struct cm_overlay_entry *grown;
  size_t size = sizeof *grown, capacity = overlay->capacity ? overlay->capacity * 2 : 4;

  if (overlay->count < overlay->capacity) return CM_OK;
  if (overlay->count == CM_OVERLAY_MAX) return CM_ERR_LIMIT;
  grown = overlay->alloc->resize(overlay->alloc->ud, overlay->entries, overlay->capacity * size,
                                 capacity * size);
  if (!grown) return CM_ERR_NOMEM;
  overlay->entries = grown;
  overlay->capacity = capacity;
  return CM_OK;
}

static cm_status spell_out(cm_json_string string, cm_buffer *out) {
  unsigned carry = 0;
  cm_status status = CM_OK;

  if (string.body.len) status = cm_json_string_unescape(string.body, &carry, out);
  return status == CM_OK ? cm_json_string_finish(&carry, out) : status;
}

static cm_status add_entry(cm_overlay *overlay, cm_json_string name,
                           struct cm_overlay_entry **entry) {
  cm_status status = grow(overlay);

  if (status != CM_OK) return status;
  *entry = &overlay->entries[overlay->count++];
  cm_buffer_init(&(*entry)->name, overlay->alloc, (size_t)-1);
  cm_buffer_init(&(*entry)->spelled, overlay->alloc, (size_t)-1);
  cm_buffer_init(&(*entry)->value, overlay->alloc, (size_t)-1);
  status = spell_out(name, &(*entry)->name);
  return status == CM_OK ? cm_buffer_append(&(*entry)->spelled, name.body) : status;
}

static struct cm_overlay_entry *find_entry(const cm_overlay *overlay, cm_json_string name) {
  size_t i;

  for (i = 0; i < overlay->count; i++)
    if (cm_json_string_equals(name, cm_slice_in(&overlay->entries[i].name)))
      return &overlay->entries[i];
  return NULL;
}

cm_status cm_overlay_set(cm_overlay *overlay, cm_json_string name, cm_slice value) {
  struct cm_overlay_entry *entry = find_entry(overlay, name);
  cm_status status = CM_OK;

  if (!entry) status = add_entry(overlay, name, &entry);
  if (status != CM_OK) return status;
  cm_buffer_clear(&entry->value);
  return cm_buffer_append(&entry->value, value);
}

static cm_json_string plain_string(const char *text) {
  cm_json_string string;

  string.body = cm_slice_of(text);
  string.escaped = 0;
  return string;
}

cm_status cm_overlay_set_named(cm_overlay *overlay, const char *name, cm_slice value) {
  return cm_overlay_set(overlay, plain_string(name), value);
}

cm_slice cm_overlay_get(const cm_overlay *overlay, const char *name) {
  const struct cm_overlay_entry *entry = find_entry(overlay, plain_string(name));
  cm_slice none = { "", 0 };

  return entry ? cm_slice_in(&entry->value) : none;
}

size_t cm_overlay_members(const cm_overlay *overlay, cm_member *members) {
  const struct cm_overlay_entry *entry;
  size_t i, count = 0;

  memset(members, 0, overlay->count * sizeof *members);
  for (i = 0; i < overlay->count; i++) {
    entry = &overlay->entries[i];
    if (entry->value.len == 0) continue; /* setting it ran out of memory */
    members[count].name = cm_slice_in(&entry->name);
    members[count].spelled = cm_slice_in(&entry->spelled);
    members[count++].body = cm_slice_in(&entry->value);
  }
  return count;
}
