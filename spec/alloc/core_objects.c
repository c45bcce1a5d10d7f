#include "core_objects.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/body.h"
#include "core/headers.h"
#include "core/http1.h"
#include "core/json_partial.h"
#include "core/json_writer.h"
#include "core/mark.h"
#include "core/repair.h"
#include "core/response.h"
#include "core/retell.h"
#include "core/seal.h"
#include "core/slice.h"
#include "core/splice.h"
#include "core/sse.h"
#include "core/transcript.h"
#include "core/unnamed.h"
#include "core/utf8.h"
#include "net/watches.h"
#include "os/poller.h"
#include "../c/failing_alloc.h"

/* What a scenario has said, so that a run with a refusal can be compared with one without. */
typedef uint64_t digest;

/*
** Works with the allocator, gives everything back, and adds what it gets to said. CM_OK, or
** CM_ERR_NOMEM; nothing else.
*/
typedef cm_status scenario(const cm_alloc *alloc, digest *said);

static void say(digest *said, cm_slice bytes) {
  size_t i;

  for (i = 0; i < bytes.len; i++) *said = (*said ^ (unsigned char)bytes.ptr[i]) * 1099511628211u;
  *said = (*said ^ 0x100) * 1099511628211u;
}

#define T(text) cm_slice_of(text)
#define START                                                                                      \
  "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"content\":[],"     \
  "\"role\":\"assistant\",\"stop_reason\":null,\"usage\":{\"input_tokens\":1}}}"
#define BLOCK(i, start)                                                                            \
  "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":" i               \
  ",\"content_block\":" start "}\n\n"
#define DELTA(i, delta)                                                                            \
  "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":" i               \
  ",\"delta\":" delta "}\n\n"
#define STOP(i)                                                                                    \
  "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":" i "}\n\n"
#define END(reason)                                                                                \
  "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason   \
  "\",\"new\":1},\"usage\":{\"output_tokens\":9}}\n\n"                                             \
  "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

