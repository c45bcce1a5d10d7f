/*
** pin.h - keeps this library where it is in memory.
*/
#ifndef CM_OS_PIN_H
#define CM_OS_PIN_H

/*
** Keeps the shared object that holds the function mapped until the process ends: a resolver
** thread of libcurl may outlive the Lua state that loaded the module, and LuaJIT unloads modules
** before it runs the last finalizers. Fails silently where the loader cannot (a static build
** needs nothing).
*/
void cm_pin_module(void (*function)(void));

#endif
