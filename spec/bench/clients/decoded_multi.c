/*
** decoded_multi.c - libcurl and the core, with many streams at once: what comes is decoded, checked
** and kept, and nobody gets it.
**
** bare_multi.c with a response of the core for each stream. Prints JSON: what the texts come to,
** and kilobytes of memory that each stream took at most, with the text that it holds.
**
**   decoded_multi URL STREAMS BUFFER-BYTES [1.1|2]
*/
#include "core_reader.h"
#include "epoll_multi.h"
#include "request.h"
#include "resident.h"
#include <stdio.h>
#include <stdlib.h>

static core_counts counts;

static size_t on_body(char *bytes, size_t size, size_t n, void *response) {
  core_reader_take(response, bytes, size * n, &counts);
  return size * n;
}

static void ask(CURLM *multi, char **argv, int argc) {
  CURL *easy = request_new(argv[1], atol(argv[3]));
  cm_response *response = core_reader_begin();

  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, response);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, response);
  request_use_http(easy, argc > 4 ? argv[4] : "1.1");
  curl_multi_add_handle(multi, easy);
}

static void end(CURL *easy) {
  cm_response *response = NULL;

  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &response);
  core_reader_end(response, &counts);
  curl_easy_cleanup(easy);
}

/* Returns how many failed. */
static int run(epoll_multi *m, long streams) {
  CURLcode result;
  CURL *easy;
  int failed = 0;

  while (streams > 0) {
    epoll_multi_act(m, 0);
    while ((easy = epoll_multi_ended(m, &result)) != NULL) {
      if (result != CURLE_OK) failed++;
      end(easy);
      streams--;
    }
  }
  return failed;
}

int main(int argc, char **argv) {
  long streams, before, i;
  epoll_multi multi;
  int failed;

  if (argc < 4) return 2;
  streams = atol(argv[2]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  epoll_multi_open(&multi, streams);
  before = resident_kilobytes("VmRSS:");
  for (i = 0; i < streams; i++) ask(multi.curl, argv, argc);
  failed = run(&multi, streams);
  epoll_multi_close(&multi);
  printf("{\"failed\":%d,\"kb_per_stream\":%.1f,", failed,
         streams ? (double)(resident_kilobytes("VmHWM:") - before) / (double)streams : 0);
  core_reader_print(&counts);
  puts("}");
  return failed != 0;
}
