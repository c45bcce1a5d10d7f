#include "os/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_LIMIT = 256, DEEPEST = 64, TRIES = 1000 };

/* Where a path ends: a name in a directory that is open. */
typedef struct place {
  int fd;
  char name[NAME_LIMIT]; /* "" when the path is the tree's own directory */
} place;

/* Cuts the next name off the path. */
static int next_name(const char **path, char name[NAME_LIMIT]) {
  size_t length = strcspn(*path, "/");

  if (length >= NAME_LIMIT) return ENAMETOOLONG;
  memcpy(name, *path, length);
  name[length] = '\0';
  *path += length;
  if (length == 0 || !strcmp(name, ".") || !strcmp(name, "..")) return EINVAL;
  return 0;
}

/* What made it impossible to open a name: a link says so, whatever the system said. */
static int why_not(int fd, const char *name, int failure) {
  struct stat about;

  if (fstatat(fd, name, &about, AT_SYMLINK_NOFOLLOW)) return failure;
  return S_ISLNK(about.st_mode) ? ELOOP : failure;
}

/* Opens a directory below fd into *inner. */
static int enter(int fd, const char *name, int make, int *inner) {
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

  *inner = openat(fd, name, flags);
  if (*inner < 0 && errno == ENOENT && make) {
    if (mkdirat(fd, name, 0700) && errno != EEXIST) return errno;
    *inner = openat(fd, name, flags);
  }
  return *inner < 0 ? why_not(fd, name, errno) : 0;
}

/* Walks to the directory that holds the last name; leave() undoes it. */
static int reach(const cm_tree *tree, const char *path, int make, place *at) {
  int failure, inner;

  at->name[0] = '\0';
  at->fd = fcntl(tree->fd, F_DUPFD_CLOEXEC, 0);
  if (at->fd < 0) return errno;
  if (!*path) return 0;
  for (;;) {
    failure = next_name(&path, at->name);
    if (failure || !*path) break;
    path++; /* the slash: more must follow */
    failure = enter(at->fd, at->name, make, &inner);
    if (failure) break;
    close(at->fd);
    at->fd = inner;
  }
  if (failure) close(at->fd);
  return failure;
}

static void leave(place *at) {
  close(at->fd);
}

static void describe(const struct stat *about, cm_tree_entry *entry) {
  entry->kind = S_ISREG(about->st_mode)   ? CM_TREE_FILE
                : S_ISDIR(about->st_mode) ? CM_TREE_DIRECTORY
                                          : CM_TREE_OTHER;
  entry->size = (long long)about->st_size;
}

static int look(const place *at, cm_tree_entry *entry) {
  struct stat about;

  if (at->name[0] ? fstatat(at->fd, at->name, &about, AT_SYMLINK_NOFOLLOW) : fstat(at->fd, &about))
    return errno;
  if (S_ISLNK(about.st_mode)) return ELOOP;
  describe(&about, entry);
  return 0;
}

/* Makes the directories above, too: their names have no links to be followed, or the
   user's own. */
static int make_directory(char *path) {
  char *slash;
  int failure;

  if (!mkdir(path, 0700) || errno == EEXIST) return 0;
  if (errno != ENOENT) return errno;
  slash = strrchr(path, '/');
  if (!slash || slash == path) return ENOENT;
  *slash = '\0';
  failure = make_directory(path);
  *slash = '/';
  if (failure) return failure;
  return mkdir(path, 0700) && errno != EEXIST ? errno : 0;
}

int cm_tree_open(cm_tree *tree, const char *path) {
  size_t length = strlen(path);
  char *copy;
  int failure;

  tree->fd = -1;
  while (length > 1 && path[length - 1] == '/') length--;
  copy = malloc(length + 1);
  if (!copy) return ENOMEM;
  memcpy(copy, path, length);
  copy[length] = '\0';
  failure = make_directory(copy);
  free(copy);
  if (failure) return failure;
  tree->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return tree->fd < 0 ? errno : 0;
}

void cm_tree_close(cm_tree *tree) {
  if (tree->fd >= 0) close(tree->fd);
  tree->fd = -1;
}

