/*
** multi.h - many transfers over libcurl's multi interface, driven from outside:
** it says which descriptors to watch and when to call again, and never waits.
**
** Nothing here calls back. A driver calls cm_multi_act when a descriptor is ready
** or the time is up, and then asks: what changed (in order), until when, who has
** news. Descriptors are closed only by the cm_multi_change that has no more to tell: then the
** driver has stopped watching them. Knows nothing of Lua.
*/
#ifndef CM_NET_MULTI_H
#define CM_NET_MULTI_H

#include "core/base.h"
#include "net/transfer.h"
#include "os/poller.h"

typedef struct cm_multi cm_multi;

enum { CM_MULTI_READ = 1, CM_MULTI_WRITE = 2, CM_MULTI_ERROR = 4 };

/* The allocator must outlive it. CM_ERR_NOMEM, or CM_ERR_TRANSPORT where libcurl cannot start. */
cm_status cm_multi_new(cm_multi **out, const cm_alloc *alloc);

/*
** Ends every transfer and connection. In a process that was forked since
** cm_multi_new nothing is touched: the connections are the parent's. A transfer that
** could only be removed by waiting is left to the process's end, with the multi.
*/
void cm_multi_free(cm_multi *multi);

/* Whether this process is not the one that made it: then no other function may be called. */
int cm_multi_is_foreign(const cm_multi *multi);

/* Begins a transfer. On failure the text says why; the statuses are cm_transfer_new's. */
cm_status cm_multi_start(cm_multi *multi, const cm_transfer_options *options, cm_transfer_id *id,
                         cm_failure *failure);

/*
** Ends a transfer at any moment and frees what it holds, news included. The response
** is finished with the text as its failure. An id that has ended already is ignored.
*/
void cm_multi_cancel(cm_multi *multi, cm_transfer_id id, const char *text);

/* Stops and continues reading; writing above the high-water mark stops by itself. */
void cm_multi_pause(cm_multi *multi, cm_transfer_id id);
void cm_multi_resume(cm_multi *multi, cm_transfer_id id);

/*
** The reader has read what there was and waits for more: resumes. Tells whether a text or tool
** block has opened or closed since the last such wait: then other limits hold.
*/
int cm_multi_await(cm_multi *multi, cm_transfer_id id);

/* Resumes, and from then on pauses for nothing, however much is unread. */
void cm_multi_let_in(cm_multi *multi, cm_transfer_id id);

/* A descriptor is ready (mask: CM_MULTI_…), or fd < 0: the time is up (ignored if it is not). */
void cm_multi_act(cm_multi *multi, int fd, int mask);

/* Tries to read once from the connection that the transfer uses. */
void cm_multi_read_now(cm_multi *multi, cm_transfer_id id);

/*
** Waits with the poller at most so many milliseconds (negative: for ever), and no longer than
** cm_multi_timeout says, for at most capacity events, and acts on those that are the multi's, and
** on the time. Returns how many there were; others says how many are left in events. Where there
** are very many transfers, events that come within 2 ms are handled together. Where nothing has
** come of them that a driver need hear of (no news, nothing to watch otherwise, no other time to
** call at) it goes on waiting, some rounds long.
*/
int cm_multi_turn(cm_multi *multi, cm_poller *poller, int milliseconds, cm_poller_event *events,
                  int capacity, int *others);

/* Whether a driver need hear of nothing that has happened since the last turn began. */
int cm_multi_is_quiet(const cm_multi *multi);

/*
** The next change of what to watch: mask 0 stops, 1 reads, 2 writes, 3 both. Whoever asks has
** applied the one before. 0: no more, and what libcurl is done with has been closed.
*/
int cm_multi_change(cm_multi *multi, int *fd, int *mask);

/*
** Milliseconds until cm_multi_act(multi, -1, 0) is due, rounded up, or 0 while there are
** news or turns; -1: not at all.
*/
long cm_multi_timeout(const cm_multi *multi);

/* What happened to one transfer. The text belongs to the transfer. */
typedef struct cm_multi_news {
  cm_transfer_id id;
  int done;
  int paused;       /* until it is resumed nothing more comes */
  int code;         /* libcurl's, when done; 0 is a clean end */
  const char *text; /* libcurl's words for it */
  int connected;
  double first_byte_at; /* on the clock of os/clock; 0: nothing came */
  long version;         /* CURL_HTTP_VERSION_… */
  int reused;           /* an existing connection carried it */
} cm_multi_news;

/*
** The first transfer that has news, without taking it; 0: none. cm_multi_take
** takes it, and forgets the transfer when it was done.
*/
int cm_multi_peek(cm_multi *multi, cm_multi_news *news);
void cm_multi_take(cm_multi *multi);

/*
** A reader waits for nothing but more of one transfer. Then that is no news but the reader's turn.
** cm_multi_read_for says that there is one, and returns its number, from 1 on, which no other
** transfer has at the same time; 0: the transfer has ended, and that is news.
** cm_multi_next_turn takes the first turn, and returns the reader's number, or 0; what lies behind
** other news becomes a turn once these have been taken. cm_multi_has_turns tells whether there is
** one. Where there is no such reader any more cm_multi_read_no_more makes it news.
*/
size_t cm_multi_read_for(cm_multi *multi, cm_transfer_id id);
int cm_multi_has_turns(cm_multi *multi);
size_t cm_multi_next_turn(cm_multi *multi, cm_transfer_id *id);
void cm_multi_read_no_more(cm_multi *multi, cm_transfer_id id);

/* What the limits on silence look at. Times are on the clock of os/clock. */
typedef struct cm_multi_activity {
  int connected;
  double sent_at;       /* request bytes were last taken, or the start */
  double first_byte_at; /* 0: nothing came */
  double heard_at;      /* last byte, or last time that reading was resumed */
  int paused;
  size_t unread;
  double content_at; /* something other than pings was last seen; 0: nothing came */
  int in_text_or_tool;
  size_t sent; /* bytes of the body that libcurl has taken */
} cm_multi_activity;

/* 0: there is no such transfer, or it has ended. */
int cm_multi_activity_of(cm_multi *multi, cm_transfer_id id, cm_multi_activity *activity);

/* Transfers that have not ended, and descriptors being watched: for tests and diagnosis. */
size_t cm_multi_live(const cm_multi *multi);
size_t cm_multi_watched(const cm_multi *multi);

#endif
