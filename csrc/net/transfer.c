#include "net/transfer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/library.h"
#include "os/clock.h"
#include "os/secret.h"

enum {
  DEFAULT_HIGH_WATER = 1024 * 1024,
  RECEIVE_BUFFER = 512 * 1024,
  STREAM_BUFFER = 32 * 1024, /* unpacked at most a thousandfold while reading is paused */
  SEND_BUFFER = 256 * 1024,
  KEEPALIVE_IDLE = 60,
  KEEPALIVE_INTERVAL = 30,
  MAX_HEADER = 1024 * 1024,
  MAX_WHOLE = 32 * 1024 /* libcurl sends so much, and more, along with the headers */
};

/* ---- callbacks: fill structs, return; libcurl is on the stack below ---- */

static void hear(cm_transfer *t) {
  t->heard = 1;
  if (t->stands_in && t->heard_at > 0) return; /* as a rule just now: the news were not taken yet */
  t->heard_at = cm_clock_now();
  t->heard = 0;
  if (t->first_byte_at == 0) t->first_byte_at = t->heard_at;
  cm_transfer_announce(t);
}

/* Behind a whole head only the status line of another one is no trailer. */
static int is_trailer(const cm_transfer *t, cm_slice line) {
  static const char scheme[] = "HTTP/";

  if (!t->head_complete) return 0;
  return line.len < sizeof scheme - 1 || memcmp(line.ptr, scheme, sizeof scheme - 1) != 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *ud) {
  cm_transfer *t = ud;
  cm_slice bytes;

  bytes.ptr = line;
  bytes.len = size * count;
  if (t->detached) return 0;
  hear(t);
  if (t->body_began || is_trailer(t, bytes)) return bytes.len; /* nothing that this API uses */
  t->head_complete = bytes.len > 0 && (line[0] == '\r' || line[0] == '\n');
  return cm_response_on_header(t->response, bytes) == CM_OK ? bytes.len : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *ud) {
  cm_transfer *t = ud;
  cm_slice bytes;

  bytes.ptr = data;
  bytes.len = size * count;
  if (t->detached) return 0;
  if (cm_response_unread(t->response) >= t->pause_at) {
    t->paused = 1;
    cm_transfer_announce(t); /* its reader may only wait on, and only what is paused says so */
    return CURL_WRITEFUNC_PAUSE;
  }
  t->body_began = 1;
  hear(t);
  return cm_response_on_body(t->response, bytes) == CM_OK ? bytes.len : bytes.len + 1;
}

static size_t on_read(char *out, size_t size, size_t count, void *ud) {
  cm_transfer *t = ud;
  size_t got;

  if (t->detached) return CURL_READFUNC_ABORT;
  t->sent_at = cm_clock_now();
  if (t->tells_sent) cm_transfer_announce(t);
  got = cm_body_read(t->body, &t->cursor, out, size * count);
  if (got != CM_BODY_UNREADABLE) return got;
  t->unreadable = 1;
  return CURL_READFUNC_ABORT;
}

