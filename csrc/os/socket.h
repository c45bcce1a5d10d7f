/*
** socket.h - sockets that no child process inherits.
*/
#ifndef CM_OS_SOCKET_H
#define CM_OS_SOCKET_H

/* socket(2) with close-on-exec set from the start where the system can; -1 on failure. */
int cm_socket_open(int family, int type, int protocol);

void cm_socket_close(int fd);

#endif
