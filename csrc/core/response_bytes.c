/* The reader's side of a streamed body: its bytes or its lines, as they come. */
#include "core/response_state.h"

#include <string.h>

/* So many of the unread bytes are the reader's, and the ones behind them are done with. */
static cm_status hand_out(cm_response *r, size_t length, size_t behind) {
  size_t unread;

  r->piece = cm_queue_unread(&r->queue);
  unread = r->piece.len;
  r->piece.len = length;
  cm_queue_leave(&r->queue, unread - length - behind);
  r->handed += length + behind;
  r->scanned = 0;
  r->queue.borrowed = r->pending = 1;
  return CM_OK;
}

/* Nothing more can be handed out of what has come. */
static cm_status judge_bytes(cm_response *r) {
  cm_queue_drop_read(&r->queue);
  if (!r->finished) return CM_WANT_MORE;
  return r->transport == CM_OK ? CM_END : cm_response_fail_by_transport(r, r->handed);
}

static cm_status next_bytes(cm_response *r, size_t most) {
  size_t unread = cm_queue_unread(&r->queue).len;

  if (unread == 0) return judge_bytes(r);
  return hand_out(r, unread < most ? unread : most, 0);
}

static cm_status fail_line(cm_response *r) {
  return cm_response_fail(r, CM_ERR_LIMIT, r->handed, "a line is longer than max_line_bytes");
}

static cm_status hand_out_line(cm_response *r, size_t length, size_t end) {
  const char *line = cm_queue_unread(&r->queue).ptr;

  if (length > 0 && line[length - 1] == '\r') length--, end++;
  return length > r->limits.max_line_bytes ? fail_line(r) : hand_out(r, length, end);
}

static cm_status next_line(cm_response *r) {
  cm_slice unread = cm_queue_unread(&r->queue);
  const char *end = memchr(unread.ptr + r->scanned, '\n', unread.len - r->scanned);

  if (end) return hand_out_line(r, (size_t)(end - unread.ptr), 1);
  r->scanned = unread.len;
  /* One byte more may be the "\r" of the line's end. */
  if (unread.len > 0 && unread.len - 1 > r->limits.max_line_bytes) return fail_line(r);
  if (unread.len > 0 && r->finished && r->transport == CM_OK)
    return hand_out_line(r, unread.len, 0);
  return judge_bytes(r);
}

/* most = 0: a line. */
static cm_status next_piece(cm_response *r, size_t most, cm_slice *piece) {
  cm_status status = CM_OK;

  if (!r->pending) {
    cm_response_begin_next(r);
    if (r->failure.status != CM_OK) return r->failure.status;
    if (r->form != CM_FORM_BYTES) return r->finished ? CM_END : CM_WANT_MORE;
    status = most > 0 ? next_bytes(r, most) : next_line(r);
    if (status == CM_END || status < 0) cm_response_drop_working_memory(r);
    if (status != CM_OK) return status;
  }
  *piece = r->piece;
  return CM_OK;
}

cm_status cm_response_next_bytes(cm_response *response, size_t most, cm_slice *bytes) {
  return next_piece(response, most > 0 ? most : 1, bytes);
}

cm_status cm_response_next_line(cm_response *response, cm_slice *line) {
  return next_piece(response, 0, line);
}