static const char whole_stream[] = "event: message_start\ndata: " START "\n\n" BLOCK(
    "0", "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
    DELTA("0", "{\"type\":\"thinking_delta\",\"thinking\":\"caf\\u00e9\"}")
        DELTA("0", "{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}") STOP("0")
            BLOCK("1", "{\"type\":\"te\\u0078t\",\"text\":\"\"}")
                DELTA("1", "{\"type\":\"text_delta\",\"text\":\"a\\n\\ud83d\"}")
                    DELTA("1", "{\"type\":\"citations_delta\",\"citation\":{\"c\":1}}") STOP("1")
                        BLOCK("2", "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\","
                                   "\"input\":{}}")
                            DELTA("2", "{\"type\":\"input_json_delta\",\"partial_json\":"
                                       "\"{\\\"a\\\":[1,\"}") STOP("2")
                                BLOCK("3", "{\"type\":\"compaction\",\"content\":null}")
                                    DELTA("3", "{\"type\":\"compaction_delta\","
                                               "\"content\":\"so far\"}") STOP("3") END("tool_use");

/* Calls before a fallback, with and without a result: what pairs looks at. */
static const char fallback_stream[] = "event: message_start\ndata: " START "\n\n" BLOCK(
    "0", "{\"type\":\"server_tool_use\",\"id\":\"a\",\"name\":\"s\",\"input\":{}}") STOP("0")
    BLOCK("1", "{\"type\":\"s_tool_result\",\"tool_use_id\":\"a\",\"content\":[]}") STOP("1")
        BLOCK("2", "{\"type\":\"server_tool_use\",\"id\":\"b\",\"name\":\"s\",\"input\":{}}")
            STOP("2") BLOCK("3", "{\"type\":\"fallback\",\"to\":{\"model\":\"m2\"}}") STOP("3")
                BLOCK("4", "{\"type\":\"text\",\"text\":\"x\"}") STOP("4") END("end_turn");

static const char unnamed_frames[] = "data: " START "\n\n"
                                     "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
                                     "\"end_turn\"},\"usage\":{}}\n\n"
                                     "data: {\"type\":\"message_stop\"}\n\n";

static const char plain_message[] =
    "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"content\":["
    "{\"type\":\"thinking\",\"thinking\":\"t\\n\",\"signature\":\"c2ln\"},"
    "{\"type\":\"text\",\"text\":\"\\ud83d\\ude00 \\ud83d\"},"
    "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{\"a\":1}}],"
    "\"stop_reason\":\"end_turn\",\"usage\":{\"output_tokens\":9}}";

/* Bytes and text */

static cm_status strings(const cm_alloc *alloc, digest *said) {
  unsigned carry = 0;
  size_t replaced;
  cm_buffer out;
  cm_status status;

  cm_buffer_init(&out, alloc, 10000);
  status = cm_json_string_unescape(T("a\\n\\u00e9\\ud83d"), &carry, &out);
  if (status == CM_OK) status = cm_json_string_finish(&carry, &out);
  if (status == CM_OK) status = cm_json_string_escape(T("\"\\\n\1 and some more of it"), &out);
  if (status == CM_OK) status = cm_utf8_scrub(T("\xff one \xc0 two \xe2\x82"), &out, &replaced);
  say(said, cm_slice_in(&out));
  cm_buffer_deinit(&out);
  return status;
}

static cm_status writer(const cm_alloc *alloc, digest *said) {
  cm_json_writer writer;
  cm_buffer out;
  int i;

  cm_buffer_init(&out, alloc, 10000);
  cm_json_writer_init(&writer, &out);
  cm_json_writer_begin_object(&writer);
  cm_json_writer_key(&writer, T("k\n"));
  cm_json_writer_begin_array(&writer);
  for (i = 0; i < 60; i++) {
    cm_json_writer_int64(&writer, i * 1000003);
    cm_json_writer_double(&writer, i / 7.0);
    cm_json_writer_string(&writer, T("s\t"));
    cm_json_writer_bool(&writer, i % 2);
    cm_json_writer_null(&writer);
    cm_json_writer_raw(&writer, T("[ 1 ]"));
  }
  cm_json_writer_end_array(&writer);
  cm_json_writer_end_object(&writer);
  say(said, cm_slice_in(&out));
  cm_buffer_deinit(&out);
  return writer.failure;
}

static cm_status partial(const cm_alloc *alloc, digest *said) {
  size_t offset;
  cm_buffer out;
  cm_status status;

  cm_buffer_init(&out, alloc, 10000);
  status = cm_json_partial_complete(
      T("{\"a\":[1,\"x\",{\"b\":{\"c\":[[[[\"a long text that needs more room\",tr"), &out,
      &offset);
  say(said, cm_slice_in(&out));
  cm_buffer_deinit(&out);
  return status;
}

static cm_status repairs(const cm_alloc *alloc, digest *said) {
  static const char cut[] = "{\"a\":\"\\ud83d and a text that is not at its";
  cm_input_state state = CM_INPUT_OBJECT;
  cm_buffer out;
  cm_status status;

  cm_buffer_init(&out, alloc, 10000);
  status = cm_repair_judge(T(cut), alloc, &state);
  if (status == CM_OK) status = cm_repair_wrap(T(cut), &out);
  if (status == CM_OK) status = cm_repair_close(T("{\"a\":[1,{\"b\":\"c\""), &out);
  if (status == CM_OK) status = cm_repair_halves(T("[\"\\ud83d x \\ude00\"]"), &out);
  say(said, cm_slice_in(&out));
  *said += (digest)state;
  cm_buffer_deinit(&out);
  return status;
}

static cm_status spliced(const cm_alloc *alloc, digest *said) {
  cm_member members[CM_OVERLAY_MAX];
  cm_json_string name = { { "odd\\n", 5 }, 1 };
  cm_overlay overlay;
  cm_buffer out;
  cm_status status;

  cm_buffer_init(&out, alloc, 10000);
  cm_overlay_init(&overlay, alloc);
  status = cm_overlay_set_named(&overlay, "a", T("[1]"));
  if (status == CM_OK) status = cm_overlay_set(&overlay, name, T("2"));
  if (status == CM_OK) status = cm_overlay_set_named(&overlay, "a", T("{\"longer\":\"than\"}"));
  if (status == CM_OK)
    status = cm_splice(T("{ \"a\" : 0, \"z\":true}"), members,
                       cm_overlay_members(&overlay, members), &out);
  say(said, cm_slice_in(&out));
  cm_overlay_deinit(&overlay);
  cm_buffer_deinit(&out);
  return status;
}

static cm_status events(const cm_alloc *alloc, digest *said) {
  cm_slice input = T(whole_stream);
  cm_sse_event event;
  cm_status status;
  cm_sse sse;

  cm_sse_init(&sse, alloc, 10000);
  while (input.len) {
    cm_slice piece = { input.ptr, input.len < 31 ? input.len : 31 };
    input.ptr += piece.len;
    input.len -= piece.len;
    while ((status = cm_sse_next(&sse, &piece, &event)) == CM_OK) {
      say(said, event.name);
      say(said, event.data);
    }
    if (status != CM_WANT_MORE) break;
  }
  cm_sse_deinit(&sse);
  return status == CM_WANT_MORE ? CM_OK : status;
}

static cm_status header_lines(const cm_alloc *alloc, digest *said) {
  static const char *const lines[] = { "HTTP/1.1 100 Continue", "", "HTTP/1.1 200 OK",
                                       "Content-Type: text/event-stream",
                                       "request-id: req_1 and a text that needs more room" };
  cm_slice name, value;
  size_t i, position = 0;
  cm_headers headers;
  cm_status status = CM_OK;

  cm_headers_init(&headers, alloc, 10000);
  for (i = 0; i < sizeof lines / sizeof *lines && status == CM_OK; i++)
    status = cm_headers_take(&headers, T(lines[i]));
  while (status == CM_OK && cm_headers_next(&headers, &position, &name, &value)) say(said, value);
  cm_headers_deinit(&headers);
  return status;
}

/* Replies */

static cm_status tell(cm_response *response, digest *said) {
  cm_delivery delivery;
  cm_slice frame;
  cm_status status;

  while ((status = cm_response_next(response, &delivery)) == CM_OK) {
    *said += (digest)delivery.kind;
    say(said, delivery.text);
    status = cm_response_frame(response, &frame);
    if (status != CM_OK) return status;
    say(said, frame);
    cm_response_taken(response);
  }
  return status == CM_END ? CM_OK : status;
}

static cm_status feed(cm_response *response, const char *type, const char *bytes, size_t step) {
  size_t len = strlen(bytes), at;
  cm_status status = cm_response_on_header(response, T("HTTP/1.1 200 OK"));

  if (status == CM_OK) status = cm_response_on_header(response, T(type));
  for (at = 0; at < len && status == CM_OK; at += step)
    status =
        cm_response_on_body(response, (cm_slice){ bytes + at, len - at < step ? len - at : step });
  cm_response_finish(response, CM_OK, NULL);
  return status;
}

static cm_status seal(const cm_alloc *alloc, const cm_message *message, cm_seal_mode mode,
                      digest *said) {
  cm_seal sealed;
  cm_status status;
  size_t i;

  cm_seal_init(&sealed, alloc, 10000);
  status = cm_seal_message(&sealed, message, mode);
  say(said, cm_slice_in(&sealed.bytes));
  for (i = 0; i < sealed.count; i++) *said += (digest)sealed.changes[i].rule;
  cm_seal_deinit(&sealed);
  return status;
}

static cm_status render(const cm_alloc *alloc, const cm_message *message, digest *said) {
  cm_buffer out;
  cm_status status;

  cm_buffer_init(&out, alloc, (size_t)-1);
  status = cm_message_render(message, &out);
  if (status == CM_OK) status = cm_message_render_head(message, &out);
  if (status == CM_OK) status = cm_message_render_account(message, &out);
  say(said, cm_slice_in(&out));
  cm_buffer_deinit(&out);
  return status;
}

/* Whatever has come of a reply that broke off can be told, and kept. */
static cm_status render_all(const cm_alloc *alloc, const cm_message *message, cm_seal_mode mode,
                            digest *said) {
  cm_status status = render(alloc, message, said);

  if (status == CM_OK || status == CM_END) status = seal(alloc, message, mode, said);
  return status;
}

/* What a reply becomes, from its bytes to what it adds to a conversation. */
static cm_status reply(const cm_alloc *alloc, const char *type, const char *bytes,
                       cm_seal_mode mode, digest *said) {
  cm_response *response = cm_response_new(alloc, NULL);
  const cm_message *message;
  cm_status status;
  digest unsaid = 0;

  if (!response) return CM_ERR_NOMEM;
  message = cm_response_message(response);
  status = feed(response, type, bytes, 61);
  if (status == CM_OK) status = tell(response, said);
  if (status == CM_ERR_INCOMPLETE && mode == CM_SEAL_KEEP) status = CM_OK;
  if (status == CM_OK)
    status = render_all(alloc, message, mode, said);
  else
    render_all(alloc, message, CM_SEAL_KEEP, &unsaid);
  cm_response_release(response);
  return status;
}

#define STREAM "Content-Type: text/event-stream"

static cm_status streamed_reply(const cm_alloc *alloc, digest *said) {
  return reply(alloc, STREAM, whole_stream, CM_SEAL_WHOLE, said);
}

static cm_status reply_with_fallback(const cm_alloc *alloc, digest *said) {
  return reply(alloc, STREAM, fallback_stream, CM_SEAL_WHOLE, said);
}

static cm_status unnamed_reply(const cm_alloc *alloc, digest *said) {
  return reply(alloc, STREAM, unnamed_frames, CM_SEAL_WHOLE, said);
}

static cm_status plain_reply(const cm_alloc *alloc, digest *said) {
  return reply(alloc, "Content-Type: application/json", plain_message, CM_SEAL_WHOLE, said);
}

static cm_status cut_reply(const cm_alloc *alloc, digest *said) {
  char cut[sizeof whole_stream];

  memcpy(cut, whole_stream, sizeof cut);
  cut[sizeof cut / 2] = '\0';
  return reply(alloc, STREAM, cut, CM_SEAL_KEEP, said);
}

/* An event that found no memory can be asked for again. */
static cm_status retold_message(const cm_alloc *alloc, digest *said) {
  cm_delivery delivery;
  cm_slice frame;
  cm_buffer body;
  cm_message message;
  cm_retell retell;
  cm_status status;
  int refused = 0;

  cm_message_init(&message, alloc, 10000);
  cm_retell_init(&retell, alloc, 10000);
  cm_buffer_init(&body, alloc, 10000);
  status = cm_buffer_append(&body, T(plain_message));
  if (status == CM_OK) status = cm_message_load(&message, &body);
  while (status == CM_OK) {
    status = cm_retell_next(&retell, &message, &delivery, &frame);
    if (status == CM_OK) say(said, frame);
    if (status == CM_ERR_NOMEM && !refused++) status = CM_OK;
  }
  cm_retell_deinit(&retell);
  cm_message_deinit(&message);
  cm_buffer_deinit(&body);
  return status == CM_END ? CM_OK : status;
}

static cm_status api_error(const cm_alloc *alloc, digest *said) {
  cm_response *response = cm_response_new(alloc, NULL);
  cm_api_error error;
  cm_status status;

  if (!response) return CM_ERR_NOMEM;
  status = cm_response_on_header(response, T("HTTP/1.1 529 Busy"));
  if (status == CM_OK)
    status = cm_response_on_body(
        response,
        T("{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}"));
  cm_response_finish(response, CM_OK, NULL);
  if (status == CM_OK && cm_response_api_error(response, &error)) say(said, error.type.body);
  cm_response_release(response);
  return status;
}

static cm_status streamed_body(const cm_alloc *alloc, digest *said) {
  cm_response *response = cm_response_new(alloc, NULL);
  cm_status status;
  cm_slice bytes;

  if (!response) return CM_ERR_NOMEM;
  cm_response_stream_body(response);
  status = feed(response, "Content-Type: text/plain", "line one\nline two is longer\r\nthree", 5);
  while (status == CM_OK) {
    status = cm_response_next_line(response, &bytes);
    if (status == CM_OK) say(said, bytes);
    if (status == CM_OK) cm_response_taken(response);
  }
  cm_response_release(response);
  return status == CM_END ? CM_OK : status;
}

static cm_status http_response(const cm_alloc *alloc, digest *said) {
  static const char bytes[] = "HTTP/1.1 200 OK\r\nX-Folded: a text that is not short\r\n and "
                              "goes on\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain"
                              "\r\n\r\n5;extension=1\r\nhello\r\n6\r\n world\r\n0\r\nT: x\r\n\r\n";
  cm_response *response = cm_response_new(alloc, NULL);
  cm_status status = CM_OK;
  cm_http1 http1;
  size_t at;

  if (!response) return CM_ERR_NOMEM;
  cm_http1_init(&http1, alloc, response);
  for (at = 0; at < sizeof bytes - 1 && status == CM_OK; at++)
    status = cm_http1_feed(&http1, (cm_slice){ bytes + at, 1 });
  say(said, cm_response_body(response));
  cm_http1_deinit(&http1);
  cm_response_release(response);
  return status;
}

/* Requests */

/* A message that could not be added has changed nothing, and can be added again. */
static cm_status append(cm_transcript *transcript, const char *message) {
  size_t count = cm_transcript_count(transcript), bytes = cm_transcript_bytes(transcript);
  cm_status status = cm_transcript_append(transcript, CM_ROLE_USER, T(message));

  if (status == CM_OK) return CM_OK;
  return cm_transcript_count(transcript) == count && cm_transcript_bytes(transcript) == bytes
             ? status
             : CM_ERR_PROTOCOL;
}

static cm_status fill(cm_transcript *transcript, int count) {
  cm_status status = CM_OK;
  int i;

  for (i = 0; i < count && status == CM_OK; i++)
    status =
        append(transcript, i % 2 ? "{\"role\":\"user\",\"content\":\"a\"}"
                                 : "{\"role\":\"assistant\",\"content\":[{\"b\":1},{\"c\":2}]}");
  return status;
}

static cm_status send(const cm_transcript *transcript, const cm_alloc *alloc, digest *said) {
  cm_transcript_mark marks[2] = { { 0, 1, { "{\"type\":\"ephemeral\"}", 20 } },
                                  { 3, 0, { "{}", 2 } } };
  cm_body_cursor cursor = { 0, 0 };
  cm_body *body = cm_body_new(alloc);
  cm_status status;
  char piece[100];
  size_t n;

  if (!body) return CM_ERR_NOMEM;
  status = cm_body_append_copy(body, T("{\"messages\":["));
  if (status == CM_OK) status = cm_transcript_render_marked(transcript, marks, 2, body);
  if (status == CM_OK) status = cm_body_append_static(body, T("]}"));
  while (status == CM_OK && (n = cm_body_read(body, &cursor, piece, sizeof piece)) > 0)
    say(said, (cm_slice){ piece, n });
  cm_body_release(body);
  return status;
}

static cm_status conversation(const cm_alloc *alloc, digest *said) {
  cm_transcript transcript, fork;
  cm_status status;

  cm_transcript_init(&transcript, alloc);
  cm_transcript_init(&fork, alloc);
  status = fill(&transcript, 20);
  cm_transcript_fork(&transcript, &fork);
  cm_transcript_truncate(&transcript, 4);
  if (status == CM_OK) status = fill(&transcript, 5);
  if (status == CM_OK) status = send(&transcript, alloc, said);
  if (status == CM_OK) status = send(&fork, alloc, said);
  cm_transcript_deinit(&transcript);
  cm_transcript_deinit(&fork);
  return status;
}

/* Waiting */

static cm_status watched_descriptors(const cm_alloc *alloc, digest *said) {
  cm_status status = CM_OK;
  cm_watches watches;
  int fd, mask;

  cm_watches_init(&watches, alloc);
  for (fd = 1000; fd < 1040 && status == CM_OK; fd++) status = cm_watches_note(&watches, fd, 1);
  while (status == CM_OK && cm_watches_change(&watches, &fd, &mask)) *said += (digest)fd;
  cm_watches_deinit(&watches);
  return status;
}

static cm_status poller(const cm_alloc *alloc, digest *said) {
  cm_poller *made = cm_poller_new(alloc);
  cm_poller_event event;
  cm_status status;

  if (!made) return CM_ERR_NOMEM;
  status = cm_poller_watch(made, 1, CM_POLLER_WRITE);
  *said += (digest)(cm_poller_wait(made, 0, &event, 1) >= 0);
  cm_poller_free(made);
  return status == CM_ERR_TRANSPORT ? CM_OK : status; /* a file is always ready: not watched */
}

static const struct {
  const char *name;
  scenario *run;
} scenarios[] = {
  { "strings", strings },
  { "JSON writer", writer },
  { "partial JSON", partial },
  { "repairs", repairs },
  { "splice", spliced },
  { "events", events },
  { "headers", header_lines },
  { "streamed reply", streamed_reply },
  { "reply with fallback", reply_with_fallback },
  { "unnamed reply", unnamed_reply },
  { "plain reply", plain_reply },
  { "cut reply", cut_reply },
  { "retold message", retold_message },
  { "API error", api_error },
  { "streamed body", streamed_body },
  { "HTTP/1.1", http_response },
  { "conversation", conversation },
  { "watches", watched_descriptors },
  { "poller", poller },
};

static void complain(core_figures *figures, size_t which, size_t allowed, const char *what) {
  figures->failed++;
  fprintf(stderr, "%s: after %lu allocations: %s\n", scenarios[which].name, (unsigned long)allowed,
          what);
}

/* One run; returns whether an allocation was refused. */
static int run(core_figures *figures, size_t which, size_t allowed, int once, digest expected) {
  failing_alloc books;
  cm_alloc alloc = failing_alloc_over(&books, allowed);
  digest said = 0;
  cm_status status;

  books.once = once;
  status = scenarios[which].run(&alloc, &said);
  figures->leaked_bytes += (long)books.live_bytes;
  if (books.blocks) complain(figures, which, allowed, "not everything was given back");
  if (status != CM_OK && status != CM_ERR_NOMEM) complain(figures, which, allowed, "another error");
  if (status == CM_ERR_NOMEM && !books.failed)
    complain(figures, which, allowed, "no memory, though none was refused");
  if (status == CM_OK && said != expected) complain(figures, which, allowed, "another result");
  figures->refused += books.failed;
  return books.failed;
}

void core_objects_run(core_figures *figures) {
  size_t i, allowed;
  int once;

  memset(figures, 0, sizeof *figures);
  for (i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    digest expected = 0;
    if (scenarios[i].run(&cm_libc_alloc, &expected) != CM_OK)
      complain(figures, i, 0, "it fails by itself");
    for (once = 0; once <= 1; once++)
      for (allowed = 0; run(figures, i, allowed, once, expected); allowed++) continue;
    figures->scenarios++;
  }
}
