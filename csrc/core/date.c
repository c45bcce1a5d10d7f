#include "core/date.h"

/* What is left to be read. */
typedef struct rest {
  const char *at, *end;
} rest;

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Exactly so many digits; -1 where they are not there. */
static long take_digits(rest *r, int count) {
  long number = 0;

  if (r->end - r->at < count) return -1;
  for (; count > 0; count--) {
    if (!is_digit(*r->at)) return -1;
    number = number * 10 + (*r->at++ - '0');
  }
  return number;
}

static int take_one_of(rest *r, const char *chars) {
  for (; r->at < r->end && *chars; chars++) {
    if (*r->at != *chars) continue;
    r->at++;
    return 1;
  }
  return 0;
}

/* Days since 1970 by the civil calendar, years counted from March. */
static long days_of(long year, long month, long day) {
  long era, year_of_era, day_of_year;

  if (month <= 2) year--;
  era = (year >= 0 ? year : year - 399) / 400;
  year_of_era = year - era * 400;
  day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

static int read_day(rest *r, double *seconds) {
  long year = take_digits(r, 4), month, day;

  if (year < 0 || !take_one_of(r, "-")) return 0;
  month = take_digits(r, 2);
  if (month < 1 || month > 12 || !take_one_of(r, "-")) return 0;
  day = take_digits(r, 2);
  *seconds = (double)days_of(year, month, day) * 86400;
  return day >= 0 && take_one_of(r, "Tt ");
}

static double read_fraction(rest *r) {
  double fraction = 0, unit = 1;

  if (!take_one_of(r, ".")) return 0;
  for (; r->at < r->end && is_digit(*r->at); r->at++) {
    unit /= 10;
    fraction += unit * (*r->at - '0');
  }
  return fraction;
}

static int read_clock(rest *r, double *seconds) {
  long hour = take_digits(r, 2), minute, second;

  if (hour < 0 || !take_one_of(r, ":")) return 0;
  minute = take_digits(r, 2);
  if (minute < 0 || !take_one_of(r, ":")) return 0;
  second = take_digits(r, 2);
  if (second < 0) return 0;
  *seconds += (double)((hour * 60 + minute) * 60 + second) + read_fraction(r);
  return 1;
}

static int read_zone(rest *r, double *seconds) {
  int is_east = r->at < r->end && *r->at == '+';
  long hours, minutes;

  if (take_one_of(r, "Zz")) return 1;
  if (!take_one_of(r, "+-")) return 0;
  hours = take_digits(r, 2);
  if (hours < 0 || !take_one_of(r, ":")) return 0;
  minutes = take_digits(r, 2);
  if (minutes < 0) return 0;
  *seconds += (double)((hours * 60 + minutes) * 60) * (is_east ? -1 : 1);
  return 1;
}

int cm_date_read(cm_slice text, double *seconds) {
  rest r;
  double found = 0;

  r.at = text.ptr;
  r.end = text.ptr + text.len;
  if (!read_day(&r, &found) || !read_clock(&r, &found) || !read_zone(&r, &found)) return 0;
  if (r.at != r.end) return 0;
  *seconds = found;
  return 1;
}
