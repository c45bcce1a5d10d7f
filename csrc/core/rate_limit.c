#include "core/rate_limit.h"

#include <string.h>

#include "core/date.h"
#include "core/slice.h"

static int begins(cm_slice s, const char *text) {
  size_t len = strlen(text);

  return s.len > len && memcmp(s.ptr, text, len) == 0;
}

static cm_slice after(cm_slice s, size_t count) {
  s.ptr += count;
  s.len -= count;
  return s;
}

/* Takes "-limit", "-remaining" or "-reset" off the end. */
static int take_member(cm_slice *name, cm_rate_limit_member *member) {
  static const char *const words[] = { "limit", "remaining", "reset" };
  size_t from = name->len;
  int i;

  while (from > 0 && name->ptr[from - 1] != '-') from--;
  if (from == 0) return 0;
  for (i = 0; i < 3; i++) {
    if (!cm_slice_is(after(*name, from), words[i])) continue;
    *member = (cm_rate_limit_member)i;
    name->len = from - 1;
    return 1;
  }
  return 0;
}

/* What has "ratelimit-" before it, which is taken off, or is of a tier of its own. */
static int take_prefix(cm_slice *name) {
  if (begins(*name, "ratelimit-")) {
    *name = after(*name, strlen("ratelimit-"));
    return 1;
  }
  return begins(*name, "priority-") || begins(*name, "fast-");
}

static int copy_what(cm_slice name, char *what) {
  size_t i;

  if (name.len >= CM_RATE_LIMIT_LONGEST) return 0;
  for (i = 0; i < name.len; i++) what[i] = name.ptr[i] == '-' ? '_' : name.ptr[i];
  what[name.len] = '\0';
  return 1;
}

static int is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static int read_number(cm_slice text, double *value) {
  size_t i;

  while (text.len > 0 && is_blank(text.ptr[text.len - 1])) text.len--;
  while (text.len > 0 && is_blank(text.ptr[0])) text = after(text, 1);
  *value = 0;
  for (i = 0; i < text.len; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9') return 0;
    *value = *value * 10 + (text.ptr[i] - '0');
  }
  return text.len > 0;
}

int cm_rate_limit_read(cm_slice name, cm_slice value, cm_rate_limit *found) {
  if (!begins(name, "anthropic-")) return 0;
  name = after(name, strlen("anthropic-"));
  if (!take_member(&name, &found->member) || !take_prefix(&name)) return 0;
  if (!copy_what(name, found->what)) return 0;
  if (found->member == CM_RATE_LIMIT_RESET) return cm_date_read(value, &found->value);
  return read_number(value, &found->value);
}
