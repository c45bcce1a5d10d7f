/*
** process.h - what a library must know about the process it lives in.
*/
#ifndef CM_OS_PROCESS_H
#define CM_OS_PROCESS_H

/* Costs no system call: it is asked for with every event. */
long cm_process_id(void);

#endif
