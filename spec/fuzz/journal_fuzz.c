/*
** journal_fuzz.c - the input twice: as a file, and as the story of one.
**
** As a file: what is read, written again, is the beginning of the file up to `kept`; that
** beginning, read by itself, gives the same records and ends well.
**
** As a story: records are written, some of them synced; then the file is cut, or a byte of it
** is changed. What is read is a beginning of what was written, and never less than was
** synced without saying that the file is damaged, where a later record can know.
*/
#include "fuzz.h"
#include "record.h"

#include "core/journal.h"

static const unsigned char SALT[CM_JOURNAL_SALT] = { 's', 'a', 'l', 't', 's', 'a', 'l', 't' };

enum { MOST_RECORDS = 8 };

typedef struct story {
  record file;
  size_t ends[MOST_RECORDS];   /* of records, in bytes of the file */
  size_t synced[MOST_RECORDS]; /* what each record says */
  size_t count;
} story;

static cm_slice bytes_of(const record *r) {
  cm_slice slice;

  slice.ptr = r->bytes.len ? r->bytes.ptr : "";
  slice.len = r->bytes.len;
  return slice;
}

static void append(record *r, const char *bytes, size_t size) {
  cm_slice slice;

  slice.ptr = bytes;
  slice.len = size;
  REQUIRE(cm_buffer_append(&r->bytes, slice) == CM_OK);
}

static uint32_t write_again(record *out, const cm_journal_record *item,
                            const unsigned char salt[CM_JOURNAL_SALT]) {
  char head[CM_JOURNAL_HEAD];

  cm_journal_write_head(item, salt, head);
  append(out, head, sizeof head);
  append(out, item->payload.ptr, item->payload.len);
  return cm_journal_mark(head);
}

/* Reads all records, and writes them again. */
static cm_status read_all(cm_slice file, record *again, size_t *kept) {
  char first[CM_JOURNAL_FIRST];
  cm_journal_reader reader;
  cm_journal_record item;
  cm_failure failure;
  cm_status status = cm_journal_open(&reader, file, &failure);

  record_init(again);
  if (status == CM_OK) {
    cm_journal_write_first(reader.salt, first);
    append(again, first, sizeof first);
    while ((status = cm_journal_next(&reader, &item, &failure)) == CM_OK)
      write_again(again, &item, reader.salt);
  }
  REQUIRE(status == CM_END || status == CM_ERR_INCOMPLETE || status == CM_ERR_SYNTAX ||
          status == CM_ERR_PROTOCOL);
  *kept = reader.kept;
  return status;
}

static void check_file(cm_slice file) {
  record again, once_more;
  size_t kept, kept_again;
  cm_status status = read_all(file, &again, &kept);
  cm_slice good = bytes_of(&again);

  REQUIRE(kept <= file.len && good.len == kept);
  REQUIRE(kept == 0 || memcmp(good.ptr, file.ptr, kept) == 0);
  REQUIRE(status != CM_END || kept == file.len);
  REQUIRE(read_all(good, &once_more, &kept_again) == CM_END);
  REQUIRE(kept_again == kept && record_equal(&again, &once_more));
  record_deinit(&again);
  record_deinit(&once_more);
}

/* Each byte is a record of so many bytes; an odd one is synced before the next. */
static void tell(story *s, cm_slice input) {
  char first[CM_JOURNAL_FIRST];
  size_t i, synced = 0;
  uint32_t before = 0;

  record_init(&s->file);
  cm_journal_write_first(SALT, first);
  append(&s->file, first, sizeof first);
  for (i = 0; i < input.len && i < MOST_RECORDS; i++) {
    cm_journal_record item;
    item.offset = s->file.bytes.len;
    item.synced = s->synced[i] = synced;
    item.kind = 2;
    item.before = before;
    item.payload.ptr = input.ptr;
    item.payload.len = (unsigned char)input.ptr[i] % (input.len + 1);
    before = write_again(&s->file, &item, SALT);
    s->ends[i] = s->file.bytes.len;
    if (input.ptr[i] & 1) synced = s->file.bytes.len;
  }
  s->count = i;
}

static size_t end_before(const story *s, size_t at) {
  size_t i = 0, end = CM_JOURNAL_FIRST;

  if (at < CM_JOURNAL_FIRST) return 0;
  for (; i < s->count && s->ends[i] <= at; i++) end = s->ends[i];
  return end;
}

/* Whether a record that is whole behind the byte knows that it was on the disk. */
static int is_known(const story *s, size_t at) {
  size_t bad = end_before(s, at), i;

  for (i = 0; i < s->count; i++) {
    size_t begins = i ? s->ends[i - 1] : CM_JOURNAL_FIRST;
    if (begins > at && s->synced[i] > bad) return 1;
  }
  return 0;
}

static void check_cut(const story *s, size_t at) {
  cm_slice file = bytes_of(&s->file);
  record again;
  size_t kept;
  cm_status status;

  file.len = at;
  status = read_all(file, &again, &kept);
  REQUIRE(kept == end_before(s, at));
  REQUIRE(status == (kept == at ? CM_END : CM_ERR_INCOMPLETE));
  record_deinit(&again);
}

static void check_change(story *s, size_t at, unsigned char by) {
  cm_slice file = bytes_of(&s->file);
  record again;
  size_t kept, whole = end_before(s, at);
  cm_status status;

  s->file.bytes.ptr[at] = (char)(s->file.bytes.ptr[at] ^ by);
  status = read_all(file, &again, &kept);
  if (at >= CM_JOURNAL_FIRST) {
    REQUIRE(kept == whole);
    REQUIRE(status == (is_known(s, at) ? CM_ERR_SYNTAX : CM_ERR_INCOMPLETE));
  }
  s->file.bytes.ptr[at] = (char)(s->file.bytes.ptr[at] ^ by);
  record_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cm_slice input;
  story s;
  size_t at;

  input.ptr = (const char *)data;
  input.len = size;
  check_file(input);
  if (size < 4) return 0;
  at = (size_t)data[0] << 8 | data[1];
  input.ptr += 3;
  input.len -= 3;
  tell(&s, input);
  check_file(bytes_of(&s.file));
  check_cut(&s, at % (s.file.bytes.len + 1));
  if (data[2]) check_change(&s, at % s.file.bytes.len, data[2]);
  record_deinit(&s.file);
  return 0;
}
