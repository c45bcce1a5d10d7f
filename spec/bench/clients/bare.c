/*
** bare.c - the limit: libcurl asks, and what comes is thrown away.
**
** Requests one after the other over one connection, with the receive buffer that the project uses.
** Their bodies may grow: the first has FIRST bytes, and each STEP more than the one before; the
** upload buffer is then the project's, too. Prints the bytes that came and went, as JSON.
**
**   bare URL REQUESTS BUFFER-BYTES [FIRST STEP UPLOAD-BUFFER-BYTES]
*/
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char BODY[] = "{\"model\":\"claude-sonnet-4-6\",\"max_tokens\":16000,\"stream\":true,"
                           "\"messages\":[{\"role\":\"user\",\"content\":\"Go on\"}]}";

static size_t count(char *bytes, size_t size, size_t n, void *total) {
  (void)bytes;
  *(unsigned long long *)total += size * n;
  return size * n;
}

static struct curl_slist *request_headers(void) {
  static const char *const LINES[] = { "content-type: application/json",
                                       "anthropic-version: 2023-06-01", "x-api-key: bench",
                                       "Expect:" /* or large bodies wait a second */ };
  struct curl_slist *list = NULL;
  size_t i;

  for (i = 0; i < sizeof LINES / sizeof *LINES; i++) list = curl_slist_append(list, LINES[i]);
  return list;
}

/* Bodies that grow: all are the beginning of one. */
static void begin_growing(CURL *easy, char **argv, long requests) {
  size_t most = (size_t)(atol(argv[0]) + atol(argv[1]) * requests);
  char *body = malloc(most);

  if (!body) abort();
  memset(body, 'x', most);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, atol(argv[2]));
}

static CURLcode perform_all(CURL *easy, long requests, long first, long step,
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
  struct curl_slist *headers = request_headers();
  CURLcode result;
  CURL *easy;
  long requests;

  if (argc != 4 && argc != 7) return 2;
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
  if (argc == 7) begin_growing(easy, argv + 4, requests);
  if (argc == 7)
    result = perform_all(easy, requests, atol(argv[4]), atol(argv[5]), &sent);
  else
    result = perform_all(easy, requests, sizeof BODY - 1, 0, &sent);
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  if (result != CURLE_OK) fprintf(stderr, "%s\n", curl_easy_strerror(result));
  printf("{\"bytes\":%llu,\"sent\":%llu}\n", bytes, sent);
  return result != CURLE_OK;
}
