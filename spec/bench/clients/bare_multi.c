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
#include "epoll_multi.h"
#include "request.h"
#include "resident.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAMP = 19 };

static unsigned long long bytes;
static double *ages; /* microseconds; NULL: nobody wants to know */
static size_t age_count, age_room;

static void note_age(const char *stamp) {
  double written = 0;
  int i;

  for (i = 0; i < STAMP; i++) written = written * 10 + (stamp[i] - '0');
  if (age_count == age_room) ages = must(realloc(ages, (age_room *= 2) * sizeof *ages));
  ages[age_count++] = (seconds_now() - written / 1e9) * 1e6;
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

static void ask(CURLM *multi, char **argv, int argc) {
  CURL *easy = request_new(argv[1], atol(argv[3]));

  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  request_use_http(easy, argc > 5 ? argv[5] : "1.1");
  if (argc > 4 && argv[4][0]) request_trust(easy, argv[4]);
  curl_multi_add_handle(multi, easy);
}

/* Returns how many failed. */
static int run(epoll_multi *m, long streams) {
  CURLcode result;
  int failed = 0;

  while (streams > 0) {
    epoll_multi_act(m, 0);
    while (epoll_multi_ended(m, &result)) {
      if (result != CURLE_OK) failed++;
      streams--;
    }
  }
  return failed;
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
  long streams, before, i;
  epoll_multi multi;
  int failed;

  if (argc < 4) return 2;
  streams = atol(argv[2]);
  if (argc > 6) ages = must(malloc((age_room = 4096) * sizeof *ages));
  curl_global_init(CURL_GLOBAL_DEFAULT);
  epoll_multi_open(&multi, streams);
  before = resident_kilobytes("VmRSS:");
  for (i = 0; i < streams; i++) ask(multi.curl, argv, argc);
  failed = run(&multi, streams);
  printf("{\"bytes\":%llu,\"failed\":%d,\"kb_per_stream\":%.1f", bytes, failed,
         streams ? (double)(resident_kilobytes("VmHWM:") - before) / (double)streams : 0);
  print_ages();
  puts("}");
  return failed != 0;
}
