/*
** bare_multi.c - the limit of many streams at once: libcurl's multi interface over epoll, and what
** comes is thrown away.
**
** All requests at once, in one thread, with curl_multi_socket_action for each descriptor that is
** ready. With "stamped" as the last word the stamps of stream_server.c are looked for, and how old
** they were is printed, too. Prints JSON: the bytes that came, streams that failed, kilobytes of
** memory that each stream took at most. CA-FILE may be "" where there is no TLS.
**
**   bare_multi URL STREAMS BUFFER-BYTES [CA-FILE 1.1|2 [stamped]]
*/
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { MOST_EVENTS = 256, STAMP = 19 };

static const char BODY[] = "{\"model\":\"claude-sonnet-4-6\",\"max_tokens\":16000,\"stream\":true,"
                           "\"messages\":[{\"role\":\"user\",\"content\":\"Go on\"}]}";

static unsigned long long bytes;
static double *ages; /* microseconds; NULL: nobody wants to know */
static size_t age_count, age_room;
static double deadline = -1; /* of libcurl's timer */
static int poller;

static double now(void) {
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *must(void *memory) {
  if (!memory) abort();
  return memory;
}

static void note_age(const char *stamp) {
  double written = 0;
  int i;

  for (i = 0; i < STAMP; i++) written = written * 10 + (stamp[i] - '0');
  if (age_count == age_room) ages = must(realloc(ages, (age_room *= 2) * sizeof *ages));
  ages[age_count++] = (now() - written / 1e9) * 1e6;
}

static void find_stamps(const char *at, const char *end) {
  while ((at = memchr(at, '@', (size_t)(end - at))) != NULL) {
    if (end - at > STAMP + 1 && at[STAMP + 1] == '@') {
      note_age(at + 1);
      at += STAMP + 1;
    }
    at++;
  }
}

static size_t on_body(char *data, size_t size, size_t n, void *ud) {
  (void)ud;
  bytes += size * n;
  if (ages) find_stamps(data, data + size * n);
  return size * n;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *multi, void *known) {
  struct epoll_event event;

  (void)easy;
  memset(&event, 0, sizeof event);
  event.data.fd = fd;
  if (what & CURL_POLL_IN) event.events |= EPOLLIN;
  if (what & CURL_POLL_OUT) event.events |= EPOLLOUT;
  if (what == CURL_POLL_REMOVE)
    epoll_ctl(poller, EPOLL_CTL_DEL, fd, &event);
  else
    epoll_ctl(poller, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  curl_multi_assign(multi, fd, what == CURL_POLL_REMOVE ? NULL : &poller);
  return 0;
}

static int on_timer(CURLM *multi, long milliseconds, void *ud) {
  (void)multi, (void)ud;
  deadline = milliseconds < 0 ? -1 : now() + (double)milliseconds / 1000;
  return 0;
}

static struct curl_slist *request_headers(void) {
  static const char *const LINES[] = { "content-type: application/json",
                                       "anthropic-version: 2023-06-01", "x-api-key: bench",
                                       "Expect:" };
  struct curl_slist *list = NULL;
  size_t i;

  for (i = 0; i < sizeof LINES / sizeof *LINES; i++) list = curl_slist_append(list, LINES[i]);
  return list;
}

static void ask(CURLM *multi, struct curl_slist *headers, char **argv, int argc) {
  CURL *easy = must(curl_easy_init());
  int http2 = argc > 5 && strcmp(argv[5], "2") == 0;

  curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, BODY);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, atol(argv[3]));
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   (long)(http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long)http2);
  if (argc > 4 && argv[4][0]) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, argv[4]);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* or each connection reads the file anew */
  }
  curl_multi_add_handle(multi, easy);
}

static CURLM *new_multi(void) {
  CURLM *multi = must(curl_multi_init());

  poller = epoll_create1(EPOLL_CLOEXEC);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  return multi;
}

static int milliseconds_left(void) {
  double left;

  if (deadline < 0) return 1000;
  left = (deadline - now()) * 1000;
  return left > 0 ? (int)left + 1 : 0;
}

static int wait_and_act(CURLM *multi) {
  struct epoll_event events[MOST_EVENTS];
  int i, n = epoll_wait(poller, events, MOST_EVENTS, milliseconds_left()), running = 0;

  for (i = 0; i < n; i++) {
    int mask = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(multi, events[i].data.fd, mask, &running);
  }
  if (deadline >= 0 && now() >= deadline) {
    deadline = -1;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  return n;
}

/* Returns how many failed. */
static int run(CURLM *multi, long streams) {
  CURLMsg *message;
  int left, failed = 0;

  while (streams > 0) {
    wait_and_act(multi);
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
      if (message->msg != CURLMSG_DONE) continue;
      if (message->data.result != CURLE_OK) failed++;
      streams--;
    }
  }
  return failed;
}

static long kilobytes(const char *key) {
  char line[256];
  long value = 0;
  FILE *file = fopen("/proc/self/status", "r");

  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, key, strlen(key)) == 0) value = atol(line + strlen(key));
  if (file) fclose(file);
  return value;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static void print_ages(void) {
  if (!ages || age_count == 0) return;
  qsort(ages, age_count, sizeof *ages, by_size);
  printf(",\"p50_us\":%.1f,\"p99_us\":%.1f", ages[age_count / 2], ages[age_count * 99 / 100]);
}

int main(int argc, char **argv) {
  struct curl_slist *headers = request_headers();
  long streams, before, i;
  CURLM *multi;
  int failed;

  if (argc < 4) return 2;
  streams = atol(argv[2]);
  if (argc > 6) ages = must(malloc((age_room = 4096) * sizeof *ages));
  curl_global_init(CURL_GLOBAL_DEFAULT);
  multi = new_multi();
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, streams + 1);
  before = kilobytes("VmRSS:");
  for (i = 0; i < streams; i++) ask(multi, headers, argv, argc);
  failed = run(multi, streams);
  printf("{\"bytes\":%llu,\"failed\":%d,\"kb_per_stream\":%.1f", bytes, failed,
         streams ? (double)(kilobytes("VmHWM:") - before) / (double)streams : 0);
  print_ages();
  puts("}");
  return failed != 0;
}
