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

/*
** Appends text to out with each invalid part replaced by U+FFFD and counts them
** in *replaced. CM_OK, CM_ERR_NOMEM or CM_ERR_LIMIT; out may then hold a part.
*/
cm_status cm_utf8_scrub(cm_slice text, cm_buffer *out, size_t *replaced);

/* Writes the UTF-8 of a code point that is not a surrogate; returns its 1 to 4 bytes. */
size_t cm_utf8_put(char out[4], unsigned long code);

#endif
