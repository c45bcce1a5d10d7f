#include "core/http1.h"

#include <stdio.h>
#include <string.h>

#include "core/http_syntax.h"
#include "core/slice.h"

enum { MAX_CHUNK_HEADER = 4096, CRLF_BYTES = 2 };

static const char SCHEME[] = "HTTP/";

void cm_http1_init(cm_http1 *h, const cm_alloc *alloc, cm_response *response) {
  memset(h, 0, sizeof *h);
  h->response = cm_response_retain(response);
  h->length = -1;
  cm_buffer_init(&h->line, alloc, (size_t)-1); /* next_line bounds what goes in */
  cm_buffer_init(&h->field, alloc, (size_t)-1);
}

void cm_http1_deinit(cm_http1 *h) {
  cm_buffer_deinit(&h->line);
  cm_buffer_deinit(&h->field);
  cm_response_release(h->response);
  h->response = NULL;
}

/* Failure */

static cm_status fail(cm_http1 *h, cm_status status, const char *text) {
  h->failure.status = status;
  cm_failure_say(&h->failure, text);
  cm_response_finish(h->response, status, h->failure.text);
  return status;
}

static cm_status refuse(cm_http1 *h, const char *text) {
  return fail(h, CM_ERR_PROTOCOL, text);
}

/* The format has one %.*s, for a token that the server chose. */
static cm_status refuse_token(cm_http1 *h, const char *format, cm_slice token) {
  enum { SHOWN = 40 };
  char text[sizeof h->failure.text];

  snprintf(text, sizeof text, format, token.len < SHOWN ? (int)token.len : SHOWN, token.ptr);
  return refuse(h, text);
}

static cm_status fail_nomem(cm_http1 *h) {
  return fail(h, CM_ERR_NOMEM, "not enough memory");
}

/* What a writer of the response returned. */
static cm_status by_response(cm_http1 *h, cm_status status) {
  return status == CM_OK ? CM_OK : fail(h, status, cm_response_failure(h->response)->text);
}

/* Lines */

/*
** Moves the next line, with its end and at most so long, from *input to *line. It
** stays until the next call, or for as long as the input.
*/
static cm_status next_line(cm_http1 *h, cm_slice *input, size_t most, cm_slice *line) {
  const char *lf = memchr(input->ptr, '\n', input->len);
  size_t taken = lf ? (size_t)(lf - input->ptr) + 1 : input->len;

  if (taken > most - h->line.len) return CM_ERR_LIMIT;
  *line = cm_http_cut(*input, 0, taken);
  *input = cm_http_cut(*input, taken, input->len);
  if (lf && h->line.len == 0) return CM_OK;
  if (cm_buffer_append(&h->line, *line) != CM_OK) return CM_ERR_NOMEM;
  if (!lf) return CM_WANT_MORE;
  *line = cm_slice_in(&h->line);
  cm_buffer_clear(&h->line);
  return CM_OK;
}

static int ends_in_crlf(cm_slice line) {
  return line.len >= 2 && line.ptr[line.len - 2] == '\r';
}

static cm_slice without_end(cm_slice line) {
  return cm_http_cut(line, 0, line.len - (ends_in_crlf(line) ? 2 : 1));
}

/* The end of the message */

static cm_status complete(cm_http1 *h) {
  h->state = CM_HTTP1_DONE;
  cm_response_finish(h->response, CM_OK, NULL);
  return CM_OK;
}

/* The status line */

/*
** Something else, such as TLS, may never send a line end: so the first bytes are
** looked at as they come. Those in h->line have been.
*/
static int begins_like_http(const cm_http1 *h, cm_slice input, size_t most) {
  size_t i = h->line.len, at;

  for (at = 0; at < input.len && i < sizeof SCHEME - 1 && i < most; at++, i++)
    if (input.ptr[at] != SCHEME[i]) return 0;
  return 1;
}

