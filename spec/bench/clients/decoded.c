/*
** decoded.c - libcurl and the core: what comes is decoded and checked, and nobody gets it.
**
** The least for who wants no string for each delta: bare.c and core.c in one, without Lua. Prints
** what the texts come to, as JSON.
**
**   decoded URL REQUESTS BUFFER-BYTES
*/
#include "core_reader.h"
#include "request.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct reading {
  cm_response *response;
  core_counts counts;
} reading;

static size_t on_body(char *bytes, size_t size, size_t n, void *ud) {
  reading *r = ud;

  core_reader_take(r->response, bytes, size * n, &r->counts);
  return size * n;
}

static CURLcode perform_all(CURL *easy, reading *r, long requests) {
  CURLcode result = CURLE_OK;

  while (requests-- > 0 && result == CURLE_OK) {
    r->response = core_reader_begin();
    result = curl_easy_perform(easy);
    core_reader_end(r->response, &r->counts);
  }
  return result;
}

int main(int argc, char **argv) {
  reading r = { 0 };
  CURLcode result;
  CURL *easy;

  if (argc != 4) return 2;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy = request_new(argv[1], atol(argv[3]));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &r);
  result = perform_all(easy, &r, atol(argv[2]));
  curl_easy_cleanup(easy);
  if (result != CURLE_OK) fprintf(stderr, "%s\n", curl_easy_strerror(result));
  putchar('{');
  core_reader_print(&r.counts);
  puts("}");
  return result != CURLE_OK;
}
