#include "net/multi.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "net/library.h"
#include "net/watches.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/socket.h"

enum {
  SLOT_BITS = 20, /* an id is generation << SLOT_BITS | slot */
  STREAMS_PER_CONNECTION = 32,
  CROWD = 32, /* transfers */
  CROWDED_BUFFER = 16 * 1024,
  VERY_MANY = 64, /* transfers */
  SEVERAL = 16,   /* events */
  MOMENT = 2,     /* milliseconds */
  ROUNDS = 32     /* of a turn: then Lua sees to its signals */
};

typedef struct slot {
  cm_transfer *transfer; /* NULL: free */
  cm_transfer_id generation;
  size_t next_free; /* counted from 1; 0: none */
} slot;

typedef struct open_socket {
  int fd;
  int port; /* its own; 0: not asked for yet */
} open_socket;

struct cm_multi {
  const cm_alloc *alloc;
  CURLM *curl;
  CURLSH
  *sessions; /* of TLS: else each transfer had its own, and a new connection none to resume */
  long pid;
  int quick_exit; /* libcurl never waits for a resolver thread */
  int starved;    /* something found no memory: every transfer must fail */
  cm_list slots;  /* of slot */
  size_t first_free;
  cm_list open; /* of open_socket */
  cm_watches watches;
  double deadline;     /* of libcurl's timer; < 0: none */
  double deadline_was; /* when the last turn began */
  cm_transfer_queue news;
  cm_transfer_queue turns; /* those whose readers are in line */
  cm_transfer *detached;
  size_t live, live_http2;
  cm_url_memory last_url;
};

static slot *slot_at(const cm_multi *m, size_t i) {
  return (slot *)m->slots.items + i;
}

static cm_transfer *transfer_of(CURL *easy) {
  char *transfer = NULL;

  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
  return (cm_transfer *)(void *)transfer;
}

/* ---- libcurl's callbacks: write down, return ---- */

static void note_descriptor(cm_transfer *t, int fd, int mask) {
  if (mask)
    t->fd = fd;
  else if (t->fd == fd)
    t->fd = -1;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *socket_data) {
  cm_multi *m = ud;
  int mask = what == CURL_POLL_REMOVE ? 0 : what & (CURL_POLL_IN | CURL_POLL_OUT);
  cm_transfer *t = transfer_of(easy);

  (void)socket_data;
  if (t && !t->http2) note_descriptor(t, (int)fd, mask); /* none: a connection that was kept */
  if (cm_watches_note(&m->watches, (int)fd, mask) != CM_OK) m->starved = 1;
  return 0;
}

static int on_timer(CURLM *curl, long milliseconds, void *ud) {
  cm_multi *m = ud;

  (void)curl;
  m->deadline = milliseconds < 0 ? -1 : cm_clock_now() + (double)milliseconds / 1000;
  return 0;
}

static open_socket *open_at(const cm_multi *m, size_t i) {
  return (open_socket *)m->open.items + i;
}

/* Makes room for its close first: that cannot fail. */
static cm_status note_open(cm_multi *m, int fd) {
  cm_status status = cm_list_reserve(&m->open, m->alloc, m->open.count + 1, sizeof(open_socket));

  if (status == CM_OK) status = cm_watches_expect_close(&m->watches);
  if (status != CM_OK) return status;
  open_at(m, m->open.count)->fd = fd;
  open_at(m, m->open.count++)->port = 0;
  return CM_OK;
}

static curl_socket_t on_open(void *ud, curlsocktype purpose, struct curl_sockaddr *address) {
  cm_transfer *t = ud;
  cm_multi *m = t->owner;
  int fd;

  (void)purpose;
  t->connected = 0; /* also of one that libcurl begins anew, its connection having died */
  fd = cm_socket_open(address->family, address->socktype, address->protocol);
  t->no_socket = fd < 0 && (errno == EMFILE || errno == ENFILE);
  if (fd >= 0 && note_open(m, fd) != CM_OK) {
    m->starved = 1;
    cm_socket_close(fd);
    fd = -1;
  }
  return (curl_socket_t)fd;
}

static void forget_open(cm_multi *m, int fd) {
  size_t i;

  for (i = 0; i < m->open.count; i++)
    if (open_at(m, i)->fd == fd) *open_at(m, i) = *open_at(m, --m->open.count);
}