/* "HTTP/1.1 200 OK": fixed places up to the reason. */
static cm_status take_status_line(cm_http1 *h, cm_slice line) {
  enum { MINOR = 7, STATUS = 9, REASON = 12 };
  const char *at = line.ptr;

  if (line.len < STATUS || memcmp(at, "HTTP/1.", MINOR) != 0 || cm_http_digit(at[MINOR]) > 9 ||
      at[MINOR + 1] != ' ')
    return refuse(h, "the status line is not that of HTTP/1.0 or HTTP/1.1");
  if (line.len < REASON || (line.len > REASON && at[REASON] != ' ') || at[STATUS] == '0' ||
      cm_http_number(cm_http_cut(line, STATUS, REASON), 10) < 0)
    return refuse(h, "the status line has no status of three digits");
  if (cm_http_has_control(line)) return refuse(h, "the status line holds a control character");
  h->status = (int)cm_http_number(cm_http_cut(line, STATUS, REASON), 10);
  h->minor = at[MINOR] != '0';
  h->state = CM_HTTP1_HEADERS;
  if (h->status == 101) return refuse(h, "the server switches protocols (status 101), unasked");
  if (h->status < 200) return CM_OK;
  return by_response(h, cm_response_on_header(h->response, line));
}

/* Headers */

static cm_status take_content_length(cm_http1 *h, cm_slice value) {
  cm_slice element;

  while (cm_http_next_element(&value, &element)) {
    int64_t length = cm_http_number(element, 10);
    if (length < 0) return refuse(h, "the header Content-Length is not a number of bytes");
    if (h->length >= 0 && h->length != length)
      return refuse(h, "the header Content-Length is given with two different values");
    h->length = length;
  }
  return CM_OK;
}

static cm_status take_transfer_encoding(cm_http1 *h, cm_slice value) {
  if (h->minor == 0) return refuse(h, "an answer in HTTP/1.0 cannot have Transfer-Encoding");
  if (h->chunked || !cm_http_is_word(value, "chunked"))
    return refuse(h, "the header Transfer-Encoding is more or other than \"chunked\"");
  h->chunked = 1;
  return CM_OK;
}

static cm_status take_content_encoding(cm_http1 *h, cm_slice value) {
  if (value.len == 0 || cm_http_is_word(value, "identity")) return CM_OK;
  if (!cm_http_is_token(value)) return refuse(h, "the body is encoded (Content-Encoding), unasked");
  return refuse_token(h, "the body is encoded (Content-Encoding: %.*s), unasked", value);
}

static cm_status take_connection(cm_http1 *h, cm_slice value) {
  cm_slice option;

  while (cm_http_next_element(&value, &option)) {
    if (cm_http_is_word(option, "close")) h->says_close = 1;
    if (cm_http_is_word(option, "keep-alive")) h->says_keep_alive = 1;
  }
  return CM_OK;
}

static cm_status heed(cm_http1 *h, cm_slice name, cm_slice value) {
  if (cm_http_is_word(name, "content-length")) return take_content_length(h, value);
  if (cm_http_is_word(name, "transfer-encoding")) return take_transfer_encoding(h, value);
  if (cm_http_is_word(name, "content-encoding")) return take_content_encoding(h, value);
  if (cm_http_is_word(name, "connection")) return take_connection(h, value);
  return CM_OK;
}

static int is_of_the_answer(const cm_http1 *h) {
  return h->state == CM_HTTP1_HEADERS && h->status >= 200;
}

static cm_status take_header(cm_http1 *h, cm_slice line) {
  const char *colon = memchr(line.ptr, ':', line.len);
  cm_slice name, value;
  cm_status status;

  if (!colon) return refuse(h, "a header line has no colon");
  name = cm_http_cut(line, 0, (size_t)(colon - line.ptr));
  if (!cm_http_is_token(name))
    return refuse(h, "a header's name is empty, or holds more than a token may");
  value = cm_http_trim(cm_http_cut(line, name.len + 1, line.len));
  if (cm_http_has_control(value))
    return refuse_token(h, "the header %.*s holds a control character", name);
  if (!is_of_the_answer(h)) return CM_OK;
  status = heed(h, name, value);
  return status == CM_OK ? by_response(h, cm_response_on_header(h->response, line)) : status;
}

/* The header that was kept back is whole now. */
static cm_status take_kept_header(cm_http1 *h) {
  cm_slice line = cm_slice_in(&h->field);

  cm_buffer_clear(&h->field);
  return line.len ? take_header(h, line) : CM_OK;
}

static cm_status keep_header(cm_http1 *h, cm_slice line) {
  cm_status status = take_kept_header(h);

  if (status != CM_OK) return status;
  return cm_buffer_append(&h->field, line) == CM_OK ? CM_OK : fail_nomem(h);
}

static cm_status unfold(cm_http1 *h, cm_slice line) {
  cm_status status;

  if (h->field.len == 0) return refuse(h, "a blank stands in front of the first header");
  status = cm_buffer_append_text(&h->field, " ");
  if (status == CM_OK) status = cm_buffer_append(&h->field, cm_http_trim(line));
  return status == CM_OK ? CM_OK : fail_nomem(h);
}

