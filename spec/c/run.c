/*
** run.c - runs every C test and prints the counts.
*/
#include "check.h"

int check_passed, check_failed;

int main(void) {
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed != 0;
}
