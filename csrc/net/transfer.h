/*
** transfer.h - one HTTP exchange: a body on its way out, a response on its way in.
**
** Way out:  core/body -> [transfer, read callback] -> libcurl -> socket
** Way in:   socket -> libcurl -> [transfer, write callbacks] -> core/response
**
** Its callbacks write to C structs and return. Knows nothing of sockets, of other
** transfers (multi.c does) or of Lua.
*/
#ifndef CM_NET_TRANSFER_H
#define CM_NET_TRANSFER_H

#include "core/base.h"
#include "core/body.h"
#include "core/response.h"
#include "net/libcurl.h"
#include "net/url.h"

typedef struct cm_transfer_header {
  cm_slice name;
  cm_slice value;
} cm_transfer_header;

/* What to ask, and how. Everything is borrowed until cm_transfer_new returns; NULL is "not given".
 */
typedef struct cm_transfer_options {
  const char *url;
  const char *method;
  const cm_transfer_header *headers;
  size_t header_count;
  cm_body *body;         /* retained; NULL: none */
  cm_response *response; /* retained */
  int http2;             /* ask for HTTP/2 over TLS, several requests on one connection */
  int allow_http;
  const char *proxy; /* "" uses none, whatever the environment says */
  const char *no_proxy;
  const char *ca_file;
  const char *ca_path;
  size_t high_water; /* pause above so many unread bytes; 0 means 1 MiB */
  int tells_sent;    /* that a piece of the body was sent is news, too */
  int slow_connect;  /* may take longer than the 300 s after which libcurl gives up by itself */
} cm_transfer_options;

typedef unsigned long long cm_transfer_id;

typedef struct cm_transfer cm_transfer;

/* Transfers with news, first come first; or with turns for their readers. */
typedef struct cm_transfer_queue {
  cm_transfer *first;
  cm_transfer *last;
} cm_transfer_queue;

/* All fields are private to transfer.c and multi.c. */
struct cm_transfer {
  const cm_alloc *alloc;
  CURL *easy; /* NULL once it has ended */
  struct curl_slist *headers;
  cm_body *body;
  cm_body_cursor cursor;
  char *whole; /* the body where it is small and at hand, or NULL */
  size_t whole_size;
  cm_response *response;
  cm_transfer_queue *news;      /* where it announces news */
  cm_transfer_queue *stands_in; /* a queue, or NULL */
  void *owner;                  /* the multi that it is in */
  cm_transfer *next;            /* in the queue, or in the list of detached ones */
  int has_reader;               /* somebody waits for nothing but more of it */
  cm_transfer_id id;
  int http2;
  int detached; /* cancelled, and only kept until libcurl lets go of it */
  int done;
  int paused;
  size_t high_water;
  size_t pause_at; /* unread bytes above which the next write pauses */
  CURLcode setup;  /* first option that libcurl refused */
  CURLcode code;   /* how it ended */
  long version;    /* CURL_HTTP_VERSION_… that was spoken */
  long connects;   /* connections that were made for it */
  int connected;
  int stale;     /* the kept connection that it got had bytes nobody had asked for */
  int fd;        /* being watched for it alone; -1: none, or one that others share */
  int no_socket; /* the last attempt found no descriptor left */
  int tells_sent;
  int unreadable;    /* a part of the body could not be read, which says why */
  int head_complete; /* the empty line after the last headers came */
  int body_began;
  double sent_at;        /* when request bytes were last asked for, or the start */
  double first_byte_at;  /* 0: nothing has come */
  double heard_at;       /* last byte, or last time that reading was resumed */
  int heard;             /* more came since heard_at, at a time that nobody looked up */
  double content_at;     /* when content last grew, as far as somebody looked; 0: nothing came */
  unsigned long content; /* cm_response_content_count then */
  int busy;              /* a text or tool block was open when last waited for */
  char text[CURL_ERROR_SIZE]; /* why it failed, or cm_transfer_new did; libcurl writes it, too */
};

/*
** Makes an exchange that is ready to be given to a multi; its URL is looked at unless it is the
** last one that was. On failure *out is NULL
** and the text says why: CM_ERR_NOMEM, CM_ERR_SYNTAX (a URL or header that cannot
** be sent), CM_ERR_TRANSPORT (libcurl refuses an option).
*/
cm_status cm_transfer_new(cm_transfer **out, const cm_alloc *alloc,
                          const cm_transfer_options *options, cm_transfer_queue *news,
                          cm_url_memory *last, cm_failure *failure);

/* The transfer must not be in a multi any more. Header lines are overwritten first. */
void cm_transfer_free(cm_transfer *transfer);

/* Whether what is news of it is no more than that there is more for its reader. */
int cm_transfer_has_only_more(const cm_transfer *transfer);

/* It has news: puts it where it announces them, unless it stands there, or its reader has a turn
   and that is all. */
void cm_transfer_announce(cm_transfer *transfer);

/* Puts it at the end of a queue, and out of the one that it stood in; only out of that. */
void cm_transfer_stand_in(cm_transfer *transfer, cm_transfer_queue *queue);
void cm_transfer_withdraw(cm_transfer *transfer);

/* Whether it has not begun, for want of a connection that can be trusted: to be added again. */
int cm_transfer_must_begin_anew(cm_transfer *transfer, CURLcode code);

/* It has ended: keeps the outcome, tells the response, lets go of libcurl's handle. */
void cm_transfer_finish(cm_transfer *transfer, CURLcode code);

/* Gives up body and response at once; what libcurl still brings is thrown away. */
void cm_transfer_detach(cm_transfer *transfer);

/* Whether the connection stands and the request is being sent, or more. */
int cm_transfer_is_connected(cm_transfer *transfer);

/* Whether the host name's addresses are known: before, removing may wait for a thread. */
int cm_transfer_is_resolved(cm_transfer *transfer);

#endif
