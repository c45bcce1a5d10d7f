#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char SUFFIX[] = ".XXXXXX";

struct cm_file_sink {
  char *target; /* the path, symbolic links followed */
  char *beside; /* what is written meanwhile; "" once it has been renamed */
  int fd;       /* -1: none */
};

static int write_all(int fd, const char *bytes, size_t size) {
  while (size) {
    ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes += written;
    size -= (size_t)written;
  }
  return 0;
}

/* Mode of the file that is replaced, so that nobody can read more than before. */
static int keep_mode(int fd, const char *path) {
  struct stat before;

  if (stat(path, &before)) return errno == ENOENT ? 0 : errno;
  if (!S_ISREG(before.st_mode)) return S_ISDIR(before.st_mode) ? EISDIR : EINVAL;
  return fchmod(fd, before.st_mode & 07777) ? errno : 0;
}

/* The new name is on the disk only once its folder is; some file systems cannot say. */
static void sync_folder(char *path) {
  char *slash = strrchr(path, '/');
  int fd;

  if (slash) slash[slash == path] = '\0';
  fd = open(slash ? path : ".", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd);
  close(fd);
}

static int open_beside(cm_file_sink *sink) {
  strcpy(sink->beside, sink->target);
  strcat(sink->beside, SUFFIX);
  sink->fd = mkstemp(sink->beside);
  if (sink->fd < 0) {
    int failure = errno;
    sink->beside[0] = '\0';
    return failure;
  }
  (void)fcntl(sink->fd, F_SETFD, FD_CLOEXEC);
  return keep_mode(sink->fd, sink->target);
}

/* The path behind symbolic links, or the path where nothing is there yet. */
static char *resolve(const char *path) {
  char *target = realpath(path, NULL);

  return target ? target : strdup(path);
}

static cm_file_sink *new_sink(const char *path) {
  cm_file_sink *sink = calloc(1, sizeof *sink);

  if (!sink) return NULL;
  sink->fd = -1;
  sink->target = resolve(path);
  sink->beside = sink->target ? calloc(1, strlen(sink->target) + sizeof SUFFIX) : NULL;
  if (sink->beside) return sink;
  cm_file_sink_free(sink);
  return NULL;
}

cm_file_sink *cm_file_sink_open(const char *path, int *failure) {
  cm_file_sink *sink = new_sink(path);

  *failure = sink ? open_beside(sink) : ENOMEM;
  if (!*failure) return sink;
  cm_file_sink_free(sink);
  return NULL;
}

int cm_file_sink_write(cm_file_sink *sink, const char *bytes, size_t size) {
  return sink->fd < 0 ? EBADF : write_all(sink->fd, bytes, size);
}

int cm_file_sink_commit(cm_file_sink *sink) {
  int failure = sink->fd < 0 ? EBADF : 0;

  if (!failure && fsync(sink->fd)) failure = errno;
  if (sink->fd >= 0 && close(sink->fd) && !failure) failure = errno;
  sink->fd = -1;
  if (!failure && rename(sink->beside, sink->target)) failure = errno;
  if (failure) return failure;
  sync_folder(sink->beside);
  sink->beside[0] = '\0';
  return 0;
}

void cm_file_sink_free(cm_file_sink *sink) {
  if (!sink) return;
  if (sink->fd >= 0) close(sink->fd);
  if (sink->beside && sink->beside[0]) unlink(sink->beside);
  free(sink->beside);
  free(sink->target);
  free(sink);
}

int cm_file_replace(const char *path, const char *bytes, size_t size) {
  int failure;
  cm_file_sink *sink = cm_file_sink_open(path, &failure);

  if (!sink) return failure;
  failure = cm_file_sink_write(sink, bytes, size);
  if (!failure) failure = cm_file_sink_commit(sink);
  cm_file_sink_free(sink);
  return failure;
}

/* Reads until there is no more: the file may grow meanwhile. */
static int read_all(int fd, char **bytes, size_t *size, size_t room) {
  for (*size = 0;;) {
    ssize_t got = read(fd, *bytes + *size, room - *size);

    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return 0;
    *size += (size_t)got;
    if (*size == room) {
      char *more = room > (size_t)-1 / 2 ? NULL : realloc(*bytes, room * 2);
      if (!more) return ENOMEM;
      *bytes = more;
      room *= 2;
    }
  }
}

static int read_open_file(int fd, char **bytes, size_t *size) {
  struct stat about;
  int failure;

  if (fstat(fd, &about)) return errno;
  if (!S_ISREG(about.st_mode)) return S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
  if ((unsigned long long)about.st_size > (size_t)-1 / 2) return EFBIG;
  *bytes = malloc((size_t)about.st_size + 1);
  if (!*bytes) return ENOMEM;
  failure = read_all(fd, bytes, size, (size_t)about.st_size + 1);
  if (failure) {
    free(*bytes);
    *bytes = NULL;
  }
  return failure;
}

int cm_file_read(const char *path, char **bytes, size_t *size) {
  int fd, failure;

  *bytes = NULL;
  *size = 0;
  fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return errno;
  failure = read_open_file(fd, bytes, size);
  close(fd);
  return failure;
}