/* -1: none. libcurl does not tell in on_request which it is. */
static int socket_with_port(const cm_multi *m, int port) {
  size_t i;

  for (i = 0; i < m->open.count; i++) {
    open_socket *s = open_at(m, i);
    if (s->port == 0) s->port = cm_socket_port(s->fd);
    if (s->port == port) return s->fd;
  }
  return -1;
}

/*
** Bytes that wait on a kept connection before its next request is sent are an answer to
** none: whoever sent them would have them taken for the answer to this one.
*/
static int on_request(void *ud, char *to, char *from, int to_port, int from_port) {
  cm_transfer *t = ud;
  long connects = 1;
  int fd;

  (void)to, (void)from, (void)to_port;
  if (t->detached) return 1;
  if (!t->http2) { /* there every frame says whose it is */
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    fd = connects == 0 ? socket_with_port(t->owner, from_port) : -1;
    t->stale = fd >= 0 && cm_socket_has_bytes(fd);
  }
  t->connected = !t->stale;
  t->sent_at = cm_clock_now();
  return t->stale;
}

static int on_close(void *ud, curl_socket_t fd) {
  cm_multi *m = ud;

  forget_open(m, (int)fd);
  if (cm_watches_close(&m->watches, (int)fd) != CM_OK) m->starved = 1;
  return 0;
}

/* ---- life ---- */

static void set_up(cm_multi *m) {
  curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
  curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
  curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(m->curl, (CURLMoption)CM_CURLMOPT_QUICK_EXIT, 1L);
}

