#include "core/sha256.h"

#include <string.h>

#include "check.h"

void sha256_tests(void);

static int hashes_to(const char *bytes, size_t len, size_t piece, const char *expected) {
  cm_sha256 hash;
  unsigned char digest[CM_SHA256_BYTES];
  char text[2 * CM_SHA256_BYTES + 1];
  size_t done;

  cm_sha256_init(&hash);
  for (done = 0; done < len; done += piece) {
    cm_slice part = { bytes + done, len - done < piece ? len - done : piece };
    cm_sha256_feed(&hash, part);
  }
  cm_sha256_finish(&hash, digest);
  cm_sha256_hex(digest, text);
  return strcmp(text, expected) == 0;
}

/* The examples that NIST publishes with FIPS 180-4. */
static void meets_the_published_examples(void) {
  static const char TWO_BLOCKS[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  static char million[1000000];

  CHECK(hashes_to("", 0, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  CHECK(hashes_to("abc", 3, 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  CHECK(hashes_to(TWO_BLOCKS, sizeof TWO_BLOCKS - 1, 64,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
  memset(million, 'a', sizeof million);
  CHECK(hashes_to(million, sizeof million, 4096,
                  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}

/* Lengths around the block and the place of the length field, cut at every size. */
static void does_not_depend_on_how_the_bytes_are_cut(void) {
  char bytes[200];
  size_t len, piece;

  memset(bytes, 'q', sizeof bytes);
  for (len = 50; len <= 135; len++) {
    cm_sha256 hash;
    unsigned char digest[CM_SHA256_BYTES];
    char expected[2 * CM_SHA256_BYTES + 1];
    cm_slice whole = { bytes, len };

    cm_sha256_init(&hash);
    cm_sha256_feed(&hash, whole);
    cm_sha256_finish(&hash, digest);
    cm_sha256_hex(digest, expected);
    for (piece = 1; piece < len; piece++) CHECK(hashes_to(bytes, len, piece, expected));
  }
}

void sha256_tests(void) {
  meets_the_published_examples();
  does_not_depend_on_how_the_bytes_are_cut();
}
