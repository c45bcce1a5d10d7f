#include "os/file_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Whole seconds would not tell what was written in the second in which it was opened. */
#ifdef __APPLE__
#define CHANGED_AT(about) ((about)->st_mtimespec)
#else
#define CHANGED_AT(about) ((about)->st_mtim)
#endif

typedef struct file_source {
  cm_source source;        /* first: they are one to the core */
  int fd;                  /* -1 once closed */
  struct timespec changed; /* when it last was, at the time it was opened */
} file_source;

static cm_status fail(file_source *file, const char *why) {
  snprintf(file->source.problem, sizeof file->source.problem, "%s", why);
  return CM_ERR_READ;
}

static cm_status read_all(file_source *file, size_t offset, char *out, size_t size) {
  while (size) {
    ssize_t got = pread(file->fd, out, size, (off_t)offset);

    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(file, strerror(errno));
    if (got == 0) return fail(file, "it became shorter while it was sent");
    offset += (size_t)got;
    out += got;
    size -= (size_t)got;
  }
  return CM_OK;
}

static int has_changed(file_source *file) {
  struct stat now;

  if (fstat(file->fd, &now)) return 1;
  return CHANGED_AT(&now).tv_sec != file->changed.tv_sec ||
         CHANGED_AT(&now).tv_nsec != file->changed.tv_nsec ||
         (size_t)now.st_size != file->source.length;
}

static cm_status file_read(cm_source *source, size_t offset, char *out, size_t size) {
  file_source *file = (file_source *)source;
  cm_status status;

  if (file->fd < 0) return fail(file, "it is closed");
  status = read_all(file, offset, out, size);
  if (status == CM_OK && offset + size == source->length && has_changed(file))
    return fail(file, "it was changed while it was sent");
  return status;
}

void cm_file_source_close(cm_source *source) {
  file_source *file = (file_source *)source;

  if (file->fd >= 0) close(file->fd);
  file->fd = -1;
}

static void file_free(cm_source *source) {
  cm_file_source_close(source);
  free(source);
}

static file_source *new_source(int fd, const struct stat *about) {
  file_source *file = malloc(sizeof *file);

  if (!file) return NULL;
  memset(file, 0, sizeof *file);
  file->source.references = 1;
  file->source.length = (size_t)about->st_size;
  file->source.read = file_read;
  file->source.free = file_free;
  file->fd = fd;
  file->changed = CHANGED_AT(about);
  return file;
}

/* A pipe without a writer must not hold up the program: hence O_NONBLOCK. */
cm_source *cm_file_source_open(const char *path, int *failure) {
  file_source *file = NULL;
  struct stat about;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  *failure = errno;
  if (fd < 0) return NULL;
  if (fstat(fd, &about)) {
    *failure = errno;
  } else if (!S_ISREG(about.st_mode)) {
    *failure = S_ISDIR(about.st_mode) ? EISDIR : 0;
  } else {
    file = new_source(fd, &about);
    *failure = ENOMEM;
  }
  if (!file) close(fd);
  return file ? &file->source : NULL;
}