/* libcurl keeps apart what was verified otherwise. In one thread it needs no locks. */
static CURLSH *new_sessions(void) {
  CURLSH *sessions = curl_share_init();

  if (!sessions) return NULL;
  if (curl_share_setopt(sessions, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK)
    return sessions;
  curl_share_cleanup(sessions);
  return NULL;
}

static void drop(cm_multi *m) {
  if (m->curl) curl_multi_cleanup(m->curl);
  if (m->sessions) curl_share_cleanup(m->sessions);
  m->alloc->resize(m->alloc->ud, m, sizeof *m, 0);
}

cm_status cm_multi_new(cm_multi **out, const cm_alloc *alloc) {
  cm_multi *m;

  *out = NULL;
  if (cm_library_start() != CM_OK) return CM_ERR_TRANSPORT;
  m = alloc->resize(alloc->ud, NULL, 0, sizeof *m);
  if (!m) return CM_ERR_NOMEM;
  memset(m, 0, sizeof *m);
  m->alloc = alloc;
  cm_watches_init(&m->watches, alloc);
  m->pid = cm_process_id();
  m->deadline = -1;
  m->curl = curl_multi_init();
  m->sessions = new_sessions();
  if (!m->curl || !m->sessions) {
    drop(m);
    return CM_ERR_NOMEM;
  }
  set_up(m);
  *out = m;
  return CM_OK;
}

int cm_multi_is_foreign(const cm_multi *multi) {
  return multi->pid != cm_process_id();
}

static size_t slot_of(cm_transfer_id id) {
  return (size_t)(id & ((1u << SLOT_BITS) - 1));
}

static void forget_slot(cm_multi *m, cm_transfer *t) {
  slot *s = slot_at(m, slot_of(t->id));

  s->transfer = NULL;
  s->generation++;
  s->next_free = m->first_free;
  m->first_free = (size_t)(s - slot_at(m, 0)) + 1;
}

/*
** HTTP/2 streams should share connections, so hosts get a limit, but one that never
** holds up the HTTP/1.1 transfers beside them.
*/
static void limit_connections(cm_multi *m) {
  size_t limit = 0;

  if (m->live_http2 > 0)
    limit = 1 + m->live_http2 / STREAMS_PER_CONNECTION + (m->live - m->live_http2);
  curl_multi_setopt(m->curl, CURLMOPT_MAX_HOST_CONNECTIONS, (long)limit);
}

static void count(cm_multi *m, const cm_transfer *t, int began) {
  if (began) {
    m->live++;
    m->live_http2 += t->http2 ? 1 : 0;
  } else {
    m->live--;
    m->live_http2 -= t->http2 ? 1 : 0;
  }
  limit_connections(m);
}

/* Takes the handle out of libcurl, at once or, where that would wait, when libcurl is done. */
static void remove_transfer(cm_multi *m, cm_transfer *t) {
  if (!t->done) count(m, t, 0);
  if (!t->done && !m->quick_exit && !cm_transfer_is_resolved(t)) {
    cm_transfer_detach(t);
    t->next = m->detached;
    m->detached = t;
    return;
  }
  if (t->easy) curl_multi_remove_handle(m->curl, t->easy);
  cm_transfer_free(t);
}

static void free_detached(cm_multi *m, cm_transfer *t) {
  cm_transfer **at = &m->detached;

  while (*at != t) at = &(*at)->next;
  *at = t->next;
  curl_multi_remove_handle(m->curl, t->easy);
  cm_transfer_free(t);
}

static void end_transfer(cm_multi *m, cm_transfer *t, CURLcode code) {
  if (t->detached) {
    free_detached(m, t);
    return;
  }
  if (cm_transfer_must_begin_anew(t, code)) {
    curl_multi_remove_handle(m->curl, t->easy);
    t->text[0] = '\0';
    if (curl_multi_add_handle(m->curl, t->easy) == CURLM_OK) return;
    code = CURLE_FAILED_INIT;
  }
  count(m, t, 0);
  curl_multi_remove_handle(m->curl, t->easy);
  cm_transfer_finish(t, code);
}

static void stop_watching(cm_multi *m) {
  int fd, mask;

  while (cm_watches_at(&m->watches, 0, &fd, &mask)) cm_watches_note(&m->watches, fd, 0);
}

/*
** libcurl may be left in pieces by a lack of memory (some versions divide by the size of a
** table that could not be made): what had begun has failed, and the next gets a new one.
*/
static void start_anew(cm_multi *m) {
  CURLM *fresh = m->detached ? NULL : curl_multi_init();

  if (!fresh) return; /* tried again with the next transfer */
  curl_multi_cleanup(m->curl);
  stop_watching(m);
  m->curl = fresh;
  m->deadline = -1;
  m->starved = 0;
  set_up(m);
}

static void fail_all(cm_multi *m) {
  size_t i;

  for (i = 0; i < m->slots.count; i++) {
    cm_transfer *t = slot_at(m, i)->transfer;
    if (t && !t->done) end_transfer(m, t, CURLE_OUT_OF_MEMORY);
  }
  start_anew(m);
}

/* What every call into libcurl is followed by. */
static void collect(cm_multi *m) {
  CURLMsg *message;
  int left;

  while ((message = curl_multi_info_read(m->curl, &left)) != NULL) {
    CURLcode code = message->data.result;

    if (message->msg != CURLMSG_DONE) continue;
    if (m->starved && code != CURLE_OK) code = CURLE_OUT_OF_MEMORY; /* whatever it took it for */
    end_transfer(m, transfer_of(message->easy_handle), code);
  }
  if (m->starved) fail_all(m);
}

static void free_transfers(cm_multi *m) {
  size_t i;

  for (i = 0; i < m->slots.count; i++) {
    cm_transfer *t = slot_at(m, i)->transfer;
    if (!t) continue;
    slot_at(m, i)->transfer = NULL;
    if (!t->done) cm_response_finish(t->response, CM_ERR_TRANSPORT, "the engine was closed");
    cm_transfer_withdraw(t);
    remove_transfer(m, t);
  }
}

void cm_multi_free(cm_multi *multi) {
  cm_multi *m = multi;

  if (!m || cm_multi_is_foreign(m)) return;
  free_transfers(m);
  if (m->detached) return;
  curl_multi_cleanup(m->curl); /* tells on_close of each socket */
  m->curl = NULL;
  cm_watches_deinit(&m->watches);
  cm_list_drop(&m->slots, m->alloc, sizeof(slot));
  cm_list_drop(&m->open, m->alloc, sizeof(open_socket));
  drop(m);
}

/* ---- transfers ---- */

static cm_status add_slot(cm_multi *m) {
  size_t i = m->slots.count;
  cm_status status;

  if (i >> SLOT_BITS) return CM_ERR_LIMIT;
  status = cm_list_reserve(&m->slots, m->alloc, i + 1, sizeof(slot));
  if (status != CM_OK) return status;
  slot_at(m, i)->transfer = NULL;
  slot_at(m, i)->generation = 1;
  slot_at(m, i)->next_free = 0;
  m->slots.count++;
  m->first_free = i + 1;
  return CM_OK;
}

/* The slot stays free until something is put there. */
static cm_status find_slot(cm_multi *m, cm_transfer_id *id) {
  cm_status status = m->first_free ? CM_OK : add_slot(m);
  size_t i = m->first_free - 1;

  if (status == CM_OK) *id = slot_at(m, i)->generation << SLOT_BITS | (cm_transfer_id)i;
  return status;
}

static void fill_slot(cm_multi *m, cm_transfer *t) {
  slot *s = slot_at(m, m->first_free - 1);

  s->transfer = t;
  m->first_free = s->next_free;
}

static cm_transfer *find(const cm_multi *m, cm_transfer_id id) {
  size_t i = slot_of(id);

  if (i >= m->slots.count || slot_at(m, i)->generation != id >> SLOT_BITS) return NULL;
  return slot_at(m, i)->transfer;
}

/*
** Older versions of libcurl give each transfer a receive buffer of its own: where many wait they
** are small.
*/
static void save_memory(cm_multi *m, cm_transfer *t) {
  if (m->live >= CROWD) curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, (long)CROWDED_BUFFER);
}

