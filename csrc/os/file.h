/*
** file.h - files that are whole or not there.
*/
#ifndef CM_OS_FILE_H
#define CM_OS_FILE_H

#include <stddef.h>

/*
** A file on its way: what is written goes into a file beside the one at path, which takes
** its place when it is committed. Who reads meanwhile, or after a crash, finds the old bytes
** or the new ones, never a part. A file that was there keeps its mode (and stays behind its
** symbolic link); a new one is its owner's alone.
*/
typedef struct cm_file_sink cm_file_sink;

/* NULL: *failure is errno. */
cm_file_sink *cm_file_sink_open(const char *path, int *failure);

/* 0, or errno. */
int cm_file_sink_write(cm_file_sink *sink, const char *bytes, size_t size);

/* Puts the file in its place, on the disk. 0, or errno: then nothing has changed. */
int cm_file_sink_commit(cm_file_sink *sink);

/* Frees it, and removes what was not committed. Accepts NULL. */
void cm_file_sink_free(cm_file_sink *sink);

/* The same in one call, for bytes that are all there. 0, or errno: then nothing has changed. */
int cm_file_replace(const char *path, const char *bytes, size_t size);

/*
** All bytes of a regular file, for the caller to free. 0, or errno: EINVAL for what is no
** regular file (a pipe, say, which would be waited for), EISDIR for a directory.
*/
int cm_file_read(const char *path, char **bytes, size_t *size);

#endif
