#include "os/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY };

/* errno of the outcome of a call, 0 when it is none. */
static int failure_of(int outcome) {
  return outcome < 0 ? errno : 0;
}

static int open_or_make(const char *path, int *fd) {
  do {
    *fd = open(path, OPEN);
    if (*fd < 0 && errno == ENOENT) *fd = open(path, OPEN | O_CREAT | O_EXCL, 0600);
  } while (*fd < 0 && (errno == EINTR || errno == EEXIST));
  return failure_of(*fd);
}

static int open_folder(const char *path, int *folder) {
  const char *slash = strrchr(path, '/');
  size_t length = slash ? (size_t)(slash - path) + 1 : 0;
  char *name = malloc(length + 2);

  if (!name) return ENOMEM;
  memcpy(name, path, length);
  strcpy(name + length, ".");
  *folder = open(name, O_RDONLY | O_CLOEXEC);
  free(name);
  return 0; /* a folder that may not be read cannot be synced, and is one all the same */
}

/* What open takes and a journal cannot be. */
static int check_kind(cm_journal_file *file) {
  struct stat now;

  if (fstat(file->fd, &now)) return errno;
  if (!S_ISREG(now.st_mode)) return S_ISDIR(now.st_mode) ? EISDIR : EINVAL;
  file->end = now.st_size;
  return 0;
}

static int lock(int fd) {
  int outcome;

  do outcome = flock(fd, LOCK_EX | LOCK_NB);
  while (outcome && errno == EINTR);
  return failure_of(outcome);
}

/* The program may change its folder meanwhile. */
static int note_place(cm_journal_file *file, const char *path) {
  errno = 0;
  file->place = realpath(path, NULL);
  return !file->place && errno == ENOMEM ? ENOMEM : 0;
}

int cm_journal_file_open(cm_journal_file *file, const char *path) {
  int failure;

  file->fd = file->folder = -1;
  file->pid = (long)getpid();
  file->end = 0;
  file->place = NULL;
  failure = open_or_make(path, &file->fd);
  if (failure) return failure == ENXIO ? EINVAL : failure;
  failure = check_kind(file);
  if (!failure) failure = lock(file->fd);
  /* Whoever had the lock before may have written since. */
  if (!failure) failure = check_kind(file);
  if (!failure) failure = open_folder(path, &file->folder);
  if (!failure) failure = note_place(file, path);
  if (!failure) failure = cm_journal_file_present(file);
  if (failure) cm_journal_file_close(file);
  return failure;
}

/* Whether this process may use it. */
static int check_use(const cm_journal_file *file) {
  if (file->fd < 0) return EBADF;
  return file->pid == (long)getpid() ? 0 : EPERM;
}

int cm_journal_file_present(const cm_journal_file *file) {
  struct stat mine, found;
  int failure = check_use(file);

  if (failure) return failure;
  if (fstat(file->fd, &mine)) return errno;
  if (mine.st_nlink == 0) return ESTALE;
  if (!file->place) return 0;
  if (stat(file->place, &found)) return errno == ENOENT || errno == ENOTDIR ? ESTALE : 0;
  return mine.st_dev == found.st_dev && mine.st_ino == found.st_ino ? 0 : ESTALE;
}

static int read_all(int fd, char *bytes, size_t size, size_t *got) {
  for (*got = 0; *got < size;) {
    ssize_t count = pread(fd, bytes + *got, size - *got, (off_t)*got);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return 0;
    *got += (size_t)count;
  }
  return 0;
}

int cm_journal_file_read(const cm_journal_file *file, char *bytes, size_t size, size_t *got) {
  int failure = check_use(file);

  return failure ? failure : read_all(file->fd, bytes, size, got);
}

static int write_all(int fd, const char *bytes, size_t size, long long at) {
  while (size) {
    ssize_t written = pwrite(fd, bytes, size, (off_t)at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return ENOSPC;
    bytes += written;
    size -= (size_t)written;
    at += written;
  }
  return 0;
}

static int is_pending(int number) {
  sigset_t pending;

  return sigpending(&pending) == 0 && sigismember(&pending, number) == 1;
}

/* A file that would grow past the process's limit fails with EFBIG, and SIGXFSZ, which would
   end the process: it is taken back. */
static int write_within_limit(int fd, const char *bytes, size_t size, long long at) {
  sigset_t limit, before;
  int was_pending, failure, number;

  sigemptyset(&limit);
  sigaddset(&limit, SIGXFSZ);
  if (sigprocmask(SIG_BLOCK, &limit, &before)) return errno;
  was_pending = is_pending(SIGXFSZ);
  failure = write_all(fd, bytes, size, at);
  if (failure == EFBIG && !was_pending && is_pending(SIGXFSZ)) sigwait(&limit, &number);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return failure;
}

int cm_journal_file_append(cm_journal_file *file, const char *bytes, size_t size) {
  int failure = check_use(file);

  if (failure) return failure;
  failure = write_within_limit(file->fd, bytes, size, file->end);
  if (failure) {
    /* What stays there is torn, and is written over. */
    if (ftruncate(file->fd, (off_t)file->end)) return failure;
    return failure;
  }
  file->end += (long long)size;
  return 0;
}

int cm_journal_file_rewrite(cm_journal_file *file, long long at, const char *bytes, size_t size) {
  int failure = check_use(file);

  if (failure) return failure;
  if (at < 0 || at > file->end || (unsigned long long)(file->end - at) < size) return EINVAL;
  return write_within_limit(file->fd, bytes, size, at);
}

int cm_journal_file_truncate(cm_journal_file *file, long long size) {
  int failure = check_use(file);
  int outcome;

  if (failure) return failure;
  do outcome = ftruncate(file->fd, (off_t)size);
  while (outcome && errno == EINTR);
  if (outcome) return errno;
  file->end = size;
  return 0;
}

static int sync_file(int fd) {
  int outcome;

#ifdef F_FULLFSYNC
  if (fcntl(fd, F_FULLFSYNC) == 0) return 0; /* not on every file system */
#endif
  do {
#if defined(_POSIX_SYNCHRONIZED_IO) && _POSIX_SYNCHRONIZED_IO > 0
    outcome = fdatasync(fd);
#else
    outcome = fsync(fd);
#endif
  } while (outcome && errno == EINTR);
  return failure_of(outcome);
}

/* Some file systems cannot sync a folder, and say so. */
static int sync_folder(int fd) {
  int outcome;

  if (fd < 0) return 0;
  do outcome = fsync(fd);
  while (outcome && errno == EINTR);
  if (outcome == 0) return 0;
  return errno == EINVAL || errno == EBADF || errno == ENOTSUP ? 0 : errno;
}

int cm_journal_file_sync(cm_journal_file *file) {
  int failure = check_use(file);

  if (!failure) failure = sync_file(file->fd);
  if (!failure) failure = check_use(file); /* somebody may fork while the disk is waited for */
  if (!failure) failure = sync_folder(file->folder);
  if (!failure) cm_journal_file_synced(file);
  return failure;
}

void cm_journal_file_descriptors(const cm_journal_file *file, int *fd, int *folder) {
  *fd = file->fd;
  *folder = file->folder;
}

void cm_journal_file_synced(cm_journal_file *file) {
  if (file->folder >= 0) close(file->folder);
  file->folder = -1;
}

void cm_journal_file_close(cm_journal_file *file) {
  cm_journal_file_synced(file);
  if (file->fd >= 0) close(file->fd);
  file->fd = -1;
  free(file->place);
  file->place = NULL;
}