/* RFC 9112 §6.3: how long the body is. */
static cm_status begin_body(cm_http1 *h) {
  if (h->status == 204 || h->status == 304) return complete(h);
  if (h->chunked && h->length >= 0)
    return refuse(h, "the answer has both Transfer-Encoding and Content-Length");
  if (h->length == 0) return complete(h);
  h->left = h->length;
  h->state = h->chunked       ? CM_HTTP1_CHUNK_HEADER
             : h->length >= 0 ? CM_HTTP1_BODY
                              : CM_HTTP1_BODY_TO_END;
  return CM_OK;
}

static cm_status end_block(cm_http1 *h) {
  cm_status status = take_kept_header(h);

  if (status != CM_OK) return status;
  if (h->state == CM_HTTP1_TRAILERS) return complete(h);
  if (h->status < 200) {
    h->state = CM_HTTP1_STATUS_LINE;
    return CM_OK;
  }
  status = by_response(h, cm_response_on_header(h->response, cm_slice_of("")));
  return status == CM_OK ? begin_body(h) : status;
}

static cm_status take_head_line(cm_http1 *h, cm_slice line) {
  if (h->state == CM_HTTP1_STATUS_LINE) return take_status_line(h, line);
  if (line.len == 0) return end_block(h);
  return cm_http_is_blank(line.ptr[0]) ? unfold(h, line) : keep_header(h, line);
}

static cm_status read_head(cm_http1 *h, cm_slice *input) {
  size_t most = cm_response_max_header_bytes(h->response) - h->header_bytes;
  cm_slice line;
  cm_status status;

  if (h->state == CM_HTTP1_STATUS_LINE && !begins_like_http(h, *input, most))
    return refuse(h, "what the server sends is not HTTP/1.1");
  status = next_line(h, input, most, &line);
  if (status == CM_ERR_LIMIT)
    return fail(h, status, "the headers are larger than max_header_bytes");
  if (status == CM_ERR_NOMEM) return fail_nomem(h);
  if (status != CM_OK) return status;
  h->header_bytes += line.len;
  return take_head_line(h, without_end(line));
}

/* The body */

static cm_status begin_chunk(cm_http1 *h, cm_slice line) {
  size_t digits = 0;
  cm_slice rest;

  while (digits < line.len && cm_http_digit(line.ptr[digits]) < 16) digits++;
  h->left = cm_http_number(cm_http_cut(line, 0, digits), 16);
  if (h->left < 0) return refuse(h, "a chunk's size is not a hexadecimal number of bytes");
  rest = cm_http_trim(cm_http_cut(line, digits, line.len));
  if (digits < line.len && (rest.len == 0 || rest.ptr[0] != ';'))
    return refuse(h, "a chunk's size is followed by something other than an extension");
  h->state = h->left ? CM_HTTP1_CHUNK_DATA : CM_HTTP1_TRAILERS;
  return CM_OK;
}

static cm_status read_chunk_header(cm_http1 *h, cm_slice *input) {
  cm_slice line;
  cm_status status = next_line(h, input, MAX_CHUNK_HEADER, &line);

  if (status == CM_ERR_LIMIT) return fail(h, status, "a chunk's header is longer than 4096 bytes");
  if (status == CM_ERR_NOMEM) return fail_nomem(h);
  if (status != CM_OK) return status;
  if (!ends_in_crlf(line)) return refuse(h, "a chunk's header does not end in CRLF");
  if (cm_http_has_control(without_end(line)))
    return refuse(h, "a chunk's header holds a control character");
  return begin_chunk(h, without_end(line));
}

/* Here left counts the bytes of the CRLF. */
static cm_status read_chunk_end(cm_http1 *h, cm_slice *input) {
  for (; h->left > 0 && input->len > 0; h->left--) {
    if (input->ptr[0] != (h->left == CRLF_BYTES ? '\r' : '\n'))
      return refuse(h, "a chunk's data is not followed by CRLF");
    *input = cm_http_cut(*input, 1, input->len);
  }
  if (h->left == 0) h->state = CM_HTTP1_CHUNK_HEADER;
  return CM_OK;
}

static cm_status pass_on(cm_http1 *h, cm_slice *input, size_t size) {
  cm_slice bytes = cm_http_cut(*input, 0, size);

  *input = cm_http_cut(*input, size, input->len);
  return by_response(h, cm_response_on_body(h->response, bytes));
}

