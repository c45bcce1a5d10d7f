#include "core/journal.h"

#include <string.h>

#include "check.h"
#include "exact.h"

void journal_tests(void);

static const unsigned char SALT[CM_JOURNAL_SALT] = { 1, 2, 3, 4, 0xfe, 0xfd, 0xfc, 0xfb };

/* A file of two records, the first of which the second knows to be on the disk. */
static size_t write_two(char *out) {
  static const char *const payloads[] = { "one", "two two" };
  size_t size = CM_JOURNAL_FIRST, last = 0, i;

  cm_journal_write_first(SALT, out);
  for (i = 0; i < 2; i++) {
    cm_journal_record record;
    record.offset = record.synced = size;
    record.kind = (uint32_t)i + 1;
    record.payload.ptr = payloads[i];
    record.payload.len = strlen(payloads[i]);
    record.before = i ? cm_journal_mark(out + last) : 0;
    cm_journal_write_head(&record, SALT, out + size);
    last = size;
    memcpy(out + size + CM_JOURNAL_HEAD, payloads[i], record.payload.len);
    size += CM_JOURNAL_HEAD + record.payload.len;
  }
  return size;
}

static cm_status read_all(cm_slice file, size_t *kept, int *count) {
  cm_journal_reader reader;
  cm_journal_record record;
  cm_failure failure;
  cm_status status = cm_journal_open(&reader, file, &failure);

  *count = 0;
  if (status == CM_OK)
    while ((status = cm_journal_next(&reader, &record, &failure)) == CM_OK) ++*count;
  *kept = reader.kept;
  return status;
}

static void gives_back_what_was_written(void) {
  char bytes[256];
  cm_slice file = exact_copy(bytes, write_two(bytes));
  cm_journal_reader reader;
  cm_journal_record record;
  cm_failure failure;

  CHECK(cm_journal_open(&reader, file, &failure) == CM_OK);
  CHECK(memcmp(reader.salt, SALT, sizeof SALT) == 0);
  CHECK(cm_journal_next(&reader, &record, &failure) == CM_OK);
  CHECK(exact_equal(record.payload, "one"));
  CHECK(record.kind == 1 && record.offset == CM_JOURNAL_FIRST);
  CHECK(cm_journal_next(&reader, &record, &failure) == CM_OK);
  CHECK(exact_equal(record.payload, "two two"));
  CHECK(record.kind == 2 && record.synced == record.offset);
  CHECK(cm_journal_next(&reader, &record, &failure) == CM_END);
  CHECK(reader.kept == file.len);
  exact_free(file);
}

static void reads_every_beginning_and_not_a_byte_more(void) {
  char bytes[256];
  size_t size = write_two(bytes), first = CM_JOURNAL_FIRST + CM_JOURNAL_HEAD + 3, length, kept;
  int count;

  for (length = 0; length <= size; length++) {
    cm_slice file = exact_copy(bytes, length);
    cm_status status = read_all(file, &kept, &count);
    CHECK(count == (length >= first) + (length == size));
    CHECK(status == (kept == length ? CM_END : CM_ERR_INCOMPLETE));
    exact_free(file);
  }
}

static void accepts_no_changed_byte(void) {
  char bytes[256];
  size_t size = write_two(bytes), first = CM_JOURNAL_FIRST + CM_JOURNAL_HEAD + 3, at, kept;
  int count;

  for (at = CM_JOURNAL_FIRST; at < size; at++) {
    cm_slice file;
    cm_status status;
    bytes[at] = (char)(bytes[at] ^ 0x20);
    file = exact_copy(bytes, size);
    status = read_all(file, &kept, &count);
    CHECK(count == (at >= first));
    CHECK(status == (at < first ? CM_ERR_SYNTAX : CM_ERR_INCOMPLETE));
    exact_free(file);
    bytes[at] = (char)(bytes[at] ^ 0x20);
  }
}

void journal_tests(void) {
  gives_back_what_was_written();
  reads_every_beginning_and_not_a_byte_more();
  accepts_no_changed_byte();
}
