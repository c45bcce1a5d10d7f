#include "os/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0
#endif

int cm_socket_open(int family, int type, int protocol) {
  int fd = socket(family, type | SOCK_CLOEXEC, protocol);

  /* Where the flag does not exist a fork between the two calls can still leak it. */
  if (fd >= 0 && SOCK_CLOEXEC == 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

void cm_socket_close(int fd) {
  close(fd);
}
