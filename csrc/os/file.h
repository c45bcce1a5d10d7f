/*
** file.h - files that are whole or not there.
*/
#ifndef CM_OS_FILE_H
#define CM_OS_FILE_H

#include <stddef.h>

/*
** Puts bytes in the place of the file at path, or makes it. Who reads it meanwhile, or
** after a crash, finds the old bytes or the new ones, never a part: they are written to
** a file beside it first, synced, and renamed. A file that was there keeps its mode (and
** stays behind its symbolic link); a new one is its owner's alone. Returns 0, or errno:
** then nothing has changed.
*/
int cm_file_replace(const char *path, const char *bytes, size_t size);

#endif