static int on_seek(void *ud, curl_off_t offset, int origin) {
  cm_transfer *t = ud;

  if (t->detached || origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
  if (cm_body_seek(t->body, &t->cursor, (size_t)offset) != CM_OK) return CURL_SEEKFUNC_FAIL;
  return CURL_SEEKFUNC_OK;
}

/* Ends a detached transfer as soon as that cannot block, and before it sends anything. */
static int on_progress(void *ud, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  cm_transfer *t = ud;

  (void)a, (void)b, (void)c, (void)d;
  return t->detached && cm_transfer_is_resolved(t);
}

/* ---- setting up ---- */

static void put_long(cm_transfer *t, int option, long value) {
  if (t->setup == CURLE_OK) t->setup = curl_easy_setopt(t->easy, (CURLoption)option, value);
}

static void put_text(cm_transfer *t, int option, const char *value) {
  if (t->setup == CURLE_OK) t->setup = curl_easy_setopt(t->easy, (CURLoption)option, value);
}

static void put_data(cm_transfer *t, int option, void *value) {
  if (t->setup == CURLE_OK) t->setup = curl_easy_setopt(t->easy, (CURLoption)option, value);
}

static void put_size(cm_transfer *t, int option, size_t value) {
  if (t->setup == CURLE_OK)
    t->setup = curl_easy_setopt(t->easy, (CURLoption)option, (curl_off_t)value);
}

/* Only names of this kind can neither end the line nor be taken for something else. */
static int is_token(cm_slice name) {
  size_t i;

  for (i = 0; i < name.len; i++) {
    unsigned char c = (unsigned char)name.ptr[i];
    if (c <= ' ' || c >= 127 || strchr("()<>@,;:\\\"/[]?={}", c)) return 0;
  }
  return name.len > 0;
}

static int is_one_line(cm_slice value) {
  size_t i;

  for (i = 0; i < value.len; i++)
    if (value.ptr[i] == '\r' || value.ptr[i] == '\n' || value.ptr[i] == '\0') return 0;
  return 1;
}

static cm_status add_line(cm_transfer *t, const char *line) {
  struct curl_slist *longer = curl_slist_append(t->headers, line);

  if (!longer) return CM_ERR_NOMEM;
  t->headers = longer;
  return CM_OK;
}

/* Says what is wrong with a header, never its value; a name that is none may be one. */
static cm_status refuse_header(cm_transfer *t, const cm_transfer_header *header) {
  int is_name = is_token(header->name) && header->name.len < 60;
  int is_long = is_token(header->name) && is_one_line(header->value);

  snprintf(t->text, sizeof t->text, "header \"%.*s\" cannot be sent: %s",
           (int)(is_name ? header->name.len : 0), header->name.ptr,
           is_long ? "it is longer than 1 MiB" : "a name is one word, a value one line");
  return CM_ERR_SYNTAX;
}

/* libcurl takes "Name:" for "leave this header out" and wants "Name;" for an empty one. */
static cm_status add_header(cm_transfer *t, const cm_transfer_header *header) {
  size_t size = header->name.len + header->value.len + 3;
  cm_status status;
  char *line, *at;

  if (!is_token(header->name) || !is_one_line(header->value) || size > MAX_HEADER)
    return refuse_header(t, header);
  line = t->alloc->resize(t->alloc->ud, NULL, 0, size);
  if (!line) return CM_ERR_NOMEM;
  at = line;
  memcpy(at, header->name.ptr, header->name.len);
  at += header->name.len;
  *at++ = header->value.len ? ':' : ';';
  if (header->value.len) {
    *at++ = ' ';
    memcpy(at, header->value.ptr, header->value.len);
    at += header->value.len;
  }
  *at = '\0';
  status = add_line(t, line);
  cm_secret_wipe(line, size);
  t->alloc->resize(t->alloc->ud, line, size, 0);
  return status;
}

static cm_status set_headers(cm_transfer *t, const cm_transfer_options *o) {
  cm_status status = add_line(t, "Expect:"); /* or each large body waits a second for a 100 */
  size_t i;

  for (i = 0; status == CM_OK && i < o->header_count; i++) status = add_header(t, &o->headers[i]);
  put_data(t, CURLOPT_HTTPHEADER, t->headers);
  put_long(t, CURLOPT_HEADEROPT, CURLHEADER_SEPARATE); /* a proxy's CONNECT gets none of them */
  return status;
}

/*
** A small body goes out in one piece with the headers. Not where each piece is told of, and
** not where libcurl (before 7.80) does not ask before it sends: then on_read stops what is
** no longer wanted.
*/
static cm_status take_whole(cm_transfer *t, const cm_transfer_options *o) {
  size_t size = cm_body_length(o->body);
  int asks = cm_library_number() >= 0x075000;

  if (!asks || o->tells_sent || size == 0 || size > MAX_WHOLE) return CM_OK;
  if (!cm_body_is_at_hand(o->body)) return CM_OK;
  t->whole = t->alloc->resize(t->alloc->ud, NULL, 0, size);
  if (!t->whole) return CM_ERR_NOMEM;
  t->whole_size = size;
  cm_body_read(t->body, &t->cursor, t->whole, size);
  cm_body_seek(t->body, &t->cursor, 0);
  put_data(t, CURLOPT_POSTFIELDS, t->whole);
  return CM_OK;
}

static cm_status set_body(cm_transfer *t, const cm_transfer_options *o) {
  put_long(t, CURLOPT_POST, 1);
  put_size(t, CURLOPT_POSTFIELDSIZE_LARGE, cm_body_length(o->body));
  return take_whole(t, o);
}

static cm_status set_method(cm_transfer *t, const cm_transfer_options *o) {
  const char *method = o->method ? o->method : "GET";
  cm_status status = o->body ? set_body(t, o) : CM_OK;

  if (o->body) {
    /* which makes it a POST */
  } else if (strcmp(method, "POST") == 0) {
    put_long(t, CURLOPT_POST, 1);
    put_size(t, CURLOPT_POSTFIELDSIZE_LARGE, 0);
  } else if (strcmp(method, "HEAD") == 0) {
    put_long(t, CURLOPT_NOBODY, 1);
  }
  if (strcmp(method, o->body ? "POST" : "GET") != 0 && strcmp(method, "HEAD") != 0 &&
      strcmp(method, "POST") != 0)
    put_text(t, CURLOPT_CUSTOMREQUEST, method);
  return status;
}

static void set_callbacks(cm_transfer *t) {
  if (t->setup == CURLE_OK) t->setup = curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
  if (t->setup == CURLE_OK) t->setup = curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
  if (t->setup == CURLE_OK) t->setup = curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_read);
  if (t->setup == CURLE_OK) t->setup = curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_seek);
  if (t->setup == CURLE_OK)
    t->setup = curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  put_data(t, CURLOPT_HEADERDATA, t);
  put_data(t, CURLOPT_WRITEDATA, t);
  put_data(t, CURLOPT_READDATA, t);
  put_data(t, CURLOPT_SEEKDATA, t);
  put_data(t, CURLOPT_XFERINFODATA, t);
  put_data(t, CURLOPT_PRIVATE, t);
  put_data(t, CURLOPT_ERRORBUFFER, t->text);
}

