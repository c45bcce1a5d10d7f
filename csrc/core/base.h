/*
** base.h - the vocabulary every core module shares: status codes, byte slices,
** the allocator, the description of a failure. Includes nothing of ours.
*/
#ifndef CM_BASE_H
#define CM_BASE_H

#include <stddef.h>

/* Zero is success, positive means "call again", negative means "this object is finished". */
typedef enum cm_status {
  CM_OK = 0,
  CM_WANT_MORE = 1, /* needs bytes that have not arrived yet */
  CM_END = 2,       /* nothing more will come; all is well */
  CM_ERR_NOMEM = -1,
  CM_ERR_LIMIT = -2,      /* peer exceeded a size or depth the caller set */
  CM_ERR_SYNTAX = -3,     /* bytes are not what the format allows */
  CM_ERR_UTF8 = -4,       /* bytes are not UTF-8 */
  CM_ERR_PROTOCOL = -5,   /* well-formed bytes in an order or shape the API does not send */
  CM_ERR_API = -6,        /* the API reported an error */
  CM_ERR_INCOMPLETE = -7, /* the stream ended before the message did */
  CM_ERR_TRANSPORT = -8,  /* the connection failed; the text is the transport's */
  CM_ERR_READ = -9        /* bytes of ours could not be read: a file that is sent */
} cm_status;

/* Borrowed bytes. Never owns, never NUL-terminated. */
typedef struct cm_slice {
  const char *ptr;
  size_t len;
} cm_slice;

/* What went wrong: kept by the objects that own a conversation with the outside. */
typedef struct cm_failure {
  cm_status status; /* CM_OK while nothing has failed */
  size_t offset;    /* byte offset in the input where it was noticed */
  char text[160];   /* constant words, NUL-terminated */
} cm_failure;

/* Same shape as lua_Alloc, so a host's allocator can be passed straight in. */
typedef struct cm_alloc {
  void *(*resize)(void *ud, void *ptr, size_t old_size, size_t new_size);
  void *ud;
} cm_alloc;

extern const cm_alloc cm_libc_alloc;

/* Copies what fits of a NUL-terminated text, up to the end of a character. */
void cm_failure_say(cm_failure *failure, const char *text);

#endif
