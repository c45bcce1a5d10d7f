#include "net/library.h"

#include <pthread.h>
#include <stdio.h>

#include "net/libcurl.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode started;
static unsigned number; /* libcurl writes a long text anew each time it is asked for its version */

static void start(void) {
  started = curl_global_init(CURL_GLOBAL_DEFAULT);
  number = curl_version_info(CURLVERSION_NOW)->version_num;
}

cm_status cm_library_start(void) {
  pthread_once(&once, start);
  return started == CURLE_OK ? CM_OK : CM_ERR_TRANSPORT;
}

unsigned cm_library_number(void) {
  return number;
}

const char *cm_library_text(void) {
  return curl_version();
}

void cm_library_ask(cm_library_features *features) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

  features->version = info->version;
  features->number = info->version_num;
  features->host = info->host;
  features->tls = info->features & CURL_VERSION_SSL ? info->ssl_version : NULL;
  features->http2 = (info->features & CURL_VERSION_HTTP2) != 0;
  features->gzip = (info->features & CURL_VERSION_LIBZ) != 0;
  features->brotli = (info->features & CURL_VERSION_BROTLI) != 0;
  features->zstd = (info->features & CM_CURL_VERSION_ZSTD) != 0;
}

static cm_status copy_text(CURL *easy, int what, char *out, size_t size) {
  const char *text = NULL;
  int length;

  curl_easy_getinfo(easy, (CURLINFO)what, &text);
  length = snprintf(out, size, "%s", text ? text : "");
  return length >= 0 && (size_t)length < size ? CM_OK : CM_ERR_LIMIT;
}

cm_status cm_library_authorities(char *file, char *path, size_t size) {
  cm_status status = cm_library_start();
  CURL *easy;

  if (status != CM_OK) return status;
  easy = curl_easy_init();
  if (!easy) return CM_ERR_NOMEM;
  status = copy_text(easy, CM_CURLINFO_CAINFO, file, size);
  if (status == CM_OK) status = copy_text(easy, CM_CURLINFO_CAPATH, path, size);
  curl_easy_cleanup(easy);
  return status;
}
