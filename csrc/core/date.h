/*
** date.h - points in time as RFC 3339 writes them. Knows no clock.
*/
#ifndef CM_DATE_H
#define CM_DATE_H

#include "core/base.h"

/*
** Seconds since 1970 of a text such as "2026-11-26T08:49:37Z" or
** "2026-11-26T08:49:37.5+01:00"; 0, and *seconds untouched, where it is none.
*/
int cm_date_read(cm_slice text, double *seconds);

#endif
