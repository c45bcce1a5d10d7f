/*
** url.h - where a request may go: https, and plain http only where nobody listens.
*/
#ifndef CM_NET_URL_H
#define CM_NET_URL_H

/*
** NULL when the URL may be asked, otherwise words that say why not. Plain http is
** for loopback, or for anywhere when the caller says so. *loopback tells whether
** the host is this machine.
*/
const char *cm_url_refuse(const char *url, int allow_http, int *loopback);

#endif
