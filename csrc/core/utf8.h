/*
** utf8.h - is it UTF-8 (RFC 3629: no surrogates, nothing overlong, nothing
** past U+10FFFF), and if not, what can stand in its place.
*/
#ifndef CM_UTF8_H
#define CM_UTF8_H

#include "core/base.h"
#include "core/buffer.h"

/* How many bytes from the start are whole valid sequences; text.len when all are. */
size_t cm_utf8_valid_prefix(cm_slice text);

/*
** Looks at the one sequence that text (not empty) begins with. Returns whether
** it is valid; *step is its length, or of what is invalid the part that one
** replacement character stands for (Unicode's "maximal subpart": at least 1).
*/
int cm_utf8_sequence(cm_slice text, size_t *step);

/* The length of the valid sequence that bytes begin with, of left bytes (at least 1); 0: invalid.
 */
static inline size_t cm_utf8_length(const char *bytes, size_t left) {
  const unsigned char *byte = (const unsigned char *)bytes;
  unsigned lead = byte[0];

  if (lead < 0x80) return 1;
  if (lead < 0xC2 || left < 2 || (byte[1] & 0xC0) != 0x80) return 0;
  if (lead < 0xE0) return 2;
  /* Only the second byte tells overlong forms, surrogates and too large codes. */
  if (left < 3 || (byte[2] & 0xC0) != 0x80) return 0;
  if (lead < 0xF0)
    return (lead == 0xE0 && byte[1] < 0xA0) || (lead == 0xED && byte[1] > 0x9F) ? 0 : 3;
  if (lead > 0xF4 || left < 4 || (byte[3] & 0xC0) != 0x80) return 0;
  return (lead == 0xF0 && byte[1] < 0x90) || (lead == 0xF4 && byte[1] > 0x8F) ? 0 : 4;
}

/*
** Appends text to out with each invalid part replaced by U+FFFD and counts them
** in *replaced. CM_OK, CM_ERR_NOMEM or CM_ERR_LIMIT; out may then hold a part.
*/
cm_status cm_utf8_scrub(cm_slice text, cm_buffer *out, size_t *replaced);

/* Writes the UTF-8 of a code point that is not a surrogate; returns its 1 to 4 bytes. */
size_t cm_utf8_put(char out[4], unsigned long code);

#endif
