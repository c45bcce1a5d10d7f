/*
** resident.h - how much memory this process holds, as memory.lua has it.
*/
#ifndef BENCH_RESIDENT_H
#define BENCH_RESIDENT_H

/* Kilobytes: "VmRSS:", what is held, or "VmHWM:", the most that was. */
long resident_kilobytes(const char *key);

#endif
