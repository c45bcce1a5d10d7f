#include "core/sha256.h"

#include <string.h>

enum { BLOCK = 64, LENGTH_AT = 56 };

static const uint32_t ROUND[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int n) {
  return (x >> n) | (x << (32 - n));
}

static uint32_t load_big_endian(const unsigned char *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static void store_big_endian(unsigned char *p, uint32_t x) {
  p[0] = (unsigned char)(x >> 24);
  p[1] = (unsigned char)(x >> 16);
  p[2] = (unsigned char)(x >> 8);
  p[3] = (unsigned char)x;
}

/* FIPS 180-4, 6.2.2 step 1. */
static void schedule(uint32_t w[64], const unsigned char *block) {
  int t;

  for (t = 0; t < 16; t++) w[t] = load_big_endian(block + 4 * t);
  for (t = 16; t < 64; t++) {
    uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ (w[t - 15] >> 3);
    uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ (w[t - 2] >> 10);
    w[t] = s1 + w[t - 7] + s0 + w[t - 16];
  }
}

/* Steps 2 to 4: v holds the working variables a to h. */
static void compress(uint32_t state[8], const unsigned char *block) {
  uint32_t w[64], v[8];
  int t;

  schedule(w, block);
  memcpy(v, state, sizeof v);
  for (t = 0; t < 64; t++) {
    uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
    uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
    uint32_t t1 = v[7] + s1 + choice + ROUND[t] + w[t];
    uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
    uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    memmove(v + 1, v, 7 * sizeof v[0]);
    v[4] += t1;
    v[0] = t1 + s0 + majority;
  }
  for (t = 0; t < 8; t++) state[t] += v[t];
}

void cm_sha256_init(cm_sha256 *hash) {
  static const uint32_t START[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  };

  memcpy(hash->state, START, sizeof START);
  hash->length = 0;
}

void cm_sha256_feed(cm_sha256 *hash, cm_slice bytes) {
  const unsigned char *p = (const unsigned char *)bytes.ptr;
  size_t left = bytes.len;

  while (left) {
    size_t used = (size_t)(hash->length % BLOCK);
    size_t take = left < BLOCK - used ? left : BLOCK - used;

    if (take == BLOCK) { /* a whole block at once needs no copy */
      compress(hash->state, p);
    } else {
      memcpy(hash->block + used, p, take);
      if (used + take == BLOCK) compress(hash->state, hash->block);
    }
    hash->length += take;
    p += take;
    left -= take;
  }
}

void cm_sha256_finish(cm_sha256 *hash, unsigned char digest[CM_SHA256_BYTES]) {
  size_t used = (size_t)(hash->length % BLOCK);
  uint64_t bits = hash->length * 8;
  int i;

  hash->block[used++] = 0x80;
  if (used > LENGTH_AT) { /* no room for the length: it goes to a block of its own */
    memset(hash->block + used, 0, BLOCK - used);
    compress(hash->state, hash->block);
    used = 0;
  }
  memset(hash->block + used, 0, LENGTH_AT - used);
  store_big_endian(hash->block + LENGTH_AT, (uint32_t)(bits >> 32));
  store_big_endian(hash->block + LENGTH_AT + 4, (uint32_t)bits);
  compress(hash->state, hash->block);
  for (i = 0; i < 8; i++) store_big_endian(digest + 4 * i, hash->state[i]);
}

void cm_sha256_hex(const unsigned char digest[CM_SHA256_BYTES],
                   char text[2 * CM_SHA256_BYTES + 1]) {
  static const char DIGITS[] = "0123456789abcdef";
  int i;

  for (i = 0; i < CM_SHA256_BYTES; i++) {
    text[2 * i] = DIGITS[digest[i] >> 4];
    text[2 * i + 1] = DIGITS[digest[i] & 15];
  }
  text[2 * CM_SHA256_BYTES] = '\0';
}