static CURLcode adopt(cm_multi *m, cm_transfer *t) {
  CURLcode code = curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);

  if (code == CURLE_OK) code = curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
  if (code == CURLE_OK) code = curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  if (code == CURLE_OK) code = curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, m);
  if (code == CURLE_OK) code = curl_easy_setopt(t->easy, CURLOPT_SHARE, m->sessions);
  save_memory(m, t);
  /* Without it (libcurl before 7.80) there is no way to look. */
  curl_easy_setopt(t->easy, (CURLoption)CM_CURLOPT_PREREQFUNCTION, on_request);
  curl_easy_setopt(t->easy, (CURLoption)CM_CURLOPT_PREREQDATA, t);
  m->quick_exit = curl_easy_setopt(t->easy, (CURLoption)CM_CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
  if (!m->quick_exit) curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
  return code;
}

static cm_status fail_start(cm_failure *failure, cm_status status, const char *text) {
  failure->status = status;
  snprintf(failure->text, sizeof failure->text, "%s", text);
  return status;
}

cm_status cm_multi_start(cm_multi *multi, const cm_transfer_options *options, cm_transfer_id *id,
                         cm_failure *failure) {
  cm_multi *m = multi;
  cm_transfer *t;
  cm_status status;

  if (m->starved) start_anew(m);
  if (m->starved) return fail_start(failure, CM_ERR_NOMEM, "not enough memory");
  status = find_slot(m, id);
  if (status != CM_OK)
    return fail_start(failure, status,
                      status == CM_ERR_LIMIT ? "too many transfers" : "not enough memory");
  status = cm_transfer_new(&t, m->alloc, options, &m->news, &m->last_url, failure);
  if (status != CM_OK) return status;
  t->id = *id;
  t->owner = m;
  if (adopt(m, t) != CURLE_OK || curl_multi_add_handle(m->curl, t->easy) != CURLM_OK) {
    cm_transfer_free(t);
    return fail_start(failure, CM_ERR_TRANSPORT, "libcurl does not take the transfer");
  }
  fill_slot(m, t);
  count(m, t, 1);
  return CM_OK;
}

void cm_multi_cancel(cm_multi *multi, cm_transfer_id id, const char *text) {
  cm_transfer *t = find(multi, id);

  if (!t) return;
  cm_response_finish(t->response, CM_ERR_TRANSPORT, text);
  cm_transfer_withdraw(t);
  forget_slot(multi, t);
  remove_transfer(multi, t);
  collect(multi);
}

void cm_multi_pause(cm_multi *multi, cm_transfer_id id) {
  cm_transfer *t = find(multi, id);

  if (!t || t->done || t->paused) return;
  t->paused = 1;
  curl_easy_pause(t->easy, CURLPAUSE_RECV);
  collect(multi);
}

/* What libcurl has kept is written at once, and where that fails it does not end by itself. */
static void resume_reading(cm_multi *m, cm_transfer *t) {
  CURLcode code = curl_easy_pause(t->easy, CURLPAUSE_CONT);

  if (code != CURLE_OK) end_transfer(m, t, code);
}

void cm_multi_resume(cm_multi *multi, cm_transfer_id id) {
  cm_transfer *t = find(multi, id);

  if (!t || t->done || !t->paused) return;
  t->paused = 0;
  t->heard_at = cm_clock_now();
  /* The reader wants more however much it left unread, so the mark counts from there. */
  t->pause_at = cm_response_unread(t->response) + t->high_water;
  resume_reading(multi, t);
  multi->deadline = cm_clock_now(); /* not every libcurl asks for the timer by itself */
  collect(multi);
}

