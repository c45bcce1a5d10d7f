#include "core/journal.h"

#include <string.h>

#include "core/sha256.h"

enum { MAGIC = 4, CHECKED = 32, CHECK = CM_JOURNAL_HEAD - CHECKED };

static const char RECORD[MAGIC + 1] = "\xFAjr\n";
static const char NAME[] = "lua-claude journal ";
static const char VERSION[] = "1 ";
static const char DIGITS[] = "0123456789abcdef";

enum {
  NAME_SIZE = sizeof NAME - 1,
  SALT_AT = NAME_SIZE + sizeof VERSION - 1,
  SALT_DIGITS = 2 * CM_JOURNAL_SALT
};

static void put(char *out, uint64_t value, int bytes) {
  int i;

  for (i = 0; i < bytes; i++) out[i] = (char)(unsigned char)(value >> (8 * i));
}

static uint64_t get(const char *in, int bytes) {
  uint64_t value = 0;

  while (bytes--) value = value << 8 | (unsigned char)in[bytes];
  return value;
}

static void check_of(uint64_t offset, const char *head, cm_slice payload, char out[CHECK]) {
  unsigned char digest[CM_SHA256_BYTES];
  char place[8];
  cm_slice part;
  cm_sha256 hash;

  put(place, offset, sizeof place);
  cm_sha256_init(&hash);
  part.ptr = place;
  part.len = sizeof place;
  cm_sha256_feed(&hash, part);
  part.ptr = head;
  part.len = CHECKED;
  cm_sha256_feed(&hash, part);
  cm_sha256_feed(&hash, payload);
  cm_sha256_finish(&hash, digest);
  memcpy(out, digest, CHECK);
}

void cm_journal_write_first(const unsigned char salt[CM_JOURNAL_SALT], char out[CM_JOURNAL_FIRST]) {
  int i;

  memcpy(out, NAME, NAME_SIZE);
  memcpy(out + NAME_SIZE, VERSION, sizeof VERSION - 1);
  for (i = 0; i < CM_JOURNAL_SALT; i++) {
    out[SALT_AT + 2 * i] = DIGITS[salt[i] >> 4];
    out[SALT_AT + 2 * i + 1] = DIGITS[salt[i] & 15];
  }
  out[CM_JOURNAL_FIRST - 1] = '\n';
}

void cm_journal_write_head(const cm_journal_record *record,
                           const unsigned char salt[CM_JOURNAL_SALT], char out[CM_JOURNAL_HEAD]) {
  memcpy(out, RECORD, MAGIC);
  put(out + 4, record->payload.len, 4);
  put(out + 8, record->synced, 8);
  memcpy(out + 16, salt, CM_JOURNAL_SALT);
  put(out + 24, record->kind, 4);
  put(out + 28, record->before, 4);
  check_of(record->offset, out, record->payload, out + CHECKED);
}

uint32_t cm_journal_mark(const char head[CM_JOURNAL_HEAD]) {
  return (uint32_t)get(head + CHECKED, 4);
}

/* Whether a record begins at the offset and is whole. Its salt, and what it says of the record
   before, are not judged. */
static int find_record(cm_slice file, size_t offset, cm_journal_record *record) {
  const char *head = file.ptr + offset;
  char check[CHECK];
  size_t left = file.len - offset;

  if (left < CM_JOURNAL_HEAD || memcmp(head, RECORD, MAGIC) != 0) return 0;
  record->offset = offset;
  record->synced = get(head + 8, 8);
  record->kind = (uint32_t)get(head + 24, 4);
  record->before = (uint32_t)get(head + 28, 4);
  record->payload.ptr = head + CM_JOURNAL_HEAD;
  record->payload.len = (size_t)get(head + 4, 4);
  if (record->payload.len > left - CM_JOURNAL_HEAD) return 0;
  check_of(offset, head, record->payload, check);
  return memcmp(check, head + CHECKED, CHECK) == 0;
}

/* A file made to hold many heads would have the whole of it hashed for each of them. */
enum { HASHED_AT_MOST = 8 }; /* times the length of the file */

