/*
** stream_server.c - answers as fast as it is read, or at a pace, with known replies.
**
** An HTTP/1.1 server on 127.0.0.1 that stays out of the way of what is measured: a reply is made
** once and kept, and bodies of requests are counted and thrown away. (server.c plays conversations
** instead: it looks into what it is asked.) What it answers is written in the path, as parts in any
** order before the API's own path:
**
**   /events-N         a stream of N events (300)
**   /delta-N          about N bytes of text in each delta (32)
**   /tool             every delta but one is input of the tool
**   /framing-64k      HTTP chunks of 64 KiB; /framing-event, one for each event, without it
**   /pace-N           an event each N microseconds, each in a write of its own
**   /stamped          texts of thinking and text begin with "@", the clock's nanoseconds when they
**                     were written (19 digits of CLOCK_MONOTONIC, at a pace only), and "@"
**   /message-N        no stream but a message whose text has N bytes as JSON
**   /results-N        a batch that has ended, and at …/results its results, N lines of them
**
**   GET …/received    requests and bytes of their bodies since this was asked last, as JSON
**
** Prints its port and process id, and ends with its parent.
**
**   stream_server [CPU]          runs on this processor only, where there is one of that number
**   stream_server totals PATH    prints what a reader of that stream must count, as JSON
**   stream_server events PATH    prints the stream itself
*/
#include "event_stream.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_ROOM = 8192, CHUNK = 65536, ONE_SEND = 262144, TURN = 4 * ONE_SEND, MOST_EVENTS = 256 };

/* How a request wants to be answered. Compared as bytes: set to zero first. */
typedef struct wish {
  event_stream_plan stream;
  size_t pace; /* microseconds; 0: at once */
  size_t message, results;
  int whole_chunks; /* of 64 KiB */
} wish;

typedef struct reply {
  wish for_wish;
  event_stream stream; /* kept where there is a pace */
  char *bytes;         /* the whole answer, else */
  size_t len, room;
  struct reply *next;
} reply;

typedef enum doing { READS_HEAD, READS_BODY, SENDS } doing;

typedef struct connection {
  int fd;
  doing now;
  int wants_room;
  char head[HEAD_ROOM];
  size_t head_len;
  uint64_t body_left;
  reply *said;
  size_t sent;   /* of the whole answer, or of what is pending */
  size_t event;  /* that goes out next, at a pace */
  char *pending; /* written at a pace and not taken yet */
  size_t pending_len;
  uint64_t due;
  size_t place; /* in the queue, from 1; 0: in none */
} connection;

static const char HEAD[] = "HTTP/1.1 200 OK\r\n"
                           "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                           "Content-Type: text/event-stream; charset=utf-8\r\n"
                           "Transfer-Encoding: chunked\r\n"
                           "Cache-Control: no-cache\r\n"
                           "anthropic-ratelimit-requests-limit: 4000\r\n"
                           "anthropic-ratelimit-requests-remaining: 3999\r\n"
                           "anthropic-ratelimit-requests-reset: 2026-01-01T00:00:00Z\r\n"
                           "anthropic-ratelimit-input-tokens-limit: 400000\r\n"
                           "anthropic-ratelimit-input-tokens-remaining: 399000\r\n"
                           "anthropic-ratelimit-input-tokens-reset: 2026-01-01T00:00:00Z\r\n"
                           "request-id: req_011BenchBenchBenchBench\r\n"
                           "anthropic-organization-id: 00000000-0000-0000-0000-000000000000\r\n"
                           "Server: bench\r\n\r\n";

static reply *replies;
static int poller;
static uint64_t requests, body_bytes;
static connection **queue; /* a heap of those at a pace; from 1 */
static size_t queued, queue_room;

