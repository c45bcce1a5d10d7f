/*
** shim.c - stands between a program and the system calls on one journal (LD_PRELOAD): writes
** down what they did, and makes one of them go wrong.
**
**   SHIM_JOURNAL  the path, as the program opens it
**   SHIM_TRACE    the file to which every call that has worked is added:
**
**                   open 1             the name was opened (1: and made)
**                   tried              it was not: the only call that is told though it failed
**                   write 38 120       at this offset so many bytes, which follow, and "\n"
**                   cut 38             the file has so many bytes now
**                   sync               what was written is on the disk
**                   folder             so is the name
**                   lost               a sync failed: what was written since the last one may
**                                      never come to the disk
**
**                 Others may add lines of their own ("mark …"): every entry is one write to
**                 the end of the file.
**   SHIM_PLAN     what goes wrong; calls are counted from 1, failed ones too:
**
**                   before 5           the process is killed before the 5th call
**                   after 5            … once it has done its work
**                   torn 5 7           … once 7 bytes of it were written
**                   fail 5 28 2        the 5th call and the one after fail with errno 28
**                   short 5 7          the 5th call writes 7 bytes, and says so
**                   interrupt 3        every third call fails with EINTR
**                   limit 900          files may hold 900 bytes (RLIMIT_FSIZE)
**                   fork 5             a child is forked at the 5th call, which goes on like its
**                                      parent; the parent waits for it first. SHIM_FORKED
**                                      is in its environment
*/
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

typedef ssize_t write_fn(int, const void *, size_t, off_t);
typedef int open_fn(const char *, int, ...);
typedef int cut_fn(int, off_t);
typedef int fd_fn(int);

/* What becomes of a call. */
typedef enum verdict { MAKE_IT, CALL_IT_DONE, FAIL_IT } verdict;

static const char *journal, *trace_path;
static char folder_path[4096];
static int journal_fd = -1, folder_fd = -1;
static long calls, plan_call, plan_value, plan_count;
static char plan[16];
static pid_t owner;

/* A function of libc, by its name; ISO C knows no way from void * to it. */
static void find(const char *name, void *function) {
  void *found = dlsym(RTLD_NEXT, name);

  memcpy(function, &found, sizeof found);
}

static void remember_folder(void) {
  const char *slash = strrchr(journal, '/');
  int length = slash ? (int)(slash - journal) + 1 : 0;

  snprintf(folder_path, sizeof folder_path, "%.*s.", length, journal);
}

__attribute__((constructor)) static void read_environment(void) {
  const char *given = getenv("SHIM_PLAN");

  journal = getenv("SHIM_JOURNAL");
  trace_path = getenv("SHIM_TRACE");
  owner = getpid();
  if (journal) remember_folder();
  if (given) sscanf(given, "%15s %ld %ld %ld", plan, &plan_call, &plan_value, &plan_count);
}

static void put(const char *bytes, size_t size) {
  fd_fn *real_close;
  open_fn *real_open;
  int fd;

  if (!trace_path) return;
  find("open", &real_open);
  find("close", &real_close);
  fd = real_open(trace_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) abort();
  real_close(fd);
}

static void tell(const char *entry) {
  int failure = errno;

  put(entry, strlen(entry));
  errno = failure;
}

static void tell_write(off_t offset, const void *bytes, ssize_t size) {
  int failure = errno;
  char *entry = malloc((size_t)size + 64);
  int head;

  if (!entry) abort();
  head = sprintf(entry, "write %lld %lld\n", (long long)offset, (long long)size);
  memcpy(entry + head, bytes, (size_t)size);
  entry[head + size] = '\n';
  put(entry, (size_t)(head + size + 1));
  free(entry);
  errno = failure;
}

