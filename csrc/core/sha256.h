/*
** sha256.h - the hash of FIPS 180-4, for prefix hashes, save files and the
** simulator's signatures. Allocates nothing.
*/
#ifndef CM_SHA256_H
#define CM_SHA256_H

#include <stdint.h>

#include "core/base.h"

enum { CM_SHA256_BYTES = 32 };

/* Embed by value; all fields are private to sha256.c. */
typedef struct cm_sha256 {
  uint32_t state[8];
  uint64_t length;         /* bytes taken in so far */
  unsigned char block[64]; /* the last length % 64 of them */
} cm_sha256;

void cm_sha256_init(cm_sha256 *hash);
void cm_sha256_feed(cm_sha256 *hash, cm_slice bytes);

/* Writes the digest. The hash must be initialised again before it is fed again. */
void cm_sha256_finish(cm_sha256 *hash, unsigned char digest[CM_SHA256_BYTES]);

/* Two lowercase hex digits for each byte; text is NUL-terminated. */
void cm_sha256_hex(const unsigned char digest[CM_SHA256_BYTES], char text[2 * CM_SHA256_BYTES + 1]);

#endif