static uint64_t nanoseconds(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *must(void *memory) {
  if (!memory) abort();
  return memory;
}

/* --- replies --- */

static void put(reply *r, const char *bytes, size_t length) {
  if (r->len + length > r->room) {
    r->room = (r->len + length) * 2;
    r->bytes = must(realloc(r->bytes, r->room));
  }
  memcpy(r->bytes + r->len, bytes, length);
  r->len += length;
}

static void put_chunk(reply *r, const char *bytes, size_t length) {
  char size[32];

  put(r, size, (size_t)sprintf(size, "%zx\r\n", length));
  put(r, bytes, length);
  put(r, "\r\n", 2);
}

static void frame(reply *r) {
  const event_stream *s = &r->stream;
  size_t at = 0, i;

  put(r, HEAD, sizeof HEAD - 1);
  if (r->for_wish.whole_chunks) {
    for (; at < s->len; at += CHUNK)
      put_chunk(r, s->bytes + at, s->len - at < CHUNK ? s->len - at : CHUNK);
  } else {
    for (i = 0; i < s->count; at = s->ends[i++]) put_chunk(r, s->bytes + at, s->ends[i] - at);
  }
  put(r, "0\r\n\r\n", 5);
}

static void put_body(reply *r, const char *type, const char *body, size_t length) {
  char head[512];

  put(r, head,
      (size_t)snprintf(head, sizeof head,
                       "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nrequest-id: req_bench\r\n"
                       "Content-Length: %zu\r\n\r\n",
                       type, length));
  put(r, body, length);
}

#define MESSAGE_BEGIN                                                                              \
  "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-6\"," \
  "\"content\":[{\"type\":\"text\",\"text\":\""
#define MESSAGE_END                                                                                \
  "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"                                      \
  "\"usage\":{\"input_tokens\":9,\"output_tokens\":5}}"

static const char SENTENCE[] = "One line of a long answer, with a \\\"quote\\\" in it.\\n";
enum { SENTENCE_ESCAPES = 3 };

static void put_message(reply *r, size_t text) {
  size_t begin = sizeof MESSAGE_BEGIN - 1, i;
  char *body = must(malloc(begin + text + sizeof MESSAGE_END));

  memcpy(body, MESSAGE_BEGIN, begin);
  for (i = 0; i + sizeof SENTENCE - 1 <= text; i += sizeof SENTENCE - 1)
    memcpy(body + begin + i, SENTENCE, sizeof SENTENCE - 1);
  memset(body + begin + i, 'x', text - i);
  memcpy(body + begin + text, MESSAGE_END, sizeof MESSAGE_END - 1);
  put_body(r, "application/json", body, begin + text + sizeof MESSAGE_END - 1);
  free(body);
}

static void put_results(reply *r, size_t lines) {
  static const char FORM[] =
      "{\"custom_id\":\"request-%08zu\",\"result\":{\"type\":\"succeeded\","
      "\"message\":" MESSAGE_BEGIN "The answer to one question of many." MESSAGE_END "}}\n";
  char *body = must(malloc(lines * (sizeof FORM + 16) + 1));
  size_t length = 0, i;

  for (i = 1; i <= lines; i++) length += (size_t)sprintf(body + length, FORM, i);
  put_body(r, "application/x-jsonl", body, length);
  free(body);
}

static reply *make_reply(const wish *for_wish) {
  reply *r = must(calloc(1, sizeof *r));

  r->for_wish = *for_wish;
  if (for_wish->message) {
    put_message(r, for_wish->message);
  } else if (for_wish->results) {
    put_results(r, for_wish->results);
  } else {
    event_stream_make(&r->stream, &for_wish->stream);
    if (!for_wish->pace) frame(r);
  }
  r->next = replies;
  return replies = r;
}

static reply *reply_for(const wish *for_wish) {
  reply *r;

  for (r = replies; r; r = r->next)
    if (memcmp(&r->for_wish, for_wish, sizeof *for_wish) == 0) return r;
  return make_reply(for_wish);
}

/* --- the queue of those at a pace: who is due first stands first --- */

static void stand(connection *c, size_t place) {
  queue[place] = c;
  c->place = place;
}

static void move_up(connection *c) {
  size_t at = c->place;

  for (; at > 1 && queue[at / 2]->due > c->due; at /= 2) stand(queue[at / 2], at);
  stand(c, at);
}

static void move_down(connection *c) {
  size_t at = c->place, child;

  for (; (child = at * 2) <= queued; at = child) {
    if (child < queued && queue[child + 1]->due < queue[child]->due) child++;
    if (queue[child]->due >= c->due) break;
    stand(queue[child], at);
  }
  stand(c, at);
}

static void enqueue(connection *c) {
  if (queued + 1 >= queue_room) {
    queue_room = queue_room ? queue_room * 2 : 256;
    queue = must(realloc(queue, queue_room * sizeof *queue));
  }
  stand(c, ++queued);
  move_up(c);
}

static void dequeue(connection *c) {
  connection *last;
  size_t place = c->place;

  if (!place) return;
  c->place = 0;
  last = queue[queued--];
  if (last == c) return;
  stand(last, place);
  move_up(last);
  move_down(last);
}

/* --- connections --- */

/* Ends the connection; whoever has it in hand must not touch it again. */
static void hang_up(connection *c) {
  dequeue(c);
  close(c->fd);
  free(c->pending);
  free(c);
}

static void watch(connection *c, int room) {
  struct epoll_event event = { 0 };

  if (c->wants_room == room) return;
  c->wants_room = room;
  event.events = room ? EPOLLOUT : EPOLLIN;
  event.data.ptr = c;
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

/* Sends the rest of these bytes, as many as are taken: 1 when all went, -1 on failure. */
static int send_rest(connection *c, const char *bytes, size_t length) {
  size_t turn = 0;

  while (c->sent < length && turn < TURN) {
    size_t part = length - c->sent < ONE_SEND ? length - c->sent : ONE_SEND;
    ssize_t n = send(c->fd, bytes + c->sent, part, MSG_NOSIGNAL);

    if (n < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
    c->sent += (size_t)n;
    turn += (size_t)n;
  }
  return c->sent == length;
}

static void next_request(connection *c) {
  c->now = READS_HEAD;
  c->said = NULL;
  c->sent = 0;
  watch(c, 0);
}

static void send_at_once(connection *c) {
  int done = send_rest(c, c->said->bytes, c->said->len);

  if (done < 0)
    hang_up(c);
  else if (done)
    next_request(c);
  else
    watch(c, 1);
}

/* The event that is due, as one chunk, with what stands before and behind it. */
static void write_event(connection *c) {
  const event_stream *s = &c->said->stream;
  size_t begin = c->event ? s->ends[c->event - 1] : 0, length = s->ends[c->event] - begin;
  char *at = c->pending = must(realloc(c->pending, sizeof HEAD + length + 64)), digits[32];

  if (c->event == 0) at += sprintf(at, "%s", HEAD);
  at += sprintf(at, "%zx\r\n", length);
  memcpy(at, s->bytes + begin, length);
  if (s->stamps[c->event]) {
    sprintf(digits, "%0*llu", STAMP_DIGITS, (unsigned long long)nanoseconds());
    memcpy(at + s->stamps[c->event] - begin, digits, STAMP_DIGITS);
  }
  at += length;
  at += sprintf(at, ++c->event == s->count ? "\r\n0\r\n\r\n" : "\r\n");
  c->pending_len = (size_t)(at - c->pending);
  c->sent = 0;
}

static void send_pending(connection *c) {
  int done = send_rest(c, c->pending, c->pending_len);

  if (done < 0) {
    hang_up(c);
    return;
  }
  watch(c, !done);
  if (!done) return;
  c->pending_len = 0;
  if (c->event < c->said->stream.count) return;
  dequeue(c);
  next_request(c);
}

static void send_due(connection *c) {
  c->due += c->said->for_wish.pace * 1000;
  move_down(c);
  if (c->pending_len) return; /* it is not read as fast: the event comes later */
  write_event(c);
  send_pending(c);
}

/* Streams that are asked for together do not stay in step. */
static void begin_pace(connection *c) {
  static uint32_t chance = 1;

  chance = chance * 1664525u + 1013904223u;
  c->event = 0;
  c->due = nanoseconds() + (chance >> 8) % c->said->for_wish.pace * 1000ull;
  enqueue(c);
}

static void send_json(connection *c, const char *json) {
  char answer[1024];
  int length = snprintf(answer, sizeof answer,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        strlen(json), json);

  if (send(c->fd, answer, (size_t)length, MSG_NOSIGNAL) == length)
    next_request(c);
  else
    hang_up(c);
}

/* A batch of as many requests as there are results, which are behind this path. */
static void send_batch(connection *c, const wish *w, const char *path, size_t length) {
  char json[512];

  snprintf(json, sizeof json,
           "{\"id\":\"msgbatch_1\",\"type\":\"message_batch\",\"processing_status\":\"ended\","
           "\"request_counts\":{\"processing\":0,\"succeeded\":%zu,\"errored\":0,\"canceled\":0,"
           "\"expired\":0},\"results_url\":\"%.*s/results\"}",
           w->results, (int)(length < 200 ? length : 200), path);
  send_json(c, json);
}

static void send_received(connection *c) {
  char json[128];

  snprintf(json, sizeof json, "{\"requests\":%llu,\"bytes\":%llu}", (unsigned long long)requests,
           (unsigned long long)body_bytes);
  requests = body_bytes = 0;
  send_json(c, json);
}

/* The number behind a part's name; 0 where the part is another. */
static int has_number(const char *part, const char *name, size_t *number) {
  size_t length = strlen(name);

  if (strncmp(part, name, length) != 0) return 0;
  *number = (size_t)strtoull(part + length, NULL, 10);
  return 1;
}

static int is_part(const char *part, const char *name) {
  size_t length = strlen(name);

  return strncmp(part, name, length) == 0 && strchr("/ ", part[length]) != NULL;
}

static wish read_wish(const char *path, const char *end) {
  wish w;
  const char *at;

  memset(&w, 0, sizeof w);
  w.stream.events = 300;
  w.stream.delta_bytes = 32;
  for (at = path; at < end && *at == '/'; at += strcspn(at, "/ ")) {
    at++;
    if (has_number(at, "events-", &w.stream.events) || has_number(at, "pace-", &w.pace) ||
        has_number(at, "delta-", &w.stream.delta_bytes) || has_number(at, "message-", &w.message) ||
        has_number(at, "results-", &w.results))
      continue;
    w.stream.tool_only |= is_part(at, "tool");
    w.stream.stamped |= is_part(at, "stamped");
    w.whole_chunks |= is_part(at, "framing-64k");
  }
  return w;
}

static int ends_with(const char *path, size_t length, const char *part) {
  size_t n = strlen(part);

  return length >= n && memcmp(path + length - n, part, n) == 0;
}

static void send_reply(connection *c, const wish *w) {
  requests++;
  c->said = reply_for(w);
  if (w->pace && !w->message && !w->results)
    begin_pace(c);
  else
    send_at_once(c);
}

static void answer(connection *c) {
  const char *path = strchr(c->head, ' ') + 1;
  size_t length = strcspn(path, "? \r");
  wish w = read_wish(path, path + length);

  c->now = SENDS;
  c->head_len = 0;
  c->sent = 0;
  if (ends_with(path, length, "/received"))
    send_received(c);
  else if (w.results && !ends_with(path, length, "/results"))
    send_batch(c, &w, path, length);
  else
    send_reply(c, &w);
}

/* Bodies are thrown away where they are: they are not even copied. */
static void read_body(connection *c) {
  while (c->body_left) {
    size_t most = c->body_left < (1u << 30) ? (size_t)c->body_left : 1u << 30;
    ssize_t n = recv(c->fd, NULL, most, MSG_TRUNC);

    if (n <= 0) {
      if (n == 0 || errno != EAGAIN) hang_up(c);
      return;
    }
    c->body_left -= (uint64_t)n;
    body_bytes += (uint64_t)n;
  }
  answer(c);
}

/* A client sends no second request before it has the answer: what follows the head is its body. */
static void begin_body(connection *c, const char *head_end) {
  const char *length = strcasestr(c->head, "\r\ncontent-length:");
  uint64_t there = c->head_len - (size_t)(head_end - c->head);

  c->now = READS_BODY;
  c->body_left = length && length < head_end ? strtoull(length + 17, NULL, 10) : 0;
  if (there > c->body_left) {
    hang_up(c);
    return;
  }
  c->body_left -= there;
  body_bytes += there;
  read_body(c);
}

static void read_head(connection *c) {
  ssize_t n = recv(c->fd, c->head + c->head_len, HEAD_ROOM - 1 - c->head_len, 0);
  const char *end;

  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) hang_up(c);
    return;
  }
  c->head_len += (size_t)n;
  c->head[c->head_len] = '\0';
  end = strstr(c->head, "\r\n\r\n");
  if (end && strcspn(c->head, " ") < (size_t)(end - c->head))
    begin_body(c, end + 4);
  else if (end || c->head_len == HEAD_ROOM - 1)
    hang_up(c);
}

static void serve_one(connection *c, uint32_t events) {
  if (c->now == READS_HEAD)
    read_head(c);
  else if (c->now == READS_BODY)
    read_body(c);
  else if (events & (EPOLLERR | EPOLLHUP))
    hang_up(c);
  else if (events & EPOLLOUT && c->said->bytes)
    send_at_once(c);
  else if (events & EPOLLOUT)
    send_pending(c);
  else
    hang_up(c); /* it closed, or says something before its turn */
}

static void welcome(int listener) {
  int yes = 1, fd;
  struct epoll_event event = { 0 };
  connection *c;

  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    c = must(calloc(1, sizeof *c));
    c->fd = fd;
    event.events = EPOLLIN;
    event.data.ptr = c;
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  }
}

