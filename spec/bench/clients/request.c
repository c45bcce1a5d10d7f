#include "request.h"
#include <stdlib.h>
#include <string.h>

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

void request_trust(CURL *request, const char *authorities) {
  curl_easy_setopt(request, CURLOPT_CAINFO, authorities);
  curl_easy_setopt(request, CURLOPT_CAPATH, NULL); /* or each connection reads the file anew */
}

void request_use_http(CURL *request, const char *version) {
  int two = strcmp(version, "2") == 0;

  curl_easy_setopt(request, CURLOPT_HTTP_VERSION,
                   (long)(two ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(request, CURLOPT_PIPEWAIT, (long)two);
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
  request_use_http(request, "1.1");
  if (authorities) request_trust(request, authorities);
  return request;
}
