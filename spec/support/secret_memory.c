/*
** secret_memory.c - which copies of a key are left in this process once transfers with it
** have ended, in every way in which they can. It has no Lua, so that what is found is csrc's
** or libcurl's; libcurl's blocks are told apart, since it takes its memory from here.
** Arguments: the URL of a fault server. Prints what it saw and "N passed, N failed".
*/
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/multi.h"
#include "os/poller.h"
#include "os/secret.h"
#include "spec/c/check.h"

int check_passed, check_failed;

enum { KEY = 61, MASK = 0x5a, PIECE = 1 << 20, MANY = 2000 };

/* Only masked: what looks for the key must not be where it is found. */
static unsigned char masked[KEY];
static unsigned char piece[PIECE + KEY];

static void make_key(void) {
  static const char digits[] = "0123456789abcdef";
  int fd = open("/dev/urandom", O_RDONLY), i;

  CHECK(fd >= 0 && read(fd, masked, KEY) == KEY);
  close(fd);
  for (i = 0; i < KEY; i++) masked[i] = (unsigned char)digits[masked[i] & 15] ^ MASK;
}

static void unmask(char *out) {
  int i;

  for (i = 0; i < KEY; i++) out[i] = (char)(masked[i] ^ MASK);
}

static size_t copies_in(const unsigned char *bytes, size_t size) {
  const unsigned char *at = bytes, *end = bytes + size;
  size_t count = 0;
  int i;

  while (end - at >= KEY && (at = memchr(at, masked[0] ^ MASK, (size_t)(end - at) - KEY + 1))) {
    for (i = 1; i < KEY && (at[i] ^ MASK) == masked[i]; i++) continue;
    count += i == KEY;
    at++;
  }
  return count;
}

/* ---- the heaps: csrc's, and libcurl's ---- */

static long left = -1; /* allocations of csrc that still succeed; negative: all */
static long live;
static size_t freed_by_core, freed_by_libcurl;

/* Always moves: a block that grows in place hides that the old one is given back. */
static void *resize(void *ud, void *ptr, size_t old_size, size_t new_size) {
  void *fresh = NULL;

  (void)ud;
  if (new_size > old_size && left == 0) return NULL;
  if (new_size > old_size && left > 0) left--;
  if (new_size) {
    fresh = malloc(new_size);
    if (fresh && ptr) memcpy(fresh, ptr, old_size < new_size ? old_size : new_size);
    live += fresh != NULL;
  }
  if (ptr && (fresh || !new_size)) {
    freed_by_core += copies_in(ptr, old_size);
    free(ptr);
    live--;
  }
  return fresh;
}

typedef union block {
  size_t size;
  long double aligned;
} block;

static void *take(size_t size) {
  block *b = malloc(sizeof *b + size);

  if (b) b->size = size;
  return b ? b + 1 : NULL;
}

static void give_back(void *ptr) {
  block *b = ptr;

  if (!b) return;
  b--;
  freed_by_libcurl += copies_in(ptr, b->size);
  cm_secret_wipe(b, sizeof *b + b->size);
  free(b);
}

static void *take_more(void *ptr, size_t size) {
  void *fresh = take(size);

  if (fresh && ptr) {
    size_t before = ((block *)ptr)[-1].size;
    memcpy(fresh, ptr, before < size ? before : size);
    give_back(ptr);
  }
  return fresh;
}

static char *take_text(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = take(size);

  return copy ? memcpy(copy, text, size) : NULL;
}

static void *take_zeroed(size_t count, size_t size) {
  void *ptr = take(count * size);

  return ptr ? memset(ptr, 0, count * size) : NULL;
}

/* ---- this process, as the system sees it ---- */

static size_t copies_between(int memory, uintptr_t from, uintptr_t to) {
  size_t count = 0, kept = 0, there;

  for (; from < to;) {
    size_t wanted = to - from < PIECE ? to - from : PIECE;
    ssize_t got = pread(memory, piece + kept, wanted, (off_t)from);
    if (got <= 0) break;
    from += (uintptr_t)got;
    there = kept + (size_t)got;
    count += copies_in(piece, there);
    kept = there < KEY - 1 ? there : KEY - 1;
    memmove(piece, piece + there - kept, kept);
  }
  cm_secret_wipe(piece, sizeof piece);
  return count;
}

/* In all that can be written to; where it is read to is left out. */
static size_t copies_anywhere(size_t *bytes) {
  FILE *maps = fopen("/proc/self/maps", "r");
  int memory = open("/proc/self/mem", O_RDONLY);
  uintptr_t from, to, own = (uintptr_t)piece;
  size_t count = 0;
  char line[512], mode[5];

  *bytes = 0;
  while (maps && memory >= 0 && fgets(line, sizeof line, maps)) {
    unsigned long long first, last;
    if (sscanf(line, "%llx-%llx %4s", &first, &last, mode) != 3 || mode[0] != 'r' || mode[1] != 'w')
      continue;
    from = (uintptr_t)first, to = (uintptr_t)last;
    *bytes += to - from;
    if (own >= from && own < to) {
      count += copies_between(memory, from, own);
      from = own + sizeof piece;
    }
    count += copies_between(memory, from, to);
  }
  if (maps) fclose(maps);
  if (memory >= 0) close(memory);
  return count;
}

/* ---- transfers ---- */

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

typedef enum ending { TO_ITS_END, AT_ONCE, AFTER_NEWS, WITH_THE_MULTI } ending;

