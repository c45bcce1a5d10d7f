/*
** cut.h - cuts the texts out of a stream of event_stream.c as JSON spells them.
**
** The least that hands out each delta's bytes: it knows where the text of such a frame begins and
** looks for the frame's end. It decodes nothing and checks nothing, and of other streams it would
** make nonsense.
*/
#ifndef BENCH_CUT_H
#define BENCH_CUT_H
#include <stddef.h>

enum { CUT_REST = 2048 }; /* a frame has fewer bytes */

typedef enum cut_kind { CUT_THINKING, CUT_TEXT, CUT_INPUT, CUT_SIGNATURE, CUT_KINDS } cut_kind;

typedef struct cut_text {
  cut_kind kind;
  const char *bytes;
  size_t len;
} cut_text;

/* Of one stream. Set to zero first; all fields are private to cut.c. */
typedef struct cutter {
  const char *at, *end;
  char *rest; /* the beginning of a frame whose end has not come; NULL until there is one */
  size_t rest_len;
} cutter;

/* Takes the stream's next bytes, which are borrowed until cut_next has nothing more in them. */
void cut_begin(cutter *c, const char *bytes, size_t len);

/* Returns 0 where no text is left in them. A text is borrowed until the next call. */
int cut_next(cutter *c, cut_text *text);

void cut_drop(cutter *c);

#endif
