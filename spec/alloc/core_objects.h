/*
** core_objects.h - the objects of csrc/core (and of csrc/net what needs no libcurl) while
** memory fails: each scenario again and again with its first, second, third … allocation
** refused, that one alone and then that one and all behind it.
*/
#ifndef CM_ALLOC_CORE_OBJECTS_H
#define CM_ALLOC_CORE_OBJECTS_H

typedef struct core_figures {
  long scenarios;
  long refused;      /* allocations */
  long failed;       /* runs that ended otherwise than they may; told on stderr */
  long leaked_bytes; /* of all runs together */
} core_figures;

void core_objects_run(core_figures *figures);

#endif