static int is_plan(const char *name) {
  return !strcmp(plan, name);
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* The child goes on as if the call had worked; the parent makes it once the child has ended. */
static verdict fork_here(void) {
  pid_t child = fork();
  int status;

  if (child < 0) abort();
  if (child == 0) setenv("SHIM_FORKED", "1", 1);
  if (child == 0) return CALL_IT_DONE;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return MAKE_IT;
}

static verdict fail_with(int failure) {
  errno = failure;
  return FAIL_IT;
}

static verdict begin_call(void) {
  if (getpid() != owner) return MAKE_IT;
  calls++;
  if (is_plan("before") && calls == plan_call) die();
  if (is_plan("fork") && calls == plan_call) return fork_here();
  if (is_plan("interrupt") && calls % plan_call == 0) return fail_with(EINTR);
  if (is_plan("fail") && calls >= plan_call && calls < plan_call + plan_count)
    return fail_with((int)plan_value);
  return MAKE_IT;
}

/* What a forked process did to the journal of its parent. */
static void tell_forked(void) {
  if (getpid() != owner) tell("mark forked\n");
}

static void end_call(void) {
  if (is_plan("after") && calls == plan_call && getpid() == owner) die();
}

static int open_journal(const char *path, int flags, mode_t mode) {
  open_fn *real;
  int fd;

  if (begin_call() != MAKE_IT) return -1;
  find("open", &real);
  fd = real(path, flags, mode);
  if (fd < 0) tell("tried\n");
  if (fd < 0) return fd;
  journal_fd = fd;
  tell(flags & O_CREAT ? "open 1\n" : "open 0\n");
  end_call();
  return fd;
}

static int do_open(const char *path, int flags, mode_t mode) {
  open_fn *real;
  int fd;

  if (journal && !strcmp(path, journal)) return open_journal(path, flags, mode);
  find("open", &real);
  fd = real(path, flags, mode);
  if (journal && fd >= 0 && !strcmp(path, folder_path)) folder_fd = fd;
  return fd;
}

static mode_t mode_of(int flags, va_list list) {
  return flags & O_CREAT ? va_arg(list, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
  va_list list;
  mode_t mode;

  va_start(list, flags);
  mode = mode_of(flags, list);
  va_end(list);
  return do_open(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list list;
  mode_t mode;

  va_start(list, flags);
  mode = mode_of(flags, list);
  va_end(list);
  return do_open(path, flags, mode);
}

/* The limit is the process's, and there are other files: it holds while the journal is written. */
static void limit_files(rlim_t bytes) {
  struct rlimit limit;

  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_FSIZE, &limit);
}

static ssize_t write_journal(write_fn *real, const void *bytes, size_t size, off_t offset) {
  verdict given = begin_call();
  int torn = (is_plan("torn") || is_plan("short")) && calls == plan_call;
  ssize_t written;

  if (given != MAKE_IT) return given == FAIL_IT ? -1 : (ssize_t)size;
  tell_forked();
  if (torn && plan_value < (long)size) size = (size_t)plan_value;
  if (is_plan("limit")) limit_files((rlim_t)plan_call);
  written = real(journal_fd, bytes, size, offset);
  if (is_plan("limit")) limit_files(RLIM_INFINITY);
  if (written > 0) tell_write(offset, bytes, written);
  if (torn && is_plan("torn")) die();
  end_call();
  return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
  write_fn *real;

  find("pwrite", &real);
  if (fd < 0 || fd != journal_fd) return real(fd, bytes, size, offset);
  return write_journal(real, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset) {
  return pwrite(fd, bytes, size, offset);
}

static int cut_journal(cut_fn *real, off_t size) {
  verdict given = begin_call();
  char entry[40];
  int outcome;

  if (given != MAKE_IT) return given == FAIL_IT ? -1 : 0;
  tell_forked();
  outcome = real(journal_fd, size);
  snprintf(entry, sizeof entry, "cut %lld\n", (long long)size);
  if (outcome == 0) tell(entry);
  end_call();
  return outcome;
}

int ftruncate(int fd, off_t size) {
  cut_fn *real;

  find("ftruncate", &real);
  return fd >= 0 && fd == journal_fd ? cut_journal(real, size) : real(fd, size);
}

int ftruncate64(int fd, off_t size) {
  return ftruncate(fd, size);
}

/* The disk is the trace here: what nobody will read from the real one need not go there. */
static int sync_as(const char *entry) {
  verdict given = begin_call();

  if (given == FAIL_IT && errno != EINTR) tell("lost\n");
  if (given != MAKE_IT) return given == FAIL_IT ? -1 : 0;
  tell_forked();
  tell(entry);
  end_call();
  return 0;
}

static int sync_fd(const char *name, int fd) {
  fd_fn *real;

  if (fd >= 0 && fd == journal_fd) return sync_as("sync\n");
  if (fd >= 0 && fd == folder_fd) return sync_as("folder\n");
  find(name, &real);
  return real(fd);
}

int fdatasync(int fd) {
  return sync_fd("fdatasync", fd);
}

int fsync(int fd) {
  return sync_fd("fsync", fd);
}

int close(int fd) {
  fd_fn *real;

  if (fd >= 0 && fd == journal_fd) journal_fd = -1;
  if (fd >= 0 && fd == folder_fd) folder_fd = -1;
  find("close", &real);
  return real(fd);
}
