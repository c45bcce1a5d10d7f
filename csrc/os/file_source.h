/*
** file_source.h - a file on disk as the source of a request body: read piece by piece
** as the socket takes it, whatever its size.
**
** Way out:  [file_source] -> core/body -> net/transfer -> socket
*/
#ifndef CM_OS_FILE_SOURCE_H
#define CM_OS_FILE_SOURCE_H

#include "core/source.h"

/*
** Opens a regular file; the caller owns one reference. Its length is what it is now: a
** file that has become shorter, or was changed by the time its last byte is read, fails
** that read, since what was sent would be neither the old file nor the new one.
** NULL: *failure is errno, or 0 for what is no regular file.
*/
cm_source *cm_file_source_open(const char *path, int *failure);

/* Closes the file now, whoever holds references: from then on reads fail. */
void cm_file_source_close(cm_source *source);

#endif
