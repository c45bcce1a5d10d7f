/*
** child.h - a child process that is talked to over its standard input and output.
**
** No shell has a hand in it: the arguments arrive as they are. The child gets the
** environment it is given and no descriptor but the three; it leads a process group of
** its own, so that what it starts can be ended with it, and no key pressed in a terminal
** reaches it. Knows neither Lua nor what is said.
*/
#ifndef CM_OS_CHILD_H
#define CM_OS_CHILD_H

#include <stddef.h>

/* A descriptor is -1 when it is closed, or was never opened. Set up by start alone. */
typedef struct cm_child {
  long pid;   /* 0: there is none, or it was reaped */
  long owner; /* the process that started it: a fork of that has no say */
  int input;  /* what the child reads; like the others, it never blocks here */
  int output; /* what the child writes */
  int error;  /* likewise, standard error */
} cm_child;

/* All texts are borrowed for the call; the lists end in NULL. */
typedef struct cm_child_options {
  const char *const *arguments;   /* the first is the program: a path, or a name to look for */
  const char *const *environment; /* NAME=value; its PATH says where a name is looked for */
  const char *directory;          /* where it runs; NULL: here */
  int keep_error;                 /* standard error stays that of this process */
} cm_child_options;

/* Nothing open, nobody running: what deinit accepts and start fills in. */
void cm_child_init(cm_child *child);

/* Closes the descriptors. The child goes on, and sees the end of its input. */
void cm_child_deinit(cm_child *child);

/*
** Starts it. Returns 0 once the program runs, or errno: then there is no child, and
** everything is closed again.
*/
int cm_child_start(cm_child *child, const cm_child_options *options);

typedef enum cm_child_io {
  CM_CHILD_DONE, /* *done bytes were read or written, at least one */
  CM_CHILD_WAIT, /* nothing now; watch the descriptor */
  CM_CHILD_END   /* the other side has closed, or broke */
} cm_child_io;

/* fd is one of a child's that runs or ran. A write raises no SIGPIPE. */
cm_child_io cm_child_read(int fd, char *bytes, size_t capacity, size_t *done);
cm_child_io cm_child_write(int fd, const char *bytes, size_t size, size_t *done);

/* Closes one of the three descriptors, given by its address in the child. */
void cm_child_close(int *fd);

/* Sends a signal to it and to all of its process group, unless it was reaped. */
void cm_child_signal(cm_child *child, int signal_number);

/*
** Whether it has ended, without waiting. *status is its exit status, or -1, and *by_signal
** the signal that ended it, or 0; both say nothing where somebody else reaped it. With
** reap its number is given back to the system, and there is no child any more.
*/
int cm_child_has_ended(cm_child *child, int reap, int *status, int *by_signal);

#endif
