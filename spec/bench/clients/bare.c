/*
** bare.c - the limit: libcurl asks, and what comes is thrown away.
**
** Requests one after the other over one connection, with the receive buffer that the project uses.
** Prints the bytes that came, as JSON.
**
**   bare URL REQUESTS BUFFER-BYTES
*/
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

static const char BODY[] = "{\"model\":\"claude-sonnet-4-6\",\"max_tokens\":16000,\"stream\":true,"
                           "\"messages\":[{\"role\":\"user\",\"content\":\"Go on\"}]}";

static size_t count(char *bytes, size_t size, size_t n, void *total) {
  (void)bytes;
  *(unsigned long long *)total += size * n;
  return size * n;
}

static struct curl_slist *request_headers(void) {
  static const char *const LINES[] = { "content-type: application/json",
                                       "anthropic-version: 2023-06-01", "x-api-key: bench" };
  struct curl_slist *list = NULL;
  size_t i;

  for (i = 0; i < sizeof LINES / sizeof *LINES; i++) list = curl_slist_append(list, LINES[i]);
  return list;
}

int main(int argc, char **argv) {
  unsigned long long bytes = 0;
  struct curl_slist *headers = request_headers();
  CURLcode result = CURLE_OK;
  CURL *easy;
  long i, requests;

  if (argc != 4) return 2;
  requests = atol(argv[2]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, BODY);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, atol(argv[3]));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &bytes);
  for (i = 0; i < requests && result == CURLE_OK; i++) result = curl_easy_perform(easy);
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  if (result != CURLE_OK) fprintf(stderr, "%s\n", curl_easy_strerror(result));
  printf("{\"bytes\":%llu}\n", bytes);
  return result != CURLE_OK;
}
