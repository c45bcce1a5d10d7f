/*
** process.h - what a library must know about the process it lives in.
*/
#ifndef CM_OS_PROCESS_H
#define CM_OS_PROCESS_H

/* Costs no system call: it is asked for with every event. */
long cm_process_id(void);

/*
** Keeps the shared object that holds the function mapped until the process ends:
** a resolver thread of libcurl may outlive the Lua state that loaded the module.
** Fails silently where the loader cannot (a static build needs nothing).
*/
void cm_process_pin_module(void (*function)(void));

#endif
