/*
** journal_file.h - the file of a journal: grows at its end, is synced on request, and has
** one writer.
**
** Knows nothing of what is in it. The calls that change something on a disk are open (which
** makes the file, mode 0600), pwrite, ftruncate, fdatasync on the file, and one fsync on its
** folder with the first sync after it was opened: whoever wrote the name may have gone down
** before. Where a drive keeps what fsync gave it (macOS), F_FULLFSYNC stands in.
**
** The lock is flock's: it goes with the open file, so that a second open in the same process
** is refused, too, and it ends when the last process that has the file ends. A process that
** was forked has the file as well, but may not write: functions give EPERM there.
**
** Who has a file open does not notice that its name is gone: what is written is lost when it is
** closed. cm_journal_file_present tells.
**
** Functions return 0, or errno.
*/
#ifndef CM_OS_JOURNAL_FILE_H
#define CM_OS_JOURNAL_FILE_H

#include <stddef.h>

typedef struct cm_journal_file {
  int fd;        /* -1: closed */
  int folder;    /* whose entry is not known to be on the disk; -1: it is */
  long pid;      /* of the process that opened it */
  long long end; /* where the next bytes go */
  char *place;   /* absolute path that led to it; NULL: not known */
} cm_journal_file;

/*
** Opens, or makes, a regular file. EWOULDBLOCK: somebody has it open; ELOOP: the path ends
** in a symbolic link; EISDIR; EINVAL: it is no regular file. On failure nothing is open.
*/
int cm_journal_file_open(cm_journal_file *file, const char *path);

/* ESTALE: it is not where it was opened any more, as it was deleted, moved or replaced. */
int cm_journal_file_present(const cm_journal_file *file);

/* Reads the first `size` bytes, of which there are `end`; *got are there. */
int cm_journal_file_read(const cm_journal_file *file, char *bytes, size_t size, size_t *got);

/* Puts bytes behind the end; EFBIG past the process's limit, without its signal. After a
   failure the file is cut back to what it was, if it can be; `end` is what it was in any
   case, and what is written next goes there. */
int cm_journal_file_append(cm_journal_file *file, const char *bytes, size_t size);

/* Writes bytes that are there already once more, in their place: so that the next sync has
   to bring them to the disk, whatever became of an earlier one. */
int cm_journal_file_rewrite(cm_journal_file *file, long long at, const char *bytes, size_t size);

/* Keeps the first `size` bytes. */
int cm_journal_file_truncate(cm_journal_file *file, long long size);

/* Returns once everything is on the disk. After a failure what was written since the last
   sync may be lost, whatever a later sync says: systems forget that it was not written. */
int cm_journal_file_sync(cm_journal_file *file);

/* For those who sync by other means: the descriptors to be synced, -1 for none; and that
   it was done. */
void cm_journal_file_descriptors(const cm_journal_file *file, int *fd, int *folder);
void cm_journal_file_synced(cm_journal_file *file);

/* Gives the lock back. May be called again. */
void cm_journal_file_close(cm_journal_file *file);

#endif
