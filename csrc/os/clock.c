#include "os/clock.h"

#include <time.h>

double cm_clock_now(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int cm_clock_milliseconds_until(double at) {
  double left = (at - cm_clock_now()) * 1000;

  return left <= 0 ? 0 : (int)left + 1;
}

void cm_clock_sleep(long milliseconds) {
  struct timespec time;

  time.tv_sec = milliseconds / 1000;
  time.tv_nsec = milliseconds % 1000 * 1000000;
  nanosleep(&time, NULL);
}
