/*
** utf8_fuzz.c - for any bytes:
**   - what is well-formed, and what one replacement character stands for, is what Unicode's
**     table of sequences says, at every place;
**   - what is scrubbed is what that table scrubs, is UTF-8, and is not scrubbed again;
**   - a code point that is read and written is the same bytes.
*/
#include "fuzz.h"
#include "plain_utf8.h"
#include "record.h"

#include "core/slice.h"
#include "core/utf8.h"

static unsigned long code_of(const unsigned char *byte, size_t length) {
  static const unsigned char lead_bits[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
  unsigned long code = byte[0] & lead_bits[length];
  size_t i;

  for (i = 1; i < length; i++) code = code << 6 | (byte[i] & 0x3F);
  return code;
}

static void check_code(const unsigned char *byte, size_t length) {
  char out[4];

  REQUIRE(cm_utf8_put(out, code_of(byte, length)) == length);
  REQUIRE(memcmp(out, byte, length) == 0);
}

/* Returns how many bytes of text what begins there is made of, and adds what stands for it. */
static size_t check_sequence(cm_slice text, record *scrubbed, size_t *replaced) {
  static const cm_slice replacement = { "\xEF\xBF\xBD", 3 };
  const unsigned char *byte = (const unsigned char *)text.ptr;
  size_t part, step, length = plain_utf8_length(byte, text.len, &part);
  int valid = cm_utf8_sequence(text, &step);

  REQUIRE(valid == (length > 0));
  REQUIRE(step == (valid ? length : part));
  if (valid) check_code(byte, length);
  *replaced += !valid;
  text.len = step;
  REQUIRE(cm_buffer_append(&scrubbed->bytes, valid ? text : replacement) == CM_OK);
  return step;
}

static void check_scrubbed(cm_slice text, const record *expected, size_t replaced) {
  record once, twice;
  size_t count;

  record_init(&once);
  record_init(&twice);
  REQUIRE(cm_utf8_scrub(text, &once.bytes, &count) == CM_OK);
  REQUIRE(count == replaced && record_equal(&once, expected));
  REQUIRE(cm_utf8_valid_prefix(cm_slice_in(&once.bytes)) == once.bytes.len);
  REQUIRE(cm_utf8_scrub(cm_slice_in(&once.bytes), &twice.bytes, &count) == CM_OK);
  REQUIRE(count == 0 && record_equal(&once, &twice));
  record_deinit(&once);
  record_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cm_slice text = record_input(data, size), rest = text;
  size_t valid = 0, replaced = 0, step;
  record scrubbed;

  record_init(&scrubbed);
  while (rest.len) {
    step = check_sequence(rest, &scrubbed, &replaced);
    rest.ptr += step;
    rest.len -= step;
    if (replaced == 0) valid += step;
  }
  REQUIRE(cm_utf8_valid_prefix(text) == valid);
  check_scrubbed(text, &scrubbed, replaced);
  record_deinit(&scrubbed);
  return 0;
}
