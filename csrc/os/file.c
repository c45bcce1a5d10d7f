#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char SUFFIX[] = ".XXXXXX";

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

static int fill(int fd, const char *path, const char *bytes, size_t size) {
  int failure = keep_mode(fd, path);

  if (!failure) failure = write_all(fd, bytes, size);
  if (!failure && fsync(fd)) failure = errno;
  if (close(fd) && !failure) failure = errno;
  return failure;
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

/* beside has room for path, the suffix and the end. */
static int replace(const char *path, char *beside, const char *bytes, size_t size) {
  int fd, failure;

  strcpy(beside, path);
  strcat(beside, SUFFIX);
  fd = mkstemp(beside);
  if (fd < 0) return errno;
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  failure = fill(fd, path, bytes, size);
  if (!failure && rename(beside, path)) failure = errno;
  if (failure)
    unlink(beside);
  else
    sync_folder(beside);
  return failure;
}

int cm_file_replace(const char *path, const char *bytes, size_t size) {
  char *target = realpath(path, NULL); /* NULL when it is not there yet */
  const char *name = target ? target : path;
  char *beside = malloc(strlen(name) + sizeof SUFFIX);
  int failure = beside ? replace(name, beside, bytes, size) : ENOMEM;

  free(beside);
  free(target);
  return failure;
}
