/*
** library.h - libcurl as a whole: starting it once per process, and what the one that is
** loaded can do. Knows nothing of transfers or of Lua.
*/
#ifndef CM_NET_LIBRARY_H
#define CM_NET_LIBRARY_H

#include "core/base.h"

/* Starts libcurl unless this process has. CM_ERR_TRANSPORT: it cannot start. */
cm_status cm_library_start(void);

/* Its version, such as 0x075801; 0 before it was started. Costs nothing to ask. */
unsigned cm_library_number(void);

/* Name and version of libcurl and of what it was built with. */
const char *cm_library_text(void);

/* What the library was built to do. Texts are the library's; NULL is "it does not tell". */
typedef struct cm_library_features {
  const char *version; /* "7.88.1" */
  unsigned number;     /* 0x075801 */
  const char *host;    /* "x86_64-pc-linux-gnu" */
  const char *tls;     /* "OpenSSL/3.0.15"; NULL: none */
  int http2, gzip, brotli, zstd;
} cm_library_features;

void cm_library_ask(cm_library_features *features);

/*
** The certificate authorities that it trusts unless told otherwise: a file and a folder,
** each into a buffer of `size` bytes, "" for none, or where it does not tell (before 7.84).
** CM_ERR_LIMIT where a path does not fit; else CM_OK, CM_ERR_NOMEM or CM_ERR_TRANSPORT.
*/
cm_status cm_library_authorities(char *file, char *path, size_t size);

#endif
