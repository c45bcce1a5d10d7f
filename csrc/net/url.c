#include "net/url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "net/libcurl.h"

static int ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);

  return n >= m && strcasecmp(text + n - m, end) == 0;
}

static int is_loopback_v6(const char *host) {
  struct in6_addr address;
  char bare[INET6_ADDRSTRLEN];
  size_t len = strlen(host);

  if (len < 2 || host[0] != '[' || len - 2 >= sizeof bare) return 0;
  memcpy(bare, host + 1, len - 2);
  bare[len - 2] = '\0';
  return inet_pton(AF_INET6, bare, &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
}

static int is_loopback(const char *host) {
  struct in_addr address;

  if (strcasecmp(host, "localhost") == 0 || ends_with(host, ".localhost")) return 1;
  if (inet_pton(AF_INET, host, &address) == 1) return (ntohl(address.s_addr) >> 24) == 127;
  return is_loopback_v6(host);
}

/* What stands before an @ is taken for the host by people, and for a login by libcurl. */
static int names_a_user(CURLU *parsed) {
  char *user = NULL, *password = NULL;
  int named = curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK ||
              curl_url_get(parsed, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK;

  curl_free(user);
  curl_free(password);
  return named;
}

static const char *judge(CURLU *parsed, int allow_http, int *loopback) {
  char *scheme = NULL, *host = NULL;
  const char *refusal = NULL;

  if (names_a_user(parsed)) return "the URL has a user name or password in it";
  if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
      curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
    refusal = "the URL has no scheme or no host";
  else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
    refusal = "the URL must begin with https://";
  if (!refusal) {
    *loopback = is_loopback(host);
    if (strcmp(scheme, "http") == 0 && !*loopback && !allow_http)
      refusal = "http:// would send the key unencrypted: use https:// (or set allow_http = true)";
  }
  curl_free(scheme);
  curl_free(host);
  return refusal;
}

static const char *parse(const char *url, int allow_http, int *loopback) {
  const char *refusal = "the URL cannot be parsed";
  CURLU *parsed = curl_url();

  if (!parsed) return "not enough memory";
  if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
    refusal = judge(parsed, allow_http, loopback);
  curl_url_cleanup(parsed);
  return refusal;
}

const char *cm_url_refuse(cm_url_memory *last, const char *url, int allow_http, int *loopback) {
  const char *refusal;
  size_t size = strlen(url) + 1;

  *loopback = last->loopback;
  if (*url && last->allow_http == allow_http && strcmp(last->url, url) == 0) return NULL;
  *loopback = 0;
  refusal = parse(url, allow_http, loopback);
  if (refusal || size > sizeof last->url) return refusal;
  memcpy(last->url, url, size);
  last->allow_http = allow_http;
  last->loopback = *loopback;
  return NULL;
}