static int listen_somewhere(void) {
  struct sockaddr_in address = { 0 };
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096)) exit(1);
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("%d %ld\n", ntohs(address.sin_port), (long)getpid());
  fflush(stdout);
  return listener;
}

/* Sends what is due, and says how many milliseconds there are until more is. */
static int send_all_due(void) {
  uint64_t now = nanoseconds();

  while (queued && queue[1]->due <= now) send_due(queue[1]);
  if (!queued) return -1;
  return (int)((queue[1]->due - now) / 1000000) + 1;
}

static int print_stream(const char *what, const char *path) {
  wish w = read_wish(path, path + strlen(path));
  event_stream s;

  if (w.message)
    return printf("{\"text\":%zu}\n",
                  w.message - w.message / (sizeof SENTENCE - 1) * SENTENCE_ESCAPES) < 0;
  if (w.results) return printf("{\"results\":%zu}\n", w.results) < 0;
  event_stream_make(&s, &w.stream);
  if (strcmp(what, "events") == 0) return fwrite(s.bytes, 1, s.len, stdout) != s.len;
  printf("{\"events\":%zu,\"bytes\":%zu,\"thinking\":%zu,\"text\":%zu,\"input_json\":%zu,"
         "\"signature\":%zu,\"spelled\":%zu}\n",
         s.count, s.len, s.totals.thinking, s.totals.text, s.totals.input_json, s.totals.signature,
         s.totals.spelled);
  event_stream_drop(&s);
  return 0;
}

static void stay_on(int cpu) {
  cpu_set_t only;

  CPU_ZERO(&only);
  CPU_SET((size_t)cpu, &only);
  sched_setaffinity(0, sizeof only, &only);
}

static void serve(int listener) {
  struct epoll_event events[MOST_EVENTS] = { { 0 } };
  int i, n;

  poller = epoll_create1(EPOLL_CLOEXEC);
  events[0].events = EPOLLIN;
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &events[0]);
  for (;;) {
    n = epoll_wait(poller, events, MOST_EVENTS, send_all_due());
    for (i = 0; i < n; i++)
      if (events[i].data.ptr)
        serve_one(events[i].data.ptr, events[i].events);
      else
        welcome(listener);
  }
}

int main(int argc, char **argv) {
  if (argc == 3) return print_stream(argv[1], argv[2]);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc == 2) stay_on(atoi(argv[1]));
  serve(listen_somewhere());
  return 0;
}
