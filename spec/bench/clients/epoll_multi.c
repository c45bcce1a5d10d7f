#include "epoll_multi.h"
#include "request.h"
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { MOST_EVENTS = 256, MOMENT = 2000 /* microseconds */ };

double seconds_now(void) {
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A descriptor that is watched already has something assigned. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *known) {
  epoll_multi *m = ud;
  struct epoll_event event;

  (void)easy;
  memset(&event, 0, sizeof event);
  event.data.fd = fd;
  if (what & CURL_POLL_IN) event.events |= EPOLLIN;
  if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
  if (what == CURL_POLL_REMOVE)
    epoll_ctl(m->poller, EPOLL_CTL_DEL, fd, &event);
  else
    epoll_ctl(m->poller, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  curl_multi_assign(m->curl, fd, what == CURL_POLL_REMOVE ? NULL : m);
  return 0;
}

static int on_timer(CURLM *curl, long milliseconds, void *ud) {
  epoll_multi *m = ud;

  (void)curl;
  m->deadline = milliseconds < 0 ? -1 : seconds_now() + (double)milliseconds / 1000;
  return 0;
}

void epoll_multi_open(epoll_multi *m, long transfers) {
  m->curl = must(curl_multi_init());
  m->poller = epoll_create1(EPOLL_CLOEXEC);
  m->deadline = -1;
  curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
  curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
  curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, transfers + 1);
}

void epoll_multi_close(epoll_multi *m) {
  curl_multi_cleanup(m->curl);
  close(m->poller);
}

static int milliseconds_left(const epoll_multi *m) {
  double left;

  if (m->deadline < 0) return 1000;
  left = (m->deadline - seconds_now()) * 1000;
  return left > 0 ? (int)left + 1 : 0;
}

static int wait_for_events(const epoll_multi *m, int several, struct epoll_event *events) {
  int n = epoll_wait(m->poller, events, MOST_EVENTS, milliseconds_left(m));

  if (!several || n <= 0 || n >= several) return n;
  usleep(MOMENT);
  return epoll_wait(m->poller, events, MOST_EVENTS, 0);
}

void epoll_multi_act(epoll_multi *m, int several) {
  struct epoll_event events[MOST_EVENTS];
  int i, n = wait_for_events(m, several, events), running;

  for (i = 0; i < n; i++) {
    int mask = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(m->curl, events[i].data.fd, mask, &running);
  }
  if (m->deadline >= 0 && seconds_now() >= m->deadline) {
    m->deadline = -1;
    curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

CURL *epoll_multi_ended(epoll_multi *m, CURLcode *result) {
  CURLMsg *message;
  CURL *easy;
  int left;

  while ((message = curl_multi_info_read(m->curl, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE) continue;
    easy = message->easy_handle;
    *result = message->data.result;
    curl_multi_remove_handle(m->curl, easy);
    return easy;
  }
  return NULL;
}
