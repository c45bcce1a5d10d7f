/*
** clock.h - a clock that only goes forward.
*/
#ifndef CM_OS_CLOCK_H
#define CM_OS_CLOCK_H

/* Seconds since some moment in the past; never jumps with the time of day. */
double cm_clock_now(void);

/* Rounded up; 0: it has come. The time is no more than the largest int away. */
int cm_clock_milliseconds_until(double at);

/* Lets so many milliseconds pass, fewer if a signal comes. */
void cm_clock_sleep(long milliseconds);

#endif
