#include "core/http1.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "exact.h"
#include "failing_alloc.h"

void http1_tests(void);

static const char STREAM[] =
    "HTTP/1.1 100 Continue\r\n\r\n"
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Folded: one\r\n two\r\n"
    "Transfer-Encoding: chunked\r\n\r\n"
    "5;extension=1\r\nabcde\r\n3\r\nfgh\r\n0\r\nTrailer: x\r\n y\r\n\r\n";

/* Feeds text in pieces of step bytes, each in a block of its own. */
static cm_status feed(cm_http1 *http1, const char *text, size_t len, size_t step) {
  cm_status status = CM_OK;
  size_t from;

  for (from = 0; from < len && status == CM_OK; from += step) {
    cm_slice piece = exact_copy(text + from, len - from < step ? len - from : step);
    status = cm_http1_feed(http1, piece);
    exact_free(piece);
  }
  return status;
}

static cm_response *start(cm_http1 *http1, const cm_alloc *alloc) {
  cm_response *response = cm_response_new(alloc, NULL);

  if (response) cm_http1_init(http1, alloc, response);
  return response;
}

static void end(cm_http1 *http1, cm_response *response) {
  cm_http1_deinit(http1);
  cm_http1_deinit(http1);
  cm_response_release(response);
}

static void reads_nothing_beyond_its_input(void) {
  cm_response *response;
  cm_http1 http1;
  size_t step;

  for (step = 1; step <= sizeof STREAM; step++) {
    response = start(&http1, &cm_libc_alloc);
    CHECK(feed(&http1, STREAM, sizeof STREAM - 1, step) == CM_OK);
    CHECK(cm_http1_is_done(&http1) && cm_http1_keeps_alive(&http1));
    CHECK(exact_equal(cm_response_body(response), "abcdefgh"));
    end(&http1, response);
  }
}

/* Every cut leaves a state whose end has its words, and that can be given up. */
static void ends_anywhere(void) {
  cm_response *response;
  cm_http1 http1;
  size_t len;

  for (len = 0; len < sizeof STREAM - 1; len++) {
    response = start(&http1, &cm_libc_alloc);
    CHECK(feed(&http1, STREAM, len, len + 1) == CM_OK);
    CHECK(cm_http1_end(&http1, NULL) == CM_ERR_TRANSPORT);
    CHECK(cm_response_is_finished(response));
    CHECK(strcmp(cm_response_failure(response)->text, cm_http1_failure(&http1)->text) == 0);
    CHECK(strncmp(cm_http1_failure(&http1)->text, "the connection was closed ", 26) == 0);
    CHECK(cm_http1_feed(&http1, (cm_slice){ "x", 1 }) == CM_ERR_TRANSPORT);
    end(&http1, response);
  }
}

static void the_response_may_be_given_up_first(void) {
  cm_response *response;
  cm_http1 http1;

  response = start(&http1, &cm_libc_alloc);
  cm_response_release(response);
  CHECK(feed(&http1, STREAM, sizeof STREAM - 1, 10) == CM_OK);
  cm_http1_deinit(&http1);
}

/* With the n-th allocation refused, and once with none. Returns whether one was. */
static int survives(size_t allowed, size_t step) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, allowed);
  cm_http1 http1;
  cm_response *response = start(&http1, &alloc);

  if (response) {
    cm_status status = feed(&http1, STREAM, sizeof STREAM - 1, step);
    CHECK(status == (books.failed ? CM_ERR_NOMEM : CM_OK));
    CHECK(cm_http1_is_done(&http1) == !books.failed);
    CHECK(cm_response_is_finished(response));
    if (books.failed) {
      CHECK(feed(&http1, "x", 1, 1) == CM_ERR_NOMEM);
      CHECK(cm_http1_end(&http1, NULL) == CM_ERR_NOMEM);
      CHECK(cm_http1_wants(&http1) == 0 && !cm_http1_keeps_alive(&http1));
      CHECK(cm_response_failure(response)->status == CM_ERR_NOMEM);
    }
    end(&http1, response);
  }
  CHECK(books.blocks == 0 && books.live_bytes == 0);
  return books.failed;
}

static void survives_every_failing_allocation(void) {
  size_t step, allowed;

  for (step = 1; step < sizeof STREAM; step += 9) {
    for (allowed = 0; survives(allowed, step); allowed++) continue;
    CHECK(allowed > 2); /* the response, its headers, its body, and a kept header */
  }
}

/* A body is handed on from where it lies: beside the response's there is no buffer for it. */
static void keeps_nothing_of_a_body(void) {
  static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, (size_t)-1);
  cm_response *response = cm_response_new(&cm_libc_alloc, NULL);
  char *body = malloc(1000000);
  cm_slice bytes = { body, 1000000 };
  cm_http1 http1;

  memset(body, '{', 1000000);
  cm_http1_init(&http1, &alloc, response);
  CHECK(feed(&http1, head, sizeof head - 1, sizeof head) == CM_OK);
  CHECK(books.live_bytes < 1000);
  CHECK(cm_http1_feed(&http1, bytes) == CM_OK && cm_http1_is_done(&http1));
  CHECK(books.live_bytes < 1000 && cm_response_body(response).len == 1000000);
  end(&http1, response);
  CHECK(books.blocks == 0);
  free(body);
}

void http1_tests(void) {
  reads_nothing_beyond_its_input();
  ends_anywhere();
  the_response_may_be_given_up_first();
  survives_every_failing_allocation();
  keeps_nothing_of_a_body();
}
