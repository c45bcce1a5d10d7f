/*
** net_memory.c - what Lua cannot cause in csrc/net: each allocation of the engine
** failing in turn during a real exchange, a libcurl that knows no quick exit, and in
** which order watches change.
** Arguments: the URL of an event stream. Prints "N passed, N failed".
*/
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/multi.h"
#include "net/watches.h"
#include "os/clock.h"
#include "os/poller.h"
#include "spec/c/check.h"

int check_passed, check_failed;

static int old_libcurl; /* refuse the options that came after the oldest version */
static int slow_names;

/* The program's own functions come before the library's. */
#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
  CURLcode (*real)(CURL *, CURLoption, ...);
  void *symbol = dlsym(RTLD_NEXT, "curl_easy_setopt");
  CURLcode code;
  va_list args;

  if (old_libcurl && (int)option == CM_CURLOPT_QUICK_EXIT) return CURLE_UNKNOWN_OPTION;
  if (old_libcurl && (int)option == CM_CURLOPT_PROTOCOLS_STR) return CURLE_UNKNOWN_OPTION;
  memcpy(&real, &symbol, sizeof real);
  va_start(args, option);
  code = real(easy, option, va_arg(args, void *)); /* long, pointer and curl_off_t are alike here */
  va_end(args);
  return code;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

  memcpy(&real, &symbol, sizeof real);
  if (slow_names) sleep(1);
  return real(slow_names ? "127.0.0.1" : node, service, hints, result);
}

typedef struct heap {
  long left; /* allocations that still succeed; negative: all */
  long live;
} heap;

static void *resize(void *ud, void *ptr, size_t old_size, size_t new_size) {
  heap *h = ud;
  void *grown;

  if (new_size == 0) {
    if (ptr) h->live--;
    free(ptr);
    return NULL;
  }
  if (new_size > old_size && h->left == 0) return NULL;
  if (new_size > old_size && h->left > 0) h->left--;
  grown = realloc(ptr, new_size);
  if (grown && !ptr) h->live++;
  return grown;
}

static void drive(cm_multi *multi, cm_poller *poller) {
  cm_poller_event events[8];
  int i, n, fd, mask;
  long wait;

  while (cm_multi_change(multi, &fd, &mask)) cm_poller_watch(poller, fd, mask);
  wait = cm_multi_timeout(multi);
  n = cm_poller_wait(poller, wait < 0 || wait > 50 ? 50 : (int)wait, events, 8);
  for (i = 0; i < n; i++) cm_multi_act(multi, events[i].fd, events[i].mask);
  if (cm_multi_timeout(multi) == 0) cm_multi_act(multi, -1, 0);
}

static cm_response *begin(cm_multi *multi, const char *url, cm_transfer_id *id, cm_status *status) {
  cm_response *response = cm_response_new(&cm_libc_alloc, NULL);
  cm_transfer_header header = { { "x-api-key", 9 }, { "k", 1 } };
  cm_transfer_options options;
  cm_failure failure;

  memset(&options, 0, sizeof options);
  options.url = url;
  options.headers = &header;
  options.header_count = 1;
  options.response = response;
  *status = cm_multi_start(multi, &options, id, &failure);
  return response;
}

/* Runs one exchange to its end; 1: it went well. */
static int run(cm_multi *multi, cm_poller *poller, const char *url) {
  cm_multi_news news;
  cm_transfer_id id;
  cm_status status;
  cm_response *response = begin(multi, url, &id, &status);
  int done = 0;

  CHECK(status == CM_OK || status == CM_ERR_NOMEM);
  news.code = 1;
  while (status == CM_OK && !done) {
    drive(multi, poller);
    while (!done && cm_multi_peek(multi, &news)) {
      done = news.done;
      cm_multi_take(multi);
    }
  }
  cm_response_release(response);
  return done && news.code == 0;
}