static void note_content(cm_transfer *t, int may_have_more) {
  unsigned long content = cm_response_content_count(t->response);

  if (t->content_at == 0) t->content_at = t->first_byte_at;
  if (content == t->content && !may_have_more) return;
  t->content = content;
  t->content_at = cm_clock_now();
}

/* While news wait, as under a loop that runs inside a task, nobody looks at the clock. */
static void note_heard(cm_transfer *t) {
  if (t->heard) t->heard_at = cm_clock_now();
  t->heard = 0;
}

int cm_multi_await(cm_multi *multi, cm_transfer_id id) {
  cm_transfer *t = find(multi, id);
  int busy;

  if (!t || t->done) return 0;
  note_content(t, cm_response_unread(t->response) > 0);
  busy = t->busy;
  t->busy = cm_response_in_text_or_tool(t->response);
  busy = busy != t->busy;
  cm_multi_resume(multi, id);
  return busy;
}

void cm_multi_let_in(cm_multi *multi, cm_transfer_id id) {
  cm_transfer *t = find(multi, id);

  if (!t || t->done) return;
  t->high_water = SIZE_MAX / 2; /* resuming adds what is unread */
  t->pause_at = SIZE_MAX;
  cm_multi_resume(multi, id);
}

/* ---- driving ---- */

static int is_due(const cm_multi *m) {
  return m->deadline >= 0 && cm_clock_now() >= m->deadline;
}

void cm_multi_act(cm_multi *multi, int fd, int mask) {
  CURLMcode code;
  int running;

  if (fd < 0) {
    /* Too early, libcurl would do nothing and not ask again. */
    if (!is_due(multi)) return;
    multi->deadline = -1; /* one shot: libcurl arms it anew */
  }
  code = curl_multi_socket_action(multi->curl, fd < 0 ? CURL_SOCKET_TIMEOUT : (curl_socket_t)fd,
                                  fd < 0 ? 0 : mask, &running);
  /* It does not say for which transfer, and that one would wait for ever. */
  if (code == CURLM_OUT_OF_MEMORY) multi->starved = 1;
  collect(multi);
}

void cm_multi_read_now(cm_multi *multi, cm_transfer_id id) {
  const cm_transfer *t = find(multi, id);
  size_t i;
  int fd, mask;

  if (!t || t->done) return;
  if (!t->http2) {
    if (t->fd >= 0) cm_multi_act(multi, t->fd, CM_MULTI_READ);
    return;
  }
  /* Which connection carries it is not known, but they are few. */
  for (i = 0; cm_watches_at(&multi->watches, i, &fd, &mask); i++)
    if (mask & CM_MULTI_READ) cm_multi_act(multi, fd, CM_MULTI_READ);
}

int cm_multi_change(cm_multi *multi, int *fd, int *mask) {
  int more = cm_watches_change(&multi->watches, fd, mask);

  if (!more) cm_watches_release(&multi->watches);
  return more;
}

/*
** Among very many streams something is always about to come: it is cheaper to handle several
** events at once than to be woken for each. What was ready still is, a moment later.
*/
static int wait_for_several(const cm_multi *m, cm_poller *poller, int milliseconds,
                            cm_poller_event *events, int capacity) {
  int n = cm_poller_wait(poller, milliseconds, events, capacity);

  if (milliseconds == 0 || n == 0 || n >= SEVERAL || m->live < VERY_MANY) return n;
  cm_clock_sleep(MOMENT);
  return cm_poller_wait(poller, 0, events, capacity);
}

/* Waits once, and does what is ready. */
static int take_events(cm_multi *m, cm_poller *poller, int milliseconds, cm_poller_event *events,
                       int capacity, int *others) {
  int i, n = wait_for_several(m, poller, milliseconds, events, capacity);

  *others = 0;
  for (i = 0; i < n; i++)
    if (cm_watches_mask(&m->watches, events[i].fd))
      cm_multi_act(m, events[i].fd, events[i].mask);
    else
      events[(*others)++] = events[i];
  cm_multi_act(m, -1, 0);
  return n;
}

/* The driver's time or libcurl's own, whichever is sooner. */
static int until_due(const cm_multi *m, int milliseconds) {
  long left = cm_multi_timeout(m);

  return left >= 0 && (milliseconds < 0 || left < milliseconds) ? (int)left : milliseconds;
}