static cm_status read_data(cm_http1 *h, cm_slice *input) {
  size_t size = (uint64_t)h->left < input->len ? (size_t)h->left : input->len;
  cm_status status = pass_on(h, input, size);

  h->left -= (int64_t)size;
  if (status != CM_OK || h->left > 0) return status;
  if (h->state == CM_HTTP1_BODY) return complete(h);
  h->state = CM_HTTP1_CHUNK_END;
  h->left = CRLF_BYTES;
  return CM_OK;
}

/* Reads on until a state may have changed; CM_WANT_MORE: the input is used up. */
static cm_status advance(cm_http1 *h, cm_slice *input) {
  switch (h->state) {
  case CM_HTTP1_STATUS_LINE:
  case CM_HTTP1_HEADERS:
  case CM_HTTP1_TRAILERS:
    return read_head(h, input);
  case CM_HTTP1_CHUNK_HEADER:
    return read_chunk_header(h, input);
  case CM_HTTP1_CHUNK_END:
    return read_chunk_end(h, input);
  case CM_HTTP1_BODY:
  case CM_HTTP1_CHUNK_DATA:
    return read_data(h, input);
  case CM_HTTP1_BODY_TO_END:
    return pass_on(h, input, input->len);
  default:
    h->surplus = 1;
    return CM_WANT_MORE;
  }
}

cm_status cm_http1_feed(cm_http1 *h, cm_slice bytes) {
  cm_status status = h->failure.status;

  while (status == CM_OK && bytes.len > 0) status = advance(h, &bytes);
  return status == CM_WANT_MORE ? CM_OK : status;
}

/* The end of the connection */

static void say_where(const cm_http1 *h, char *out, size_t size) {
  long long left = (long long)h->left;

  switch (h->state) {
  case CM_HTTP1_STATUS_LINE:
    snprintf(out, size, h->line.len ? "in the status line" : "before the status line");
    break;
  case CM_HTTP1_HEADERS:
    snprintf(out, size, "in the headers");
    break;
  case CM_HTTP1_CHUNK_HEADER:
    snprintf(out, size, h->line.len ? "in a chunk's header" : "before the last chunk");
    break;
  case CM_HTTP1_CHUNK_DATA:
    snprintf(out, size, "in a chunk, of which %lld bytes are missing", left);
    break;
  case CM_HTTP1_CHUNK_END:
    snprintf(out, size, "between two chunks");
    break;
  case CM_HTTP1_TRAILERS:
    snprintf(out, size, "in the trailers");
    break;
  case CM_HTTP1_BODY:
    snprintf(out, size, "in the body, of which %lld bytes are missing", left);
    break;
  default:
    snprintf(out, size, "in the body");
  }
}

cm_status cm_http1_end(cm_http1 *h, const char *text) {
  char where[80], whole[2 * sizeof h->failure.text];

  h->ended = 1;
  if (h->failure.status != CM_OK) return h->failure.status;
  if (h->state == CM_HTTP1_DONE) return CM_OK;
  if (h->state == CM_HTTP1_BODY_TO_END && !text) return complete(h);
  say_where(h, where, sizeof where);
  if (text)
    snprintf(whole, sizeof whole, "%s: %.200s", where, text);
  else
    snprintf(whole, sizeof whole, "the connection was closed %s", where);
  return fail(h, CM_ERR_TRANSPORT, whole);
}

/* What has come */

int cm_http1_is_done(const cm_http1 *http1) {
  return http1->state == CM_HTTP1_DONE;
}

int cm_http1_keeps_alive(const cm_http1 *h) {
  return h->state == CM_HTTP1_DONE && !h->surplus && !h->ended && !h->says_close &&
         (h->minor > 0 || h->says_keep_alive);
}

int64_t cm_http1_wants(const cm_http1 *h) {
  if (h->failure.status != CM_OK || h->ended) return 0;
  switch (h->state) {
  case CM_HTTP1_DONE:
    return 0;
  case CM_HTTP1_BODY:
  case CM_HTTP1_CHUNK_END:
    return h->left;
  case CM_HTTP1_BODY_TO_END:
    return 1;
  case CM_HTTP1_CHUNK_DATA:
    return h->left + CRLF_BYTES; /* one read less */
  default:
    return CM_HTTP1_LINE;
  }
}

const cm_failure *cm_http1_failure(const cm_http1 *http1) {
  return &http1->failure;
}
