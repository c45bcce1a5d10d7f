/*
** server.c - plays the Messages API to very many conversations at once.
**
** An HTTP/1.1 server on 127.0.0.1. Where the request has tools: to something the user says,
** a thought and the call of a tool; to the tool's result, and where there are no tools, a
** thought and a text. Each is streamed event by event, `pace` milliseconds apart, or comes as
** one body where no stream was asked for. metadata.user_id may name what happens instead:
**
**   busy     529 to every second such request, and a text to the others
**   refused  400
**   cut      the connection ends in the middle of a thought
**   closing  the connection ends behind the reply, as announced
**   held     nothing follows the first events
**   flood    text without end, as fast as it is taken
**
** It knows how to count tokens and to list models, too, and the results of one batch. Prints
** its port and process id, and ends with its parent.
**
**   server [pace]
*/
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16384, TICK = 2, DELTAS = 8, FLOOD_DELTAS = 64, FLOOD_TEXT = 1000, TURN = 64 };

typedef enum ending { KEEPS_ALIVE, HANGS_UP, HOLDS, SAYS_IT_AGAIN } ending;

typedef struct reply {
  char *pieces[2 * DELTAS + 16];
  size_t count;
  ending then; /* what follows the last piece */
} reply;

typedef struct connection {
  int fd;
  char *in; /* what came of the request */
  size_t len, room;
  const reply *said; /* the reply that is being sent */
  size_t next;       /* piece of it */
  size_t sent;       /* bytes of that piece */
  int64_t due;       /* when it goes out */
} connection;

static reply call, answer, whole, busy, refused, cut, closing, held, flood, tokens, models, batch,
    results;
static connection *connections[MOST]; /* by descriptor */
static int highest;                   /* of the descriptors */
static int64_t pace = 10;

static int64_t milliseconds(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *must(void *memory) {
  if (!memory) abort();
  return memory;
}

static void say(reply *to, const char *bytes) {
  to->pieces[to->count] = must(malloc(strlen(bytes) + 1));
  strcpy(to->pieces[to->count++], bytes);
}

/* One event as one chunk of the body. */
static void say_event(reply *to, const char *name, const char *data) {
  char event[2048], chunk[2100];
  int length = snprintf(event, sizeof event, "event: %s\ndata: %s\n\n", name, data);

  snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", (unsigned)length, event);
  say(to, chunk);
}

static void say_block(reply *to, int index, const char *begin, const char *delta) {
  char data[1024];
  int i;

  snprintf(data, sizeof data,
           "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":%s}", index, begin);
  say_event(to, "content_block_start", data);
  for (i = 0; i < DELTAS; i++) {
    if (i > 0 && strstr(delta, "json")) break; /* the input is whole in one */
    snprintf(data, sizeof data, "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":%s}",
             index, delta);
    say_event(to, "content_block_delta", data);
  }
  if (strstr(begin, "thinking")) {
    snprintf(data, sizeof data,
             "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":"
             "{\"type\":\"signature_delta\",\"signature\":\"c2lnbmF0dXJl\"}}",
             index);
    say_event(to, "content_block_delta", data);
  }
  snprintf(data, sizeof data, "{\"type\":\"content_block_stop\",\"index\":%d}", index);
  say_event(to, "content_block_stop", data);
}

static void say_begin(reply *to) {
  char head[256];

  snprintf(head, sizeof head,
           "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
           "request-id: req_bench\r\n%sTransfer-Encoding: chunked\r\n\r\n",
           to->then == HANGS_UP ? "Connection: close\r\n" : "");
  say(to, head);
  say_event(to, "message_start",
            "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\","
            "\"role\":\"assistant\",\"model\":\"claude-opus-4-8\",\"content\":[],"
            "\"stop_reason\":null,\"stop_sequence\":null,"
            "\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}");
  say_block(to, 0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}",
            "{\"type\":\"thinking_delta\",\"thinking\":\"Let me think about this. \"}");
}

static void say_end(reply *to, const char *reason) {
  char data[256];

  snprintf(data, sizeof data,
           "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},"
           "\"usage\":{\"output_tokens\":50}}",
           reason);
  say_event(to, "message_delta", data);
  say_event(to, "message_stop", "{\"type\":\"message_stop\"}");
  say(to, "0\r\n\r\n");
}

static void say_answer(reply *to) {
  say_begin(to);
  say_block(to, 1, "{\"type\":\"text\",\"text\":\"\"}",
            "{\"type\":\"text_delta\",\"text\":\"It is done. \"}");
  say_end(to, "end_turn");
}

