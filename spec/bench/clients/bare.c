/*
** bare.c - the limit: libcurl asks, and what comes is thrown away.
**
** Requests one after the other over one connection, with the receive buffer that the project uses.
** Their bodies may grow: the first has FIRST bytes, and each STEP more than the one before; the
** upload buffer is then the project's, too. Prints the bytes that came and went, as JSON.
**
**   bare URL REQUESTS BUFFER-BYTES [FIRST STEP UPLOAD-BUFFER-BYTES]
*/
#include "request.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count(char *bytes, size_t size, size_t n, void *total) {
  (void)bytes;
  *(unsigned long long *)total += size * n;
  return size * n;
}

/* Bodies that grow: all are the beginning of one. */
static void begin_growing(CURL *easy, char **argv, long requests) {
  size_t most = (size_t)(atol(argv[0]) + atol(argv[1]) * requests);
  char *body = must(malloc(most));

  memset(body, 'x', most);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, atol(argv[2]));
}

static CURLcode perform_all(CURL *easy, long requests) {
  CURLcode result = CURLE_OK;

  while (requests-- > 0 && result == CURLE_OK) result = curl_easy_perform(easy);
  return result;
}

static CURLcode perform_growing(CURL *easy, long requests, long first, long step,
                                unsigned long long *sent) {
  CURLcode result = CURLE_OK;
  long i;

  for (i = 0; i < requests && result == CURLE_OK; i++) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, first + step * i);
    *sent += (unsigned long long)(first + step * i);
    result = curl_easy_perform(easy);
  }
  return result;
}

int main(int argc, char **argv) {
  unsigned long long bytes = 0, sent = 0;
  CURLcode result;
  CURL *easy;
  long requests;

  if (argc != 4 && argc != 7) return 2;
  requests = atol(argv[2]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy = request_new(argv[1], atol(argv[3]));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &bytes);
  if (argc == 7) {
    begin_growing(easy, argv + 4, requests);
    result = perform_growing(easy, requests, atol(argv[4]), atol(argv[5]), &sent);
  } else {
    result = perform_all(easy, requests);
  }
  curl_easy_cleanup(easy);
  if (result != CURLE_OK) fprintf(stderr, "%s\n", curl_easy_strerror(result));
  printf("{\"bytes\":%llu,\"sent\":%llu}\n", bytes, sent);
  return result != CURLE_OK;
}
