/* The reader's side of a response: what comes next. */
#include "core/response_state.h"

#include <string.h>

#include "core/delta.h"
#include "core/slice.h"

enum { MOST_AT_ONCE = 64 * 1024 }; /* bytes of frames: their text should not leave the cache */

static const cm_slice UNTOLD = { NULL, 0 };

/* Reading ahead */

int cm_response_read_deltas(cm_response *r, cm_slice *input, size_t most) {
  size_t before = input->len, count;

  count = cm_ahead_read(&r->ahead, &r->message, input, r->limits.max_event_bytes, most);
  if (count == 0) return 0;
  cm_sse_skip_event(&r->sse, before - input->len);
  r->unnamed.named = 1;
  r->content_frames += count;
  return 1;
}

/* Whether the next byte of the queue begins a frame, and nothing has to be said before it. */
static int is_between_frames(const cm_response *r) {
  if (r->failure.status != CM_OK || r->form != CM_FORM_STREAM || r->message.ended) return 0;
  if (r->takes_no_short_cut) return 0;
  return !r->event_waits && !r->unnamed.waits && cm_sse_is_between_events(&r->sse);
}

/* Whether the piece that has begun, if any, may go on with the frame that unread begins with. */
static int may_go_on(cm_response *r, cm_slice unread) {
  if (!r->piece_begun) return 1;
  return cm_delta_begins(&r->ahead.head, unread) &&
         cm_response_goes_on(r->piece_begun, r->ahead.head.kind, r->ahead.head.index);
}

/* Nearly every frame is one more delta to the same block: those that are next in the queue are
   read together, as whole frames that nobody cuts into lines and fields. */
static int read_queue_ahead(cm_response *r) {
  cm_slice unread = cm_queue_unread(&r->queue);
  int any;

  if (!may_go_on(r, unread)) return 0;
  any = cm_response_read_deltas(r, &unread, MOST_AT_ONCE);
  cm_queue_leave(&r->queue, unread.len);
  return any;
}

/* Next */

void cm_response_drop_working_memory(cm_response *r) {
  cm_queue_deinit(&r->queue);
  cm_buffer_deinit(&r->held);
  cm_ahead_deinit(&r->ahead);
  cm_sse_deinit(&r->sse);
  cm_unnamed_deinit(&r->unnamed);
  cm_retell_deinit(&r->retell);
}

static cm_status next_of_plain(cm_response *r) {
  cm_status status;

  if (r->failure.status != CM_OK) return r->failure.status;
  if (!r->finished) return CM_WANT_MORE;
  if (!r->message.loaded) return CM_END;
  status = cm_retell_next(&r->retell, &r->message, &r->delivery, &r->raw);
  return status < 0 ? cm_response_fail_by(r, status, 0, "the message is too large") : status;
}

void cm_response_begin_next(cm_response *r) {
  cm_status status = cm_queue_give_back(&r->queue);

  r->raw = cm_slice_of("");
  if (status != CM_OK) cm_response_fail_by(r, status, 0, CM_RESPONSE_TOO_MUCH_WAITS);
}

/* Whether all that is left may be the beginning of a delta's frame: it waits for its end. */
static int waits_for_rest(const cm_response *r) {
  cm_slice unread = cm_queue_unread(&r->queue);

  if (r->finished || unread.len == 0 || !r->steady) return 0;
  return unread.len <= CM_RESPONSE_SMALL_FRAME && unread.len <= r->limits.max_event_bytes &&
         cm_delta_may_begin(unread);
}

/* Apart from the short cut, whose way it would make longer. */
__attribute__((noinline)) static cm_status next_delivery(cm_response *r) {
  cm_status status;

  cm_response_begin_next(r);
  if (waits_for_rest(r)) {
    cm_queue_shrink(&r->queue);
    r->looked_at = cm_queue_length(&r->queue);
    return CM_WANT_MORE;
  }
  status = r->form == CM_FORM_PLAIN ? next_of_plain(r) : cm_response_next_event(r);
  if (status == CM_WANT_MORE) cm_queue_drop_read(&r->queue);
  if (status == CM_END || status < 0) cm_response_drop_working_memory(r);
  r->steady = status >= 0 && status != CM_END && is_between_frames(r);
  return status;
}

static inline cm_status tell_ahead(cm_response *r, size_t most, cm_delivery *delivery) {
  cm_delivery next = cm_ahead_next(&r->ahead, &r->message, most);

  *delivery = next;
  r->delivery = next;
  r->raw = UNTOLD;
  r->queue.borrowed = r->pending = 1;
  return CM_OK;
}

/* Between frames, which are deltas nearly always. CM_END: what is next is none, or cut. */
static cm_status next_between_frames(cm_response *r) {
  cm_response_begin_next(r);
  if (cm_queue_length(&r->queue) == 0) return r->finished ? CM_END : CM_WANT_MORE;
  return read_queue_ahead(r) ? CM_OK : CM_END;
}

static cm_status next_joined(cm_response *r, size_t most, cm_delivery *delivery) {
  cm_status status;

  if (r->form == CM_FORM_BYTES)
    return r->finished ? CM_END : CM_WANT_MORE; /* next_bytes reads it */
  if (!r->pending) {
    status = r->steady ? next_between_frames(r) : CM_END;
    if (status == CM_OK) return tell_ahead(r, most, delivery);
    if (status == CM_END) status = next_delivery(r);
    if (status != CM_OK) return status;
    r->queue.borrowed = r->pending = 1;
  }
  *delivery = r->delivery;
  return CM_OK;
}

cm_status cm_response_next_joined(cm_response *r, size_t most, cm_delivery *delivery) {
  if (!r->pending && r->ahead.left > 0) return tell_ahead(r, most, delivery);
  return next_joined(r, most, delivery);
}

cm_status cm_response_next(cm_response *r, cm_delivery *delivery) {
  if (!r->pending && r->ahead.left > 0) return tell_ahead(r, 0, delivery);
  return next_joined(r, 0, delivery);
}

cm_status cm_response_go_on_joined(cm_response *r, size_t most, cm_delivery *delivery) {
  cm_delivery next;
  cm_status status;

  if (!r->pending && r->ahead.left > 0 &&
      !cm_response_goes_on(delivery, r->ahead.kind, r->ahead.block->index))
    return CM_WANT_MORE;
  r->piece_begun = delivery;
  status = cm_response_next_joined(r, most, &next);
  r->piece_begun = NULL;
  if (status != CM_OK) return status;
  if (next.kind != delivery->kind || next.index != delivery->index) return CM_WANT_MORE;
  *delivery = next;
  return CM_OK;
}

void cm_response_taken(cm_response *response) {
  response->pending = 0;
}

cm_status cm_response_frame(cm_response *r, cm_slice *frame) {
  cm_status status = CM_OK;

  if (!r->raw.ptr && r->ahead.block) {
    cm_buffer_clear(&r->held);
    status = cm_ahead_tell_event(&r->ahead, &r->delivery, &r->held);
    r->raw = cm_slice_in(&r->held);
  }
  *frame = r->raw;
  return status;
}

const cm_delivery *cm_response_plain_delta(const cm_response *response) {
  return response->raw.ptr ? NULL : &response->delivery;
}

int cm_response_block_is_silent(cm_response *response, int64_t index) {
  const cm_block *block = cm_blocks_find(&response->message.blocks, index);

  return block && cm_block_is_silent(block);
}
