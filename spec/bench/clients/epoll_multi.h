/*
** epoll_multi.h - libcurl's multi interface over epoll: many transfers in one thread, and
** curl_multi_socket_action for each descriptor that is ready.
**
** One for a process. Transfers are added to `curl` as to any multi handle.
*/
#ifndef BENCH_EPOLL_MULTI_H
#define BENCH_EPOLL_MULTI_H
#include <curl/curl.h>

typedef struct epoll_multi {
  CURLM *curl;
  int poller;
  double deadline; /* of libcurl's timer; negative: none */
} epoll_multi;

/* All connections of so many transfers are kept. */
void epoll_multi_open(epoll_multi *m, long transfers);

/* No transfer may be left in it. */
void epoll_multi_close(epoll_multi *m);

/* Waits until a descriptor or the timer is due, and does what is. Where several are wanted and one
   is ready it waits 2 ms for others. */
void epoll_multi_act(epoll_multi *m, int several);

/* Takes the next transfer that has ended out of the multi handle, NULL where there is none. */
CURL *epoll_multi_ended(epoll_multi *m, CURLcode *result);

/* The monotonic clock's seconds. */
double seconds_now(void);

#endif
