/*
** transcript.h - the turns of a conversation as the exact bytes that go back.
**
** Way out:  message, request.lua -> [transcript] -> body -> net/transfer -> socket
**
** The first messages of a list (message_list.h) that others may share. Nothing in it
** changes once it is there; only whole messages leave, from the end. A fork goes on
** with the same list, until one of the two adds what the other does not; a rendered body
** shares the bytes. Knows that each is a message, and which side spoke; nothing else of
** what the bytes mean.
*/
#ifndef CM_TRANSCRIPT_H
#define CM_TRANSCRIPT_H

#include "core/base.h"
#include "core/body.h"
#include "core/message_list.h"

/*
** Whether the text is one message object: strict JSON with a role of the three,
** content that is text or a list, and no half of a surrogate pair. CM_OK: *role is
** filled in. Otherwise the reader's status or CM_ERR_PROTOCOL, and *failure says
** where and what.
*/
cm_status cm_transcript_check(cm_slice message, cm_role *role, cm_failure *failure);

/*
** The value of a message's content as it stands in its bytes: borrowed from message,
** which cm_transcript_check has accepted. Empty when it has not.
*/
cm_slice cm_transcript_content(cm_slice message);

/* Embed by value; all fields are private to transcript.c. */
typedef struct cm_transcript {
  const cm_alloc *alloc;
  cm_message_list *list; /* one reference; NULL while it is empty. May hold more than count */
  size_t count;
  size_t bytes; /* of its messages together */
} cm_transcript;

/* Cannot fail; allocates nothing. */
void cm_transcript_init(cm_transcript *transcript, const cm_alloc *alloc);
void cm_transcript_deinit(cm_transcript *transcript);

/*
** Adds a copy of one message object at the end. The first one behind a fork may take as long as
** there are messages. CM_ERR_NOMEM or CM_ERR_LIMIT (more bytes than size_t counts): nothing
** changed.
*/
cm_status cm_transcript_append(cm_transcript *transcript, cm_role role, cm_slice message);

/* The same with a message that a segment holds behind a comma, and nothing else: a large one stays
   where it is, and the segment gets a reference more. */
cm_status cm_transcript_adopt(cm_transcript *transcript, cm_role role, cm_segment *segment);

/* Removes messages from the end until count are left; no-op when fewer are there. */
void cm_transcript_truncate(cm_transcript *transcript, size_t count);

/* Makes *fork (not initialised before) an independent transcript of the same messages. Takes no
   memory, and the same time however many there are. */
void cm_transcript_fork(const cm_transcript *transcript, cm_transcript *fork);

/* How many messages, from the first on, are the same in both. Costs as much as there are
   messages; bytes are only compared where they are not shared. */
size_t cm_transcript_shared(const cm_transcript *transcript, const cm_transcript *other);

size_t cm_transcript_count(const cm_transcript *transcript);
size_t cm_transcript_bytes(const cm_transcript *transcript);

/* In how many pieces they lie, about: a list that is shared may have more. */
size_t cm_transcript_runs(const cm_transcript *transcript);

/* The message at index (0-based, below count): borrowed until it leaves the transcript. */
cm_slice cm_transcript_get(const cm_transcript *transcript, size_t index);
cm_role cm_transcript_role(const cm_transcript *transcript, size_t index);

/*
** Adds the messages to the body, separated by commas, by reference, in as many pieces as
** there are runs of them. On failure the body may hold a part of them and must be released.
*/
cm_status cm_transcript_render(const cm_transcript *transcript, cm_body *body);

/* A cache breakpoint for one rendering: numbers from 0, and the JSON of its value. */
typedef struct cm_transcript_mark {
  size_t message;
  size_t block;
  cm_slice control; /* copied into the body */
} cm_transcript_mark;

/*
** The same with breakpoints put in between, which the transcript does not keep: at most
** one for each message, in the order of the messages. CM_ERR_PROTOCOL: a mark names a
** message or a block that is not there.
*/
cm_status cm_transcript_render_marked(const cm_transcript *transcript,
                                      const cm_transcript_mark *marks, size_t count, cm_body *body);

#endif
