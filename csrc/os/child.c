#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#ifndef NSIG
#define NSIG 65
#endif

enum { NEAR, FAR, ENDS };                /* of a pipe: what stays here, what the child gets */
enum { INPUT, OUTPUT, ERROR, CHANNELS }; /* numbered as the child's descriptors are */

/* Everything a start has opened. Descriptors that are not open are -1. */
typedef struct starting {
  int channels[CHANNELS][ENDS];
  int report[ENDS]; /* the child tells in it why it could not run the program */
  char *program;
} starting;

void cm_child_init(cm_child *child) {
  child->pid = child->owner = 0;
  child->input = child->output = child->error = -1;
}

void cm_child_close(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

void cm_child_deinit(cm_child *child) {
  cm_child_close(&child->input);
  cm_child_close(&child->output);
  cm_child_close(&child->error);
}

/* Makes room for the child's own 0, 1 and 2 where this process has closed its. */
static int above_standard(int *fd) {
  int moved;

  if (*fd > STDERR_FILENO) return 0;
  moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (moved < 0) return errno;
  close(*fd);
  *fd = moved;
  return 0;
}

static int keep_from_children(int ends[ENDS]) {
  int i;

  for (i = 0; i < ENDS; i++) {
    int failure = above_standard(&ends[i]);
    if (failure) return failure;
    if (fcntl(ends[i], F_SETFD, FD_CLOEXEC)) return errno;
  }
  return 0;
}

/* Where the system has no pipe2, a fork of another thread's in between may inherit them. */
static int open_pipe(int *from, int *to) {
#ifdef __APPLE__
  int ends[2], failed = pipe(ends);
#else
  int ends[2], failed = pipe2(ends, O_CLOEXEC);
#endif

  if (failed) return errno;
  *from = ends[0];
  *to = ends[1];
  return 0;
}

/* Sockets, because writing into a pipe whose reader has gone raises SIGPIPE. */
static int open_input(int ends[ENDS]) {
#ifdef SOCK_CLOEXEC
  int kind = SOCK_STREAM | SOCK_CLOEXEC;
#else
  int kind = SOCK_STREAM;
#endif

  if (socketpair(AF_UNIX, kind, 0, ends)) return errno;
#ifdef SO_NOSIGPIPE
  {
    int on = 1;
    setsockopt(ends[NEAR], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
  }
#endif
  return 0;
}

static int open_channel(int channel, int ends[ENDS]) {
  int failure = channel == INPUT ? open_input(ends) : open_pipe(&ends[NEAR], &ends[FAR]);

  if (!failure) failure = keep_from_children(ends);
  if (!failure && fcntl(ends[NEAR], F_SETFL, O_NONBLOCK)) failure = errno;
  return failure;
}

static int open_all(starting *s, const cm_child_options *options) {
  int channel, failure = open_pipe(&s->report[NEAR], &s->report[FAR]);

  if (!failure) failure = keep_from_children(s->report);
  for (channel = INPUT; channel < CHANNELS && !failure; channel++)
    if (channel != ERROR || !options->keep_error)
      failure = open_channel(channel, s->channels[channel]);
  return failure;
}

static void begin(starting *s) {
  memset(s, -1, sizeof *s); /* every descriptor */
  s->program = NULL;
}

/* Closes what is left open here: all of it, or all but what the child was given to. */
static void finish(starting *s, int keep_near) {
  int channel;

  for (channel = INPUT; channel < CHANNELS; channel++) {
    cm_child_close(&s->channels[channel][FAR]);
    if (!keep_near) cm_child_close(&s->channels[channel][NEAR]);
  }
  cm_child_close(&s->report[NEAR]);
  cm_child_close(&s->report[FAR]);
  free(s->program);
  s->program = NULL;
}

/* exec changes nothing, but its type does not say so. */
typedef union texts {
  const char *const *given;
  char *const *taken;
} texts;

/* Finding the program */

static const char *search_path(const char *const *environment) {
  for (; *environment; environment++)
    if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
  return "/usr/local/bin:/usr/bin:/bin";
}

static int is_program(const char *path) {
  struct stat found;

  return stat(path, &found) == 0 && S_ISREG(found.st_mode) && access(path, X_OK) == 0;
}

/* Puts "folder/name" into candidate, which has room; an empty folder is the current one. */
static void join(char *candidate, const char *folder, size_t len, const char *name) {
  memcpy(candidate, folder, len);
  if (len) candidate[len++] = '/';
  strcpy(candidate + len, name);
}

/* The program's path, allocated, or NULL with errno. */
static char *find_program(const char *name, const char *const *environment) {
  const char *folder = search_path(environment);
  char *candidate;
  int failure;

  if (strchr(name, '/')) return strdup(name);
  candidate = malloc(strlen(folder) + strlen(name) + 2);
  while (candidate && *name) {
    size_t len = strcspn(folder, ":");
    join(candidate, folder, len, name);
    if (is_program(candidate)) return candidate;
    if (!folder[len]) break;
    folder += len + 1;
  }
  failure = candidate ? ENOENT : ENOMEM;
  free(candidate);
  errno = failure;
  return NULL;
}

/* In the child: between fork and exec only what is safe in a signal handler */

static void forget_signals(void) {
  struct sigaction action;
  sigset_t none;
  int i;

  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (i = 1; i < NSIG; i++) sigaction(i, &action, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_from(int first) {
  long last;

#ifdef SYS_close_range
  if (syscall(SYS_close_range, (unsigned)first, UINT_MAX, 0) == 0) return;
#endif
  last = sysconf(_SC_OPEN_MAX);
  if (last < 0 || last > 65536) last = 65536;
  for (; first < last; first++) close(first);
}

static int take_channels(const starting *s) {
  int channel, fd;

  for (channel = INPUT; channel < CHANNELS; channel++) {
    fd = s->channels[channel][FAR];
    if (fd >= 0 && dup2(fd, channel) < 0) return errno;
  }
  return 0;
}

/* The report takes the first number after the three, and all others are closed. */
static int take_report(int fd) {
  int report = STDERR_FILENO + 1;

  if (fd != report && dup2(fd, report) < 0) return fd;
  fcntl(report, F_SETFD, FD_CLOEXEC);
  close_from(report + 1);
  return report;
}

static void become(const starting *s, const cm_child_options *options) {
  texts arguments, environment;
  int failure, report;

  arguments.given = options->arguments;
  environment.given = options->environment;
  setpgid(0, 0);
  forget_signals();
  failure = take_channels(s);
  report = take_report(s->report[FAR]);
  if (!failure && options->directory && chdir(options->directory)) failure = errno;
  if (!failure) {
    execve(s->program, arguments.taken, environment.taken);
    failure = errno;
  }
  while (write(report, &failure, sizeof failure) < 0 && errno == EINTR) continue;
  _exit(127);
}

/* In the parent again */

/* What the child could not do, or 0 once its program runs: then exec has closed the report. */
static int read_report(int fd) {
  int failure = 0;
  ssize_t got;

  do got = read(fd, &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  return got == (ssize_t)sizeof failure ? failure : 0;
}

/* Handlers of this process must not run in the child. */
static pid_t fork_quietly(const starting *s, const cm_child_options *options) {
  sigset_t all, before;
  pid_t pid;

  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid = fork();
  if (pid == 0) become(s, options);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return pid;
}

static int run(starting *s, const cm_child_options *options, pid_t *pid) {
  int failure;

  *pid = fork_quietly(s, options);
  if (*pid < 0) return errno;
  cm_child_close(&s->report[FAR]);
  failure = read_report(s->report[NEAR]);
  if (failure)
    while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR) continue;
  return failure;
}

int cm_child_start(cm_child *child, const cm_child_options *options) {
  starting s;
  pid_t pid = 0;
  int failure = 0;

  begin(&s);
  s.program = find_program(options->arguments[0], options->environment);
  if (!s.program) failure = errno;
  if (!failure) failure = open_all(&s, options);
  if (!failure) failure = run(&s, options, &pid);
  if (!failure) {
    child->pid = (long)pid;
    child->owner = (long)getpid();
    child->input = s.channels[INPUT][NEAR];
    child->output = s.channels[OUTPUT][NEAR];
    child->error = s.channels[ERROR][NEAR];
  }
  finish(&s, !failure);
  return failure;
}

static cm_child_io outcome(ssize_t moved, size_t *done) {
  *done = moved > 0 ? (size_t)moved : 0;
  if (moved > 0) return CM_CHILD_DONE;
  if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return CM_CHILD_WAIT;
  return CM_CHILD_END;
}

cm_child_io cm_child_read(int fd, char *bytes, size_t capacity, size_t *done) {
  ssize_t moved;

  do moved = read(fd, bytes, capacity);
  while (moved < 0 && errno == EINTR);
  return outcome(moved, done);
}

cm_child_io cm_child_write(int fd, const char *bytes, size_t size, size_t *done) {
  ssize_t moved;

  do moved = send(fd, bytes, size, MSG_NOSIGNAL);
  while (moved < 0 && errno == EINTR);
  return outcome(moved, done);
}

static int is_mine(const cm_child *child) {
  return child->pid > 0 && child->owner == (long)getpid();
}

void cm_child_signal(cm_child *child, int signal_number) {
  /* As long as it is not reaped the group's number is nobody else's. */
  if (is_mine(child)) kill((pid_t)-child->pid, signal_number);
}

int cm_child_has_ended(cm_child *child, int reap, int *status, int *by_signal) {
  siginfo_t info;
  int failed;

  *status = -1;
  *by_signal = 0;
  if (!is_mine(child)) return 1;
  memset(&info, 0, sizeof info);
  do failed = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | (reap ? 0 : WNOWAIT));
  while (failed && errno == EINTR);
  if (!failed && info.si_pid == 0) return 0;
  if (reap || failed) child->pid = 0;
  if (failed) return 1; /* somebody else has reaped it */
  if (info.si_code == CLD_EXITED)
    *status = info.si_status;
  else
    *by_signal = info.si_status;
  return 1;
}