static void test_every_failed_allocation(const char *url) {
  long allowed;
  int well = 0;

  for (allowed = 0; !well && allowed < 200; allowed++) {
    heap h = { 0, 0 };
    cm_alloc alloc = { resize, NULL };
    cm_poller *poller = cm_poller_new(&cm_libc_alloc);
    cm_multi *multi;

    alloc.ud = &h;
    h.left = allowed;
    if (cm_multi_new(&multi, &alloc) == CM_OK) {
      well = run(multi, poller, url);
      cm_multi_free(multi);
    }
    CHECK(h.live == 0);
    cm_poller_free(poller);
  }
  CHECK(well);
  CHECK(allowed > 5);
}

/* Where libcurl would wait for the resolver the transfer is detached, and goes later. */
static void test_cancel_with_old_libcurl(void) {
  heap h = { -1, 0 };
  cm_alloc alloc = { resize, NULL };
  cm_poller *poller = cm_poller_new(&cm_libc_alloc);
  cm_transfer_id id;
  cm_status status;
  cm_response *response;
  cm_multi *multi;
  double started;
  long with_transfer;

  alloc.ud = &h;
  old_libcurl = slow_names = 1;
  CHECK(cm_multi_new(&multi, &alloc) == CM_OK);
  response = begin(multi, "https://slow.example.test/", &id, &status);
  CHECK(status == CM_OK);
  for (started = cm_clock_now(); cm_clock_now() - started < 0.2;) drive(multi, poller);
  with_transfer = h.live;
  started = cm_clock_now();
  cm_multi_cancel(multi, id, "cancelled");
  CHECK(cm_clock_now() - started < 0.5);
  CHECK(cm_multi_live(multi) == 0);
  CHECK(h.live == with_transfer);
  cm_response_release(response);
  for (started = cm_clock_now(); h.live == with_transfer && cm_clock_now() - started < 10;)
    drive(multi, poller);
  CHECK(h.live < with_transfer);
  cm_multi_free(multi);
  CHECK(h.live == 0);
  cm_poller_free(poller);
  old_libcurl = slow_names = 0;
}

static int next_change_is(cm_watches *watches, int fd, int mask) {
  int got_fd, got_mask;

  return cm_watches_change(watches, &got_fd, &got_mask) && got_fd == fd && got_mask == mask;
}

static void test_changes_are_never_merged_past_a_removal(void) {
  cm_watches watches;
  int fd, mask;

  cm_watches_init(&watches, &cm_libc_alloc);
  cm_watches_note(&watches, 5, 2);
  cm_watches_note(&watches, 5, 1); /* nobody has seen the first */
  cm_watches_note(&watches, 5, 0);
  cm_watches_note(&watches, 5, 2); /* another connection with the same number */
  cm_watches_note(&watches, 6, 1);
  CHECK(cm_watches_count(&watches) == 2);
  CHECK(next_change_is(&watches, 5, 0)); /* it may have been closed: not told before */
  CHECK(next_change_is(&watches, 5, 2));
  CHECK(next_change_is(&watches, 6, 1));
  cm_watches_note(&watches, 7, 1);
  cm_watches_note(&watches, 6, 3); /* told before, changed, then taken back */
  cm_watches_note(&watches, 8, 1);
  cm_watches_note(&watches, 6, 0);
  cm_watches_note(&watches, 7, 0);
  CHECK(next_change_is(&watches, 8, 1));
  CHECK(next_change_is(&watches, 6, 0));
  CHECK(next_change_is(&watches, 7, 0));
  cm_watches_note(&watches, 6, 3); /* the change before has been told */
  CHECK(next_change_is(&watches, 6, 3));
  CHECK(!cm_watches_change(&watches, &fd, &mask));
  cm_watches_deinit(&watches);
}

static void test_descriptors_are_closed_late(void) {
  cm_watches watches;
  int fd = dup(1);

  cm_watches_init(&watches, &cm_libc_alloc);
  CHECK(cm_watches_close(&watches, fd) == CM_OK);
  CHECK(fcntl(fd, F_GETFD) >= 0);
  cm_watches_release(&watches);
  CHECK(fcntl(fd, F_GETFD) < 0);
  cm_watches_deinit(&watches);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  test_every_failed_allocation(argv[1]);
  test_cancel_with_old_libcurl();
  test_changes_are_never_merged_past_a_removal();
  test_descriptors_are_closed_late();
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed != 0;
}
