/*
** socket.h - sockets that no child process inherits.
*/
#ifndef CM_OS_SOCKET_H
#define CM_OS_SOCKET_H

/* socket(2) with close-on-exec set from the start where the system can; -1 on failure. */
int cm_socket_open(int family, int type, int protocol);

/* The port of this end; 0 before it has one. */
int cm_socket_port(int fd);

/* Whether bytes wait to be received; not its end. */
int cm_socket_has_bytes(int fd);

void cm_socket_close(int fd);

#endif
