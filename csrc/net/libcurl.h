/*
** libcurl.h - libcurl as the oldest version that we run with (7.68) has it, and
** the newer options by number: setting one that the library at hand does not know
** fails with CURLE_UNKNOWN_OPTION, which is no harm.
*/
#ifndef CM_NET_LIBCURL_H
#define CM_NET_LIBCURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

enum {
  CM_CURLOPT_PROTOCOLS = 181,                                  /* old form, deprecated 7.85 */
  CM_CURLOPT_PROTOCOLS_STR = CURLOPTTYPE_OBJECTPOINT + 318,    /* 7.85 */
  CM_CURLOPT_PREREQFUNCTION = CURLOPTTYPE_FUNCTIONPOINT + 312, /* 7.80 */
  CM_CURLOPT_PREREQDATA = CURLOPTTYPE_OBJECTPOINT + 313,       /* 7.80 */
  CM_CURLOPT_QUICK_EXIT = CURLOPTTYPE_LONG + 322,              /* 7.87 */
  CM_CURLMOPT_QUICK_EXIT = CURLOPTTYPE_LONG + 21,              /* 8.17 */
  CM_CURL_VERSION_ZSTD = 1 << 26,                              /* 7.72 */
  CM_CURLINFO_CAINFO = CURLINFO_STRING + 61,                   /* 7.84 */
  CM_CURLINFO_CAPATH = CURLINFO_STRING + 62                    /* 7.84 */
};

#endif
