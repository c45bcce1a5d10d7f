/*
** url.h - where a request may go: https, and plain http only where nobody listens.
*/
#ifndef CM_NET_URL_H
#define CM_NET_URL_H

enum { CM_URL_ROOM = 256 };

/* The last URL that might be asked: as a rule the next one is the same. Set to zero first. */
typedef struct cm_url_memory {
  char url[CM_URL_ROOM]; /* one that does not fit is not remembered */
  int allow_http, loopback;
} cm_url_memory;

/*
** NULL when the URL may be asked, otherwise words that say why not. Plain http is
** for loopback, or for anywhere when the caller says so. *loopback tells whether
** the host is this machine.
*/
const char *cm_url_refuse(cm_url_memory *last, const char *url, int allow_http, int *loopback);

#endif
