/*
** exact.h - test input in a block of exactly its size, so that a sanitizer sees
** the first byte read too far.
*/
#ifndef CM_EXACT_H
#define CM_EXACT_H

#include "core/base.h"

/* Copies len bytes; give them back with exact_free. */
cm_slice exact_copy(const char *bytes, size_t len);
void exact_free(cm_slice copy);

/* Whether bytes are exactly the NUL-terminated expected. */
int exact_equal(cm_slice bytes, const char *expected);

/* A string literal with its NULs inside. */
#define EXACT(literal) exact_copy(literal, sizeof(literal) - 1)

#endif
