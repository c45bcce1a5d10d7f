#include "os/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
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

int cm_socket_port(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;

  if (getsockname(fd, (struct sockaddr *)(void *)&address, &size) != 0) return 0;
  if (address.ss_family == AF_INET)
    return ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
  if (address.ss_family == AF_INET6)
    return ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port);
  return 0;
}

int cm_socket_has_bytes(int fd) {
  char byte;

  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void cm_socket_close(int fd) {
  close(fd);
}