int cm_multi_is_quiet(const cm_multi *multi) {
  const cm_multi *m = multi;

  return !m->news.first && m->deadline == m->deadline_was && cm_watches_is_settled(&m->watches);
}

/* Most of what an upload does is nobody's concern until it has ended. */
int cm_multi_turn(cm_multi *multi, cm_poller *poller, int milliseconds, cm_poller_event *events,
                  int capacity, int *others) {
  double end;
  int round, n, all = 0;

  milliseconds = until_due(multi, milliseconds);
  end = cm_clock_now() + milliseconds / 1000.0;
  multi->deadline_was = multi->deadline;
  for (round = 0; round < ROUNDS; round++) {
    n = take_events(multi, poller, milliseconds, events, capacity, others);
    all += n;
    if (n == 0 || *others || milliseconds == 0 || !cm_multi_is_quiet(multi)) break;
    if (milliseconds > 0) milliseconds = cm_clock_milliseconds_until(end);
    if (milliseconds == 0) break;
  }
  return all;
}

long cm_multi_timeout(const cm_multi *multi) {
  double left;

  if (multi->news.first || multi->turns.first) return 0;
  if (multi->deadline < 0) return -1;
  left = (multi->deadline - cm_clock_now()) * 1000;
  if (left <= 0) return 0;
  return left > 1e9 ? 1000000000L : (long)left + 1;
}

/* What is more for a reader is no news to anybody else. */
static const cm_transfer *first_with_news(cm_multi *m) {
  cm_transfer *t;

  while ((t = m->news.first) != NULL && cm_transfer_has_only_more(t)) {
    cm_multi_take(m);
    cm_transfer_stand_in(t, &m->turns);
  }
  return t;
}

int cm_multi_has_turns(cm_multi *multi) {
  first_with_news(multi);
  return multi->turns.first != NULL;
}

int cm_multi_peek(cm_multi *multi, cm_multi_news *news) {
  const cm_transfer *t = first_with_news(multi);

  if (!t) return 0;
  news->id = t->id;
  news->done = t->done;
  news->paused = t->paused;
  news->code = (int)t->code;
  news->text = t->text;
  news->connected = t->connected;
  news->first_byte_at = t->first_byte_at;
  news->version = t->version;
  news->reused = t->done && t->connects == 0;
  return 1;
}

void cm_multi_take(cm_multi *multi) {
  cm_transfer *t = multi->news.first;

  if (!t) return;
  cm_transfer_withdraw(t);
  if (t->done) {
    forget_slot(multi, t);
    cm_transfer_free(t);
  } else {
    note_content(t, 0); /* its reader may have no reason to ask */
  }
}

size_t cm_multi_read_for(cm_multi *multi, cm_transfer_id id) {
  cm_transfer *t = find(multi, id);

  if (!t || t->done) return 0;
  t->has_reader = 1;
  return slot_of(id) + 1;
}

size_t cm_multi_next_turn(cm_multi *multi, cm_transfer_id *id) {
  cm_transfer *t = multi->turns.first;

  if (!t) return 0;
  cm_transfer_withdraw(t);
  *id = t->id;
  return slot_of(t->id) + 1;
}

void cm_multi_read_no_more(cm_multi *multi, cm_transfer_id id) {
  cm_transfer *t = find(multi, id);

  if (!t || t->done) return;
  t->has_reader = 0;
  cm_transfer_announce(t);
}

int cm_multi_activity_of(cm_multi *multi, cm_transfer_id id, cm_multi_activity *activity) {
  cm_transfer *t = find(multi, id);

  if (!t || t->done) return 0;
  note_content(t, 0);
  note_heard(t);
  activity->connected = cm_transfer_is_connected(t);
  activity->sent_at = t->sent_at;
  activity->sent = t->body ? cm_body_tell(t->body, &t->cursor) : 0;
  activity->first_byte_at = t->first_byte_at;
  activity->heard_at = t->heard_at;
  activity->paused = t->paused;
  activity->unread = cm_response_unread(t->response);
  activity->content_at = t->content_at;
  activity->in_text_or_tool = cm_response_in_text_or_tool(t->response);
  return 1;
}

size_t cm_multi_live(const cm_multi *multi) {
  return multi->live;
}

size_t cm_multi_watched(const cm_multi *multi) {
  return cm_watches_count(&multi->watches);
}
