#include "request.h"
#include <stdlib.h>

static const char BODY[] = "{\"model\":\"claude-sonnet-4-6\",\"max_tokens\":16000,\"stream\":true,"
                           "\"messages\":[{\"role\":\"user\",\"content\":\"Go on\"}]}";

static const char *const HEADERS[] = { "content-type: application/json",
                                       "anthropic-version: 2023-06-01", "x-api-key: bench",
                                       "Expect:" /* or large bodies wait a second */ };

void *must(void *memory) {
  if (!memory) abort();
  return memory;
}

static struct curl_slist *all_headers(void) {
  static struct curl_slist *list = NULL;
  size_t i;

  if (list) return list;
  for (i = 0; i < sizeof HEADERS / sizeof *HEADERS; i++)
    list = must(curl_slist_append(list, HEADERS[i]));
  return list;
}

CURL *request_new(const char *url, long buffer) {
  CURL *request = must(curl_easy_init());
  const char *authorities = getenv("CURL_CA_BUNDLE");

  curl_easy_setopt(request, CURLOPT_URL, url);
  curl_easy_setopt(request, CURLOPT_HTTPHEADER, all_headers());
  curl_easy_setopt(request, CURLOPT_POSTFIELDS, BODY);
  curl_easy_setopt(request, CURLOPT_POSTFIELDSIZE, (long)sizeof BODY - 1);
  curl_easy_setopt(request, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(request, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(request, CURLOPT_BUFFERSIZE, buffer);
  if (authorities) curl_easy_setopt(request, CURLOPT_CAINFO, authorities);
  if (authorities) curl_easy_setopt(request, CURLOPT_CAPATH, NULL); /* or it is read, too */
  return request;
}
