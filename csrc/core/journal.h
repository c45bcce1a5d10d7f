/*
** journal.h - the form of a journal: a file of records that grows at its end and can be
** read after a crash at any moment.
**
** Way out:  conversation -> records -> [journal] -> storage (a file, memory, the user's own)
**
** Version 1. The file begins with a line that people can read,
**
**   lua-claude journal 1 0123456789abcdef\n        (the digits are the salt)
**
** and goes on with records, one behind the other. Numbers are little-endian:
**
**   offset size
**        0    4  FA 'j' 'r' '\n'; no UTF-8 text holds the first of them
**        4    4  length of the payload
**        8    8  synced: so many bytes of the file were known to be on the disk when the
**                record was written
**       16    8  salt of the file
**       24    4  kind: what the payload is, for whoever wrote it
**       28    4  before: the first bytes of the check of the record before; zero in the first
**       32   16  check: the first bytes of SHA-256 over the record's offset in the file (8
**                bytes), what stands before, and the payload
**       48       the payload
**
** A record is taken only where it was written: one that was copied, or that a file system
** left over from another file, has another offset or another salt. And it is taken only
** behind the record that it was written behind: one that stood behind a torn record, and was
** cut off with it, may be on the disk again after another crash.
**
** What has no valid record where one should begin is either torn or damaged. Torn: the
** system went down while it was written; nobody has relied on it, and it is cut off.
** Damaged: it was whole once, which a later record says by its `synced`: nothing may be cut,
** for what follows is good. The bytes that were written since the last sync may be on the
** disk in any order, with holes: a good record behind a bad one is no proof by itself.
**
** A file without the name of a journal is none, and nothing may be cut from it; but for one
** that is empty, or holds zeros, or a beginning of the name and zeros. (So a file may be
** refused whose first sector alone was lost before anything was synced: there is nothing in it.)
**
** Allocates nothing; knows neither files nor what payloads mean.
*/
#ifndef CM_JOURNAL_H
#define CM_JOURNAL_H

#include <stdint.h>

#include "core/base.h"

enum {
  CM_JOURNAL_SALT = 8,   /* bytes */
  CM_JOURNAL_FIRST = 38, /* of the first line */
  CM_JOURNAL_HEAD = 48   /* of a record, before its payload */
};

/* The longest payload. */
#define CM_JOURNAL_LONGEST ((size_t)1 << 30)

typedef struct cm_journal_record {
  uint64_t offset; /* of its head in the file */
  uint64_t synced;
  uint32_t kind;
  uint32_t before;  /* what cm_journal_mark says of the record before; 0: it is the first */
  cm_slice payload; /* borrowed */
} cm_journal_record;

/* Writes the first line of a file. */
void cm_journal_write_first(const unsigned char salt[CM_JOURNAL_SALT], char out[CM_JOURNAL_FIRST]);

/* Writes the head of a record; the payload, of at most CM_JOURNAL_LONGEST, follows it. */
void cm_journal_write_head(const cm_journal_record *record,
                           const unsigned char salt[CM_JOURNAL_SALT], char out[CM_JOURNAL_HEAD]);

/* What the record behind says as its `before`. */
uint32_t cm_journal_mark(const char head[CM_JOURNAL_HEAD]);

/* Embed by value. `kept`, `mark` and `salt` may be read; the rest is private to journal.c. */
typedef struct cm_journal_reader {
  cm_slice file; /* borrowed: all bytes of it */
  size_t kept;   /* where what is good ends: an appended record belongs there */
  uint32_t mark; /* of the last record; 0: there is none */
  unsigned char salt[CM_JOURNAL_SALT];
} cm_journal_reader;

/*
** Begins to read a file, which must stay as it is meanwhile:
**
**   CM_OK              the records come by cm_journal_next
**   CM_END             there is nothing yet
**   CM_ERR_INCOMPLETE  torn in its first line: there is nothing to be kept
**   CM_ERR_SYNTAX      the first line is damaged
**   CM_ERR_PROTOCOL    no journal, or one of a version that this library does not know
**
** In the last two cases *failure says where and what.
*/
cm_status cm_journal_open(cm_journal_reader *reader, cm_slice file, cm_failure *failure);

/*
** The next record:
**
**   CM_OK              *record is filled in, kept stands behind it
**   CM_END             that was all
**   CM_ERR_INCOMPLETE  what follows at kept is torn
**   CM_ERR_SYNTAX      what follows at kept is damaged; *failure says where and what
*/
cm_status cm_journal_next(cm_journal_reader *reader, cm_journal_record *record,
                          cm_failure *failure);

#endif