int cm_tree_look(const cm_tree *tree, const char *path, cm_tree_entry *entry) {
  place at;
  int failure = reach(tree, path, 0, &at);

  if (failure) return failure;
  failure = look(&at, entry);
  leave(&at);
  return failure;
}

/* Appends a name with its zero byte. */
static int append(char **names, size_t *size, const char *name) {
  size_t length = strlen(name) + 1;
  char *grown = realloc(*names, *size + length);

  if (!grown) return ENOMEM;
  memcpy(grown + *size, name, length);
  *names = grown;
  *size += length;
  return 0;
}

/* The names in an open directory; takes fd over. */
static int names_in(int fd, char **names, size_t *size) {
  DIR *directory = fdopendir(fd);
  int failure = 0;

  *names = NULL;
  *size = 0;
  if (!directory) {
    failure = errno;
    close(fd);
    return failure;
  }
  while (!failure) {
    const struct dirent *entry;

    errno = 0;
    entry = readdir(directory);
    if (!entry) break;
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    failure = append(names, size, entry->d_name);
  }
  if (!failure) failure = errno;
  closedir(directory);
  if (failure) free(*names);
  return failure;
}

int cm_tree_list(const cm_tree *tree, const char *path, char **names, size_t *size) {
  place at;
  int inner, failure = reach(tree, path, 0, &at);

  if (failure) return failure;
  /* One of its own: reading names moves the position that copies share. */
  if (at.name[0])
    failure = enter(at.fd, at.name, 0, &inner);
  else if ((inner = openat(at.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
    failure = errno;
  leave(&at);
  return failure ? failure : names_in(inner, names, size);
}

static int read_all(int fd, size_t most, char **bytes, size_t *size) {
  size_t room = 0;

  for (;;) {
    ssize_t count;

    if (*size == room) {
      char *grown = realloc(*bytes, room = room ? room * 2 : 4096);
      if (!grown) return ENOMEM;
      *bytes = grown;
    }
    count = read(fd, *bytes + *size, room - *size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return 0;
    *size += (size_t)count;
    if (*size > most) return EFBIG;
  }
}

/* A regular file, opened without waiting for whoever is at a pipe's other end. */
static int open_file(const place *at, int *fd) {
  struct stat about;
  int failure = 0;

  *fd = openat(at->fd, at->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (*fd < 0) return why_not(at->fd, at->name, errno);
  if (fstat(*fd, &about))
    failure = errno;
  else if (!S_ISREG(about.st_mode))
    failure = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
  if (failure) close(*fd);
  return failure;
}

int cm_tree_read(const cm_tree *tree, const char *path, size_t most, char **bytes, size_t *size) {
  place at;
  int fd, failure = reach(tree, path, 0, &at);

  *bytes = NULL;
  *size = 0;
  if (failure) return failure;
  failure = at.name[0] ? open_file(&at, &fd) : EISDIR;
  leave(&at);
  if (failure) return failure;
  failure = read_all(fd, most, bytes, size);
  close(fd);
  if (failure) {
    free(*bytes);
    *bytes = NULL;
  }
  return failure;
}

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

/* A new file beside the place, under a name that nothing has. */
static int open_beside(const place *at, char name[NAME_LIMIT], int *fd) {
  int i;

  for (i = 0; i < TRIES; i++) {
    snprintf(name, NAME_LIMIT, ".claude-%ld-%d.tmp", (long)getpid(), i);
    *fd = openat(at->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd >= 0) return 0;
    if (errno != EEXIST) return errno;
  }
  return EEXIST;
}

static int write_beside(const place *at, char name[NAME_LIMIT], const char *bytes, size_t size) {
  int fd, failure = open_beside(at, name, &fd);

  if (failure) return failure;
  failure = write_all(fd, bytes, size);
  if (!failure && fsync(fd)) failure = errno;
  if (close(fd) && !failure) failure = errno;
  if (failure) unlinkat(at->fd, name, 0);
  return failure;
}

/* A link takes no name that is taken; where there are none, a look must do. */
static int put_new(const place *at, const char *beside) {
  cm_tree_entry entry;

  if (!linkat(at->fd, beside, at->fd, at->name, 0)) {
    unlinkat(at->fd, beside, 0);
    return 0;
  }
  if (errno == EEXIST) return EEXIST;
  if (look(at, &entry) != ENOENT) return EEXIST;
  return renameat(at->fd, beside, at->fd, at->name) ? errno : 0;
}

static int put(const place *at, const char *bytes, size_t size, int is_new) {
  char beside[NAME_LIMIT];
  int failure = at->name[0] ? write_beside(at, beside, bytes, size) : EISDIR;

  if (failure) return failure;
  if (is_new)
    failure = put_new(at, beside);
  else if (renameat(at->fd, beside, at->fd, at->name))
    failure = errno;
  if (failure)
    unlinkat(at->fd, beside, 0);
  else
    (void)fsync(at->fd); /* some file systems cannot */
  return failure;
}

int cm_tree_create(const cm_tree *tree, const char *path, const char *bytes, size_t size) {
  place at;
  int failure = reach(tree, path, 1, &at);

  if (failure) return failure;
  failure = put(&at, bytes, size, 1);
  leave(&at);
  return failure;
}

int cm_tree_replace(const cm_tree *tree, const char *path, const char *bytes, size_t size) {
  place at;
  int failure = reach(tree, path, 0, &at);

  if (failure) return failure;
  failure = put(&at, bytes, size, 0);
  leave(&at);
  return failure;
}

/* Without taking the place of what has the new name, as far as the system can tell. */
static int move(const place *from, const place *to) {
  cm_tree_entry entry;

#ifdef RENAME_NOREPLACE
  if (!renameat2(from->fd, from->name, to->fd, to->name, RENAME_NOREPLACE)) return 0;
  if (errno != ENOSYS && errno != EINVAL) return errno;
#endif
  if (look(to, &entry) != ENOENT) return EEXIST;
  return renameat(from->fd, from->name, to->fd, to->name) ? errno : 0;
}

static int rename_between(const place *from, const place *to) {
  cm_tree_entry entry;
  int failure = from->name[0] && to->name[0] ? look(from, &entry) : EINVAL;

  if (!failure) failure = move(from, to);
  if (!failure) (void)fsync(to->fd);
  return failure;
}

int cm_tree_rename(const cm_tree *tree, const char *from, const char *to) {
  place old, new;
  int failure = reach(tree, from, 0, &old);

  if (failure) return failure;
  failure = reach(tree, to, 1, &new);
  if (!failure) {
    failure = rename_between(&old, &new);
    leave(&new);
  }
  leave(&old);
  return failure;
}

static int remove_below(int fd, const char *name, int depth);

/* Takes fd over. */
static int remove_content(int fd, int depth) {
  char *names, *name;
  size_t size;
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  int failure = copy < 0 ? errno : names_in(copy, &names, &size);

  if (!failure) {
    for (name = names; !failure && name < names + size; name += strlen(name) + 1)
      failure = remove_below(fd, name, depth);
    free(names);
  }
  close(fd);
  return failure;
}

static int remove_below(int fd, const char *name, int depth) {
  struct stat about;
  int inner, failure;

  if (depth > DEEPEST) return ENAMETOOLONG;
  if (fstatat(fd, name, &about, AT_SYMLINK_NOFOLLOW)) return errno;
  if (!S_ISDIR(about.st_mode)) return unlinkat(fd, name, 0) ? errno : 0;
  failure = enter(fd, name, 0, &inner);
  if (!failure) failure = remove_content(inner, depth + 1);
  if (!failure && unlinkat(fd, name, AT_REMOVEDIR)) failure = errno;
  return failure;
}

int cm_tree_remove(const cm_tree *tree, const char *path) {
  place at;
  int failure = reach(tree, path, 0, &at);

  if (failure) return failure;
  failure = at.name[0] ? remove_below(at.fd, at.name, 0) : EINVAL;
  leave(&at);
  return failure;
}
