#include "core/json_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond this many significant digits only "is there another one" can matter. */
enum { MOST_DIGITS = 800, MOST_EXPONENT = 5000, MOST_PRECISION = 17 };

static const double first_inexact = 9007199254740992.0; /* 2^53 */

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

int cm_json_number_is_integer(cm_slice digits) {
  size_t i;

  for (i = 0; i < digits.len; i++)
    if (!is_digit(digits.ptr[i]) && digits.ptr[i] != '-') return 0;
  return 1;
}

int cm_json_number_to_int64(cm_slice digits, int64_t *value) {
  int negative = digits.len > 0 && digits.ptr[0] == '-';
  uint64_t limit = (uint64_t)INT64_MAX + (unsigned)negative, sum = 0;
  unsigned digit;
  size_t i;

  if (digits.len == (size_t)negative) return 0;
  for (i = (size_t)negative; i < digits.len; i++) {
    if (!is_digit(digits.ptr[i])) return 0;
    digit = (unsigned)(digits.ptr[i] - '0');
    if (sum > (limit - digit) / 10) return 0;
    sum = sum * 10 + digit;
  }
  *value = negative && sum ? -(int64_t)(sum - 1) - 1 : (int64_t)sum;
  return 1;
}

/* A number taken apart: DIGITS × 10^exponent. */
typedef struct decimal {
  char digits[MOST_DIGITS + 1];
  size_t count;
  int64_t exponent;
} decimal;

static void take_digit(decimal *number, char digit) {
  if (number->count == 0 && digit == '0') return;
  if (number->count < MOST_DIGITS) {
    number->digits[number->count++] = digit;
  } else {
    number->exponent++;
    if (digit != '0') number->digits[MOST_DIGITS] = '1'; /* it is not exactly a half */
  }
}

static int64_t read_exponent(const char *pos, const char *end) {
  int negative = *pos == '-';
  int64_t sum = 0;

  if (*pos == '-' || *pos == '+') pos++;
  for (; pos < end; pos++)
    if (sum < INT64_MAX / 100) sum = sum * 10 + (*pos - '0');
  return negative ? -sum : sum;
}

static void take_apart(decimal *number, cm_slice text) {
  const char *pos = text.ptr, *end = text.ptr + text.len;
  int in_fraction = 0;

  number->count = 0;
  number->exponent = 0;
  number->digits[MOST_DIGITS] = '0';
  for (; pos < end && *pos != 'e' && *pos != 'E'; pos++) {
    if (*pos == '.') in_fraction = 1;
    if (!is_digit(*pos)) continue;
    if (in_fraction) number->exponent--;
    take_digit(number, *pos);
  }
  if (pos < end) number->exponent += read_exponent(pos + 1, end);
}

/*
** strtod reads the decimal point of the locale, so it gets a number without one:
** all digits as an integer and the exponent moved accordingly.
*/
static double nearest(const decimal *number) {
  char text[MOST_DIGITS + 32];
  size_t length = number->count;

  int64_t exponent = number->exponent;

  if (length == 0) return 0;
  memcpy(text, number->digits, length);
  if (length == MOST_DIGITS) {
    text[length++] = number->digits[MOST_DIGITS];
    exponent--;
  }
  if (exponent > MOST_EXPONENT) exponent = MOST_EXPONENT;
  if (exponent < -MOST_EXPONENT) exponent = -MOST_EXPONENT;
  snprintf(text + length, sizeof text - length, "e%d", (int)exponent);
  return strtod(text, NULL);
}

double cm_json_number_to_double(cm_slice digits) {
  static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
  decimal number;
  double value = 0;
  size_t i;

  take_apart(&number, digits);
  /* Both factors are exact doubles, so one operation rounds correctly. */
  if (number.count <= 15 && number.exponent >= -22 && number.exponent <= 22) {
    for (i = 0; i < number.count; i++) value = value * 10 + (number.digits[i] - '0');
    if (number.exponent < 0)
      value /= tens[-number.exponent];
    else
      value *= tens[number.exponent];
  } else {
    value = nearest(&number);
  }
  return digits.ptr[0] == '-' ? -value : value;
}

size_t cm_json_number_from_int64(char out[CM_JSON_NUMBER_SIZE], int64_t value) {
  return (size_t)snprintf(out, CM_JSON_NUMBER_SIZE, "%lld", (long long)value);
}

/* Rounds value to precision digits. printf's decimal point, whatever it is, is left out. */
static void round_to(decimal *number, double value, int precision) {
  char text[64];
  const char *pos = text;

  snprintf(text, sizeof text, "%.*e", precision - 1, value);
  number->count = 0;
  for (; *pos != 'e'; pos++)
    if (is_digit(*pos)) number->digits[number->count++] = *pos;
  number->exponent = strtol(pos + 1, NULL, 10) - (precision - 1);
}

/* The decimal one step up in its last digit, if that digit is not a 9. */
static int step_up(decimal *number) {
  char *last = number->digits + number->count - 1;

  if (*last == '9') return 0;
  ++*last;
  return 1;
}

/*
** The fewest digits that read back. Up to 15 digits survive a trip through any
** normal double, so for those the search begins there. Just above a power of two
** doubles lie wider apart than below: there a decimal that is not the nearest one
** may still be the shortest.
*/
static void shorten(decimal *number, double value) {
  int precision = value < 2.2250738585072014e-308 ? 1 : 15;

  for (; precision < MOST_PRECISION; precision++) {
    round_to(number, value, precision);
    if (nearest(number) == value) return;
    if (step_up(number) && nearest(number) == value) return;
  }
  round_to(number, value, MOST_PRECISION);
}

static void drop_trailing_zeros(decimal *number) {
  while (number->count > 1 && number->digits[number->count - 1] == '0') {
    number->count--;
    number->exponent++;
  }
}

/* DIGITS × 10^exponent as plain decimals where that is short, else with an exponent. */
static size_t lay_out(char *out, const decimal *number) {
  int count = (int)number->count, exponent = (int)number->exponent;
  int point = count + exponent; /* digits before the decimal point */
  const char *digits = number->digits;

  if (exponent < 0 && point > 0)
    return (size_t)sprintf(out, "%.*s.%.*s", point, digits, count - point, digits + point);
  if (exponent < 0 && point > -6)
    return (size_t)sprintf(out, "0.%.*s%.*s", -point, "00000", count, digits);
  if (count == 1) return (size_t)sprintf(out, "%ce%d", digits[0], exponent);
  return (size_t)sprintf(out, "%c.%.*se%d", digits[0], count - 1, digits + 1, point - 1);
}

size_t cm_json_number_from_double(char out[CM_JSON_NUMBER_SIZE], double value) {
  decimal number;
  double size = fabs(value);

  if (!isfinite(value)) return 0;
  if (value == 0 && signbit(value)) {
    memcpy(out, "-0.0", 4);
    return 4;
  }
  if (size < first_inexact && (double)(int64_t)size == size)
    return cm_json_number_from_int64(out, (int64_t)value);
  shorten(&number, size);
  drop_trailing_zeros(&number);
  if (value < 0) *out = '-';
  return (value < 0) + lay_out(out + (value < 0), &number);
}
