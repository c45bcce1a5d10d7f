/*
** request.h - a request as these programs make it: over HTTP/1.1, with a short body, its headers,
*and
** a receive buffer of so many bytes. A response that is no success fails it. Over TLS the file that
** CURL_CA_BUNDLE in the environment names says whom to trust.
*/
#ifndef BENCH_REQUEST_H
#define BENCH_REQUEST_H
#include <curl/curl.h>

/* The handle is the caller's; headers and body are those of all requests, and stay. */
CURL *request_new(const char *url, long buffer);

/* Over TLS this file says whom to trust. */
void request_trust(CURL *request, const char *authorities);

/* "1.1" or "2", with which all share one connection. */
void request_use_http(CURL *request, const char *version);

/* What was allocated: who has no memory has nothing to measure, and aborts. */
void *must(void *memory);

#endif