static cm_response *start(cm_multi *multi, const char *url, const char *last_name,
                          cm_transfer_id *id, cm_status *status) {
  cm_response *response = cm_response_new(&cm_libc_alloc, NULL);
  char *key = malloc(KEY);
  cm_transfer_header headers[2] = { { { "x-api-key", 9 }, { NULL, KEY } },
                                    { { NULL, 0 }, { NULL, KEY } } };
  cm_transfer_options options;
  cm_failure failure;

  unmask(key);
  headers[0].value.ptr = headers[1].value.ptr = key;
  headers[1].name.ptr = last_name;
  headers[1].name.len = strlen(last_name);
  memset(&options, 0, sizeof options);
  options.url = url;
  options.headers = headers;
  options.header_count = 2;
  options.response = response;
  *status = cm_multi_start(multi, &options, id, &failure);
  cm_secret_wipe(key, KEY);
  free(key);
  return response;
}

static void go_on(cm_multi *multi, cm_poller *poller, cm_transfer_id id, ending how) {
  cm_multi_news news;
  int rounds, done = 0;

  if (how == AT_ONCE) cm_multi_cancel(multi, id, "cancelled");
  for (rounds = 0; how != AT_ONCE && !done && rounds < MANY; rounds++) {
    drive(multi, poller);
    while (!done && cm_multi_peek(multi, &news)) {
      done = news.done || how != TO_ITS_END;
      cm_multi_take(multi);
    }
  }
  if (how == AFTER_NEWS) cm_multi_cancel(multi, id, "cancelled");
}

static cm_status exchange(const char *url, const char *last_name, ending how) {
  cm_alloc alloc = { resize, NULL };
  cm_poller *poller = cm_poller_new(&cm_libc_alloc);
  cm_response *response;
  cm_transfer_id id;
  cm_status status;
  cm_multi *multi;

  status = cm_multi_new(&multi, &alloc);
  if (status == CM_OK) {
    response = start(multi, url, last_name, &id, &status);
    if (status == CM_OK) go_on(multi, poller, id, how);
    cm_multi_free(multi);
    cm_response_release(response);
  }
  cm_poller_free(poller);
  return status;
}

static void check_nothing_left(const char *what) {
  size_t bytes, count = copies_anywhere(&bytes);

  CHECK(bytes > 100000);
  CHECK(count == 0);
  CHECK(freed_by_core == 0);
  CHECK(live == 0);
  printf("%s: %zu copies left, %zu given back by csrc, %zu by libcurl\n", what, count,
         freed_by_core, freed_by_libcurl);
  freed_by_core = freed_by_libcurl = 0;
}

static void test_the_search_finds(void) {
  char *copy = malloc(3 * PIECE);
  size_t bytes;

  memset(copy, 'x', 3 * PIECE);
  CHECK(copies_anywhere(&bytes) == 0);
  unmask(copy + 17);
  CHECK(copies_anywhere(&bytes) == 1);
  unmask(copy + PIECE - 20); /* where one piece ends, wherever that is */
  unmask(copy + 2 * PIECE - 30);
  CHECK(copies_anywhere(&bytes) == 3);
  cm_secret_wipe(copy, 3 * PIECE);
  CHECK(copies_anywhere(&bytes) == 0);
  free(copy);
}

static void test_every_ending(const char *server) {
  char url[256];

  snprintf(url, sizeof url, "%s/ok/x", server);
  CHECK(exchange(url, "x-other", TO_ITS_END) == CM_OK);
  check_nothing_left("whole");
  CHECK(exchange(url, "x-other", AT_ONCE) == CM_OK);
  check_nothing_left("cancelled at once");
  snprintf(url, sizeof url, "%s/stall_in_event/x", server);
  CHECK(exchange(url, "x-other", AFTER_NEWS) == CM_OK);
  check_nothing_left("cancelled while it arrives");
  CHECK(exchange(url, "x-other", WITH_THE_MULTI) == CM_OK);
  check_nothing_left("closed while it arrives");
  snprintf(url, sizeof url, "%s/reset_in_event/x", server);
  CHECK(exchange(url, "x-other", TO_ITS_END) == CM_OK);
  check_nothing_left("reset");
  CHECK(exchange("http://127.0.0.1:1/", "x-other", TO_ITS_END) == CM_OK);
  check_nothing_left("not connected");
  CHECK(exchange(url, "x other", TO_ITS_END) == CM_ERR_SYNTAX);
  check_nothing_left("refused by its second header");
  CHECK(exchange("http://example.com/", "x-other", TO_ITS_END) == CM_ERR_SYNTAX);
  check_nothing_left("refused by its address");
}

static void test_every_failed_allocation(const char *server) {
  char url[256];
  long allowed;
  cm_status status = CM_ERR_NOMEM;

  snprintf(url, sizeof url, "%s/ok/x", server);
  for (allowed = 0; status != CM_OK && allowed < 100; allowed++) {
    left = allowed;
    status = exchange(url, "x-other", AT_ONCE);
    left = -1;
    CHECK(status == CM_OK || status == CM_ERR_NOMEM);
  }
  CHECK(allowed > 4);
  check_nothing_left("out of memory");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  curl_global_init_mem(CURL_GLOBAL_DEFAULT, take, give_back, take_more, take_text, take_zeroed);
  make_key();
  test_the_search_finds();
  test_every_ending(argv[1]);
  test_every_failed_allocation(argv[1]);
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed != 0;
}
