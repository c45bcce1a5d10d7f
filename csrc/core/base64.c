#include "core/base64.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t cm_base64_length(size_t len) {
  return (len / 3 + (len % 3 != 0)) * 4;
}

static void write_three(const unsigned char *in, char *out) {
  out[0] = ALPHABET[in[0] >> 2];
  out[1] = ALPHABET[(in[0] & 3) << 4 | in[1] >> 4];
  out[2] = ALPHABET[(in[1] & 15) << 2 | in[2] >> 6];
  out[3] = ALPHABET[in[2] & 63];
}

void cm_base64_encode(cm_slice bytes, char *out) {
  const unsigned char *in = (const unsigned char *)bytes.ptr;
  size_t left = bytes.len;
  unsigned char rest[3] = { 0, 0, 0 };

  for (; left >= 3; left -= 3, in += 3, out += 4) write_three(in, out);
  if (left == 0) return;
  rest[0] = in[0];
  if (left == 2) rest[1] = in[1];
  write_three(rest, out);
  out[3] = '=';
  if (left == 1) out[2] = '=';
}