static void say_body(reply *to, const char *status, const char *headers, const char *body) {
  char all[2048];

  snprintf(all, sizeof all,
           "HTTP/1.1 %s\r\nrequest-id: req_bench\r\n%sContent-Length: %u\r\n\r\n%s", status,
           headers, (unsigned)strlen(body), body);
  say(to, all);
}

#define JSON "Content-Type: application/json\r\n"
#define MESSAGE                                                                                    \
  "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-4-8\","   \
  "\"content\":[{\"type\":\"text\",\"text\":\"It is done.\"}],\"stop_reason\":\"end_turn\","       \
  "\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":5}}"
#define RESULT(id)                                                                                 \
  "{\"custom_id\":\"" id "\",\"result\":{\"type\":\"succeeded\",\"message\":" MESSAGE "}}\n"

static void write_bodies(void) {
  say_body(&whole, "200 OK", JSON, MESSAGE);
  say_body(&busy, "529 Overloaded", JSON "retry-after-ms: 1\r\n",
           "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Busy\"}}");
  say_body(
      &refused, "400 Bad Request", JSON,
      "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"No\"}}");
  say_body(&tokens, "200 OK", JSON, "{\"input_tokens\":9}");
  say_body(&models, "200 OK", JSON,
           "{\"data\":[{\"type\":\"model\",\"id\":\"claude-opus-4-8\"}],\"has_more\":false,"
           "\"first_id\":\"claude-opus-4-8\",\"last_id\":\"claude-opus-4-8\"}");
  say_body(&batch, "200 OK", JSON,
           "{\"id\":\"msgbatch_1\",\"type\":\"message_batch\",\"processing_status\":\"ended\","
           "\"request_counts\":{\"processing\":0,\"succeeded\":3,\"errored\":0,\"canceled\":0,"
           "\"expired\":0},\"results_url\":\"/v1/messages/batches/msgbatch_1/results\"}");
  say_body(&results, "200 OK", "Content-Type: application/x-jsonl\r\n",
           RESULT("one") RESULT("two") RESULT("three"));
}

static void say_flood(reply *to) {
  static const char begin[] = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
                              "\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"";
  size_t size = FLOOD_DELTAS * (sizeof begin + FLOOD_TEXT + 5);
  char *chunk = must(malloc(size + 32)), *at = chunk;
  int i;

  at += sprintf(at, "%zx\r\n", size);
  for (i = 0; i < FLOOD_DELTAS; i++) {
    at += sprintf(at, "%s", begin);
    memset(at, 'x', FLOOD_TEXT);
    at += FLOOD_TEXT;
    at += sprintf(at, "\"}}\n\n ");
    at[-1] = '\n'; /* an empty event more changes nothing */
  }
  strcpy(at, "\r\n");
  say(to, chunk);
  free(chunk);
}

static void write_replies(void) {
  say_begin(&call);
  say_block(&call, 1, "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"wait\",\"input\":{}}",
            "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"n\\\": 1}\"}");
  say_end(&call, "tool_use");
  say_answer(&answer);
  closing.then = cut.then = HANGS_UP;
  held.then = HOLDS;
  say_answer(&closing);
  say_begin(&cut);
  say_begin(&held);
  flood.then = SAYS_IT_AGAIN;
  say_begin(&flood);
  say_event(&flood, "content_block_start",
            "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":"
            "{\"type\":\"text\",\"text\":\"\"}}");
  say_flood(&flood);
  write_bodies();
}

static const char *last_of(const char *text, const char *part) {
  const char *found = NULL, *at = strstr(text, part);

  for (; at; at = strstr(at + 1, part)) found = at;
  return found;
}

/* The result of a tool came after the last thing that the model said. */
static int ends_with_result(const char *body) {
  const char *said = last_of(body, "\"role\":\"assistant\"");

  return said && strstr(said, "\"tool_result\"") != NULL;
}

static const reply *named(const char *name) {
  static int asked;

  if (strncmp(name, "busy\"", 5) == 0) return ++asked % 2 ? &busy : NULL;
  if (strncmp(name, "refused\"", 8) == 0) return &refused;
  if (strncmp(name, "cut\"", 4) == 0) return &cut;
  if (strncmp(name, "closing\"", 8) == 0) return &closing;
  if (strncmp(name, "flood\"", 6) == 0) return &flood;
  return strncmp(name, "held\"", 5) == 0 ? &held : NULL;
}