static void set_protocols(cm_transfer *t) {
  if (t->setup != CURLE_OK) return;
  t->setup = curl_easy_setopt(t->easy, (CURLoption)CM_CURLOPT_PROTOCOLS_STR, "http,https");
  if (t->setup == CURLE_OK) return;
  t->setup = CURLE_OK;
  put_long(t, CM_CURLOPT_PROTOCOLS, (1 << 0) | (1 << 1)); /* CURLPROTO_HTTP, CURLPROTO_HTTPS */
}

/* libcurl keeps it to the end, and takes no less than 16 KiB. */
static long send_buffer_for(const cm_transfer_options *o) {
  size_t length = o->body ? cm_body_length(o->body) : 0;

  return length < SEND_BUFFER ? (long)length : SEND_BUFFER;
}

static void set_connection(cm_transfer *t, const cm_transfer_options *o) {
  set_protocols(t);
  put_long(t, CURLOPT_FOLLOWLOCATION, 0);
  put_long(t, CURLOPT_NOSIGNAL, 1);
  put_long(t, CURLOPT_TCP_KEEPALIVE, 1);
  put_long(t, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE);
  put_long(t, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL);
  put_long(t, CURLOPT_BUFFERSIZE,
           cm_response_streams_body(o->response) ? STREAM_BUFFER : RECEIVE_BUFFER);
  put_long(t, CURLOPT_UPLOAD_BUFFERSIZE, send_buffer_for(o));
  put_long(t, CURLOPT_HTTP_VERSION, o->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
  put_long(t, CURLOPT_PIPEWAIT, o->http2);
  put_text(t, CURLOPT_ACCEPT_ENCODING, "");
  put_long(t, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
  /* A limit that is said is a timer until the transfer's end, and libcurl sorts all of them in each
     event. */
  if (o->slow_connect) put_long(t, CURLOPT_CONNECTTIMEOUT_MS, 0x7fffffff);
}

/* The system's authorities in one file, where libcurl knows of one (and tells, from 7.84). */
static int system_has_file(const cm_transfer *t) {
  const char *file = NULL;

  curl_easy_getinfo(t->easy, (CURLINFO)CM_CURLINFO_CAINFO, &file);
  return file && file[0] && access(file, R_OK) == 0;
}

/*
** Without a folder libcurl keeps the parsed file for the next connection; with one each takes 25 ms
** more. Where a system has both, they are made of the same certificates.
*/
static int goes_without_folder(const cm_transfer *t, const cm_transfer_options *o) {
  if (o->ca_path) return 0;
  return o->ca_file || (strncmp(o->url, "https:", 6) == 0 && system_has_file(t));
}

static void set_trust(cm_transfer *t, const cm_transfer_options *o) {
  put_long(t, CURLOPT_SSL_VERIFYPEER, 1);
  put_long(t, CURLOPT_SSL_VERIFYHOST, 2);
  put_long(t, CURLOPT_PROXY_SSL_VERIFYPEER, 1);
  put_long(t, CURLOPT_PROXY_SSL_VERIFYHOST, 2);
  put_long(t, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  if (o->ca_file) {
    put_text(t, CURLOPT_CAINFO, o->ca_file);
    put_text(t, CURLOPT_PROXY_CAINFO, o->ca_file);
  }
  if (o->ca_path || goes_without_folder(t, o)) {
    put_text(t, CURLOPT_CAPATH, o->ca_path);
    put_text(t, CURLOPT_PROXY_CAPATH, o->ca_path);
  }
}

/* What goes to this machine goes to no proxy that the environment names. */
static void set_proxy(cm_transfer *t, const cm_transfer_options *o, int loopback) {
  if (o->proxy)
    put_text(t, CURLOPT_PROXY, o->proxy);
  else if (loopback)
    put_text(t, CURLOPT_PROXY, "");
  if (o->no_proxy) put_text(t, CURLOPT_NOPROXY, o->no_proxy);
}

static cm_status set_up(cm_transfer *t, const cm_transfer_options *o, cm_url_memory *last) {
  const char *refusal;
  cm_status status;
  int loopback;

  refusal = cm_url_refuse(last, o->url, o->allow_http, &loopback);
  if (refusal) {
    snprintf(t->text, sizeof t->text, "%s", refusal);
    return CM_ERR_SYNTAX;
  }
  t->easy = curl_easy_init();
  if (!t->easy) return CM_ERR_NOMEM;
  set_callbacks(t);
  put_text(t, CURLOPT_URL, o->url);
  set_connection(t, o);
  set_trust(t, o);
  set_proxy(t, o, loopback);
  status = set_method(t, o);
  if (status == CM_OK) status = set_headers(t, o);
  if (status != CM_OK) return status;
  if (t->setup == CURLE_OUT_OF_MEMORY) return CM_ERR_NOMEM;
  if (t->setup == CURLE_OK) return CM_OK;
  snprintf(t->text, sizeof t->text, "libcurl refuses an option: %s", curl_easy_strerror(t->setup));
  return CM_ERR_TRANSPORT;
}

static void clear(cm_transfer *t, const cm_alloc *alloc, const cm_transfer_options *o) {
  memset(t, 0, sizeof *t);
  t->fd = -1;
  t->alloc = alloc;
  t->setup = t->code = CURLE_OK;
  t->http2 = o->http2;
  t->high_water = o->high_water ? o->high_water : DEFAULT_HIGH_WATER;
  t->pause_at = t->high_water;
  t->tells_sent = o->tells_sent;
  t->sent_at = cm_clock_now();
}

cm_status cm_transfer_new(cm_transfer **out, const cm_alloc *alloc,
                          const cm_transfer_options *options, cm_transfer_queue *news,
                          cm_url_memory *last, cm_failure *failure) {
  cm_transfer *t = alloc->resize(alloc->ud, NULL, 0, sizeof *t);
  cm_status status = CM_ERR_NOMEM;

  *out = NULL;
  memset(failure, 0, sizeof *failure);
  if (t) {
    clear(t, alloc, options);
    t->news = news;
    if (options->body) t->body = cm_body_retain(options->body);
    t->response = cm_response_retain(options->response);
    status = set_up(t, options, last);
  }
  if (status == CM_OK) {
    *out = t;
    return CM_OK;
  }
  failure->status = status;
  cm_failure_say(failure, t && t->text[0] ? t->text : "not enough memory");
  cm_transfer_free(t);
  return status;
}

/* ---- the end ---- */

static void forget_headers(cm_transfer *t) {
  struct curl_slist *line;

  for (line = t->headers; line; line = line->next) cm_secret_wipe(line->data, strlen(line->data));
  curl_slist_free_all(t->headers);
  t->headers = NULL;
}

static void let_go_of_libcurl(cm_transfer *t) {
  if (t->easy) curl_easy_cleanup(t->easy);
  t->easy = NULL;
  if (t->whole) t->alloc->resize(t->alloc->ud, t->whole, t->whole_size, 0);
  t->whole = NULL;
  forget_headers(t);
}

static void let_go_of_ends(cm_transfer *t) {
  if (t->body) cm_body_release(t->body);
  if (t->response) cm_response_release(t->response);
  t->body = NULL;
  t->response = NULL;
}

void cm_transfer_free(cm_transfer *transfer) {
  if (!transfer) return;
  let_go_of_libcurl(transfer);
  let_go_of_ends(transfer);
  transfer->alloc->resize(transfer->alloc->ud, transfer, sizeof *transfer, 0);
}

void cm_transfer_detach(cm_transfer *transfer) {
  transfer->detached = 1;
  let_go_of_ends(transfer);
}

void cm_transfer_stand_in(cm_transfer *transfer, cm_transfer_queue *queue) {
  cm_transfer_withdraw(transfer);
  transfer->stands_in = queue;
  if (queue->last)
    queue->last->next = transfer;
  else
    queue->first = transfer;
  queue->last = transfer;
}

void cm_transfer_withdraw(cm_transfer *transfer) {
  cm_transfer_queue *queue = transfer->stands_in;
  cm_transfer *before = NULL, *at;

  if (!queue) return;
  for (at = queue->first; at != transfer; at = at->next) before = at;
  if (before)
    before->next = transfer->next;
  else
    queue->first = transfer->next;
  if (queue->last == transfer) queue->last = before;
  transfer->stands_in = NULL;
  transfer->next = NULL;
}

void cm_transfer_announce(cm_transfer *transfer) {
  const cm_transfer *t = transfer;

  if (t->stands_in && (t->stands_in == t->news || cm_transfer_has_only_more(t))) return;
  cm_transfer_stand_in(transfer, t->news);
}

int cm_transfer_has_only_more(const cm_transfer *transfer) {
  return transfer->has_reader && !transfer->done && !transfer->paused;
}

int cm_transfer_must_begin_anew(cm_transfer *transfer, CURLcode code) {
  int anew = transfer->stale && code == CURLE_ABORTED_BY_CALLBACK && !transfer->detached;

  transfer->stale = 0;
  return anew;
}

void cm_transfer_finish(cm_transfer *transfer, CURLcode code) {
  cm_transfer *t = transfer;

  t->connected = cm_transfer_is_connected(t);
  t->done = 1;
  /* libcurl is content with half a header if the connection then ends. */
  if (code == CURLE_OK && !t->head_complete) code = CURLE_GOT_NOTHING;
  /* It says that the server could not be reached, which is not so. */
  if (code == CURLE_COULDNT_CONNECT && t->no_socket) {
    code = CURLE_FAILED_INIT;
    snprintf(t->text, sizeof t->text, "no socket could be opened: too many open files");
  }
  if (code == CURLE_OUT_OF_MEMORY) snprintf(t->text, sizeof t->text, "not enough memory");
  /* libcurl would only say that a callback has ended it. */
  if (t->unreadable) snprintf(t->text, sizeof t->text, "%s", cm_body_problem(t->body));
  t->code = code;
  curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &t->version);
  curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &t->connects);
  if (code == CURLE_OK)
    t->text[0] = '\0';
  else if (!t->text[0])
    snprintf(t->text, sizeof t->text, "%s", curl_easy_strerror(code));
  cm_response_finish(t->response, code == CURLE_OK ? CM_OK : CM_ERR_TRANSPORT, t->text);
  curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
  let_go_of_libcurl(t);
  cm_transfer_announce(t);
}

static int has_passed(cm_transfer *t, CURLINFO moment) {
  curl_off_t microseconds = 0;

  if (!t->easy) return 0;
  return curl_easy_getinfo(t->easy, moment, &microseconds) == CURLE_OK && microseconds > 0;
}

int cm_transfer_is_connected(cm_transfer *transfer) {
  return transfer->connected || transfer->first_byte_at > 0 || transfer->cursor.part > 0 ||
         transfer->cursor.offset > 0 || has_passed(transfer, CURLINFO_PRETRANSFER_TIME_T);
}

int cm_transfer_is_resolved(cm_transfer *transfer) {
  return has_passed(transfer, CURLINFO_NAMELOOKUP_TIME_T);
}
