/*
** bare_multi.c - the limit for many streams at once: libcurl's multi, driven by epoll through
** curl_multi_socket_action, and what comes is thrown away.
**
** Of texts that begin with a stamp (stream_server.c) it is measured how long they took. Prints as
** JSON the bytes that came, streams that failed, how much memory each stream added (`kb_each`), and
** the times in microseconds where there are any.
**
**   bare_multi URL STREAMS BUFFER-BYTES
*/
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { DIGITS = 19, MOST_EVENTS = 256 };

static const char BODY[] = "{\"model\":\"claude-sonnet-4-6\",\"max_tokens\":16000,\"stream\":true,"
                           "\"messages\":[{\"role\":\"user\",\"content\":\"Go on\"}]}";

typedef struct times {
  double *microseconds;
  size_t count, room;
} times;

static unsigned long long bytes;
static times taken;
static int poller;
static int64_t deadline = -1; /* of libcurl's timer, in nanoseconds; -1: none */

static int64_t nanoseconds(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void note_time(const char *digits) {
  char text[DIGITS + 1] = { 0 };

  memcpy(text, digits, DIGITS);
  if (taken.count == taken.room) {
    taken.room = taken.room ? taken.room * 2 : 4096;
    taken.microseconds = realloc(taken.microseconds, taken.room * sizeof *taken.microseconds);
    if (!taken.microseconds) abort();
  }
  taken.microseconds[taken.count++] = (double)(nanoseconds() - strtoll(text, NULL, 10)) / 1e3;
}

static size_t take(char *piece, size_t size, size_t n, void *unused) {
  const char *end = piece + size * n, *at = piece;

  (void)unused;
  bytes += size * n;
  while ((at = memmem(at, (size_t)(end - at), "\"@", 2)) != NULL && end - at > DIGITS + 2) {
    note_time(at + 2);
    at += DIGITS + 2;
  }
  return size * n;
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *multi, void *known) {
  struct epoll_event event = { 0 };
  static int one;

  (void)easy;
  event.data.fd = fd;
  event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  if (what == CURL_POLL_REMOVE)
    epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
  else
    epoll_ctl(poller, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  if (!known) curl_multi_assign(multi, fd, &one);
  return 0;
}

static int set_timer(CURLM *multi, long milliseconds, void *unused) {
  (void)multi;
  (void)unused;
  deadline = milliseconds < 0 ? -1 : nanoseconds() + (int64_t)milliseconds * 1000000;
  return 0;
}

/* "VmRSS", what is held, or "VmHWM", the most that was, in kB. */
static long memory(const char *name) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long size = 0;

  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0) size = atol(line + strlen(name) + 1);
  if (file) fclose(file);
  return size;
}

static void add_stream(CURLM *multi, const char *url, struct curl_slist *headers, long buffer) {
  CURL *easy = curl_easy_init();

  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, BODY);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, buffer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
  curl_multi_add_handle(multi, easy);
}

static int wait_milliseconds(void) {
  int64_t left;

  if (deadline < 0) return 1000;
  left = deadline - nanoseconds();
  return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

static void step(CURLM *multi, int *running) {
  struct epoll_event events[MOST_EVENTS];
  int i, n = epoll_wait(poller, events, MOST_EVENTS, wait_milliseconds());

  for (i = 0; i < n; i++)
    curl_multi_socket_action(multi, events[i].data.fd,
                             (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                                 (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                                 (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
                             running);
  if (deadline >= 0 && nanoseconds() >= deadline) {
    deadline = -1;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, running);
  }
}

static int count_failed(CURLM *multi) {
  CURLMsg *message;
  int left, failed = 0;

  while ((message = curl_multi_info_read(multi, &left)) != NULL)
    failed += message->msg == CURLMSG_DONE && message->data.result != CURLE_OK;
  return failed;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static void print_times(void) {
  size_t n = taken.count;

  if (n == 0) return;
  qsort(taken.microseconds, n, sizeof *taken.microseconds, compare);
  printf(",\"stamps\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f", n, taken.microseconds[n / 2],
         taken.microseconds[n * 99 / 100], taken.microseconds[n - 1]);
}

int main(int argc, char **argv) {
  struct curl_slist *headers = curl_slist_append(NULL, "content-type: application/json");
  int i, running = 1, failed = 0, streams;
  long before;
  CURLM *multi;

  if (argc != 4) return 2;
  streams = atoi(argv[2]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  poller = epoll_create1(EPOLL_CLOEXEC);
  multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
  before = memory("VmRSS:");
  for (i = 0; i < streams; i++) add_stream(multi, argv[1], headers, atol(argv[3]));
  for (running = streams; running > 0;) {
    step(multi, &running);
    failed += count_failed(multi);
  }
  printf("{\"bytes\":%llu,\"failed\":%d,\"kb_each\":%.2f", bytes, failed,
         (double)(memory("VmHWM:") - before) / (streams ? streams : 1));
  print_times();
  puts("}");
  return 0;
}