static const reply *reply_to(const char *head, const char *body) {
  static const char USER[] = "\"user_id\":\"";
  const char *name = strstr(body, USER);
  const reply *said = name ? named(name + sizeof USER - 1) : NULL;

  if (said) return said;
  if (strncmp(head, "GET /v1/models", 14) == 0) return &models;
  if (strncmp(head, "GET /v1/messages/batches/msgbatch_1/", 36) == 0) return &results;
  if (strncmp(head, "GET /v1/messages/batches/", 25) == 0) return &batch;
  if (strncmp(head, "POST /v1/messages/count_tokens", 30) == 0) return &tokens;
  if (!strstr(body, "\"stream\":true")) return &whole;
  return !strstr(body, "\"tools\":") || ends_with_result(body) ? &answer : &call;
}

/* The body of the request, if all of it is there. */
static const char *whole_body(const connection *c) {
  const char *head_end = strstr(c->in, "\r\n\r\n");
  const char *length = head_end ? strcasestr(c->in, "\r\ncontent-length:") : NULL;
  size_t wanted = 0;

  if (!head_end) return NULL;
  if (length && length < head_end) wanted = (size_t)strtoul(length + 17, NULL, 10);
  return c->len - (size_t)(head_end + 4 - c->in) >= wanted ? head_end + 4 : NULL;
}

static void hang_up(connection *c) {
  connections[c->fd] = NULL;
  close(c->fd);
  free(c->in);
  free(c);
}

static void read_request(connection *c) {
  const char *body;
  ssize_t n;

  if (c->room - c->len < 4096) c->in = must(realloc(c->in, c->room += 16384));
  n = recv(c->fd, c->in + c->len, c->room - c->len - 1, 0);
  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) hang_up(c);
    return;
  }
  c->len += (size_t)n;
  c->in[c->len] = '\0';
  body = c->said ? NULL : whole_body(c);
  if (!body) return;
  c->said = reply_to(c->in, body);
  c->next = c->sent = c->len = 0;
  c->due = milliseconds();
}

static void end_reply(connection *c) {
  switch (c->said->then) {
  case KEEPS_ALIVE:
    c->said = NULL;
    break;
  case HANGS_UP:
    hang_up(c);
    break;
  case HOLDS:
    c->due = INT64_MAX;
    break;
  case SAYS_IT_AGAIN:
    c->next--;
  }
}

/* Sends what is due; what does not fit goes out at the next tick. */
static void send_due(connection *c, int64_t now) {
  int turn;

  for (turn = 0; turn < TURN && c->said && c->due <= now; turn++) {
    const char *piece = c->said->pieces[c->next];
    size_t length = strlen(piece);
    ssize_t n = send(c->fd, piece + c->sent, length - c->sent, MSG_NOSIGNAL);

    if (n < 0) return;
    c->sent += (size_t)n;
    if (c->sent < length) return;
    c->sent = 0;
    /* The end of the body goes out with the last event. */
    if (++c->next + 1 != c->said->count) c->due += pace;
    if (c->next == c->said->count) {
      ending then = c->said->then;
      end_reply(c);
      if (then != SAYS_IT_AGAIN) return;
    }
  }
}

/* Takes one new connection, if there is one. */
static int welcome(int listener, int poller) {
  int yes = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  struct epoll_event event = { 0 };
  connection *c;

  if (fd < 0) return 0;
  if (fd >= MOST) abort();
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  c = must(calloc(1, sizeof *c));
  c->fd = fd;
  c->room = 4096 * 2;
  c->in = must(calloc(1, c->room));
  connections[fd] = c;
  if (fd > highest) highest = fd;
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  return 1;
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

static void serve(int listener, int poller, pid_t parent) {
  struct epoll_event events[256];
  int64_t now;
  int i, n;

  while (getppid() == parent) {
    n = epoll_wait(poller, events, 256, TICK);
    for (i = 0; i < n; i++) {
      if (events[i].data.fd == listener)
        while (welcome(listener, poller)) continue;
      else if (connections[events[i].data.fd])
        read_request(connections[events[i].data.fd]);
    }
    now = milliseconds();
    for (i = 0; i <= highest; i++)
      if (connections[i]) send_due(connections[i], now);
  }
}

int main(int argc, char **argv) {
  int listener, poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = { 0 };

  if (argc > 1) pace = atoi(argv[1]);
  write_replies();
  listener = listen_somewhere();
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  serve(listener, poller, getppid());
  return 0;
}
