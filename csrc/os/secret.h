/*
** secret.h - forgets what must not stay in memory.
*/
#ifndef CM_OS_SECRET_H
#define CM_OS_SECRET_H

#include <stddef.h>

/* Overwrites with zeros, also when the compiler thinks that nobody looks again. */
void cm_secret_wipe(void *ptr, size_t size);

#endif
