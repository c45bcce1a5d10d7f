/*
** json_number.h - JSON numbers to C and back, whatever the locale.
*/
#ifndef CM_JSON_NUMBER_H
#define CM_JSON_NUMBER_H

#include <stdint.h>

#include "core/base.h"

enum { CM_JSON_NUMBER_SIZE = 32 }; /* room for any number written here */

/* Whether digits, a valid JSON number, is written as an integer: no point, no exponent. */
int cm_json_number_is_integer(cm_slice digits);

/* Returns 1 and sets *value if digits is written as an integer and fits. */
int cm_json_number_to_int64(cm_slice digits, int64_t *value);

/* The nearest double of a valid JSON number; beyond the largest, infinity. */
double cm_json_number_to_double(cm_slice digits);

/* Write into out and return the length. Both read back as exactly the same value. */
size_t cm_json_number_from_int64(char out[CM_JSON_NUMBER_SIZE], int64_t value);

/*
** The shortest text that reads back as value: whole numbers below 2^53 without
** point and exponent, larger ones with an exponent, -0 as -0.0. Returns 0 for what
** JSON cannot say: infinities and NaN.
*/
size_t cm_json_number_from_double(char out[CM_JSON_NUMBER_SIZE], double value);

#endif
