/*
** base64.h - bytes as text, by the standard alphabet of RFC 4648 with padding.
**
** Way out:  image and document bytes -> [base64] -> json_writer
**
** Allocates nothing and cannot fail.
*/
#ifndef CM_BASE64_H
#define CM_BASE64_H

#include "core/base.h"

/* How many characters len bytes become. */
size_t cm_base64_length(size_t len);

/*
** Writes cm_base64_length(bytes.len) characters to out, without an end mark. Pieces may
** be written one after the other where each but the last is a multiple of three long.
*/
void cm_base64_encode(cm_slice bytes, char *out);

#endif