/*
** Whether a record behind the bad place says that this was on the disk before. Where that
** cannot be found out in a bounded time, it may have been.
*/
static int was_good(cm_slice file, size_t bad) {
  uint64_t budget = (uint64_t)file.len * HASHED_AT_MOST;
  const char *end = file.ptr + file.len;
  const char *at = file.ptr + bad;
  cm_journal_record record;

  while (at < end && (at = memchr(at, RECORD[0], (size_t)(end - at))) != NULL) {
    size_t offset = (size_t)(at - file.ptr);
    int found = offset > bad && find_record(file, offset, &record);
    if (found && record.synced > bad) return 1;
    if (offset > bad && file.len - offset >= CM_JOURNAL_HEAD && memcmp(at, RECORD, MAGIC) == 0) {
      uint64_t cost = CM_JOURNAL_HEAD + get(at + 4, 4);
      if (cost <= file.len - offset && cost > budget) return 1;
      if (cost <= file.len - offset) budget -= cost;
    }
    at += found ? CM_JOURNAL_HEAD + record.payload.len : 1;
  }
  return 0;
}

static cm_status fail(cm_failure *failure, cm_status status, size_t offset, const char *text) {
  failure->status = status;
  failure->offset = offset;
  cm_failure_say(failure, text);
  return status;
}

static cm_status judge(cm_slice file, size_t bad, cm_failure *failure) {
  if (!was_good(file, bad)) return CM_ERR_INCOMPLETE;
  return fail(failure, CM_ERR_SYNTAX, bad,
              "the journal is damaged here, and good records follow: it was left as it is");
}

static int digit(char c) {
  const char *found = c ? strchr(DIGITS, c) : NULL;

  return found ? (int)(found - DIGITS) : -1;
}

/* Whether a byte may stand there in the first line of this version. */
static int fits(size_t i, char c) {
  if (i < NAME_SIZE) return c == NAME[i];
  if (i < SALT_AT) return c == VERSION[i - NAME_SIZE];
  if (i < SALT_AT + SALT_DIGITS) return digit(c) >= 0;
  return c == '\n';
}

static size_t skip_zeros(cm_slice file, size_t i) {
  while (i < file.len && file.ptr[i] == '\0') i++;
  return i;
}

/* What was written of a first line, and zeros where nothing was. What begins with zeros and
   goes on with something may be anybody's. */
static int is_torn_first(cm_slice file) {
  size_t fitting = 0, i;

  while (fitting < file.len && fitting < CM_JOURNAL_FIRST && fits(fitting, file.ptr[fitting]))
    fitting++;
  i = skip_zeros(file, fitting);
  return i == file.len || (i >= CM_JOURNAL_FIRST && fitting >= NAME_SIZE);
}

static void read_salt(cm_journal_reader *reader) {
  const char *digits = reader->file.ptr + SALT_AT;
  int i;

  for (i = 0; i < CM_JOURNAL_SALT; i++)
    reader->salt[i] = (unsigned char)(digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]));
}

static int has_first(cm_slice file) {
  size_t i;

  if (file.len < CM_JOURNAL_FIRST) return 0;
  for (i = 0; i < CM_JOURNAL_FIRST; i++)
    if (!fits(i, file.ptr[i])) return 0;
  return 1;
}

cm_status cm_journal_open(cm_journal_reader *reader, cm_slice file, cm_failure *failure) {
  memset(reader, 0, sizeof *reader);
  reader->file = file;
  failure->status = CM_OK;
  if (file.len == 0) return CM_END;
  if (has_first(file)) {
    read_salt(reader);
    reader->kept = CM_JOURNAL_FIRST;
    return CM_OK;
  }
  if (is_torn_first(file)) return judge(file, 0, failure);
  if (file.len >= SALT_AT && memcmp(file.ptr, NAME, NAME_SIZE) == 0 &&
      memcmp(file.ptr + NAME_SIZE, VERSION, sizeof VERSION - 1) != 0)
    return fail(failure, CM_ERR_PROTOCOL, NAME_SIZE,
                "the journal is of another version than this library knows");
  if (was_good(file, 0))
    return fail(failure, CM_ERR_SYNTAX, 0,
                "the first line of the journal is damaged: it was left as it is");
  return fail(failure, CM_ERR_PROTOCOL, 0, "the file is no journal");
}

cm_status cm_journal_next(cm_journal_reader *reader, cm_journal_record *record,
                          cm_failure *failure) {
  size_t offset = reader->kept;
  const char *head = reader->file.ptr + offset;

  if (offset >= reader->file.len) return CM_END;
  if (!find_record(reader->file, offset, record) ||
      memcmp(head + 16, reader->salt, CM_JOURNAL_SALT) != 0 || record->before != reader->mark)
    return judge(reader->file, offset, failure);
  reader->mark = cm_journal_mark(head);
  reader->kept = offset + CM_JOURNAL_HEAD + record->payload.len;
  return CM_OK;
}
